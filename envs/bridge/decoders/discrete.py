"""Decoders of a choice: most spikes, soft choice, first spike."""

from dataclasses import dataclass
from typing import Any, ClassVar, cast

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.decoders.contract import (
    BoundDecoder,
    Decoder,
    Generators,
    pick_largest,
)


class _BoundChoice(BoundDecoder):
    def __init__(
        self, settings: Decoder, space: gym.Space, neurons_per_action: int, generators: Generators
    ):
        space = cast(gym.spaces.Discrete, space)  # checked by bind
        super().__init__(settings, int(space.n), neurons_per_action, generators)
        self._start = int(space.start)


@dataclass(frozen=True)
class Argmax(Decoder):
    """The population with the most spikes decides; ties are drawn by the replica's generator.

    Equations        action = argmax over populations of the sum of their counts
    Spaces           Discrete
    Reads            counts
    """

    spaces: ClassVar = (gym.spaces.Discrete,)

    def bind(
        self, action_space: gym.Space, neurons_per_action: int, generators: Generators
    ) -> BoundDecoder:
        """Build the decoder for a Discrete space."""
        self.check_binding(action_space, neurons_per_action, generators)
        return _BoundArgmax(self, action_space, neurons_per_action, generators)


class _BoundArgmax(_BoundChoice):
    def __init__(
        self, settings: Decoder, space: gym.Space, neurons_per_action: int, generators: Generators
    ):
        super().__init__(settings, space, neurons_per_action, generators)
        self._belongs = np.repeat(np.eye(self.n_populations), neurons_per_action, axis=0)

    def decode(self, outputs: NDArray[Any]) -> NDArray[np.int64]:
        """Decide from counts, see `BoundDecoder.decode`."""
        if self.neurons_per_action > 1:
            outputs = outputs.dot(self._belongs)  # exact, because counts are whole numbers
        return pick_largest(outputs, self.generators, self._start)


@dataclass(frozen=True)
class Softmax(Decoder):
    """A population decides with a probability that grows with its spikes.

    Equations        p(action) = exp(counts_action / temperature) / sum over actions
                     counts_action = spikes of the population, summed
    Parameters       temperature : float, default 1.0   In spikes, > 0: small is greedy.
    Spaces           Discrete
    Reads            counts
    Raises           ValueError  if temperature <= 0
    """

    adjustable: ClassVar[tuple[str, ...]] = ("temperature",)

    temperature: float = 1.0

    spaces: ClassVar = (gym.spaces.Discrete,)

    def __post_init__(self) -> None:
        """Check the temperature."""
        if not 0.0 < self.temperature < np.inf:
            raise ValueError(f"Softmax.temperature must be > 0 spikes, got {self.temperature}.")

    def bind(
        self, action_space: gym.Space, neurons_per_action: int, generators: Generators
    ) -> BoundDecoder:
        """Build the decoder for a Discrete space."""
        self.check_binding(action_space, neurons_per_action, generators)
        return _BoundSoftmax(self, action_space, neurons_per_action, generators)


class _BoundSoftmax(_BoundChoice):
    settings: Softmax

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Give the probability of every action, (n_replicas, n_actions)."""
        weights = self.by_population(outputs).sum(axis=2) / self.settings.temperature
        weights -= weights.max(axis=1, keepdims=True)
        np.exp(weights, out=weights)
        weights /= weights.sum(axis=1, keepdims=True)
        return weights

    def decode(self, outputs: NDArray[Any]) -> NDArray[np.int64]:
        """Draw from the probabilities, one number per replica, see `BoundDecoder.decode`."""
        edges = self.probabilities(outputs).cumsum(axis=1)
        draws = np.array([generator.random() for generator in self.generators])
        # The last edge may miss 1 by rounding, hence the last column takes what is left.
        return (edges[:, :-1] <= draws[:, None]).sum(axis=1) + self._start


@dataclass(frozen=True)
class FirstToSpike(Decoder):
    """The population that spikes first decides; ties and silence are drawn by the generator.

    Equations        action = argmin over populations of their earliest spike time
    Spaces           Discrete
    Reads            first_spike_times_ms, inf for neurons that stay silent
    Limits           times are as fine as the timestep, so ties are common in large populations.
    """

    reads: ClassVar[str] = "first_spike_times_ms"
    spaces: ClassVar = (gym.spaces.Discrete,)

    def bind(
        self, action_space: gym.Space, neurons_per_action: int, generators: Generators
    ) -> BoundDecoder:
        """Build the decoder for a Discrete space."""
        self.check_binding(action_space, neurons_per_action, generators)
        return _BoundFirstToSpike(self, action_space, neurons_per_action, generators)


class _BoundFirstToSpike(_BoundChoice):
    def decode(self, outputs: NDArray[Any]) -> NDArray[np.int64]:
        """Decide from first spike times, see `BoundDecoder.decode`."""
        earliest = self.by_population(outputs).min(axis=2)
        return pick_largest(-earliest, self.generators, self._start)
