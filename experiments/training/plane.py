"""What a trained agent makes of a plane through its observations: choices and values."""

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.agents.contract import Agent
from threefactor.envs.bridge.batch import Environments
from threefactor.envs.bridge.choices import Choices
from threefactor.envs.bridge.outcome import Outcome
from threefactor.envs.dimension_names import action_names, observation_names
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.observers import Observer

#: Observations along each side.
POINTS = 21
#: Episodes whose ways are drawn on the plane.
_EPISODES = 5


class Visits(Observer):
    """Keeps what replica 0 observed in its first episodes.

    Attributes
    ----------
    episodes : list of lists of observations
        The last of each is what the last action led to.
    """

    def __init__(self) -> None:
        self.episodes: list[list[NDArray[Any]]] = [[]]

    def decided(self, loop: ClosedLoop, outcome: Outcome) -> None:
        """Keep what was acted on, and an episode's last observation."""
        if not outcome.acting[0] or len(self.episodes) > _EPISODES:
            return
        self.episodes[-1].append(outcome.observations[0])
        if outcome.ends[0]:
            self.episodes[-1].append(outcome.next_observations[0])
            self.episodes.append([])


def plane_dimensions(
    space: gym.Space, chosen: tuple[int, int] | None = None
) -> tuple[int, int] | None:
    """Return two dimensions of an observation space, by default the last; None if it lacks them.

    Raises
    ------
    ValueError
        If it does not have the chosen ones.
    """
    count = int(np.prod(space.shape)) if isinstance(space, gym.spaces.Box) else 0
    if chosen is None:
        return (count - 2, count - 1) if count >= 2 else None
    first, second = chosen
    if not (0 <= first < count and 0 <= second < count and first != second):
        fix = f"two different numbers from 0 to {count - 1}"
        raise ValueError(
            f"dimensions: expected {fix if count >= 2 else 'observations of two numbers or more'}, "
            f"got {first} and {second} of the space {' '.join(str(space).split())}."
        )
    return first, second


def appraise_plane(
    agent: Agent, environments: Environments, visits: Visits, dimensions: tuple[int, int]
) -> dict[str, Any] | None:
    """Return what replica 0 makes of `POINTS` x `POINTS` observations; it learns no more.

    Returns
    -------
    dict of arrays, or None for an agent that does not appraise
        axes : (2, POINTS), from the least to the largest visited number
        preferences : (POINTS, POINTS, n_actions), the second dimension first; n_actions is 0 where
            actions are no single choice
        values : (POINTS, POINTS), or (0, 0) where none are estimated
        visited, starts : (n, 2) positions, and where in them episodes begin
        names, actions, others : texts
    """
    space = environments.observation_space
    seen = [np.reshape(episode, (len(episode), -1)) for episode in visits.episodes if episode]
    everything = np.concatenate(seen).astype(float)
    chosen = list(dimensions)
    axes = np.linspace(everything.min(axis=0), everything.max(axis=0), POINTS).T[chosen]
    middle = everything.mean(axis=0)
    choices = Choices.of(environments.action_space)
    n_actions = choices.n_populations if choices and choices.is_single else 0
    agent.freeze()
    preferences = np.zeros((POINTS, POINTS, n_actions))
    values = np.zeros((POINTS, POINTS))
    for row, column in np.ndindex(POINTS, POINTS):
        observation = middle.copy()
        observation[chosen] = axes[0, column], axes[1, row]
        found = agent.appraise(observation.reshape(space.shape).astype(space.dtype))
        if found is None:
            return None
        preferences[row, column], values[row, column] = found[0][:n_actions], found[1]
    env_id, metadata = environments.env_id.rpartition(":")[2], environments.env.metadata
    names = observation_names(env_id, metadata, len(middle))
    others = [
        f"{name} = {value:.2g}"
        for number, (name, value) in enumerate(zip(names, middle, strict=True))
        if number not in chosen
    ]
    return {
        "axes": axes, "preferences": preferences,
        "values": values if agent.estimates_values else np.zeros((0, 0)),
        "visited": everything[:, chosen],
        "starts": np.cumsum([0, *map(len, seen[:-1])]),
        "names": np.array([names[dimension] for dimension in chosen]),
        "actions": np.array(
            action_names(env_id, metadata, n_actions, int(choices.first[0]) if choices else 0)
        ),
        "others": np.array(", ".join(others)),
    }  # fmt: skip
