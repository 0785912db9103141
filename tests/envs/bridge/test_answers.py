"""What environments answer is checked as they run: one line with episode, step and what came."""

import inspect

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple

from threefactor.envs.bridge import answers, whereabouts
from threefactor.envs.bridge.answers import EnvironmentFault
from threefactor.envs.bridge.batch import Environments

SMALL = Box(-1, 1, (2,), np.float32)
HALF = Box(np.array([0, -np.inf], np.float32), np.array([np.inf, 0.1], np.float32))
PICTURE = Box(0, 255, (3, 40), np.uint8)
NESTED = Dict({"a": SMALL, "b": Discrete(3)})


def zero(space):
    if isinstance(space, Dict):
        return {name: zero(part) for name, part in space.items()}
    if isinstance(space, Tuple):
        return tuple(map(zero, space))
    if isinstance(space, Discrete):
        return int(space.start)
    return np.zeros(space.shape, space.dtype)


def open_odd(space, replicas=1, limit=9, say=None, **odd):
    """Return reset replicas whose second episode is odd: reward, terminated, answer, ..."""

    class Odd(gym.Env):
        observation_space, action_space = space, Discrete(2)
        episode = 0

        def reset(self, *, seed=None, options=None):
            self.t, self.episode = 0, self.episode + 1
            self.is_odd = self.episode == 2 and (seed is None)
            if self.is_odd and "reset" in odd:
                return odd["reset"]
            return zero(space), {}

        def step(self, action):
            self.t += 1
            if self.is_odd and self.t == 2:
                if "answer" in odd:
                    return odd["answer"]
                if "error" in odd:
                    raise odd["error"]
                names = ("shown", "reward", "terminated", "truncated")
                usual = (zero(space), 1.0, False, False)
                return *map(odd.get, names, usual), {}
            return zero(space), 1.0, self.t >= 3, False, {}

    spec = EnvSpec("Odd-v0", entry_point=Odd, max_episode_steps=limit)
    environments = Environments(spec, replicas, say=say)
    environments.reset(range(replicas))
    return environments


def run(environments, decisions=6):
    """Step; of what ends, begin another episode."""
    for _ in range(decisions):
        environments.step(np.zeros(environments.n_replicas, dtype=int))
        environments.reset_where(~environments.is_running)
    return environments


HELD: list = [
    (SMALL, np.array([np.nextafter(np.float32(1), np.float32(2)), -1], np.float32)),
    (SMALL, np.array([1.000001, 0.0])),  # rounding, in another type
    (SMALL, [0, 1]),
    (HALF, np.array([np.inf, -np.inf], np.float32)),
    (HALF, np.array([-1e-9, 0.1000001], np.float32)),
    (Discrete(3, start=-1), np.int8(-1)),
    (Discrete(3), np.array(2)),
    (MultiBinary(2), np.array([True, False])),
    (MultiDiscrete(np.array([[2, 3], [4, 5]])), np.array([[1, 2], [3, 4]])),
    (PICTURE, np.full((3, 40), 255, np.int64)),
    (NESTED, {"a": np.ones(2, np.float32), "b": 2, "more": 1}),
    (Box(-3e38, 3e38, (1,), np.float32), np.array([1e30], np.float32)),
]


@pytest.mark.parametrize("number", range(len(HELD)))
def test_what_the_space_holds_goes_on(number):
    space, shown = HELD[number]
    run(open_odd(space, shown=shown))


