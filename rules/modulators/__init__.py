"""Modulators: what happened to the agent -> third factor. `MODULATORS` is the table of contents."""

from threefactor.rules.modulators.contract import (
    BoundModulator,
    Host,
    Modulator,
    Reinforcement,
    ThirdFactor,
)
from threefactor.rules.modulators.dopamine import Dopamine
from threefactor.rules.modulators.feedback import Feedback
from threefactor.rules.modulators.normalisation import bind_normalised
from threefactor.rules.modulators.reward import Reward
from threefactor.rules.modulators.reward_baseline import RewardBaseline
from threefactor.rules.modulators.td import TemporalDifference
from threefactor.rules.modulators.td_linear import LinearTemporalDifference

__all__ = [
    "MODULATORS",
    "BoundModulator",
    "Host",
    "Modulator",
    "Reinforcement",
    "ThirdFactor",
    "bind_normalised",
]

MODULATORS: dict[str, type[Modulator]] = {
    "reward": Reward,
    "reward-baseline": RewardBaseline,
    "td": TemporalDifference,
    "td-linear": LinearTemporalDifference,
    "dopamine": Dopamine,
    "feedback": Feedback,
}
