"""Rules that learn from randomness: scores without mean, gradients by enumeration and sampling."""

import itertools

import numpy as np
import pytest

from threefactor.rules import RULES
from threefactor.rules.interpreter import Activity, Schedule, Wiring, interpret

DECAY, SLOPE, THRESHOLD, RHO = np.exp(-1 / 20), 2.0, 5.0, 0.2
PATTERN = np.array([[1, 0], [1, 1], [0, 0], [0, 1], [1, 0], [0, 0]], bool)
REWARDS = np.random.default_rng(0).normal(size=2 ** len(PATTERN))


def escape_run(w, pattern, outcomes):
    """Run an escape-noise neuron on given spikes: (score, sensitivity, p) and the log-probability.

    w : (n_inputs,); outcomes : (steps,) bool. Input of a step acts in the next one.
    """
    v, sensitivity, log_p = 0.0, np.zeros(len(w)), 0.0
    rows = {"score": [], "sensitivity": [], "p": []}
    for spikes, z in zip(pattern, outcomes, strict=True):
        v, sensitivity = DECAY * v, DECAY * sensitivity
        expected = RHO * np.exp((v - THRESHOLD) / SLOPE)
        p = -np.expm1(-expected)
        rows["p"].append(p)
        rows["score"].append(expected / SLOPE * ((1 - p) / p if z else -1.0))
        rows["sensitivity"].append(sensitivity.copy())
        log_p += np.log(p if z else 1 - p)
        v, sensitivity = v + w @ spikes, sensitivity + spikes
        if z:
            v, sensitivity = 0.0, np.zeros(len(w))
    return {name: np.array(values) for name, values in rows.items()}, log_p


def expected_reward(w):
    outcomes = itertools.product([False, True], repeat=len(PATTERN))
    logs = [escape_run(w, PATTERN, outcome)[1] for outcome in outcomes]
    return np.sum(np.exp(logs) * REWARDS)


def expected_update(rule, w):
    """Mean weight change over all spike trains, each with its probability."""
    total = np.zeros(2)
    for reward, outcome in zip(
        REWARDS, itertools.product([False, True], repeat=len(PATTERN)), strict=True
    ):
        rows, log_p = escape_run(w, PATTERN, outcome)
        z = np.array(outcome, float)[:, None]
        variables = {
            "score": rows["score"][:, None], "sensitivity": rows["sensitivity"],
            "z": z, "p": rows["p"][:, None],
        }  # fmt: skip
        activity = Activity(PATTERN, z > 0.5, {name: variables[name] for name in rule.requires})
        written = {"agreement": np.ones((1, 1))} if "agreement" in rule.post_equations else {}
        schedule = Schedule(np.array([len(PATTERN)]), np.array([reward]), writes=written)
        wiring = Wiring(np.arange(2), np.zeros(2, int), w)
        total += np.exp(log_p) * (interpret(rule, activity, wiring, schedule).w - w)
    return total


@pytest.mark.parametrize("name", ["reinforce", "rmax", "population-agreement"])
def test_mean_update_is_the_gradient_of_the_expected_reward(name):
    """Enumeration of 64 spike trains against finite differences."""
    options = {} if name == "reinforce" else {"tau_eligibility_ms": 1e12}
    rule, w = RULES[name](learning_rate=1.0, **options), np.array([2.5, 3.5])
    step = 1e-5
    gradient = [
        (expected_reward(w + d) - expected_reward(w - d)) / (2 * step) for d in step * np.eye(2)
    ]
    assert np.linalg.norm(gradient) > 1e-3
    np.testing.assert_allclose(expected_update(rule, w), gradient, rtol=1e-6)


def long_activity(seed, n_post, steps=20000):
    """Escape neurons under Poisson input, vectorised; every neuron is one sample."""
    rng, n_pre = np.random.default_rng(seed), 5
    pre = rng.random((steps, n_pre)) < 0.05
    v, sensitivity = np.zeros(n_post), np.zeros((n_pre, n_post))
    rows = {"score": [], "sensitivity": [], "p": [], "z": []}
    for spikes in pre:
        v, sensitivity = DECAY * v, DECAY * sensitivity
        expected = RHO * np.exp((v - THRESHOLD) / SLOPE)
        p = -np.expm1(-expected)
        z = rng.random(n_post) < p
        rows["score"].append(expected / SLOPE * np.where(z, (1 - p) / p, -1.0))
        rows["sensitivity"].append(sensitivity.ravel())
        rows["p"].append(p)
        rows["z"].append(z.astype(float))
        v = np.where(z, 0.0, v + 1.0 * spikes.sum())
        sensitivity = np.where(z, 0.0, sensitivity + spikes[:, None])
    return pre, {name: np.array(values) for name, values in rows.items()}


