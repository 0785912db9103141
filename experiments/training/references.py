"""What a learning curve is compared with: random, the untrained twin, the optimum."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import gymnasium as gym
import numpy as np

from threefactor.agents.contract import Agent
from threefactor.envs.bridge.batch import Environments
from threefactor.envs.exact import exact_returns
from threefactor.envs.gridworld import GridWorld
from threefactor.experiments.training.playing import play
from threefactor.experiments.training.setup import Setup

TWIN = "untrained twin"


def reference_returns(
    setup: Setup, environments: Environments, episodes: int, twins: Sequence[float]
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
        See `twin_returns`; empty: there is no twin to compare with.
    """
    env = environments.env
    exact = None if environments.is_wrapped else exact_returns(env, environments.max_episode_steps)
    references = {}
    if exact is None:
        references["random agent"] = random_return(setup, episodes)
    else:
        references["random agent (exact)"] = exact.random
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
    if TWIN in joined:
        joined[TWIN] = float(np.average([block[TWIN] for block in references], weights=replicas))
    return joined


def random_return(setup: Setup, episodes: int) -> float:
    """Return the mean return of uniformly random actions."""
    return float(np.mean([total for total, _ in play_randomly(setup, episodes)]))


def play_randomly(setup: Setup, episodes: int) -> list[tuple[float, int]]:
    """Return return and length of episodes of uniformly random actions, by the first seed."""
    seeds = setup.seeds[0]
    played = []
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
            played.append((total, length))
            environments.reset_where(np.array([True]))
    return played


def twin_returns(setup: Setup, episodes: int) -> list[list[float]]:
    """Return the returns of each replica's untrained twin: same seeds, learning off.

    Of a control there is none: it is compared with the agent that it is the control of.
    """
    if setup.options.control != "none":
        return []
    twin = setup.frozen
    seeds = [seed.evaluation for seed in twin.seeds]
    with twin.opened() as (environments, agent):
        played = play(agent, environments, episodes, seeds)
    replica = np.array([episode.replica for episode in played])
    returns = np.array([episode.discounted for episode in played])
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
