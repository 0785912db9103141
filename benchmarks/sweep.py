"""A sweep on several cores, and what it spends outside training: `python benchmarks/sweep.py`.

Short runs (GridWorld, 60 episodes; a seed each), with one process and with one for each core, in
turn; each ratio is between neighbours in time. Then many of them with one for each core. "Outside
training" is the share of the time of all processes that is not between a run's first and last
decision: loading, building, files. How much slower a run trains beside others is the machine's.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from pacing import HERE
from report import machine, markdown, say, spread, verdict

RUNS, MANY = 60, 200
SPEED_UP, OUTSIDE = ">= 1.9 times one process, of two", "<= 0.1 of the time of all processes"


def sweep(workers: int, runs: int, episodes: int) -> dict[str, float]:
    """Return the seconds of a sweep, and the share of them that was not training."""
    with tempfile.TemporaryDirectory() as folder:
        plan, out = Path(folder) / "plan.yaml", Path(folder) / "out"
        base = {
            "env": "GridWorld-v0", "episodes": episodes, "reference_episodes": 0,
            "record_episodes": 0, "probes": 0,
        }  # fmt: skip
        plan.write_text(json.dumps({"base": base, "seeds": runs, "chunk": 1}))
        command = [sys.executable, str(HERE.parent / "run.py"), "sweep", str(plan)]
        start = time.perf_counter()
        subprocess.run(
            [*command, "--out", str(out), "--workers", str(workers)],
            check=True,
            capture_output=True,
        )
        seconds = time.perf_counter() - start
        training = 0.0
        with (out / "results.csv").open() as file:
            for row in csv.DictReader(file):
                run = out / row["path"]
                summary = json.loads((run / "summary.json").read_text())
                with (run / "episodes.csv").open() as episodes_file:
                    decisions = sum(int(line["length"]) for line in csv.DictReader(episodes_file))
                training += decisions / summary["decisions_per_second"]
    return {"seconds": seconds, "outside": 1 - training / (seconds * workers)}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each sweep that is compared")
    parser.add_argument("--many", type=int, default=MANY, help="of the last one")
    parser.add_argument("--budget", type=int, default=60, help="episodes of each run")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(arguments)
    ways = [1, os.cpu_count() or 1]
    sweep(1, 1, 1)  # compiles the network
    found: dict[int, list[dict[str, float]]] = {workers: [] for workers in ways}
    for repeat in range(options.repeats):
        say(f"repeat {repeat + 1} of {options.repeats}")
        for workers in ways:
            found[workers].append(sweep(workers, options.runs, options.budget))
            say(f"{workers} processes: {found[workers][-1]}")
    many = sweep(ways[-1], options.many, options.budget)
    one, all_cores = (found[workers] for workers in (ways[0], ways[-1]))
    ups = [a["seconds"] / b["seconds"] for a, b in zip(one, all_cores, strict=True)]
    rows = [
        [
            str(workers),
            spread([run["seconds"] for run in runs]),
            spread([r["outside"] for r in runs]),
        ]
        for workers, runs in found.items()
    ]
    print(machine())
    print(markdown(["processes", "seconds", "share outside training"], rows))
    print(f"speed-up of {ways[-1]} processes: {spread(ups)}; {SPEED_UP}: {verdict(SPEED_UP, ups)}")
    alone, beside = (
        median([run["seconds"] * workers * (1 - run["outside"]) for run in found[workers]])
        for workers in (ways[0], ways[-1])
    )
    print(f"training alone, which the machine decides: {ways[-1] * alone / beside:.2f} times")
    print(
        f"{options.many} runs on {ways[-1]} processes: {many['seconds']:.0f} s, outside training "
        f"{many['outside']:.3f}; {OUTSIDE}: {verdict(OUTSIDE, [many['outside']])}"
    )
    if options.json:
        kept = {
            "machine": machine(), "runs": options.runs, "budget": options.budget,
            "many": {"runs": options.many, **many},
            "processes": {str(workers): runs for workers, runs in found.items()},
        }  # fmt: skip
        options.json.write_text(json.dumps(kept, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
