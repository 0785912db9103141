"""Scores over seeds and environments: robust centres, intervals, comparisons.

The unit is the seed: episodes of one agent are averaged before anything here is asked. What several
seeds say is `summarise_seeds`, and over time `summarise_curves`; they choose the interval, by how
often it holds the truth. Below `INTERVAL_SEEDS` seeds there is none, and the values are listed.

nominal 95 % interval, of normal, lognormal, bimodal scores:       5 seeds       10 seeds
interquartile mean, percentile bootstrap                           91, 90, 89 %  93, 93, 93 %
mean, Student t                                                    96, 84, 69 %  95, 84, 89 %
mean, percentile bootstrap                                         85, 74, 65 %  91, 80, 88 %

Scores get the first (Agarwal et al. use it, too). Differences of pairs, nearly symmetric, get the
second, because the sign-flip test beside it asks about their mean. Shares (a probability of
improvement, a performance profile) get score intervals, because the bootstrap of few seeds that
agree has no width. `analysis.coverage` measures these and those that were not chosen; its tables
stand in docs/statistics.md.

Source: Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice",
whose numbers (package rliable) are frozen in the tests. Scores are normalised per environment
(`normalise`) before environments are pooled.
"""

from threefactor.analysis.statistics.comparison import (
    PairedComparison,
    holm,
    improvement_interval,
    paired_comparison,
    probability_of_improvement,
)
from threefactor.analysis.statistics.intervals import (
    N_RESAMPLES,
    Interval,
    bootstrap_interval,
    mean_of_intervals,
    student_interval,
    wilson_interval,
)
from threefactor.analysis.statistics.profiles import (
    PerformanceProfile,
    performance_profile,
    summarise_profile,
)
from threefactor.analysis.statistics.scores import (
    Scores,
    Statistic,
    area_under_curve,
    iqm,
    normalise,
    optimality_gap,
)
from threefactor.analysis.statistics.summaries import (
    CLAIM_SEEDS,
    INTERVAL_SEEDS,
    CurveSummary,
    SeedSummary,
    claim_caveat,
    summarise_curves,
    summarise_seeds,
)
from threefactor.analysis.statistics.survival import (
    TimeSummary,
    log_rank_p_value,
    summarise_times,
    survival_band,
    survival_curve,
    time_to_threshold,
)

__all__ = [
    "CLAIM_SEEDS",
    "INTERVAL_SEEDS",
    "N_RESAMPLES",
    "CurveSummary",
    "Interval",
    "PairedComparison",
    "PerformanceProfile",
    "Scores",
    "SeedSummary",
    "Statistic",
    "TimeSummary",
    "area_under_curve",
    "bootstrap_interval",
    "claim_caveat",
    "holm",
    "improvement_interval",
    "iqm",
    "log_rank_p_value",
    "mean_of_intervals",
    "normalise",
    "optimality_gap",
    "paired_comparison",
    "performance_profile",
    "probability_of_improvement",
    "student_interval",
    "summarise_curves",
    "summarise_profile",
    "summarise_seeds",
    "summarise_times",
    "survival_band",
    "survival_curve",
    "time_to_threshold",
    "wilson_interval",
]
