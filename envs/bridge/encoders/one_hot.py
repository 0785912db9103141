"""One input per symbol: the plainest code of a discrete observation."""

from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.encoders.contract import BoundEncoder, Encoder, Rates, choice_offsets


@dataclass(frozen=True)
class OneHot(Encoder):
    """One input per symbol fires, all others are silent.

    Equations        rate_i = rate_max_hz if i is the symbol seen, else rate_min_hz
    Parameters       rate_max_hz : float, default 100.0   Rate of the symbol seen, Hz.
                     rate_min_hz : float, default 0.0   Rate of the others, Hz, >= 0.
    Spaces           Discrete(n): n inputs; MultiDiscrete: one such block per component, in order.
    Range            rates_range_hz = (rate_min_hz, rate_max_hz)
    Raises           ValueError  if not 0 <= rate_min_hz < rate_max_hz
    """

    rate_max_hz: float = 100.0
    rate_min_hz: float = 0.0

    spaces: ClassVar = (gym.spaces.Discrete, gym.spaces.MultiDiscrete)

    def __post_init__(self) -> None:
        """Check the rates."""
        self.check_rates()

    def bind(self, observation_space: gym.Space) -> BoundEncoder:
        """Build the encoder for a discrete space."""
        self.check_space(observation_space)
        return _BoundOneHot(self, *choice_offsets(observation_space))


class _BoundOneHot(BoundEncoder):
    def __init__(self, settings: OneHot, n_values: NDArray[np.int64], first: NDArray[np.int64]):
        self.n_inputs = int(n_values.sum())
        self.rates_range_hz = (settings.rate_min_hz, settings.rate_max_hz)
        # Column of value v of component c: v + shift[c].
        self._shift = np.cumsum(n_values) - n_values - first
        self._is_single = len(n_values) == 1
        self._single_shift = int(self._shift[0])

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
            out[0, observations.item() + self._single_shift] = rate_max_hz
        else:
            columns = observations.reshape(n_replicas, -1) + self._shift
            out[np.arange(n_replicas)[:, None], columns] = rate_max_hz
        return out
