"""Replicas that have had their episodes and wait for the others: what they learned is kept."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.masks import all_of, any_of
from threefactor.models.network import Network


class Resting:
    """Keeper of the weights of resting replicas.

    A network advances all of its replicas, and rules that drift without a third factor move weights
    also of those that rest.

    Attributes
    ----------
    mask : (replicas,) bool
        Who rests.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self.mask = np.zeros(network.replicas, bool)
        self._is_needed = False
        self._weights = network.weights()

    def follow(self, involved: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """Note before a decision who rests; a replica that no longer does starts afresh.

        Returns
        -------
        (replicas,) bool, who no longer does, or None: nobody
        """
        if not self._is_needed and all_of(involved):
            return None
        falls, wakes = ~involved & ~self.mask, involved & self.mask
        for name, weights in self._network.weights().items():
            self._weights[name][falls] = weights[falls]
        if any_of(wakes):
            self._network.start_episode(wakes)  # it ran on while it rested
            self.keep()
        self._rest(~involved)
        return wakes

    def keep(self) -> None:
        """Undo after a decision what it did to the weights of those that rest."""
        if self._is_needed:
            for name, weights in self._weights.items():
                self._network.replicated(f"{name}.w")[self.mask] = weights[self.mask]

    def _rest(self, mask: NDArray[np.bool_]) -> None:
        self.mask, self._is_needed = mask, any_of(mask)

    def state(self) -> dict[str, Any]:
        """Return who rests, and with which weights, for a checkpoint."""
        weights = {name: values[self.mask] for name, values in self._weights.items()}
        return {"mask": self.mask.copy(), "weights": weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self._rest(np.array(state["mask"]))
        for name, values in self._weights.items():
            values[self.mask] = state["weights"][name]
