"""The plastic agent: what it can record, adopt, appraise; agents are chosen by name."""

from dataclasses import fields

import numpy as np
import pytest

from threefactor.agents import AGENTS
from threefactor.experiments.configuration import PARTS, resolve
from threefactor.experiments.training.setup import Setup
from threefactor.rules.modulators import Reinforcement

GRID = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 10, "episodes": 3,
    "window_ms": 10.0, "seed": 5, "modulator": {"name": "td", "value_gain": 2.0},
    "rule": {"name": "rstdp-et", "learning_rate": 2.0}, "critic_rule": {"learning_rate": 0.2},
    "model": {"name": "actor-critic", "neurons_per_action": 3, "critic_neurons": 4,
              "critic_w_init": 2.0},
    "encoder": {"name": "one-hot", "rate_max_hz": 800.0},
}  # fmt: skip
CARTPOLE = {
    **GRID, "env": "CartPole-v1", "env_kwargs": {}, "modulator": "td-linear",
    "encoder": {"name": "gaussian", "cells": [3], "normalise": "running"},
    "model": {"name": "feed-forward", "neurons_per_action": 3},
    "schedule": {"name": "interval", "parameter": "actor.v_slope", "start": 8.0, "end": 2.0,
                 "episodes_per_step": 1, "steps": 4},
}  # fmt: skip


def test_agents_are_chosen_by_name_and_take_parts_that_the_configuration_has():
    assert PARTS["agent"].table is AGENTS
    assert resolve({}).to_dict()["agent"] == {"name": "plastic"}
    for kind in AGENTS.values():
        assert {field.name for field in fields(kind.parts)} <= set(PARTS)
    with pytest.raises(ValueError, match="Unknown agent 'plastik'. Did you mean 'plastic'"):
        resolve({"agent": "plastik"})


def test_what_can_be_recorded_is_recorded_of_replica_0(open_loop):
    loop = open_loop(GRID, replicas=2)
    agent = loop.agent
    known = agent.recordables()
    assert dict(known.populations) == {"input": 9, "actor": 12, "critic": 4}
    policy = known.weights["policy"]
    assert (policy.n_pre, policy.n_post, np.size(policy.pre)) == (9, 12, 108)
    assert known.probes["policy.w"] == 108
    assert known.probes["actor.third_factor"] == 12
    assert known.probes["actor.v_slope"] == 1  # shared by all replicas
    probes = [("policy.w", 7), ("actor.v_slope", 0)]
    agent.record(["actor"], probes)
    counts, weights = np.zeros(12), []
    for _ in range(5):
        weights.append(agent.weights()["policy"][0, 7])
        loop.decide()
        counts += agent.network.replicated("actor.spike_count")[0]
    recording = agent.drain()
    assert list(recording.spikes) == ["actor"]
    times, neurons = recording.spikes["actor"]
    np.testing.assert_array_equal(np.bincount(neurons, minlength=12), counts)
    assert counts.any()
    assert 0 <= times.min() <= times.max() < agent.now_ms == 50.0
    assert recording.probe_values.shape == (50, 2)
    # Weights move when third factors arrive, after a window.
    np.testing.assert_array_equal(recording.probe_values[9::10, 0], weights)
    agent.record([], [])
    loop.decide()
    assert agent.drain().spikes == {}


def test_probes_are_of_synapses_that_the_first_observation_drives(open_loop):
    loop = open_loop(GRID)
    probes = loop.agent.choose_probes(2, loop.environments.observations)
    connection = loop.agent.recordables().weights["policy"]
    first = int(loop.environments.observations[0])
    weights = [element for variable, element in probes if variable == "policy.w"]
    assert len(weights) == 2
    assert {int(connection.pre[synapse]) for synapse in weights} == {first}
    posts = [element for variable, element in probes if variable == "actor.third_factor"]
    assert posts == [int(connection.post[synapse]) for synapse in weights]
    known = loop.agent.recordables().probes
    assert all(0 <= element < known[variable] for variable, element in probes)
    assert loop.agent.choose_probes(0, loop.environments.observations) == []


