"""Gaussian tuning curves: grids of place cells, or a population per dimension."""

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, cast

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.encoders.conjunctions import Group, check_cells, complete, copied
from threefactor.envs.bridge.encoders.contract import BoundEncoder, Encoder, Rates, broadcast
from threefactor.envs.bridge.encoders.scaling import BoundBoxEncoder, UnitScaling, check_normalise

MODES = ("independent", "grid")
MAX_GRID_CELLS = 20_000


@dataclass(frozen=True)
class GaussianPopulation(Encoder):
    """Gaussian tuning curves over a Box: place cells (grids) or one population per dimension.

    Equations        u = (x - low) / (high - low), clipped to [0, 1];  spacing = 1 / (cells - 1)
                     tuning(u, centre) = exp(-(u - centre)^2 / (2 * (width * spacing)^2))
                     rate = rate_min_hz + span * product over the dimensions of a group of tuning
                     span = rate_max_hz - rate_min_hz
    Parameters       mode : str, default 'independent'   Of dimensions in no group: 'independent',
                         each is a group of its own; 'grid': together they are one.
                     cells : tuple of int, default (10,)   Centres per dimension; one for all.
                     width : tuple of float, default (1.0,)   Standard deviation, in spacings of
                         centres, per dimension; one for all, > 0.
                     low : tuple of float, default ()   First centres; empty: the space's bounds.
                     high : tuple of float, default ()   Last centres; empty: the space's bounds.
                     normalise : str, default 'limits'   'limits', or 'running': mean +- 3 sd.
                     rate_max_hz : float, default 100.0   Rate at the centre, Hz.
                     rate_min_hz : float, default 0.0   Rate far from the centre, Hz, >= 0.
                     groups : tuple of tuple of int, default ()   Dimensions, from 0, whose cells
                         are conjunctive, such as 0,1 2,3. A dimension may be in several.
                     copies : int, default 1   Input neurons of each cell, >= 1.
    Spaces           Box, flattened. Group by group, then the others, prod(cells) cells each, the
                     last dimension varies fastest; the copies of a cell are neighbours.
    Range            rates_range_hz = (rate_min_hz, rate_max_hz)
    Raises           ValueError  if grids need more than 20000 cells
    Limits           distances are measured in units of the limits of each dimension, so fields
                     are round only after that scaling; observations beyond the limits are clipped.
    """

    mode: str = "independent"
    cells: tuple[int, ...] = (10,)
    width: tuple[float, ...] = (1.0,)
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    normalise: str = "limits"
    rate_max_hz: float = 100.0
    rate_min_hz: float = 0.0
    groups: tuple[Group, ...] = ()
    copies: int = 1

    spaces: ClassVar = (gym.spaces.Box,)

    def __post_init__(self) -> None:
        """Check every field that can be checked without the space."""
        self.check_rates()
        check_normalise(self)
        check_cells(self)
        self.set_tuple("cells", int)
        self.set_tuple("width", float)
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
        if not all(0.0 < width < np.inf for width in self.width):
            raise ValueError(f"GaussianPopulation.width must be > 0 spacings, got {self.width}.")

    def bind(self, observation_space: gym.Space) -> BoundEncoder:
        """Build the population for a Box."""
        self.check_space(observation_space)
        scaling = UnitScaling(self, cast(gym.spaces.Box, observation_space))
        owner, n_dimensions = "GaussianPopulation", scaling.n_dimensions
        cells = broadcast(owner, "cells", self.cells, n_dimensions)
        widths = broadcast(owner, "width", self.width, n_dimensions)
        groups = complete(owner, self.groups, n_dimensions, joins_others=self.mode == "grid")
        if groups == [(dimension,) for dimension in range(n_dimensions)]:
            return copied(_BoundIndependent(self, scaling, cells, widths), self.copies)
        n_cells = sum(prod(cells[dimension] for dimension in group) for group in groups)
        if n_cells > MAX_GRID_CELLS:
            raise ValueError(
                f"GaussianPopulation.bind: expected at most {MAX_GRID_CELLS} grid cells, got "
                f"{n_cells} for cells {tuple(cells)}; take fewer cells, small groups such as "
                "--encoder.groups 0,1 2,3, or mode='independent'."
            )
        return copied(_BoundGrids(self, scaling, cells, widths, groups), self.copies)


class _BoundIndependent(BoundBoxEncoder):
    def __init__(
        self,
        settings: GaussianPopulation,
        scaling: UnitScaling,
        cells: list[int],
        widths: list[float],
    ):
        super().__init__(scaling, sum(cells), (settings.rate_min_hz, settings.rate_max_hz))
        # With distances in units of sqrt(2) * sd the tuning curve is exp(-distance^2). Dimension d
        # owns a block of centres; observations are spread to that layout by one `take`.
        steepness = [
            (count - 1) / (np.sqrt(2.0) * width) for count, width in zip(cells, widths, strict=True)
        ]
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


class _BoundGrids(_BoundIndependent):
    """The Gaussian of a sum of squares is a product: one small exponential per dimension."""

    def __init__(
        self,
        settings: GaussianPopulation,
        scaling: UnitScaling,
        cells: list[int],
        widths: list[float],
        groups: list[Group],
    ):
        super().__init__(settings, scaling, cells, widths)
        blocks = _slices(cells)
        sizes = [prod(cells[dimension] for dimension in group) for group in groups]
        self.n_inputs = sum(sizes)
        self._grids = [
            (place, [blocks[dimension] for dimension in group])
            for place, group in zip(_slices(sizes), groups, strict=True)
        ]

    def encode(
        self, observations: NDArray[Any], out: Rates | None = None, learn: bool = False
    ) -> Rates:
        """Encode Box observations, see `BoundEncoder.encode`."""
        tuning = self._tuning(observations, None, learn)
        n_replicas = len(tuning)
        if out is None:
            out = np.empty((n_replicas, self.n_inputs))
        for place, (first, *others) in self._grids:
            rates = tuning[:, first]
            for block in others:
                rates = (rates[:, :, None] * tuning[:, None, block]).reshape(n_replicas, -1)
            out[:, place] = rates
        return self._to_rates(out)


def _slices(sizes: list[int]) -> list[slice]:
    """Return where blocks of these sizes lie, one after the other."""
    ends = np.cumsum(sizes).tolist()
    return [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
