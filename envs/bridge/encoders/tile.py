"""Tile coding: several offset partitions of a Box, one active tile in each."""

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, cast

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.encoders.conjunctions import check_copies, copied
from threefactor.envs.bridge.encoders.contract import BoundEncoder, Encoder, Rates, broadcast
from threefactor.envs.bridge.encoders.scaling import BoundBoxEncoder, UnitScaling, check_normalise

MAX_TILES = 100_000


@dataclass(frozen=True)
class TileCoding(Encoder):
    """Several offset tilings of a Box; the tile that holds the observation fires in each.

    Equations        u = (x - low) / (high - low), clipped to [0, 1]
                     offset of tiling t in dimension d = ((2d + 1) * t mod tilings) / tilings
                     tile = floor(u * (tiles - 1) + offset)
    Parameters       tilings : int, default 8   Number of tilings, >= 1.
                     tiles : tuple of int, default (8,)   Tiles per dimension, >= 2; one for all.
                     low : tuple of float, default ()   Lower limits; empty: the space's.
                     high : tuple of float, default ()   Upper limits; empty: the space's.
                     normalise : str, default 'limits'   'limits', or 'running': mean +- 3 sd.
                     rate_max_hz : float, default 100.0   Rate of an active tile, Hz.
                     rate_min_hz : float, default 0.0   Rate of the others, Hz, >= 0.
                     copies : int, default 1   Input neurons of each tile, >= 1.
    Spaces           Box, flattened: tilings * prod(tiles) tiles, tiling by tiling.
    Range            rates_range_hz = (rate_min_hz, rate_max_hz)
    Raises           ValueError  if more than 100000 tiles are needed
    Limits           a tile is 1 / (tiles - 1) of the range wide: the spare one holds the offset.
    Source           Sutton and Barto 2018, section 9.5.4 (displacement by odd numbers)
    """

    tilings: int = 8
    tiles: tuple[int, ...] = (8,)
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    normalise: str = "limits"
    rate_max_hz: float = 100.0
    rate_min_hz: float = 0.0
    copies: int = 1

    spaces: ClassVar = (gym.spaces.Box,)

    def __post_init__(self) -> None:
        """Check every field that can be checked without the space."""
        self.check_rates()
        check_normalise(self)
        check_copies("TileCoding", self.copies)
        self.set_tuple("tiles", int)
        self.set_tuple("low", float)
        self.set_tuple("high", float)
        if self.tilings < 1:
            raise ValueError(f"TileCoding.tilings must be >= 1, got {self.tilings}.")
        if min(self.tiles) < 2:
            raise ValueError(f"TileCoding.tiles must be >= 2 in every dimension, got {self.tiles}.")

    def bind(self, observation_space: gym.Space) -> BoundEncoder:
        """Build the tilings of a Box."""
        self.check_space(observation_space)
        scaling = UnitScaling(self, cast(gym.spaces.Box, observation_space))
        tiles = broadcast("TileCoding", "tiles", self.tiles, scaling.n_dimensions)
        n_inputs = self.tilings * prod(tiles)
        if n_inputs > MAX_TILES:
            raise ValueError(
                f"TileCoding.bind: expected at most {MAX_TILES} inputs, got {n_inputs} = "
                f"{self.tilings} * prod{tuple(tiles)}; take fewer tiles or another encoder."
            )
        return copied(_BoundTileCoding(self, scaling, np.array(tiles)), self.copies)


class _BoundTileCoding(BoundBoxEncoder):
    def __init__(self, settings: TileCoding, scaling: UnitScaling, tiles: NDArray[np.int64]):
        per_tiling = int(np.prod(tiles))
        rates_range_hz = (settings.rate_min_hz, settings.rate_max_hz)
        super().__init__(scaling, settings.tilings * per_tiling, rates_range_hz)
        tiling, dimension = np.arange(settings.tilings)[:, None], np.arange(len(tiles))
        self._offsets = ((2 * dimension + 1) * tiling % settings.tilings) / settings.tilings
        self._scale = (tiles - 1).astype(np.float64)
        self._strides = np.cumprod([1, *tiles[:0:-1]])[::-1]
        self._first_tile = np.arange(settings.tilings) * per_tiling

    def encode(
        self, observations: NDArray[Any], out: Rates | None = None, learn: bool = False
    ) -> Rates:
        """Encode Box observations, see `BoundEncoder.encode`."""
        scaled = self._scaling(observations, learn)
        scaled *= self._scale
        tiles = (scaled[:, None, :] + self._offsets).astype(np.int64)
        columns = tiles @ self._strides + self._first_tile
        if out is None:
            out = np.empty((len(scaled), self.n_inputs))
        rate_min_hz, rate_max_hz = self.rates_range_hz
        out.fill(rate_min_hz)
        out[np.arange(len(scaled))[:, None], columns] = rate_max_hz
        return out
