"""The closed loop: replicas, truncation, rest, exact resume, agreement with the action taken."""

import inspect
import pickle
import textwrap
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from threefactor.experiments.training.loop import ClosedLoop

GRID = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 40, "episodes": 3,
    "window_ms": 10.0, "model": {"name": "feed-forward", "neurons_per_action": 3},
    "modulator": "td-linear", "seed": 5, "rule": {"name": "reinforce", "learning_rate": 2.0},
}  # fmt: skip
#: Truncates and terminates, spiking critic, delivery one window late.
CRITIC: dict[str, Any] = {
    **GRID, "max_episode_steps": 20, "episodes": 4,
    "model": {"name": "actor-critic", "neurons_per_action": 3, "critic_neurons": 4,
              "critic_w_init": 2.0},
    "modulator": {"name": "td", "value_offset": -0.5}, "critic_rule": {"learning_rate": 0.2},
}  # fmt: skip
CARTPOLE = {
    **GRID, "env": "CartPole-v1", "env_kwargs": {}, "max_episode_steps": 200, "episodes": 2,
    "encoder": {"name": "gaussian", "cells": [3], "normalise": "running"}, "decoder": "softmax",
}  # fmt: skip
#: TD errors one window late, of replicas that end at different times; an update that counts.
LATE = {
    **CRITIC, "env": "CartPole-v1", "env_kwargs": {}, "max_episode_steps": 200,
    "encoder": {"name": "gaussian", "cells": [3], "normalise": "running"},
    "update": {"name": "adam", "step_size": 0.01},
}  # fmt: skip
#: TD errors of a neuron, in every timestep.
TD_NEURON = {
    **CRITIC, "model": {**CRITIC["model"], "name": "td-actor-critic", "silent_ms": 15.0},
    "modulator": "reward", "rule": {"name": "td-ltp-continuous", "learning_rate": 0.01},
    "critic_rule": {"name": "td-ltp-continuous", "learning_rate": 0.01},
}  # fmt: skip
#: A decoder with a memory of its own.
RING = {**CARTPOLE, "decoder": {"name": "ring", "memory": 0.8}}
CASES = {
    "ring": RING,
    "grid": GRID, "critic": CRITIC, "cartpole": CARTPOLE, "late": LATE, "td-neuron": TD_NEURON,
}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "control"),
    [
        *((case, "none") for case in CASES),
        *((case, "shuffled") for case in CASES),
        *((case, "permuted") for case in ("grid", "late")),
        ("late", "zero"),
    ],
)
def test_each_replica_equals_the_single_run_with_its_seed(case, control, open_loop, run_loop):
    together = run_loop(open_loop(CASES[case], replicas=3, control=control))
    lengths = []
    for replica in range(3):
        alone = run_loop(open_loop(CASES[case], seed=5 + replica, control=control))
        assert alone.trace.episodes[0] == together.trace.episodes[replica]
        assert alone.trace.rows[0] == together.trace.rows[replica]
        for name, weights in alone.agent.network.weights().items():
            np.testing.assert_array_equal(
                weights[0], together.agent.network.weights()[name][replica], err_msg=name
            )
        lengths.append(len(alone.trace.rows[0]))
    assert len(set(lengths)) > 1


def test_cases_terminate_and_truncate(open_loop, run_loop):
    episodes = sum(run_loop(open_loop(CRITIC, replicas=3)).trace.episodes, [])
    assert {(e["terminated"], e["truncated"]) for e in episodes} == {(True, False), (False, True)}


@pytest.mark.parametrize("rule", ["stdp", "dopamine-stdp"])
def test_a_finished_replica_keeps_its_weights_also_under_rules_that_drift(
    rule, open_loop, run_loop
):
    settings = {
        **GRID, "rule": rule, "neuron": "lif", "encoder": {"rate_max_hz": 800.0}, "episodes": 1,
        "model": {**GRID["model"], "w_init_low": 6.0}, "engine": "runtime-numpy",
    }  # fmt: skip
    settings["model"] |= {"w_init_high": 8.0}
    together = run_loop(open_loop(settings, replicas=2))
    lengths = [episodes[0]["length"] for episodes in together.trace.episodes]
    first = int(np.argmin(lengths))
    assert lengths[first] < max(lengths)
    alone = run_loop(open_loop(settings, seed=5 + first))
    np.testing.assert_array_equal(
        alone.agent.network.weights()["policy"][0],
        together.agent.network.weights()["policy"][first],
    )


