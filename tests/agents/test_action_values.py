"""Populations whose spikes are what actions are worth: SARSA learns, and its controls do not."""

from typing import Any

import gymnasium
import numpy as np
import pytest

from threefactor.models.host import mean_value
from threefactor.models.neurons import LIF
from threefactor.models.specification import Population


class Temptation(gymnasium.Env):
    """Three states in a row: action 1 goes on, and pays 1 after the last; 0 pays 0.3 and ends."""

    observation_space = gymnasium.spaces.Discrete(3)
    action_space = gymnasium.spaces.Discrete(2)
    state = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = 0
        return 0, {}

    def step(self, action):
        if action == 0:
            return self.state, 0.3, True, False, {}
        self.state += 1
        is_end = self.state == 3
        return min(self.state, 2), float(is_end), is_end, False, {}


SETTINGS: dict[str, Any] = {
    "env": f"{__file__}:Temptation", "episodes": 200, "window_ms": 50.0, "replicas": 3, "seed": 200,
    "encoder": {"name": "one-hot", "rate_max_hz": 100.0, "copies": 5},
    "model": {"name": "action-values", "w_min": -4.0, "w_max": 12.0},
    "neuron": {"name": "escape-lif", "v_slope_mv": 8.0},
    "rule": {"name": "td-action", "learning_rate": 0.05},
    "modulator": {"name": "td", "discount": 0.9, "full_rate_hz": 50.0},
    "decoder": {"name": "softmax", "temperature": 2.0},
}  # fmt: skip
IDENTITY = {
    **SETTINGS, "env": "Identity-v0", "env_kwargs": {"n_symbols": 3}, "max_episode_steps": 30,
    "episodes": 10, "modulator": {**SETTINGS["modulator"], "discount": 0.0},
}  # fmt: skip


def late_returns(loop):
    """Return the mean return of the last third of the episodes of each replica."""
    returns = np.array(loop.tally.returns)
    return returns[:, returns.shape[1] * 2 // 3 :].mean(axis=1)


def test_symbols_are_learned_to_near_optimum(open_loop, run_loop):
    assert np.all(late_returns(run_loop(open_loop(IDENTITY))) > 27.0)


def test_they_are_not_by_shuffled_third_factors(open_loop, run_loop):
    assert np.mean(late_returns(run_loop(open_loop(IDENTITY, control="shuffled")))) < 15.0


def test_what_is_to_come_is_learned(open_loop, run_loop):
    assert np.all(late_returns(run_loop(open_loop(SETTINGS))) > 0.8)


def test_it_is_not_without_the_value_of_the_next_action(open_loop, run_loop):
    blind = {**SETTINGS["modulator"], "discount": 0.0}
    assert np.all(late_returns(run_loop(open_loop(SETTINGS, modulator=blind))) < 0.6)


def test_only_synapses_of_the_action_taken_learn(open_loop):
    """The third factor of a decision arrives one window later, or at once if it is the last."""
    loop = open_loop(IDENTITY, replicas=1, episodes=1)
    modules = loop.agent.network.spec.population("actor").modules
    post = loop.agent.network.spec.projections[0].post
    chosen, taken = [], []
    while not loop.tally.is_finished:
        before = loop.agent.weights()["policy"][0]
        loop.decide()
        moved = loop.agent.weights()["policy"][0] != before
        chosen.append(loop.trace.rows[0][-1][1])
        if moved.any():
            assert set(modules[post[moved]]) == {chosen[-2]}
            taken.append(chosen[-2])
    assert set(taken) == {0, 1, 2}


def test_error_is_that_of_sarsa(open_loop):
    loop = open_loop(SETTINGS, replicas=1, episodes=3)
    network, values, errors, rows = loop.agent.network, [], [], loop.trace.rows[0]
    consolidate = network.consolidate
    network.consolidate = lambda factor, *rest: (
        errors.append(factor[0]) or consolidate(factor, *rest)
    )
    while not loop.tally.is_finished:
        loop.decide()
        counts, action = np.reshape(rows[-1][0], (2, 10)), rows[-1][1]
        values.append(counts[action].mean() / (50.0 * 0.05))
    expected, ends = [], [episode["length"] for episode in loop.trace.episodes[0]]
    last = set(np.cumsum(ends) - 1)
    for decision, (_, _, reward, _, _) in enumerate(rows):
        following = 0.0 if decision in last else 0.9 * values[decision + 1]
        expected.append(reward + following - values[decision])
    np.testing.assert_allclose(errors, expected, rtol=1e-9)


def test_engines_agree(open_loop, run_loop):
    settings = {**IDENTITY, "rule": {**SETTINGS["rule"], "trace_decay": 0.5}, "episodes": 1}
    compiled, runtime = (
        run_loop(open_loop(settings, engine=engine)) for engine in ("compiled", "runtime-numpy")
    )
    assert compiled.trace.rows == runtime.trace.rows
    np.testing.assert_array_equal(*(r.agent.weights()["policy"] for r in (compiled, runtime)))


def test_value_is_that_of_the_actions_taken():
    critic = Population("actor", 5, LIF(), modules=np.array([0, 0, 1, 1, 2]))
    activity = np.array([[1.0, 3.0, 5.0, 6.0, 0.0], [0.0, 0.0, 1.0, 0.0, 7.0]])
    np.testing.assert_array_equal(mean_value(activity, critic), [5.5, 7.0])
    np.testing.assert_array_equal(mean_value(activity, critic, np.array([0, 1])), [2.0, 0.5])
    pairs = np.array([[0, 2], [1, 2]])
    np.testing.assert_array_equal(mean_value(activity, critic, pairs), [1.0, 3.75])


def test_a_continuous_action_has_no_value(open_loop):
    with pytest.raises(ValueError, match=r"model: 'actor' says .*; use --model actor-critic"):
        open_loop(
            {**SETTINGS, "rule": "reinforce", "decoder": "weighted-mean"}, env="Pendulum-v1",
            encoder="on-off",
        )  # fmt: skip
