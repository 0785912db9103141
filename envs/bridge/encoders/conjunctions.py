"""Which dimensions are coded together, and how many neurons stand for each cell."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.encoders.contract import BoundEncoder, Rates

#: Dimensions that are coded together.
Group = tuple[int, ...]


class GroupedSettings(Protocol):
    """What the settings of encoders with conjunctive cells hold."""

    @property
    def copies(self) -> int:
        """Neurons of each cell."""

    @property
    def groups(self) -> tuple[Group, ...]:
        """Dimensions that are coded together."""


def check_cells(settings: GroupedSettings) -> None:
    """Store groups as tuples, and raise unless they and the copies make sense without a space."""
    owner, groups = type(settings).__name__, settings.groups
    check_copies(owner, settings.copies)
    try:
        found = tuple(tuple(int(dimension) for dimension in group) for group in groups)
    except (TypeError, ValueError):
        raise ValueError(
            f"{owner}.groups: expected groups of dimensions such as ((0, 1), (2, 3)), "
            f"got {groups!r}."
        ) from None
    for group in found:
        if not group or len(set(group)) < len(group) or min(group) < 0:
            raise ValueError(
                f"{owner}.groups: expected different dimensions, counted from 0, in each group, "
                f"got {list(group)}."
            )
    object.__setattr__(settings, "groups", found)


def check_copies(owner: str, copies: int) -> None:
    """Raise unless there is a neuron for each cell."""
    if copies < 1:
        raise ValueError(f"{owner}.copies must be >= 1, got {copies}.")


def complete(
    owner: str, groups: Sequence[Group], n_dimensions: int, *, joins_others: bool = False
) -> list[Group]:
    """Return the groups and, after them, the dimensions that are in none: joined, or each alone."""
    named = {dimension for group in groups for dimension in group}
    if named and max(named) >= n_dimensions:
        raise ValueError(
            f"{owner}.groups: expected dimensions below {n_dimensions}, the size of the space, "
            f"got {max(named)}."
        )
    others = [dimension for dimension in range(n_dimensions) if dimension not in named]
    if joins_others:
        return [*groups, tuple(others)] if others else list(groups)
    return [*groups, *((dimension,) for dimension in others)]


def copied(encoder: BoundEncoder, copies: int) -> BoundEncoder:
    """Return an encoder that gives every rate to so many neighbouring inputs."""
    return encoder if copies == 1 else _Copied(encoder, copies)


class _Copied(BoundEncoder):
    """Input `copies * i + k` has the rate of input i of the encoder that is copied."""

    def __init__(self, encoder: BoundEncoder, copies: int):
        self._encoder, self._copies = encoder, copies
        self.n_inputs = encoder.n_inputs * copies
        self.rates_range_hz = encoder.rates_range_hz
        self.is_adaptive = encoder.is_adaptive
        self._rates = np.zeros((0, encoder.n_inputs))

    def encode(
        self, observations: NDArray[Any], out: Rates | None = None, learn: bool = False
    ) -> Rates:
        """Encode observations, see `BoundEncoder.encode`."""
        n_replicas = len(observations)
        if len(self._rates) != n_replicas:
            self._rates = np.empty((n_replicas, self._encoder.n_inputs))
        self._encoder.encode(observations, self._rates, learn)
        if out is None:
            out = np.empty((n_replicas, self.n_inputs))
        out.reshape(n_replicas, -1, self._copies)[...] = self._rates[:, :, None]
        return out

    def state(self) -> dict[str, NDArray[Any]]:
        """Give the state of the encoder that is copied."""
        return self._encoder.state()

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore the encoder that is copied."""
        self._encoder.restore(state)
