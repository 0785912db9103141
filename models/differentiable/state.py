"""What a network has in it between two windows: tensors by name, and the time."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class State:
    """The variables of all neurons, and the timesteps simulated since time zero.

    Attributes
    ----------
    values : dict of str to (batch, neurons) tensor
        By ``"<population>.<variable>"``.
    timestep : int or (batch, 1) float64 tensor
        Of the network, or of each row where they stand for different moments: what noise with
        seeds is read by.
    """

    values: dict[str, Tensor]
    timestep: int | Tensor = 0

    def detach(self) -> "State":
        """Return the state without its history: gradients do not go further back."""
        return State({name: value.detach() for name, value in self.values.items()}, self.timestep)

    def rows(self, index: Any) -> "State":
        """Return the state of some rows of the batch."""
        when = self.timestep[index] if isinstance(self.timestep, Tensor) else self.timestep
        return State({name: value[index] for name, value in self.values.items()}, when)

    def where(self, mask: Tensor, other: "State") -> "State":
        """Return this state in the rows where the mask (batch,) is True, `other` elsewhere.

        The time is that of this state.
        """
        column = mask[:, None]
        values = {n: value.where(column, other.values[n]) for n, value in self.values.items()}
        return State(values, self.timestep)
