"""Decoders of a continuous action: neurons vote for values spread over its range."""

from dataclasses import dataclass
from typing import Any, ClassVar, cast

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.decoders.contract import BoundDecoder, BoxRange, Decoder, Generators


class _BoundVotes(BoundDecoder):
    """Neuron k of a dimension votes for the k-th of equally spaced positions in [-1, 1]."""

    def __init__(
        self, settings: Decoder, space: gym.Space, neurons_per_action: int, generators: Generators
    ):
        self._range = BoxRange(cast(gym.spaces.Box, space))  # checked by bind
        super().__init__(settings, self._range.n_dimensions, neurons_per_action, generators)
        self._positions = np.linspace(-1.0, 1.0, neurons_per_action)

    def _votes(self, counts: NDArray[Any]) -> NDArray[np.float64]:
        # Not `@`: BLAS may round differently for another number of replicas.
        return np.add.reduce(counts * self._positions, axis=2)


def _check_votes(owner: str, neurons_per_action: int) -> None:
    if neurons_per_action < 2:
        raise ValueError(
            f"{owner}.bind: neurons_per_action must be >= 2 to spread preferred values over the "
            f"range, got {neurons_per_action}."
        )


@dataclass(frozen=True)
class WeightedMean(Decoder):
    """The mean of the neurons' preferred values, weighted by their spikes.

    Equations        action = sum over k of counts_k * value_k / sum over k of counts_k
                     value_k: equally spaced from the lower to the upper bound of the dimension
    Spaces           Box with finite bounds; neurons_per_action neurons per dimension, >= 2
    Reads            counts
    Limits           the total activity does not matter, only its centre; silence gives the middle.
    """

    spaces: ClassVar = (gym.spaces.Box,)

    def greedy(self) -> "WeightedMean":
        """Return itself: it has no noise."""
        return self

    def bind(
        self, action_space: gym.Space, neurons_per_action: int, generators: Generators
    ) -> BoundDecoder:
        """Build the decoder for a bounded Box."""
        self.check_binding(action_space, neurons_per_action, generators)
        _check_votes("WeightedMean", neurons_per_action)
        return _BoundWeightedMean(self, action_space, neurons_per_action, generators)


class _BoundWeightedMean(_BoundVotes):
    def decode(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Decide from counts, see `BoundDecoder.decode`."""
        counts = self.by_population(outputs)
        total = counts.sum(axis=2)
        votes = self._votes(counts) / np.maximum(total, 1)
        return self._range.at(0.5 + 0.5 * votes)


@dataclass(frozen=True)
class PopulationVector(Decoder):
    """The sum of the neurons' preferred directions, weighted by their spikes: more spikes, further.

    Equations        action = middle + half_range * clip(sum over k of counts_k * d_k / full_count)
                     d_k: equally spaced from -1 to 1; clip to [-1, 1]
    Parameters       full_count : float, default 10.0   Net vote, in spikes, that reaches a bound.
    Spaces           Box with finite bounds; neurons_per_action neurons per dimension, >= 2
    Reads            counts
    Raises           ValueError  if full_count <= 0
    Limits           a vector sum: unlike the weighted mean it depends on the total activity.
    """

    full_count: float = 10.0

    spaces: ClassVar = (gym.spaces.Box,)

    def __post_init__(self) -> None:
        """Check the full count."""
        if not 0.0 < self.full_count < np.inf:
            raise ValueError(
                f"PopulationVector.full_count must be > 0 spikes, got {self.full_count}."
            )

    def greedy(self) -> "PopulationVector":
        """Return itself: it has no noise."""
        return self

    def bind(
        self, action_space: gym.Space, neurons_per_action: int, generators: Generators
    ) -> BoundDecoder:
        """Build the decoder for a bounded Box."""
        self.check_binding(action_space, neurons_per_action, generators)
        _check_votes("PopulationVector", neurons_per_action)
        return _BoundPopulationVector(self, action_space, neurons_per_action, generators)


class _BoundPopulationVector(_BoundVotes):
    settings: PopulationVector

    def decode(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Decide from counts, see `BoundDecoder.decode`."""
        votes = self._votes(self.by_population(outputs)) / self.settings.full_count
        return self._range.at(0.5 + 0.5 * votes)
