"""Delayed, decaying dopamine."""

from dataclasses import dataclass

import numpy as np

from threefactor.rules.modulators.contract import (
    BoundModulator,
    Modulator,
    Reinforcement,
    where_active,
)


@dataclass(frozen=True)
class Dopamine(Modulator):
    """Dopamine: reward becomes a delayed pulse that decays exponentially above a tonic level.

    Equations
    ---------
    level <- level*exp(-decision_ms/tau_dopamine_ms) + gain*reward(delay_ms ago)
    third_factor = tonic + level

    Parameters
    ----------
    gain : float, default 1.0
        Dopamine of a reward of 1.
    tonic : float, default 0.0
        Level without reward.
    tau_dopamine_ms : float, default 200.0
        Decay of the pulse, ms, > 0.
    delay_ms : float, default 0.0
        From reward to pulse, ms, >= 0; rounded to whole decisions.
    decision_ms : float, default 20.0
        Length of a decision window, ms, > 0: must be that of the network.

    State
    -----
    level : (R,), zeroed at episode start
    in_flight : (R, delay in decisions), rewards on their way, zeroed at episode start

    Limits
    ------
    Advances by decisions, so a pulse is flat within a window, and what is in flight when the
    episode ends is lost. The rule ``dopamine-stdp`` has these kinetics inside the network: give it
    plain ``reward``.

    Source
    ------
    Izhikevich 2007, Cereb. Cortex 17:2443; Legenstein, Pecevski & Maass 2008, PLoS Comput. Biol.
    4:e1000180.
    """

    gain: float = 1.0
    tonic: float = 0.0
    tau_dopamine_ms: float = 200.0
    delay_ms: float = 0.0
    decision_ms: float = 20.0

    def __post_init__(self) -> None:
        """Check the times."""
        super().__post_init__()
        if self.delay_ms < 0:
            raise ValueError(f"Dopamine.delay_ms must be >= 0 ms, got {self.delay_ms}.")
        if self.decision_ms <= 0:
            raise ValueError(f"Dopamine.decision_ms must be > 0 ms, got {self.decision_ms}.")

    def bind(self, n_replicas: int) -> "BoundDopamine":
        """Return the modulator at work."""
        return BoundDopamine(self, n_replicas)


class BoundDopamine(BoundModulator):
    """`Dopamine` at work."""

    def __init__(self, config: Dopamine, n_replicas: int) -> None:
        self._config = config
        self._kept = np.exp(-config.decision_ms / config.tau_dopamine_ms)
        self.level = np.zeros(n_replicas)
        self.in_flight = np.zeros((n_replicas, round(config.delay_ms / config.decision_ms)))

    def on_outcome(self, reinforcement: Reinforcement) -> np.ndarray:
        """Let the pulses arrive and return the level."""
        active = np.asarray(reinforcement.active, bool)
        queue = np.column_stack([self.in_flight, np.asarray(reinforcement.rewards, float)])
        level = self._kept * self.level + self._config.gain * queue[:, 0]
        self.level = np.where(active, level, self.level)
        self.in_flight = np.where(active[:, None], queue[:, 1:], self.in_flight)
        return where_active(self._config.tonic + self.level, active)

    def reset(self, mask: np.ndarray) -> None:
        """Clear level and pulses in flight."""
        mask = np.asarray(mask, bool)
        self.level[mask] = 0.0
        self.in_flight[mask] = 0.0