class Scripted(gym.Env):
    """Counts its steps; ends as it is told. Actions are 1 and 2: Discrete with an offset."""

    observation_space = gym.spaces.Discrete(50)
    action_space = gym.spaces.Discrete(2, start=1)

    def __init__(self, ends="truncated", length=3):
        self.ends, self.length = ends, length
        self.steps = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return 0, {}

    def step(self, action):
        assert action in (1, 2)
        self.steps += 1
        is_over = self.steps == self.length
        return (
            self.steps,
            1.0,
            is_over and self.ends == "terminated",
            (is_over and self.ends == "truncated"),
            {},
        )


gym.register(id="Scripted-v0", entry_point=lambda **options: Scripted(**options))
SCRIPTED = {
    **CRITIC,
    "env": "Scripted-v0",
    "env_kwargs": {},
    "max_episode_steps": None,
    "episodes": 2,
}


def deliveries(loop):
    """Note every third factor that reaches the network, with the decision it was delivered in."""
    seen = []
    deliver = loop.agent.network.consolidate

    def consolidate(third_factor, *others):
        seen.append((loop.tally.decisions, np.array(third_factor)))
        deliver(third_factor, *others)

    loop.agent.network.consolidate = consolidate
    return seen


@pytest.mark.parametrize(("ends", "windows"), [("terminated", 3), ("truncated", 4)])
def test_truncation_is_not_termination(ends, windows, open_loop):
    """After a truncation one more window shows the last observation; its value counts."""
    loop = open_loop(SCRIPTED, env_kwargs={"ends": ends}, episodes=1)
    seen, shown, values = deliveries(loop), [], []
    encode, read = loop.agent.encoder.encode, loop.agent.network.values

    def encode_and_note(observations, *rest, **options):
        shown.append(int(observations[0]))
        return encode(observations, *rest, **options)

    loop.agent.encoder.encode = encode_and_note
    loop.agent.network.values = lambda *chosen: values.append(read(*chosen)) or values[-1]
    while not loop.tally.is_finished:
        loop.decide()
    assert shown == [0, 1, 2, 3][:windows]
    assert loop.tally.decisions == windows
    assert loop.environments.env.steps == 3
    (episode,) = loop.trace.episodes[0]
    assert (episode["length"], episode["total"]) == (3, 3.0)
    assert episode[ends] is True
    value = [float(v[0]) - 0.5 for v in values]
    gamma = 0.95
    expected = [1 + gamma * value[1] - value[0], 1 + gamma * value[2] - value[1]]
    last = 1 - value[2] if ends == "terminated" else 1 + gamma * value[3] - value[2]
    np.testing.assert_allclose([m[0] for _, m in seen], [*expected, last], rtol=1e-12)
    assert seen[-1][0] == windows - 1


def test_the_linear_critic_needs_no_extra_window(open_loop, run_loop):
    loop = run_loop(open_loop({**SCRIPTED, "modulator": "td-linear"}))
    assert loop.tally.decisions == 6
    assert [e["truncated"] for e in loop.trace.episodes[0]] == [True, True]


def test_resting_replicas_get_third_factor_zero_and_keep_their_weights(open_loop):
    loop = open_loop(GRID, replicas=3, episodes=1)
    seen = deliveries(loop)
    resting = []
    while not loop.tally.is_finished:
        acting = loop.tally.acting.copy()
        before = loop.agent.network.weights()["policy"]
        n_seen = len(seen)
        loop.decide()
        for _, third_factor in seen[n_seen:]:
            assert not np.any(third_factor[~acting])
        changed = np.any(loop.agent.network.weights()["policy"] != before, axis=1)
        assert not np.any(changed[~acting])
        resting.append((~acting).sum())
    assert max(resting) > 0


@pytest.mark.parametrize(
    ("case", "engine"), [*((case, "compiled") for case in CASES), ("critic", "runtime-numpy")]
)
def test_running_on_from_a_state_equals_never_having_stopped(case, engine, open_loop, run_loop):
    """The state is pickled in the middle of an episode and restored into a fresh loop."""
    whole = run_loop(open_loop(CASES[case], engine=engine, replicas=2))
    half = open_loop(CASES[case], engine=engine, replicas=2)
    for _ in range(7):
        half.decide()
    saved = pickle.dumps(half.state())
    rows = [list(r) for r in half.trace.rows]
    for _ in range(2):  # what happens later must not reach into the saved state
        half.decide()
    rest = open_loop(CASES[case], engine=engine, replicas=2, seed=99)
    rest.restore(pickle.loads(saved))
    run_loop(rest)
    for replica in range(2):
        assert rows[replica] + rest.trace.rows[replica] == whole.trace.rows[replica]
    assert rest.tally.decisions == whole.tally.decisions
    for name, weights in whole.agent.network.weights().items():
        np.testing.assert_array_equal(weights, rest.agent.network.weights()[name])


