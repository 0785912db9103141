"""Vector forms: many copies stepped together are what each is alone."""

from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest

from threefactor.envs.bridge import batch
from threefactor.envs.bridge.batch import Environments
from threefactor.envs.bridge.together import FEWEST
from threefactor.envs.gridworld import GridWorld

COPIES = 16
SMALL = {"layout": "S.#/..G", "stay_probability": 0.3, "step_reward": -0.1}
DISTURBED = {"noise_factor": 1.0, "disturbance_factor": 1.0, "n_last_actions": 3}
#: Id, arguments, time limit.
WORLDS = [
    pytest.param("CartPole-v1", {}, None, id="CartPole"),
    pytest.param("CartPole-v1", {"sutton_barto_reward": True}, 12, id="CartPole-limit"),
    pytest.param("GridWorld-v0", {"size": 3}, 40, id="GridWorld"),
    pytest.param("GridWorld-v0", SMALL, None, id="GridWorld-walls"),
    pytest.param("Identity-v0", {"n_symbols": 5}, 7, id="Identity"),
    pytest.param("Hover-v0", {}, 40, id="Hover"),
    pytest.param("Hover-v0", DISTURBED, None, id="Hover-disturbed"),
]


def open_many(env_id, kwargs, limit, copies=COPIES):
    return Environments(env_id, copies, env_kwargs=kwargs, max_episode_steps=limit)


def play(environments, steps, seed):
    """Return the outcomes of random actions; who has ended waits a while for its reset."""
    generator, rows = np.random.default_rng(seed), []
    space, replicas = environments.action_space, environments.n_replicas
    for _ in range(steps):
        if isinstance(space, gym.spaces.Box):
            actions = generator.uniform(space.low, space.high, (replicas, *space.shape))
        else:
            actions = generator.integers(0, space.n, replicas)
        outcome = environments.step(actions)
        waits = generator.random(environments.n_replicas) < 0.5
        shown = environments.reset_where(~environments.is_running & ~waits)
        rows.append(
            [
                outcome.observations, outcome.rewards, outcome.next_observations,
                outcome.terminated, outcome.truncated, outcome.acting, shown,
            ]
        )  # fmt: skip
    return rows


def assert_equal(one, other):
    for of_one, of_other in zip(one, other, strict=True):
        for got, want in zip(of_one, of_other, strict=True):
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)


@pytest.fixture
def one_by_one(monkeypatch):
    def opened(*arguments):
        with monkeypatch.context() as patch:
            patch.setattr(batch, "FEWEST", 10**9)
            return open_many(*arguments)

    return opened


@pytest.mark.parametrize(("env_id", "kwargs", "limit"), WORLDS)
def test_copies_equal_single_environments_over_many_episodes(env_id, kwargs, limit, one_by_one):
    together, apart = open_many(env_id, kwargs, limit), one_by_one(env_id, kwargs, limit)
    assert (together.steps_together, apart.steps_together) == (True, False)
    seeds = range(100, 100 + COPIES)
    np.testing.assert_array_equal(together.reset(seeds), apart.reset(seeds))
    rows = play(together, 600, seed=1)
    assert_equal(rows, play(apart, 600, seed=1))
    ends = np.array([row[3] | row[4] for row in rows])
    assert ends.sum() > 10 * COPIES
    assert (ends.any(axis=1) & ~ends.all(axis=1)).any()  # at different times


@pytest.mark.parametrize(("env_id", "kwargs", "limit"), WORLDS)
def test_either_way_of_stepping_continues_a_checkpoint_of_the_other(
    env_id, kwargs, limit, one_by_one
):
    together, apart = open_many(env_id, kwargs, limit), one_by_one(env_id, kwargs, limit)
    together.reset(range(COPIES))
    play(together, 50, seed=2)
    state = together.state()
    apart.restore(state)
    expected = play(apart, 100, seed=3)
    assert_equal(play(together, 100, seed=3), expected)  # it was not disturbed
    again = open_many(env_id, kwargs, limit)
    again.restore(state)
    assert_equal(play(again, 100, seed=3), expected)
    together.restore(apart.state())
    assert_equal(play(together, 20, seed=4), play(apart, 20, seed=4))


def test_a_copy_that_rests_draws_nothing_and_the_others_go_on():
    environments = open_many("Identity-v0", {}, 3)
    environments.reset(range(COPIES))
    nothing = np.zeros(COPIES, int)
    for _ in range(3):
        environments.step(nothing)
    first = np.arange(COPIES) == 0
    environments.reset_where(first)
    generators = [copy.unwrapped.np_random.bit_generator for copy in environments._envs]
    before = [generator.state for generator in generators]
    outcome = environments.step(nothing)
    changed = [generator.state != kept for generator, kept in zip(generators, before, strict=True)]
    assert changed == outcome.acting.tolist() == first.tolist()


def test_the_first_environment_shows_where_its_copy_is():
    environments = Environments("GridWorld-v0", FEWEST, render_mode="ansi")
    environments.reset(range(FEWEST))
    for _ in range(5):
        environments.step(np.full(FEWEST, 1))
    cell = int(environments.observations[0])
    assert cell > 0
    assert environments.env._state == cell
    assert environments.render().split("\n")[cell // 10][cell % 10] == "A"


class Upward(GridWorld):
    """It steps as it likes."""

    def step(self, action):
        return super().step(0)


@pytest.mark.parametrize(
    ("environment", "copies"),
    [
        (gym.envs.registration.EnvSpec("Upward-v0", entry_point=cast(Any, Upward)), COPIES),
        ("MountainCar-v0", COPIES),
        ("GridWorld-v0", FEWEST - 1),
    ],
)
def test_others_are_stepped_one_by_one(environment, copies):
    assert not Environments(environment, copies).steps_together


def test_what_a_wrapper_changes_is_not_left_out():
    spec = gym.spec("CartPole-v1")
    doubled = gym.wrappers.TransformReward(gym.make("CartPole-v1"), _twice).spec
    assert not Environments(doubled, COPIES).steps_together
    assert Environments(spec, COPIES).steps_together


def _twice(reward):
    return 2 * reward


def test_an_impossible_action_is_refused_as_by_a_single_environment():
    environments = open_many("GridWorld-v0", {}, None)
    environments.reset(range(COPIES))
    with pytest.raises(ValueError, match=r"GridWorld.step: action must be 0 .. 3 .* got 4"):
        environments.step(np.full(COPIES, 4))


def test_a_reward_that_is_not_finite_is_refused():
    environments = open_many("GridWorld-v0", {"size": 2}, None)
    environments.reset(range(COPIES))
    environments._together._form._rewards = np.full_like(environments.env._rewards, np.nan)
    with pytest.raises(ValueError, match="gave the reward nan, expected a finite number"):
        environments.step(np.ones(COPIES, int))
