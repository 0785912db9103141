"""Speed of an agent's learning: steps of `dqn` and `td3` beside those of Stable-Baselines3.

python benchmarks/learning_step.py [--algorithm A ...]

A step draws a batch, learns from it and lets follow what follows. The networks of
Stable-Baselines3, in an environment of its own whose Python SB3_PYTHON names, are ordinary: what
our step takes more must not be more than what the spiking network itself does. One thread; every
way is a process that waits while another one runs (`interleaved`).
"""

import argparse
import os
import sys
from functools import partial

from interleaved import Row, Ways, measure
from pacing import Worker
from report import begin, markdown, say, spread, tell

SCRIPT, SB3 = "learning_step_loop.py", "SB3_PYTHON"
ALGORITHMS = ("dqn", "td3")
#: How our step is told without what its network takes.
ADJUSTED = "ours / (SB3 x spiking / ordinary network)"


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
            partial(Worker, SCRIPT, algorithm, kind, python=python or sys.executable),
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
    """Return the times of a step, and of its parts, relative to ours."""
    lines = [
        [
            row.name, spread(row.cpu_s, 1e3) if row.cpu_s else "", spread(row.ratios), row.bar,
            row.verdict,
        ]
        for row in rows
    ]  # fmt: skip
    return markdown(["step", "ms", "relative to ours", "bar", ""], lines)


def tables(found: dict) -> dict[str, str]:
    """Return what was found as text, a table for each algorithm."""
    return {
        algorithm: table([Row(**{k: v for k, v in row.items() if k != "verdict"}) for row in kept])
        for algorithm, kept in found["steps"].items()
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--algorithm", nargs="+", default=list(ALGORITHMS), choices=ALGORITHMS)
    options, found = begin(parser, arguments)
    if not found:
        return 0
    found["steps"] = {}
    for algorithm in options.algorithm:
        found["steps"][algorithm] = [row.plain() for row in steps(algorithm, options)]
    return tell(found, tables(found), options.json)


if __name__ == "__main__":
    sys.exit(main())
