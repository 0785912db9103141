"""A spiking critic learns values of any sign and size, in the closed loop, with one setting."""

from typing import Any

import gymnasium
import numpy as np
import pytest

from threefactor.agents.plastic.controls import Zero

COPIES = 5


class Chain(gymnasium.Env):
    """States in a row, one after the other; the symbol of each is shown by five input neurons."""

    def __init__(self, states=8, reward=0.0, last_reward=0.0):
        self.observation_space = gymnasium.spaces.MultiDiscrete([states] * COPIES)
        self.action_space = gymnasium.spaces.Discrete(1)
        self.rewards = np.append(np.full(states - 1, reward), last_reward)

    def seen(self, state):
        return np.full(COPIES, state)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = 0
        return self.seen(0), {}

    def step(self, action):
        reward, is_last = self.rewards[self.state], self.state == self.rewards.size - 1
        self.state = min(self.state + 1, self.rewards.size - 1)
        return self.seen(self.state), float(reward), is_last, False, {}


def true_values(rewards, discount):
    values = np.zeros(rewards.size + 1)
    for state in reversed(range(rewards.size)):
        values[state] = rewards[state] + discount * values[state + 1]
    return values[:-1]


TASKS: dict[str, dict[str, Any]] = {
    "a punishment a step": {"reward": -1.0, "last_reward": -1.0},
    "a reward a step": {"reward": 1.0, "last_reward": 1.0},
    "10 at the end": {"last_reward": 10.0},
    "a loss at the end of gains": {"reward": 2.0, "last_reward": -20.0},
    "a thousandth a step": {"reward": -1e-3, "last_reward": -1e-3},
}
SETTINGS: dict[str, Any] = {
    "env": f"{__file__}:Chain", "episodes": 120, "window_ms": 100.0, "seed": 200,
    "encoder": {"name": "one-hot", "rate_max_hz": 100.0},
    "model": {"name": "actor-critic", "neurons_per_action": 1, "critic_neurons": 50,
              "has_opponents": True},
    "neuron": "escape-lif", "critic_neuron": {"name": "escape-lif", "v_slope_mv": 8.0},
    "rule": {"name": "reinforce", "learning_rate": 0.0},
    "critic_rule": {"name": "td-critic", "learning_rate": 0.02, "trace_decay": 0.85},
    "modulator": {"name": "td", "discount": 0.95, "normalise": "returns", "full_rate_hz": 50.0},
}  # fmt: skip


def play(open_loop, task, **options):
    """Run it; return true values, values (decisions, states) of the last third, rates in Hz."""
    loop = open_loop(SETTINGS, env_kwargs=task, **options)
    agent, found, rates = loop.agent, [], []
    if options.get("control") == "zero":
        assert isinstance(agent.control, Zero)
    while not loop.tally.is_finished:
        loop.decide()
        found.append(agent.modulator.value(agent.network.values(), None)[0])
        rates.append(agent.network.replicated("critic.spike_count").mean() / 0.1)
    rewards = Chain(**task).rewards
    values = np.reshape(found, (-1, rewards.size))
    return true_values(rewards, 0.95), values[len(values) * 2 // 3 :], np.array(rates)


def error(truth, values):
    return np.sqrt(np.mean((values.mean(axis=0) - truth) ** 2)) / np.abs(truth).max()


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_values_converge_to_what_they_are(task, open_loop):
    truth, values, rates = play(open_loop, task)
    assert error(truth, values) < 0.08
    assert values.std(axis=0).mean() < 0.15 * np.abs(truth).max()
    assert rates.mean() < 60.0
    assert rates.max() < 120.0


@pytest.mark.parametrize(
    "change",
    [
        {"control": "zero"},
        {"model": {**SETTINGS["model"], "has_opponents": False}},
        {"modulator": {**SETTINGS["modulator"], "normalise": "none"}},
    ],
    ids=["no third factor", "no opponents", "no scale"],
)
def test_they_do_not_without(change, open_loop):
    truth, values, _ = play(open_loop, TASKS["a punishment a step"], **change)
    assert error(truth, values) > 0.3
