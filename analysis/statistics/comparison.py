"""Comparisons of two agents, seed by seed and seed against seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from threefactor.analysis.statistics.intervals import (
    Interval,
    mean_of_intervals,
    normal_quantile,
)
from threefactor.analysis.statistics.scores import Scores, names_of, strata_of
from threefactor.analysis.statistics.summaries import (
    SeedSummary,
    claim_caveat,
    summarise_seeds,
)


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


def probability_of_improvement(scores: Scores | ArrayLike, baseline: Scores | ArrayLike) -> float:
    """Chance that a run beats one of the baseline, ties half, averaged over environments."""
    _check_same(scores, baseline)
    pairs = zip(strata_of(scores), strata_of(baseline), strict=True)
    return float(np.mean([_chance(x, y) for x, y in pairs]))


def improvement_interval(
    scores: Scores | ArrayLike, baseline: Scores | ArrayLike, confidence: float = 0.95
) -> Interval:
    """Probability of improvement with its interval; environments are put together equally.

    Equations
    ---------
    (chance - p)**2 = z**2*variance(p) at both ends (Newcombe 2006, Statist. Med. 25:559, method 5),
    variance(p) = p*(1 - p)*(1 + (n - 1)*((1 - p)/(2 - p) + p/(1 + p)))/(n_scores*n_baseline),
    n = (n_scores + n_baseline)/2

    A bootstrap, as of Agarwal et al., has no width where every run beats every other: of five
    seeds its nominal 95 % hold a chance of 0.9 in two of three cases (docs/statistics.md).
    """
    _check_same(scores, baseline)
    z = normal_quantile(confidence)
    return mean_of_intervals(
        [
            _score_interval(_chance(x, y), x.size, y.size, z)
            for x, y in zip(strata_of(scores), strata_of(baseline), strict=True)
        ]
    )


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


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values of several comparisons, corrected for their number (Holm 1979).

    Whoever compares many agents with a baseline finds one that is better by luck; with these the
    chance of any such find stays below the level that is asked.
    """
    raw = np.asarray(p_values, float)
    order = np.argsort(raw)
    stepped = np.maximum.accumulate(raw[order] * np.arange(raw.size, 0, -1))
    corrected = np.empty_like(raw)
    corrected[order] = np.minimum(stepped, 1.0)
    return [float(p) for p in corrected]


def _check_same(scores: Scores | ArrayLike, baseline: Scores | ArrayLike) -> None:
    if names_of(scores) != names_of(baseline):
        raise ValueError(
            f"probability_of_improvement: expected the same environments on both sides, got "
            f"{names_of(scores)} and {names_of(baseline)}."
        )


def _chance(scores: NDArray, baseline: NDArray) -> float:
    differences = scores[:, None] - baseline[None, :]
    return float(np.mean((differences > 0) + 0.5 * (differences == 0)))


def _score_interval(chance: float, n_scores: int, n_baseline: int, z: float) -> Interval:
    from scipy import optimize

    n = (n_scores + n_baseline) / 2

    def beyond(p: float) -> float:
        spread = 1 + (n - 1) * ((1 - p) / (2 - p) + p / (1 + p))
        return (chance - p) ** 2 - z**2 * p * (1 - p) * spread / (n_scores * n_baseline)

    # Next to the estimate p is nearer than z deviations, unless it is 0 or 1 itself.
    low = optimize.brentq(beyond, 0.0, chance - 1e-9) if chance > 0 else 0.0
    high = optimize.brentq(beyond, chance + 1e-9, 1.0) if chance < 1 else 1.0
    return Interval(chance, float(low), float(high))
