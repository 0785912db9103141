"""Promises of environments, tried with random actions."""

import functools
import numbers
import re
import warnings
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env, data_equivalence
from numpy.typing import NDArray

from threefactor.envs.bridge.batch import Environments
from threefactor.envs.bridge.making import make_environment
from threefactor.envs.bridge.resuming import ByEpisode, find_way
from threefactor.envs.bridge.together import FEWEST
from threefactor.experiments.checks.report import Broken, NotApplicable

STEPS, MOST_STEPS, SEED = 300, 10_000, 7
#: Way back -> what it rests on.
_WAYS = {
    "own": "by its get_state and set_state", "attributes": "by its attributes",
    "replay": "by its episode lived again",
}  # fmt: skip
_COLOUR = re.compile(r"\x1b\[[\d;]*m")


@dataclass(frozen=True)
class Rollout:
    """A seeded rollout with random actions: of each step what was done and answered.

    Attributes
    ----------
    observations : list
        What resets and steps gave, in order.
    rewards : list
    ends : list of (terminated, truncated)
    """

    observations: list[Any]
    rewards: list[Any]
    ends: list[tuple[bool, bool]]


@dataclass(frozen=True)
class Trial:
    """An environment under test: a registered id or a specification."""

    environment: str | EnvSpec

    def make(self) -> gym.Env:
        """Return one, wrapped as in a run."""
        return make_environment(self.environment)

    @functools.cached_property
    def rollout(self) -> Rollout:
        """A rollout of `STEPS` steps."""
        return self.roll(STEPS)

    def roll(self, steps: int, *, until_end: bool = False) -> Rollout:
        """Return a rollout of so many steps, or up to the first end."""
        done = Rollout([], [], [])
        with closing(self.make()) as environment:
            environment.action_space.seed(SEED)
            done.observations.append(deepcopy(environment.reset(seed=SEED)[0]))
            for _ in range(steps):
                answer = environment.step(environment.action_space.sample())
                done.observations.append(deepcopy(answer[0]))
                done.rewards.append(answer[1])
                done.ends.append((answer[2], answer[3]))
                if any(done.ends[-1]):
                    if until_end:
                        break
                    done.observations.append(deepcopy(environment.reset()[0]))
        return done


def gymnasium_check(trial: Trial) -> str:
    """Pass Gymnasium's own check without a warning; what it only recommends is told."""
    with warnings.catch_warnings(record=True) as caught, closing(trial.make()) as environment:
        warnings.simplefilter("always")
        try:
            check_env(environment.unwrapped, skip_render_check=True)
        except Exception as error:  # it asserts, and passes on whatever the environment raises
            raise Broken(_one_line(error)) from error
    said = [_one_line(warning.message) for warning in caught]
    faults = [text for text in said if "recommend" not in text and "probably" not in text]
    if faults:
        raise Broken(faults[0])
    return said[0] if said else ""


def _one_line(problem: Any) -> str:
    text = " ".join(_COLOUR.sub("", str(problem)).split()).removeprefix("WARN: ")
    return text or type(problem).__name__


def spaces(trial: Trial) -> str:
    """Have spaces that encoders and decoders can be bound to."""
    try:
        with closing(Environments(trial.environment)) as environments:
            shown = f"{environments.observation_space} -> {environments.action_space}"
            return " ".join(shown.split())
    except ValueError as error:
        raise Broken(str(error)) from error


def observations(trial: Trial) -> str:
    """Show what lies in the observation space, at every reset and step."""
    with closing(trial.make()) as environment:
        space = environment.observation_space
    for number, observation in enumerate(trial.rollout.observations):
        if not space.contains(observation):
            raise Broken(
                f"expected observations in {space}, got {observation!r} as number {number}."
            )
    return f"{len(trial.rollout.observations)} observations"


def rewards(trial: Trial) -> str:
    """Reward with finite numbers."""
    for reward in trial.rollout.rewards:
        if not isinstance(reward, numbers.Real | np.number) or not np.isfinite(float(reward)):
            raise Broken(f"expected a finite number as reward, got {reward!r}.")
    return f"{np.min(trial.rollout.rewards):g} to {np.max(trial.rollout.rewards):g}"


