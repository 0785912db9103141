"""What the arms of gallery experiments share: results are kept, and seeds judged by their share."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.claims.experiment import ArmRequest, Bar, arm_folder

RESULT = "result.npz"


def saved_arm(request: ArmRequest) -> dict[str, NDArray] | None:
    """Return the arrays of a finished arm, None if it has not finished.

    Raises
    ------
    ValueError
        If it was run with other seeds or another budget.
    """
    path = request.folder / RESULT
    if not path.exists():
        return None
    arrays = load_arm(request.folder.parent, request.arm)
    seeds, budget = tuple(arrays["seeds"].tolist()), float(arrays["budget"])
    if (seeds, budget) != (request.seeds, request.budget):
        raise ValueError(
            f"{path} holds seeds {seeds} at budget {budget:g}, asked for {request.seeds} at "
            f"{request.budget:g}; choose another --out."
        )
    return arrays


def save_arm(request: ArmRequest, scores: NDArray, **arrays: NDArray) -> NDArray:
    """Save what an arm found, at once or not at all, and return its scores."""
    request.folder.mkdir(parents=True, exist_ok=True)
    part = request.folder / f"part-{RESULT}"
    np.savez(part, scores=scores, seeds=request.seeds, budget=request.budget, **arrays)
    part.replace(request.folder / RESULT)
    return scores


def load_arm(folder: Path, arm: str) -> dict[str, NDArray]:
    """Return the saved arrays of an arm of the experiment in `folder`."""
    with np.load(arm_folder(folder, arm) / RESULT) as file:
        return dict(file)


def share_above(arm: str, bar: float, low: float, high: float = 1.0) -> Bar:
    """Return the bar that the share of seeds scoring more than `bar` is from `low` to `high`."""
    limits = [f"at least {low:.0%}"] * (low > 0) + [f"at most {high:.0%}"] * (high < 1)
    return Bar(
        f"{arm}: above {bar:g} on {' and '.join(limits)} of the seeds",
        lambda scores: low <= float(np.mean(scores[arm] > bar)) <= high,
    )
