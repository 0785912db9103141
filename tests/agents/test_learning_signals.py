"""Learning signals of e-prop: their formulas in live networks, replicas, learning, errors."""

import csv
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from threefactor.agents.plastic.learning_signals import (
    LEARNING_SIGNALS,
    RandomFeedback,
    SymmetricFeedback,
    listeners,
)
from threefactor.experiments.checks.small_network import listening_network
from threefactor.experiments.configuration import PARTS, resolve
from threefactor.experiments.presets.preset import find_preset
from threefactor.experiments.training.run import train_agent
from threefactor.models.neurons import AdaptiveLIF
from threefactor.models.neurons.td_error import TDError
from threefactor.models.specification import Modulation, NetworkSpec, Population
from threefactor.rules import RULES

EPROP = {
    "env": "Identity-v0", "env_kwargs": {"n_symbols": 3}, "max_episode_steps": 12, "episodes": 2,
    "window_ms": 20.0, "seed": 5, "neuron": "adaptive-lif", "decoder": "softmax",
    "encoder": {"name": "one-hot", "rate_max_hz": 500.0}, "modulator": "reward-baseline",
    "rule": {"name": "eprop-reward", "learning_rate": 1.0, "trace_decay": 0.0},
    "model": {"name": "feed-forward", "neurons_per_action": 2, "resets": "decision"},
}  # fmt: skip
LAYERED = {
    **EPROP,
    "model": {"name": "layered", "neurons_per_action": 2, "hidden_neurons": 3,
              "resets": "decision", "w_init_low": 2.5, "w_init_high": 5.0},
}  # fmt: skip


def watch(loop, populations):
    """Run a loop; collect counts, actions, signals and weights when a decision is banked."""
    network, seen = loop.agent.network, []
    close, decode = network.close_decision, loop.agent.decoder.decode
    actions = []
    loop.agent.decoder.decode = lambda outputs: actions.append(decode(outputs)) or actions[-1]

    def note(chosen):
        row = {
            name: network.replicated(f"{name}.{projection}_learning_signal").copy()
            for name, projection in populations.items()
        }
        weights = network.weights()
        counts = network.replicated("actor.spike_count").copy()
        seen.append((counts, actions[-1].copy(), row, weights))
        close(chosen)

    network.close_decision = note
    while not loop.tally.is_finished:
        loop.decide()
    return seen


def softmax(counts, temperature):
    sums = counts.reshape(3, 2).sum(axis=1) / temperature
    return np.exp(sums) / np.exp(sums).sum()


def shares(counts):
    sums = counts.reshape(3, 2).sum(axis=1)
    return sums / sums.sum() if sums.any() else np.full(3, 1 / 3)


POLICIES = {
    "softmax": ({"name": "softmax", "temperature": 3.0}, lambda counts: softmax(counts, 3.0)),
    "argmax": ("argmax", shares),
    "first-to-spike": ("first-to-spike", shares),
}


@pytest.mark.parametrize("decoder", POLICIES)
def test_output_neurons_hear_the_error_of_their_action(decoder, open_loop):
    settings, policy = POLICIES[decoder]
    loop = open_loop(EPROP, decoder=settings, learning_signal={"policy_gain": 2.0})
    signals = []
    for counts, action, rows, _ in watch(loop, {"actor": "policy"}):
        error = -policy(counts[0])
        error[action[0]] += 1.0
        np.testing.assert_allclose(rows["actor"][0], 2.0 * np.repeat(error, 2), atol=1e-12)
        signals.append(rows["actor"][0])
    assert len({tuple(s.round(9)) for s in signals}) > 3


def test_it_is_the_gradient_of_the_log_probability_of_the_choice(open_loop):
    loop = open_loop(EPROP)
    agent, counts = loop.agent, np.array([[2.0, 1.0, 0.0, 1.0, 3.0, 0.0]])
    for action in range(3):
        agent.learning_signal.write(counts, np.array([action]))
        signal = agent.network.replicated("actor.policy_learning_signal")[0]
        for neuron in range(6):
            step = 1e-6 * (np.arange(6) == neuron)
            up, down = (
                np.log(agent.decoder.probabilities(counts + sign * step))[0, action]
                for sign in (1, -1)
            )
            assert signal[neuron] == pytest.approx((up - down) / 2e-6, abs=1e-8)


