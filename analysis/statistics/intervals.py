"""Confidence intervals: of any statistic of scores, of a mean, of a share."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from threefactor.analysis.statistics.scores import Scores, Statistic, iqm, strata_of

N_RESAMPLES = 2000


class Interval(NamedTuple):
    """An estimate with the ends of its confidence interval."""

    estimate: float
    low: float
    high: float


def bootstrap_interval(
    scores: Scores | ArrayLike,
    statistic: Statistic = iqm,
    confidence: float = 0.95,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Percentile interval of a statistic, seeds resampled within each environment.

    Parameters
    ----------
    scores : environment -> (n_seeds,), or (n_seeds,) of a single environment
    statistic : takes scores and `axis`, as `iqm`, `np.mean`, `np.median`, `optimality_gap`
    """
    strata = strata_of(scores)
    pooled = np.concatenate(strata)
    rng = np.random.default_rng(seed)
    resampled = [s[rng.integers(s.size, size=(n_resamples, s.size))] for s in strata]
    replicates = statistic(np.concatenate(resampled, axis=1), axis=1)
    tail = 50 * (1 - confidence)
    low, high = np.percentile(replicates, [tail, 100 - tail])
    return Interval(float(statistic(pooled, axis=0)), float(low), float(high))


def student_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Interval of the mean by Student's t, of (n_seeds,) values, two or more."""
    from scipy import stats

    sample = np.asarray(values, float)
    error = sample.std(ddof=1) / np.sqrt(sample.size)
    reach = float(stats.t.ppf((1 + confidence) / 2, sample.size - 1) * error)
    mean = float(sample.mean())
    return Interval(mean, mean - reach, mean + reach)


def wilson_interval(successes: float, trials: float, confidence: float = 0.95) -> Interval:
    """Interval of a share by its score (Wilson 1927): none of five gives 0 to 0.43, not 0 to 0."""
    z = normal_quantile(confidence)
    share, spread = successes / trials, z**2 / trials
    centre = (share + spread / 2) / (1 + spread)
    reach = np.sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return Interval(share, max(0.0, float(centre - reach)), min(1.0, float(centre + reach)))


def mean_of_intervals(intervals: Sequence[Interval]) -> Interval:
    """Interval of the mean of independent estimates from the interval of each.

    Equations
    ---------
    low = mean - sqrt(sum (estimate_k - low_k)**2)/K, high likewise (Zou & Donner 2008, Statist.
    Med. 27:1693, "method of variance estimates recovery"); it needs no symmetry.
    """
    estimates, lows, highs = np.array(intervals, float).T
    mean = float(estimates.mean())
    below, above = np.sqrt(
        [np.sum((estimates - lows) ** 2), np.sum((highs - estimates) ** 2)]
    ) / len(estimates)
    return Interval(mean, float(mean - below), float(mean + above))


def normal_quantile(confidence: float) -> float:
    """Return how many standard deviations a two-sided interval reaches: 1.96 of 95 %."""
    from scipy import stats

    return float(stats.norm.ppf((1 + confidence) / 2))


def percentile_bounds(replicates: NDArray, axis: int = -1) -> NDArray:
    """Return the 2.5 and 97.5 % percentiles, (2, ...)."""
    return np.percentile(replicates, [2.5, 97.5], axis=axis)
