"""Exact returns, against values of the literature, by hand, and against many episodes played."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv

from threefactor.envs.bridge.batch import Environments
from threefactor.envs.exact import exact_returns
from threefactor.envs.gridworld import GridWorld


def exact(env_id, steps, **kwargs):
    return exact_returns(gym.make(env_id, **kwargs).unwrapped, steps)


def random_mean(env, episodes, rng):
    env.reset(seed=0)
    returns = np.zeros(episodes)
    for episode in range(episodes):
        env.reset()
        is_over = False
        while not is_over:
            _, reward, terminated, truncated, _ = env.step(int(rng.integers(env.action_space.n)))
            returns[episode] += reward
            is_over = terminated or truncated
    return returns.mean(), returns.std() / np.sqrt(episodes)


def test_cliff_walking_and_taxi_have_known_optima():
    assert exact("CliffWalking-v1", 1000).optimum == -13
    # Dietterich 2000: 8.46 averaged over passengers that may already be where they want to go;
    # Gymnasium starts with 300 of the 500 states, of which breadth-first search gives 7.93.
    assert exact("Taxi-v4", 200).optimum == pytest.approx(7.93, abs=0.005)


def test_a_frozen_lake_that_is_not_slippery_is_always_crossed_if_time_suffices():
    assert exact("FrozenLake-v1", 6, is_slippery=False).optimum == 1
    assert exact("FrozenLake-v1", 5, is_slippery=False).optimum == 0


@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [
        ("FrozenLake-v1", {}),
        ("Blackjack-v1", {}),
        ("Blackjack-v1", {"sab": False, "natural": True}),
    ],
)
def test_random_actions_earn_what_is_computed(env_id, kwargs):
    env = gym.make(env_id, **kwargs)
    mean, error = random_mean(env, 4000, np.random.default_rng(0))
    steps = env.spec.max_episode_steps or 100
    assert exact(env_id, steps, **kwargs).random == pytest.approx(mean, abs=4 * error)


def test_basic_strategy_of_blackjack_loses_as_little_as_computed():
    """Stand and draw as Sutton & Barto 2018, figure 5.2; -0.047 is what many have played out."""
    computed = exact("Blackjack-v1", 100, sab=False).optimum
    assert computed == pytest.approx(-0.0466, abs=2e-4)
    env, returns = gym.make("Blackjack-v1", sab=False), []
    env.reset(seed=1)
    for _ in range(8000):
        (total, shown, ace), _ = env.reset()
        is_over = False
        while not is_over:
            if ace:
                draws = total < 18 or (total == 18 and shown in (1, 9, 10))
            else:
                draws = total < 12 or (total == 12 and shown in (2, 3)) or (
                    total < 17 and shown in (1, 7, 8, 9, 10)
                )  # fmt: skip
            (total, shown, ace), reward, is_over, _, _ = env.step(int(draws))
        returns.append(reward)
    assert np.mean(returns) == pytest.approx(computed, abs=3 * np.std(returns) / np.sqrt(8000))


def test_gridworld_knows_its_own():
    found = exact_returns(GridWorld(), None)
    assert found.optimum == pytest.approx(1.1207, abs=1e-4)
    assert found.random < 0.01


class FreeFrozenLake(FrozenLakeEnv):
    """Rewards other than those of the table that it inherits."""


def test_nothing_is_claimed_of_environments_that_may_differ_from_their_table():
    assert exact_returns(FreeFrozenLake(), 100) is None
    assert exact("Taxi-v4", 200, fickle_passenger=True) is None
    assert exact("CartPole-v1", 100) is None
    assert exact("FrozenLake-v1", None) is None


def test_wrappers_are_noticed():
    assert not Environments("FrozenLake-v1").is_wrapped
    gym.register("ClippedLake-v0", entry_point=lambda: gym.wrappers.TransformReward(
        gym.make("FrozenLake-v1"), lambda reward: 2 * reward
    ))  # fmt: skip
    try:
        assert Environments("ClippedLake-v0").is_wrapped
    finally:
        del gym.registry["ClippedLake-v0"]
