"""One update of every synapse against the time that memory needs to move what it reads and writes.

At 1e6 synapses no state fits the processor's inner caches, so an update cannot be faster than its
bytes at the bandwidth of a plain copy, measured beside it (`copy_loop`).
"""

import json
from dataclasses import asdict

from copy_loop import N_BYTES
from pacing import Worker
from report import markdown, say, spread
from scaling_loop import Setting

from threefactor.rules import RULES
from threefactor.rules.language import parse_equations, parse_statements

SIDE = 1000
#: Name -> setting, and updates of each synapse in one of its decisions.
UPDATES: dict[str, tuple[Setting, int]] = {
    "eprop, each timestep": (Setting(SIDE, SIDE, window_ms=10, rate_hz=0.0, rule="eprop"), 10),
    "rstdp-et, each decision": (Setting(SIDE, SIDE, window_ms=0, rate_hz=0.0), 1),
}


def bytes_moved(name: str) -> int:
    """Return the bytes that one update of one synapse reads and writes, at the least.

    Doubles of the synapse that the rule's strings name: read unless they are computed before, and
    written. Besides, the bounds of the weight, or the neuron's ``sensitivity`` of e-prop, which
    decays in each timestep as well.
    """
    setting, _ = UPDATES[name]
    rule = RULES[setting.rule]
    own = {*parse_equations(rule.equations).units, "w"}
    if rule.each_step:
        return 8 * (_doubles(rule.each_step, own) + 3)
    return 8 * (_doubles(rule.at_decision, own) + _doubles(rule.consolidate, own) + 2)


def _doubles(statements: str, own: set[str]) -> int:
    read: set[str] = set()
    written: set[str] = set()
    for statement in parse_statements(statements):
        target = {statement.target} & own
        before = statement.expression.names & own
        if statement.operator != "=":
            before |= target
        read |= before - written
        written |= target
    return len(read) + len(written)


def memory_limits(budget: int, repeats: int) -> list[dict]:
    """Measure the updates and copies beside them."""
    found = {
        name: {"update": name, "bytes": bytes_moved(name), "ns": [], "copied_ns": []}
        for name in UPDATES
    }
    copying = Worker("copy_loop.py")
    workers = {}
    try:
        for name, (setting, _) in UPDATES.items():
            say(f"building: {name}")
            workers[name] = Worker("scaling_loop.py", json.dumps(asdict(setting)))
        for _ in range(repeats):
            for name, (setting, updates) in UPDATES.items():
                cpu, _ = workers[name].measure(max(1, budget // 2))
                copied, _ = copying.measure(max(1, budget // 20))
                row: dict = found[name]
                row["ns"].append(1e9 * cpu / updates / setting.synapses)
                row["copied_ns"].append(1e9 * copied / (2 * N_BYTES) * row["bytes"])
    finally:
        for worker in (copying, *workers.values()):
            worker.close()
    return list(found.values())


def limit_table(found: list[dict]) -> str:
    """Return the updates as a Markdown table."""
    head = ["update of 1e6 synapses", "bytes per synapse", "ns per synapse",
            "ns to copy these bytes", "of the limit"]  # fmt: skip
    rows = []
    for row in found:
        ratios = [ns / copied for ns, copied in zip(row["ns"], row["copied_ns"], strict=True)]
        rows.append([row["update"], str(row["bytes"]), spread(row["ns"]), spread(row["copied_ns"]),
                     spread(ratios)])  # fmt: skip
    return markdown(head, rows)
