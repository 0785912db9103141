"""Parts of the gallery with frozen spike patterns; their claims are tested in test_learning."""

from types import SimpleNamespace

import numpy as np
import pytest

from threefactor.experiments.gallery import rmax_bias, spike_patterns, two_stimuli
from threefactor.experiments.gallery.given_spikes import SPIKE_HZ, GivenSpikes
from threefactor.experiments.gallery.legenstein_patterns import (
    DELAY_MS,
    TAU_REWARD_MS,
    RewardPulses,
)
from threefactor.models.neurons.checks import check_neuron
from threefactor.models.specification import NetworkSpec, Population, Projection
from threefactor.rules.rmax import RMax
from threefactor.rules.rstdp_alpha import AlphaRewardModulatedSTDP


def test_neurons_of_the_gallery_keep_the_promises_of_neurons():
    check_neuron(spike_patterns.BackgroundLIF())


def single_synapse(neuron, size=1):
    index = np.arange(size)
    return NetworkSpec(
        (Population("input", size, GivenSpikes()), Population("actor", size, neuron)),
        (
            Projection(
                "policy", "input", "actor", index, index, np.full(size, 0.1), port="excitatory"
            ),
        ),
    )


def test_given_spikes_are_the_spikes(open_network):
    network = open_network(single_synapse(spike_patterns.BackgroundLIF(), 3))
    fired = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 0]], float)
    for row in fired:
        network.advance(SPIKE_HZ * row[None], 1)
        assert network.replicated("input.spike_count")[0].tolist() == row.tolist()


def test_background_has_its_mean_spread_and_memory(open_network):
    neuron = spike_patterns.BackgroundLIF()
    network = open_network(single_synapse(neuron, 2000))
    network.advance(np.zeros((1, 2000)), 40)
    for name, tau in (("excitation", 2.7), ("inhibition", 10.5)):
        mean, sd = getattr(neuron, f"{name}_mean"), getattr(neuron, f"{name}_sd")
        before = network.replicated(f"actor.{name}")[0].copy()
        assert before.mean() == pytest.approx(mean, abs=5 * sd / np.sqrt(2000))
        assert before.std() == pytest.approx(sd, rel=0.1)
        network.advance(np.zeros((1, 2000)), 3)
        after = network.replicated(f"actor.{name}")[0]
        assert np.corrcoef(before, after)[0, 1] == pytest.approx(np.exp(-3 / tau), abs=0.1)


def test_background_drives_the_membrane_to_its_balance(open_network):
    neuron = spike_patterns.BackgroundLIF(excitation_sd=0.0, inhibition_sd=0.0)
    network = open_network(single_synapse(neuron))
    network.advance(np.zeros((1, 1)), 400)
    balance = (-70.0 + 0.24 * 0.0 + 1.14 * -75.0) / (1 + 0.24 + 1.14)
    assert network.replicated("actor.v")[0, 0] * 1e3 == pytest.approx(balance, abs=1e-6)


def test_two_stimuli_are_frozen_and_half_of_the_inputs_each():
    rates = two_stimuli.pattern_rates((3, 4))
    assert np.array_equal(rates[1:], two_stimuli.pattern_rates((4,)))
    assert set(np.unique(rates)) == {0.0, SPIKE_HZ}
    assert (rates > 0).sum(axis=(2, 3)).tolist() == [[150, 150], [150, 150]]
    assert (rates > 0).any(axis=2).sum(axis=2).max() <= 25
    assert not np.array_equal(rates[0, 0], rates[0, 1])


def test_both_stimuli_come_once_in_two_trials():
    shown = two_stimuli.order((0, 1), 100, purpose="training order")
    assert shown.reshape(50, 2, 2).sum(axis=1).tolist() == [[1, 1]] * 50
    assert not np.array_equal(shown[:, 0], shown[:, 1])
    assert not np.array_equal(shown, two_stimuli.order((0, 1), 100, purpose="test order"))


def test_four_spikes_are_right_for_one_stimulus_and_wrong_for_the_other():
    patterns, seen, starts = two_stimuli.pattern_rates((0, 1, 2, 3)), [], []
    spikes = np.zeros((500, 4))
    spikes[:4, 0], spikes[:3, 1], spikes[:4, 2], spikes[:3, 3] = 1, 1, 1, 1

    def advance(rates, steps):
        seen.append(rates.copy())
        return spikes[len(seen) - 1][:, None]

    network = SimpleNamespace(replicas=4, advance=advance, start_episode=starts.append)
    right = two_stimuli.show(network, patterns, np.array([0, 0, 1, 1]))
    assert right.tolist() == [True, False, False, True]
    assert np.array_equal(np.array(seen)[:, 2], patterns[2, 1])
    assert [start.all() for start in starts] == [True]


def test_terms_tell_covariance_from_bias():
    generator, size = np.random.default_rng(0), rmax_bias.EARLY.stop + 1000
    h = generator.normal(3.0, 2.0, (size, 1))
    stimuli = np.arange(size)[:, None] % 2
    arm = {
        "stimuli": stimuli,
        "eligibilities": h,
        "third_factors": np.where(stimuli == 0, 0.5 * (h - 3.0) - 1.0, 1.0),
    }
    (first, second), (bias, other_bias) = rmax_bias.terms(arm)[..., 0]
    assert first == pytest.approx(1.0, abs=0.25)
    assert bias == pytest.approx(-1.5, abs=0.5)
    assert second == pytest.approx(0.0, abs=1e-9)
    assert other_bias == pytest.approx(1.5, abs=0.4)


def test_reward_is_a_delayed_alpha_pulse_with_the_sign_of_the_pattern():
    pulses = RewardPulses(2)
    steps = [pulses.step(np.array([1.0, 0.0]))]
    steps += [pulses.step(np.zeros(2)) for _ in range(99)]
    steps += [pulses.step(np.array([0.0, -2.0]))]
    steps += [pulses.step(np.zeros(2)) for _ in range(3000)]
    rewards = np.array(steps)
    assert rewards.sum(axis=0) == pytest.approx([1.0, -2.0])
    assert not rewards[:DELAY_MS, 0].any()
    assert rewards[DELAY_MS, 0] > 0
    assert np.argmax(rewards[:, 0]) == pytest.approx(DELAY_MS + TAU_REWARD_MS, abs=1)
    assert np.allclose(rewards[100:, 1], -2.0 * rewards[:-100, 0])


def test_every_input_spikes_once_in_a_trial_at_its_time():
    times, seen = spike_patterns.spike_times_ms((5, 6))[:, 1], []
    assert times.shape == (2, 200)

    def advance(rates, steps):
        seen.append(rates > 0)
        return np.zeros((2, 1))

    network = SimpleNamespace(replicas=2, advance=advance)
    assert len(list(spike_patterns.trial_steps(network, times))) == spike_patterns.TRIAL_MS
    spikes = np.array(seen)
    assert np.all(spikes.sum(axis=0) == 1)
    assert np.array_equal(np.argmax(spikes, axis=0), times + spike_patterns.START_MS)


@pytest.mark.parametrize(
    ("spec", "low", "high"),
    [
        (two_stimuli.two_stimuli_spec(RMax()), 1.5, 2.5),
        (spike_patterns.spike_patterns_spec(AlphaRewardModulatedSTDP()), 0.0, 0.18),
    ],
)
def test_initial_weights_lie_within_their_bounds(spec, low, high, open_network):
    weights = open_network(spec, seeds=(1,)).replicated("policy.w")
    assert low <= weights.min() < weights.mean() < weights.max() <= high
    assert weights.mean() == pytest.approx((low + high) / 2, rel=0.1)
