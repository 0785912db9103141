import numpy as np
import pytest

from threefactor.analysis.statistics import (
    bootstrap_interval,
    curve_interval,
    iqm,
    normalise,
    optimality_gap,
    paired_comparison,
    performance_profile,
    probability_of_improvement,
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


def test_bootstrap_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        _, low, high = bootstrap_interval(rng.normal(size=25), np.mean, n_resamples=400)
        hits += low <= 0 <= high
    assert 0.87 <= hits / 200 <= 0.99


def test_curve_interval_is_the_interval_at_every_point():
    curves = np.array(A)
    centre, low, high = curve_interval(curves)
    point = bootstrap_interval(curves[:, 1])
    assert centre[1] == pytest.approx(point.estimate)
    assert low[1] == pytest.approx(point.low, abs=0.03)
    assert high[1] == pytest.approx(point.high, abs=0.03)


def test_paired_comparison_of_ten_better_seeds():
    twin = np.arange(10.0)
    result = paired_comparison(twin + np.linspace(0.5, 1.5, 10), twin)
    assert result.difference.estimate == pytest.approx(1.0)
    assert 0.7 < result.difference.low < 1.0 < result.difference.high < 1.3
    assert (result.n_better, result.n_seeds) == (10, 10)
    # Exact: only all plus and all minus of the 2**10 sign patterns are this extreme.
    assert result.p_value == pytest.approx(2 / 2**10)


def test_paired_comparison_of_identical_twins_finds_nothing():
    result = paired_comparison([0.3, 0.7, 0.5], [0.3, 0.7, 0.5])
    assert result.difference == (0.0, 0.0, 0.0)
    assert result.p_value == 1.0
    assert paired_comparison([1.0, 2.0], [0.0, 0.5]).p_value == 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap_interval({"a": [1.0, np.nan]}), "Scores of a: expected"),
        (lambda: bootstrap_interval({}), "at least one environment"),
        (lambda: probability_of_improvement({"a": [1.0]}, {"b": [1.0]}), "same environments"),
        (lambda: paired_comparison([1.0], [0.0]), "Run more seeds"),
        (lambda: normalise([1.0], 2.0, 2.0), "reference other than the random score"),
    ],
)
def test_wrong_scores_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
