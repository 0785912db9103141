from typing import Any

import numpy as np
import pytest

from threefactor.analysis.statistics import (
    CLAIM_SEEDS,
    INTERVAL_SEEDS,
    bootstrap_interval,
    claim_caveat,
    iqm,
    normalise,
    optimality_gap,
    paired_comparison,
    performance_profile,
    probability_of_improvement,
    student_interval,
    summarise_curves,
    summarise_seeds,
)

# Scores (10 seeds x 3 environments) and what rliable 1.2.0 (20 000 resamples) gives for them.
A = [
    [1.0, 1.29, 0.818], [0.733, 1.064, 0.603], [1.018, 1.602, 0.752], [0.814, 1.347, 1.007],
    [1.032, 0.921, 0.891], [1.209, 0.797, 0.763], [0.43, 0.813, 0.347], [0.929, 0.82, 0.981],
    [1.047, 1.144, 0.145], [0.838, 1.185, 0.934],
]  # fmt: skip
B = [
    [0.341, 0.757, 0.606], [0.557, 1.218, 0.658], [0.79, 1.165, 0.725], [0.766, 0.933, 0.919],
    [0.432, 0.923, 1.308], [0.336, 1.158, 0.936], [0.608, 1.5, 1.129], [0.44, 0.922, 1.073],
    [0.743, 1.105, 0.88], [1.0, 1.332, 0.697],
]  # fmt: skip
RLIABLE = [
    (A, iqm, 0.91625, 0.84475, 0.99113),
    (B, iqm, 0.86419, 0.77806, 0.95681),
    (A, np.mean, 0.90913, 0.82010, 0.99533),
    (B, np.mean, 0.86523, 0.78983, 0.94183),
    (A, optimality_gap, 0.15570, 0.09133, 0.22730),
    (B, optimality_gap, 0.20103, 0.14510, 0.25570),
]


def by_env(scores):
    return {f"env{i}": column for i, column in enumerate(np.array(scores).T)}


@pytest.mark.parametrize(("scores", "statistic", "estimate", "low", "high"), RLIABLE)
def test_intervals_agree_with_rliable(scores, statistic, estimate, low, high):
    interval = bootstrap_interval(by_env(scores), statistic, n_resamples=20_000)
    assert interval.estimate == pytest.approx(estimate, abs=1e-5)
    assert interval.low == pytest.approx(low, abs=4e-3)
    assert interval.high == pytest.approx(high, abs=4e-3)


def test_improvement_and_profile_agree_with_rliable():
    assert probability_of_improvement(by_env(A), by_env(B)) == pytest.approx(0.5616666667)
    assert performance_profile(by_env(A), [0.5, 1, 1.5]) == pytest.approx([0.9, 11 / 30, 1 / 30])
    assert performance_profile(by_env(B), [0.5, 1, 1.5]) == pytest.approx([26 / 30, 0.3, 0.0])


def test_closed_forms():
    assert iqm([0, 1, 2, 3, 4, 5, 6, 100]) == 3.5
    assert optimality_gap([0.5, 2.0]) == 0.25
    assert probability_of_improvement([1, 2], [1, 1]) == 0.75
    assert normalise([0.0, 0.5, 1.0], random=0.5, reference=1.0).tolist() == [-1, 0, 1]


def test_bootstrap_is_stratified_and_seeded():
    scores = {"easy": [1.0] * 5, "hard": [0.0] * 5}
    assert bootstrap_interval(scores, np.mean) == (0.5, 0.5, 0.5)
    rng = np.random.default_rng(0)
    sample = rng.normal(size=30)
    assert bootstrap_interval(sample) == bootstrap_interval(sample)


def test_the_bootstrap_interval_is_made_of_percentiles_of_resampled_statistics():
    sample = np.array(A)[:, 0]
    draws = sample[np.random.default_rng(7).integers(10, size=(500, 10))]
    expected = (sample.mean(), *np.quantile(draws.mean(axis=1), [0.05, 0.95]))
    interval = bootstrap_interval(sample, np.mean, confidence=0.9, n_resamples=500, seed=7)
    assert interval == pytest.approx(expected, rel=1e-12)
    assert bootstrap_interval(sample) == bootstrap_interval(sample, iqm, 0.95, 2000, 0)


