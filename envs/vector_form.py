"""The contract of vector forms: many copies of one environment, stepped together."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray


class Answers(NamedTuple):
    """What n copies answer to their actions, as arrays of their own.

    Attributes
    ----------
    observations : (n, ...)
    rewards : (n,) float
    terminated, truncated : (n,) bool
    """

    observations: NDArray[Any]
    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]


class VectorForm(ABC):
    """Copies of one environment whose steps are those of each alone, bit for bit, taken together.

    The copies are reset one by one, by their own `reset`, and their generators stay theirs: what
    copy r draws in a step comes from the generator of copy r, as many numbers in the same order. So
    all that a form holds is what changes with steps. An environment names its form in its class,
    ``vector_form = MyVectorForm``; subclasses do not inherit it.

    Parameters
    ----------
    environments : sequence of environments without wrappers
        Made with the same arguments.
    """

    @abstractmethod
    def __init__(self, environments: Sequence[Any]) -> None: ...

    @abstractmethod
    def take(self, copy: int) -> None:
        """Take over the state of a copy, which was reset or restored."""

    @abstractmethod
    def step(self, actions: NDArray[Any], copies: NDArray[np.int_]) -> Answers:
        """Step some of the copies; nothing happens to the others.

        Parameters
        ----------
        actions : (n,) or (n, ...)
        copies : (n,) int
            Their numbers, rising.
        """

    @abstractmethod
    def give_back(self) -> None:
        """Write the state into the copies, as if each had made its steps itself."""


def none_of(copies: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Return what is true of none of the copies, (n,)."""
    return np.zeros(len(copies), dtype=bool)


class UniformDraws:
    """The numbers in [0, 1) that copies draw, each from its own generator."""

    def __init__(self, environments: Sequence[gym.Env]) -> None:
        self._environments = environments
        self._next = [environment.np_random.random for environment in environments]

    def take(self, copy: int) -> None:
        """Take over the generator of a copy."""
        self._next[copy] = self._environments[copy].np_random.random

    def of(self, copies: NDArray[np.int_]) -> NDArray[np.float64]:
        """Draw one number each, (n,)."""
        return np.array([self._next[copy]() for copy in copies.tolist()])