def twins(trial: Trial) -> str:
    """Do the same for the same seed and actions, bit for bit."""
    one, other = trial.rollout, trial.roll(STEPS)
    for number, (first, second) in enumerate(
        zip(one.observations, other.observations, strict=False)
    ):
        if not data_equivalence(first, second, exact=True):
            raise Broken(
                f"expected equal observations of seeded twins, got {first} and {second} as number "
                f"{number}; draw only from self.np_random."
            )
    if one.rewards != other.rewards or one.ends != other.ends:
        raise Broken("expected equal rewards and ends of seeded twins; draw from self.np_random.")
    return f"{STEPS} steps"


def ends(trial: Trial) -> str:
    """End, or be registered with a time limit."""
    steps = len(trial.roll(MOST_STEPS, until_end=True).ends)
    if steps == MOST_STEPS:
        raise Broken(
            f"expected an end within {MOST_STEPS} steps, or a time limit, got neither; register it "
            "with max_episode_steps, or train with --max-episode-steps."
        )
    return f"after {steps} steps of random actions"


def state(trial: Trial) -> str:
    """Go on, in a fresh copy, from a saved state as if never stopped: runs can be resumed."""
    found = find_way(lambda: Environments(trial.environment), SEED)
    if found.name == ByEpisode.name:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in found.reasons.items())
        raise Broken(
            f"expected a way back to within an episode, got none ({reasons}); keep what changes in "
            "plain attributes, draw from self.np_random, or define get_state and set_state."
        )
    with (
        closing(Environments(trial.environment, 2)) as one,
        closing(Environments(trial.environment, 2)) as other,
    ):
        one.follow(found.name)
        for environments, seed in ((one, SEED), (other, 0)):
            environments.reset([seed, seed + 1])
        one.action_space.seed(SEED)
        actions = [[one.action_space.sample() for _ in range(2)] for _ in range(2 * 20)]
        _play(one, actions[:20])
        other.restore(one.state())
        if not all(map(_equal, _play(other, actions[20:]), _play(one, actions[20:]))):
            raise Broken("expected the same steps after restore(state()), got others.")
    return _WAYS[found.name]


def together(trial: Trial) -> str:
    """Step many copies together as each would step alone, where there is a vector form."""
    seeds = range(SEED, SEED + FEWEST)
    with closing(Environments(trial.environment, FEWEST)) as many:
        if not many.steps_together:
            raise NotApplicable("it has no vector form: copies are stepped one by one")
        many.reset(seeds)
        many.action_space.seed(SEED)
        actions = [[many.action_space.sample() for _ in seeds] for _ in range(STEPS)]
        answers = _play(many, actions)
    for copy, seed in enumerate(seeds):
        with closing(Environments(trial.environment)) as one:
            one.reset([seed])
            alone = _play(one, [[of_all[copy]] for of_all in actions])
        for step, (of_all, of_one) in enumerate(zip(answers, alone, strict=True), start=1):
            if not _equal([rows[copy : copy + 1] for rows in of_all], of_one):
                raise Broken(
                    f"expected copy {copy} as it is alone, got another step {step}; draw from the "
                    "copy's own generator, as many numbers in the same order."
                )
    return f"{FEWEST} copies, {STEPS} steps"


def _play(environments: Environments, actions: list[Any]) -> list[list[NDArray[Any]]]:
    """Return of each step what was answered, and what was seen after resets."""
    answers = []
    for action in actions:
        outcome = environments.step(np.array(action))
        shown = environments.reset_where(~environments.is_running)
        answers.append(
            [
                outcome.next_observations, outcome.rewards, outcome.terminated, outcome.truncated,
                shown,
            ]
        )  # fmt: skip
    return answers


def _equal(one: list[NDArray[Any]], other: list[NDArray[Any]]) -> bool:
    return all(map(np.array_equal, one, other))


PROMISES = (gymnasium_check, spaces, observations, rewards, twins, ends, state, together)
