"""Speed of training by gradients: updates of networks, and steps of agents.

python benchmarks/training.py [--batch B ...]

Forward and backward through 100 timesteps of 18-256-128-4.

Against the same network written by hand, 25 lines of autograd, and against snnTorch and
SpikingJelly in environments of their own, whose Python SNNTORCH_PYTHON and SPIKINGJELLY_PYTHON
name. Then steps of `dqn` and `td3` against those of Stable-Baselines3, whose networks are ordinary
(SB3_PYTHON): what a step takes more must not be more than what the spiking network itself does.

One thread; every way is a process that waits while another one runs (`interleaved`).
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import sys
from functools import partial
from pathlib import Path

from interleaved import Row, Ways, measure
from pacing import Worker
from report import machine, markdown, say, spread

SCRIPT, STEP_SCRIPT = "training_loop.py", "learner_step_loop.py"
ALGORITHMS, SB3 = ("dqn", "td3"), "SB3_PYTHON"
#: How the step of an agent is told without what its network takes.
ADJUSTED = "ours / (SB3 x spiking / ordinary network)"
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


def steps(algorithm: str, options: argparse.Namespace) -> list[Row]:
    """Measure steps of an agent; ratios are the others' to ours, but for that of the last row."""
    say(f"steps of {algorithm}")
    kinds = {
        "ours": ("ours", ""), "SB3": ("sb3", os.environ.get(SB3, "")),
        "spiking network alone": ("spiking", ""), "ordinary network alone": ("ordinary", ""),
    }  # fmt: skip
    if not kinds["SB3"][1]:
        say(f"SB3: skipped ({SB3}=PYTHON runs it)")
        del kinds["SB3"]
    ways: Ways = {
        name: (
            partial(Worker, STEP_SCRIPT, algorithm, kind, python=python or sys.executable),
            max(1, options.budget),
        )
        for name, (kind, python) in kinds.items()
    }
    rows = measure(ways, "ours", options.repeats)
    if "SB3" in rows:
        alone = (rows[f"{kind} network alone"].ratios for kind in ("spiking", "ordinary"))
        ratios = [o / (sb3 * s) for sb3, s, o in zip(rows["SB3"].ratios, *alone, strict=True)]
        rows[ADJUSTED] = Row(ADJUSTED, ratios=ratios, bar="<= 1.5")
    return list(rows.values())


def table(rows: list[Row]) -> str:
    """Return the times of an update and what the others take, relative to ours."""
    lines = [
        [
            row.name,
            spread(row.cpu_s, 1e3) if row.cpu_s else "",
            spread(row.ratios),
            row.bar,
            row.verdict,
        ]
        for row in rows
    ]
    return markdown(["update", "ms", "theirs / ours", "bar", ""], lines)


def tables(found: dict) -> dict[str, str]:
    """Return what was found as text, a table for each size of a batch."""
    named = {f"batch {batch}": rows for batch, rows in found["updates"].items()}
    named |= {f"steps of {algorithm}": rows for algorithm, rows in found["steps_of"].items()}
    return {
        name: table([Row(**{k: v for k, v in row.items() if k != "verdict"}) for row in rows])
        for name, rows in named.items()
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    parser.add_argument("--batch", type=int, nargs="*", default=[32, 256])
    parser.add_argument(
        "--algorithms", nargs="*", default=list(ALGORITHMS), choices=ALGORITHMS,
        help="whose steps are measured",
    )  # fmt: skip
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--budget", type=int, default=100, help="1: seconds; 100: two minutes")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args(arguments)
    if importlib.util.find_spec("torch") is None:
        say('skipped: it needs PyTorch, pip install "threefactor[deep]"')
        return 0
    found = {
        "machine": machine() | {"torch": importlib.metadata.version("torch")},
        "budget": options.budget, "repeats": options.repeats, "steps": options.steps,
        "updates": {}, "steps_of": {},
    }  # fmt: skip
    print(found["machine"])
    for batch in options.batch:
        found["updates"][str(batch)] = [row.plain() for row in updates(batch, options)]
    for algorithm in options.algorithms:
        found["steps_of"][algorithm] = [row.plain() for row in steps(algorithm, options)]
    for name, text in tables(found).items():
        print(f"\n{name}\n\n{text}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