@pytest.fixture(scope="module")
def long_run():
    return long_activity(1, 40, 3000)


def drift(rule, long_run):
    """Return the z-value of the mean weight change under a constant third factor."""
    pre, rows = long_run
    n_post = rows["z"].shape[1]
    activity = Activity(pre, rows["z"] > 0.5, {name: rows[name] for name in rule.requires})
    source, target = np.divmod(np.arange(5 * n_post), n_post)
    ends = np.arange(100, len(pre) + 1, 100)
    schedule = Schedule(ends, np.ones(ends.size))
    w = interpret(rule, activity, Wiring(source, target, 0.0), schedule).w
    per_neuron = w.reshape(5, n_post).mean(axis=0)
    return per_neuron.mean() / per_neuron.std(ddof=1) * np.sqrt(n_post)


def test_scores_have_no_mean_and_hebbian_rules_do(long_run):
    for name in ("reinforce", "rmax"):
        assert abs(drift(RULES[name](), long_run)) < 3
    family = [
        drift(RULES["hebbian-bias"](expected_share=share), long_run) for share in (1.0, 0.5, 0.0)
    ]
    assert abs(family[0]) < 3 < 10 < family[1] < family[2]
    assert abs(drift(RULES["rstdp"](), long_run)) > 10


def test_rmax_filters_the_score():
    rng, steps = np.random.default_rng(6), 60
    variables = {"score": rng.normal(size=(steps, 1)), "sensitivity": rng.random((steps, 1))}
    activity = Activity(np.zeros((steps, 1), bool), np.zeros((steps, 1), bool), variables)
    rule, wiring = RULES["rmax"](tau_eligibility_ms=15.0), Wiring(np.zeros(1, int), [0], 0.0)
    found = interpret(rule, activity, wiring, record=("eligibility",)).history["eligibility"]
    gains = (variables["score"] * variables["sensitivity"])[:, 0]
    expected = np.convolve(gains, np.exp(-np.arange(steps) / 15.0))[:steps]
    np.testing.assert_allclose(found[:, 0], expected, rtol=0, atol=1e-13)


def test_hebbian_bias_filters_its_terms():
    rng, steps = np.random.default_rng(12), 60
    z, p, sensitivity = rng.random((3, steps, 1))
    activity = Activity(
        np.zeros((steps, 1), bool), np.zeros((steps, 1), bool),
        {"z": z, "p": p, "sensitivity": sensitivity},
    )  # fmt: skip
    rule = RULES["hebbian-bias"](tau_eligibility_ms=15.0, expected_share=0.3)
    wiring = Wiring(np.zeros(1, int), [0], 0.0)
    found = interpret(rule, activity, wiring, record=("eligibility",)).history["eligibility"]
    terms = ((z - 0.3 * p) * sensitivity)[:, 0]
    expected = np.convolve(terms, np.exp(-np.arange(steps) / 15.0))[:steps]
    np.testing.assert_allclose(found[:, 0], expected, rtol=0, atol=1e-13)


def test_hedonistic_eligibility_decays():
    rule, steps = RULES["hedonistic"](tau_eligibility_ms=20.0), 30
    pre, draws = np.zeros((steps, 1), bool), np.full((steps, 1), 0.1)
    pre[4] = True
    activity = Activity(pre, np.zeros((steps, 1), bool), {"release": draws})
    wiring = Wiring(np.zeros(1, int), [0], 0.0)
    found = interpret(rule, activity, wiring, record=("eligibility",)).history["eligibility"]
    expected = np.where(np.arange(steps) >= 4, 0.5 * np.exp(-(np.arange(steps) - 4) / 20.0), 0.0)
    np.testing.assert_allclose(found[:, 0], expected, rtol=0, atol=1e-13)


def test_node_perturbation_forgets_a_window_when_it_closes():
    steps = 12
    activity = Activity(
        np.ones((steps, 1), bool), np.zeros((steps, 1), bool),
        {"perturbation": np.ones((steps, 1))},
    )  # fmt: skip
    schedule = Schedule(np.array([6, 12]), np.array([0.0, 1.0]))
    rule, wiring = RULES["node-perturbation"](learning_rate=1.0), Wiring(np.zeros(1, int), [0], 0.0)
    # A kick meets the spikes of the timestep before: five in the first window, six in the second.
    assert interpret(rule, activity, wiring, schedule).w[0] == 6.0


