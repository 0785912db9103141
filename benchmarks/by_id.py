"""Twelve standard environments by their ids alone; makes docs/by_id.md of what came.

    python benchmarks/by_id.py                        all of them: hours
    python benchmarks/by_id.py CartPole-v1            some; what was found of the others is kept
    python benchmarks/by_id.py --page                 the page alone

Each is ``run.py train --env ID --replicas N --seed S`` and no other option of learning. What the
page tells stands in the run's own summary.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

import checkout  # noqa: F401
from pacing import HERE
from report import machine, markdown, say

from threefactor import load_run

IDS = (
    "CartPole-v1", "MountainCar-v0", "Acrobot-v1", "FrozenLake-v1", "FrozenLake8x8-v1",
    "CliffWalking-v1", "CliffWalkingSlippery-v1", "Taxi-v4", "Blackjack-v1", "GridWorld-v0",
    "MountainCarContinuous-v0", "Pendulum-v1",
)  # fmt: skip
#: Neither a tuning seed (100 and above) nor one that a claim reports (0 to 9).
SEED, REPLICAS = 50, 4
KEPT = HERE / "results" / "by_id.json"
PAGE = HERE.parent / "docs" / "by_id.md"
_HEAD = """# Every environment by its id alone

Made by `python benchmarks/by_id.py`; nothing on this page is typed by hand. Each row is
`python run.py train --env ID` with four replicas, seeds {seed} to {last}, which were neither
tuned on nor reported by a claim. No other option is given: encoder, decoder, model and third
factor are chosen to fit the spaces, or come from the preset of the environment where there is one.
Returns are means of the last 100 episodes of training, seed by seed; the untrained twin has the
same weights and no plasticity. Whether training ended better than it, the command says itself.
"""


def train(env: str, episodes: int | None) -> dict[str, Any]:
    """Train by the command line; return what the run's summary says."""
    with tempfile.TemporaryDirectory() as folder:
        words = [
            sys.executable, str(HERE.parent / "run.py"), "train", "--env", env,
            "--replicas", str(REPLICAS), "--seed", str(SEED), "--out", f"{folder}/run",
        ]  # fmt: skip
        start = time.perf_counter()
        subprocess.run(
            words + ([] if episodes is None else ["--episodes", str(episodes)]),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        minutes = (time.perf_counter() - start) / 60
        result = load_run(f"{folder}/run")
        summary = result.summary
        card = result.plausibility
        return {
            "machine": machine(),
            "is_short": episodes is not None,
            "minutes": minutes,
            "episodes": summary["episodes"] // REPLICAS,
            "rule": summary["rule"],
            "trained": summary["mean_return_last_100_by_replica"],
            "twin": summary["twin_return_by_replica"],
            "is_better": result.is_better_than_twin,
            "card": card.headline if card else "not judged",
            "fails": [item.name for item in card.items if item.holds is False] if card else [],
        }


def page(found: dict[str, dict[str, Any]]) -> str:
    """Return the page of the environments that were tried."""
    rows = [_row(env, found[env]) for env in IDS if env in found]
    head = [
        "`--env`", "rule", "episodes", "return, seed by seed", "twin", "better than its twin",
        "plausible", "but for", "minutes",
    ]  # fmt: skip
    text = _HEAD.format(seed=SEED, last=SEED + REPLICAS - 1) + "\n" + markdown(head, rows) + "\n"
    if left := [env for env in IDS if env not in found]:
        text += f"\nNot tried yet: {', '.join(left)}.\n"
    if any(told["is_short"] for told in found.values()):
        text += "\n**Short runs: they show that everything starts, not what is learned.**\n"
    where = {
        "{date:.10}, {processor}, {cores} cores".format(**told["machine"])
        for told in found.values()
    }
    return f"{text}\n{'; '.join(sorted(where))}.\n"


def _row(env: str, told: dict[str, Any]) -> list[str]:
    return [
        env,
        told["rule"],
        str(told["episodes"]),
        ", ".join(f"{value:.4g}" for value in told["trained"]),
        f"{mean(told['twin']):.4g}" if told["twin"] else "-",
        {True: "yes", False: "**no**", None: "-"}[told["is_better"]],
        told["card"],
        ", ".join(told["fails"]) or "-",
        f"{told['minutes']:.0f}",
    ]


def main(arguments: list[str] | None = None) -> int:
    """Train, keep, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("ids", nargs="*", choices=[[], *IDS], metavar="ID", help="default: all")
    parser.add_argument("--episodes", type=int, help="of each, for a short run")
    parser.add_argument("--json", type=Path, default=KEPT, help="where what was found is kept")
    parser.add_argument("--page", action="store_true", help="train nothing")
    options = parser.parse_args(arguments)
    found = json.loads(options.json.read_text()) if options.json.is_file() else {}
    for env in [] if options.page else options.ids or IDS:
        say(env)
        found[env] = train(env, options.episodes)
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if options.json == KEPT:
        PAGE.write_text(page(found))
        say(str(PAGE))
    else:
        print(page(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
