"""Scaling of Box observations to the unit interval, by limits or by running moments."""

from math import isfinite
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.encoders.contract import BoundEncoder, Rates, broadcast

NORMALISATIONS = ("limits", "running")
# Old environments write "unbounded" as the largest float32.
_UNBOUNDED = 1e30
# Running normalisation maps this many standard deviations around the mean to [0, 1].
_RUNNING_SPAN = 3.0


class BoxSettings(Protocol):
    """What the settings of every encoder of Box observations hold."""

    @property
    def low(self) -> tuple[float, ...]:
        """Lower limits."""

    @property
    def high(self) -> tuple[float, ...]:
        """Upper limits."""

    @property
    def normalise(self) -> str:
        """One of `NORMALISATIONS`."""


class UnitScaling:
    """Scale flattened Box observations to [0, 1] per dimension; what lies outside is clipped.

    State            (running only) `n_observations` (), `mean` and `squares` (n_replicas,
                     n_dimensions): Welford's moments, one set per replica, so that a replica
                     scales as a single run does.
    Raises           ValueError if limits are needed and absent, or do not fit the space
    """

    def __init__(self, settings: BoxSettings, space: gym.spaces.Box):
        self._owner = type(settings).__name__
        self.n_dimensions = int(np.prod(space.shape))
        self.is_running = settings.normalise == "running"
        self._n_observations = 0
        self._zeros, self._ones = np.zeros((1, self.n_dimensions)), np.ones((1, self.n_dimensions))
        self._scaled = self._mean = self._squares = np.zeros((0, self.n_dimensions))
        if self.is_running:
            self._low, self._scale = np.zeros(0), np.zeros(0)
            return
        low, high = self._limits(settings, space)
        # A row, like the observations of one replica: equal shapes take half the time.
        self._low, self._scale = low[None], 1.0 / (high - low)[None]

    def _limits(
        self, settings: BoxSettings, space: gym.spaces.Box
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        low, high = given_limits(settings, space)
        if np.any(low <= -_UNBOUNDED) or np.any(high >= _UNBOUNDED):
            for_low, for_high = low.copy(), high.copy()
            for_low[for_low <= -_UNBOUNDED] = -3.0
            for_high[for_high >= _UNBOUNDED] = 3.0
            raise ValueError(
                f"{self._owner}.bind: expected finite limits in every dimension, got {space}. "
                f"Give limits, for example --encoder.low {_as_written(for_low)} "
                f"--encoder.high {_as_written(for_high)}, or --encoder.normalise running."
            )
        if not np.all(low < high):
            raise ValueError(
                f"{self._owner}.bind: expected low < high in every dimension, "
                f"got --encoder.low {_as_written(low)} --encoder.high {_as_written(high)}."
            )
        return low, high

    def __call__(self, observations: NDArray[Any], learn: bool) -> NDArray[np.float64]:
        """Scale (n_replicas, ...) observations.

        Returns
        -------
        (n_replicas, n_dimensions), which may be written to and which the next call overwrites
        """
        if observations.ndim != 2:
            observations = observations.reshape(len(observations), -1)
        if len(self._scaled) != len(observations):
            self._scaled = np.empty(observations.shape)
        scaled = self._scaled
        # Converted first: subtracting float64 from float32 takes three times as long.
        scaled[...] = observations
        if self.is_running:
            scaled[...] = self._standardise(scaled, learn)
        else:
            scaled -= self._low
            scaled *= self._scale
        np.maximum(scaled, self._zeros, scaled)
        return np.minimum(scaled, self._ones, scaled)

    def _standardise(self, values: NDArray[np.float64], learn: bool) -> NDArray[np.float64]:
        if self._n_observations and self._mean.shape != values.shape:
            raise ValueError(
                f"{self._owner}.encode: expected {len(self._mean)} replicas, as when running "
                f"normalisation began, got {len(values)}."
            )
        if learn:
            if not self._n_observations:
                self._mean, self._squares = np.zeros_like(values), np.zeros_like(values)
            if not isfinite(float(values.sum())):
                self._check_finite(values)
            self._n_observations += 1
            change = values - self._mean
            self._mean = self._mean + change / self._n_observations
            self._squares = self._squares + change * (values - self._mean)
        if not self._n_observations:
            return values / (2.0 * _RUNNING_SPAN) + 0.5
        deviation = np.sqrt(self._squares / self._n_observations) + 1e-8
        return (values - self._mean) / (2.0 * _RUNNING_SPAN * deviation) + 0.5

    def _check_finite(self, values: NDArray[np.float64]) -> None:
        """Raise ValueError for what has no moments: a space without bounds may hold infinity."""
        for replica, dimension in np.argwhere(~np.isfinite(values)):
            raise ValueError(
                f"{self._owner}: normalise='running' needs finite observations, got "
                f"{values[replica, dimension]} in dimension {dimension} of replica {replica}; give "
                "--encoder.low and --encoder.high instead."
            )

    def state(self) -> dict[str, NDArray[Any]]:
        """Give the running moments, or nothing under fixed limits."""
        if not self.is_running:
            return {}
        return {
            "n_observations": np.array(self._n_observations),
            "mean": self._mean.copy(),
            "squares": self._squares.copy(),
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go back to what `state` returned."""
        if set(state) != set(self.state()):
            raise ValueError(
                f"{self._owner}.restore: expected {sorted(self.state())}, got {sorted(state)}; "
                "was the checkpoint written with another `normalise`?"
            )
        if state:
            self._n_observations = int(state["n_observations"])
            self._mean = np.array(state["mean"], dtype=np.float64)
            self._squares = np.array(state["squares"], dtype=np.float64)


def given_limits(
    settings: BoxSettings, space: gym.spaces.Box
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the limits of every dimension: those of the settings, else the space's."""
    limits = []
    for name, bounds in (("low", space.low), ("high", space.high)):
        given: tuple[float, ...] = getattr(settings, name)
        known = broadcast(type(settings).__name__, name, given, bounds.size) if given else bounds
        limits.append(np.array(known, dtype=np.float64).ravel())
    return limits[0], limits[1]


class BoundBoxEncoder(BoundEncoder):
    """An encoder of Box observations: its state is that of its scaling."""

    def __init__(
        self,
        scaling: UnitScaling,
        n_inputs: int,
        rates_range_hz: tuple[float, float],
    ):
        self.n_inputs = n_inputs
        self.rates_range_hz = rates_range_hz
        self.is_adaptive = scaling.is_running
        self._scaling = scaling
        self._rate_min_hz, rate_max_hz = rates_range_hz
        # An array: a product with one takes half the time of that with a number.
        self._rate_span_hz = np.array(rate_max_hz - self._rate_min_hz)

    def _to_rates(self, activations: Rates) -> Rates:
        """Map activations in [0, 1] to the range of rates, in place."""
        activations *= self._rate_span_hz
        if self._rate_min_hz:
            activations += self._rate_min_hz
        return activations

    def state(self) -> dict[str, NDArray[Any]]:
        """Give the running moments of the scaling."""
        return self._scaling.state()

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore the running moments of the scaling."""
        self._scaling.restore(state)


def check_normalise(settings: BoxSettings) -> None:
    """Raise unless `normalise` is known and does not contradict the limits."""
    owner = type(settings).__name__
    if settings.normalise not in NORMALISATIONS:
        raise ValueError(
            f"{owner}.normalise: expected one of {NORMALISATIONS}, got {settings.normalise!r}."
        )
    if settings.normalise == "running" and (settings.low or settings.high):
        raise ValueError(
            f"{owner}: low and high are not used with normalise='running'; leave out "
            "--encoder.low and --encoder.high, or --encoder.normalise."
        )


def _as_written(numbers: NDArray[np.float64]) -> str:
    """Return numbers as one types them, without exponents."""
    return " ".join(
        np.format_float_positional(number, precision=4, fractional=False, trim="-")
        for number in numbers
    )
