"""What a learning curve is compared with: uniformly random actions."""

import gymnasium as gym
import numpy as np
import pytest

from threefactor.experiments.configuration import resolve
from threefactor.experiments.training.references import random_return
from threefactor.experiments.training.setup import Setup

STEPS, N_ACTIONS, EPISODES = 50, 4, 40


class Guess(gym.Env):
    """Pays 1 for the number that the environment draws."""

    observation_space = gym.spaces.Discrete(2)
    action_space = gym.spaces.Discrete(N_ACTIONS)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}

    def step(self, action):
        return 0, float(action == self.np_random.integers(N_ACTIONS)), False, False, {}


@pytest.fixture
def guess():
    gym.register("Guess-v0", Guess, max_episode_steps=STEPS)
    yield "Guess-v0"
    del gym.registry["Guess-v0"]


def test_the_random_agent_draws_nothing_that_the_environment_draws(guess):
    chance = STEPS / N_ACTIONS
    means = [
        random_return(Setup.of(resolve({"env": guess}, {"seed": seed})), EPISODES)
        for seed in range(5)
    ]
    error = np.sqrt(STEPS / N_ACTIONS * (1 - 1 / N_ACTIONS) / (EPISODES * len(means)))
    assert abs(np.mean(means) - chance) < 3 * error
