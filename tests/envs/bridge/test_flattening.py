"""Composite spaces as one row of symbols or numbers, and steps through environments of them."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple

from threefactor.envs.bridge.batch import Environments
from threefactor.envs.bridge.choices import Choices
from threefactor.envs.bridge.flattening import flat_actions, flat_observations
from threefactor.experiments.parts.environments import find_environment

SWITCHES = Path(__file__).parent / "switches.py"
BOX = Box(-1.0, 1.0, (2,))


@pytest.mark.parametrize("space", [BOX, Discrete(4, start=2), MultiDiscrete([2, 3])])
def test_what_fits_already_is_left_alone(space):
    flat = flat_observations(space)
    assert flat.space is space
    sample = space.sample()
    assert flat(sample) is sample


@pytest.mark.parametrize(
    ("space", "expected", "n_values"),
    [
        (MultiBinary(3), MultiDiscrete([2, 2, 2]), (2, 2, 2)),
        (
            Tuple((Discrete(32), Discrete(11, start=1), MultiBinary(1))),
            MultiDiscrete([32, 11, 2], start=[0, 1, 0]),
            (32, 11, 2),
        ),
        (
            Dict({"b": Discrete(3, start=-1), "a": BOX}),
            Box(np.array([-1.0, -1, -1]), np.array([1.0, 1, 1]), dtype=np.float64),
            (0, 0, 3),
        ),
        (Tuple((BOX, Dict({"x": BOX}))), Box(-1.0, 1.0, (4,)), (0, 0, 0, 0)),
    ],
)
def test_components_lie_one_after_the_other(space, expected, n_values):
    flat = flat_observations(space)
    assert flat.space == expected
    assert flat.n_values == n_values
    space.seed(0)
    for _ in range(20):
        assert np.asarray(flat(space.sample()), flat.space.dtype) in flat.space


def test_order_is_that_of_the_space():
    space = Tuple((Discrete(5), Dict({"x": BOX, "n": Discrete(3)})))
    shown = flat_observations(space)((4, {"x": np.array([0.5, -0.5]), "n": 2}))
    assert shown.tolist() == [4, 2, 0.5, -0.5]


def test_actions_are_no_dicts_or_tuples():
    assert flat_actions(MultiBinary((2, 2))).space == MultiDiscrete([[2, 2], [2, 2]])
    with pytest.raises(ValueError, match="Dict has no fixed number"):
        flat_actions(Dict({"a": Discrete(2)}))


def test_choices_name_populations_component_by_component():
    choices = Choices.of(MultiDiscrete([2, 3], start=[1, 0]))
    assert choices.n_populations == 5
    assert choices.populations(np.array([[1, 2], [2, 0]])).tolist() == [[0, 4], [1, 2]]
    assert Choices.of(Discrete(3, start=4)).populations(np.array([5])).tolist() == [1]
    assert Choices.of(BOX) is None


def test_environments_show_and_take_flat_rows():
    environments = Environments(find_environment(f"{SWITCHES}:Switches"), 2)
    assert environments.observation_space == MultiDiscrete([2, 2, 2, 2, 6])
    assert environments.reset([1, 2]).tolist() == [[0] * 5] * 2
    outcome = environments.step(np.array([[1, 0, 0, 1], [0, 1, 1, 1]]))
    assert outcome.next_observations.tolist() == [[1, 0, 0, 1, 1], [0, 1, 1, 1, 1]]
    assert outcome.rewards.tolist() == [2, 3]
    saved = environments.state()
    environments.step(np.ones((2, 4), int))
    environments.restore(saved)
    assert environments.step(np.zeros((2, 4), int)).next_observations[:, 4].tolist() == [2, 2]


@pytest.mark.parametrize(
    ("space", "shown"),
    [
        (Discrete(4), 7),
        (Discrete(4), -1),
        (Discrete(4), None),
        (MultiDiscrete([2, 3]), np.array([1, 3])),
        (MultiBinary(2), np.array([2, 0], np.int8)),
        (BOX, np.zeros(3, np.float32)),
        (Dict({"a": Discrete(2)}), {"b": 1}),
        (Tuple((Discrete(2), Discrete(2))), (1, 2)),
    ],
)
def test_what_is_not_in_the_space_is_refused_in_one_line(space, shown):
    class Wrong(gym.Env):
        observation_space, action_space = space, Discrete(2)

        def reset(self, *, seed=None, options=None):
            return shown, {}

    environments = Environments(EnvSpec("Wrong-v0", entry_point=Wrong))
    with pytest.raises(
        ValueError, match="Wrong-v0, episode 1, reset: gave .* expected an element of"
    ):
        environments.reset([0])
