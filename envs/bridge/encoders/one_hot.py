"""One input per symbol: the plainest code of a discrete observation."""

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.encoders.conjunctions import Group, check_cells, complete, copied
from threefactor.envs.bridge.encoders.contract import BoundEncoder, Encoder, Rates
from threefactor.envs.bridge.flattening import choice_offsets

MAX_SYMBOLS = 100_000


@dataclass(frozen=True)
class OneHot(Encoder):
    """The input of the symbol seen fires, all others are silent.

    Equations        rate_i = rate_max_hz if i is the symbol seen, else rate_min_hz
    Parameters       rate_max_hz : float, default 100.0   Rate of the symbol seen, Hz.
                     rate_min_hz : float, default 0.0   Rate of the others, Hz, >= 0.
                     groups : tuple of tuple of int, default ()   Components of a MultiDiscrete,
                         from 0, that make one symbol together, such as 0,1 2,3.
                     copies : int, default 1   Input neurons of each symbol, >= 1.
    Spaces           Discrete(n): n symbols; MultiDiscrete: a block for each group (all combinations
                     of values, the last varies fastest), then one for each other component. The
                     copies of a symbol are neighbours.
    Range            rates_range_hz = (rate_min_hz, rate_max_hz)
    Raises           ValueError  if not 0 <= rate_min_hz < rate_max_hz, or for more than 100000
                     symbols
    """

    rate_max_hz: float = 100.0
    rate_min_hz: float = 0.0
    groups: tuple[Group, ...] = ()
    copies: int = 1

    spaces: ClassVar = (gym.spaces.Discrete, gym.spaces.MultiDiscrete)

    def __post_init__(self) -> None:
        """Check every field that can be checked without the space."""
        self.check_rates()
        check_cells(self)

    def bind(self, observation_space: gym.Space) -> BoundEncoder:
        """Build the encoder for a discrete space."""
        self.check_space(observation_space)
        n_values, first = choice_offsets(observation_space)
        groups = complete("OneHot", self.groups, len(n_values))
        n_symbols = sum(prod(n_values[list(group)].tolist()) for group in groups)
        if n_symbols > MAX_SYMBOLS:
            raise ValueError(
                f"OneHot.bind: expected at most {MAX_SYMBOLS} symbols, got {n_symbols} of "
                f"{observation_space}; take smaller groups, or --encoder k-of-n."
            )
        return copied(_BoundOneHot(self, n_values, first, groups), self.copies)


class _BoundOneHot(BoundEncoder):
    def __init__(
        self,
        settings: OneHot,
        n_values: NDArray[np.int64],
        first: NDArray[np.int64],
        groups: list[Group],
    ):
        self.rates_range_hz = (settings.rate_min_hz, settings.rate_max_hz)
        # Column of group g: the sum over its components of stride * (value - first) + its start.
        self._strides = np.zeros((len(n_values), len(groups)), dtype=np.int64)
        self._starts = np.zeros(len(groups), dtype=np.int64)
        end = 0
        for column, group in enumerate(groups):
            sizes = n_values[list(group)]
            strides = np.cumprod([1, *sizes[:0:-1]])[::-1]
            self._strides[list(group), column] = strides
            self._starts[column] = end - strides @ first[list(group)]
            end += prod(sizes.tolist())
        self.n_inputs = end
        self._is_single = len(n_values) == 1
        self._single_start = int(self._starts[0])

    def encode(
        self, observations: NDArray[Any], out: Rates | None = None, learn: bool = False
    ) -> Rates:
        """Encode symbols, see `BoundEncoder.encode`."""
        n_replicas = len(observations)
        if out is None:
            out = np.empty((n_replicas, self.n_inputs))
        rate_min_hz, rate_max_hz = self.rates_range_hz
        out.fill(rate_min_hz)
        if n_replicas == 1 and self._is_single:
            out[0, observations.item() + self._single_start] = rate_max_hz
        else:
            columns = observations.reshape(n_replicas, -1) @ self._strides + self._starts
            out[np.arange(n_replicas)[:, None], columns] = rate_max_hz
        return out
