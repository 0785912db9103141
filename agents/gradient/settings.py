"""Settings of agents that are trained by gradients; what they do with them needs PyTorch."""

import importlib
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from threefactor.agents.contract import Agent, AgentOptions, AgentSettings
from threefactor.agents.gradient.coding import NumberCoding
from threefactor.agents.seeds import Seeds
from threefactor.models.architectures.analog import analog_layers
from threefactor.models.differentiable import require_torch
from threefactor.models.neurons import make_neuron
from threefactor.models.neurons.contract import NeuronModel
from threefactor.models.specification import NetworkSpec
from threefactor.naming import check_choice

#: What the control "shuffled" and "zero" do instead of permuting eligibilities.
CONTROLS = ("none", "frozen", "shuffled", "zero")


@dataclass(frozen=True)
class GradientParts:
    """What a gradient-trained agent is made of beside its own settings."""

    neuron: NeuronModel


@dataclass(frozen=True)
class GradientSettings(AgentSettings):
    """What all agents that are trained by gradients share: network, coding, surrogate.

    Parameters
    ----------
    hidden : tuple of int
        Neurons of each hidden layer.
    coding : {"one-neuron", "two-neurons"}
        Whether a number is told to one neuron, or its positive and its negative part to one each.
    has_constant : bool
        Whether an input is always 1, so that neurons of the first layer have biases.
    readout_decay : float
        What a timestep leaves of the membranes that are read, 0 to 1; 1: they sum up.
    weight_scale : float
        Of initial weights, N(0, (weight_scale/sqrt(neurons below))**2).
    slope : float
        Of the surrogate derivative 1/(1 + slope*|x|)**2, > 0.
    learning_rate : float
        Of Adam, > 0.
    learning_rate_end : float
        Its share that is left in the last episode, to which it falls geometrically, in (0, 1].
    discount : float
        Of what comes a decision later, 0 to 1.
    """

    hidden: tuple[int, ...] = (64, 64)
    coding: str = "two-neurons"
    has_constant: bool = True
    readout_decay: float = 1.0
    weight_scale: float = 1.0
    slope: float = 5.0
    learning_rate: float = 1e-3
    learning_rate_end: float = 0.1
    discount: float = 0.99

    parts: ClassVar[type] = GradientParts
    #: Settings of other parts that fit, where nobody chooses them.
    fitting: ClassVar[Mapping[str, Any]] = {
        "neuron": {"name": "lif-soft-reset"}, "window_ms": 8.0, "timestep_ms": 1.0,
    }  # fmt: skip
    #: Module and name of what is built.
    algorithm: ClassVar[tuple[str, str]] = ("", "")

    def __post_init__(self) -> None:
        """Raise ValueError for settings that are out of range."""
        where = type(self).__name__
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(f"{where}.hidden: expected neurons of each layer, got {self.hidden}.")
        for name, is_right, expected in (
            ("readout_decay", 0.0 <= self.readout_decay <= 1.0, "0 to 1"),
            ("weight_scale", self.weight_scale > 0.0, "> 0"),
            ("slope", self.slope > 0.0, "> 0"),
            ("learning_rate", self.learning_rate > 0.0, "> 0"),
            ("learning_rate_end", 0.0 < self.learning_rate_end <= 1.0, "in (0, 1]"),
            ("discount", 0.0 <= self.discount <= 1.0, "0 to 1"),
        ):
            require(where, name, getattr(self, name), is_right, expected)

    def specify(self, neuron: NeuronModel, n_inputs: int, n_outputs: int) -> NetworkSpec:
        """Return input -> hidden layers -> membranes that are read, without memory of decisions.

        Raises
        ------
        ValueError
            For neurons that cannot be driven by numbers.
        """
        if "drive" not in neuron.units:
            raise ValueError(
                f"--neuron {type(neuron).__name__}: expected neurons that are driven by numbers: "
                "lif-soft-reset, lif-discrete, or relu for an ordinary network."
            )
        readout = make_neuron(
            "readout-discrete", synapse_decay=0.0,
            membrane_decay=self.readout_decay if neuron.threshold else 0.0,
        )  # fmt: skip
        sizes = (n_inputs, *self.hidden, n_outputs)
        return analog_layers(sizes, neuron, readout, self.weight_scale, resets="decision")

    def number_coding(self, space: gym.Space) -> NumberCoding:
        """Return the coding of a space's observations."""
        return NumberCoding(self.coding, self.has_constant, space)

    def size(
        self, parts: GradientParts, options: AgentOptions, spaces: tuple[gym.Space, gym.Space]
    ) -> tuple[int, int]:
        """Return how many neurons and synapses the network has; see `AgentSettings.size`."""
        n_inputs = self.number_coding(spaces[0]).n_numbers
        spec = self.specify(parts.neuron, n_inputs, self.n_outputs(spaces[1]))
        links = sum(p.n_synapses for p in spec.projections)
        return sum(p.size for p in spec.populations), links + sum(
            m.n_links for m in spec.modulations
        )

    @abstractmethod
    def n_outputs(self, space: gym.Space) -> int:
        """Return how many numbers are read, for an action space.

        Raises
        ------
        ValueError
            For a space that the algorithm cannot act in.
        """

    def greedy(self, parts: GradientParts) -> GradientParts:
        """Return the parts: with learning off these agents decide without noise."""
        return parts

    def build(
        self,
        parts: GradientParts,
        options: AgentOptions,
        spaces: tuple[gym.Space, gym.Space],
        seeds: Sequence[Seeds],
        say: Callable[[str], None] | None = None,
    ) -> Agent:
        """Return the agent at work; see `AgentSettings.build`.

        Raises
        ------
        ImportError
            Without PyTorch, in one line.
        """
        require_torch()
        check_choice("control of a gradient-trained agent", options.control, CONTROLS)
        steps, least = round(options.window_ms / options.timestep_ms), len(self.hidden) + 1
        if steps < least:
            raise ValueError(
                f"--window-ms {options.window_ms}: expected at least {least} timesteps of "
                f"{options.timestep_ms} ms, one for each layer of weights, got {steps}."
            )
        module, name = self.algorithm
        agent = getattr(importlib.import_module(f"threefactor.agents.gradient.{module}"), name)
        return agent(self, parts, options, spaces, seeds, say)


