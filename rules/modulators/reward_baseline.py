"""Reward minus its running mean."""

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

SCOPES = ("replica", "stimulus", "global")


@dataclass(frozen=True)
class RewardBaseline(Modulator):
    """Reward minus its running mean, one mean per replica, per stimulus or for all.

    Equations
    ---------
    third_factor = reward - mean                       (the mean of the rewards before this one)
    mean <- mean + max(rate, 1/n)*(reward - mean)      (n = rewards seen, this one included)

    Parameters
    ----------
    rate : float, default 0.05
        Step of the running mean once 1/rate rewards were seen, in (0, 1].
    scope : str, default "replica"
        "replica": one mean each. "stimulus": one mean per replica and stimulus, which is the
        observation, of a Discrete space. "global": one mean that all replicas share, so replicas
        are not independent.

    State
    -----
    mean, count : (1,), (R,) or (R, n_stimuli), kept over episodes

    Limits
    ------
    A baseline on single rewards, not on returns: with delayed reward use ``td`` or ``td-linear``.

    Source
    ------
    Williams 1992, Mach. Learn. 8:229 (reinforcement comparison); the scopes: Fremaux, Sprekeler &
    Gerstner 2010, J. Neurosci. 30:13326.
    """

    predicts: ClassVar[bool] = True
    computed_by: ClassVar[str] = "reward"
    adjustable: ClassVar[tuple[str, ...]] = ("rate",)

    rate: float = 0.05
    scope: str = "replica"

    def __post_init__(self) -> None:
        """Check rate and scope."""
        super().__post_init__()
        if not 0 < self.rate <= 1:
            raise ValueError(f"RewardBaseline.rate must be in (0, 1], got {self.rate}.")
        if self.scope not in SCOPES:
            raise ValueError(f"RewardBaseline.scope must be one of {SCOPES}, got {self.scope!r}.")

    @property
    def requires(self) -> tuple[str, ...]:  # type: ignore[override]
        """Stimuli, if the mean is kept per stimulus."""
        return ("stimuli",) if self.scope == "stimulus" else ()

    def bind(self, host: Host) -> "BoundRewardBaseline":
        """Return the modulator at work."""
        if self.scope == "stimulus" and host.n_stimuli is None:
            raise ValueError(
                "RewardBaseline.scope 'stimulus' needs stimuli with numbers, the observations of a "
                "Discrete space, got others; use scope 'replica', or --modulator td-linear."
            )
        return BoundRewardBaseline(self, host)


class BoundRewardBaseline(BoundModulator):
    """`RewardBaseline` at work."""

    settings: RewardBaseline

    def __init__(self, config: RewardBaseline, host: Host) -> None:
        self.settings = config
        self.shared = "the mean of scope 'global'" if config.scope == "global" else ""
        rows = 1 if config.scope == "global" else host.n_replicas
        columns = host.n_stimuli or 1 if config.scope == "stimulus" else 1
        self.mean = np.zeros((rows, columns))
        self.count = np.zeros((rows, columns))

    def on_outcome(self, reinforcement: Reinforcement) -> np.ndarray:
        """Return reward minus mean, then move the mean."""
        rewards = np.asarray(reinforcement.rewards, float)
        active = np.asarray(reinforcement.active, bool)
        columns = self._columns(reinforcement, len(rewards))
        if self.settings.scope == "global":
            error = rewards - self.mean[0, 0]
            if active.any():
                self._move(np.array([0]), np.array([0]), rewards[active].mean())
        else:
            rows = np.arange(len(rewards))
            error = rewards - self.mean[rows, columns]
            self._move(rows[active], columns[active], rewards[active])
        return where_active(error, active)

    def _columns(self, reinforcement: Reinforcement, size: int) -> np.ndarray:
        if self.settings.scope != "stimulus":
            return np.zeros(size, int)
        if reinforcement.stimuli is None:
            raise ValueError(
                "RewardBaseline: scope 'stimulus' needs Reinforcement.stimuli, got None."
            )
        stimuli = np.where(reinforcement.active, reinforcement.stimuli, 0).astype(int)
        if stimuli.min() < 0 or stimuli.max() >= self.mean.shape[1]:
            raise ValueError(
                f"RewardBaseline: stimuli must be 0 to {self.mean.shape[1] - 1}, got {stimuli}."
            )
        return stimuli

    def _move(self, rows: np.ndarray, columns: np.ndarray, rewards: np.ndarray) -> None:
        self.count[rows, columns] += 1
        step = np.maximum(self.settings.rate, 1 / self.count[rows, columns])
        self.mean[rows, columns] += step * (rewards - self.mean[rows, columns])
