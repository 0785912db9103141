"""Scores over seeds and environments: robust centres, intervals, comparisons.

The unit is the seed: episodes of one agent are averaged before anything here is asked. What several
seeds say is `summarise_seeds`, and over time `summarise_curves`; they choose the interval, by how
often it holds the truth. Below `INTERVAL_SEEDS` seeds there is none, and the values are listed.

nominal 95 % interval, of normal, lognormal, bimodal scores:       5 seeds       10 seeds
interquartile mean, percentile bootstrap                           91, 90, 89 %  93, 93, 93 %
mean, Student t                                                    96, 84, 69 %  95, 84, 89 %
mean, percentile bootstrap                                         85, 74, 65 %  91, 80, 88 %

Scores get the first (Agarwal et al. use it, too). Differences of pairs, nearly symmetric, get the
second, because the sign-flip test beside it asks about their mean. `analysis.coverage` measures
these and those that were not chosen; its tables stand in docs/statistics.md.

Source: Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice",
whose numbers (package rliable) are frozen in the tests. Scores are normalised per environment
(`normalise`) before environments are pooled.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scores = Mapping[str, ArrayLike]
Statistic = Callable[..., NDArray]

N_RESAMPLES = 2000
INTERVAL_SEEDS = 5
CLAIM_SEEDS = 10


class Interval(NamedTuple):
    """An estimate with the ends of its confidence interval."""

    estimate: float
    low: float
    high: float


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


@dataclass(frozen=True)
class PairedComparison:
    """Rule minus twin over seeds: mean difference, and how it could be luck.

    Attributes
    ----------
    difference : SeedSummary
        Of the differences, seed by seed.
    p_value : float
        Two-sided, from flipping the signs of the differences.
    smallest_p : float
        What `p_value` is where every seed agrees: 2/2**n_seeds, or what the draws can resolve.
    n_better : int
        Seeds on which the rule beats its twin.
    """

    difference: SeedSummary
    p_value: float
    smallest_p: float
    n_better: int

    @property
    def n_seeds(self) -> int:
        """Number of pairs."""
        return len(self.difference.values)

    def text(self) -> str:
        """Return all of it in words, with what may not be concluded."""
        said = [
            f"difference: {self.difference.text()}",
            f"better on {self.n_better} of {self.n_seeds}",
            f"p = {self.p_value:.2g} by sign flips, {self.smallest_p:.2g} the smallest possible",
            claim_caveat(self.n_seeds),
        ]
        return "; ".join(part for part in said if part)


def claim_caveat(n_seeds: int) -> str:
    """Return what a verdict on fewer seeds than a claim needs must add; "" where they suffice."""
    if n_seeds >= CLAIM_SEEDS:
        return ""
    return f"{n_seeds} seed{'s' * (n_seeds > 1)}: a claim needs {CLAIM_SEEDS} or more"


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
    (sample,) = _strata(values)
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
    bounds = [np.percentile(iqm(column[draws], axis=1), [2.5, 97.5]) for column in rows.T]
    low, high = np.array(bounds).reshape(-1, 2).T
    return CurveSummary(centre, low, high)


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


def student_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Interval of the mean by Student's t, of (n_seeds,) values, two or more."""
    from scipy import stats

    sample = np.asarray(values, float)
    error = sample.std(ddof=1) / np.sqrt(sample.size)
    reach = float(stats.t.ppf((1 + confidence) / 2, sample.size - 1) * error)
    mean = float(sample.mean())
    return Interval(mean, mean - reach, mean + reach)


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
    scores: ArrayLike, twin_scores: ArrayLike, n_resamples: int = 9999, seed: int = 0
) -> PairedComparison:
    """Compare a rule with its twin seed by seed: mean difference, sign-flip test.

    Both are (n_seeds,), entry i of both from the same seed; at least two seeds. The test goes
    through all sign patterns, or through `n_resamples` of them where there are more.
    """
    differences = np.asarray(scores, float) - np.asarray(twin_scores, float)
    if differences.ndim != 1 or differences.size < 2:
        raise ValueError(
            f"paired_comparison: expected two (n_seeds,) arrays with n_seeds >= 2, got shapes "
            f"{np.shape(scores)} and {np.shape(twin_scores)}. Run more seeds."
        )
    from scipy import stats

    test = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=n_resamples,
        rng=np.random.default_rng(seed),
    )
    n_patterns = 2**differences.size
    # Drawn patterns count the observed one as well.
    n_looked_at = n_patterns if n_patterns <= n_resamples else n_resamples + 1
    return PairedComparison(
        summarise_seeds(differences, "mean"),
        float(test.pvalue),
        2 / n_looked_at,
        int(np.sum(differences > 0)),
    )


_SUMMARIES: dict[str, tuple[str, Statistic, Callable[[NDArray], Interval]]] = {
    "iqm": ("interquartile mean", iqm, bootstrap_interval),
    "mean": ("mean", np.mean, student_interval),
}


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
