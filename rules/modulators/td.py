"""TD error from a critic population inside the network."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from threefactor.masks import any_of
from threefactor.rules.modulators.contract import (
    BoundModulator,
    Host,
    Modulator,
    Reinforcement,
    ThirdFactor,
    where_active,
)
from threefactor.search_range import searched


@dataclass(frozen=True)
class TemporalDifference(Modulator):
    """TD error from the activity of a critic population; known one window late.

    Equations
    ---------
    V = value_gain*values + value_offset        (values: critic activity of a window)
        value_gain = 1/(full_rate_hz*window) if there is a full_rate_hz
    next window:   third_factor = reward + discount*V(next window) - V(window)
    termination:   third_factor = reward - V(window), at once
    truncation:    as next window, with one more window that shows the final observation

    Parameters
    ----------
    discount : float, default 0.95
        gamma, per decision, 0 to 1.
    value_gain : float, default 1.0
        Value of one unit of critic activity (one Hz, one spike or one mV, as the agent reads it).
    value_offset : float, default 0.0
        Value of a silent critic; below zero for negative values.
    full_rate_hz : float or None, default None
        Rate of the critic's neurons, that of opponents above each other, which stands for a value
        of 1, whatever the window; Hz, > 0. None: value_gain says it. With normalise returns 1 is
        the largest return, so that one rate fits every task.

    State
    -----
    previous, pending, is_open : (R,) value and reward of the decision that waits for its next
    window

    Limits
    ------
    The third factor reaches the network after the next window was simulated, so rules must credit
    what they banked before it (the rules here do, except ``stdp`` and ``dopamine-stdp``, which know
    no windows). V is noisy: one window, few neurons.

    Source
    ------
    Sutton & Barto 2018, eq. 6.5; critic readout as in Fremaux, Sprekeler & Gerstner 2013, PLoS
    Comput. Biol. 9:e1003024, in discrete decisions.
    """

    requires: ClassVar[tuple[str, ...]] = ("values",)
    computed_by: ClassVar[str] = "spikes"
    adjustable: ClassVar[tuple[str, ...]] = ("discount", "value_offset")

    discount: float = searched(0.95, 0.9, 0.999)
    value_gain: float = 1.0
    value_offset: float = 0.0
    full_rate_hz: float | None = None

    def __post_init__(self) -> None:
        """Check the rate."""
        super().__post_init__()
        if self.full_rate_hz is not None and self.full_rate_hz <= 0:
            raise ValueError(
                f"TemporalDifference.full_rate_hz must be > 0 Hz, got {self.full_rate_hz}."
            )

    def bind(self, host: Host) -> "BoundTemporalDifference":
        """Return the modulator at work."""
        return BoundTemporalDifference(self, host)


class BoundTemporalDifference(BoundModulator):
    """`TemporalDifference` at work."""

    settings: TemporalDifference
    needs_bootstrap = True
    estimates_values = True

    def __init__(self, config: TemporalDifference, host: Host) -> None:
        self.settings, n_replicas = config, host.n_replicas
        self._gain = config.value_gain
        if config.full_rate_hz is not None:
            self._gain = 1e3 / (config.full_rate_hz * host.window_ms)
        self.previous = np.zeros(n_replicas)
        self.pending = np.zeros(n_replicas)
        self.is_open = np.zeros(n_replicas, bool)

    def value(self, values: np.ndarray | None, features: np.ndarray | None) -> np.ndarray:
        """Return gain*values + value_offset."""
        if values is None:
            raise ValueError("TemporalDifference needs the critic's values, got None.")
        return self._gain * np.asarray(values, float) + self.settings.value_offset

    def on_window(self, values: np.ndarray | None, active: np.ndarray) -> ThirdFactor | None:
        """Return the TD error of the previous decision; None if no replica has one."""
        active = np.asarray(active, bool)
        value = self.value(values, None)
        closing = active & self.is_open
        error = self.pending + self.settings.discount * value - self.previous
        self.previous = np.where(active, value, self.previous)
        self.pending = np.where(active, 0.0, self.pending)
        self.is_open = self.is_open | active
        return _delivered(error, closing)

    def on_outcome(self, reinforcement: Reinforcement) -> ThirdFactor | None:
        """Keep the reward; return the TD error of terminated replicas, None if there are none."""
        active = np.asarray(reinforcement.active, bool)
        if any_of(active & ~self.is_open):
            raise ValueError("TemporalDifference.on_outcome: call on_window after every window.")
        self.pending = np.where(active, reinforcement.rewards, self.pending)
        ended = active & np.asarray(reinforcement.terminated, bool)
        given = _delivered(self.pending - self.previous, ended)
        self.reset(ended)
        return given

    def reset(self, mask: np.ndarray) -> None:
        """Forget the decision that waits for its next window."""
        mask = np.asarray(mask, bool)
        self.is_open = self.is_open & ~mask
        self.pending = np.where(mask, 0.0, self.pending)
        self.previous = np.where(mask, 0.0, self.previous)


def _delivered(error: np.ndarray, replicas: np.ndarray) -> ThirdFactor | None:
    """Return the errors of these replicas; None if there are none."""
    if not any_of(replicas):
        return None
    return ThirdFactor(where_active(error, replicas), delivers=replicas)
