"""How a run ended: what summary.json holds, and the same as text."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from threefactor.analysis.statistics import bootstrap_interval
from threefactor.experiments.training.tally import EpisodeTally

LAST = 100


@dataclass(frozen=True)
class TrainingResult:
    """Where a run lies and its summary."""

    path: Path
    summary: dict[str, Any]


def summarise(tally: EpisodeTally) -> dict[str, Any]:
    """Return what the episodes say: the declared metric's mean over the last `LAST`."""
    means = [float(np.mean(row[-LAST:])) for row in tally.returns if row]
    return {
        "mean_return_last_100": float(np.mean(means)) if means else None,
        "mean_return_last_100_by_replica": means,
        "metric": "discounted_return" if tally.is_discounted else "return",
        "discount": tally.discount,
        "episodes": int(tally.done.sum()),
    }


def report(result: TrainingResult) -> str:
    """Return what the command line prints after training."""
    summary = result.summary
    lines = []
    if summary["interrupted"]:
        command = f"python run.py train --resume {result.path}"
        lines.append(f"Interrupted; what was done is kept. To go on: {command}")
    if summary["mean_return_last_100_by_replica"]:
        lines += _returns(summary)
    lines.append(
        f"{summary['env']}, {summary['rule']}, {summary['model']}, engine {summary['engine']}: "
        f"{summary['decisions_per_second']:.0f} decisions per second"
    )
    lines.append(f"run: {result.path}")
    return "\n".join(lines)


def _returns(summary: Mapping[str, Any]) -> list[str]:
    means = summary["mean_return_last_100_by_replica"]
    count = summary["episodes"] // max(1, summary["replicas"])
    name = summary["metric"].replace("_", " ")
    if summary["discount"] < 1:
        name += f" (gamma {summary['discount']:g})"
    text = f"{name}, mean of the last {min(LAST, count)} of {count} episodes:"
    lines = [f"{text} {np.mean(means):.3f}"]
    if len(means) > 1:
        _, low, high = bootstrap_interval(np.array(means), np.mean)
        spread = ", ".join(f"{m:.3f}" for m in means)
        lines.append(f"  95 % interval over {len(means)} seeds: {low:.3f} to {high:.3f}")
        lines.append(f"  seeds: {spread}")
    return lines + [f"  {label}: {value:.3f}" for label, value in summary["references"].items()]