@pytest.mark.parametrize("case", CASES)
def test_twice_the_episodes_in_two_parts(case, open_loop, run_loop):
    n = CASES[case]["episodes"]
    whole = run_loop(open_loop(CASES[case], episodes=2 * n))
    first = run_loop(open_loop(CASES[case]))
    second = open_loop(CASES[case])
    second.restore(pickle.loads(pickle.dumps(first.state())))
    second.continue_until(2 * n)
    run_loop(second)
    rows = first.trace.rows[0] + second.trace.rows[0]
    assert rows == whole.trace.rows[0]
    assert first.trace.episodes[0] + second.trace.episodes[0] == whole.trace.episodes[0]
    for name, weights in whole.agent.network.weights().items():
        np.testing.assert_array_equal(weights, second.agent.network.weights()[name])


def test_replicas_that_rested_start_their_further_episodes_fresh(open_loop, run_loop):
    """Replicas that waited for others have run on; what they start with must not show it."""
    settings = {**GRID, "neuron": {"name": "escape-lif", "tau_membrane_ms": 500.0}}
    loop = run_loop(open_loop(settings, replicas=3))
    v = loop.agent.network.replicated("actor.v")
    assert np.any(v)
    loop.continue_until(6)
    assert loop.tally.acting.all()
    advance, before = loop.agent.network.advance, []

    def note(rates, steps):
        before.append(v.copy())
        return advance(rates, steps)

    loop.agent.network.advance = note
    run_loop(loop)
    assert not np.any(before[0])
    assert np.any(before[1])
    assert [len(e) for e in loop.trace.episodes] == [6, 6, 6]


def test_decoders_of_replicas_that_rested_start_fresh(open_loop, run_loop):
    loop = run_loop(open_loop(RING, replicas=3))
    vector = loop.agent.decoder._vector
    assert np.any(vector.now)
    loop.continue_until(4)
    decode, before = loop.agent.decoder.decode, []

    def note(counts):
        before.append(vector.now.copy())
        return decode(counts)

    loop.agent.decoder.decode = note
    run_loop(loop)
    assert not np.any(before[0])
    assert np.any(before[1])


@pytest.mark.parametrize(("control", "is_changed"), [("frozen", 0), ("zero", 0), ("none", 1)])
@pytest.mark.parametrize("case", ["critic", "td-neuron"])
def test_controls_that_must_not_learn_do_not(case, control, is_changed, open_loop, run_loop):
    loop = open_loop(CASES[case], control=control)
    start = loop.agent.network.weights()
    run_loop(loop)
    for name in ("policy", "value"):
        weights = loop.agent.network.weights()[name]
        assert np.array_equal(weights, start[name]) == (not is_changed), name


def test_agreement_knows_actions_that_do_not_start_at_zero(open_loop):
    """Action 2 of Discrete(2, start=1) is the second module."""
    loop = open_loop(SCRIPTED, rule="reinforce-sign", modulator="reward")
    network, seen = loop.agent.network, []
    write = network._write_agreement
    network._write_agreement = lambda name, array, chosen: seen.append(
        (chosen.copy(), write(name, array, chosen), array.copy())
    )
    for _ in range(4):
        loop.decide()
        fired = network.replicated("actor.spike_count")[0] > 0
        action = loop.trace.rows[0][-1][1]
        belongs = np.arange(6) // 3 == action - 1
        np.testing.assert_array_equal(seen[-1][2][0], np.where(fired == belongs, 1, -1))


def test_returns_are_discounted_as_the_environment_declares(open_loop, run_loop):
    loop = run_loop(open_loop({**GRID, "env_kwargs": {"size": 3, "step_reward": 1.0}}))
    for episode in loop.trace.episodes[0]:
        n = episode["length"]
        goal = 10.0 if episode["terminated"] else 1.0
        assert episode["total"] == pytest.approx(n - 1 + goal)
        discounted = sum(0.9**k for k in range(n - 1)) + 0.9 ** (n - 1) * goal
        assert episode["discounted"] == pytest.approx(discounted)


def test_documentation_shows_the_loop_as_it_is():
    source = textwrap.dedent(inspect.getsource(ClosedLoop.decide)).split('."""\n')[1]
    documented = Path(__file__).parents[3] / "docs" / "straight_line.md"
    assert source in documented.read_text()
