"""Agent = encoder + network + decoder + modulator, bound to the spaces of an environment."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

import threefactor.envs  # noqa: F401  (registers our environments)
from threefactor.agents.plastic.controls import control_third_factor
from threefactor.agents.plastic.learning_signals import BoundLearningSignal, listeners
from threefactor.agents.plastic.scheduled_parameters import BoundSchedule, find_parameters
from threefactor.agents.plastic.wiring import check_wiring
from threefactor.agents.seeds import Seeds, spawn_seeds
from threefactor.envs.bridge import BoundDecoder, BoundEncoder
from threefactor.envs.bridge.batch import Environments
from threefactor.experiments.configuration import RunConfig
from threefactor.models import Parts
from threefactor.models.network import Network


@dataclass
class Agent:
    """R independent agents in one network, with everything between observation and action."""

    encoder: BoundEncoder
    network: Network
    decoder: BoundDecoder
    learning_signal: BoundLearningSignal | None
    modulator: Any
    control: Any
    schedule: BoundSchedule
    reads_features: bool
    window_steps: int
    n_actions: int

    @property
    def has_critic(self) -> bool:
        """Whether the network itself estimates values."""
        return self.network.spec.critic is not None

    def state(self) -> dict[str, Any]:
        """Return everything that changes, for a checkpoint."""
        return {
            "network": self.network.engine.snapshot(),
            "encoder": self.encoder.state(),
            "decoder": self.decoder.state(),
            "modulator": self.modulator.state(),
            "control": self.control.state(),
            "schedule": self.schedule.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what `state` returned."""
        self.network.engine.restore(state["network"])
        self.encoder.restore(state["encoder"])
        self.decoder.restore(state["decoder"])
        self.modulator.restore(state["modulator"])
        self.control.restore(state["control"])
        self.schedule.restore(state["schedule"])

    def close(self) -> None:
        """Free the network."""
        self.network.close()


def replica_seeds(config: RunConfig) -> list[Seeds]:
    """Return the seeds of every replica: replica r of seed s runs as seed s + r would alone."""
    options = config.options
    return [spawn_seeds(options.seed + replica) for replica in range(options.replicas)]


def make_environments(config: RunConfig) -> Environments:
    """Return the replicas of the environment."""
    options = config.options
    return Environments(
        options.env, options.replicas, env_kwargs=options.env_kwargs,
        max_episode_steps=options.max_episode_steps,
    )  # fmt: skip


def build_agent(
    config: RunConfig,
    environments: Environments,
    say: Callable[[str], None] | None = None,
) -> Agent:
    """Return the agent of a configuration, bound to the spaces of its environment.

    Raises
    ------
    ValueError
        If a coder does not fit a space, a rule not a neuron, a modulator not a model, or a schedule
        not the network.
    """
    options, parts = config.options, config.parts
    seeds = replica_seeds(config)
    encoder = parts["encoder"].bind(environments.observation_space)
    n_actions = count_actions(environments.action_space)
    is_membrane = parts["decoder"].reads == "membrane"
    neurons_per_action = parts["model"].neurons_per_action
    generators = [np.random.default_rng(seed.decoder) for seed in seeds]
    decoder = parts["decoder"].bind(environments.action_space, neurons_per_action, generators)
    if is_membrane != bool(parts["neuron"].readout):
        fit = "readout neurons (--neuron readout)" if is_membrane else "a decoder of counts"
        raise ValueError(
            f"decoder {config.names['decoder']!r} with neuron {config.names['neuron']!r}: "
            f"expected {fit}."
        )
    spec = parts["model"].build(
        Parts(
            encoder.n_inputs, n_actions, parts["neuron"], parts["critic_neuron"], parts["rule"],
            parts["critic_rule"], parts["update"],
            times_first_spike=parts["decoder"].reads == "first_spike_times_ms",
            timestep_ms=options.timestep_ms,
        )
    )  # fmt: skip
    if "values" in parts["modulator"].requires and spec.critic is None:
        raise ValueError(
            f"modulator {config.names['modulator']!r} reads a critic population, and model "
            f"{config.names['model']!r} has none: use --model actor-critic, or "
            "--modulator td-linear."
        )
    check_wiring(spec, parts["modulator"], parts["decoder"])
    scheduled = find_parameters(parts["schedule"], spec)
    network = Network(
        spec, [s.network for s in seeds], [s.weights for s in seeds], options.engine,
        is_learning=options.control != "frozen", say=say,
    )  # fmt: skip
    learning_signal = None
    if listeners(network):
        learning_signal = BoundLearningSignal(
            parts["learning_signal"], network, decoder, [s.weights for s in seeds]
        )
    modulator = parts["modulator"].bind(options.replicas)
    control = control_third_factor(options.control, [s.control for s in seeds])
    schedule = BoundSchedule(parts["schedule"], scheduled, network)
    steps = round(options.window_ms / options.timestep_ms)
    reads_features = "features" in parts["modulator"].requires
    return Agent(
        encoder, network, decoder, learning_signal, modulator, control, schedule, reads_features,
        steps, n_actions,
    )  # fmt: skip


def count_actions(space: gym.Space) -> int:
    """Return the number of output populations: actions of a Discrete, dimensions of a Box."""
    if isinstance(space, gym.spaces.Discrete):
        return int(space.n)
    if isinstance(space, gym.spaces.Box):
        return int(np.prod(space.shape))
    raise ValueError(f"action space {space}: expected Discrete or Box; wrap the environment.")
