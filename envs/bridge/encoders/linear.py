"""Rates linear in the observation: one neuron per dimension, or an on-off pair."""

from dataclasses import dataclass
from typing import Any, ClassVar, cast

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.encoders.contract import BoundEncoder, Encoder, Rates
from threefactor.envs.bridge.encoders.scaling import BoundBoxEncoder, UnitScaling, check_normalise


@dataclass(frozen=True)
class DirectRate(Encoder):
    """One input per dimension, its rate linear in the observation.

    Equations        u = (x - low) / (high - low), clipped to [0, 1]
                     rate = rate_min_hz + (rate_max_hz - rate_min_hz) * u
    Parameters       low : tuple of float, default ()   Lower limits; empty: the space's.
                     high : tuple of float, default ()   Upper limits; empty: the space's.
                     normalise : str, default 'limits'   'limits', or 'running': mean +- 3 sd.
                     rate_max_hz : float, default 100.0   Rate at the upper limit, Hz.
                     rate_min_hz : float, default 0.0   Rate at the lower limit, Hz, >= 0.
    Spaces           Box, flattened: one input per dimension.
    Range            rates_range_hz = (rate_min_hz, rate_max_hz)
    Raises           ValueError  if the space is unbounded and no limits are given
    """

    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    normalise: str = "limits"
    rate_max_hz: float = 100.0
    rate_min_hz: float = 0.0

    spaces: ClassVar = (gym.spaces.Box,)

    def __post_init__(self) -> None:
        """Check every field that can be checked without the space."""
        self.check_rates()
        check_normalise(self)
        self.set_tuple("low", float)
        self.set_tuple("high", float)

    def bind(self, observation_space: gym.Space) -> BoundEncoder:
        """Build the encoder for a Box."""
        self.check_space(observation_space)
        scaling = UnitScaling(self, cast(gym.spaces.Box, observation_space))
        rates_range_hz = (self.rate_min_hz, self.rate_max_hz)
        return _BoundDirectRate(scaling, scaling.n_dimensions, rates_range_hz)


class _BoundDirectRate(BoundBoxEncoder):
    def encode(
        self, observations: NDArray[Any], out: Rates | None = None, learn: bool = False
    ) -> Rates:
        """Encode Box observations, see `BoundEncoder.encode`."""
        if out is None:
            out = np.empty((len(observations), self.n_inputs))
        out[...] = self._scaling(observations, learn)
        return self._to_rates(out)


@dataclass(frozen=True)
class OnOff(Encoder):
    """Two inputs per dimension: one fires above the middle of the range, one below.

    Equations        z = 2 * (x - low) / (high - low) - 1, clipped to [-1, 1]
                     on = max(z, 0), off = max(-z, 0)
                     rate = rate_min_hz + (rate_max_hz - rate_min_hz) * (on or off)
    Parameters       low : tuple of float, default ()   Lower limits; empty: the space's.
                     high : tuple of float, default ()   Upper limits; empty: the space's.
                     normalise : str, default 'limits'   'limits', or 'running': mean +- 3 sd.
                     rate_max_hz : float, default 100.0   Rate at a limit, Hz.
                     rate_min_hz : float, default 0.0   Rate of the silent one, Hz, >= 0.
    Spaces           Box, flattened: inputs on_0, off_0, on_1, off_1, ...
    Range            rates_range_hz = (rate_min_hz, rate_max_hz)
    Raises           ValueError  if the space is unbounded and no limits are given
    Limits           on and off meet in the middle of the limits: give symmetric ones for a sign.
    Source           "two-neuron" encoding of Akl et al. 2023, who divide by a running maximum.
    """

    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    normalise: str = "limits"
    rate_max_hz: float = 100.0
    rate_min_hz: float = 0.0

    spaces: ClassVar = (gym.spaces.Box,)

    def __post_init__(self) -> None:
        """Check every field that can be checked without the space."""
        self.check_rates()
        check_normalise(self)
        self.set_tuple("low", float)
        self.set_tuple("high", float)

    def bind(self, observation_space: gym.Space) -> BoundEncoder:
        """Build the encoder for a Box."""
        self.check_space(observation_space)
        scaling = UnitScaling(self, cast(gym.spaces.Box, observation_space))
        rates_range_hz = (self.rate_min_hz, self.rate_max_hz)
        return _BoundOnOff(scaling, 2 * scaling.n_dimensions, rates_range_hz)


class _BoundOnOff(BoundBoxEncoder):
    def encode(
        self, observations: NDArray[Any], out: Rates | None = None, learn: bool = False
    ) -> Rates:
        """Encode Box observations, see `BoundEncoder.encode`."""
        signed = self._scaling(observations, learn)
        signed *= 2.0
        signed -= 1.0
        if out is None:
            out = np.empty((len(signed), self.n_inputs))
        np.maximum(signed, 0.0, out=out[:, 0::2])
        np.negative(signed, out=signed)
        np.maximum(signed, 0.0, out=out[:, 1::2])
        return self._to_rates(out)
