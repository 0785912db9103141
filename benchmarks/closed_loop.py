"""Speed of the closed loop against other ways to close it: `python benchmarks/closed_loop.py`.

Every way is a process of its own that waits while another one runs (`interleaved`). Times are
processor time (see `pacing`), except for the start of a run, which is shown in both. Tables go to
standard output, progress to standard error.
"""

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path

from engine_alone import engine_alone, engine_table
from interleaved import Row, Ways, measure
from pacing import Worker
from report import machine, markdown, say, spread
from starts import start_table, start_times

SKIPPABLE = ("cython", "standalone", "windows", "annarchy", "nest", "engine", "start", "memory")
PARTS = ("cartpole", "windows", "engine", "start", "memory")


def cartpole(budget: int, repeats: int, skip: set[str]) -> list[Row]:
    """CartPole in the loop, and the same network alone in Brian2's own C++ program."""
    target = "numpy" if "cython" in skip else "cython"
    runtime = "runtime" if target == "cython" else "runtime-numpy"
    windows = str(20 * budget)
    ours, alone = "closed loop, compiled", "CartPole-v1 alone"
    recorded = "closed loop, compiled, every episode recorded"
    ways: Ways = {
        ours: (partial(Worker, "our_loop.py", "cartpole", "compiled"), 20 * budget),
        recorded: (partial(Worker, "our_loop.py", "cartpole", "compiled", "recorded"), 20 * budget),
        f"closed loop, {runtime}": (partial(Worker, "our_loop.py", "cartpole", runtime), budget),
        f"one run, network_operation ({target})": (
            partial(Worker, "brian2_loop.py", "operation", target), budget),
        f"net.run per decision ({target})": (
            partial(Worker, "brian2_loop.py", "run", target), max(1, budget // 20)),
        alone: (partial(Worker, "our_loop.py", "environment"), 20 * budget),
    }  # fmt: skip
    if "standalone" not in skip:
        for kind in ("plain", "blueprint"):
            ways[f"C++ standalone, {kind}, open loop"] = (
                partial(Worker, "brian2_loop.py", "standalone", kind, windows), 1
            )  # fmt: skip
    rows = measure(ways, ours, repeats)
    rows[recorded].bar = "<= 1.2"
    rows[f"one run, network_operation ({target})"].bar = ">= 40"
    rows[f"net.run per decision ({target})"].bar = ">= 500"
    if "standalone" not in skip:
        rows["sum"] = _against_standalone(rows, ours, alone)
    return list(rows.values())


def _against_standalone(rows: dict[str, Row], ours: str, alone: str) -> Row:
    """Our closed loop / (standalone + environment): what closing the loop costs."""
    plain = rows["C++ standalone, plain, open loop"]
    total = Row("standalone plain + CartPole alone")
    for k, (open_loop, environment) in enumerate(zip(plain.cpu_s, rows[alone].cpu_s, strict=True)):
        total.cpu_s.append(open_loop + environment)
        compiled = open_loop / plain.ratios[k]  # the compiled time measured beside it
        total.ratios.append(compiled / (open_loop + environment))
    total.bar = "<= 1.5 (ours / theirs)"
    return total


def windows(window_ms: int, options: argparse.Namespace) -> list[Row]:
    """40 Poisson -> 20 LIF, 800 synapses: rates and reward in, counts out."""
    ours, count = f"{window_ms} ms windows, compiled", 40 * options.budget
    length = str(window_ms)
    ways: Ways = {ours: (partial(Worker, "our_loop.py", "windows", "compiled", length), count)}
    bars = {}
    for name, python, script, share in (
        ("ANNarchy 5", options.annarchy_python, "annarchy_loop.py", 4),
        ("NEST 3", options.nest_python, "nest_loop.py", 40),
    ):
        key = name.split()[0].lower()
        if key in options.skip or not python:
            say(f"{name}: skipped (--{key}-python PATH or {key.upper()}_PYTHON runs it)")
            continue
        label = f"{window_ms} ms windows, {name}"
        ways[label] = (
            partial(Worker, script, length, python=python), max(1, count // share),
        )  # fmt: skip
        bars[label] = ">= 3" if key == "annarchy" else ""
    if len(ways) == 1:
        return []
    rows = measure(ways, ours, options.repeats)
    for label, bar in bars.items():
        rows[label].bar = bar
    return list(rows.values())


def memory(budget: int) -> dict:
    """Resident memory before and after many decisions (1e5 at the default budget)."""
    say("memory")
    worker, decisions = Worker("our_loop.py", "cartpole", "compiled"), 1000 * budget
    try:
        worker.measure(max(1, decisions // 50))
        before = worker.resident_mb()
        worker.measure(decisions)
        return {"decisions": decisions, "before_mb": before, "after_mb": worker.resident_mb()}
    finally:
        worker.close()


def table(rows: list[dict], unit: str) -> str:
    """Return rows as a Markdown table; `unit` is what a decision is called."""
    head = ["way", f"{unit} per second of processor time", "time relative to ours", "bar", ""]
    return markdown(head, [
        [row["name"], spread([1 / t for t in row["cpu_s"] if t > 0]), spread(row["ratios"]),
         row["bar"], row["verdict"]]
        for row in rows
    ])  # fmt: skip


def tables(found: dict) -> dict[str, str]:
    """Return what was found as text, part by part; parts that were left out are missing."""
    text = {}
    for part, unit in (("cartpole", "decisions"), ("windows", "windows")):
        if found.get(part):
            text[part] = table(found[part], unit)
    if "engine" in found:
        text["engine"] = engine_table(found["engine"])
    if "start" in found:
        text["start"] = start_table(found["start"])
    if "memory" in found:
        line = (
            "Resident memory of the closed loop: {before_mb:.1f} MB before and {after_mb:.1f} MB "
            "after {decisions} decisions."
        )
        text["memory"] = line.format(**found["memory"])
    return text


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    parser.add_argument("--budget", type=int, default=100, help="1: seconds; 100: minutes")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--skip", nargs="*", default=[], choices=SKIPPABLE)
    parser.add_argument("--only", nargs="*", choices=PARTS)
    for name in ("annarchy", "nest"):
        parser.add_argument(
            f"--{name}-python", default=os.environ.get(f"{name.upper()}_PYTHON"),
            help=f"Python that has {name} (default: ${name.upper()}_PYTHON)",
        )  # fmt: skip
    options = parser.parse_args(arguments)
    options.skip = set(options.skip)
    options.only = set(options.only or PARTS) - options.skip
    return options


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write."""
    options = parse(arguments)
    budget, repeats = options.budget, options.repeats
    found: dict = {"machine": machine(), "budget": budget, "repeats": repeats}
    if "cartpole" in options.only:
        found["cartpole"] = [row.plain() for row in cartpole(budget, repeats, options.skip)]
    if "windows" in options.only:
        found["windows"] = [row.plain() for ms in (10, 50) for row in windows(ms, options)]
    if "engine" in options.only:
        found["engine"] = engine_alone(budget, repeats)
    if "start" in options.only:
        found["start"] = start_times(repeats)
    if "memory" in options.only:
        found["memory"] = memory(budget)
    print(found["machine"])
    print("\n\n".join(tables(found).values()))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
