"""Observations as numbers that a network is told, in the scale of the largest ones seen."""

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge import BoundEncoder
from threefactor.envs.bridge.flattening import choice_offsets
from threefactor.naming import check_choice

Floats = NDArray[np.float64]

#: Of numbers here; "cells" are those of an encoder.
NUMBERS = ("one-neuron", "two-neurons")
CODINGS = (*NUMBERS, "cells")


@dataclass(frozen=True)
class NumberCoding:
    """How a flat observation becomes numbers, from -gain to gain.

    Equations
    ---------
    one-neuron:   x -> gain*x/m
    two-neurons:  x -> gain*max(x, 0)/m, gain*max(-x, 0)/m
    m the largest absolute value of this dimension that was seen, or the one that is given, beyond
    which x is clipped; symbols -> gain for 1 of n

    Parameters
    ----------
    name : {"one-neuron", "two-neurons"}
    has_constant : bool
        Whether a further number is always `gain`: the input of biases.
    space : gym.Space
        Of observations: Box, Discrete or MultiDiscrete.
    largest : tuple of float
        m of each dimension, or one for all; empty: of what was seen.
    gain : float

    Source
    ------
    Akl et al. 2023, Front. Neurorobot. 17:1075647 (two-neuron coding, running maximum).
    """

    name: str
    has_constant: bool
    space: gym.Space
    largest: tuple[float, ...] = ()
    gain: float = 1.0

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown name, or other numbers of largest values."""
        check_choice("coding of numbers", self.name, NUMBERS)
        if len(self.largest) not in (0, 1, len(self.initial_scale())):
            raise ValueError(
                f"--agent.largest: expected 1 number or {len(self.initial_scale())}, one for each "
                f"number of {self.space}, got {len(self.largest)}."
            )

    @property
    def is_symbolic(self) -> bool:
        """Whether observations are symbols, which have no scale."""
        return not isinstance(self.space, gym.spaces.Box)

    @property
    def n_numbers(self) -> int:
        """How many numbers the network is told."""
        if self.is_symbolic:
            return int(choice_offsets(self.space)[0].sum()) + self.has_constant
        n = int(np.prod(self.space.shape or (1,)))
        return n * (2 if self.name == "two-neurons" else 1) + self.has_constant

    def initial_scale(self) -> Floats:
        """Return m before anything was seen."""
        scale = np.zeros(0 if self.is_symbolic else int(np.prod(self.space.shape or (1,))))
        if len(self.largest) in (1, len(scale)):
            scale[...] = self.largest
        return scale

    def observe(self, scale: Floats, observations: NDArray[Any]) -> None:
        """Let m, in place, be the largest of what was seen, (batch, ...)."""
        if not self.is_symbolic and not self.largest:
            seen = np.abs(observations.reshape(len(observations), -1)).max(axis=0, initial=0.0)
            np.maximum(scale, seen, out=scale)

    def numbers(self, scale: Floats, observations: NDArray[Any]) -> Floats:
        """Return what the network is told, (batch, n_numbers)."""
        batch = len(observations)
        found = np.zeros((batch, self.n_numbers))
        if self.has_constant:
            found[:, -1] = self.gain
        if self.is_symbolic:
            n_values, first = choice_offsets(self.space)
            offsets = np.concatenate([[0], np.cumsum(n_values)[:-1]]) - first
            places = observations.reshape(batch, -1).astype(np.int64) + offsets
            found[np.arange(batch)[:, None], places] = self.gain
            return found
        x = observations.reshape(batch, -1) / np.where(scale > 0.0, scale, 1.0)
        if self.largest:
            x = np.clip(x, -1.0, 1.0)
        x = self.gain * x
        if self.name == "two-neurons":
            found[:, 0 : 2 * x.shape[1] : 2] = np.maximum(x, 0.0)
            found[:, 1 : 2 * x.shape[1] : 2] = np.maximum(-x, 0.0)
        else:
            found[:, : x.shape[1]] = x
        return found


@dataclass(frozen=True)
class FeatureCoding:
    """The activities of an encoder's cells, from 0 to `gain`, without the noise of spikes.

    Parameters
    ----------
    encoder : BoundEncoder
    gain : float
    """

    encoder: BoundEncoder
    gain: float = 1.0

    @property
    def n_numbers(self) -> int:
        """How many numbers the network is told."""
        return self.encoder.n_inputs

    def initial_scale(self) -> Floats:
        """Return nothing: there is no scale."""
        return np.zeros(0)

    def observe(self, scale: Floats, observations: NDArray[Any]) -> None:
        """Learn nothing of what was seen."""

    def numbers(self, scale: Floats, observations: NDArray[Any]) -> Floats:
        """Return what the network is told, (batch, n_numbers)."""
        return self.gain * self.encoder.features(self.encoder.encode(observations))
