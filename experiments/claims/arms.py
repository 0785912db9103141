"""What arms found, on disk: an arm runs once, is kept, and never mixed with other seeds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.claims.experiment import ArmRequest, ArmResult, arm_folder

RESULT, PROGRESS = "result.npz", "progress.npz"


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
        return _saved_scores(request, load_result(request.folder))
    result = run_arm(request)
    if result.arrays is not None:
        save_arm(request, result)
        (request.folder / PROGRESS).unlink(missing_ok=True)
    return result.scores


def obtain_each_seed(
    run_seed: Callable[[ArmRequest], ArmResult], request: ArmRequest
) -> list[dict[str, NDArray]]:
    """Return what each seed of an arm found as a network of its own, kept as soon as it is known.

    For networks whose wiring is drawn: replicas of one network would share it.
    """
    for seed in request.seeds:
        obtain_scores(run_seed, request.alone(seed))
    return [load_result(request.alone(seed).folder) for seed in request.seeds]


def pair_rows(arrays: list[dict[str, NDArray]], name: str) -> NDArray[np.float64]:
    """Return the rows (0, ...) that single seeds kept as one array, the seed's place in front."""
    rows = [
        np.column_stack([np.full(len(a[name]), k), a[name][:, 1:]]) for k, a in enumerate(arrays)
    ]
    return np.concatenate(rows)


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
    return load_result(arm_folder(folder, arm))


def load_result(folder: Path) -> dict[str, NDArray]:
    """Return the arrays that were saved in a folder."""
    with np.load(folder / RESULT) as file:
        return dict(file)