def test_environments_are_told_by_name_not_by_order():
    scores, baseline = {"easy": [3.0, 4.0], "hard": [0.0, 1.0]}, {"hard": [0.5], "easy": [3.5]}
    assert probability_of_improvement(scores, baseline) == 0.5
    turned = dict(reversed(scores.items()))
    assert bootstrap_interval(turned) == bootstrap_interval(scores)
    with pytest.raises(ValueError, match="Scores of easy: expected"):
        bootstrap_interval({"hard": [1.0], "easy": [np.nan]})


def test_a_wider_confidence_gives_a_wider_students_interval():
    # scipy.stats.t.interval(0.9, 2, loc=2, scale=1/sqrt(3))
    interval = student_interval([1.0, 2.0, 3.0], confidence=0.9)
    assert interval == pytest.approx((2.0, 0.314150, 3.685850), abs=1e-5)


UNKNOWN: Any = "median"

# Mean return of each seed of three agents; an audit found their 300 episodes pooled, and the
# interval 16.4 to 22.6 drawn from them, which holds none of the three.
THREE_SEEDS = [12.1, 33.6, 12.4]


@pytest.mark.parametrize("n_seeds", range(1, INTERVAL_SEEDS))
def test_few_seeds_are_listed_and_have_no_interval(n_seeds):
    values = [12.1, 33.6, 12.4, 9.0][:n_seeds]
    for statistic, centre in (("iqm", iqm), ("mean", np.mean)):
        summary = summarise_seeds(values, statistic)
        assert summary.bounds is None
        assert summary.values == tuple(values)
        assert summary.estimate == pytest.approx(centre(values))
        assert "[" not in summary.text() + summary.brief
        assert all(f"{value:.3f}" in summary.text() for value in values)
    assert summarise_curves(np.outer(values, [1, 2])).low is None


def test_text_of_three_five_and_one_seeds():
    assert summarise_seeds(THREE_SEEDS).text() == (
        "interquartile mean 19.367 of 3 seeds (no interval below 5): 12.100, 33.600, 12.400"
    )
    assert summarise_seeds([2.0] * 5, "mean").text() == (
        "mean 2.000 [2.000, 2.000] (95 % interval over 5 seeds)"
    )
    assert summarise_seeds([0.5]).text() == "0.500 (1 seed)"


def test_scores_get_the_bootstrap_and_means_student():
    values = np.array(A)[:, 0]
    assert summarise_seeds(values).bounds == bootstrap_interval(values)[1:]
    summary, interval = summarise_seeds(values, "mean"), student_interval(values)
    assert (summary.estimate, *summary.bounds) == pytest.approx(interval)
    # scipy.stats.ttest_1samp(values, 0).confidence_interval()
    assert interval == pytest.approx((0.905, 0.7506386, 1.0593614))


def test_curves_are_summarised_as_seeds_at_every_point():
    curves = np.array(A)
    summary, point = summarise_curves(curves), summarise_seeds(curves[:, 1])
    assert summary.centre[1] == pytest.approx(point.estimate)
    assert (summary.low[1], summary.high[1]) == pytest.approx(point.bounds)


def test_five_seeds_get_a_band_and_a_line_with_their_values():
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    curves, summary = summarise_curves(np.outer(values, [1, 2])), summarise_seeds(values)
    assert (curves.low[0], curves.high[0]) == pytest.approx(summary.bounds)
    assert (curves.low[1], curves.high[1]) == pytest.approx(2 * np.array(summary.bounds))
    listed = "  seeds: 1.000, 2.000, 4.000, 8.000, 16.000"
    assert summary.lines() == [summary.text(), listed]
    few = summarise_seeds(values[:4])
    assert few.lines() == [few.text()]


def test_a_claim_needs_ten_seeds():
    assert CLAIM_SEEDS == 10
    assert claim_caveat(9) == "9 seeds: a claim needs 10 or more"
    assert claim_caveat(10) == ""
    assert claim_caveat(2) == "2 seeds: a claim needs 10 or more"
    assert claim_caveat(1) == "1 seed: a claim needs 10 or more"


