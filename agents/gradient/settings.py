"""Settings of agents that are trained by gradients; what they do with them needs PyTorch."""

import importlib
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import gymnasium as gym

from threefactor.agents.anatomy import regime_of_network
from threefactor.agents.contract import Agent, AgentOptions, AgentSettings
from threefactor.agents.gradient.coding import CODINGS, FeatureCoding, NumberCoding
from threefactor.agents.plastic.scheduled_parameters import find_parameters
from threefactor.agents.plastic.schedules import Fixed, Schedule
from threefactor.agents.seeds import Seeds
from threefactor.envs.bridge import Encoder
from threefactor.models.architectures.analog import analog_layers
from threefactor.models.differentiable import require_torch
from threefactor.models.neurons import make_neuron
from threefactor.models.neurons.contract import NeuronModel
from threefactor.models.specification import (
    Modulation,
    NetworkSpec,
    Projection,
    Uniform,
)
from threefactor.naming import check_choice

#: There are no eligibilities to permute.
CONTROLS = ("none", "frozen", "shuffled", "zero")


@dataclass(frozen=True)
class GradientParts:
    """What a gradient-trained agent is made of beside its own settings."""

    encoder: Encoder
    neuron: NeuronModel
    schedule: Schedule = field(default_factory=Fixed)


