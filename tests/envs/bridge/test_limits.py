"""Limits of unbounded observations: found by a rollout, the same again, bounds kept."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

from threefactor.envs.bridge.batch import Environments
from threefactor.envs.bridge.encoders.gaussian import GaussianPopulation
from threefactor.envs.bridge.encoders.linear import DirectRate
from threefactor.envs.bridge.limits import find_limits


class Ramp(gym.Env):
    """Counts up to nine; the others are constant, bounded, and huge."""

    observation_space = gym.spaces.Box(
        np.array([-np.inf, -np.inf, -1, 0]), np.array([np.inf, np.inf, 1, 1e9]), dtype=np.float64
    )
    action_space = gym.spaces.Discrete(2)
    scale = 1.0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return self._observe(), {}

    def step(self, action):
        self.count += 1
        return self._observe(), 0.0, self.count == 9, False, {}

    def _observe(self):
        return np.array([self.count * self.scale, 5.0, 0.5, self.count])


class Broken(Ramp):
    scale = np.nan


def environments(kind):
    return Environments(EnvSpec(kind.__name__, entry_point=kind))


def test_range_seen_is_widened_by_a_tenth_and_known_bounds_are_kept():
    limits = find_limits(GaussianPopulation(), environments(Ramp), 3)
    assert limits.low == pytest.approx((-0.9, 4.0, -1.0, 0.0))
    assert limits.high == pytest.approx((9.9, 6.0, 1.0, 9.9))
    assert limits.found == (0, 1, 3)
    assert str(limits) == (
        "limits of dimensions 0, 1, 3 from 1000 random steps: -0.9 to 9.9, 4 to 6, 0 to 9.9"
    )


def test_limits_that_are_given_are_kept():
    only_low = GaussianPopulation(low=(-50.0, -50.0, -50.0, -50.0))
    limits = find_limits(only_low, environments(Ramp), 3)
    assert limits.low == (-50.0,) * 4
    assert limits.high == pytest.approx((9.9, 6.0, 1.0, 9.9))


@pytest.mark.parametrize(
    ("settings", "env_id"),
    [
        (GaussianPopulation(), "MountainCar-v0"),
        (GaussianPopulation(normalise="running"), "CartPole-v1"),
        (DirectRate(low=(-1.0,), high=(1.0,)), "CartPole-v1"),
        (DirectRate(), "FrozenLake-v1"),
    ],
)
def test_nothing_is_looked_for_where_nothing_lacks(settings, env_id):
    assert find_limits(settings, Environments(env_id), 3) is None


def test_limits_follow_from_the_seed_alone():
    found = [
        find_limits(DirectRate(), Environments("CartPole-v1", replicas), seed)
        for replicas, seed in ((1, 3), (2, 3), (1, 4))
    ]
    assert found[0] == found[1] != found[2]
    assert found[0].low[1] < -1.0
    assert found[0].high[1] > 1.0


@pytest.mark.parametrize(
    ("scale", "told"),
    [
        (
            np.nan,
            "Broken, episode 1, reset: gave the observation .* .nan in dimension 0., expected",
        ),
        (1e308, "Broken: expected finite observations .* got inf in dimension 0;"),
    ],
)
def test_observations_that_are_not_numbers_are_named(scale, told, monkeypatch):
    monkeypatch.setattr(Broken, "scale", scale)
    with pytest.raises(ValueError, match=told):
        find_limits(GaussianPopulation(), environments(Broken), 3)
