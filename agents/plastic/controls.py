"""Controls that must not learn: third factors that carry no information about the action."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Untouched:
    """The third factor as it is."""

    def __call__(self, third_factor: NDArray, active: NDArray) -> NDArray:
        """Return the third factor."""
        return third_factor

    def state(self) -> dict[str, Any]:
        """Return what changes: nothing."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""


class Zero(Untouched):
    """Third factor zero: traces run, weights stay."""

    def __call__(self, third_factor: NDArray, active: NDArray) -> NDArray:
        """Return zeros."""
        return np.zeros_like(third_factor)


class Shuffled(Untouched):
    """Each third factor swapped with one from a store of the replica's own past.

    The distribution is kept and the contingency on the action destroyed; until the store of
    `size` values has filled, a random sign replaces the swap.
    """

    def __init__(self, seeds: list[int], size: int = 1000) -> None:
        self._generators = [np.random.default_rng(seed) for seed in seeds]
        self._size = size
        self._store: list[list[Any]] = [[] for _ in seeds]

    def __call__(self, third_factor: NDArray, active: NDArray) -> NDArray:
        """Return shuffled third factors of the active replicas."""
        out = np.zeros_like(third_factor)
        for replica in np.flatnonzero(active):
            generator, store = self._generators[replica], self._store[replica]
            value = np.array(third_factor[replica])
            if len(store) < self._size:
                store.append(value)
                out[replica] = value * (1 if generator.random() < 0.5 else -1)
            else:
                index = int(generator.integers(self._size))
                out[replica], store[index] = store[index], value
        return out

    def state(self) -> dict[str, Any]:
        """Return stores and generators."""
        return {
            "stores": [np.array(store) for store in self._store],
            "generators": [generator.bit_generator.state for generator in self._generators],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self._store = [list(store) for store in state["stores"]]
        for generator, saved in zip(self._generators, state["generators"], strict=True):
            generator.bit_generator.state = saved


def control_third_factor(control: str, seeds: list[int]) -> Untouched:
    """Return the control called `control` (see `experiments.configuration.CONTROLS`)."""
    if control == "shuffled":
        return Shuffled(seeds)
    return Zero() if control == "zero" else Untouched()