def test_hebbian_bias_runs_from_hebb_to_the_policy_gradient(long_run):
    pre, rows = long_run
    n_post, steps = rows["z"].shape[1], len(pre)
    source, target = np.divmod(np.arange(5 * n_post), n_post)
    for share in (0.0, 0.3, 1.0):
        rule = RULES["hebbian-bias"](
            learning_rate=1.0, expected_share=share, tau_eligibility_ms=1e12
        )
        activity = Activity(pre, rows["z"] > 0.5, {n: rows[n] for n in rule.requires})
        schedule = Schedule(np.array([steps]), np.ones(1))
        w = interpret(rule, activity, Wiring(source, target, 0.0), schedule).w
        terms = (rows["z"] - share * rows["p"])[:, target] * rows["sensitivity"]
        np.testing.assert_allclose(w, terms.sum(axis=0), rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("name", ["td-ltp", "td-stdp"])
def test_td_rules_filter_coincidences_with_a_difference_of_exponentials(name):
    rng, steps = np.random.default_rng(7), 400
    pre, post = rng.random(steps) < 0.05, rng.random(steps) < 0.05
    sensitivity = rng.random(steps)
    variables = {"z": post[:, None].astype(float), "sensitivity": sensitivity[:, None]}
    rule = RULES[name](learning_rate=1.0)
    schedule = Schedule(np.array([steps]), np.array([2.0]))
    activity = Activity(pre[:, None], post[:, None], variables)
    w = interpret(rule, activity, Wiring(np.zeros(1, int), [0], 0.0), schedule).w[0]
    coincidence = post * sensitivity
    if name == "td-stdp":
        since = np.arange(steps)[:, None] - np.arange(steps)[None, :]
        window = np.where(since > 0, np.exp(-since / 20.0), 0.0)
        coincidence = coincidence - 0.3 * pre * (window @ post)
    ages = steps - 1 - np.arange(steps)
    kernel = (np.exp(-ages / 200.0) - np.exp(-ages / 50.0)) / (200.0 - 50.0)
    assert w == pytest.approx(2.0 * coincidence @ kernel, rel=1e-12)


def test_continuous_td_ltp_adds_up_what_its_clock_sees():
    rng, steps, period = np.random.default_rng(8), 400, 4
    post, sensitivity = rng.random(steps) < 0.05, rng.random(steps)
    variables = {"z": post[:, None].astype(float), "sensitivity": sensitivity[:, None]}
    activity = Activity(np.zeros((steps, 1), bool), post[:, None], variables)
    rule = RULES["td-ltp-continuous"](
        learning_rate=0.5, tau_decay_ms=120.0, tau_rise_ms=30.0, weight_period_ms=float(period)
    )
    schedule = Schedule(np.array([202, 302]), np.array([2.0, -1.0]))
    w = interpret(rule, activity, Wiring(np.zeros(1, int), [0], 0.0), schedule).w[0]
    ticks = np.arange(period, steps + 1, period)
    ages = ticks[:, None] - 1 - np.arange(steps)
    kernel = np.where(ages >= 0, np.exp(-ages / 120.0) - np.exp(-ages / 30.0), 0.0)
    third_factor = np.select([ticks <= 202, ticks <= 302], [0.0, 2.0], -1.0)
    expected = 0.5 * third_factor @ kernel @ (post * sensitivity) * period / (120.0 - 30.0)
    assert w == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["td-ltp", "td-ltp-continuous", "td-stdp"])
def test_td_kernel_needs_two_time_constants(name):
    with pytest.raises(ValueError, match="tau_decay_ms must differ from tau_rise_ms"):
        RULES[name](tau_rise_ms=200.0)


def test_agreement_signs_each_neuron(long_run):
    pre, rows = long_run
    pre, n_post = pre[:200], rows["z"].shape[1]
    source, target = np.divmod(np.arange(5 * n_post), n_post)
    activity = Activity(
        pre, rows["z"][:200] > 0.5, {n: rows[n][:200] for n in ("score", "sensitivity")}
    )
    signs = np.random.default_rng(8).choice([-1.0, 1.0], (1, n_post))
    schedule = Schedule(np.array([200]), np.array([0.7]), writes={"agreement": signs})
    wiring = Wiring(source, target, 0.0)
    w = interpret(RULES["population-agreement"](), activity, wiring, schedule).w
    plain = Schedule(np.array([200]), np.array([0.7]))
    same = interpret(RULES["rmax"](), activity, wiring, plain).w
    np.testing.assert_allclose(w, signs[0, target] * same, rtol=1e-12)


