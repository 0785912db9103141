"""Scores over seeds and environments: robust centres, bootstrap intervals, comparisons.

Source: Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice",
whose numbers (package rliable) are frozen in the tests. Scores are normalised per environment
(`normalise`) before environments are pooled.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scores = Mapping[str, ArrayLike]
Statistic = Callable[..., NDArray]

N_RESAMPLES = 2000


class Interval(NamedTuple):
    """An estimate with the ends of its confidence interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class PairedComparison:
    """Rule minus twin over seeds: mean difference with its interval, and how it could be luck.

    `p_value` is two-sided, from flipping the signs of the differences; `n_better` counts the seeds
    on which the rule beats its twin.
    """

    difference: Interval
    p_value: float
    n_better: int
    n_seeds: int


def normalise(scores: ArrayLike, random: float, reference: float) -> NDArray:
    """Rescale scores so that the random policy is 0 and the reference is 1."""
    if reference == random:
        raise ValueError(
            f"normalise: expected a reference other than the random score, got {reference} for "
            "both. Give the score of the optimum or of a published agent."
        )
    return (np.asarray(scores, float) - random) / (reference - random)


def iqm(scores: ArrayLike, axis: int | None = None) -> NDArray:
    """Interquartile mean: the mean of the middle half (of all, for fewer than four scores)."""
    from scipy import stats  # takes longer to load than all else that training needs

    return stats.trim_mean(np.asarray(scores, float), 0.25, axis=axis)


def optimality_gap(scores: ArrayLike, axis: int | None = None, target: float = 1.0) -> NDArray:
    """Mean amount by which scores fall short of `target`; what exceeds it does not make up."""
    return target - np.minimum(np.asarray(scores, float), target).mean(axis=axis)


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
    strata = _strata(scores)
    pooled = np.concatenate(strata)
    rng = np.random.default_rng(seed)
    resampled = [s[rng.integers(s.size, size=(n_resamples, s.size))] for s in strata]
    replicates = statistic(np.concatenate(resampled, axis=1), axis=1)
    tail = 50 * (1 - confidence)
    low, high = np.percentile(replicates, [tail, 100 - tail])
    return Interval(float(statistic(pooled, axis=0)), float(low), float(high))


def curve_interval(
    curves: ArrayLike,
    statistic: Statistic = iqm,
    confidence: float = 0.95,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> tuple[NDArray, NDArray, NDArray]:
    """Pointwise centre, low and high, each (n_points,), of curves (n_seeds, n_points)."""
    curves = np.atleast_2d(np.asarray(curves, float))
    # One draw of seeds for all points keeps the band as smooth as the curves.
    draws = np.random.default_rng(seed).integers(len(curves), size=(n_resamples, len(curves)))
    tail = 50 * (1 - confidence)
    bounds = [
        np.percentile(statistic(column[draws], axis=1), [tail, 100 - tail]) for column in curves.T
    ]
    low, high = np.array(bounds).reshape(-1, 2).T
    return statistic(curves, axis=0), low, high


def probability_of_improvement(scores: Scores | ArrayLike, baseline: Scores | ArrayLike) -> float:
    """Chance that a run beats one of the baseline, ties half, averaged over environments."""
    ours, theirs = _strata(scores), _strata(baseline)
    if _names(scores) != _names(baseline):
        raise ValueError(
            f"probability_of_improvement: expected the same environments on both sides, got "
            f"{_names(scores)} and {_names(baseline)}."
        )
    chances = []
    for x, y in zip(ours, theirs, strict=True):
        differences = x[:, None] - y[None, :]
        chances.append(np.mean((differences > 0) + 0.5 * (differences == 0)))
    return float(np.mean(chances))


def performance_profile(scores: Scores | ArrayLike, thresholds: ArrayLike) -> NDArray:
    """Fraction of runs above each threshold, (n_thresholds,), environments weighted equally."""
    limits = np.asarray(thresholds, float)
    fractions = [np.mean(s[:, None] > limits, axis=0) for s in _strata(scores)]
    return np.mean(fractions, axis=0)


def paired_comparison(
    scores: ArrayLike,
    twin_scores: ArrayLike,
    confidence: float = 0.95,
    n_resamples: int = 9999,
    seed: int = 0,
) -> PairedComparison:
    """Compare a rule with its twin seed by seed: BCa interval of the mean, sign-flip test.

    Both are (n_seeds,), entry i of both from the same seed; at least two seeds.
    """
    differences = np.asarray(scores, float) - np.asarray(twin_scores, float)
    if differences.ndim != 1 or differences.size < 2:
        raise ValueError(
            f"paired_comparison: expected two (n_seeds,) arrays with n_seeds >= 2, got shapes "
            f"{np.shape(scores)} and {np.shape(twin_scores)}. Run more seeds."
        )
    from scipy import stats

    mean = float(differences.mean())
    n_better = int(np.sum(differences > 0))
    if np.ptp(differences) == 0:
        low = high = mean
    else:
        interval = stats.bootstrap(
            (differences,),
            np.mean,
            confidence_level=confidence,
            n_resamples=n_resamples,
            method="BCa",
            rng=np.random.default_rng(seed),
        ).confidence_interval
        low, high = float(interval.low), float(interval.high)
    test = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=n_resamples,
        rng=np.random.default_rng(seed),
    )
    return PairedComparison(
        Interval(mean, low, high), float(test.pvalue), n_better, differences.size
    )


def _names(scores: Scores | ArrayLike) -> list[str]:
    return sorted(scores) if isinstance(scores, Mapping) else []


def _strata(scores: Scores | ArrayLike) -> list[NDArray]:
    by_name = scores if isinstance(scores, Mapping) else {"scores": scores}
    strata = [np.asarray(by_name[name], float) for name in sorted(by_name)]
    for name, stratum in zip(sorted(by_name), strata, strict=True):
        if stratum.ndim != 1 or stratum.size == 0 or not np.isfinite(stratum).all():
            raise ValueError(
                f"Scores of {name}: expected (n_seeds,) finite numbers with n_seeds >= 1, got "
                f"{stratum!r}. Leave out the runs that did not finish."
            )
    if not strata:
        raise ValueError("Scores: expected at least one environment, got none.")
    return strata
