"""Decoding from a ring of neurons: a population vector that is filtered over decisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.decoders.choices import BoundChoice
from threefactor.envs.bridge.decoders.contract import (
    BoundDecoder,
    BoxRange,
    Decoder,
    Generators,
    Spaces,
)

#: Digits of a projection onto a direction, in spikes, beyond which there is rounding only.
_DIGITS = 9


@dataclass(frozen=True)
class Ring(Decoder):
    """The output neurons stand on a ring, and the sum of their directions says where to go.

    Equations        angle_k = 2*pi*(k + 1/2)/n_outputs
                     vector <- memory*vector + (1 - memory)*sum over k of counts_k*d_k
                     d_k = (cos angle_k, sin angle_k); 0 at episode start
                     Box, 2 dimensions: action = middle + half_range*clip(vector/full_count)
                     Box, 1 dimension: so with the first number of the vector
                     Discrete: the action whose sector of the ring has its middle nearest to the
                     vector, its own neurons; ties and silence drawn by the generator
    Parameters       memory : float, default 0.15   What is left of the vector after a decision, at
                     least 0 and less than 1; exp(-window/tau) for a filter of time constant tau.
                     full_count : float, default 10.0   Length in spikes that reaches a bound.
    Spaces           Box of 1 or 2 dimensions with finite bounds; Discrete
    Reads            counts
    Raises           ValueError  if memory or full_count is out of range, for a Box of 3 dimensions
    Limits           one filter with one time constant, advanced once per decision.
    Source           Fremaux, Sprekeler & Gerstner 2013, PLoS Comput. Biol. 9:e1003024, the actor: a
                     difference of exponentials of 50 and 20 ms in continuous time. Give the neurons
                     lateral weights by --model.ring-excitation and --model.ring-inhibition.
    """

    memory: float = 0.15
    full_count: float = 10.0

    spaces: ClassVar[Spaces] = (gym.spaces.Box, gym.spaces.Discrete)

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0.0 <= self.memory < 1.0:
            raise ValueError(f"Ring.memory must be >= 0 and < 1, got {self.memory}.")
        if not 0.0 < self.full_count < np.inf:
            raise ValueError(f"Ring.full_count must be > 0 spikes, got {self.full_count}.")

    def greedy(self) -> "Ring":
        """Return itself: it has no noise."""
        return self

    def bind(
        self, action_space: gym.Space, neurons_per_action: int, generators: Generators
    ) -> BoundDecoder:
        """Build the decoder for either kind of space."""
        self.check_binding(action_space, neurons_per_action, generators)
        if isinstance(action_space, gym.spaces.Discrete):
            return _BoundRingChoice(self, action_space, neurons_per_action, generators)
        assert isinstance(action_space, gym.spaces.Box)  # checked
        if int(np.prod(action_space.shape)) > 2:
            raise ValueError(
                f"Ring.bind: expected an action of 1 or 2 dimensions, got {action_space}; use the "
                "decoder weighted-mean."
            )
        return _BoundRingBox(self, action_space, neurons_per_action, generators)


class _Vector:
    """The filtered sum of directions of each replica, (n_replicas, 2)."""

    def __init__(self, memory: float, n_neurons: int, n_replicas: int) -> None:
        self._memory = memory
        self._directions = directions(n_neurons)
        self.now = np.zeros((n_replicas, 2))

    def follow(self, counts: NDArray[Any]) -> NDArray[np.float64]:
        """Take a decision's counts in, (n_replicas, n_neurons), and return the vector."""
        # Not `@`: BLAS may round differently for another number of replicas.
        total = np.add.reduce(counts[:, :, None] * self._directions, axis=1)
        self.now = self._memory * self.now + (1.0 - self._memory) * total
        return self.now


def directions(n: int) -> NDArray[np.float64]:
    """Return n equally spaced directions, in the middles of n equal parts of the ring, (n, 2)."""
    angles = 2.0 * np.pi * (np.arange(n) + 0.5) / n
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


class _BoundRing(BoundDecoder):
    """What both kinds share: the vector is part of the state, and 0 when an episode starts."""

    _vector: _Vector

    def reset(self, mask: NDArray[np.bool_]) -> None:
        """Forget the vector of the replicas that start an episode."""
        self._vector.now = np.where(mask[:, None], 0.0, self._vector.now)

    def state(self) -> Mapping[str, Any]:
        """Give the vector and the states of the generators."""
        return {"generators": super().state(), "vector": self._vector.now.copy()}

    def restore(self, state: Any) -> None:
        """Go back to what `state` returned."""
        super().restore(state["generators"])
        self._vector.now = np.array(state["vector"])


class _BoundRingBox(_BoundRing):
    settings: Ring

    def __init__(
        self, settings: Ring, space: gym.spaces.Box, neurons_per_action: int, generators: Generators
    ):
        self._range = BoxRange(space)
        super().__init__(settings, self._range.n_dimensions, neurons_per_action, generators)
        self._vector = _Vector(settings.memory, self.n_outputs, len(self.generators))

    def decode(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Decide from counts, see `BoundDecoder.decode`."""
        votes = self._vector.follow(outputs)[:, : self.n_populations] / self.settings.full_count
        return self._range.at(0.5 + 0.5 * votes)


class _BoundRingChoice(_BoundRing, BoundChoice):
    def __init__(
        self, settings: Ring, space: gym.Space, neurons_per_action: int, generators: Generators
    ):
        super().__init__(settings, space, neurons_per_action, generators)
        self._vector = _Vector(settings.memory, self.n_outputs, len(self.generators))
        self._middles = directions(self.n_populations)

    def decode(self, outputs: NDArray[Any]) -> NDArray[np.int64]:
        """Decide from counts, see `BoundDecoder.decode`."""
        vector = self._vector.follow(outputs)
        nearness = np.add.reduce(vector[:, None, :] * self._middles, axis=2)
        return self.choose_largest(np.round(nearness, _DIGITS))
