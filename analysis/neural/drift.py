"""How far and how steadily the weights of a projection moved over a run."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.run_data import WeightHistory


@dataclass(frozen=True, eq=False)
class WeightDrift:
    """Where weights went, snapshot by snapshot.

    Attributes
    ----------
    projection : str
    episode : (n_snapshots,)
    distance : (n_snapshots,)
        From the first snapshot, |w - w_first| over |w_first|, as lengths of vectors.
    similarity : (n_snapshots,)
        Correlation over synapses with the first snapshot; NaN where weights do not differ.
    step : (n_snapshots - 1,)
        Mean size of a weight's change per episode, from snapshot to snapshot.
    mean_before, mean_after : float
    """

    projection: str
    episode: NDArray[np.int64]
    distance: NDArray[np.float64]
    similarity: NDArray[np.float64]
    step: NDArray[np.float64]
    mean_before: float
    mean_after: float

    @property
    def slowing(self) -> float:
        """Changes in the last fifth of snapshots over those in the first; 0: settled."""
        fifth = max(1, self.step.size // 5)
        early, late = self.step[:fifth].mean(), self.step[-fifth:].mean()
        return float(late / early) if early > 0 else float("nan")


def measure_drift(projection: str, history: WeightHistory) -> WeightDrift:
    """Return how the weights of a projection moved; raise ValueError for a single snapshot."""
    values = history.values.astype(float)
    if len(values) < 2 or not values.size:
        raise ValueError(
            f"Weight drift of {projection}: expected two or more snapshots of weights, got shape "
            f"{values.shape}. Train with --weight-snapshots 50."
        )
    first = values[0]
    length = float(np.linalg.norm(first)) or 1.0
    centred = values - values.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        similarity = centred @ centred[0] / (norms * norms[0])
    steps = np.abs(np.diff(values, axis=0)).mean(axis=1) / np.maximum(np.diff(history.episode), 1)
    return WeightDrift(
        projection, history.episode, np.linalg.norm(values - first, axis=1) / length, similarity,
        steps, float(first.mean()), float(values[-1].mean()),
    )  # fmt: skip
