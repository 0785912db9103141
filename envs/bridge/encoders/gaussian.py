"""Gaussian tuning curves: a grid of place cells, or a population per dimension."""

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, cast

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.encoders.contract import BoundEncoder, Encoder, Rates, broadcast
from threefactor.envs.bridge.encoders.scaling import BoundBoxEncoder, UnitScaling, check_normalise

MODES = ("independent", "grid")
MAX_GRID_CELLS = 20_000


@dataclass(frozen=True)
class GaussianPopulation(Encoder):
    """Gaussian tuning curves over a Box: place cells (grid) or one population per dimension.

    Equations        u = (x - low) / (high - low), clipped to [0, 1];  spacing = 1 / (cells - 1)
                     tuning(u, centre) = exp(-(u - centre)^2 / (2 * (width * spacing)^2))
                     independent: rate = rate_min_hz + span * tuning, one cell per dimension, centre
                     grid: rate = rate_min_hz + span * product over dimensions of tuning
                     span = rate_max_hz - rate_min_hz
    Parameters       mode : str, default 'independent'   'independent' or 'grid'.
                     cells : tuple of int, default (10,)   Centres per dimension; one for all.
                     width : float, default 1.0   Standard deviation, in spacings of centres, > 0.
                     low : tuple of float, default ()   First centres; empty: the space's bounds.
                     high : tuple of float, default ()   Last centres; empty: the space's bounds.
                     normalise : str, default 'limits'   'limits', or 'running': mean +- 3 sd.
                     rate_max_hz : float, default 100.0   Rate at the centre, Hz.
                     rate_min_hz : float, default 0.0   Rate far from the centre, Hz, >= 0.
    Spaces           Box, flattened. independent: sum(cells) inputs, dimension by dimension;
                     grid: prod(cells) inputs, the last dimension varies fastest.
    Range            rates_range_hz = (rate_min_hz, rate_max_hz)
    Raises           ValueError  if a grid needs more than 20000 cells
    Limits           distances are measured in units of the limits of each dimension, so fields
                     are round only after that scaling; observations beyond the limits are clipped.
    """

    mode: str = "independent"
    cells: tuple[int, ...] = (10,)
    width: float = 1.0
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
        self.set_tuple("cells", int)
        self.set_tuple("low", float)
        self.set_tuple("high", float)
        if self.mode not in MODES:
            raise ValueError(
                f"GaussianPopulation.mode: expected one of {MODES}, got {self.mode!r}."
            )
        if min(self.cells) < 2:
            raise ValueError(
                f"GaussianPopulation.cells must be >= 2 in every dimension, got {self.cells}."
            )
        if not 0.0 < self.width < np.inf:
            raise ValueError(f"GaussianPopulation.width must be > 0 spacings, got {self.width}.")

    def bind(self, observation_space: gym.Space) -> BoundEncoder:
        """Build the population for a Box."""
        self.check_space(observation_space)
        scaling = UnitScaling(self, cast(gym.spaces.Box, observation_space))
        cells = broadcast("GaussianPopulation", "cells", self.cells, scaling.n_dimensions)
        if self.mode == "independent":
            return _BoundIndependent(self, scaling, cells)
        if prod(cells) > MAX_GRID_CELLS:
            raise ValueError(
                f"GaussianPopulation.bind: expected at most {MAX_GRID_CELLS} grid cells, got "
                f"{prod(cells)} = prod{tuple(cells)}; take fewer cells or mode='independent'."
            )
        return _BoundGrid(self, scaling, cells)


class _BoundIndependent(BoundBoxEncoder):
    def __init__(self, settings: GaussianPopulation, scaling: UnitScaling, cells: list[int]):
        super().__init__(scaling, sum(cells), (settings.rate_min_hz, settings.rate_max_hz))
        # With distances in units of sqrt(2) * sd the tuning curve is exp(-distance^2). Dimension d
        # owns a block of centres; observations are spread to that layout by one `take`.
        steepness = [(count - 1) / (np.sqrt(2.0) * settings.width) for count in cells]
        self._dimension = np.repeat(np.arange(len(cells)), cells)
        self._steepness = np.array(steepness)[None]
        self._centres = np.concatenate(
            [np.linspace(0.0, 1.0, n) * s for n, s in zip(cells, steepness, strict=True)]
        )[None]

    def _tuning(
        self, observations: NDArray[Any], out: Rates | None, learn: bool
    ) -> NDArray[np.float64]:
        scaled = self._scaling(observations, learn)
        scaled *= self._steepness
        if out is None:
            out = np.empty((len(scaled), len(self._dimension)))
        scaled.take(self._dimension, 1, out, "clip")  # all indices are valid; "raise" copies twice
        out -= self._centres
        np.multiply(out, out, out)
        np.negative(out, out)
        return np.exp(out, out)

    def encode(
        self, observations: NDArray[Any], out: Rates | None = None, learn: bool = False
    ) -> Rates:
        """Encode Box observations, see `BoundEncoder.encode`."""
        return self._to_rates(self._tuning(observations, out, learn))


class _BoundGrid(_BoundIndependent):
    """The Gaussian of a sum of squares is a product: one small exponential per dimension."""

    def __init__(self, settings: GaussianPopulation, scaling: UnitScaling, cells: list[int]):
        super().__init__(settings, scaling, cells)
        self.n_inputs = prod(cells)
        ends = np.cumsum(cells).tolist()
        self._blocks = [slice(end - n, end) for n, end in zip(cells, ends, strict=True)]

    def encode(
        self, observations: NDArray[Any], out: Rates | None = None, learn: bool = False
    ) -> Rates:
        """Encode Box observations, see `BoundEncoder.encode`."""
        tuning = self._tuning(observations, None, learn)
        n_replicas = len(tuning)
        rates = tuning[:, self._blocks[0]]
        for block in self._blocks[1:]:
            rates = (rates[:, :, None] * tuning[:, None, block]).reshape(n_replicas, -1)
        if out is None:
            return self._to_rates(rates)
        out[...] = rates
        return self._to_rates(out)
