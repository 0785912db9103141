"""The plain reward as third factor."""

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
class Reward(Modulator):
    """Plain reward of each decision.

    Equations
    ---------
    third_factor = gain*reward

    Parameters
    ----------
    gain : float, default 1.0
        Factor on the reward.

    Limits
    ------
    No baseline: with rules whose eligibility has a mean (STDP) a mean reward moves weights by
    itself.

    Source
    ------
    Florian 2007, Neural Comput. 19:1468.
    """

    computed_by: ClassVar[str] = "reward"
    adjustable: ClassVar[tuple[str, ...]] = ("gain",)

    gain: float = 1.0

    def bind(self, host: Host) -> "BoundReward":
        """Return the modulator at work."""
        return BoundReward(self)


class BoundReward(BoundModulator):
    """`Reward` at work; no state."""

    settings: Reward

    def __init__(self, config: Reward) -> None:
        self.settings = config

    def on_outcome(self, reinforcement: Reinforcement) -> np.ndarray:
        """Return gain*reward."""
        return where_active(self.settings.gain * reinforcement.rewards, reinforcement.active)