def test_symmetric_feedback_goes_back_through_the_present_weights(open_loop):
    loop = open_loop(LAYERED, replicas=2)
    spec = loop.agent.network.spec
    policy = next(p for p in spec.projections if p.name == "policy")
    seen = watch(loop, {"hidden": "features", "actor": "policy"})
    for _, _, rows, weights in seen:
        for replica in range(2):
            matrix = np.zeros((spec.population("hidden").size, 6))
            matrix[policy.pre, policy.post] = weights["policy"][replica]
            expected = matrix @ rows["actor"][replica]
            np.testing.assert_allclose(rows["hidden"][replica], expected, atol=1e-12)
    assert not np.array_equal(seen[0][3]["policy"], seen[-1][3]["policy"])
    assert not np.array_equal(seen[0][3]["features"], seen[-1][3]["features"])


def test_random_feedback_is_fixed_and_each_neurons_own(open_loop):
    loop = open_loop(LAYERED, learning_signal="random", replicas=2)
    seen = watch(loop, {"hidden": "features", "actor": "policy"})
    for replica in range(2):
        errors = np.array([rows["actor"][replica][::2] for _, _, rows, _ in seen])
        signals = np.array([rows["hidden"][replica] for _, _, rows, _ in seen])
        feedback, _, rank, _ = np.linalg.lstsq(errors, signals, rcond=None)
        assert rank == 2  # errors of a policy sum to zero
        np.testing.assert_allclose(errors @ feedback, signals, atol=1e-10)
        assert len(np.unique(feedback.round(9), axis=1).T) == signals.shape[1]
    assert not np.allclose(seen[0][2]["hidden"][0], seen[0][2]["hidden"][1])


@pytest.mark.parametrize("feedback", LEARNING_SIGNALS)
def test_each_replica_equals_the_single_run_with_its_seed(feedback, open_loop, run_loop):
    together = run_loop(open_loop(LAYERED, replicas=3, learning_signal=feedback))
    for replica in range(3):
        alone = run_loop(open_loop(LAYERED, seed=5 + replica, learning_signal=feedback))
        assert alone.trace.rows[0] == together.trace.rows[replica]
        for name, weights in alone.agent.network.weights().items():
            np.testing.assert_array_equal(
                weights[0], together.agent.network.weights()[name][replica], err_msg=name
            )


CRITIC = {
    **EPROP, "modulator": "td", "critic_neuron": "adaptive-lif",
    "critic_rule": {"name": "eprop-reward"},
    "model": {"name": "actor-critic", "neurons_per_action": 2, "critic_neurons": 4,
              "critic_w_init": 2.0, "resets": "decision"},
}  # fmt: skip


def test_critic_neurons_hear_the_gain_of_the_value(open_loop):
    loop = open_loop(CRITIC, learning_signal={"value_gain": 0.5, "policy_gain": 0.0})
    for _, _, rows, _ in watch(loop, {"critic": "value", "actor": "policy"}):
        np.testing.assert_array_equal(rows["critic"], 0.5)
        np.testing.assert_array_equal(rows["actor"], 0.0)


@pytest.mark.parametrize("critic", [None, "critic"])
def test_hidden_neurons_hear_of_the_value_if_there_is_a_critic(critic):
    population = Population("hidden", 5, AdaptiveLIF())
    spec = SimpleNamespace(critic=critic, population=lambda name: population)
    feedback = RandomFeedback(value_gain=2.0).hidden(
        SimpleNamespace(spec=spec), "hidden", 3, [1, 2]
    )
    values = feedback(np.zeros((2, 3)))
    assert values.shape == (2, 5)
    assert np.all(values != 0) == (critic is not None)


