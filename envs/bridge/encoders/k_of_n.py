"""k-of-n words: a discrete code in which a fixed number of inputs fires."""

from dataclasses import dataclass
from itertools import combinations, islice
from math import comb
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.encoders.contract import (
    BoundEncoder,
    Encoder,
    Rates,
    broadcast,
)
from threefactor.envs.bridge.encoders.scaling import BoundBoxEncoder, UnitScaling, check_normalise
from threefactor.envs.bridge.flattening import choice_offsets

#: So many entries has the table of all words at most.
MAX_ENTRIES = 50_000_000


@dataclass(frozen=True)
class KOfN(Encoder):
    """k of n inputs fire per code word; neighbouring values share most of them.

    Equations        words = the k-of-n patterns in lexicographic order, comb(n, k) of them
                     Discrete: value s -> the s-th n_words-combination of the words
                     Box, MultiDiscrete: per dimension, bin or value b -> the b-th word
    Parameters       n : int, default 5   Inputs per word.
                     k : int, default 2   Of which fire, 1 <= k < n.
                     n_words : int, default 3   Words per value of a Discrete space, >= 1.
                     bins : tuple of int, default (10,)   Bins per dimension of a Box; one for all.
                     low : tuple of float, default ()   Lower limits of a Box; empty: the space's.
                     high : tuple of float, default ()   Upper limits of a Box; empty: the space's.
                     normalise : str, default 'limits'   'limits' or 'running', Box only.
                     rate_max_hz : float, default 100.0   Rate of an input that fires, Hz.
                     rate_min_hz : float, default 0.0   Rate of the others, Hz, >= 0.
    Spaces           Discrete: n * n_words inputs; Box, MultiDiscrete: n per dimension.
    Range            rates_range_hz = (rate_min_hz, rate_max_hz)
    Raises           ValueError  if the code has fewer words than there are values
    Limits           combinations are ordered (1st word < 2nd word < ...), so that values far apart
                     may share words; the defaults code the 100 cells of GridWorld in 120 words.
    Source           the published code of Aenugu et al. (arXiv 1910.06489): 2-of-5 for gridworld,
                     5-of-10 and 10 bins for mountain car. Silent lines are -1 there, 0 Hz here.
    """

    n: int = 5
    k: int = 2
    n_words: int = 3
    bins: tuple[int, ...] = (10,)
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    normalise: str = "limits"
    rate_max_hz: float = 100.0
    rate_min_hz: float = 0.0

    spaces: ClassVar = (gym.spaces.Discrete, gym.spaces.MultiDiscrete, gym.spaces.Box)

    def __post_init__(self) -> None:
        """Check every field that can be checked without the space."""
        self.check_rates()
        check_normalise(self)
        self.set_tuple("bins", int)
        self.set_tuple("low", float)
        self.set_tuple("high", float)
        if not 1 <= self.k < self.n:
            raise ValueError(f"KOfN: expected 1 <= k < n, got k={self.k}, n={self.n}.")
        if self.n_words < 1:
            raise ValueError(f"KOfN.n_words must be >= 1, got {self.n_words}.")
        if min(self.bins) < 1:
            raise ValueError(f"KOfN.bins must be >= 1 in every dimension, got {self.bins}.")

    def bind(self, observation_space: gym.Space) -> BoundEncoder:
        """Build the code for one space."""
        self.check_space(observation_space)
        if isinstance(observation_space, gym.spaces.Box):
            scaling = UnitScaling(self, observation_space)
            bins = broadcast("KOfN", "bins", self.bins, scaling.n_dimensions)
            return _BoundBinnedWords(self, scaling, np.array(bins))
        n_values, first = choice_offsets(observation_space)
        if isinstance(observation_space, gym.spaces.Discrete):
            return _BoundWords(self, self._sentences(int(n_values[0])), first)
        return _BoundWords(self, self._words(int(n_values.max())), first)

    def _words(self, n_values: int) -> NDArray[np.float64]:
        """Tabulate rates of the first words, (n_values, n)."""
        self._check_capacity(n_values, comb(self.n, self.k), "comb(n, k)")
        if n_values * self.n > MAX_ENTRIES:
            raise ValueError(
                f"KOfN.bind: expected a table of at most {MAX_ENTRIES} entries, got {n_values} "
                f"words of {self.n} lines; take a smaller n or k."
            )
        rates = np.full((n_values, self.n), self.rate_min_hz)
        for value, active in enumerate(islice(combinations(range(self.n), self.k), n_values)):
            rates[value, list(active)] = self.rate_max_hz
        return rates

    def _sentences(self, n_values: int) -> NDArray[np.float64]:
        """Tabulate rates of the first combinations of words, (n_values, n_words * n)."""
        n_patterns = comb(self.n, self.k)
        self._check_capacity(n_values, comb(n_patterns, self.n_words), "comb(comb(n, k), n_words)")
        words = self._words(n_patterns)
        chosen = list(islice(combinations(range(n_patterns), self.n_words), n_values))
        return words[np.array(chosen)].reshape(n_values, -1)

    def _check_capacity(self, n_values: int, capacity: int, formula: str) -> None:
        if n_values > capacity:
            raise ValueError(
                f"KOfN.bind: {n_values} values need as many codes, got {formula} = {capacity} "
                f"with n={self.n}, k={self.k}, n_words={self.n_words}; take a larger n."
            )


class _BoundWords(BoundEncoder):
    """Symbols -> one row of a table per component."""

    def __init__(self, settings: KOfN, table: Rates, first: NDArray[np.int64]):
        self.n_inputs = len(first) * table.shape[1]
        self.rates_range_hz = (settings.rate_min_hz, settings.rate_max_hz)
        self._table = table
        self._first = first

    def encode(
        self, observations: NDArray[Any], out: Rates | None = None, learn: bool = False
    ) -> Rates:
        """Encode symbols, see `BoundEncoder.encode`."""
        values = observations.reshape(len(observations), -1) - self._first
        rates = self._table[values].reshape(len(observations), self.n_inputs)
        if out is None:
            return rates
        out[...] = rates
        return out


class _BoundBinnedWords(BoundBoxEncoder):
    """Box -> bin per dimension -> one word per dimension."""

    def __init__(self, settings: KOfN, scaling: UnitScaling, bins: NDArray[np.int64]):
        rates_range_hz = (settings.rate_min_hz, settings.rate_max_hz)
        super().__init__(scaling, settings.n * scaling.n_dimensions, rates_range_hz)
        self._bins = bins
        self._words = settings._words(int(bins.max()))

    def encode(
        self, observations: NDArray[Any], out: Rates | None = None, learn: bool = False
    ) -> Rates:
        """Encode Box observations, see `BoundEncoder.encode`."""
        scaled = self._scaling(observations, learn)
        scaled *= self._bins
        values = np.minimum(scaled.astype(np.int64), self._bins - 1)
        rates = self._words[values].reshape(len(observations), self.n_inputs)
        if out is None:
            return rates
        out[...] = rates
        return out
