"""Every environment by its id alone: parts that fit its spaces, and runs that start and end."""

from contextlib import closing

import gymnasium as gym
import pytest

from threefactor.envs.bridge import DECODERS, ENCODERS
from threefactor.envs.bridge.batch import Environments
from threefactor.experiments.configuration import RunOptions, resolve
from threefactor.experiments.fitting import CHOSEN, fitting_parts
from threefactor.experiments.interface import train
from threefactor.experiments.layers import configure

NAMES = (
    "CartPole", "MountainCar", "MountainCarContinuous", "Acrobot", "Pendulum", "FrozenLake",
    "FrozenLake8x8", "CliffWalking", "Taxi", "Blackjack", "GridWorld", "Identity",
)  # fmt: skip
#: The newest version of each.
IDS = [max(id_ for id_ in gym.registry if id_.rpartition("-v")[0] == name) for name in NAMES]


@pytest.mark.parametrize("env", IDS)
def test_chosen_parts_fit_the_spaces_and_survive_the_file(env):
    config = configure(env=env)
    assert resolve(config.to_dict()) == config
    environments = Environments(env)
    assert isinstance(environments.observation_space, config.parts["encoder"].spaces)
    assert isinstance(environments.action_space, config.parts["decoder"].spaces)


@pytest.mark.slow
@pytest.mark.parametrize("env", IDS)
def test_an_environment_runs_by_its_id_alone(env, tmp_path):
    result = train(env=env, episodes=2, reference_episodes=2, out=tmp_path / "run", quiet=True)
    assert not result.is_interrupted
    assert (result.path / "DONE").exists()


@pytest.mark.parametrize(
    ("env", "encoder"),
    [
        ("Pendulum-v1", {"groups": ((0, 1, 2),), "cells": (7, 7, 7)}),
        ("Acrobot-v1", {"groups": ((0, 1), (2, 3), (4, 5)), "cells": (8,) * 6, "copies": 2}),
        ("Blackjack-v1", {"groups": ((0, 1, 2),), "copies": 1}),
        ("FrozenLake8x8-v1", {"groups": (), "copies": 5}),
    ],
)
def test_encoders_follow_the_table(env, encoder):
    with closing(Environments(env, 1)) as environments:
        fitting = fitting_parts(environments, {})  # whatever presets say
    chosen = resolve({"encoder": fitting["encoder"]}).parts["encoder"]
    assert {name: getattr(chosen, name) for name in encoder} == encoder


class Odd(gym.Env):
    """Given spaces; nothing else."""

    action_space = gym.spaces.Discrete(2)


def fitted(observation, action=None, **named):
    class Given(Odd):
        observation_space = observation
        action_space = action or Odd.action_space

    spec = gym.envs.registration.EnvSpec("Given-v0", entry_point=Given)
    return fitting_parts(Environments(spec), named)


def test_spaces_without_an_environment_of_their_own():
    box = gym.spaces.Box(0.0, 1.0, (2,))
    mixed = fitted(gym.spaces.Dict({"a": box, "b": gym.spaces.Discrete(3)}))["encoder"]
    assert mixed["groups"] == [[0, 1, 2]]
    assert mixed["cells"][2] == 3
    assert mixed["width"][2] < mixed["width"][0]
    assert fitted(gym.spaces.Box(0, 255, (96, 96, 3)))["encoder"]["name"] == "rate"
    many = fitted(gym.spaces.MultiBinary(12))["encoder"]
    assert many == {"name": "one-hot", "copies": 1}
    assert fitted(box, gym.spaces.MultiBinary(3))["decoder"]["name"] == "argmax"
    assert fitted(box, gym.spaces.Box(-1.0, 1.0, (2,)))["decoder"]["name"] == "weighted-mean"


def test_what_is_named_is_not_chosen():
    others, box = {"window_ms", "max_episode_steps"}, gym.spaces.Box(0.0, 1.0, (2,))
    learning = {"rule", "schedule"}
    assert set(fitted(gym.spaces.Discrete(4))) == {*CHOSEN, *others, *learning}
    assert set(fitted(box)) == {*CHOSEN, *others, *learning}
    assert set(fitted(box, rule="rstdp")) == {*CHOSEN, *others}
    without = {*CHOSEN, "max_episode_steps"} - {"encoder"}
    assert set(fitted(gym.spaces.Discrete(4), encoder="one-hot")) == without
    config = configure(env="Acrobot-v1", encoder="gaussian")
    assert config.parts["encoder"] == ENCODERS["gaussian"]()
    assert configure(env="Acrobot-v1", decoder="softmax").parts["decoder"] == DECODERS["softmax"]()
    changed = configure({"env": "Acrobot-v1", "encoder.copies": 2}).parts["encoder"]
    assert (changed.copies, changed.groups) == (2, ((0, 1), (2, 3), (4, 5)))
    critic = configure(env="Acrobot-v1", model="actor-critic").parts["model"]
    assert (critic.is_divisive, critic.critic_neurons) == (True, 100)
    by_hand = configure(env="Acrobot-v1", modulator="td", encoder="rate").parts["model"]
    assert (by_hand.has_opponents, by_hand.is_divisive) == (True, False)
    bare = configure(preset="none", env="Acrobot-v1")
    assert bare.parts["encoder"] == ENCODERS["one-hot"]()
    assert bare.options.window_ms == RunOptions.window_ms


