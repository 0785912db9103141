"""Decoding from the membrane of readout units that do not spike."""

from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.decoders.choices import BoundChoice
from threefactor.envs.bridge.decoders.contract import (
    BoundDecoder,
    BoxRange,
    Decoder,
    Generators,
)


@dataclass(frozen=True)
class Membrane(Decoder):
    """The membrane of readout units is the value of an action, or the action itself.

    Equations        v = mean membrane of the readout units of an action or dimension
                     Discrete: action = argmax v, ties drawn by the replica's generator;
                     MultiDiscrete: so in every component
                     Box: u = (v - membrane_low) / (membrane_high - membrane_low), clipped to [0, 1]
                          action = low + (high - low) * u
    Parameters       membrane_low : float, default -1.0   v of the lower bound, in its own unit.
                     membrane_high : float, default 1.0   v of the upper bound, in its own unit.
    Spaces           Discrete; MultiDiscrete; Box with finite bounds
    Reads            membrane
    Raises           ValueError  if membrane_low >= membrane_high; in decode, if v is not finite
    Source           the readouts of Akl et al. 2023 (spiking DQN: Discrete, TD3: Box)
    """

    membrane_low: float = -1.0
    membrane_high: float = 1.0

    reads: ClassVar[str] = "membrane"
    spaces: ClassVar = (gym.spaces.Discrete, gym.spaces.MultiDiscrete, gym.spaces.Box)

    def __post_init__(self) -> None:
        """Check the range."""
        if not -np.inf < self.membrane_low < self.membrane_high < np.inf:
            raise ValueError(
                "Membrane: expected membrane_low < membrane_high, "
                f"got {self.membrane_low} and {self.membrane_high}."
            )

    def greedy(self) -> "Membrane":
        """Return itself: it has no noise."""
        return self

    def bind(
        self, action_space: gym.Space, neurons_per_action: int, generators: Generators
    ) -> BoundDecoder:
        """Build the decoder for either kind of space."""
        self.check_binding(action_space, neurons_per_action, generators)
        if isinstance(action_space, gym.spaces.Box):
            return _BoundMembraneBox(self, action_space, neurons_per_action, generators)
        return _BoundMembraneChoice(self, action_space, neurons_per_action, generators)


class _BoundMembraneChoice(BoundChoice):
    def decode(self, outputs: NDArray[Any]) -> NDArray[np.int64]:
        """Decide from membranes, see `BoundDecoder.decode`."""
        values = self.by_population(outputs).mean(axis=2)
        _check_finite(values)
        return self.choose_largest(values)


class _BoundMembraneBox(BoundDecoder):
    def __init__(
        self,
        settings: Membrane,
        space: gym.spaces.Box,
        neurons_per_action: int,
        generators: Generators,
    ):
        self._range = BoxRange(space)
        super().__init__(settings, self._range.n_dimensions, neurons_per_action, generators)
        self._low = settings.membrane_low
        self._scale = 1.0 / (settings.membrane_high - settings.membrane_low)

    def decode(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Decide from membranes, see `BoundDecoder.decode`."""
        values = self.by_population(outputs).mean(axis=2)
        _check_finite(values)
        return self._range.at((values - self._low) * self._scale)


def _check_finite(values: NDArray[Any]) -> None:
    if not np.isfinite(values).all():
        raise ValueError(
            f"Membrane.decode: expected finite membranes, got {values.tolist()}; the network has "
            "diverged, lower its learning rate or bound its weights."
        )
