"""What the contract promises beyond the interpreter: release noise and trial ends, in a network."""

import numpy as np
import pytest

from threefactor.models.engine.noise import uniform
from threefactor.models.neurons import AdaptiveLIF, Readout
from threefactor.rules import RULES

SEEDS = (11, 12, 13)


def drive(network, windows, steps=20):
    rates = np.full(network.n_inputs, 300.0)
    for _ in range(windows):
        network.advance(rates, steps)
        network.close_decision(np.zeros(network.replicas, int))
        network.consolidate(np.ones(network.replicas))


def test_a_release_carries_the_amplitude_and_a_failure_nothing(make_spec, open_network):
    rule = RULES["hedonistic"](
        amplitude=2.0, tau_eligibility_ms=1e12, facilitation_jump=0.7, tau_facilitation_ms=1e12
    )
    spec = make_spec(rule, Readout(tau_membrane_ms=1e12), low=-0.5, high=0.5, w_min=-5, w_max=5)
    network = open_network(spec, seeds=SEEDS[:1])
    w = network.weights()["policy"][0].copy()
    network.engine.record(["input"])
    outputs = network.advance(np.full(6, 400.0), 50)[0]
    recorded, spikes = network.engine.drain(), np.zeros((50, 6), bool)
    spikes[recorded["input.step"], recorded["input.neuron"]] = True
    streams = network.engine.array("policy.release_stream")
    pre, post = np.divmod(np.arange(24), 4)
    facilitation = 0.7 * (np.cumsum(spikes, axis=0) - spikes)[:, pre]
    chances = 1 / (1 + np.exp(-w - facilitation))
    released = uniform(streams[None, :], np.arange(50)[:, None]) < chances
    expected = np.array([2.0 * (spikes[:, pre] & released)[:, post == j].sum() for j in range(4)])
    assert 0 < expected.sum() < 2.0 * spikes[:, pre].sum()
    np.testing.assert_allclose(outputs, expected, rtol=1e-9)
    network.close_decision()
    score = ((spikes[:, pre] * 1.0) * (released - chances)).sum(axis=0)
    np.testing.assert_allclose(network.replicated("policy.trace")[0], score, rtol=0, atol=1e-9)


def test_replicas_release_like_single_runs(make_spec, open_network):
    spec = make_spec(RULES["hedonistic"](), Readout(), low=-0.5, high=0.5, w_min=-5, w_max=5)
    several = open_network(spec, seeds=SEEDS)
    drive(several, 3)
    for replica, seed in enumerate(SEEDS):
        single = open_network(spec, seeds=(seed,))
        drive(single, 3)
        assert np.array_equal(single.weights()["policy"][0], several.weights()["policy"][replica])


def test_trial_ends_move_the_weights_of_the_ended_replicas_only(make_spec, open_network):
    rule = RULES["eprop"](learning_rate=1e-3)
    spec = make_spec(rule, AdaptiveLIF())
    network = open_network(spec, seeds=SEEDS)
    before = network.weights()["policy"]
    drive(network, 3)
    assert np.array_equal(network.weights()["policy"], before)
    gradient = network.replicated("policy.gradient").copy()
    assert np.all(np.any(gradient != 0, axis=1))
    network.start_episode(np.array([True, False, True]))
    after = network.weights()["policy"]
    expected = np.clip(before + 1e-3 * gradient, 0.0, 12.0)
    np.testing.assert_allclose(after[[0, 2]], expected[[0, 2]], rtol=1e-12)
    assert np.array_equal(after[1], before[1])
    assert np.array_equal(network.replicated("policy.gradient")[1], gradient[1])
    assert not np.any(network.replicated("policy.gradient")[[0, 2]])


def test_a_frozen_twin_ignores_trial_ends(make_spec, open_network):
    network = open_network(make_spec(RULES["eprop"](), AdaptiveLIF()), is_learning=False)
    before = network.weights()["policy"]
    drive(network, 2)
    network.start_episode(np.array([True]))
    assert np.array_equal(network.weights()["policy"], before)


@pytest.mark.parametrize("name", ["stdp-voltage", "node-perturbation"])
def test_rules_of_the_membrane_learn_in_a_noisy_network(name, make_spec, open_network):
    from threefactor.models.neurons import NoisyLIF

    options = {"theta_plus_mv": -60.0} if name == "stdp-voltage" else {}
    network = open_network(make_spec(RULES[name](**options), NoisyLIF(noise_mv=3.0)))
    before = network.weights()["policy"]
    drive(network, 3)
    after = network.weights()["policy"]
    assert np.all(np.isfinite(after))
    assert np.mean(after != before) > 0.5
