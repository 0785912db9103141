"""Which populations of the output stand for which values of an action that is chosen."""

from dataclasses import dataclass
from typing import Any, Self

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.flattening import choice_offsets


@dataclass(frozen=True, eq=False)
class Choices:
    """One choice of a Discrete space, or one in each component of a MultiDiscrete.

    Attributes
    ----------
    components : tuple of slice
        Populations of each component, one for each of its values.
    first : (n_components,)
        The first value of each.
    is_single : bool
        Whether actions are numbers and not rows of components.
    """

    components: tuple[slice, ...]
    first: NDArray[np.int64]
    is_single: bool

    @classmethod
    def of(cls, space: gym.Space) -> Self | None:
        """Return the choices of an action space; None for a Box, of which nothing is chosen."""
        if not isinstance(space, (gym.spaces.Discrete, gym.spaces.MultiDiscrete)):
            return None
        n_values, first = choice_offsets(space)
        ends = np.cumsum(n_values)
        components = map(slice, (ends - n_values).tolist(), ends.tolist())
        return cls(tuple(components), first, isinstance(space, gym.spaces.Discrete))

    @property
    def n_populations(self) -> int:
        """Values of all components."""
        return int(self.components[-1].stop)

    def populations(self, actions: NDArray[Any]) -> NDArray[np.int64]:
        """Return the population of every choice, (n_replicas,) or (n_replicas, n_components)."""
        if self.is_single:
            return actions - self.first
        return actions - self.first + [component.start for component in self.components]