def test_paired_comparison_of_ten_better_seeds():
    twin = np.arange(10.0)
    result = paired_comparison(twin + np.linspace(0.5, 1.5, 10), twin)
    assert result.difference.estimate == pytest.approx(1.0)
    assert result.difference.bounds == pytest.approx((0.759, 1.241), abs=1e-3)
    assert (result.n_better, result.n_seeds) == (10, 10)
    # Exact: only all plus and all minus of the 2**10 sign patterns are this extreme.
    assert result.p_value == pytest.approx(2 / 2**10)
    assert result.text() == (
        "difference: mean 1.000 [0.759, 1.241] (95 % interval over 10 seeds); better on 10 of 10; "
        "p = 0.002 by sign flips, 0.002 the smallest possible"
    )


@pytest.mark.parametrize(
    ("n_seeds", "smallest"),
    [(2, 0.5), (3, 0.25), (5, 0.0625), (10, 2 / 1024), (13, 2 / 8192), (14, 2e-4), (20, 2e-4)],
)
def test_a_comparison_says_how_small_its_p_can_be(n_seeds, smallest):
    """Seeds that all agree give just that p: of all sign patterns, or of 9999 and the observed."""
    result = paired_comparison(np.arange(1.0, n_seeds + 1), np.zeros(n_seeds))
    assert result.smallest_p == pytest.approx(smallest)
    assert result.p_value == pytest.approx(smallest, abs=3e-4 * (n_seeds > 13))
    assert f"{smallest:.2g} the smallest possible" in result.text()


def test_patterns_are_drawn_only_where_they_are_more_than_the_draws():
    values = np.arange(1.0, 6.0)
    all_of_them = paired_comparison(values, np.zeros(5), n_resamples=2**5)
    assert (all_of_them.smallest_p, all_of_them.p_value) == (2 / 2**5, 2 / 2**5)
    drawn = paired_comparison(values, np.zeros(5), n_resamples=2**5 - 1)
    assert drawn.smallest_p == 2 / 2**5


def test_drawn_patterns_are_the_same_ones_every_time():
    values = np.random.default_rng(0).normal(0.3, 1.0, 15)
    result = paired_comparison(values, np.zeros(15))
    assert result == paired_comparison(values, np.zeros(15), n_resamples=9999, seed=0)
    assert result.p_value != paired_comparison(values, np.zeros(15), seed=1).p_value


def test_a_comparison_of_few_seeds_draws_no_interval_and_says_what_it_lacks():
    text = paired_comparison([3.0, 2.0, 4.0], [1.0, 1.0, 1.0]).text()
    assert text == (
        "difference: mean 2.000 of 3 seeds (no interval below 5): 2.000, 1.000, 3.000; better on 3 "
        "of 3; p = 0.25 by sign flips, 0.25 the smallest possible; "
        "3 seeds: a claim needs 10 or more"
    )


def test_paired_comparison_of_identical_twins_finds_nothing():
    result = paired_comparison([0.3, 0.7, 0.5], [0.3, 0.7, 0.5])
    assert result.difference.estimate == 0.0
    assert result.p_value == 1.0
    assert result.n_better == 0
    assert paired_comparison([1.0, 2.0], [0.0, 0.5]).p_value == 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap_interval({"a": [1.0, np.nan]}), "Scores of a: expected"),
        (lambda: bootstrap_interval({}), "at least one environment"),
        (lambda: probability_of_improvement({"a": [1.0]}, {"b": [1.0]}), "same environments"),
        (lambda: paired_comparison([1.0], [0.0]), "Run more seeds"),
        (lambda: summarise_seeds([]), "n_seeds >= 1"),
        (lambda: summarise_seeds([[1.0, 2.0]]), "expected \\(n_seeds,\\) finite"),
        (lambda: summarise_seeds([1.0, np.inf]), "finite numbers"),
        (lambda: summarise_seeds([1.0], UNKNOWN), "iqm or mean, got 'median'"),
        (lambda: normalise([1.0], 2.0, 2.0), "reference other than the random score"),
    ],
)
def test_wrong_scores_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