def test_what_was_learned_is_adopted_and_nothing_else(open_loop, run_loop):
    trained = run_loop(open_loop(CARTPOLE)).agent
    fresh = open_loop(CARTPOLE, control="frozen", seed=9).agent
    noise = fresh.network.engine.array("actor.spike_stream").copy()
    before = fresh.network.engine.snapshot()["arrays"]
    fresh.adopt(trained.state())
    for name, weights in trained.weights().items():
        np.testing.assert_array_equal(fresh.weights()[name], weights)
    shown = np.array([[0.1, -0.2, 0.05, 0.3]], np.float32)
    np.testing.assert_array_equal(fresh.encoder.encode(shown), trained.encoder.encode(shown))
    assert fresh.describe()["scheduled"] == trained.describe()["scheduled"]
    assert trained.describe()["scheduled"] != [{"actor.v_slope": 8.0}]
    after = fresh.network.engine.snapshot()["arrays"]
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"policy.w", "actor.v_slope"}
    np.testing.assert_array_equal(fresh.network.engine.array("actor.spike_stream"), noise)


def test_appraisal_is_of_one_observation_in_no_context(open_loop, run_loop):
    agent = run_loop(open_loop(GRID)).agent
    agent.freeze()
    weights = agent.weights()
    appraised = [agent.appraise(state) for state in (0, 4)]
    for preferences, value in appraised:
        assert preferences.shape == (4,)
        assert np.all(preferences >= 0)
        assert np.any(preferences)
        assert value >= 0
    assert not np.array_equal(appraised[0][0], appraised[1][0])
    np.testing.assert_array_equal(agent.weights()["policy"], weights["policy"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "feed-forward"}, r"TemporalDifference reads a critic population, and .*Feed"),
        ({"decoder": "membrane"}, "expected readout neurons"),
        ({"neuron": "readout"}, "expected a decoder of counts"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message), Setup.of(resolve(GRID, change)).opened():
        pass


BY_STIMULUS = {"name": "reward-baseline", "scope": "stimulus"}


def test_each_observation_has_a_mean_reward_of_its_own(open_loop, run_loop):
    loop = open_loop(GRID, modulator=BY_STIMULUS)
    seen = []
    learn = loop.agent.learn

    def learn_and_note(outcome, involved):
        seen.append(int(outcome.observations[0]))
        learn(outcome, involved)

    loop.agent.learn = learn_and_note
    run_loop(loop)
    counts = loop.agent.modulator.state()["count"]
    np.testing.assert_array_equal(counts, [np.bincount(seen, minlength=9)])
    assert np.count_nonzero(counts) > 1


def test_means_by_observation_need_observations_with_numbers():
    config = resolve(CARTPOLE, {"modulator": BY_STIMULUS})
    with pytest.raises(ValueError, match="needs stimuli with numbers, the observations of a Discr"):
        Setup.of(config).opened().__enter__()


def test_dopamine_lasts_as_long_in_any_window(open_loop):
    levels = {}
    for window_ms in (10.0, 20.0):
        agent = open_loop(GRID, modulator="dopamine", window_ms=window_ms).agent
        agent.modulator.level[:] = 1.0
        everyone, nobody = np.ones(1, bool), np.zeros(1, bool)
        for _ in range(round(40.0 / window_ms)):
            given = agent.modulator.on_outcome(Reinforcement(np.zeros(1), nobody, nobody, everyone))
        levels[window_ms] = given[0]
    assert levels == pytest.approx({10.0: np.exp(-0.2), 20.0: np.exp(-0.2)}, rel=1e-12)


def test_a_wrapped_modulator_values_what_its_scalar_does(open_loop):
    wrapped = {"name": "feedback", "wraps": "td", "options": {"value_gain": 2.0}, "n_post": 12}
    values = []
    for modulator in (GRID["modulator"], wrapped):
        agent = open_loop(GRID, modulator=modulator).agent
        agent.freeze()
        values.append([agent.appraise(state)[1] for state in range(3)])
    assert values[0] == values[1]
    assert any(values[0])