@pytest.mark.parametrize("env", ["FrozenLake-v1", "Acrobot-v1", "Taxi-v4"])
def test_more_copies_of_an_input_weigh_and_learn_less(env):
    usual = configure(env=env)
    copies = usual.parts["encoder"].copies
    more = configure({"env": env, "encoder.copies": 3 * copies})
    for part, name in (("model", "w_init_low"), ("model", "w_min"), ("rule", "learning_rate")):
        if env == "Acrobot-v1" or part == "model":  # the others' presets have learning rates
            before, after = (getattr(config.parts[part], name) for config in (usual, more))
            assert after == pytest.approx(before / 3)


def test_only_environments_without_a_time_limit_get_one():
    limits = {env: configure(env=env).options.max_episode_steps for env in IDS}
    without = {env for env in IDS if gym.spec(env).max_episode_steps is None}
    assert {env: limit for env, limit in limits.items() if limit == 1000} == dict.fromkeys(
        {*without, "MountainCar-v0"},
        1000,  # as it is tuned
    )
    assert configure(env="Blackjack-v1", max_episode_steps=7).options.max_episode_steps == 7


@pytest.mark.parametrize(
    ("named", "model", "modulator"),
    [
        ({}, "feed-forward", "td-linear"),
        ({"modulator": "td"}, "actor-critic", "td"),
        ({"model": "actor-critic"}, "actor-critic", "td"),
        ({"model": "action-values"}, "action-values", "td"),
        ({"model": "layered"}, "layered", "td-linear"),
        ({"modulator": "reward"}, "feed-forward", "reward"),
    ],
)
def test_model_and_modulator_fit_each_other(named, model, modulator):
    config = configure(env="FrozenLake-v1", **named)
    assert (config.names["model"], config.names["modulator"]) == (model, modulator)


@pytest.mark.parametrize(
    "space",
    [
        gym.spaces.Text(5),
        gym.spaces.Sequence(gym.spaces.Discrete(2)),
        gym.spaces.Graph(gym.spaces.Discrete(2), None),
        gym.spaces.Dict({"a": gym.spaces.Discrete(2), "b": gym.spaces.Text(5)}),
    ],
)
def test_spaces_without_numbers_are_refused_in_one_line(space):
    with pytest.raises(
        ValueError, match="Given-v0 has observation space .*, expected Box"
    ) as error:
        fitted(space)
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="has action space .*, expected Box"):
        fitted(gym.spaces.Discrete(2), space)


def test_a_setting_of_a_part_that_is_chosen_here_is_known():
    config = configure({"env": "FrozenLake-v1", "modulator.trace_decay": 0.25})
    assert config.parts["modulator"].trace_decay == 0.25


def test_the_learning_rate_falls_unless_somebody_sets_it():
    assert configure(env="FrozenLake-v1").names["schedule"] == "decay"
    typed = configure({"env": "FrozenLake-v1", "rule.learning_rate": 0.5})
    assert (typed.names["rule"], typed.parts["rule"].learning_rate) == ("reinforce-sign", 0.5)
    assert typed.names["schedule"] == "fixed"
    assert configure(env="FrozenLake-v1", schedule="ramp").names["schedule"] == "ramp"
    assert configure(env="Pendulum-v1").names["rule"] == "reinforce"


def test_a_divided_value_has_no_rate(tmp_path):
    given = {"env": "Acrobot-v1", "model": "actor-critic", "modulator.full_rate_hz": 50.0}
    with pytest.raises(ValueError, match=r"modulator.full_rate_hz: expected none, got 50: the val"):
        train(given, episodes=1, out=tmp_path / "run", quiet=True)


def test_a_preset_schedules_nothing_that_another_modulator_has_not(tmp_path):
    moved = ("policy.learning_rate", "modulator.learning_rate")
    env = {"env": "FrozenLake-v1"}
    assert configure(env).parts["schedule"].parameter == moved
    assert configure(env, modulator="td-linear").parts["schedule"].parameter == moved
    for other in ({"modulator": "reward"}, {"model": "actor-critic"}):
        assert configure(env, **other).parts["schedule"].parameter == moved[:1]
    assert configure(env, model="layered").parts["schedule"].parameter == moved
    named = configure(env, modulator="reward", schedule={"parameter": ["modulator.gain"]})
    assert named.parts["schedule"].parameter == ("modulator.gain",)
    ends = {"schedule.parameter": [*moved], "schedule.end": [0.1, 0.2]}
    with pytest.raises(ValueError, match=r"no parameter 'modulator.learning_rate' to move"):
        train(env, ends, modulator="reward", episodes=1, out=tmp_path / "run", quiet=True)
