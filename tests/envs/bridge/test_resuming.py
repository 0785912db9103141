"""Ways back: what is found for which environment, and that going on equals never having stopped."""

import itertools
import json
import random
from collections import OrderedDict, deque

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.wrappers import (
    ClipReward,
    FlattenObservation,
    NormalizeObservation,
    RecordEpisodeStatistics,
    RescaleAction,
)

from threefactor.envs.bridge.batch import Environments
from threefactor.envs.bridge.resuming import find_way


class Base(gym.Env):
    """Draws what it shows; episodes of fifteen steps."""

    observation_space = spaces.Box(-9, 9, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.episodes = 0, getattr(self, "episodes", 0) + 1
        self.begin()
        return self.show(), {}

    def begin(self):
        self.x = self.np_random.normal()

    def show(self):
        return np.array([self.x, self.steps], np.float32).clip(-9, 9)

    def step(self, action):
        self.steps += 1
        self.move(action)
        return self.show(), float(self.episodes), self.steps >= 15, False, {}

    def move(self, action):
        self.x = 0.9 * self.x + action - 0.5 + 0.1 * self.np_random.normal()


class Lambda(Base):
    def __init__(self):
        self.function = lambda x: x


class Engine(Base):
    """Keeps its state in an object of compiled code, as SWIG does."""

    def begin(self):
        super().begin()
        self.world = itertools.count(int(self.np_random.integers(7)))

    def move(self, action):
        super().move(action)
        self.x += np.sin(next(self.world))


class Own(Engine):
    def get_state(self):
        return {
            "at": self.world.__reduce__()[1][0],
            "x": self.x,
            "now": (self.steps, self.episodes),
        }

    def set_state(self, state):
        self.world, self.x = itertools.count(state["at"]), state["x"]
        self.steps, self.episodes = state["now"]


class OwnThatLies(Own):
    def set_state(self, state):
        """Forget it."""


class Thing:
    def __init__(self, generator):
        self.generator, self.at = generator, 0.0


class Things(Base):
    """Makes objects of its own as it goes on."""

    def begin(self):
        super().begin()
        self.things = [Thing(self.np_random)]

    def move(self, action):
        self.things.append(Thing(self.np_random))
        for thing in self.things:
            thing.at += thing.generator.normal()
        self.x = float(np.mean([thing.at for thing in self.things]))


class Containers(Base):
    """Holds itself, the same thing twice, and many kinds of things."""

    def begin(self):
        super().begin()
        self.shared = [0.0]
        self.me, self.same, self.thing = self, self.shared, Thing(self.np_random)
        self.initial = self.state = np.zeros(2)
        self.kept = {
            "a": (1, np.int64(3), {4, 5}), ("b", 2): deque([1, 2], maxlen=2), "c": b"\0",
            "d": OrderedDict(x=self.shared), "e": range(3), "f": 2j, "g": gym.spaces.Discrete(3),
        }  # fmt: skip
        self.python, self.legacy = random.Random(3), np.random.RandomState(4)

    def move(self, action):
        self.shared[0] += 1
        self.state = self.state + 1
        self.kept["b", 2].append(self.steps)
        self.thing.at += self.thing.generator.normal()
        self.x = self.python.random() + self.legacy.rand() + self.same[0] / 9 + self.initial[0]
        self.x += sum(self.kept["b", 2]) / 9 + self.kept["d"]["x"][0] / 9 + self.thing.at


class Chance(Engine):
    """Draws from the generator of all."""

    def move(self, action):
        self.x = np.random.random()


class Hidden(Base):
    """Has state where nobody looks, which shows at once."""

    def __init__(self):
        draws = itertools.count()
        self.draw = lambda: next(draws)

    def move(self, action):
        self.x = self.draw() % 8


WAYS = {
    Lambda: "attributes", Containers: "attributes", Engine: "replay", Things: "replay", Own: "own",
    OwnThatLies: "replay", Chance: "episode", Hidden: "episode",
}  # fmt: skip
WRAPPED = {
    "flat": (lambda: FlattenObservation(gym.make("CartPole-v1")), "attributes"),
    "clipped": (lambda: ClipReward(gym.make("CartPole-v1"), -1, 0.5), "attributes"),
    "rescaled": (
        lambda: RescaleAction(gym.make("Pendulum-v1"), np.float32(-1), np.float32(1)),
        "attributes",
    ),
    "normalised": (lambda: NormalizeObservation(RecordEpisodeStatistics(Engine())), "replay"),
    "plain": (lambda: gym.make("FrozenLake-v1"), "attributes"),
}


def spec(make):
    return EnvSpec(f"{make.__name__.strip('<>')}-v0", entry_point=lambda **kwargs: make())


def live(environments, actions):
    rows = []
    for action in actions:
        outcome = environments.step(np.array(action))
        shown = environments.reset_where(~environments.is_running)
        rows.append((outcome.next_observations.tolist(), outcome.rewards.tolist(), shown.tolist()))
    return rows


@pytest.mark.parametrize(
    ("make", "way"), [*WAYS.items(), *WRAPPED.values()],
    ids=[*(kind.__name__ for kind in WAYS), *WRAPPED],
)  # fmt: skip
def test_the_way_that_is_found_goes_on_exactly_or_with_the_next_episode(make, way):
    found = find_way(lambda: Environments(spec(make)), 5)
    assert found.name == way, found.reasons
    one, other = Environments(spec(make), 2), Environments(spec(make), 2)
    one.follow(found.name)
    one.reset([1, 2])
    one.action_space.seed(0)
    actions = [[one.action_space.sample() for _ in range(2)] for _ in range(120)]
    live(one, actions[:50])
    saved = one.state()
    json.dumps(saved, default=repr)  # nothing but plain data and arrays
    other.reset([3, 4])
    lost = other.restore(saved)
    if way == "episode":
        assert set(lost) == {0, 1}
        assert not other.is_running.any()
        before = [env.unwrapped.episodes for env in other._envs]
        other.reset_where(np.ones(2, dtype=bool))
        assert [env.unwrapped.episodes for env in other._envs] == [n + 1 for n in before]
        return
    assert lost == {}
    assert live(other, actions[50:90]) == live(one, actions[50:90])
    again = Environments(spec(make), 2)  # a second interruption
    again.reset([5, 6])
    assert again.restore(other.state()) == {}
    assert live(again, actions[90:]) == live(one, actions[90:])


def test_a_replay_that_comes_elsewhere_is_refused():
    one, other = Environments(spec(Engine)), Environments(spec(Engine))
    one.follow("replay")
    one.reset([1])
    live(one, [[1]] * 5)
    saved = one.state()
    saved["observations"] = saved["observations"] + 1
    other.reset([1])
    assert "came to another observation" in other.restore(saved)[0]


def test_a_pickle_is_read_only_if_it_is_trusted():
    calls.clear()
    one = Environments(spec(Unpickled))
    one.follow("pickle")
    one.reset([1])
    saved = one.state()
    fresh = Environments(spec(Unpickled))
    fresh.reset([1])
    assert "--trust" in fresh.restore(saved)[0]
    assert calls == []
    assert fresh.restore(saved, is_trusted=True) == {}
    assert calls == [1]
    assert find_way(lambda: Environments(spec(Holds)), 5).name == "episode"
    found = find_way(lambda: Environments(spec(Holds)), 5, is_trusted=True)
    assert found.name == "pickle", found.reasons


calls: list[int] = []


def spring():
    calls.append(1)


class Trap:
    def __reduce__(self):
        return spring, ()


class Unpickled(Base):
    def begin(self):
        super().begin()
        self.trap = Trap()


begun = itertools.count()


class Drawn:
    """Compiled code that pickle can save, and that no episode brings back."""

    def __init__(self):
        self.count = itertools.count(next(begun))  # no two the same, nor by chance modulo 8


class Holds(Base):
    def __init__(self):
        self.drawn = Drawn()

    def move(self, action):
        self.x = next(self.drawn.count) % 8


def test_what_was_made_and_does_not_change_is_only_named():
    tables = Environments("Taxi-v4")
    tables.reset([0])
    assert len(json.dumps(tables.state(), default=repr)) < 10_000
    tables.env.P[0][0] = []
    assert len(json.dumps(tables.state(), default=repr)) > 100_000


def test_what_turns_up_late_costs_the_episode_and_no_more():
    one, other = Environments(spec(Base)), Environments(spec(Base))
    one.reset([1])
    live(one, [[1]] * 20)
    one.env.window = itertools.count()
    saved = one.state()
    assert "Base.window is a itertools.count" in saved["replicas"][0]["reason"]
    other.reset([1])
    assert "itertools.count" in other.restore(saved)[0]
    assert other.env.episodes == 2
    assert other.env.np_random.bit_generator.state == one.env.np_random.bit_generator.state
