"""How often nominal 95 % intervals of comparisons hold the truth: shares, chances, times.

`python -m threefactor.analysis.coverage_of_comparisons` prints the tables of docs/statistics.md
(some minutes). As in `analysis.coverage`, whose standard errors hold here as well, methods are
asked about samples from distributions in which the truth is known.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.coverage import N_SAMPLES
from threefactor.analysis.statistics import (
    N_RESAMPLES,
    improvement_interval,
    summarise_profile,
    summarise_times,
)

SEEDS = (5, 8, 10, 20)
_SHARE_CENSORED = 0.2

Sample = tuple[NDArray, ...]
Bounds = tuple[float, float]


@dataclass(frozen=True)
class Case:
    """Something to be estimated: how samples of it are drawn, and its true value."""

    draw: Callable[[np.random.Generator, int], Sample]
    truth: float


@dataclass(frozen=True)
class Question:
    """Methods that are asked the same question, and the cases in which they are."""

    methods: Mapping[str, Callable[[Sample, int], Bounds]]
    cases: Mapping[str, Case]


def _better(*chances: float) -> Case:
    """Scores of two agents in an environment for each chance that the first one's is higher."""
    from scipy import stats

    shifts = [np.sqrt(2) * stats.norm.ppf(chance) for chance in chances]

    def draw(rng: np.random.Generator, n_seeds: int) -> Sample:
        pairs = [(rng.normal(shift, 1, n_seeds), rng.normal(0, 1, n_seeds)) for shift in shifts]
        return tuple(scores for pair in pairs for scores in pair)

    return Case(draw, float(np.mean(chances)))


def _above(share: float) -> Case:
    """Scores of which a share lies above zero."""
    return Case(lambda rng, n: (rng.random(n) - (1 - share),), share)


def _reached(shape: float) -> Case:
    """Weibull times to a threshold, the longest fifth of which nobody waits for."""
    horizon = float((-np.log(_SHARE_CENSORED)) ** (1 / shape))

    def draw(rng: np.random.Generator, n_seeds: int) -> Sample:
        times = rng.weibull(shape, n_seeds)
        return np.minimum(times, horizon), times <= horizon

    return Case(draw, float(np.log(2) ** (1 / shape)))


def _environments(sample: Sample) -> tuple[dict[str, NDArray], dict[str, NDArray]]:
    ours, theirs = sample[::2], sample[1::2]
    return (
        {f"{i}": scores for i, scores in enumerate(ours)},
        {f"{i}": scores for i, scores in enumerate(theirs)},
    )


def bootstrap_improvement(sample: Sample, n_resamples: int) -> Bounds:
    """Percentile bootstrap of the chance, seeds of both agents resampled by environment."""
    rng, chances = np.random.default_rng(0), []
    for x, y in zip(sample[::2], sample[1::2], strict=True):
        ours = x[rng.integers(x.size, size=(n_resamples, x.size))]
        theirs = y[rng.integers(y.size, size=(n_resamples, y.size))]
        differences = ours[:, :, None] - theirs[:, None, :]
        chances.append(((differences > 0) + 0.5 * (differences == 0)).mean(axis=(1, 2)))
    low, high = np.percentile(np.mean(chances, axis=0), [2.5, 97.5])
    return float(low), float(high)


def bootstrap_share(sample: Sample, n_resamples: int) -> Bounds:
    """Percentile bootstrap of the share above zero."""
    (scores,) = sample
    draws = np.random.default_rng(0).integers(scores.size, size=(n_resamples, scores.size))
    low, high = np.percentile((scores > 0)[draws].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def wilson_share(sample: Sample, n_resamples: int = 0) -> Bounds:
    """Band of the performance profile at zero."""
    profile = summarise_profile(sample[0], [0.0])
    assert profile.low is not None  # there are seeds enough
    assert profile.high is not None
    return float(profile.low[0]), float(profile.high[0])


def log_log_median(sample: Sample, n_resamples: int = 0) -> Bounds:
    """Median of times by Greenwood's band, logarithms of logarithms (SciPy)."""
    from scipy import stats

    times, reached = sample
    if not reached.any():
        return np.inf, np.inf
    curve = stats.ecdf(stats.CensoredData.right_censored(times, ~reached)).sf
    with warnings.catch_warnings():  # of shares 0 and 1, where it is not defined
        warnings.simplefilter("ignore", RuntimeWarning)
        band = curve.confidence_interval(method="log-log")
    low, high = (
        float(min(end.quantiles[end.probabilities <= 0.5], default=np.inf))
        for end in (band.low, band.high)
    )
    return low, high


def wilson_median(sample: Sample, n_resamples: int = 0) -> Bounds:
    """Median of times by the band that is used."""
    times, reached = sample
    bounds = summarise_times(times, reached).bounds
    assert bounds is not None  # there are seeds enough
    return bounds


QUESTIONS: dict[str, Question] = {
    "probability of improvement": Question(
        {
            "score interval": lambda sample, n: improvement_interval(*_environments(sample))[1:],
            "percentile bootstrap": bootstrap_improvement,
        },
        {
            **{f"{chance:g}": _better(chance) for chance in (0.5, 0.75, 0.9, 0.97)},
            "0.6 and 0.9, two environments": _better(0.6, 0.9),
        },
    ),
    "share above a threshold": Question(
        {"Wilson": wilson_share, "percentile bootstrap": bootstrap_share},
        {f"{share:g}": _above(share) for share in (0.5, 0.7, 0.9)},
    ),
    "median time to a threshold": Question(
        {"Wilson, as shares": wilson_median, "log-log": log_log_median},
        {"exponential": _reached(1.0), "peaked": _reached(2.0)},
    ),
}


def coverage(
    question: str,
    method: str,
    case: str,
    n_seeds: int,
    n_samples: int = N_SAMPLES,
    n_resamples: int = N_RESAMPLES,
) -> float:
    """Return the share of samples of `n_seeds` seeds whose interval holds the truth.

    Raises
    ------
    KeyError
        For a name that `QUESTIONS` does not have.
    """
    asked = QUESTIONS[question]
    answer, subject = asked.methods[method], asked.cases[case]
    rng, held = np.random.default_rng(n_seeds), 0
    for _ in range(n_samples):
        low, high = answer(subject.draw(rng, n_seeds), n_resamples)
        # Ends of shares lie at 0 and 1 but for their last bits.
        held += low - 1e-9 <= subject.truth <= high + 1e-9
    return held / n_samples


def coverage_table(question: str) -> str:
    """Return one question's coverage in per cent: a row for each method and case, in Markdown."""
    asked = QUESTIONS[question]
    lines = [
        f"| {question} | truth | {' | '.join(str(n) for n in SEEDS)} |",
        "|---" * (2 + len(SEEDS)) + "|",
    ]
    for method in asked.methods:
        for case in asked.cases:
            cells = [f"{100 * coverage(question, method, case, n):.0f}" for n in SEEDS]
            lines.append(f"| {method} | {case} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    print("\n\n".join(coverage_table(question) for question in QUESTIONS))


if __name__ == "__main__":
    main()
