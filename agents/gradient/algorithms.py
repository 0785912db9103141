"""Settings of each algorithm; what it does with them is in the file of its name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from threefactor.agents.gradient.guides import GUIDES
from threefactor.agents.gradient.settings import GradientSettings, require
from threefactor.models.neurons.contract import NeuronModel
from threefactor.models.specification import NetworkSpec
from threefactor.naming import check_choice

ESTIMATORS = ("reparameterised", "score")
IMITATED = ("done", "guide")


@dataclass(frozen=True)
class ReplaySettings(GradientSettings):
    """What algorithms share that learn from replayed transitions towards a target network.

    Parameters
    ----------
    batch, buffer : int
        Transitions of an update; that are kept. Of an agent that remembers: sequences.
    learning_starts : int
        Decisions before the first update.
    update_every : int
        Decisions between two updates.
    target_rate : float
        Share of the trained networks that those of the target take over, in (0, 1].
    """

    batch: int = 64
    buffer: int = 50_000
    learning_starts: int = 64
    update_every: int = 2
    target_rate: float = 0.01

    def __post_init__(self) -> None:
        """Raise ValueError for settings that are out of range."""
        super().__post_init__()
        where = type(self).__name__
        require(where, "target_rate", self.target_rate, 0.0 < self.target_rate <= 1.0, "in (0, 1]")
        for name in ("batch", "buffer", "learning_starts", "update_every"):
            value = getattr(self, name)
            require(where, name, value, value >= 1, ">= 1")


@dataclass(frozen=True)
class DQNSettings(ReplaySettings):
    """Q-learning from replayed transitions by a spiking network, whose membranes are the values.

    Parameters
    ----------
    epsilon, epsilon_end : float
        Share of random actions at the beginning, and at least, 0 to 1.
    epsilon_decay : float
        What a decision leaves of it, 0 to 1.
    target_every : int
        Updates after which the target takes over its share of the online network.
    unit : float
        Return that a membrane of 1 stands for, > 0. Without biases large values take many spikes:
        neurons saturate, and tell states apart no more.
    is_double : bool
        Whether the online network chooses the action that the target network values.

    Source
    ------
    Mnih et al. 2015, Nature 518:529; van Hasselt et al. 2016, AAAI (double); Akl, Ergene, Walter &
    Knoll 2023, Front. Neurorobot. 17:1075647 (spiking).
    """

    epsilon: float = 1.0
    epsilon_end: float = 0.02
    epsilon_decay: float = 0.999
    target_every: int = 1
    unit: float = 20.0
    is_double: bool = True

    algorithm: ClassVar[tuple[str, str]] = ("dqn", "DQNAgent")

    def __post_init__(self) -> None:
        """Raise ValueError for settings that are out of range."""
        super().__post_init__()
        for name in ("epsilon", "epsilon_end", "epsilon_decay"):
            value = getattr(self, name)
            require(type(self).__name__, name, value, 0.0 <= value <= 1.0, "0 to 1")
        require("DQNSettings", "unit", self.unit, self.unit > 0.0, "> 0")
        require("DQNSettings", "target_every", self.target_every, self.target_every >= 1, ">= 1")

    def n_outputs(self, space: gym.Space) -> int:
        """Return one number for each action; ValueError unless the space is Discrete."""
        if not isinstance(space, gym.spaces.Discrete):
            raise ValueError(
                f"--agent dqn: expected a Discrete action space, one value for each action, got "
                f"{space}; choose --agent td3 for continuous actions."
            )
        return int(space.n)


@dataclass(frozen=True)
class ReparameterisedSettings(GradientSettings):
    """Policy gradient led through stochastic spikes: their draws are reparameterised.

    Actions are chosen by a softmax of the output's membranes; a further membrane estimates the
    value.

    Parameters
    ----------
    update_every : int
        Decisions that are learned from together, fewer at an episode's end, >= 1.
    estimator : {"reparameterised", "score"}
        Gradient of hidden neurons: of the choice alone, led through relaxed draws, straight
        through; or of the neurons' own draws as well, each an agent that is rewarded.
    temperature : float
        Of relaxed draws, > 0.
    softmax_gain : float
        Preference of an action for a membrane of 1, > 0.
    trace_decay : float
        Of advantages over decisions (GAE lambda), 0 to 1.
    entropy : float
        Weight of the choices' entropy, >= 0.
    value_weight : float
        Weight of the squared error of values, >= 0.

    Limits
    ------
    Own design where the paper's text is lost: a choice's log-probability, times a generalised
    advantage, is the only objective of the policy.

    Source
    ------
    Aenugu 2020, arXiv 2005.05941 (abstract); Maddison et al. 2017, ICLR (relaxed draws); Schulman
    et al. 2016, ICLR (advantages).
    """

    hidden: tuple[int, ...] = (64,)
    learning_rate: float = 3e-3
    update_every: int = 20
    estimator: str = "reparameterised"
    temperature: float = 1.0
    softmax_gain: float = 1.0
    trace_decay: float = 0.95
    entropy: float = 0.01
    value_weight: float = 0.5

    fitting: ClassVar[Mapping[str, Any]] = {
        "neuron": {"name": "ising"}, "window_ms": 6.0, "timestep_ms": 1.0,
    }  # fmt: skip
    algorithm: ClassVar[tuple[str, str]] = ("reparameterised", "PolicyAgent")

    def __post_init__(self) -> None:
        """Raise ValueError for settings that are out of range."""
        super().__post_init__()
        check_choice("estimator", self.estimator, ESTIMATORS)
        for name in ("temperature", "softmax_gain"):
            value = getattr(self, name)
            require(type(self).__name__, name, value, value > 0.0, "> 0")
        for name in ("entropy", "value_weight"):
            value = getattr(self, name)
            require(type(self).__name__, name, value, value >= 0.0, ">= 0")
        where = type(self).__name__
        require(where, "update_every", self.update_every, self.update_every >= 1, ">= 1")
        require(where, "trace_decay", self.trace_decay, 0.0 <= self.trace_decay <= 1.0, "0 to 1")

    def specify(self, neuron: NeuronModel, n_inputs: int, n_outputs: int) -> NetworkSpec:
        """Return the network; ValueError where scores are asked of neurons that draw nothing."""
        if self.estimator == "score" and not neuron.noise:
            raise ValueError(
                f"--agent.estimator score: expected neurons that draw their spikes, such as ising "
                f"or bernoulli-glm, got --neuron {type(neuron).__name__}."
            )
        return super().specify(neuron, n_inputs, n_outputs)

    def n_outputs(self, space: gym.Space) -> int:
        """Return one for each action, and the value; ValueError unless the space is Discrete."""
        if not isinstance(space, gym.spaces.Discrete):
            raise ValueError(
                f"--agent reparameterised: expected a Discrete action space, got {space}; choose "
                "--agent td3 for continuous actions."
            )
        return int(space.n) + 1


@dataclass(frozen=True)
class ActorCriticSettings(ReplaySettings):
    """What algorithms share whose spiking actor is told by two ordinary critics what is better.

    Parameters
    ----------
    critic_hidden : tuple of int
        Rectified units of each hidden layer of a critic; empty: as many as the actor has neurons.
    critic_learning_rate : float
        Of Adam, > 0; it falls as the actor's does.
    exploration_noise : float
        Standard deviation of what is added to actions, >= 0, in half ranges of a dimension.
    smoothing_noise, smoothing_limit : float
        Of what is added to the actions of the target, and the most of it, >= 0, likewise.
    policy_delay : int
        Updates of the critics for one of the actor.
    """

    critic_hidden: tuple[int, ...] = ()
    critic_learning_rate: float = 1e-3
    exploration_noise: float = 0.1
    smoothing_noise: float = 0.2
    smoothing_limit: float = 0.5
    policy_delay: int = 2

    def __post_init__(self) -> None:
        """Raise ValueError for settings that are out of range."""
        super().__post_init__()
        for name, is_right, expected in (
            ("critic_hidden", min(self.critic_hidden, default=1) >= 1, "units of each layer, >= 1"),
            ("critic_learning_rate", self.critic_learning_rate > 0.0, "> 0"),
            *((n, getattr(self, n) >= 0.0, ">= 0") for n in (
                "exploration_noise", "smoothing_noise", "smoothing_limit")),
            ("policy_delay", self.policy_delay >= 1, ">= 1"),
        ):  # fmt: skip
            require(type(self).__name__, name, getattr(self, name), is_right, expected)


@dataclass(frozen=True)
class TD3Settings(ActorCriticSettings):
    """TD3: a spiking actor, whose membranes are actions, and two ordinary critics.

    Before `learning_starts` actions are uniformly random.

    Parameters
    ----------
    has_proxy : bool
        Whether the target's actor is an ordinary network, which imitates the spiking one by a step
        of regression at every update instead of taking over weights.
    proxy_learning_rate : float
        Of Adam, > 0; it falls as the actor's does.

    Source
    ------
    Fujimoto, van Hoof & Meger 2018, ICML; Akl, Ergene, Walter & Knoll 2023, Front. Neurorobot.
    17:1075647 (spiking actor); Xu et al. 2025, NeurIPS, arXiv 2505.24161 (proxy).
    """

    coding: str = "two-neurons"
    batch: int = 100
    buffer: int = 200_000
    learning_starts: int = 1000
    update_every: int = 1
    target_rate: float = 0.005
    has_proxy: bool = False
    proxy_learning_rate: float = 3e-3

    algorithm: ClassVar[tuple[str, str]] = ("td3", "TD3Agent")

    def __post_init__(self) -> None:
        """Raise ValueError for settings that are out of range."""
        super().__post_init__()
        rate = self.proxy_learning_rate
        require("TD3Settings", "proxy_learning_rate", rate, rate > 0.0, "> 0")

    def n_outputs(self, space: gym.Space) -> int:
        """Return one number for each dimension; ValueError unless the space is a bounded Box."""
        return box_dimensions("td3", space)


@dataclass(frozen=True)
class SequenceTD3BCSettings(ActorCriticSettings):
    """TD3 and imitation on sequences: a spiking actor that remembers, jump-started by a guide.

    The actor keeps its state from decision to decision. A guide flies the first decisions of an
    episode, fewer from episode to episode; the actor watches meanwhile, and then takes over. What
    was done, by either, is imitated and valued.

    Parameters
    ----------
    length, stride, warm_up : int
        Decisions of a sequence; from one beginning to the next; at its beginning in which the state
        settles and from which nothing is learned. `batch` and `buffer` are sequences.
    value_weight : float
        Weight of what critics say, as a share of their mean absolute value (alpha), >= 0; 0:
        imitation alone, without critics.
    imitation : float
        Weight of the squared distance from what was done (lambda), >= 0.
    imitates : {"done", "guide"}
        What was done, by the guide or the actor; or what the guide would have done where the actor
        has flown as well (as in DAgger).
    imitation_decay : float
        What an episode leaves of it, in (0, 1].
    critic_history : int
        Last actions that critics know beside what the actor is told, 0 to `warm_up`.
    guide : str
        Who flies first, "none": the actor.
    guided_first, guided_last, guided_tested : int
        Decisions that the guide flies in the first episode, in the last, with learning off; >= 0.
    handover : float
        Share of the run's episodes in which it goes linearly from one to the other, 0 to 1.

    Source
    ------
    Van den Berghe, Stroobants, Reddi & de Croon 2025, NeurIPS, by the paper's text; Fujimoto & Gu
    2021, NeurIPS (TD3BC); Uchendu et al. 2023, ICML (jump-start); Ross, Gordon & Bagnell 2011,
    AISTATS (DAgger).
    """

    hidden: tuple[int, ...] = (128,)
    coding: str = "one-neuron"
    readout_decay: float = 0.5
    slope: float = 2.0
    discount: float = 0.99
    batch: int = 32
    buffer: int = 2000
    learning_starts: int = 1000
    update_every: int = 50
    target_rate: float = 0.01
    exploration_noise: float = 0.2
    length: int = 100
    stride: int = 50
    warm_up: int = 50
    value_weight: float = 2.0
    imitation: float = 0.2
    imitates: str = "done"
    imitation_decay: float = 0.99
    critic_history: int = 32
    guide: str = "none"
    guided_first: int = 450
    guided_last: int = 50
    guided_tested: int = 50
    handover: float = 0.5

    fitting: ClassVar[Mapping[str, Any]] = {
        "neuron": {"name": "lif-soft-reset"}, "window_ms": 2.0, "timestep_ms": 1.0,
    }  # fmt: skip
    algorithm: ClassVar[tuple[str, str]] = ("sequence_td3bc", "SequenceAgent")
    resets: ClassVar[str] = "episode"

    def __post_init__(self) -> None:
        """Raise ValueError for settings that are out of range."""
        super().__post_init__()
        check_choice("guide", self.guide, GUIDES)
        check_choice("imitates", self.imitates, IMITATED)
        if self.imitates == "guide" and self.guide == "none":
            raise ValueError(
                "--agent.imitates guide: expected a --agent.guide to imitate, got none."
            )
        for name, is_right, expected in (
            ("length", self.length >= 2, ">= 2"),
            ("stride", 1 <= self.stride <= self.length, f"1 to length = {self.length}"),
            ("warm_up", 0 <= self.warm_up < self.length, f">= 0 and < length = {self.length}"),
            ("critic_history", 0 <= self.critic_history <= self.warm_up,
             f"0 to warm_up = {self.warm_up}"),
            ("imitation_decay", 0.0 < self.imitation_decay <= 1.0, "in (0, 1]"),
            ("handover", 0.0 <= self.handover <= 1.0, "0 to 1"),
            *((n, getattr(self, n) >= 0, ">= 0") for n in (
                "value_weight", "imitation", "guided_first", "guided_last", "guided_tested")),
        ):  # fmt: skip
            require(type(self).__name__, name, getattr(self, name), is_right, expected)

    @property
    def estimates_values(self) -> bool:
        """Whether there are critics, and not imitation alone."""
        return self.value_weight > 0.0

    def n_outputs(self, space: gym.Space) -> int:
        """Return one number for each dimension; ValueError unless the space is a bounded Box."""
        return box_dimensions("sequence-td3bc", space)


def box_dimensions(agent: str, space: gym.Space) -> int:
    """Return how many dimensions a space of actions has; ValueError unless it is a bounded Box."""
    if not isinstance(space, gym.spaces.Box) or not space.is_bounded():
        raise ValueError(
            f"--agent {agent}: expected a Box of actions with finite bounds, got {space}; choose "
            "--agent dqn for a Discrete action space."
        )
    return int(np.prod(space.shape))
