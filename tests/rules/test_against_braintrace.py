"""Rules against BrainTrace: frozen arrays always, BrainTrace itself where it is installed.

Our neurons are run from their strings, our rules are given what the neurons did; BrainTrace
differentiates the states of its neurons. What equals what is in docs/braintrace.md.
"""

import importlib.util
import json

import numpy as np
import pytest

from threefactor.models.interpreter import Interpreter
from threefactor.models.neurons import AdaptiveLIF, EscapeLIF, PoissonInput
from threefactor.models.specification import NetworkSpec, Population, Projection, all_to_all
from threefactor.rules import RULES
from threefactor.rules.interpreter import Activity, Schedule, Wiring, interpret


def _load_reference():
    path = __file__.replace("test_against_braintrace", "reference_braintrace")
    specification = importlib.util.spec_from_file_location("reference_braintrace", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


REFERENCE = _load_reference()
FROZEN = json.loads(REFERENCE.FILE.read_text())
GIVEN = {name: np.array(values) for name, values in FROZEN["given"].items()}
STEPS, WINDOW = REFERENCE.STEPS, REFERENCE.WINDOW
SOURCE = {"w_input": "input", "w_recurrent": "actor"}
ESCAPE = EscapeLIF(**REFERENCE.ESCAPE)
KAPPA = REFERENCE.decay(REFERENCE.TAU_READOUT_MS)
#: A filter that forgets within the timestep: none.
UNFILTERED_MS = 1e-3
EVERY_STEP = Schedule(np.arange(1, STEPS + 1), GIVEN["third_factor"], episode_ends=(STEPS - 1,))
EVERY_WINDOW = np.arange(WINDOW, STEPS + 1, WINDOW)
REWARDS = Schedule(EVERY_WINDOW, GIVEN["reward"])
SIGNALS = Schedule(
    EVERY_WINDOW, GIVEN["reward"], writes={"learning_signal": GIVEN["learning_signal"]}
)


def adaptive(name):
    return AdaptiveLIF(**REFERENCE.ADAPTIVE, adaptation_strength_mv=REFERENCE.STRENGTH[name])


def observe(neuron, weights, rule, spikes=None):
    """Return what our neurons do, (timesteps, n) each, by the names that rules call it by."""
    sizes = {"input": REFERENCE.INPUTS, "actor": REFERENCE.NEURONS}
    spec = NetworkSpec(
        (
            Population("input", sizes["input"], PoissonInput()),
            Population("actor", sizes["actor"], neuron),
        ),
        tuple(
            Projection(
                name, SOURCE[name], "actor", **all_to_all(sizes[SOURCE[name]], sizes["actor"]),
                weights=GIVEN[name].ravel(), rule=rule,
            )
            for name in weights
        ),
    )  # fmt: skip
    machine = Interpreter(spec, [1], [2], is_learning=False)
    of_neurons = {name: f"actor.{name}" for name in ("v", *rule.requires) if name != "sensitivity"}
    of_synapses = {name: f"{name}.sensitivity" for name in weights}
    watched = {"input": "input", "actor": "actor"} | of_neurons | of_synapses
    machine.record(watched.values())
    for step, inputs in enumerate(GIVEN["input"] > 0):
        told = {} if spikes is None else {"actor": spikes[step][None] > 0}
        machine.step({"input": inputs[None]} | told)
    recorded = machine.recorded()
    seen = {name: recorded[variable].reshape(STEPS, -1) for name, variable in watched.items()}
    shape = STEPS, sizes["actor"]  # parameters have one value
    return seen | {name: np.broadcast_to(seen[name], shape) for name in of_neurons}


def learn(rule, seen, weights, schedule):
    """Return the change of the weights of one projection, (sources, neurons)."""
    source = SOURCE[weights]
    variables = {name: seen[weights if name == "sensitivity" else name] for name in rule.requires}
    activity = Activity(seen[source], seen["actor"], variables)
    n_pre, n_post = GIVEN[weights].shape
    wiring = Wiring(**all_to_all(n_pre, n_post), w=np.zeros(n_pre * n_post))
    return interpret(rule, activity, wiring, schedule).w.reshape(n_pre, n_post)


def eprop(tau_readout_ms=REFERENCE.TAU_READOUT_MS):
    return RULES["eprop"](learning_rate=1.0, tau_readout_ms=tau_readout_ms)


def of_actor(rule, name):
    return observe(adaptive(name), ("w_input", "w_recurrent"), rule)


def assert_equal(ours, braintraces):
    """Check that every synapse changes alike, to 1e-10 of the largest change."""
    largest = np.abs(braintraces).max()
    assert largest > 0.05
    np.testing.assert_allclose(ours, braintraces, rtol=0, atol=1e-10 * largest)


CASES = [(name, weights) for name in REFERENCE.STRENGTH for weights in SOURCE]


@pytest.mark.parametrize("name", REFERENCE.STRENGTH)
def test_neurons_do_what_braintraces_do(name):
    seen = of_actor(eprop(), name)
    np.testing.assert_array_equal(seen["actor"], np.array(FROZEN[name]["new spike"]) > 0)
    np.testing.assert_allclose(1e3 * seen["v"], FROZEN[name]["v"], atol=1e-11)
    assert 0.05 < seen["actor"].mean() < 0.5
    assert np.mean(seen["psi"] > 0) > 0.2


@pytest.mark.parametrize(("name", "weights"), CASES)
def test_eprop_equals_eprop_without_filter(name, weights):
    rule = eprop(UNFILTERED_MS)
    ours = learn(rule, of_actor(rule, name), weights, EVERY_STEP)
    assert_equal(ours, FROZEN[name]["EProp"][weights])


@pytest.mark.parametrize(("name", "weights"), CASES)
def test_eprop_equals_eprop_with_kappa_where_the_spike_is_a_state(name, weights):
    """BrainTrace's filter lacks the factor 1 - kappa."""
    rule = eprop()
    ours = learn(rule, of_actor(rule, name), weights, EVERY_STEP)
    assert_equal(ours, (1 - KAPPA) * np.array(FROZEN[name]["EProp, kappa"][weights]))


@pytest.mark.parametrize(("name", "weights"), CASES)
def test_reward_eprop_equals_three_factors(name, weights):
    rule = RULES["eprop-reward"](learning_rate=1.0, **REFERENCE.RULES["eprop-reward"])
    ours = learn(rule, of_actor(rule, name), weights, SIGNALS)
    assert_equal(ours, FROZEN[name]["ThreeFactor"][weights])


def test_rmax_equals_three_factors_of_the_log_likelihood():
    rule = RULES["rmax"](learning_rate=1.0, **REFERENCE.RULES["rmax"])
    seen = observe(ESCAPE, ("w_input",), rule, GIVEN["actor"])
    np.testing.assert_array_equal(seen["actor"], GIVEN["actor"] > 0)
    np.testing.assert_allclose(1e3 * seen["v"], FROZEN["rmax"]["v"], atol=1e-11)
    ours = learn(rule, seen, "w_input", REWARDS)
    assert_equal(ours, FROZEN["rmax"]["ThreeFactor"]["w_input"])


def test_rstdp_with_eligibility_equals_three_factors_of_weighted_pairs():
    rule = RULES["rstdp-et"](learning_rate=1.0, **REFERENCE.RULES["rstdp-et"])
    seen = {name: GIVEN[name] > 0 for name in ("input", "actor")}
    ours = learn(rule, seen, "w_input", REWARDS)
    assert_equal(ours, FROZEN["rstdp-et"]["ThreeFactor"]["w_input"])


def filtered(rows, kappa):
    """Return the sums of what was before, each timestep weighted by kappa per timestep."""
    sums = np.zeros_like(rows)
    for step, row in enumerate(rows):
        sums[step] = row + (kappa * sums[step - 1] if step else 0.0)
    return sums


@pytest.mark.parametrize("weights", SOURCE)
def test_kappa_at_the_membrane_filters_before_the_pseudo_derivative(weights):
    """There BrainTrace has psi*F(dv/dw), not the F(psi*dv/dw) of Bellec et al. 2020."""
    seen = of_actor(eprop(), "lif")
    n_post = REFERENCE.NEURONS
    sensitivity = filtered(seen[weights], KAPPA).reshape(STEPS, -1, n_post)
    expected = np.einsum("tj,tij->ij", GIVEN["third_factor"] * seen["psi"], sensitivity)
    braintraces = np.array(FROZEN["lif"]["EProp, kappa at the membrane"][weights])
    assert_equal(expected, braintraces)
    ours = learn(eprop(), seen, weights, EVERY_STEP) / (1 - KAPPA)
    assert np.abs(ours - braintraces).max() > 0.5 * np.abs(braintraces).max()


@pytest.mark.parametrize(("name", "weights"), CASES)
def test_braintrace_counts_a_state_twice_that_is_made_of_another_in_the_same_timestep(
    name, weights
):
    """The loss at the spike of this timestep reaches w through the state v as well."""
    rule = eprop(UNFILTERED_MS)
    ours = learn(rule, of_actor(rule, name), weights, EVERY_STEP)
    assert_equal(2.0 * ours, FROZEN[name]["EProp, spike of the same timestep"][weights])


def test_frozen_arrays_were_made_with_these_parameters():
    assert FROZEN["parameters"] == REFERENCE.PARAMETERS


def test_frozen_arrays_are_braintraces():
    reason = "BrainTrace is not installed; the frozen arrays stand for it."
    pytest.importorskip("braintrace", reason=reason)
    for name, samples in REFERENCE.simulate_all(FROZEN["given"]).items():
        for key, values in samples.items():
            pairs = values.items() if isinstance(values, dict) else [(None, values)]
            for weights, array in pairs:
                expected = FROZEN[name][key] if weights is None else FROZEN[name][key][weights]
                np.testing.assert_allclose(array, expected, rtol=1e-9, atol=1e-12)
