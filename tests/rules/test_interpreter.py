"""The interpreter against closed forms and published numbers."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from threefactor.rules import RULES
from threefactor.rules.contract import Rule
from threefactor.rules.interpreter import Activity, Schedule, Wiring, interpret
from threefactor.rules.interpreter.propagators import matrix_exponential

ONE = Wiring(np.array([0]), np.array([0]), 0.0)


def trains(steps, *spike_times):
    spikes = np.zeros((steps, len(spike_times)), bool)
    for column, times in enumerate(spike_times):
        spikes[list(times), column] = True
    return spikes


def pair(rule, pre_time, post_time, steps=120, **options):
    activity = Activity(trains(steps, [pre_time]), trains(steps, [post_time]))
    return interpret(rule, activity, ONE, **options)


@pytest.mark.parametrize(
    ("pre", "post", "name", "expected"),
    [
        ((10, 85, 115, 135), (15, 75, 110, 140), "rstdp-et", (0.297507, 0.334591)),
        ((10, 85, 115, 135), (15, 75, 110, 140), "rstdp", (0.236169, 0.203302)),
        ((10, 85, 115, 135), (15, 75, 110, 140), "stdp", (0.236169, 0.269036)),
        ((5, 80, 115, 135), (10, 70, 110, 140), "rstdp-et", (0.286520, 0.320004)),
        ((5, 80, 115, 135), (10, 70, 110, 140), "rstdp", (0.236169, 0.210573)),
        ((5, 80, 115, 135), (10, 70, 110, 140), "stdp", (0.236169, 0.261766)),
    ],
)
def test_fixed_trains_of_florian_2007(pre, post, name, expected):
    rewards = np.where(np.arange(200) <= 100, 1.0, -1.0)
    run = interpret(
        RULES[name](learning_rate=0.2),
        Activity(trains(200, pre), trains(200, post)),
        replace(ONE, w=0.2),
        Schedule(np.arange(1, 201), rewards),
        record=("w",),
    )
    np.testing.assert_allclose(run.history["w"][[100, 199], 0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["stdp", "rstdp", "rstdp-et"])
@pytest.mark.parametrize("difference", [-30, -5, -1, 0, 1, 5, 30])
def test_stdp_window(name, difference):
    rule = RULES[name](learning_rate=0.5, a_plus=0.7, a_minus=1.3, tau_minus_ms=35.0)
    if name == "rstdp-et":  # an eligibility that keeps everything is plain STDP
        rule = replace(rule, tau_eligibility_ms=1e15, unit_time_ms=1e15)
    potentiation = 0.7 * np.exp(-difference / 20.0) if difference >= 0 else 0.0
    depression = 1.3 * np.exp(difference / 35.0) if difference <= 0 else 0.0
    expected = 0.5 * (potentiation - depression)
    schedule = Schedule(np.array([120]), np.ones(1))
    w = pair(rule, 50, 50 + difference, schedule=schedule).w[0]
    assert w == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize(("w", "expected"), [(0.0, 0.5), (0.1, 0.5), (0.5, 0.7), (1.0, 1.0)])
def test_a_coincidence_depresses_first_as_bounds_tell(w, expected):
    rule = RULES["stdp"](learning_rate=0.5, a_minus=0.6)
    activity = Activity(trains(20, [10]), trains(20, [10]))
    run = interpret(rule, activity, replace(ONE, w=w, w_min=0.0, w_max=1.0))
    assert run.w[0] == pytest.approx(expected, abs=1e-13)


def test_stdp_counts_all_pairs():
    rule = RULES["stdp"](learning_rate=1.0)
    run = interpret(rule, Activity(trains(60, [10, 20]), trains(60, [30])), ONE)
    assert run.w[0] == pytest.approx(np.exp(-1.0) + np.exp(-0.5), abs=1e-13)


@pytest.mark.parametrize("tau_minus_ms", [20.0, 35.0])
@pytest.mark.parametrize("difference", [-30, -5, -1, 0, 1, 5, 30])
def test_dopamine_stdp_window_of_daspnet(difference, tau_minus_ms):
    rule = RULES["dopamine-stdp"](weight_period_ms=200.0, tau_minus_ms=tau_minus_ms)
    eligibility = pair(rule, 50, 50 + difference).variables["eligibility"][0]
    if difference > 0:
        expected = 0.1 * np.exp(-(difference - 1) / 20.0)
    else:
        expected = -0.15 * np.exp(difference / tau_minus_ms)
    assert eligibility == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("difference", [-30, -5, 5, 30])
def test_kinetic_dopamine_stdp_has_a_time_constant_for_each_order(difference):
    rule = RULES["dopamine-stdp-kinetic"](weight_period_ms=200.0, tau_minus_ms=35.0)
    eligibility = pair(rule, 50, 50 + difference).variables["eligibility"][0]
    expected = np.exp(-difference / 20.0) if difference > 0 else -1.5 * np.exp(difference / 35.0)
    assert eligibility == pytest.approx(expected, abs=1e-14)


def test_dopamine_stdp_pairs_the_nearest_spikes():
    rule = RULES["dopamine-stdp"](weight_period_ms=200.0)
    run = interpret(rule, Activity(trains(60, [10, 20]), trains(60, [30])), ONE)
    assert run.variables["eligibility"][0] == pytest.approx(0.1 * np.exp(-9 / 20.0), abs=1e-14)


def test_dopamine_stdp_coincidence_still_sees_an_older_presynaptic_spike():
    rule = RULES["dopamine-stdp"](weight_period_ms=200.0)
    run = interpret(rule, Activity(trains(60, [10, 30]), trains(60, [30])), ONE)
    expected = 0.1 * np.exp(-19 / 20.0) - 0.15
    assert run.variables["eligibility"][0] == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("name", ["dopamine-stdp", "dopamine-stdp-kinetic"])
def test_distal_reward_outlives_the_episode(name):
    kept = list(RULES[name].resets)
    assert kept == ["pre_trace", "post_trace", "dopamine", "eligibility"]
    activity = Activity(trains(60, [10]), trains(60, [15]))
    for episode_ends in ((), (0, 1)):
        schedule = Schedule(np.array([20, 40]), np.ones(2), episode_ends=episode_ends)
        run = interpret(RULES[name](), activity, ONE, schedule, record=tuple(kept))
        last = {variable: run.history[variable][-1, 0] for variable in kept}
        if not episode_ends:
            expected = last
    assert last == expected
    assert all(last.values())


def test_dopamine_kinetics_follow_the_integral_of_eligibility_times_dopamine():
    dt, steps, tonic, dopamine = 0.1, 4000, 0.02, 0.5
    rule = RULES["dopamine-stdp"](
        learning_rate=dt * 1e-3, weight_period_ms=dt, tonic=tonic, a_plus=1.0
    )
    activity = Activity(trains(steps, [0]), trains(steps, [1]))
    schedule = Schedule(np.array([2]), np.array([dopamine]))
    run = interpret(rule, activity, ONE, schedule, dt_ms=dt, record=("w",))
    t = np.arange(steps - 2) * dt * 1e-3
    rate = (1.0 + 0.2) / (1.0 * 0.2)
    expected = dopamine / rate * (1 - np.exp(-rate * t)) + tonic * (1 - np.exp(-t))
    grown = run.history["w"][2:, 0] - run.history["w"][1, 0]
    assert np.abs(grown - expected).max() < 1e-3 * expected[-1]


def test_dopamine_weight_clock_as_a_geometric_sum():
    rule = RULES["dopamine-stdp"](weight_period_ms=10.0, tonic=0.01)
    activity = Activity(trains(400, [0]), trains(400, [1]))
    run = interpret(rule, activity, ONE, Schedule(np.array([2]), np.array([0.5])))
    ticks = np.arange(40)
    ages = (10.0 * (ticks + 1) - 2) / 200.0
    expected = np.sum(0.1 * np.exp(-ticks * 10 / 1000.0) * (0.01 + 0.5 * np.exp(-ages)))
    assert run.w[0] == pytest.approx(expected, abs=1e-12)


def test_eligibility_kernel():
    run = pair(RULES["rstdp-et"](), 10, 15, record=("eligibility",))
    ages = np.arange(120) - 15
    expected = np.where(ages >= 0, np.exp(-5 / 20) / 25 * np.exp(-ages / 25.0), 0.0)
    np.testing.assert_allclose(run.history["eligibility"][:, 0], expected, rtol=0, atol=1e-14)


def test_constant_third_factor_adds_up_the_eligibility():
    rng = np.random.default_rng(3)
    activity = Activity(rng.random((300, 5)) < 0.1, rng.random((300, 3)) < 0.1)
    pre, post = np.divmod(np.arange(15), 3)
    schedule = Schedule(np.arange(1, 301), np.full(300, 0.7))
    rule = RULES["rstdp-et"](learning_rate=0.3)
    run = interpret(rule, activity, Wiring(pre, post, 0.5), schedule, record=("eligibility",))
    expected = 0.5 + 0.3 * 0.7 * run.history["eligibility"].sum(axis=0)
    np.testing.assert_allclose(run.w, expected, rtol=0, atol=1e-12)


@pytest.fixture
def score_activity():
    rng = np.random.default_rng(4)
    variables = {"score": rng.normal(size=(30, 2)), "sensitivity": rng.random((30, 2))}
    return Activity(np.zeros((30, 1), bool), np.zeros((30, 2), bool), variables)


def test_reinforce_banks_windows_and_a_late_third_factor_skips_the_new_one(score_activity):
    gains = score_activity.variables["score"] * score_activity.variables["sensitivity"]
    sums = gains.reshape(3, 10, 2).sum(axis=1)
    banked = [sums[0], 0.5 * sums[0] + sums[1], 0.25 * sums[0] + 0.5 * sums[1] + sums[2]]
    factors = np.array([1.0, -2.0, 3.0])
    expected = sum(factor * trace for factor, trace in zip(factors, banked, strict=True))
    rule = RULES["reinforce"](learning_rate=1.0, trace_decay=0.5)
    wiring = Wiring(np.array([0, 0]), np.array([0, 1]), 0.0)
    for is_late in (False, True):
        schedule = Schedule(np.array([10, 20, 30]), factors, is_late)
        w = interpret(rule, score_activity, wiring, schedule).w
        np.testing.assert_allclose(w, expected, rtol=0, atol=1e-13)


def test_each_window_keeps_the_sign_of_its_own_agreement(score_activity):
    gains = score_activity.variables["score"] * score_activity.variables["sensitivity"]
    signs = np.array([[1.0, -1.0], [-1.0, -1.0], [1.0, 1.0]])
    ages = 29 - np.arange(30)
    kept = (np.repeat(signs, 10, axis=0) * gains * np.exp(-ages / 100.0)[:, None]).sum(axis=0)
    schedule = Schedule(
        np.array([10, 20, 30]), np.array([0.0, 0.0, 3.0]), writes={"agreement": signs}
    )
    wiring = Wiring(np.array([0, 0]), np.array([0, 1]), 0.0)
    rule = RULES["population-agreement"](learning_rate=1.0, tau_eligibility_ms=100.0)
    w = interpret(rule, score_activity, wiring, schedule).w
    np.testing.assert_allclose(w, 3.0 * kept, rtol=0, atol=1e-13)


def test_reinforce_sign_multiplies_each_neuron_by_its_agreement(score_activity):
    gains = score_activity.variables["score"] * score_activity.variables["sensitivity"]
    sums = gains.reshape(3, 10, 2).sum(axis=1)
    signs = np.array([[1.0, -1.0], [-1.0, -1.0], [1.0, 1.0]])
    schedule = Schedule(
        np.array([10, 20, 30]), np.array([1.0, 2.0, 3.0]), writes={"agreement": signs}
    )
    wiring = Wiring(np.array([0, 0]), np.array([0, 1]), 0.0)
    w = interpret(RULES["reinforce-sign"](learning_rate=1.0), score_activity, wiring, schedule).w
    expected = (np.array([1.0, 2.0, 3.0])[:, None] * signs * sums).sum(axis=0)
    np.testing.assert_allclose(w, expected, rtol=0, atol=1e-13)


def test_td_critic_is_a_delta_rule_on_window_counts():
    rng = np.random.default_rng(5)
    spikes = rng.random((20, 3)) < 0.4
    counts = spikes.reshape(2, 10, 3).sum(axis=1)
    activity = Activity(spikes, np.zeros((20, 1), bool))
    wiring = Wiring(np.arange(3), np.zeros(3, int), 0.0)
    schedule = Schedule(np.array([10, 20]), np.array([2.0, -1.0]))
    w = interpret(RULES["td-critic"](learning_rate=0.1), activity, wiring, schedule).w
    expected = 0.1 * (2 * counts[0] - (0.76 * counts[0] + counts[1]))
    np.testing.assert_allclose(w, expected, rtol=0, atol=1e-14)


def test_episode_end_forgets_the_trace_but_not_what_is_kept(score_activity):
    wiring = Wiring(np.array([0, 0]), np.array([0, 1]), 0.0)
    schedule = Schedule(np.array([10, 20, 30]), np.array([0.0, 0.0, 1.0]), episode_ends=(1,))
    rule = RULES["reinforce"](learning_rate=1.0)
    gains = score_activity.variables["score"] * score_activity.variables["sensitivity"]
    w = interpret(rule, score_activity, wiring, schedule).w
    np.testing.assert_allclose(w, gains[20:].sum(axis=0), rtol=0, atol=1e-13)
    kept = pair(
        RULES["dopamine-stdp"](weight_period_ms=500.0), 3, 5,
        schedule=Schedule(np.array([10]), np.array([0.5]), episode_ends=(0,)),
    ).variables  # fmt: skip
    assert kept["dopamine"][0] > 0
    assert kept["eligibility"][0] > 0


def test_third_factor_of_each_postsynaptic_neuron():
    activity = Activity(trains(20, [5]), trains(20, [8], [8]))
    wiring = Wiring(np.array([0, 0]), np.array([0, 1]), 0.0)
    schedule = Schedule(np.array([20]), np.array([[1.0, -1.0]]))
    w = interpret(RULES["rstdp"](), activity, wiring, schedule).w
    assert w[0] == -w[1] > 0


@dataclass(frozen=True)
class AlphaEligibility(Rule):
    """Two coupled equations with a constant drive."""

    tau_ms: float = 10.0
    tau_rise_ms: float = 3.0
    equations = """dfirst/dt = (third_factor - first)/tau_rise : 1
    deligibility/dt = (first - eligibility)/tau : 1
    twice = 2*eligibility : 1
    seen : 1"""
    on_pre = "first += 1"
    each_step = "seen = twice"
    resets = {"first": "keep", "eligibility": "keep"}


def test_coupled_equations_are_integrated_exactly():
    run = pair(AlphaEligibility(), 0, 0, steps=40, record=("eligibility", "seen"))
    t = np.arange(40.0)
    expected = 3.0 / (10.0 - 3.0) * (np.exp(-t / 10) - np.exp(-t / 3))
    np.testing.assert_allclose(run.history["eligibility"][:, 0], expected, rtol=0, atol=1e-14)
    np.testing.assert_allclose(run.history["seen"][:, 0], 2 * expected, rtol=0, atol=1e-14)


def test_equations_follow_the_third_factor():
    schedule = Schedule(np.array([1]), np.array([2.0]))
    run = pair(AlphaEligibility(), 119, 119, schedule=schedule, record=("first",))
    t = np.arange(119.0)
    np.testing.assert_allclose(run.history["first"][:119, 0], 2 * (1 - np.exp(-t / 3)), atol=1e-13)


def test_matrix_exponential():
    angle = np.array([0.3, 20.0])
    matrices = np.zeros((2, 2, 2))
    matrices[:, 0, 1], matrices[:, 1, 0] = -angle, angle
    turned = matrix_exponential(matrices)
    np.testing.assert_allclose(turned[:, 0, 0], np.cos(angle), rtol=0, atol=1e-13)
    np.testing.assert_allclose(turned[:, 1, 0], np.sin(angle), rtol=0, atol=1e-13)


def test_nonlinear_equations_are_refused():
    @dataclass(frozen=True)
    class Squared(Rule):
        equations = "dx/dt = -x*x/tau : 1"
        tau_ms: float = 5.0

    with pytest.raises(ValueError, match=r"Squared.equations, .*: expected linear equations"):
        pair(Squared(), 1, 2)


def test_equations_that_read_another_place_are_refused():
    @dataclass(frozen=True)
    class Driven(Rule):
        pre_equations = "dmark/dt = -mark/tau : 1"
        equations = "dx/dt = (mark - x)/tau : 1"
        tau_ms: float = 5.0

    with pytest.raises(ValueError, match=r"'mark' lives elsewhere"):
        pair(Driven(), 1, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": Schedule(np.array([0]), np.zeros(1))}, "decision_ends must increase"),
        ({"schedule": Schedule(np.array([5]), np.zeros(2))}, "third_factors must be"),
        ({"dt_ms": 0.0}, "dt_ms must be > 0"),
        ({"record": ("nothing",)}, "unknown variables"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        pair(RULES["rstdp"](), 1, 2, **options)


def test_missing_neuron_variables_and_bad_clocks_are_named():
    with pytest.raises(ValueError, match=r"Reinforce.*lacks \['score', 'sensitivity'\]"):
        pair(RULES["reinforce"](), 1, 2)
    with pytest.raises(ValueError, match=r"DopamineSTDP.weight_period_ms must be a multiple"):
        pair(RULES["dopamine-stdp"](weight_period_ms=2.5), 1, 2)
    wiring = Wiring(np.array([0]), np.array([1]), 0.0)
    with pytest.raises(ValueError, match=r"wiring.post must index 0 to 0"):
        interpret(RULES["rstdp"](), Activity(trains(5, [1]), trains(5, [1])), wiring)
