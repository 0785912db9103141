"""What --env may name: ids, classes and ids of files, modules of the present folder."""

from pathlib import Path

import gymnasium
import pytest

from threefactor.envs.bridge.batch import Environments
from threefactor.experiments.parts.environments import anchored_environment, find_environment

FILE = """
import gymnasium as gym
from lengths import LENGTH

class Counting(gym.Env):
    observation_space = gym.spaces.Discrete(3)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, step=1):
        self.size = step

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return 0, {}

    def step(self, action):
        self.count += self.size
        return self.count % 3, float(action), self.count >= LENGTH, False, {}

class Unfinished(gym.Env):
    pass

gym.register("Counting-v0", entry_point="mine:Counting", max_episode_steps=7)
"""


@pytest.fixture
def path(write):
    write("LENGTH = 20\n", "lengths.py")
    return write(FILE)


def test_ids_stay_as_they_are():
    assert find_environment("CartPole-v1") == "CartPole-v1"
    assert find_environment("package:Id-v0") == "package:Id-v0"


@pytest.mark.parametrize(("name", "length"), [("Counting", 20), ("Counting-v0", 7)])
def test_a_class_and_an_id_of_a_file(name, length, path):
    environments = Environments(find_environment(f"{path}:{name}"), 2)
    environments.reset([0, 1])
    lengths = 0
    while environments.is_running.all():
        environments.step(environments.action_space.sample() * environments.is_running)
        lengths += 1
    assert (lengths, environments.env_id) == (length, name)
    again = Environments(find_environment(f"{path}:{name}"), 2, env_kwargs={"step": 5})
    assert again.env.size == 5


def test_states_of_a_file_and_its_copy_are_the_same(path, write):
    write("LENGTH = 20\n", "lengths.py", "copy")
    copy = write(FILE, folder="copy")
    first = Environments(find_environment(f"{path}:Counting"))
    first.reset([3])
    first.env.count = 5
    second = Environments(find_environment(f"{copy}:Counting"))
    second.restore(first.state())
    assert second.env.count == 5


def test_a_module_of_the_present_folder_is_a_file(path):
    home = path.parent
    assert anchored_environment("mine:Counting-v0", home) == f"{path}:Counting-v0"
    assert anchored_environment("mine.py:Counting", home) == f"{path}:Counting"
    assert anchored_environment("other:Counting-v0", home) == "other:Counting-v0"
    assert anchored_environment("CartPole-v1", Path("/nowhere")) == "CartPole-v1"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (":Countin-v0", "mine.py has no environment 'Countin-v0'. Did you mean 'Counting-v0'?"),
        ("", r"mine.py has no environment ''. It has: Counting-v0, Counting, Unfinished."),
        (":Unfinished", "Unfinished lacks what gymnasium.Env asks for: reset, step."),
        (":gym", "mine.py has no environment 'gym'"),
    ],
)
def test_a_wrong_name(name, message, path):
    with pytest.raises((TypeError, ValueError), match=message):
        find_environment(f"{path}{name}")


def test_an_environment_that_registers_nothing(write):
    path = write("import gymnasium\nclass A:\n    pass\n")
    with pytest.raises(ValueError, match="A is no environment; derive it from gymnasium.Env"):
        find_environment(f"{path}:A")
    with pytest.raises(ValueError, match="'B' does not exist. Its environment classes: none"):
        find_environment(f"{path}:B")


def test_two_files_that_register_the_same_id(path, write):
    write("LENGTH = 20\n", "lengths.py", "other")
    other = write(FILE.replace("max_episode_steps=7", "max_episode_steps=9"), folder="other")
    limits = [
        find_environment(f"{file}:Counting-v0").max_episode_steps for file in (path, other, path)
    ]
    assert limits == [7, 9, 7]
    assert gymnasium.spec("Counting-v0").max_episode_steps == 7
