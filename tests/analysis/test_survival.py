"""Times to a threshold, some of them censored, against lifelines, SciPy and by hand."""

import numpy as np
import pytest
from scipy import stats

from threefactor.analysis.statistics import (
    log_rank_p_value,
    student_interval,
    summarise_times,
    survival_curve,
    time_to_threshold,
    wilson_interval,
)
from threefactor.analysis.statistics.survival import survival_band

# lifelines 0.30.3: KaplanMeierFitter().fit(T, E), restricted_mean_survival_time(fit, 60), and
# logrank_test(T, T2, E, E2).
T = [12, 25, 25, 31, 40, 47, 60, 60, 60, 55]
E = [1, 1, 1, 1, 1, 1, 0, 0, 0, 1]
T2 = [30, 44, 52, 60, 60, 60, 60, 60, 60, 60]
E2 = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
EARLY_T, EARLY_E = [6, 7, 9, 10, 11, 13, 16, 17, 19, 20], [1, 1, 0, 0, 0, 1, 1, 0, 0, 0]


def test_kaplan_and_meier_agree_with_lifelines():
    ends, share = survival_curve(T, E)
    assert ends.tolist() == [0, 12, 25, 31, 40, 47, 55]
    assert share == pytest.approx([1, 0.9, 0.7, 0.6, 0.5, 0.4, 0.3])


@pytest.mark.parametrize(
    ("times", "reached", "median", "mean", "horizon"),
    [(T, E, 40, 41.5, 60), (T2, E2, np.inf, 54.6, 60), (EARLY_T, EARLY_E, 16, 15.54, 20)],
)
def test_median_and_restricted_mean_agree_with_lifelines(times, reached, median, mean, horizon):
    summary = summarise_times(times, reached)
    assert (summary.median, summary.mean) == (median, pytest.approx(mean))
    assert (summary.horizon, summary.n_reached) == (horizon, sum(reached))


def test_the_log_rank_test_agrees_with_lifelines():
    assert log_rank_p_value(T, E, T2, E2) == pytest.approx(0.06272646528)
    assert log_rank_p_value([3, 3], [0, 0], [3, 3], [0, 0]) == 1.0


@pytest.mark.parametrize(("times", "reached"), [(T, E), (EARLY_T, EARLY_E)])
def test_the_survival_curve_is_scipys(times, reached):
    ends, share = survival_curve(times, reached)
    censored = stats.CensoredData.right_censored(np.array(times), ~np.array(reached, bool))
    assert share == pytest.approx(stats.ecdf(censored).sf.evaluate(ends))


def test_the_band_is_wilsons_of_all_seeds_until_one_is_censored():
    ends, low, high = survival_band(T, E)
    for k, left in enumerate([10, 9, 7, 6, 5, 4, 3]):
        assert (low[k], high[k]) == pytest.approx(wilson_interval(left, 10)[1:])


def test_the_band_of_early_censoring_is_that_of_fewer_seeds():
    """By hand, at 13: share 0.8*4/5; Greenwood's sum 1/90 + 1/72 + 1/20."""
    ends, low, high = survival_band(EARLY_T, EARLY_E)
    assert ends.tolist() == [0, 6, 7, 13, 16]
    n = 0.36 / (0.64 * (1 / 90 + 1 / 72 + 1 / 20))
    assert n < 10
    assert (low[3], high[3]) == pytest.approx(wilson_interval(0.64 * n, n)[1:])


def test_the_interval_of_the_median_are_the_times_at_which_the_band_is_half():
    assert summarise_times(T, E).bounds == (25, np.inf)
    assert summarise_times([1, 2, 3, 4, 5], [True] * 5).bounds == (1, 5)
    # Order statistics: 2nd and 9th of ten hold the median in 97.9 %, 3rd and 8th in 89.1 %.
    assert summarise_times(np.arange(1, 11), [True] * 10).bounds == (2, 9)
    assert summarise_times([7] * 6, [False] * 6).bounds == (np.inf, np.inf)


def test_the_interval_of_the_mean_is_students_where_all_had_as_long():
    waited = np.minimum(T, 60)
    expected = student_interval(waited)
    summary = summarise_times(T, E)
    assert (summary.mean, *summary.mean_bounds) == pytest.approx(expected)
    low, high = summarise_times(T2, E2).mean_bounds
    assert high == 60  # nobody knows what is beyond
    assert low == pytest.approx(student_interval(T2).low)


def test_a_horizon_cuts_the_mean_and_not_the_median():
    summary = summarise_times(T, E, horizon=30)
    assert summary.mean == pytest.approx(np.minimum(T, 30).mean())
    assert summary.median == 40
    assert summarise_times([1, 2, 3, 4, 50], [True] * 5, 2).mean_bounds[0] >= 0


def test_few_seeds_get_no_interval():
    summary = summarise_times([3, 5, 9, 9], [True, True, True, False])
    assert (summary.bounds, summary.mean_bounds) == (None, None)
    assert summary.brief == "5, 3/4"
    assert summarise_times(T, E).brief == "40 [25, >60], 7/10"
    assert summarise_times([9] * 6, [False] * 6).brief == ">9, 0/6"


@pytest.mark.parametrize(
    ("returns", "window", "time"),
    [
        ([0, 0, 1, 1, 1], 1, (3, True)), ([0, 0, 1, 1, 1], 2, (4, True)),
        ([0, 0, 1, 1, 1], 3, (5, True)), ([0, 0, 1, 1, 1], 4, (5, False)),
        ([1, 0, 0], 1, (1, True)), ([0.1] * 3, 3, (3, False)),
    ],
)  # fmt: skip
def test_a_threshold_is_reached_by_the_mean_of_a_full_window(returns, window, time):
    assert time_to_threshold(returns, 1.0, window) == time


def test_a_mean_reaches_the_value_that_it_consists_of():
    assert time_to_threshold([0.1] * 30, 0.1, 10) == (10, True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: time_to_threshold([1.0], 1.0, 2), "window of 1 to 1 episodes, got 2"),
        (lambda: time_to_threshold([1.0], 1.0, 0), "got 0"),
        (lambda: summarise_times([], []), "expected \\(n_seeds,\\) times"),
        (lambda: summarise_times([1, 2], [True]), "shapes \\(2,\\) and \\(1,\\)"),
        (lambda: summarise_times([0, 2], [True] * 2), "finite times > 0"),
        (lambda: summarise_times([1, 2], [True] * 2, 3), "horizon of 0 to the longest time, 2"),
    ],
)
def test_wrong_times_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_nominal_intervals_of_the_median_hold_it():
    """Of 400 samples; 2.5 % is two standard errors. An interval of the quartiles holds 72 %."""
    rng, held = np.random.default_rng(3), 0
    for _ in range(400):
        times = rng.exponential(size=10)
        low, high = summarise_times(np.minimum(times, 1.5), times <= 1.5).bounds
        held += low <= np.log(2) <= high
    assert held / 400 > 0.93
