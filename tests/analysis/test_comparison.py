"""Chances, shares and their intervals, against rliable, published formulas and exact tests."""

import numpy as np
import pytest
from scipy import stats

from tests.analysis.test_statistics import A, B, by_env
from threefactor.analysis.statistics import (
    Interval,
    area_under_curve,
    bootstrap_interval,
    holm,
    improvement_interval,
    mean_of_intervals,
    performance_profile,
    probability_of_improvement,
    summarise_profile,
    wilson_interval,
)

# rliable 1.2.0 with numpy 2.4.6, pandas 2.3.3 and arch 7.2.0 (`pip install rliable "pandas<3"`):
# create_performance_profile({"x": A}, TAUS, reps=20000) and get_interval_estimates of
# metrics.probability_of_improvement({"x": (A, B)}, reps=5000, random_state=RandomState(0)).
TAUS = [0.5, 0.75, 1.0, 1.25, 1.5]
RLIABLE_PROFILES = [
    (A, [0.9, 0.83333, 0.36667, 0.1, 0.03333],
     [0.8, 0.7, 0.2, 0.0, 0.0], [1.0, 0.96667, 0.53333, 0.2, 0.1]),
    (B, [0.86667, 0.63333, 0.3, 0.1, 0.0],
     [0.76667, 0.5, 0.16667, 0.0, 0.0], [0.96667, 0.76667, 0.43333, 0.2, 0.0]),
]  # fmt: skip
RLIABLE_IMPROVEMENT = (0.56167, 0.42667, 0.70000)
BETTER, WORSE = [2.0, 3.0, 4.0, 5.0, 6.0], [-1.0, 0.0, 1.0, 1.5, 1.9]


@pytest.mark.parametrize(("scores", "shares", "lows", "highs"), RLIABLE_PROFILES)
def test_profiles_agree_with_rliable(scores, shares, lows, highs):
    assert performance_profile(by_env(scores), TAUS) == pytest.approx(shares, abs=1e-5)
    for tau, share, low, high in zip(TAUS, shares, lows, highs, strict=True):

        def above(values, axis, tau=tau):
            return np.mean(values > tau, axis=axis)

        theirs = bootstrap_interval(by_env(scores), above, n_resamples=20_000)
        assert theirs == pytest.approx((share, low, high), abs=0.034)  # one of thirty runs


def test_the_band_of_a_profile_is_near_rliables_but_leaves_room_at_the_ends():
    for scores, shares, lows, highs in RLIABLE_PROFILES:
        profile = summarise_profile(by_env(scores), TAUS)
        assert profile.share == pytest.approx(shares, abs=1e-5)
        assert profile.low == pytest.approx(lows, abs=0.1)
        assert profile.high[:-1] == pytest.approx(highs[:-1], abs=0.1)
        assert profile.high[-1] > highs[-1] + 0.09  # of one run, or none, above 1.5


def test_a_band_has_a_width_where_all_seeds_agree_and_none_of_few_seeds():
    profile = summarise_profile([1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 6.0])
    assert profile.share.tolist() == [1.0, 0.0]
    assert profile.low == pytest.approx([1 / (1 + 1.959964**2 / 5), 0.0])
    assert profile.high == pytest.approx([1.0, 1 - profile.low[0]])
    few = summarise_profile({"a": [1.0] * 5, "b": [1.0] * 4}, [0.0])
    assert (few.low, few.high) == (None, None)


def test_wilsons_interval_is_scipys():
    for successes, trials in ((0, 5), (3, 5), (5, 5), (7, 30)):
        expected = stats.binomtest(successes, trials).proportion_ci(method="wilson")
        found = wilson_interval(successes, trials)
        assert found == pytest.approx((successes / trials, *expected))
    narrow = stats.binomtest(3, 5).proportion_ci(0.5, method="wilson")
    assert wilson_interval(3, 5, 0.5)[1:] == pytest.approx(tuple(narrow))


def test_the_mean_of_intervals_recovers_their_variances():
    intervals = [Interval(0.5, 0.2, 0.6), Interval(0.9, 0.5, 1.0)]
    assert mean_of_intervals(intervals) == pytest.approx((0.7, 0.45, 0.7 + 0.02**0.5 / 2))
    assert mean_of_intervals(intervals[:1]) == pytest.approx(intervals[0])


def test_the_interval_of_an_improvement_solves_newcombes_equation():
    chance, low, high = improvement_interval([1.0, 4.0, 5.0, 6.0], [0.0, 2.0, 3.0, 3.5, 3.6, 4.5])
    assert chance == pytest.approx((1 + 5 + 6 + 6) / 24)
    for end in (low, high):
        spread = 1 + 4 * ((1 - end) / (2 - end) + end / (1 + end))
        assert (chance - end) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) * spread / 24)
    assert low < chance < high


def test_improvement_over_environments_is_near_rliables():
    found = improvement_interval(by_env(A), by_env(B))
    assert found == pytest.approx(RLIABLE_IMPROVEMENT, abs=0.02)
    assert found.estimate == pytest.approx(probability_of_improvement(by_env(A), by_env(B)))


def test_five_seeds_that_are_all_better_prove_no_certainty():
    """A bootstrap says 1 to 1; so do runs of which one in ten would be worse, often."""
    chance, low, high = improvement_interval(BETTER, WORSE)
    assert (chance, high) == (1.0, 1.0)
    assert 0.5 < low < 0.7
    assert improvement_interval(WORSE, BETTER) == pytest.approx((0.0, 0.0, 1 - low))
    assert improvement_interval(BETTER, WORSE, 0.5).low > low


def test_improvement_is_asked_of_the_same_environments():
    with pytest.raises(ValueError, match="same environments on both sides, got \\['a'\\] and"):
        improvement_interval({"a": [1.0]}, {"b": [1.0]})


def test_the_area_under_a_curve_is_the_mean_of_its_episodes():
    assert area_under_curve([0.0, 1.0, 1.0, 2.0]) == 1.0
    assert area_under_curve([0, 0, 0, 1]) < area_under_curve([0, 1, 1, 1])
    for wrong in ([], [[1.0]], [np.nan]):
        with pytest.raises(ValueError, match="area_under_curve: expected"):
            area_under_curve(wrong)


def test_holms_correction_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []
