"""Environments: replicas equal single runs, rest when done, resume from a checkpoint."""

import copy

import gymnasium as gym
import numpy as np
import pytest

from threefactor.envs.bridge.batch import Environments
from threefactor.envs.gridworld import GridWorld

SEEDS = [11, 5, 77]
IDS = ["CartPole-v1", "GridWorld-v0", "MountainCarContinuous-v0", "Identity-v0"]


def answer(outcome):
    """What a single environment would return."""
    return (
        outcome.next_observations, outcome.rewards, outcome.terminated, outcome.truncated
    )  # fmt: skip


def random_actions(space, n_steps, seed):
    space.seed(seed)
    return [np.asarray(space.sample()) for _ in range(n_steps)]


def single_run(env_id, seed, actions):
    env = gym.make(env_id, max_episode_steps=40)
    trace = [env.reset(seed=seed)[0]]
    for action in actions:
        observation, reward, terminated, truncated, _ = env.step(
            action if action.ndim else int(action)
        )
        trace.append((np.array(observation), reward, terminated, truncated))
        if terminated or truncated:
            trace.append(np.array(env.reset()[0]))
    return trace


def batched_run(env_id, seeds, actions):
    batch = Environments(env_id, len(seeds), max_episode_steps=40)
    traces = [[observation] for observation in batch.reset(seeds)]
    for step in range(len(actions[0])):
        outcome = batch.step(np.stack([of_replica[step] for of_replica in actions]))
        results, done = answer(outcome), outcome.ends
        for trace, *result in zip(traces, *results, strict=True):
            trace.append(tuple(result))
        if done.any():
            observations = batch.reset_where(done)
            for replica in np.flatnonzero(done):
                traces[replica].append(observations[replica])
    return traces


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("n_replicas", [1, 3])
def test_replica_sees_what_a_single_run_with_its_seed_sees(env_id, n_replicas):
    space = gym.make(env_id).action_space
    actions = [random_actions(space, 200, seed) for seed in SEEDS[:n_replicas]]
    traces = batched_run(env_id, SEEDS[:n_replicas], actions)
    for seed, of_replica, trace in zip(SEEDS, actions, traces, strict=False):
        expected = single_run(env_id, seed, of_replica)
        assert len(trace) == len(expected) > 202  # several resets happened
        for got, want in zip(trace, expected, strict=True):
            if isinstance(want, tuple):
                assert np.array_equal(got[0], want[0])
                assert got[1:] == want[1:]
            else:
                assert np.array_equal(got, want)


def test_finished_replica_rests_until_it_is_reset():
    batch = Environments("GridWorld-v0", 2, max_episode_steps=3)
    batch.reset([0, 1])
    up = np.zeros(2, dtype=np.int64)
    for _ in range(2):
        batch.step(up)
    assert batch.step(up).truncated.tolist() == [True, True]
    batch.reset_where(np.array([True, False]))
    assert batch.is_running.tolist() == [True, False]
    random_state = batch._envs[1].unwrapped.np_random.bit_generator.state
    outcome = batch.step(up)
    assert outcome.acting.tolist() == [True, False]
    for result in (outcome.rewards, outcome.terminated, outcome.truncated):
        assert not result.any()
    assert batch._envs[1].unwrapped.np_random.bit_generator.state == random_state


def test_results_are_arrays_of_their_own():
    batch = Environments("CartPole-v1", 2)
    first = batch.reset([0, 1])
    kept = first.copy()
    results = answer(batch.step(np.array([0, 1])))
    frozen = copy.deepcopy(results)
    batch.step(np.array([1, 1]))
    assert np.array_equal(first, kept)
    for got, want in zip(results, frozen, strict=True):
        assert np.array_equal(got, want)
    assert [array.dtype for array in results] == [np.float32, np.float64, bool, bool]
    assert [array.shape for array in results] == [(2, 4), (2,), (2,), (2,)]


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("n_replicas", [1, 2])
def test_restored_batch_continues_bit_for_bit(env_id, n_replicas):
    def run(batch, n_steps, seed):
        rows = []
        generators = np.random.default_rng(seed)
        for _ in range(n_steps):
            actions = generators.integers(0, 2, n_replicas)
            if isinstance(batch.action_space, gym.spaces.Box):
                actions = actions[:, None].astype(np.float32)
            outcome = batch.step(actions)
            rows.append([array.tolist() for array in answer(outcome)])
            if (done := outcome.ends).any():
                rows.append(batch.reset_where(done).tolist())
        return rows

    batch = Environments(env_id, n_replicas, max_episode_steps=30)
    batch.reset(SEEDS[:n_replicas])
    run(batch, 50, seed=0)  # 20 steps into an episode where none ended early
    state = copy.deepcopy(batch.state())
    last = batch.reset_where(np.zeros(n_replicas, dtype=bool))
    expected = run(batch, 70, seed=1)
    other = Environments(env_id, n_replicas, max_episode_steps=30)
    for resumed in (batch, other):
        environment = resumed.env
        resumed.restore(state)
        assert resumed.env is environment
        nobody = np.zeros(n_replicas, dtype=bool)
        assert np.array_equal(resumed.reset_where(nobody), last)
        assert run(resumed, 70, seed=1) == expected


def test_state_of_another_batch_is_refused():
    batch = Environments("GridWorld-v0", 2)
    batch.reset([0, 1])
    with pytest.raises(ValueError, match="expected 3 replicas of GridWorld-v0, got 2"):
        Environments("GridWorld-v0", 3).restore(batch.state())
    with pytest.raises(ValueError, match="of CartPole-v1, got 2 of GridWorld-v0"):
        Environments("CartPole-v1", 2).restore(batch.state())


def test_an_environment_that_refers_to_itself_is_not_duplicated():
    batch = Environments("GridWorld-v0")
    batch.reset([0])
    batch.env.itself = batch.env
    batch.restore(batch.state())
    assert batch.env.itself is batch.env


def test_metric_arguments_and_drawing_are_passed_through():
    batch = Environments(
        "GridWorld-v0", env_kwargs={"size": 3, "return_discount": 0.5}, render_mode="ansi"
    )
    batch.reset([0])
    assert isinstance(batch.env, GridWorld)
    assert batch.return_discount == 0.5
    assert batch.observation_space == gym.spaces.Discrete(9)
    assert batch.render() == "A..\n...\n..G"
    assert Environments("CartPole-v1").return_discount == 1.0
    batch.close()


def test_package_is_imported_before_its_environment():
    assert isinstance(Environments("threefactor.envs:GridWorld-v0").env, GridWorld)


@pytest.mark.parametrize(
    ("env_id", "message"),
    [
        ("CartPol-v1", "Unknown environment 'CartPol-v1'. Did you mean 'CartPole-v1'"),
        ("GridWorl-v0", "'GridWorld-v0'"),
        ("CartPole-v9", "Did you mean 'CartPole-v"),
        ("zzzzz", "package:Name-v0"),
        ("no_such_package:Foo-v0", "Run: pip install no_such_package"),
    ],
)
def test_bad_ids_give_one_clear_error(env_id, message):
    with pytest.raises(ValueError, match=message):
        Environments(env_id)


def test_missing_optional_package_names_the_pip_command(monkeypatch):
    def refuse(*args, **kwargs):
        raise gym.error.DependencyNotInstalled("no such thing")

    monkeypatch.setattr(gym, "make", refuse)
    with pytest.raises(ValueError, match=r'LunarLander-v3 .*pip install "gymnasium\[box2d\]"'):
        Environments("LunarLander-v3")
    with pytest.raises(ValueError, match=r'pip install "gymnasium\[classic-control\]"'):
        Environments("CartPole-v1")
    with pytest.raises(ValueError, match="lacks an optional package: no such thing"):
        Environments("GridWorld-v0")


def test_bad_arguments_give_one_clear_error():
    batch = Environments("GridWorld-v0", 2)
    with pytest.raises(ValueError, match=r"call reset\(seeds\) first"):
        batch.step(np.zeros(2, dtype=np.int64))
    with pytest.raises(ValueError, match="expected 2 seeds, one per replica, got 1"):
        batch.reset([0])
    batch.reset([0, 1])
    with pytest.raises(ValueError, match=r"mask of shape \(2,\), got \(1,\)"):
        batch.reset_where(np.array([True]))
    with pytest.raises(ValueError, match="n_replicas must be >= 1"):
        Environments("GridWorld-v0", 0)
    with pytest.raises(ValueError, match="max_episode_steps must be >= 1"):
        Environments("GridWorld-v0", max_episode_steps=0)