def test_opponents_of_a_critic_are_heard_with_the_sign_they_count_with(open_network):
    with closing(listening_network()) as network:
        spec = network.spec
    critic = replace(spec.population("critic"), valence=np.array([-1, 1]))
    others = [p for p in spec.populations if p.name != "critic"]
    network = open_network(replace(spec, populations=(*others, critic)))
    feedback = SymmetricFeedback(value_gain=2.0).hidden(network, "hidden", 3, [1])
    weights = network.weights()["value"].reshape(1, -1, 2)
    np.testing.assert_allclose(
        feedback(np.zeros((1, 3))), 2.0 * (weights[:, :, 1] - weights[:, :, 0])
    )


def test_rules_that_hear_nothing_get_nothing(open_loop):
    loop = open_loop({**EPROP, "rule": "reinforce", "neuron": "escape-lif"})
    assert loop.agent.learning_signal is None


def test_a_modulation_inside_the_network_takes_the_agents_place(make_spec, open_network):
    spec = make_spec(RULES["eprop-reward"](), AdaptiveLIF())
    network = open_network(spec)
    assert listeners(network) == ["actor"]
    with pytest.raises(
        ValueError, match=r"no rule waits for the signal 'learning_signal' at 'input'"
    ):
        network.write("learning_signal", np.ones(1), "input")
    signal = Modulation(
        "signal", "teacher", "actor", "td_error", np.zeros(4, int), np.arange(4),
        into="policy.learning_signal",
    )  # fmt: skip
    teacher = Population("teacher", 1, TDError())
    fed = NetworkSpec((*spec.populations, teacher), spec.projections, modulations=(signal,))
    assert listeners(open_network(fed)) == []


def test_without_a_choice_there_is_an_error(open_loop):
    box = {"env": "Pendulum-v1", "env_kwargs": {}, "encoder": "on-off"}
    with pytest.raises(ValueError, match=r"expected a decoder that chooses .* got WeightedMean"):
        open_loop({**EPROP, **box, "decoder": "weighted-mean"})
    assert PARTS["learning_signal"].table is LEARNING_SIGNALS
    with pytest.raises(ValueError, match="learning_signal.policy_gain must be a finite number"):
        resolve({"learning_signal": {"policy_gain": float("nan")}})


def last_returns(path, *layers):
    """Mean return of the last three episodes of each replica; 25 is chance, 100 the best."""
    small = {"reference_episodes": 0, "record_episodes": 0, "weight_snapshots": 0, "seed": 0}
    settings = {"env": "Identity-v0", "replicas": 3, **small}
    base = find_preset("fast", "Identity-v0", "eprop-reward").layers
    train_agent(resolve(*base, settings, *layers), path)
    by_replica = {}
    for row in csv.DictReader((path / "episodes.csv").read_text().splitlines()):
        by_replica.setdefault(row["replica"], []).append(float(row["return"]))
    return np.array([np.mean(values[-3:]) for values in by_replica.values()])


def test_eprop_learns_identity_and_its_controls_do_not(tmp_path):
    scores = {
        control: last_returns(tmp_path / control, {"episodes": 20, "control": control})
        for control in ("none", "frozen", "shuffled", "zero")
    }
    assert scores["none"].min() >= 90.0, scores
    assert scores["shuffled"].mean() <= 50.0, scores
    for control in ("frozen", "zero"):
        assert scores[control].max() <= 40.0, (control, scores)


def test_hidden_neurons_alone_learn_through_symmetric_feedback(tmp_path):
    """Output weights are fixed: random feedback, which they could not align with, does not help."""
    layered = {
        "episodes": 12, "window_ms": 30.0,
        "model": {"name": "layered", "resets": "decision", "hidden_rate_scale": 1.0,
                  "w_init_low": 0.0, "w_init_high": 6.0, "w_max": 12.0},
        "schedule": {"name": "fixed", "parameter": "policy.learning_rate", "start": 0.0},
    }  # fmt: skip
    scores = {
        feedback: last_returns(tmp_path / feedback, layered, {"learning_signal": feedback})
        for feedback in LEARNING_SIGNALS
    }
    assert scores["symmetric"].min() >= 90.0, scores
    assert scores["random"].mean() <= 60.0, scores
