"""What several seeds say: an estimate with its interval, or their values where they are few."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from threefactor.analysis.statistics.intervals import (
    N_RESAMPLES,
    Interval,
    bootstrap_interval,
    percentile_bounds,
    student_interval,
)
from threefactor.analysis.statistics.scores import Statistic, iqm, strata_of

INTERVAL_SEEDS = 5
CLAIM_SEEDS = 10


@dataclass(frozen=True)
class SeedSummary:
    """What several seeds say: an estimate with its 95 % interval, or just the values of a few.

    Attributes
    ----------
    values : tuple of float
        One of each seed.
    name : str
        Of the statistic: "interquartile mean" or "mean".
    estimate : float
    bounds : (low, high), or None below `INTERVAL_SEEDS` seeds
    """

    values: tuple[float, ...]
    name: str
    estimate: float
    bounds: tuple[float, float] | None

    @property
    def listed(self) -> str:
        """The value of each seed."""
        return ", ".join(f"{value:.3f}" for value in self.values)

    @property
    def brief(self) -> str:
        """The estimate, and its interval in square brackets where there is one: a table's cell."""
        if self.bounds is None:
            return f"{self.estimate:.3f}"
        return f"{self.estimate:.3f} [{self.bounds[0]:.3f}, {self.bounds[1]:.3f}]"

    def text(self) -> str:
        """Return all of it in words; the values are listed where there is no interval."""
        n_seeds = len(self.values)
        if n_seeds == 1:
            return f"{self.estimate:.3f} (1 seed)"
        if self.bounds is None:
            few = f"no interval below {INTERVAL_SEEDS}"
            return f"{self.name} {self.brief} of {n_seeds} seeds ({few}): {self.listed}"
        return f"{self.name} {self.brief} (95 % interval over {n_seeds} seeds)"

    def lines(self) -> list[str]:
        """Return the text, and in a line of their own the values that it does not list."""
        return [self.text()] if self.bounds is None else [self.text(), f"  seeds: {self.listed}"]


@dataclass(frozen=True)
class CurveSummary:
    """Interquartile mean of curves with its pointwise 95 % band, all (n_points,).

    `low` and `high` are None below `INTERVAL_SEEDS` seeds: draw the curve of each.
    """

    centre: NDArray
    low: NDArray | None
    high: NDArray | None


def claim_caveat(n_seeds: int) -> str:
    """Return what a verdict on fewer seeds than a claim needs must add; "" where they suffice."""
    if n_seeds >= CLAIM_SEEDS:
        return ""
    return f"{n_seeds} seed{'s' * (n_seeds > 1)}: a claim needs {CLAIM_SEEDS} or more"


def summarise_seeds(values: ArrayLike, statistic: Literal["iqm", "mean"] = "iqm") -> SeedSummary:
    """Summarise one value of each seed, by interquartile mean or mean.

    Parameters
    ----------
    values : (n_seeds,)
        Already averaged over the episodes of each seed.
    statistic : {"iqm", "mean"}
        The interquartile mean gets a percentile bootstrap interval, the mean one of Student's t.

    Raises
    ------
    ValueError
        For values that are not (n_seeds,) finite numbers, or another statistic.
    """
    if statistic not in _SUMMARIES:
        raise ValueError(
            f"summarise_seeds: expected the statistic {' or '.join(_SUMMARIES)}, got {statistic!r}."
        )
    (sample,) = strata_of(values)
    name, centre, interval = _SUMMARIES[statistic]
    bounds = interval(sample)[1:] if sample.size >= INTERVAL_SEEDS else None
    return SeedSummary(tuple(sample.tolist()), name, float(centre(sample)), bounds)


def summarise_curves(curves: Sequence[ArrayLike] | ArrayLike) -> CurveSummary:
    """Summarise curves, (n_seeds, n_points), as `summarise_seeds` would each point."""
    rows = np.atleast_2d(np.asarray(curves, float))
    centre = iqm(rows, axis=0)
    if len(rows) < INTERVAL_SEEDS:
        return CurveSummary(centre, None, None)
    # One draw of seeds for all points keeps the band as smooth as the curves.
    draws = np.random.default_rng(0).integers(len(rows), size=(N_RESAMPLES, len(rows)))
    bounds = [percentile_bounds(iqm(column[draws], axis=1)) for column in rows.T]
    low, high = np.array(bounds).reshape(-1, 2).T
    return CurveSummary(centre, low, high)


_SUMMARIES: dict[str, tuple[str, Statistic, Callable[[NDArray], Interval]]] = {
    "iqm": ("interquartile mean", iqm, bootstrap_interval),
    "mean": ("mean", np.mean, student_interval),
}