@dataclass(frozen=True)
class DQNSettings(GradientSettings):
    """Q-learning from replayed transitions by a spiking network, whose membranes are the values.

    Parameters
    ----------
    epsilon, epsilon_end : float
        Share of random actions at the beginning, and at least, 0 to 1.
    epsilon_decay : float
        What a decision leaves of it, 0 to 1.
    batch, buffer : int
        Transitions of an update; that are kept.
    learning_starts : int
        Transitions before the first update.
    update_every : int
        Decisions between two updates.
    target_rate : float
        Share of the online network that the target takes over at an update, in (0, 1].
    target_every : int
        Updates between these.
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
    batch: int = 64
    buffer: int = 50_000
    learning_starts: int = 64
    update_every: int = 2
    target_rate: float = 0.01
    target_every: int = 1
    is_double: bool = True

    algorithm: ClassVar[tuple[str, str]] = ("dqn", "DQNAgent")

    def __post_init__(self) -> None:
        """Raise ValueError for settings that are out of range."""
        super().__post_init__()
        for name in ("epsilon", "epsilon_end", "epsilon_decay"):
            value = getattr(self, name)
            require(type(self).__name__, name, value, 0.0 <= value <= 1.0, "0 to 1")
        require(
            "DQNSettings", "target_rate", self.target_rate, 0 < self.target_rate <= 1, "in (0, 1]"
        )
        for name in ("batch", "buffer", "learning_starts", "update_every", "target_every"):
            value = getattr(self, name)
            require(type(self).__name__, name, value, value >= 1, ">= 1")

    def n_outputs(self, space: gym.Space) -> int:
        """Return one number for each action; ValueError unless the space is Discrete."""
        if not isinstance(space, gym.spaces.Discrete):
            raise ValueError(
                f"--agent dqn: expected a Discrete action space, one value for each action, got "
                f"{space}; choose --agent td3 for continuous actions."
            )
        return int(space.n)


@dataclass(frozen=True)
class TD3Settings(GradientSettings):
    """TD3: a spiking actor, whose membranes are actions, and two ordinary critics.

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
    batch, buffer : int
        Transitions of an update; that are kept.
    learning_starts : int
        Decisions that are uniformly random, before the first update.
    update_every : int
        Decisions between two updates.
    target_rate : float
        Share of the trained networks that those of the target take over, in (0, 1].
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

    critic_hidden: tuple[int, ...] = ()
    critic_learning_rate: float = 1e-3
    exploration_noise: float = 0.1
    smoothing_noise: float = 0.2
    smoothing_limit: float = 0.5
    policy_delay: int = 2
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
        for name, is_right, expected in (
            ("critic_hidden", min(self.critic_hidden, default=1) >= 1, "units of each layer, >= 1"),
            *((n, getattr(self, n) > 0.0, "> 0") for n in (
                "critic_learning_rate", "proxy_learning_rate")),
            *((n, getattr(self, n) >= 0.0, ">= 0") for n in (
                "exploration_noise", "smoothing_noise", "smoothing_limit")),
            *((n, getattr(self, n) >= 1, ">= 1") for n in (
                "policy_delay", "batch", "buffer", "learning_starts", "update_every")),
            ("target_rate", 0.0 < self.target_rate <= 1.0, "in (0, 1]"),
        ):  # fmt: skip
            require("TD3Settings", name, getattr(self, name), is_right, expected)

    def n_outputs(self, space: gym.Space) -> int:
        """Return one number for each dimension; ValueError unless the space is a bounded Box."""
        if not isinstance(space, gym.spaces.Box) or not space.is_bounded():
            raise ValueError(
                f"--agent td3: expected a Box of actions with finite bounds, got {space}; choose "
                "--agent dqn for a Discrete action space."
            )
        return int(np.prod(space.shape))


def require(where: str, name: str, value: Any, is_right: bool, expected: str) -> None:
    """Raise ValueError for a setting that is out of range."""
    if not is_right:
        raise ValueError(f"{where}.{name} must be {expected}, got {value}.")
