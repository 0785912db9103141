"""A TD neuron in the loop: it hears rewards and ends, and its error reaches all synapses."""

from typing import Any

import gymnasium
import numpy as np
import pytest

SETTINGS: dict[str, Any] = {
    "env": f"{__file__}:Walk", "episodes": 1, "window_ms": 10.0, "seed": 2,
    "encoder": {"name": "one-hot", "rate_max_hz": 600.0},
    "model": {
        "name": "td-actor-critic", "neurons_per_action": 3, "critic_neurons": 4, "w_init_low": 4.0,
        "w_init_high": 8.0, "w_max": 20.0, "critic_w_init": 6.0, "critic_w_max": 20.0,
        "silent_ms": 5.0, "value_offset": 0.5,
    },
    "rule": {"name": "td-ltp-continuous", "learning_rate": 0.1},
    "critic_rule": {"name": "td-ltp-continuous", "learning_rate": 0.1},
    "modulator": "reward",
}  # fmt: skip


class Walk(gymnasium.Env):
    """Three steps, each with a reward of 1; then it ends as it is told."""

    observation_space = gymnasium.spaces.Discrete(5)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, ends="terminated"):
        self.ends, self.steps = ends, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return 0, {}

    def step(self, action):
        self.steps += 1
        ends = {kind: self.steps == 3 and self.ends == kind for kind in ("terminated", "truncated")}
        return self.steps, 1.0, ends["terminated"], ends["truncated"], {}


def errors_of_neuron(loop, run_loop):
    """Return TD error times the timestep, and value, of every timestep of a run."""
    loop.agent.network.engine.record([], [("td.td_error", 0), ("td.value", 0)], 1)
    run_loop(loop)
    error, value = loop.agent.network.engine.drain()["probes.values"].T
    return error * 1e-3, value


@pytest.mark.parametrize(("ends", "windows"), [("terminated", 3), ("truncated", 4)])
def test_reward_is_a_pulse_and_truncation_is_not_termination(ends, windows, open_loop, run_loop):
    error, value = errors_of_neuron(open_loop(SETTINGS, env_kwargs={"ends": ends}), run_loop)
    assert error.size == 10 * windows
    assert not error[:5].any()
    assert error[5:].all()
    rewarded = np.flatnonzero(error > 0.7)
    if ends == "terminated":
        assert rewarded.tolist() == [9, 19]
        assert value[29] > 0.5
        assert error[29] == pytest.approx(1.0 - value[29], rel=1e-12)
    else:
        assert rewarded.tolist() == [9, 19, 29]


def test_modulator_scales_what_the_neuron_hears(open_loop, run_loop):
    plain, _ = errors_of_neuron(open_loop(SETTINGS, control="frozen"), run_loop)
    double = {"name": "reward", "gain": 2.0}
    doubled, _ = errors_of_neuron(open_loop(SETTINGS, control="frozen", modulator=double), run_loop)
    gained = np.isin(np.arange(30), [9, 19, 29])
    np.testing.assert_allclose(doubled - plain, gained, atol=1e-12)


def test_weights_of_actor_and_critic_follow(open_loop, run_loop):
    loop = open_loop(SETTINGS, episodes=3)
    start = loop.agent.weights()
    run_loop(loop)
    moved = {name for name, w in loop.agent.weights().items() if np.any(w != start[name])}
    assert moved == {"policy", "value"}
    assert loop.agent.regime["third_factor"] == "spikes"


@pytest.mark.parametrize("control", ["none", "shuffled"])
def test_engines_agree(control, open_loop, run_loop):
    compiled, runtime = (
        run_loop(open_loop(SETTINGS, episodes=4, replicas=2, control=control, engine=engine))
        for engine in ("compiled", "runtime-numpy")
    )
    assert compiled.trace.rows == runtime.trace.rows
    for name, weights in compiled.agent.weights().items():
        np.testing.assert_array_equal(weights, runtime.agent.weights()[name])


def test_shuffled_flips_the_error_of_whole_windows(open_loop):
    """The sign is that of a window, each replica's own."""
    loop = open_loop(SETTINGS, episodes=9, replicas=2, control="shuffled")
    third_factor = loop.agent.network.replicated("actor.third_factor")
    error, signs = loop.agent.network.replicated("td.td_error"), []
    while not loop.tally.is_finished:
        loop.decide()
        if loop.tally.acting.all() and loop.environments.env.steps:
            signs.append(third_factor[:, 0] / error[:, 0])
    assert {tuple(row) for row in np.array(signs)} == {(1, 1), (1, -1), (-1, 1), (-1, -1)}


def test_opponents_hear_and_count_with_their_sign(open_loop):
    model = {**SETTINGS["model"], "has_opponents": True}
    network = open_loop(SETTINGS, model=model).agent.network
    network.advance(np.full((1, network.n_inputs), 300.0), 20)
    error = network.replicated("td.td_error")[0, 0]
    heard = network.replicated("critic.third_factor")[0]
    np.testing.assert_array_equal(heard, [error, error, -error, -error])
    weights = network.replicated("readout.w")[0]
    np.testing.assert_array_equal(weights, [0.5, 0.5, -0.5, -0.5])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modulator": "td"}, "modulator TemporalDifference: 'td' computes .* --modulator reward"),
        ({"rule": "reinforce"}, "got Reinforce with none; use --rule td-ltp-continuous"),
        ({"critic_rule": "td-critic"}, "got CriticDelta .*; use --critic-rule td-ltp-continuous"),
        ({"timestep_ms": 0.5}, "weight_period_ms = 0.5, the timestep, got .* with 1.0"),
        ({"window_ms": 1.0}, "window_ms: expected two timesteps or more.*, got 1 ms"),
        ({"model": {**SETTINGS["model"], "silent_ms": -1.0}}, "silent_ms must be >= 0, got -1"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message, open_loop):
    with pytest.raises(ValueError, match=message):
        open_loop(SETTINGS, **changes)
