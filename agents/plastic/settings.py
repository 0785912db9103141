"""The parts of a plastic agent, and how they are put together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from threefactor.agents.contract import AgentOptions, AgentSettings
from threefactor.agents.plastic.agent import PlasticAgent
from threefactor.agents.plastic.bound_schedule import BoundSchedule
from threefactor.agents.plastic.controls import bind_control, permutable
from threefactor.agents.plastic.learning_signals import (
    BoundLearningSignal,
    LearningSignal,
    listeners,
)
from threefactor.agents.plastic.regime import regime_of
from threefactor.agents.plastic.scheduled_parameters import find_parameters
from threefactor.agents.plastic.schedules import Schedule
from threefactor.agents.plastic.wiring import (
    check_choices,
    check_input,
    check_window,
    check_wiring,
)
from threefactor.agents.seeds import Seeds
from threefactor.envs.bridge import BoundEncoder, Decoder, Encoder
from threefactor.envs.bridge.choices import Choices
from threefactor.models import Architecture, Parts
from threefactor.models.network import Network
from threefactor.models.neurons.contract import NeuronModel, PoissonInput, TimedInput
from threefactor.models.specification import NetworkSpec
from threefactor.rules import Rule
from threefactor.rules.modulators import Host, Modulator, bind_normalised
from threefactor.rules.updates import WeightUpdate


@dataclass(frozen=True)
class PlasticParts:
    """What a plastic agent is made of."""

    encoder: Encoder
    model: Architecture
    neuron: NeuronModel
    critic_neuron: NeuronModel
    rule: Rule
    critic_rule: Rule
    update: WeightUpdate
    modulator: Modulator
    decoder: Decoder
    learning_signal: LearningSignal
    schedule: Schedule


@dataclass(frozen=True)
class PlasticSettings(AgentSettings):
    """Plasticity: spikes in, reward to third factor to weights."""

    parts: ClassVar[type] = PlasticParts

    def build(
        self,
        parts: PlasticParts,
        options: AgentOptions,
        spaces: tuple[gym.Space, gym.Space],
        seeds: Sequence[Seeds],
        say: Callable[[str], None] | None = None,
    ) -> PlasticAgent:
        """Return the agent at work; see `AgentSettings.build`."""
        encoder = parts.encoder.bind(spaces[0])
        generators = [np.random.default_rng(seed.decoder) for seed in seeds]
        decoder = parts.decoder.bind(spaces[1], parts.model.neurons_per_action, generators)
        spec = _specify(parts, options.timestep_ms, encoder, decoder.n_populations)
        check_input(spec, encoder, options.window_ms)
        check_window(spec, options.window_ms)
        choices = Choices.of(spaces[1])
        check_choices(spec, choices is not None)
        if options.control == "permuted":
            permutable(spec)  # refused before anything is compiled
        host = Host(len(seeds), options.window_ms, _count_stimuli(spaces[0]))
        modulator = bind_normalised(parts.modulator, host)
        beside = {"modulator": parts.modulator, "decoder": parts.decoder}
        scheduled = find_parameters(parts.schedule, spec, beside)
        weight_seeds = [seed.weights for seed in seeds]
        network = Network(
            spec, [seed.network for seed in seeds], weight_seeds, options.engine,
            is_learning=options.control != "frozen", say=say,
        )  # fmt: skip
        learning_signal = None
        if listeners(network):
            learning_signal = BoundLearningSignal(
                parts.learning_signal, network, decoder, choices, weight_seeds
            )
        return PlasticAgent(
            encoder, network, decoder, modulator, learning_signal,
            bind_control(options.control, network, [seed.control for seed in seeds]),
            BoundSchedule(
                parts.schedule.over(options.episodes), scheduled, network,
                {"modulator": modulator, "decoder": decoder},
            ),
            window_steps=round(options.window_ms / options.timestep_ms),
            choices=choices,
            reads_features="features" in parts.modulator.requires,
            first_stimulus=_first_stimulus(spaces[0], parts.modulator),
            regime=_regime(parts, options, spec, encoder),
        )  # fmt: skip

    def greedy(self, parts: PlasticParts) -> PlasticParts:
        """Return parts with a decoder without noise; see `AgentSettings.greedy`."""
        return replace(parts, decoder=parts.decoder.greedy())

    def regime(
        self, parts: PlasticParts, options: AgentOptions, spaces: tuple[gym.Space, gym.Space]
    ) -> dict[str, Any]:
        """Return what its plausibility is judged by; see `AgentSettings.regime`."""
        return _regime(parts, options, *_unbuilt(parts, options, spaces))

    def size(
        self, parts: PlasticParts, options: AgentOptions, spaces: tuple[gym.Space, gym.Space]
    ) -> tuple[int, int]:
        """Return the sizes of all populations and projections; see `AgentSettings.size`."""
        spec, _ = _unbuilt(parts, options, spaces)
        neurons = sum(population.size for population in spec.populations)
        return neurons, sum(projection.n_synapses for projection in spec.projections)


def _unbuilt(
    parts: PlasticParts, options: AgentOptions, spaces: tuple[gym.Space, gym.Space]
) -> tuple[NetworkSpec, BoundEncoder]:
    """Return the network of an agent and its encoder, without anything that simulates them."""
    encoder = parts.encoder.bind(spaces[0])
    generators = [np.random.default_rng(0)]
    decoder = parts.decoder.bind(spaces[1], parts.model.neurons_per_action, generators)
    return _specify(parts, options.timestep_ms, encoder, decoder.n_populations), encoder


def _regime(
    parts: PlasticParts, options: AgentOptions, spec: NetworkSpec, encoder: BoundEncoder
) -> dict[str, Any]:
    asks_signs = parts.model.inhibitory_fraction > 0
    return regime_of(spec, encoder, parts.modulator, options, asks_signs)


def _count_stimuli(space: gym.Space) -> int | None:
    """Return how many observations there are, if they have numbers."""
    return int(space.n) if isinstance(space, gym.spaces.Discrete) else None


def _first_stimulus(space: gym.Space, modulator: Modulator) -> int | None:
    """Return the number of the first observation, None if the modulator does not look at it."""
    if "stimuli" in modulator.requires and isinstance(space, gym.spaces.Discrete):
        return int(space.start)
    return None


def _specify(
    parts: PlasticParts, timestep_ms: float, encoder: BoundEncoder, n_actions: int
) -> NetworkSpec:
    """Return the network of the parts; raise ValueError where one of them does not fit another."""
    reads = parts.decoder.reads
    if (reads == "membrane") != bool(parts.neuron.readout):
        is_membrane = reads == "membrane"
        fit = "readout neurons (--neuron readout)" if is_membrane else "a decoder of counts"
        raise ValueError(
            f"decoder {type(parts.decoder).__name__} with neuron {type(parts.neuron).__name__}: "
            f"expected {fit}."
        )
    spec = parts.model.build(
        Parts(
            encoder.n_inputs, n_actions, parts.neuron, parts.critic_neuron, parts.rule,
            parts.critic_rule, parts.update, times_first_spike=reads == "first_spike_times_ms",
            timestep_ms=timestep_ms,
            input_neuron=TimedInput() if encoder.emits == "spike_times_ms" else PoissonInput(),
        )
    )  # fmt: skip
    if "values" in parts.modulator.requires and spec.critic is None:
        raise ValueError(
            f"modulator {type(parts.modulator).__name__} reads a critic population, and model "
            f"{type(parts.model).__name__} has none: use --model actor-critic, or "
            "--modulator td-linear."
        )
    check_wiring(spec, parts.modulator, parts.decoder)
    return spec
