"""An environment with spaces in spaces, as a file of a user."""

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Dict, Discrete, MultiBinary


class Switches(gym.Env):
    """Shows what was switched, in a Dict; ends after five steps."""

    observation_space = Dict({"set": MultiBinary((2, 2)), "step": Discrete(6)})
    action_space = MultiBinary((2, 2))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return {"set": np.zeros((2, 2), np.int8), "step": 0}, {}

    def step(self, action):
        assert action in self.action_space
        self.count += 1
        seen = {"set": np.asarray(action, np.int8), "step": self.count}
        return seen, float(np.sum(action)), self.count == 5, False, {}
