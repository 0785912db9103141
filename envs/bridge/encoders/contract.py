"""The encoder contract: settings that bind to an observation space, then observation -> input.

The input of a decision window is a rate of every input neuron, or the time of its one spike.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

#: What encoders give: rates in Hz, or spike times in ms from the start of the window.
EMITS = ("rates_hz", "spike_times_ms")
Rates = NDArray[np.float64]


class BoundEncoder(ABC):
    """An encoder that knows its observation space; pure unless it normalises by running moments.

    Attributes
    ----------
    n_inputs : int
        Number of input neurons.
    emits : str
        What `encode` gives: `"rates_hz"` (the default) or `"spike_times_ms"`.
    rates_range_hz : (lowest, highest)
        Every rate lies in it, ends included. Encoders of spike times have none.
    times_range_ms : (earliest, latest)
        Every spike time lies in it, ends included, 0 <= earliest; inf stands for no spike. Each
        neuron spikes in the timestep nearest to its time, at most half a timestep off and exact
        for multiples of the timestep. Encoders of rates have none.
    is_adaptive : bool
        True if `encode(..., learn=True)` changes later rates; then `state` is part of a checkpoint.
    """

    n_inputs: int
    emits: str = "rates_hz"
    rates_range_hz: tuple[float, float]
    times_range_ms: tuple[float, float]
    is_adaptive: bool = False

    @abstractmethod
    def encode(
        self, observations: NDArray[Any], out: Rates | None = None, learn: bool = False
    ) -> Rates:
        """Encode a batch of observations of the bound space.

        Parameters
        ----------
        observations : (n_replicas, ...)
            One observation per replica. Not checked against the space: this is the inner loop.
        out : (n_replicas, n_inputs), float64, C-contiguous, optional
            Written and returned instead of a new array.
        learn : bool
            Let running normalisation take these observations in first. No effect otherwise.

        Returns
        -------
        (n_replicas, n_inputs), in Hz or ms as `emits` says
        """

    def features(self, encoded: Rates) -> NDArray[np.float64]:
        """Return what linear critics see of encoded observations, from 0 to 1, same shape.

        Rates as shares of the highest; of spike times 1 for the earliest, 1/2 for the latest and 0
        for none.
        """
        if self.emits == "rates_hz":
            return encoded * (1.0 / self.rates_range_hz[1])
        earliest, latest = self.times_range_ms
        late = (encoded - earliest) / max(latest - earliest, 1e-9)
        return np.where(np.isfinite(encoded), 1.0 - 0.5 * late, 0.0)

    def state(self) -> dict[str, NDArray[Any]]:
        """Give all that encoding has learnt, as arrays for a checkpoint; empty if not adaptive."""
        return {}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go back to what `state` returned."""
        if state:
            raise ValueError(
                f"{type(self).__name__}.restore: expected no state, got {sorted(state)}; "
                "the checkpoint is of an encoder with normalise='running'."
            )


class Encoder(ABC):
    """Settings of an encoder: a frozen dataclass of plain numbers, units in the names."""

    spaces: ClassVar[tuple[type[gym.Space], ...]]
    #: Of encoders of rates; `check_rates` looks at them.
    rate_min_hz: float
    rate_max_hz: float

    @abstractmethod
    def bind(self, observation_space: gym.Space) -> BoundEncoder:
        """Build the encoder for one observation space (of a single environment, not a batch)."""

    def check_rates(self) -> None:
        """Raise unless 0 <= rate_min_hz < rate_max_hz, finite."""
        if not 0.0 <= self.rate_min_hz < self.rate_max_hz < np.inf:
            raise ValueError(
                f"{type(self).__name__}: expected 0 <= rate_min_hz < rate_max_hz, "
                f"got rate_min_hz={self.rate_min_hz}, rate_max_hz={self.rate_max_hz}."
            )

    def check_space(self, space: gym.Space) -> None:
        """Raise unless the encoder fits the space, naming the encoders that do."""
        if isinstance(space, self.spaces):
            return
        from threefactor.envs.bridge import ENCODERS  # the registry imports this module

        fitting = [name for name, encoder in ENCODERS.items() if isinstance(space, encoder.spaces)]
        fix = (
            f"Encoders that fit: {', '.join(fitting)}."
            if fitting
            else "No encoder fits; wrap the environment, for example with "
            "gymnasium.wrappers.FlattenObservation."
        )
        expected = " or ".join(kind.__name__ for kind in self.spaces)
        raise ValueError(
            f"{type(self).__name__}.bind: expected a {expected} observation space, "
            f"got {space}. {fix}"
        )

    def set_tuple(self, field: str, kind: type[int] | type[float]) -> None:
        """Store a field as a tuple, whether a number, a list (from JSON) or a tuple was given."""
        value = getattr(self, field)
        numbers = value if isinstance(value, (tuple, list)) else (value,)
        if any(kind(number) != number for number in numbers):
            raise ValueError(
                f"{type(self).__name__}.{field}: expected {kind.__name__}s, got {value}."
            )
        object.__setattr__(self, field, tuple(kind(number) for number in numbers))


def broadcast(owner: str, field: str, numbers: tuple[Any, ...], n_dimensions: int) -> list[Any]:
    """Give one number per dimension: a single number stands for all of them."""
    if len(numbers) == 1:
        return list(numbers) * n_dimensions
    if len(numbers) != n_dimensions:
        raise ValueError(
            f"{owner}.{field}: expected 1 number or {n_dimensions}, one per dimension of the "
            f"space, got {len(numbers)}: {numbers}."
        )
    return list(numbers)
