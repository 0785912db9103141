"""Decoders of a choice: most spikes, soft choice, first spike."""

from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.decoders.choices import BoundChoice
from threefactor.envs.bridge.decoders.contract import BoundDecoder, Decoder, Generators, Spaces


@dataclass(frozen=True)
class Argmax(Decoder):
    """The population with the most spikes decides; ties are drawn by the replica's generator.

    Equations        action = argmax over populations of the sum of their counts
    Spaces           Discrete; MultiDiscrete, whose components are decided one by one
    Reads            counts
    """

    spaces: ClassVar[Spaces] = (gym.spaces.Discrete, gym.spaces.MultiDiscrete)

    def greedy(self) -> "Argmax":
        """Return itself: it has no noise."""
        return self

    def bind(
        self, action_space: gym.Space, neurons_per_action: int, generators: Generators
    ) -> BoundDecoder:
        """Build the decoder for a Discrete or MultiDiscrete space."""
        self.check_binding(action_space, neurons_per_action, generators)
        return _BoundArgmax(self, action_space, neurons_per_action, generators)


class _BoundArgmax(BoundChoice):
    def __init__(
        self, settings: Decoder, space: gym.Space, neurons_per_action: int, generators: Generators
    ):
        super().__init__(settings, space, neurons_per_action, generators)
        self._belongs = np.repeat(np.eye(self.n_populations), neurons_per_action, axis=0)

    def decode(self, outputs: NDArray[Any]) -> NDArray[np.int64]:
        """Decide from counts, see `BoundDecoder.decode`."""
        if self.neurons_per_action > 1:
            outputs = outputs.dot(self._belongs)  # exact, because counts are whole numbers
        return self.choose_largest(outputs)


@dataclass(frozen=True)
class Softmax(Decoder):
    """A population decides with a probability that grows with its spikes.

    Equations        p(action) = exp(counts_action / temperature) / sum over actions
                     counts_action = spikes of the population, summed
    Parameters       temperature : float, default 1.0   In spikes, > 0: small is greedy.
    Spaces           Discrete; MultiDiscrete, whose components are decided one by one
    Reads            counts
    Raises           ValueError  if temperature <= 0
    """

    adjustable: ClassVar[tuple[str, ...]] = ("temperature",)

    temperature: float = 1.0

    spaces: ClassVar[Spaces] = (gym.spaces.Discrete, gym.spaces.MultiDiscrete)

    def __post_init__(self) -> None:
        """Check the temperature."""
        if not 0.0 < self.temperature < np.inf:
            raise ValueError(f"Softmax.temperature must be > 0 spikes, got {self.temperature}.")

    def greedy(self) -> "Argmax":
        """Return most spikes win."""
        return Argmax()

    def bind(
        self, action_space: gym.Space, neurons_per_action: int, generators: Generators
    ) -> BoundDecoder:
        """Build the decoder for a Discrete or MultiDiscrete space."""
        self.check_binding(action_space, neurons_per_action, generators)
        return _BoundSoftmax(self, action_space, neurons_per_action, generators)


class _BoundSoftmax(BoundChoice):
    settings: Softmax

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Give the probability of every action in its component, (n_replicas, n_populations)."""
        weights = self.by_population(outputs).sum(axis=2) / self.settings.temperature
        for component in self.choices.components:
            own = weights[:, component]
            own -= own.max(axis=1, keepdims=True)
            np.exp(own, out=own)
            own /= own.sum(axis=1, keepdims=True)
        return weights

    def decode(self, outputs: NDArray[Any]) -> NDArray[np.int64]:
        """Draw from the probabilities, one number per component, see `BoundDecoder.decode`."""
        return self.choose(self.probabilities(outputs), self._draw)

    def _draw(self, probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
        edges = probabilities.cumsum(axis=1)
        draws = np.array([generator.random() for generator in self.generators])
        # The last edge may miss 1 by rounding, hence the last column takes what is left.
        return (edges[:, :-1] <= draws[:, None]).sum(axis=1)


@dataclass(frozen=True)
class FirstToSpike(Decoder):
    """The population that spikes first decides; ties and silence are drawn by the generator.

    Equations        action = argmin over populations of their earliest spike time
    Spaces           Discrete; MultiDiscrete, whose components are decided one by one
    Reads            first_spike_times_ms, inf for neurons that stay silent
    Limits           times are as fine as the timestep, so ties are common in large populations.
    """

    reads: ClassVar[str] = "first_spike_times_ms"
    spaces: ClassVar[Spaces] = (gym.spaces.Discrete, gym.spaces.MultiDiscrete)

    def greedy(self) -> "FirstToSpike":
        """Return itself: it has no noise."""
        return self

    def bind(
        self, action_space: gym.Space, neurons_per_action: int, generators: Generators
    ) -> BoundDecoder:
        """Build the decoder for a Discrete or MultiDiscrete space."""
        self.check_binding(action_space, neurons_per_action, generators)
        return _BoundFirstToSpike(self, action_space, neurons_per_action, generators)


class _BoundFirstToSpike(BoundChoice):
    def decode(self, outputs: NDArray[Any]) -> NDArray[np.int64]:
        """Decide from first spike times, see `BoundDecoder.decode`."""
        earliest = self.by_population(outputs).min(axis=2)
        return self.choose_largest(-earliest)
