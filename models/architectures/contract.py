"""The architecture contract: a frozen dataclass that lays out one agent's network as data."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from threefactor.models.neurons.contract import NeuronModel, PoissonInput
from threefactor.models.specification import (
    Bounds,
    NetworkSpec,
    Pairs,
    Population,
    Projection,
    Uniform,
    all_to_all,
    dale_bounds,
)
from threefactor.rules.contract import RESET_POLICIES, Rule
from threefactor.rules.updates import WeightUpdate


@dataclass(frozen=True)
class Parts:
    """What an architecture is filled with.

    Attributes
    ----------
    n_inputs, n_actions : int
        Encoder's inputs; actions of a Discrete space or dimensions of a Box.
    neuron, critic_neuron : NeuronModel
        Model of hidden and output neurons; model of the critic's neurons.
    rule, critic_rule : Rule
        Plasticity of the policy's and of the critic's synapses.
    update : WeightUpdate
        How the changes that `rule` proposes become weights; the critic's are taken as they are.
    times_first_spike : bool
        Whether the decoder reads first spike times.
    timestep_ms : float
    input_neuron : NeuronModel
        Takes what the encoder emits: rates, or spike times.
    """

    n_inputs: int
    n_actions: int
    neuron: NeuronModel
    critic_neuron: NeuronModel
    rule: Rule
    critic_rule: Rule
    update: WeightUpdate = field(default_factory=WeightUpdate)
    times_first_spike: bool = False
    timestep_ms: float = 1.0
    input_neuron: NeuronModel = field(default_factory=PoissonInput)


@dataclass(frozen=True)
class Architecture(ABC):
    """Base of every architecture.

    Parameters
    ----------
    neurons_per_action : int, default 10
        Output neurons of each action (or dimension of a continuous action).
    w_init_low, w_init_high : float, default 1.5, 2.5
        Initial plastic weights are uniform between them, in the neuron's weight unit.
    w_min, w_max : float, default 0, 8
        Hard bounds of plastic weights.
    incoming_sum : float or None, default None
        Sum of each neuron's plastic weights of one projection, kept by scaling (column
        normalisation), as far as the bounds allow; None: free. Not for the critic.
    lateral_weight : float, default 0
        Weight of each synapse between output neurons of different actions, <= 0 (winner take all);
        0: none.
    ring_excitation, ring_inhibition : float, default 0, 0
        Lateral weights of output neurons on a ring, from neuron to neuron in their order: what a
        neuron hears of all others in sum, excitation >= 0 from its neighbours and inhibition <= 0
        from everywhere; 0: none. For the decoder `ring`.
    ring_sharpness : float, default 8.0
        How near neighbours are: excitation falls as exp(ring_sharpness * cos(angle)), >= 0.
    inhibitory_fraction : float, default 0
        Share of source neurons whose plastic weights are negative (Dale's law): bounds and initial
        weights mirrored.
    resets : str, default "episode"
        When neurons return to their initial state: "keep", "episode" or "decision".
    heterogeneous : tuple of str, default ()
        Neuron parameters (unit suffix stripped) drawn for each neuron.
    heterogeneity : float, default 0.1
        Their relative standard deviation.
    """

    neurons_per_action: int = 10
    w_init_low: float = 1.5
    w_init_high: float = 2.5
    w_min: float = 0.0
    w_max: float = 8.0
    incoming_sum: float | None = None
    lateral_weight: float = 0.0
    ring_excitation: float = 0.0
    ring_inhibition: float = 0.0
    ring_sharpness: float = 8.0
    inhibitory_fraction: float = 0.0
    resets: str = "episode"
    heterogeneous: tuple[str, ...] = field(default=())
    heterogeneity: float = 0.1

    #: Whether its rules must move weights in every timestep, because neurons make the third factor.
    needs_weight_clock: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that make no network."""
        owner = type(self).__name__
        if self.neurons_per_action < 1:
            raise ValueError(
                f"{owner}.neurons_per_action must be >= 1, got {self.neurons_per_action}."
            )
        if not self.w_min <= self.w_init_low <= self.w_init_high <= self.w_max:
            raise ValueError(
                f"{owner}: expected w_min <= w_init_low <= w_init_high <= w_max, got {self.w_min}, "
                f"{self.w_init_low}, {self.w_init_high}, {self.w_max}."
            )
        if self.lateral_weight > 0:
            raise ValueError(
                f"{owner}.lateral_weight is inhibition and must be <= 0, got {self.lateral_weight}."
            )
        if self.ring_excitation < 0 or self.ring_inhibition > 0 or self.ring_sharpness < 0:
            raise ValueError(
                f"{owner}: expected ring_excitation >= 0, ring_inhibition <= 0, ring_sharpness >= "
                f"0, got {self.ring_excitation}, {self.ring_inhibition}, {self.ring_sharpness}."
            )
        if not 0 <= self.inhibitory_fraction < 1:
            raise ValueError(
                f"{owner}.inhibitory_fraction must be in [0, 1), got {self.inhibitory_fraction}."
            )
        if self.resets not in RESET_POLICIES:
            raise ValueError(
                f"{owner}.resets must be one of {RESET_POLICIES}, got {self.resets!r}."
            )

    @abstractmethod
    def build(self, parts: Parts) -> NetworkSpec:
        """Return the network of one agent."""

    def input_population(self, parts: Parts, name: str = "input") -> Population:
        """Return the neurons that the encoder drives."""
        return Population(name, parts.n_inputs, parts.input_neuron)

    def neurons(
        self, parts: Parts, name: str, size: int, modules: np.ndarray | None = None
    ) -> Population:
        """Return a population of the agent's neuron model, with this architecture's options."""
        spread = {parameter: self.heterogeneity for parameter in self.heterogeneous}
        return Population(name, size, parts.neuron, self.resets, spread, modules=modules)

    def actor(self, parts: Parts, name: str = "actor") -> Population:
        """Return the output population, action by action."""
        size = parts.n_actions * self.neurons_per_action
        modules = np.arange(size) // self.neurons_per_action
        neurons = self.neurons(parts, name, size, modules)
        return replace(neurons, times_first_spike=parts.times_first_spike)

    def plastic(
        self,
        name: str,
        source: Population,
        target: Population,
        rule: Rule,
        update: WeightUpdate,
        pairs: Pairs | None = None,
    ) -> Projection:
        """Return a plastic projection with this architecture's weights and bounds."""
        pairs = pairs or all_to_all(source.size, target.size)
        port = first_port(target.neuron)
        weights: Uniform | np.ndarray = Uniform(self.w_init_low, self.w_init_high)
        bounds: Bounds = {"w_min": self.w_min, "w_max": self.w_max}
        if self.inhibitory_fraction:
            signs = np.ones(source.size)
            signs[: round(self.inhibitory_fraction * source.size)] = -1
            bounds = dale_bounds(signs, pairs["pre"], self.w_max)
            weights = Mirrored(self.w_init_low, self.w_init_high, signs[pairs["pre"]])
        return Projection(
            name, source.name, target.name, **pairs, **bounds, weights=weights, port=port,
            rule=rule, update=update, incoming_sum=self.incoming_sum,
        )  # fmt: skip

    def lateral(self, actor: Population) -> tuple[Projection, ...]:
        """Return what output neurons tell one another: inhibition of other actions, the ring."""
        found = []
        pairs = all_to_all(actor.size, actor.size)
        if self.lateral_weight and actor.modules is not None:
            differs = actor.modules[pairs["pre"]] != actor.modules[pairs["post"]]
            weights = np.full(pairs["pre"].size, self.lateral_weight)
            found.append(("lateral", differs, weights))
        if self.ring_excitation or self.ring_inhibition:
            found.append(("ring", pairs["pre"] != pairs["post"], self._ring(**pairs)))
        return tuple(
            Projection(
                name, actor.name, actor.name, pairs["pre"][linked], pairs["post"][linked],
                weights[linked], port=first_port(actor.neuron),
            )
            for name, linked, weights in found
            if linked.any()
        )  # fmt: skip

    def _ring(self, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        """Return w_inhibition/N + w_excitation*f/(sum of f), f = exp(sharpness*cos(angle)).

        Frémaux, Sprekeler & Gerstner 2013, PLoS Comput Biol 9:e1003024, the actor: -60, 30 and 8.
        """
        size = pre.max() + 1
        angles = 2.0 * np.pi * np.arange(size) / size
        nearness = np.exp(self.ring_sharpness * (np.cos(angles) - 1.0))  # cannot overflow
        share = (nearness / nearness.sum())[(pre - post) % size]
        return self.ring_inhibition / size + self.ring_excitation * share


@dataclass(frozen=True)
class Mirrored(Uniform):
    """Values drawn from U(low, high) times a sign for each synapse."""

    signs: np.ndarray = field(default_factory=lambda: np.ones(1))

    def draw(self, generator: np.random.Generator, size: int) -> np.ndarray:
        """Return ``(size,)`` values."""
        return self.signs * super().draw(generator, size)


def first_port(neuron: NeuronModel) -> str:
    """Return the port that plain projections enter."""
    if not neuron.ports:
        raise ValueError(f"{type(neuron).__name__} has no port and can receive no synapses.")
    return next(iter(neuron.ports))
