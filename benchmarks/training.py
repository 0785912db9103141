"""Speed of training by gradients: forward and backward through 100 timesteps of 18-256-128-4.

python benchmarks/training.py [--batch B ...]

Against the same network written by hand, 25 lines of autograd, and against snnTorch and
SpikingJelly in environments of their own, whose Python SNNTORCH_PYTHON and SPIKINGJELLY_PYTHON
name. One thread; every way is a process that waits while another one runs (`interleaved`).
"""

import argparse
import os
import sys
from functools import partial

from interleaved import Row, Ways, measure
from pacing import Worker
from report import begin, markdown, say, spread, tell

SCRIPT = "training_loop.py"
LIBRARIES = {"snnTorch": "SNNTORCH_PYTHON", "SpikingJelly": "SPIKINGJELLY_PYTHON"}


def update_ways(batch: int, steps: int, budget: int) -> Ways:
    """Return the ways to do an update, ours first."""
    size = str(batch), str(steps)
    count = max(1, budget // 10)
    ways: Ways = {
        "ours": (partial(Worker, SCRIPT, "ours", *size), count),
        "by hand": (partial(Worker, SCRIPT, "hand", *size), count),
    }
    for name, variable in LIBRARIES.items():
        python = os.environ.get(variable, "")
        if python:
            ways[name] = (partial(Worker, SCRIPT, name.lower(), *size, python=python), count)
        else:
            say(f"{name}: skipped ({variable}=PYTHON runs it)")
    return ways


def updates(batch: int, options: argparse.Namespace) -> list[Row]:
    """Measure updates of a batch; ratios are theirs to ours."""
    say(f"batch {batch}")
    rows = measure(update_ways(batch, options.steps, options.budget), "ours", options.repeats)
    rows["by hand"].bar = f">= {1 / 1.3:.3f}"
    for name in LIBRARIES:
        if name in rows:
            rows[name].bar = ">= 1"
    return list(rows.values())


def table(rows: list[Row]) -> str:
    """Return the times of an update and what the others take, relative to ours."""
    lines = [
        [row.name, spread(row.cpu_s, 1e3), spread(row.ratios), row.bar, row.verdict] for row in rows
    ]
    return markdown(["update", "ms", "theirs / ours", "bar", ""], lines)


def tables(found: dict) -> dict[str, str]:
    """Return what was found as text, a table for each size of a batch."""
    text = {}
    for batch, kept in found["updates"].items():
        rows = [Row(**{k: v for k, v in row.items() if k != "verdict"}) for row in kept]
        text[f"batch {batch}"] = table(rows)
    return text


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, nargs="+", default=[32, 256])
    parser.add_argument("--steps", type=int, default=100)
    options, found = begin(parser, arguments)
    if not found:
        return 0
    found |= {"steps": options.steps, "updates": {}}
    for batch in options.batch:
        found["updates"][str(batch)] = [row.plain() for row in updates(batch, options)]
    return tell(found, tables(found), options.json)


if __name__ == "__main__":
    sys.exit(main())
