"""What a learning curve is compared with: random, the untrained twin, the optimum."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import gymnasium as gym
import numpy as np

from threefactor.agents.contract import Agent
from threefactor.envs.bridge.answers import EnvironmentFault
from threefactor.envs.bridge.batch import Environments
from threefactor.envs.bridge.outcome import Outcome
from threefactor.envs.exact import exact_returns
from threefactor.envs.gridworld import GridWorld
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.playing import play
from threefactor.experiments.training.progress import Say
from threefactor.experiments.training.setup import Setup

TWIN, RANDOM = "untrained twin", "random agent"
#: So long may each of the agents that a trained one is compared with take for its episodes.
PATIENCE_S = 60.0


class Patience(Observer):
    """Observer of an agent that stops a loop when its time is over, and says that it takes some.

    Parameters
    ----------
    agent : str
        Who plays.
    say : callable, optional
        Nobody to tell: nobody waits either, and there is no limit.
    """

    def __init__(self, agent: str = "", say: Say | None = None) -> None:
        self._agent, self._say, self._began = agent, say, time.monotonic()
        self._has_told = False

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        if self._say is None:
            return False
        seconds = time.monotonic() - self._began
        if seconds > PATIENCE_S / 10 and not self._has_told:
            self._has_told = True
            self._say(
                f"{self._agent}: playing the episodes to compare with, for at most {PATIENCE_S:g} "
                "s; --reference-episodes 0 leaves them out"
            )
        return seconds > PATIENCE_S

    def decided(self, loop: ClosedLoop, outcome: Outcome) -> None:
        """Ask for a stop if the time is over."""
        if self.is_over:
            loop.stop("patience")


def compare(
    setup: Setup, environments: Environments, episodes: int, say: Say
) -> tuple[dict[str, float], list[list[float]]]:
    """Return references (see `reference_returns`) and twins (see `twin_returns`) of a run.

    Training is over: an environment that fails now is told, and leaves them out.
    """
    twins: list[list[float]] = []
    try:
        twins = twin_returns(setup, episodes, say)
        means = [float(np.mean(returns)) for returns in twins]
        return reference_returns(setup, environments, episodes, means, say), twins
    except EnvironmentFault as fault:
        say(f"WARNING: with nothing to compare with: {fault}")
        return {}, twins


def reference_returns(
    setup: Setup, environments: Environments, episodes: int, twins: Sequence[float], say: Say
) -> dict[str, float]:
    """Return label -> mean return of the agents that a trained one must beat, and the optimum.

    Both are exact where all that may happen is known.

    Parameters
    ----------
    environments : Environments
        Those of the run, of which the first may know its optimum.
    episodes : int
        Of the random agent.
    twins : sequence of float
        Mean returns of the untrained twins; empty: there is no twin to compare with.
    """
    env = environments.env
    exact = None if environments.is_wrapped else exact_returns(env, environments.max_episode_steps)
    references = {}
    if exact is not None:
        references[f"{RANDOM} (exact)"] = exact.random
    elif played := play_randomly(setup, episodes, Patience(RANDOM, say)):
        references[RANDOM] = float(np.mean([total for total, _ in played]))
        _say_how_many(RANDOM, len(played), episodes, say)
    else:
        _say_how_many(RANDOM, 0, episodes, say)
    if twins:
        references[TWIN] = float(np.mean(twins))
    if exact is not None:
        references["optimum"] = exact.optimum
    elif hasattr(env, "optimal_return"):
        references["optimum"] = float(env.optimal_return)
    return references


def join_references(
    references: Sequence[Mapping[str, float]], replicas: Sequence[int]
) -> dict[str, float]:
    """Return the references of a run from those of its blocks of replicas, in their order.

    Each replica has a twin, over which the mean goes; what else there is belongs to the first.
    """
    if not all(references):
        return {}
    joined = dict(references[0])
    if not all(TWIN in block for block in references):
        joined.pop(TWIN, None)
    else:
        joined[TWIN] = float(np.average([block[TWIN] for block in references], weights=replicas))
    return joined


def _say_how_many(agent: str, count: int, episodes: int, say: Say) -> None:
    """Say how many episodes an agent has finished, if they are not all."""
    if count < episodes:
        told = f"only {count} of {episodes}" if count else "none"
        say(
            f"{agent}: {told} of its episodes ended within {PATIENCE_S:g} s; --reference-episodes "
            "sets how many there are, --max-episode-steps how long they may be"
        )


def play_randomly(
    setup: Setup, episodes: int, patience: Patience | None = None
) -> list[tuple[float, int]]:
    """Return return and length of episodes of uniformly random actions, by the first seed.

    When the patience is over, of those that have ended.
    """
    seeds, patience = setup.seeds[0], patience or Patience()
    played: list[tuple[float, int]] = []
    with closing(setup.open_environments(replicas=1)) as environments:
        environments.action_space.seed(seeds.actions)
        environments.reset([seeds.evaluation])
        for _ in range(episodes):
            total, discount, length = 0.0, 1.0, 0
            while environments.is_running[0]:
                action = np.asarray([environments.action_space.sample()])
                total += discount * environments.step(action).rewards[0]
                discount *= environments.return_discount
                length += 1
                if patience.is_over:
                    return played
            played.append((total, length))
            environments.reset_where(np.array([True]))
    return played


def twin_returns(setup: Setup, episodes: int, say: Say) -> list[list[float]]:
    """Return the returns of each replica's untrained twin: same seeds, learning off.

    Of a control there is none: it is compared with the agent that it is the control of. Nor are
    there any if one of them ends no episode in time.
    """
    if setup.options.control != "none":
        return []
    twin = setup.frozen
    seeds = [seed.evaluation for seed in twin.seeds]
    with twin.opened() as (environments, agent):
        played = play(agent, environments, episodes, seeds, [Patience(TWIN, say)])
    replica = np.array([episode.replica for episode in played], dtype=int)
    returns = np.array([episode.discounted for episode in played])
    fewest = int(np.bincount(replica, minlength=len(seeds)).min())
    _say_how_many(TWIN, fewest, episodes, say)
    if not fewest:
        return []
    return [returns[replica == number].tolist() for number in range(len(seeds))]


def policy_arrays(agent: Agent, environments: Environments) -> dict[str, Any] | None:
    """Return what a trained agent makes of every state of a gridworld; None for other worlds.

    The agent learns no more from then on: the run is over, what is shown must teach nothing.
    """
    env = environments.env
    space = environments.observation_space
    if not isinstance(env, GridWorld) or not isinstance(space, gym.spaces.Discrete):
        return None
    agent.freeze()
    appraised = [found for state in range(space.n) if (found := agent.appraise(state)) is not None]
    if len(appraised) < space.n:
        return None
    return {
        "preferences": np.array([preferences for preferences, _ in appraised]),
        "values": np.array([value for _, value in appraised]),
        "optimal_policy": env.optimal_policy(),
        "optimal_values": env.optimal_values(),
        **grid_layout(env),
    }


def grid_layout(env: GridWorld) -> dict[str, Any]:
    """Return shape, walls, start and goal of a gridworld."""
    cells = "".join(env.rows)
    return {
        "shape": np.array([len(env.rows), len(env.rows[0])]),
        "walls": np.array([cell == "#" for cell in cells]),
        "start": env.start_state,
        "goal": np.flatnonzero([cell == "G" for cell in cells]),
    }