@dataclass(frozen=True)
class GradientSettings(AgentSettings):
    """What all agents that are trained by gradients share: network, coding, surrogate.

    Parameters
    ----------
    hidden : tuple of int
        Neurons of each hidden layer.
    coding : {"cells", "one-neuron", "two-neurons"}
        What the network is told of an observation: the activity of the encoder's cells, from 0 to
        1; or each number as it is, or its positive and its negative part.
    largest : tuple of float
        Absolute value of each number that is told as 1, one for all or one for each; what is larger
        is clipped. Empty: the largest that was seen.
    has_constant : bool
        Whether an input is always 1 beside numbers, so that the first neurons have biases.
    input_gain : float
        What all that it is told is multiplied by, > 0. A layer's initial weights fall with its many
        cells, of which few are active: without a gain they drive the first neurons to no spike.
    readout_decay : float
        What a timestep leaves of the membranes that are read, 0 to 1; 1: they sum up.
    heterogeneous : tuple of str
        Parameters of hidden neurons that each draws for itself, from U(0, 1), and that are trained
        as weights are: membrane_decay, v_threshold.
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
    coding: str = "cells"
    largest: tuple[float, ...] = ()
    has_constant: bool = True
    input_gain: float = 1.0
    readout_decay: float = 1.0
    heterogeneous: tuple[str, ...] = ()
    weight_scale: float = 1.0
    slope: float = 5.0
    learning_rate: float = 1e-3
    learning_rate_end: float = 0.1
    discount: float = 0.99

    parts: ClassVar[type] = GradientParts
    needs: ClassVar[Callable[[], object]] = staticmethod(require_torch)
    #: Settings of other parts that fit, where nobody chooses them.
    fitting: ClassVar[Mapping[str, Any]] = {
        "neuron": {"name": "lif-soft-reset"}, "window_ms": 8.0, "timestep_ms": 1.0,
    }  # fmt: skip
    #: Module and name of what is built.
    algorithm: ClassVar[tuple[str, str]] = ("", "")
    #: When neurons forget; see `Population`.
    resets: ClassVar[str] = "decision"
    #: What a schedule can move, as agent.slope.
    adjustable: ClassVar[tuple[str, ...]] = ("slope",)

    def __post_init__(self) -> None:
        """Raise ValueError for settings that are out of range."""
        where = type(self).__name__
        check_choice(f"{where}.coding", self.coding, CODINGS)
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(f"{where}.hidden: expected neurons of each layer, got {self.hidden}.")
        for name, is_right, expected in (
            ("largest", min(self.largest, default=1.0) > 0.0, "> 0"),
            ("input_gain", self.input_gain > 0.0, "> 0"),
            ("readout_decay", 0.0 <= self.readout_decay <= 1.0, "0 to 1"),
            ("weight_scale", self.weight_scale > 0.0, "> 0"),
            ("slope", self.slope > 0.0, "> 0"),
            ("learning_rate", self.learning_rate > 0.0, "> 0"),
            ("learning_rate_end", 0.0 < self.learning_rate_end <= 1.0, "in (0, 1]"),
            ("discount", 0.0 <= self.discount <= 1.0, "0 to 1"),
        ):
            require(where, name, getattr(self, name), is_right, expected)

    @property
    def estimates_values(self) -> bool:
        """Whether what is expected of the next state counts; see `Agent`."""
        return True

    def specify(self, neuron: NeuronModel, n_inputs: int, n_outputs: int) -> NetworkSpec:
        """Return input -> hidden layers -> membranes that are read.

        Raises
        ------
        ValueError
            For neurons that cannot be driven by numbers.
        """
        readout = make_neuron(
            "readout-discrete", synapse_decay=0.0,
            membrane_decay=self.readout_decay if neuron.threshold else 0.0,
        )  # fmt: skip
        for name in self.heterogeneous:
            check_choice(f"--agent.heterogeneous of {type(neuron).__name__}", name, neuron.bounds)
        own = dict.fromkeys(self.heterogeneous, Uniform(0.0, 1.0))
        sizes = (n_inputs, *self.hidden, n_outputs)
        return analog_layers(sizes, neuron, readout, self.weight_scale, own, resets=self.resets)

    def number_coding(self, parts: GradientParts, space: gym.Space) -> NumberCoding | FeatureCoding:
        """Return the coding of a space's observations."""
        if self.coding == "cells":
            return FeatureCoding(parts.encoder.bind(space), self.input_gain)
        return NumberCoding(self.coding, self.has_constant, space, self.largest, self.input_gain)

    def network(
        self, parts: GradientParts, spaces: tuple[gym.Space, gym.Space]
    ) -> tuple[NetworkSpec, NumberCoding | FeatureCoding]:
        """Return the network for an environment, and what it is told of observations."""
        coding = self.number_coding(parts, spaces[0])
        return self.specify(parts.neuron, coding.n_numbers, self.n_outputs(spaces[1])), coding

    def size(
        self, parts: GradientParts, options: AgentOptions, spaces: tuple[gym.Space, gym.Space]
    ) -> tuple[int, int]:
        """Return how many neurons and synapses the network has; see `AgentSettings.size`."""
        spec, _ = self.network(parts, spaces)
        links: list[Projection | Modulation] = [*spec.projections, *spec.modulations]
        return sum(p.size for p in spec.populations), sum(len(link.pre) for link in links)

    @abstractmethod
    def n_outputs(self, space: gym.Space) -> int:
        """Return how many numbers are read, for an action space.

        Raises
        ------
        ValueError
            For a space that the algorithm cannot act in.
        """

    def regime(
        self, parts: GradientParts, options: AgentOptions, spaces: tuple[gym.Space, gym.Space]
    ) -> dict[str, Any]:
        """Return what its plausibility is judged by; see `AgentSettings.regime`."""
        return regime_of_network(self.network(parts, spaces)[0], options) | {
            "input_kind": "numbers, no spikes",
            "input_rate_max_hz": None,
            "third_factor": "gradient",
            "asks_signs": False,
        }

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
        ValueError
            For settings that do not fit each other.
        """
        require_torch()
        check_choice("control of a gradient-trained agent", options.control, CONTROLS)
        steps, least = round(options.window_ms / options.timestep_ms), len(self.hidden) + 1
        if steps < least:
            raise ValueError(
                f"--window-ms {options.window_ms}: expected at least {least} timesteps of "
                f"{options.timestep_ms} ms, one for each layer of weights, got {steps}."
            )
        find_parameters(parts.schedule, None, {"agent": self})  # refuses others
        module, name = self.algorithm
        agent = getattr(importlib.import_module(f"threefactor.agents.gradient.{module}"), name)
        return agent(self, parts, options, spaces, seeds, say)


def require(where: str, name: str, value: Any, is_right: bool, expected: str) -> None:
    """Raise ValueError for a setting that is out of range."""
    if not is_right:
        raise ValueError(f"{where}.{name} must be {expected}, got {value}.")
