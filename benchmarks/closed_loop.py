"""Speed of the closed loop against other ways to close it: `python benchmarks/closed_loop.py`.

Every way is a process of its own that waits while another one runs; the repeats are interleaved,
and a ratio is taken between neighbours in time. Times are processor time (see `pacing`), except for
the start of a run, which is shown in both. The table goes to standard output, progress to standard
error.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from pacing import HERE, Worker
from report import machine, median, say, spread

SKIPPABLE = ("cython", "standalone", "windows", "annarchy", "nest", "start", "memory")
#: Name -> how its worker is started, and decisions in a repeat.
Ways = dict[str, tuple[Callable[[], Worker], int]]


@dataclass
class Row:
    """One way: processor seconds per decision in each repeat, and our speed relative to it."""

    name: str
    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    bar: str = ""

    @property
    def verdict(self) -> str:
        """Whether the bar, ">= x (aim y)" or "<= x (aim y)", is met."""
        if not self.bar or not self.ratios:
            return ""
        sign, limit, *_ = self.bar.split()
        value = median(self.ratios)
        is_met = value >= float(limit) if sign == ">=" else value <= float(limit)
        return "met" if is_met else "MISSED"


def measure(ways: Ways, base: str, repeats: int, unit: int) -> dict[str, Row]:
    """Run every way `repeats` times, interleaved; `base` runs before each of the others.

    Parameters
    ----------
    ways : name -> (how to start the worker, decisions per repeat)
    unit : int
        Passed on: decisions of `base` per repeat.
    """
    workers: dict[str, Worker] = {}
    rows = {name: Row(name) for name in ways}
    try:
        for name, (start, _) in ways.items():
            say(f"building: {name}")
            workers[name] = start()
        for repeat in range(repeats):
            say(f"repeat {repeat + 1} of {repeats}")
            for name, (_, decisions) in ways.items():
                if name == base:
                    continue
                ours, wall = workers[base].measure(unit)
                rows[base].cpu_s.append(ours)
                rows[base].wall_s.append(wall)
                cpu, wall = workers[name].measure(decisions)
                rows[name].cpu_s.append(cpu)
                rows[name].wall_s.append(wall)
                rows[name].ratios.append(cpu / ours)
    finally:
        for worker in workers.values():
            worker.close()
    return rows


def cartpole(budget: int, repeats: int, skip: set[str]) -> list[Row]:
    """CartPole in the loop, and the same network alone in Brian2's own C++ program."""
    target = "numpy" if "cython" in skip else "cython"
    runtime = "runtime" if target == "cython" else "runtime-numpy"
    windows = str(20 * budget)
    ours, alone = "closed loop, compiled", "CartPole-v1 alone"
    ways: Ways = {
        ours: (partial(Worker, "our_loop.py", "cartpole", "compiled"), 20 * budget),
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
    rows = measure(ways, ours, repeats, 20 * budget)
    rows[f"one run, network_operation ({target})"].bar = ">= 20 (aim 30)"
    rows[f"net.run per decision ({target})"].bar = ">= 500 (aim 1000)"
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
    total.bar = "<= 1.5 (aim 1.2; ours / theirs)"
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
    rows = measure(ways, ours, options.repeats, count)
    for label, bar in bars.items():
        rows[label].bar = bar
    return list(rows.values())


def start_times(repeats: int) -> list[dict]:
    """Seconds from the start of `run.py train` to the end of its first decision, cold and warm."""
    found = []
    with tempfile.TemporaryDirectory(prefix="start-") as name:
        environment = {**os.environ, "THREEFACTOR_CACHE": str(Path(name) / "cache")}
        for attempt in range(repeats + 1):
            say(f"start {attempt + 1} of {repeats + 1}, {'warm' if attempt else 'cold'}")
            began = time.perf_counter()
            done = subprocess.run(
                [sys.executable, str(HERE / "first_decision.py"), str(Path(name) / str(attempt))],
                env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            words = done.stdout.split()
            if done.returncode or len(words) != 2:
                raise RuntimeError(f"first_decision.py failed: {done.stderr.strip()[-300:]}")
            found.append(
                {"kind": "warm" if attempt else "cold", "wall_s": float(words[0]) - began,
                 "cpu_s": float(words[1])}
            )  # fmt: skip
    return found


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


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| way | decisions per second of processor time | relative to ours | bar | |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        speed = spread([1 / t for t in row.cpu_s if t > 0])
        ratio = spread(row.ratios)
        lines.append(f"| {row.name} | {speed} | {ratio} | {row.bar} | {row.verdict} |")
    return "\n".join(lines)


def start_table(starts: list[dict]) -> str:
    """Return the start times as lines."""
    lines = []
    for kind, bar in (("cold", "10 s, aim 5"), ("warm", "4 s, aim 2")):
        chosen = [s for s in starts if s["kind"] == kind]
        wall, cpu = ([s[key] for s in chosen] for key in ("wall_s", "cpu_s"))
        lines.append(
            f"{kind} start to the first decision: {spread(wall)} s wall, {spread(cpu)} s processor "
            f"time (bar {bar})"
        )
    return "\n".join(lines)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    parser.add_argument("--budget", type=int, default=100, help="1: seconds; 100: minutes")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--skip", nargs="*", default=[], choices=SKIPPABLE)
    parser.add_argument("--only", nargs="*", choices=("cartpole", "windows", "start", "memory"))
    for name in ("annarchy", "nest"):
        parser.add_argument(
            f"--{name}-python", default=os.environ.get(f"{name.upper()}_PYTHON"),
            help=f"Python that has {name} (default: ${name.upper()}_PYTHON)",
        )  # fmt: skip
    options = parser.parse_args(arguments)
    options.skip = set(options.skip)
    options.only = set(options.only or ("cartpole", "windows", "start", "memory")) - options.skip
    return options


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write."""
    options = parse(arguments)
    found: dict = {"machine": machine(), "options": {k: str(v) for k, v in vars(options).items()}}
    rows: list[Row] = []
    if "cartpole" in options.only:
        rows += cartpole(options.budget, options.repeats, options.skip)
    if "windows" in options.only:
        for window_ms in (10, 50):
            rows += windows(window_ms, options)
    print(found["machine"])
    if rows:
        print(table(rows))
        found["rows"] = [asdict(row) | {"verdict": row.verdict} for row in rows]
    if "start" in options.only:
        found["start"] = start_times(options.repeats)
        print(start_table(found["start"]))
    if "memory" in options.only:
        found["memory"] = memory(options.budget)
        text = "memory: {before_mb:.1f} MB before, {after_mb:.1f} MB after {decisions} decisions"
        print(text.format(**found["memory"]))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
