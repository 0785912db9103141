"""Names of dimensions fit the spaces that they are of."""

import gymnasium as gym
import numpy as np
import pytest

from threefactor.envs.dimension_names import NAMES, action_names, observation_names


@pytest.mark.parametrize("env_id", NAMES)
def test_names_are_as_many_as_dimensions_and_actions(env_id):
    env = gym.make(env_id)
    observations, actions = NAMES[env_id]
    assert len(observations) == int(np.prod(env.observation_space.shape))
    assert len(actions) == getattr(env.action_space, "n", 0)
    assert observation_names(env_id, env.metadata, len(observations)) == list(observations)


def test_an_environment_may_say_its_own_and_others_are_numbered():
    metadata = {"observation_names": ["height (m)"], "action_names": ["up", "down"]}
    assert observation_names("Mine-v0", metadata, 1) == ["height (m)"]
    assert action_names("Mine-v0", metadata, 2, 0) == ["up", "down"]
    assert observation_names("Mine-v0", {}, 2) == ["observation 0", "observation 1"]
    assert action_names("Mine-v0", metadata, 3, 1) == ["action 1", "action 2", "action 3"]