REFUSED: list = [
    (SMALL, np.array([0, np.nan], np.float32), "nan in dimension 1"),
    (SMALL, np.array([-np.inf, 0], np.float32), "-inf in dimension 0"),
    (SMALL, np.array([0, 1.001], np.float32), "1.00.* in dimension 1"),
    (SMALL, np.zeros(3, np.float32), "zeros|0., 0., 0."),
    (SMALL, np.zeros((2, 1), np.float32), "expected an element of Box"),
    (SMALL, np.float32(0), "expected an element of Box"),
    (SMALL, None, "the observation None, expected an element of Box"),
    (SMALL, "left", "'left'"),
    (SMALL, [[0.0], [1.0, 2.0]], "expected an element of Box"),
    (SMALL, np.zeros(2, complex), "0.j"),
    (SMALL, {"a": 1}, "'a'"),
    (HALF, np.array([-0.01, 0], np.float32), "-0.00999.* in dimension 0"),
    (HALF, np.array([1, np.nan], np.float32), "nan in dimension 1"),
    (Discrete(4), 7, "the observation 7, expected an element of Discrete.4."),
    (Discrete(4), -1, "the observation -1"),
    (Discrete(4), 10**30, "1000000"),
    (Discrete(4), 1.5, "the observation 1.5"),
    (Discrete(4), np.array([1]), "array"),
    (Discrete(3, start=2), 1, "the observation 1"),
    (MultiDiscrete([2, 3]), np.array([1, 3]), "3 in dimension 1"),
    (MultiDiscrete([2, 3]), np.array([0.0, 1.0]), "expected an element of MultiDiscrete"),
    (PICTURE, np.full((3, 40), 256), "256"),
    (PICTURE, np.zeros((40, 3), np.uint8), "expected an element of Box.0, 255"),
    (PICTURE, np.full((3, 40), 0.5), "0.5"),
    (NESTED, {"a": np.zeros(2, np.float32)}, "expected an element of Dict"),
    (NESTED, {"a": np.zeros(3, np.float32), "b": 0}, "expected an element of Dict"),
    (NESTED, {"a": np.zeros(2, np.float32), "b": 9}, "9.0 in dimension 2"),
    (Tuple((Discrete(2), Discrete(2))), (1, 2), "2 in dimension 1"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
@pytest.mark.parametrize("replicas", [1, 3])
def test_what_the_space_does_not_hold_is_refused_at_its_step(number, replicas):
    space, shown, told = REFUSED[number]
    environments = open_odd(space, replicas, shown=shown)
    which = ", replica 0" if replicas > 1 else ""
    with pytest.raises(EnvironmentFault, match=told) as raised:
        run(environments)
    start = f"Odd-v0{which}, episode 2, step 2: gave the observation "
    assert str(raised.value).startswith(start)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 450


OTHERS = [
    ({"reward": "much"}, "gave the reward 'much', expected a finite number"),
    ({"reward": float("nan")}, "gave the reward nan, expected a finite number"),
    ({"reward": np.float32(np.inf)}, "the reward .*inf"),
    ({"reward": np.ones(1)}, r"the reward array\(\[1\.\]\)"),
    ({"reward": 1 + 0j}, "the reward"),
    ({"reward": 10**400}, "the reward 1000"),
    ({"terminated": "no"}, "gave 'no' as terminated, expected True or False"),
    ({"truncated": {}}, "gave {} as truncated, expected True or False"),
    ({"terminated": 2}, "gave 2 as terminated"),
    ({"answer": (0, 1.0, False, {})}, "step returned 4 values.*the old Gym interface.*`terminated"),
    ({"answer": (0, 1.0, False)}, "step returned 3 values, expected 5"),
    ({"answer": (0, 1.0, False, False, {}, 1)}, "step returned .* values, expected 5"),
    ({"answer": None}, "step returned None, expected 5 values"),
    ({"error": KeyError("left")}, r"KeyError: 'left' \(test_answers.py, line \d+, in step: `raise"),
    ({"error": SystemExit(0)}, "SystemExit: 0 .*: the environment ended the program"),
]


@pytest.mark.parametrize("number", range(len(OTHERS)))
@pytest.mark.parametrize("limit", [9, None])  # Gymnasium's time limit unpacks answers before us
def test_other_answers_and_errors(number, limit):
    odd, told = OTHERS[number]
    with pytest.raises(EnvironmentFault, match=told) as raised:
        run(open_odd(Discrete(2), limit=limit, **odd))
    assert str(raised.value).startswith("Odd-v0, episode 2, step 2: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("reward", [1, True, np.float32(2), np.array(3.0), np.int64(4)])
def test_numbers_of_any_type_are_rewards(reward):
    run(open_odd(Discrete(2), reward=reward, terminated=np.bool_(True)))


@pytest.mark.parametrize("shown", [np.zeros(2, np.float32), (0, 1), None, ([0, 0], {}, 1)])
def test_a_reset_without_info_is_refused(shown):
    with pytest.raises(EnvironmentFault, match="Odd-v0, episode 2, reset: reset returned .*info"):
        run(open_odd(SMALL, reset=shown))


def test_a_reset_that_takes_no_seed_is_the_old_gyms():
    class Old(gym.Env):
        observation_space, action_space = Discrete(2), Discrete(2)

        def reset(self):
            return 0

    environments = Environments(EnvSpec("Old-v0", entry_point=Old))
    with pytest.raises(EnvironmentFault, match=r"Old-v0, episode 1, reset: .*def reset\(self, \*"):
        environments.reset([0])


def test_the_cause_is_kept_with_its_traceback():
    with pytest.raises(EnvironmentFault) as raised:
        run(open_odd(Discrete(2), error=RuntimeError("motor broke")))
    assert isinstance(raised.value.__cause__, RuntimeError)
    frames = inspect.getinnerframes(raised.value.__cause__.__traceback__)
    assert frames[-1].function == "step"


def test_an_installed_environment_beyond_its_bounds_is_told_once(monkeypatch):
    """Nobody can mend it; what encoders see of it is clipped."""
    monkeypatch.setattr(answers, "is_installed", lambda file: True)
    said = []
    environments = open_odd(SMALL, shown=np.array([0, 1.5], np.float32), say=said.append)
    run(environments, 9)
    assert said == [
        "Odd-v0 shows 1.5 in dimension 1, outside of its own space (-1.00001 to 1.00001); such "
        "values are clipped"
    ]
    with pytest.raises(EnvironmentFault, match="nan in dimension 0"):
        run(open_odd(SMALL, shown=np.array([np.nan, 1.5], np.float32)))


def test_an_episode_without_end_and_limit_is_given_up(monkeypatch):
    monkeypatch.setattr(whereabouts, "LONGEST_EPISODE", 20)

    class Endless(gym.Env):
        observation_space, action_space = Discrete(2), Discrete(2)

        def reset(self, *, seed=None, options=None):
            return 0, {}

        def step(self, action):
            return 0, 0.0, False, False, {}

    environments = Environments(EnvSpec("Endless-v0", entry_point=Endless), 2)
    environments.reset([0, 1])
    run(environments, 15)
    environments.reset_where(np.array([True, False]))
    with pytest.raises(EnvironmentFault, match="replica 1, episode 1, step 21: .*--max-episode-st"):
        run(environments, 15)
    limited = Environments(EnvSpec("Endless-v0", entry_point=Endless), max_episode_steps=30)
    limited.reset([0])
    run(limited, 80)


def test_restored_replicas_are_where_they_were():
    environments = open_odd(Discrete(2), 2)
    environments.whereabouts.count_from([7, 12], [3, 0])
    environments._envs[0].unwrapped.is_odd = True
    environments._envs[0].unwrapped.t = 1
    environments._envs[0].unwrapped.step = lambda action: None
    with pytest.raises(EnvironmentFault, match="replica 0, episode 7, step 4: "):
        run(environments, 1)


def test_spaces_that_are_missing_or_empty_are_named():
    class Odd(gym.Env):
        action_space = Discrete(2)

    for space, told in ((None, "observation space None"), (Box(0, 1, (0, 3)), "no number at all")):
        if space is not None:
            Odd.observation_space = space
        with pytest.raises(ValueError, match=told):
            Environments(EnvSpec("Odd-v0", entry_point=Odd))


def test_what_cannot_be_closed_is_told():
    said = []
    environments = open_odd(Discrete(2), say=said.append)

    def fail():
        raise RuntimeError("stuck")

    environments._envs[0].unwrapped.close = fail
    environments.close()
    assert len(said) == 1
    assert said[0].startswith("Odd-v0 cannot be closed: RuntimeError: stuck (test_answers.py, line")
