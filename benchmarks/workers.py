"""Training on several cores: `python benchmarks/workers.py [--workers W ...]`.

The default experiment, 16 replicas, in one process and shared by W of them: the same run. Ways
alternate; each ratio is between neighbours in time. "Decisions" counts from the first to the last
of each process, "command" everything from start to end, for which a short run is mostly start.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pacing import HERE
from report import machine, markdown, say, spread

REPLICAS = 16


def train(workers: int, episodes: int) -> dict[str, float]:
    """Return decisions per second of all processes, and the seconds of the whole command."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        options = {
            "replicas": REPLICAS, "episodes": episodes, "workers": workers, "out": out,
            "reference-episodes": 0, "record-episodes": 0,
        }  # fmt: skip
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        command = [sys.executable, str(HERE.parent / "run.py"), "train", *words]
        start = time.perf_counter()
        subprocess.run([*command, "--quiet", "--no-figures"], check=True, capture_output=True)
        seconds = time.perf_counter() - start
        summary = json.loads((out / "summary.json").read_text())
        return {"decisions_per_s": summary["decisions_per_second"], "command_s": seconds}


def tables(found: dict) -> dict[str, str]:
    """Return rates, times and speed-ups as a Markdown table."""
    one = found["workers"]["1"]
    rows = []
    for workers, runs in found["workers"].items():
        pairs = list(zip(one, runs, strict=True))
        decisions = [b["decisions_per_s"] / a["decisions_per_s"] for a, b in pairs]
        command = [a["command_s"] / b["command_s"] for a, b in pairs]
        rates, seconds = ([run[n] for run in runs] for n in ("decisions_per_s", "command_s"))
        ups = ["-", "-"] if workers == "1" else [spread(decisions), spread(command)]
        rows.append([workers, spread(rates), spread(seconds), *ups])
    head = ["workers", "decisions per second", "command, s", "speed-up of decisions", "of command"]
    return {"speed-up": markdown(head, rows)}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    parser.add_argument("--workers", type=int, nargs="+", default=[2])
    parser.add_argument("--budget", type=int, default=100, help="episodes of each replica")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(arguments)
    ways = [1, *options.workers]
    train(1, 1)  # compiles the network
    runs: dict[str, list[dict[str, float]]] = {str(workers): [] for workers in ways}
    for repeat in range(options.repeats):
        say(f"repeat {repeat + 1} of {options.repeats}")
        for workers in ways:
            runs[str(workers)].append(train(workers, options.budget))
    found = {
        "machine": machine(), "budget": options.budget, "repeats": options.repeats,
        "workers": runs,
    }  # fmt: skip
    print(found["machine"])
    print(tables(found)["speed-up"])
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
