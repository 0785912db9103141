"""Third factors in units of what is usual, by one mechanism around every modulator."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from threefactor.rules.modulators.contract import (
    BoundModulator,
    Host,
    Modulator,
    Reinforcement,
    ThirdFactor,
)


def bind_normalised(modulator: Modulator, host: Host) -> BoundModulator:
    """Return what ``bind`` returns, with its third factors normalised as the settings say."""
    bound = modulator.bind(host)
    rate = -math.expm1(-host.window_ms / modulator.tau_normalise_ms)
    if modulator.normalise == "rms":
        return RootMeanSquare(bound, host.n_replicas, rate)
    if modulator.normalise == "returns":
        return ReturnScale(bound, host.n_replicas, rate, modulator.return_discount)
    return bound


class Normalised(BoundModulator):
    """A modulator whose third factors are divided by a running scale of each replica.

    It says of itself what the modulator says; its state is both of theirs.
    """

    def __init__(self, bound: BoundModulator) -> None:
        self._bound = bound
        self.needs_bootstrap = bound.needs_bootstrap
        self.estimates_values = bound.estimates_values
        self.shared = bound.shared

    @property
    def settings(self) -> Modulator | None:
        """Those of the modulator."""
        return self._bound.settings

    @settings.setter
    def settings(self, settings: Modulator | None) -> None:
        self._bound.settings = settings

    def value(self, values: np.ndarray | None, features: np.ndarray | None) -> np.ndarray | None:
        """Return the modulator's estimate."""
        return self._bound.value(values, features)

    def reset(self, mask: np.ndarray) -> None:
        """Start an episode of the modulator."""
        self._bound.reset(mask)

    def state(self) -> dict[str, Any]:
        """Return the state of both."""
        return {"modulator": self._bound.state(), "normalisation": super().state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Return to a `state`."""
        self._bound.restore(state["modulator"])
        super().restore(state["normalisation"])


class RootMeanSquare(Normalised):
    """Third factors over their running root mean square.

    Equations
    ---------
    n <- n + 1
    mean_square <- mean_square + max(rate, 1/n)*(third_factor**2 - mean_square)
    delivered = third_factor / sqrt(mean_square)
        rate = 1 - exp(-window_ms/tau_normalise_ms); only third factors other than 0 count

    The mean square holds the present third factor, so that none becomes more than
    sqrt(min(n, 1/rate)): the first one is +1 or -1. Those of 0 teach nothing and say nothing of how
    strong the others are; rewards that are rare keep the size of one that is usual.

    State
    -----
    mean_square, count : (R,), kept over episodes

    Source
    ------
    van Hasselt et al. 2016, arXiv 1602.07714, whose second moment is that of targets.
    """

    def __init__(self, bound: BoundModulator, n_replicas: int, rate: float) -> None:
        super().__init__(bound)
        self._rate = rate
        self.mean_square = np.zeros(n_replicas)
        self.count = np.zeros(n_replicas)

    def on_window(self, values: np.ndarray | None, active: np.ndarray) -> ThirdFactor | None:
        """Return the modulator's answer over the root mean square."""
        return self._normalised(self._bound.on_window(values, active), active)

    def on_outcome(self, reinforcement: Reinforcement) -> ThirdFactor | None:
        """Return the modulator's answer over the root mean square."""
        return self._normalised(self._bound.on_outcome(reinforcement), reinforcement.active)

    def _normalised(
        self, given: np.ndarray | ThirdFactor | None, active: np.ndarray
    ) -> ThirdFactor | None:
        if given is None:
            return None
        given = given if isinstance(given, ThirdFactor) else ThirdFactor(given)
        hears = active if given.delivers is None else given.delivers
        counts = hears & (given.scalar != 0)
        self.count = self.count + counts
        step = np.maximum(self._rate, 1 / np.maximum(self.count, 1))
        change = step * (given.scalar**2 - self.mean_square)
        self.mean_square = np.where(counts, self.mean_square + change, self.mean_square)
        return given.through(lambda rows: rows * _inverse(np.sqrt(self.mean_square))[:, None])


class ReturnScale(Normalised):
    """Rewards over the scale of returns, before the modulator sees them.

    Equations
    ---------
    trace <- discount*trace + reward                       (0 at episode start)
    scale <- max(|trace|, scale*exp(-window_ms/tau_normalise_ms))
    the modulator sees reward / scale; its value is multiplied by scale

    The trace, a leaky integrator of reward, reaches what the largest return of an episode is: the
    reward itself if there is one, reward*(1 - discount**n)/(1 - discount) if every decision gives
    the same. Returns in units of scale lie between about -1 and 1, in every task; the first reward
    is +1 or -1. As long as nothing was rewarded there is no scale and the third factor is 0.

    State
    -----
    trace, scale : (R,), the scale is kept over episodes

    Source
    ------
    Engstrom et al. 2020, arXiv 2005.12729 (rewards over the standard deviation of the trace) and
    Schaul et al. 2021, arXiv 2105.05347 (TD errors in units of returns); the peak is ours.
    """

    def __init__(
        self, bound: BoundModulator, n_replicas: int, rate: float, discount: float
    ) -> None:
        super().__init__(bound)
        self._kept, self._discount = 1.0 - rate, discount
        self.trace = np.zeros(n_replicas)
        self.scale = np.zeros(n_replicas)

    def on_window(
        self, values: np.ndarray | None, active: np.ndarray
    ) -> np.ndarray | ThirdFactor | None:
        """Return the modulator's answer."""
        return self._heard(self._bound.on_window(values, active))

    def on_outcome(self, reinforcement: Reinforcement) -> np.ndarray | ThirdFactor | None:
        """Return the modulator's answer to the reward in units of the scale."""
        active, rewards = reinforcement.active, reinforcement.rewards
        self.trace = np.where(active, self._discount * self.trace + rewards, self.trace)
        scale = np.maximum(np.abs(self.trace), self._kept * self.scale)
        self.scale = np.where(active, scale, self.scale)
        seen = replace(reinforcement, rewards=rewards * _inverse(self.scale))
        return self._heard(self._bound.on_outcome(seen))

    def _heard(self, given: np.ndarray | ThirdFactor | None) -> np.ndarray | ThirdFactor | None:
        """Return what is given where there is a scale, 0 elsewhere."""
        if given is None or self.scale.all():
            return given
        given = given if isinstance(given, ThirdFactor) else ThirdFactor(given)
        return given.through(lambda rows: np.where((self.scale > 0)[:, None], rows, 0.0))

    def value(self, values: np.ndarray | None, features: np.ndarray | None) -> np.ndarray | None:
        """Return the modulator's estimate in the unit of rewards."""
        value = super().value(values, features)
        return None if value is None else value * self.scale

    def reset(self, mask: np.ndarray) -> None:
        """Start an episode: a return begins anew."""
        super().reset(mask)
        self.trace = np.where(mask, 0.0, self.trace)


def _inverse(scale: np.ndarray) -> np.ndarray:
    """Return 1/scale, and 0 where there is none yet."""
    return np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
