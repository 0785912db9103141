"""Performance profiles: the share of runs above every score, with a band."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from threefactor.analysis.statistics.intervals import mean_of_intervals, wilson_interval
from threefactor.analysis.statistics.scores import Scores, strata_of
from threefactor.analysis.statistics.summaries import INTERVAL_SEEDS


@dataclass(frozen=True)
class PerformanceProfile:
    """Share of runs above each threshold, all (n_thresholds,), with a pointwise 95 % band.

    `low` and `high` are None where an environment has less than `INTERVAL_SEEDS` seeds.
    """

    thresholds: NDArray
    share: NDArray
    low: NDArray | None
    high: NDArray | None


def performance_profile(scores: Scores | ArrayLike, thresholds: ArrayLike) -> NDArray:
    """Fraction of runs above each threshold, (n_thresholds,), environments weighted equally."""
    return np.mean([above.mean(axis=0) for above in _above(scores, thresholds)], axis=0)


def summarise_profile(scores: Scores | ArrayLike, thresholds: ArrayLike) -> PerformanceProfile:
    """Return the profile with its band: Wilson's interval of each environment's share.

    A bootstrap, as of Agarwal et al., has no width where all seeds are above a threshold or none:
    of five seeds its nominal 95 % hold a share of 0.9 in two of five cases (docs/statistics.md).
    """
    limits = np.asarray(thresholds, float)
    share, above = performance_profile(scores, limits), _above(scores, limits)
    if min(len(rows) for rows in above) < INTERVAL_SEEDS:
        return PerformanceProfile(limits, share, None, None)
    bands = [
        mean_of_intervals([wilson_interval(int(rows[:, k].sum()), len(rows)) for rows in above])
        for k in range(limits.size)
    ]
    low, high = np.array([(band.low, band.high) for band in bands]).reshape(-1, 2).T
    return PerformanceProfile(limits, share, low, high)


def _above(scores: Scores | ArrayLike, thresholds: ArrayLike) -> list[NDArray]:
    """Return for each environment which seeds are above which threshold."""
    limits = np.asarray(thresholds, float)
    return [stratum[:, None] > limits for stratum in strata_of(scores)]
