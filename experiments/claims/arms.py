"""What arms found, on disk: an arm runs once, is kept, and never mixed with other seeds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.claims.experiment import ArmRequest, ArmResult, arm_folder

RESULT, PROGRESS = "result.npz", "progress.pickle"


def obtain_scores(
    run_arm: Callable[[ArmRequest], ArmResult], request: ArmRequest
) -> NDArray[np.float64]:
    """Return the scores of an arm that finished before, or run it and keep what it found.

    Raises
    ------
    ValueError
        If it finished with other seeds or another budget.
    """
    path = request.folder / RESULT
    if path.exists():
        return _saved_scores(request, load_arm(request.folder.parent, request.arm))
    result = run_arm(request)
    if result.arrays is not None:
        save_arm(request, result)
        (request.folder / PROGRESS).unlink(missing_ok=True)
    return result.scores


def _saved_scores(request: ArmRequest, arrays: dict[str, NDArray]) -> NDArray[np.float64]:
    seeds, budget = tuple(arrays["seeds"].tolist()), float(arrays["budget"])
    if (seeds, budget) != (request.seeds, request.budget):
        raise ValueError(
            f"{request.folder / RESULT} holds seeds {seeds} at budget {budget:g}, asked for "
            f"{request.seeds} at {request.budget:g}; choose another --out."
        )
    return arrays["scores"]


def save_arm(request: ArmRequest, result: ArmResult) -> None:
    """Save what an arm found, at once or not at all."""
    request.folder.mkdir(parents=True, exist_ok=True)
    part = request.folder / f"part-{RESULT}"
    arrays: dict[str, Any] = {
        "scores": result.scores, "seeds": request.seeds, "budget": request.budget,
        **(result.arrays or {}),
    }  # fmt: skip
    np.savez(part, **arrays)
    part.replace(request.folder / RESULT)


def load_arm(folder: Path, arm: str) -> dict[str, NDArray]:
    """Return the saved arrays of an arm of the experiment in `folder`."""
    with np.load(arm_folder(folder, arm) / RESULT) as file:
        return dict(file)
