"""Rules against NEST's synapses: frozen arrays always, NEST itself where it is installed."""

import importlib.util
import json

import numpy as np
import pytest

from rules import RULES
from rules.interpreter import Activity, Schedule, Wiring, interpret

DT_MS = 0.1
STEPS = 6000


def _load_reference():
    path = __file__.replace("test_against_nest", "reference_nest")
    specification = importlib.util.spec_from_file_location("reference_nest", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


REFERENCE = _load_reference()
FROZEN = json.loads(REFERENCE.FILE.read_text())
TRIPLET = {"a2_plus": 0.5, "a2_minus": 0.7, "a3_plus": 6.2, "a3_minus": 0.23}
RULE_OF = {
    "stdp-triplet": RULES["stdp-triplet"](**TRIPLET),
    "stdp-inhibitory": RULES["stdp-inhibitory"](learning_rate=0.3),
    "dopamine-stdp-kinetic": RULES["dopamine-stdp-kinetic"](weight_period_ms=DT_MS, baseline=0.002),
}


def step_of(times):
    return np.rint(np.array(times) / DT_MS).astype(int)


def train(times):
    spikes = np.zeros((STEPS, 1), bool)
    spikes[step_of(times)] = True
    return spikes


def run(name, record, **options):
    activity = Activity(train(REFERENCE.PRE_MS), train(REFERENCE.POST_MS))
    wiring = Wiring(np.array([0]), np.array([0]), REFERENCE.MODELS[name][1]["weight"])
    return interpret(RULE_OF[name], activity, wiring, dt_ms=DT_MS, record=record, **options).history


@pytest.mark.parametrize("name", ["stdp-triplet", "stdp-inhibitory"])
def test_weights_equal_nests_after_every_presynaptic_spike(name):
    samples = np.array(REFERENCE.SAMPLES_MS)
    last_pre = np.array([max([t for t in REFERENCE.PRE_MS if t < s], default=0.0) for s in samples])
    ours = run(name, ("w",))["w"][step_of(last_pre), 0]
    np.testing.assert_allclose(ours, FROZEN[name]["weight"], rtol=1e-12)


def test_dopamine_stdp_equals_nests():
    record = {"weight": "w", "c": "eligibility", "n": "dopamine"}
    schedule = Schedule(step_of(REFERENCE.DOPAMINE_MS), np.ones(2))
    history = run("dopamine-stdp-kinetic", tuple(record.values()), schedule=schedule)
    for theirs, ours in record.items():
        at_samples = history[ours][step_of(REFERENCE.SAMPLES_MS) - 1, 0]
        expected = np.array(FROZEN["dopamine-stdp-kinetic"][theirs])
        np.testing.assert_allclose(at_samples, expected, rtol=1e-11, atol=1e-12)


def test_delay_on_the_presynaptic_side_turns_the_sign():
    """Times at the synapse decide: shifting spikes by one delay is another experiment."""
    rule = RULES["dopamine-stdp-kinetic"](weight_period_ms=DT_MS)
    pre, post = train([100.0]), train([100.5])
    late_pre = train([101.0])
    wiring, schedule = Wiring(np.array([0]), np.array([0]), 10.0), Schedule(np.array([1]), [1.0])
    at_once = interpret(rule, Activity(pre, post), wiring, schedule, DT_MS).w[0]
    delayed = interpret(rule, Activity(late_pre, post), wiring, schedule, DT_MS).w[0]
    assert at_once > 10.0 > delayed


def test_kinetic_dopamine_stdp_between_events_is_the_closed_form():
    tau_c, tau_n, baseline = 1000.0, 200.0, 0.002
    rule = RULE_OF["dopamine-stdp-kinetic"]
    activity = Activity(train([10.0]), train([15.0]))
    wiring, schedule = Wiring(np.array([0]), np.array([0]), 3.0), Schedule(step_of([20.0]), [1.0])
    history = interpret(rule, activity, wiring, schedule, DT_MS, ("w",)).history["w"][:, 0]
    ages = DT_MS * (np.arange(200, STEPS) + 1) - 20.0
    rate = (tau_c + tau_n) / (tau_c * tau_n)
    c_at_dopamine = np.exp(-5 / 20) * np.exp(-5 / tau_c)
    expected = history[199] - c_at_dopamine * (
        np.expm1(-rate * ages) / tau_n / rate - baseline * tau_c * np.expm1(-ages / tau_c)
    )
    np.testing.assert_allclose(history[200:], expected, rtol=1e-12)


def test_frozen_arrays_are_nests():
    pytest.importorskip("nest", reason="NEST is not installed; the frozen arrays stand for it.")
    for name, samples in REFERENCE.simulate_all().items():
        if name != "version":
            for key, values in samples.items():
                np.testing.assert_allclose(values, FROZEN[name][key], rtol=1e-12)
