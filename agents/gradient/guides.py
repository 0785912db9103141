"""Guides: who shows a learner what to do, by name."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.hover_guide import HoverGuide


class Guide(ABC):
    """One that acts in an environment without having to learn it.

    Parameters
    ----------
    spaces : (observation space, action space)

    Attributes
    ----------
    state_shape : tuple of int
        Of `memory`.

    Raises
    ------
    ValueError
        For spaces of environments that it does not know.
    """

    state_shape: ClassVar[tuple[int, ...]]

    @abstractmethod
    def __init__(self, spaces: tuple[gym.Space, gym.Space]) -> None: ...

    @abstractmethod
    def begin(self) -> None:
        """Take note that an episode begins."""

    @abstractmethod
    def act(self, observation: NDArray[Any]) -> NDArray[np.float64]:
        """Return what to do, in units of the environment."""

    @abstractmethod
    def executed(self, action: NDArray[Any]) -> None:
        """Take note of what was done, by whomever."""

    @abstractmethod
    def would_do(
        self, states: NDArray[Any], observations: NDArray[Any], actions: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Return what to do in sequences that somebody else has lived, (B, L, n_dimensions).

        Parameters
        ----------
        states : (B, *state_shape)
            `memory` at their beginnings.
        observations : (B, L or more, ...)
        actions : (B, L, n_dimensions)
            What was done.
        """

    @property
    @abstractmethod
    def memory(self) -> NDArray[np.float64]:
        """What it knows of the past, (*state_shape)."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return everything that changes."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""


class HoverPilot(Guide):
    """The geometric controller of `envs.hover_guide`, in one flight of Hover-v0."""

    state_shape = (4,)

    def __init__(self, spaces: tuple[gym.Space, gym.Space]) -> None:
        seen, done = spaces
        n_seen = np.prod(seen.shape or (0,))
        if not isinstance(done, gym.spaces.Box) or done.shape != (4,) or n_seen < 18:
            raise ValueError(
                f"--agent.guide hover: expected the observations and actions of Hover-v0, got "
                f"{seen} and {done}; choose --agent.guide none."
            )
        self._guide = HoverGuide(1)

    def begin(self) -> None:
        """Take note that a flight begins."""
        self._guide.begin(np.ones(1, bool))

    def act(self, observation: NDArray[Any]) -> NDArray[np.float64]:
        """Return the rotors' set points, (4,)."""
        return self._guide.act(observation[None])[0]

    def executed(self, action: NDArray[Any]) -> None:
        """Take note of the set points that were executed."""
        self._guide.executed(action[None])

    def would_do(
        self, states: NDArray[Any], observations: NDArray[Any], actions: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Return the rotors' set points in flights of somebody else; see `Guide.would_do`."""
        watching = HoverGuide(len(states))
        watching.rotors_rpm = np.array(states)
        found = np.zeros(actions.shape)
        for t in range(actions.shape[1]):
            found[:, t] = watching.act(observations[:, t])
            watching.executed(actions[:, t])
        return found

    @property
    def memory(self) -> NDArray[np.float64]:
        """The speeds that it takes the rotors to have, (4,), rpm."""
        return self._guide.rotors_rpm[0].copy()

    def state(self) -> dict[str, Any]:
        """Return the speeds that it takes the rotors to have."""
        return {"rotors_rpm": self._guide.rotors_rpm.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to them."""
        self._guide.rotors_rpm = np.array(state["rotors_rpm"])


GUIDES: dict[str, type[Guide] | None] = {"none": None, "hover": HoverPilot}