def test_node_perturbation_estimates_the_gradient():
    """R = the membrane at the end; dR/dw is known; every postsynaptic neuron is a sample."""
    rng, steps, n_post, sd = np.random.default_rng(9), 12, 4000, 0.5
    pre = rng.random((steps, 3)) < 0.4
    kicks = sd * rng.normal(size=(steps, n_post))
    v, sensitivity = np.zeros(n_post), np.zeros(3)
    for step in range(steps):
        v, sensitivity = DECAY * v + kicks[step], DECAY * sensitivity
        reward = v.copy()
        gradient = sensitivity.copy()
        v, sensitivity = v + pre[step] @ [0.3, 0.2, 0.1], sensitivity + pre[step]
    source, target = np.divmod(np.arange(3 * n_post), n_post)
    activity = Activity(pre, np.zeros((steps, n_post), bool), {"perturbation": kicks})
    schedule = Schedule(np.array([steps]), reward[None, :] - reward.mean())
    rule = RULES["node-perturbation"](learning_rate=1.0)
    w = interpret(rule, activity, Wiring(source, target, 0.0), schedule).w.reshape(3, n_post)
    estimate = DECAY * w.mean(axis=1) / sd**2  # a weight acts one decay later than a kick
    error = DECAY * w.std(axis=1) / sd**2 / np.sqrt(n_post)
    assert np.all(np.abs(estimate - gradient) < 4 * error)
    assert np.all(gradient > 8 * error)


def test_exploratory_hebb_against_a_loop():
    rng, steps = np.random.default_rng(10), 50
    pre, v_mv = rng.random(steps) < 0.3, rng.normal(-60.0, 2.0, steps)
    trace, mean, eligibility = 0.0, v_mv[0], 0.0
    for step in range(steps):
        trace *= np.exp(-1 / 20.0)
        mean += (v_mv[step] - mean) * (1 - np.exp(-1 / 50.0))
        eligibility += (trace * (v_mv[step] - mean)) ** 3
        trace += pre[step]
    activity = Activity(pre[:, None], np.zeros((steps, 1), bool), {"v": v_mv[:, None] * 1e-3})
    schedule = Schedule(np.array([steps]), np.array([0.5]))
    rule = RULES["exploratory-hebb"](learning_rate=1.0)
    w = interpret(rule, activity, Wiring(np.zeros(1, int), [0], 0.0), schedule).w[0]
    assert w == pytest.approx(0.5 * eligibility, rel=1e-9)


def test_hedonistic_synapse_follows_the_gradient_of_release():
    """Three presynaptic spikes with facilitation, eight patterns of release, enumerated."""
    jump, rewards = 0.8, np.random.default_rng(11).normal(size=8)
    rule = RULES["hedonistic"](
        learning_rate=1.0, facilitation_jump=jump, tau_eligibility_ms=1e12,
        tau_facilitation_ms=10.0,
    )  # fmt: skip
    spikes = np.array([1, 0, 0, 1, 1, 0], bool)
    times = np.flatnonzero(spikes)
    before = np.array([np.exp(-(t - times[times < t]) / 10.0).sum() for t in times])

    def probabilities(w):
        p = 1 / (1 + np.exp(-w - jump * before))
        patterns = np.array(list(itertools.product([0, 1], repeat=3)))
        return patterns, p, np.prod(np.where(patterns == 1, p, 1 - p), axis=1)

    w0, step = 0.3, 1e-5
    gradient = (probabilities(w0 + step)[2] - probabilities(w0 - step)[2]) @ rewards / (2 * step)
    patterns, p, chances = probabilities(w0)
    total = 0.0
    for pattern, chance, reward in zip(patterns, chances, rewards, strict=True):
        draws = np.full((6, 1), 0.5)
        draws[times, 0] = np.where(pattern == 1, p / 2, (1 + p) / 2)
        activity = Activity(spikes[:, None], np.zeros((6, 1), bool), {"release": draws})
        schedule = Schedule(np.array([6]), np.array([reward]))
        wiring = Wiring(np.zeros(1, int), np.zeros(1, int), w0)
        total += chance * (interpret(rule, activity, wiring, schedule).w[0] - w0)
    assert abs(gradient) > 1e-3
    assert total == pytest.approx(gradient, rel=1e-7)
