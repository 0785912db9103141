"""Delayed, decaying dopamine."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from threefactor.rules.modulators.contract import (
    BoundModulator,
    Host,
    Modulator,
    Reinforcement,
    where_active,
)


@dataclass(frozen=True)
class Dopamine(Modulator):
    """Dopamine: reward becomes a delayed pulse that decays exponentially above a tonic level.

    Equations
    ---------
    level(t) = sum over rewards at t_k <= t - delay_ms of
        gain*reward_k*exp(-(t - t_k - delay_ms)/tau_dopamine_ms)
    third_factor = tonic + level(t), t in simulated time at the end of a decision

    Parameters
    ----------
    gain : float, default 1.0
        Dopamine of a reward of 1.
    tonic : float, default 0.0
        Level without reward.
    tau_dopamine_ms : float, default 200.0
        Decay of the pulse, ms, > 0.
    delay_ms : float, default 0.0
        From reward to pulse, ms, >= 0; a pulse that begins within a window is heard at its end,
        decayed by the rest.

    State
    -----
    level : (R,), zeroed at episode start
    in_flight : (R, delay in decisions, rounded up), rewards on their way, zeroed at episode start

    Limits
    ------
    Delivered once in a decision, so a pulse is flat within a window, and what is in flight when the
    episode ends is lost. [2] shapes its pulse as an alpha function, which rises before it decays;
    here it decays exponentially from its onset, as in [1]. The rule ``dopamine-stdp`` has these
    kinetics inside the network: give it plain ``reward``.

    Source
    ------
    [1] Izhikevich 2007, Cereb. Cortex 17:2443; [2] Legenstein, Pecevski & Maass 2008, PLoS Comput.
    Biol. 4:e1000180.
    """

    computed_by: ClassVar[str] = "reward"

    gain: float = 1.0
    tonic: float = 0.0
    tau_dopamine_ms: float = 200.0
    delay_ms: float = 0.0

    def __post_init__(self) -> None:
        """Check the delay."""
        super().__post_init__()
        if self.delay_ms < 0:
            raise ValueError(f"Dopamine.delay_ms must be >= 0 ms, got {self.delay_ms}.")

    def bind(self, host: Host) -> "BoundDopamine":
        """Return the modulator at work."""
        return BoundDopamine(self, host)


class BoundDopamine(BoundModulator):
    """`Dopamine` at work."""

    def __init__(self, config: Dopamine, host: Host) -> None:
        self._config = config
        self._kept = np.exp(-host.window_ms / config.tau_dopamine_ms)
        windows = math.ceil(config.delay_ms / host.window_ms - 1e-9)
        rest_ms = windows * host.window_ms - config.delay_ms
        self._height = config.gain * np.exp(-rest_ms / config.tau_dopamine_ms)
        self.level = np.zeros(host.n_replicas)
        self.in_flight = np.zeros((host.n_replicas, windows))

    def on_outcome(self, reinforcement: Reinforcement) -> np.ndarray:
        """Let the pulses arrive and return the level."""
        active = np.asarray(reinforcement.active, bool)
        queue = np.column_stack([self.in_flight, np.asarray(reinforcement.rewards, float)])
        level = self._kept * self.level + self._height * queue[:, 0]
        self.level = np.where(active, level, self.level)
        self.in_flight = np.where(active[:, None], queue[:, 1:], self.in_flight)
        return where_active(self._config.tonic + self.level, active)

    def reset(self, mask: np.ndarray) -> None:
        """Clear level and pulses in flight."""
        mask = np.asarray(mask, bool)
        self.level[mask] = 0.0
        self.in_flight[mask] = 0.0
