"""What every engine offers: advance a prepared network and show its arrays."""

from typing import Any, Protocol

import numpy as np


class Engine(Protocol):
    """A prepared network that is advanced in place.

    Arrays are named ``"<population or projection>.<variable>"`` and hold SI values; a view stays
    valid and writable until `close`. Blocks are the demand blocks of the blueprint.
    """

    name: str

    def advance(self, steps: int) -> None:
        """Simulate `steps` timesteps and leave every variable at its true value."""

    def run_block(self, block: str) -> None:
        """Run one demand block now; blocks that no rule defines are ignored."""

    def array(self, name: str) -> np.ndarray:
        """Return the writable view of an array, valid until `close`.

        Raises
        ------
        KeyError
            With the known names if there is none of this name.
        """

    def arrays(self) -> list[str]:
        """Return the names of all arrays."""

    @property
    def timestep(self) -> int:
        """Number of timesteps simulated since time zero."""

    def record(self, populations: list[str], probes: list[tuple[str, int]], every: int) -> None:
        """Record spikes of populations and single elements of arrays every `every` timesteps."""

    def drain(self) -> dict[str, np.ndarray]:
        """Return and forget what was recorded since the last call."""

    def snapshot(self) -> dict[str, Any]:
        """Return a copy of the complete state: arrays, clock, spikes in flight."""

    def restore(self, state: dict[str, Any]) -> None:
        """Return to a snapshot, so that continuing equals never having stopped."""

    def check_finite(self) -> None:
        """Raise FloatingPointError naming an array with a NaN; `advance` looks now and then."""

    def close(self) -> None:
        """Free the network; views become invalid."""
