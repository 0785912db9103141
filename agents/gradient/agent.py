"""What gradient-trained agents have in common: they act in an engine and learn in PyTorch.

A decision: the coding turns an observation into numbers, the engine runs the network for one
window, the learner of the replica turns the membranes into an action. What came of it the learner
keeps, and when it has taken a step it hands its weights to the engine, so that the agent always
acts with the network that is trained, spike for spike.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from threefactor.agents.contract import (
    Agent,
    AgentOptions,
    Mask,
    Probe,
    Recordables,
    Recording,
    Vitals,
)
from threefactor.agents.gradient.actor import Actor
from threefactor.agents.gradient.coding import FeatureCoding, NumberCoding
from threefactor.agents.gradient.settings import GradientParts, GradientSettings
from threefactor.agents.gradient.tensors import (
    module_state,
    optimiser_state,
    restore_module,
    restore_optimiser,
)
from threefactor.agents.plastic.recording import drain_replica_0
from threefactor.agents.seeds import Seeds
from threefactor.envs.bridge.outcome import Outcome
from threefactor.models.differentiable import DifferentiableNetwork
from threefactor.models.specification import NetworkSpec

Floats = NDArray[np.float64]


class Learner(ABC):
    """One replica's network in PyTorch, and what trains it.

    Parameters
    ----------
    settings : GradientSettings
    spec : NetworkSpec
    coding : NumberCoding or FeatureCoding
    options : AgentOptions
    spaces : (observation space, action space)
    seed : Seeds

    Attributes
    ----------
    online : DifferentiableNetwork
        What is trained, and acts.
    scale : array
        Of the coding: the largest values that were seen.
    modules : dict of str to Module
        Everything with parameters, for checkpoints; `optimisers` likewise.
    is_learning : bool
    began : int
        Timestep in which the engine began the window of the last decision.
    """

    began = 0

    def __init__(
        self,
        settings: GradientSettings,
        spec: NetworkSpec,
        coding: NumberCoding | FeatureCoding,
        options: AgentOptions,
        spaces: tuple[gym.Space, gym.Space],
        seed: Seeds,
    ) -> None:
        self.settings, self.coding, self.options = settings, coding, options
        self.steps = round(options.window_ms / options.timestep_ms)
        self.online = DifferentiableNetwork(spec, seed.weights, slope=settings.slope)
        if options.control == "zero":
            self.online.slope = NO_GRADIENT
        self.scale = coding.initial_scale()
        self.is_learning = options.control != "frozen"
        self.generator = np.random.default_rng(seed.decoder)
        self.modules: dict[str, torch.nn.Module] = {"online": self.online}
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        self.episodes = 0

    @abstractmethod
    def choose(self, output: Floats) -> Any:
        """Return an action for the membranes (n_outputs,)."""

    @abstractmethod
    def learn(self, outcome: Outcome, replica: int) -> bool:
        """Keep what a decision led to; return whether the weights have changed."""

    def told(self, observations: NDArray[Any]) -> torch.Tensor:
        """Return what the network is told of observations, (batch, n_numbers)."""
        return torch.as_tensor(self.coding.numbers(self.scale, observations), dtype=torch.float32)

    def end_episode(self) -> None:
        """Let the learning rates fall: geometrically, to their last share in the last episode."""
        self.episodes += 1
        done = min(1.0, self.episodes / max(1, self.options.episodes))
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = optimiser.defaults["lr"] * self.settings.learning_rate_end**done

    def state(self) -> dict[str, Any]:
        """Return everything that changes."""
        return {
            "modules": {name: module_state(module) for name, module in self.modules.items()},
            "optimisers": {name: optimiser_state(o) for name, o in self.optimisers.items()},
            "scale": self.scale.copy(),
            "generator": dict(self.generator.bit_generator.state),
            "episodes": self.episodes,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self.adopt(state)
        for name, module in self.modules.items():
            restore_module(module, state["modules"][name])
        self.episodes = state["episodes"] - 1
        self.end_episode()
        self.episodes = state["episodes"]
        for name, optimiser in self.optimisers.items():
            restore_optimiser(optimiser, state["optimisers"][name])
        self.generator.bit_generator.state = state["generator"]

    def adopt(self, state: Mapping[str, Any]) -> None:
        """Take over what was learned, and nothing else."""
        restore_module(self.online, state["modules"]["online"])
        self.scale[...] = state["scale"]


class GradientAgent(Agent):
    """R learners and the network in which they act.

    Parameters
    ----------
    settings, parts, options, spaces, seeds, say
        See `AgentSettings.build`.
    """

    estimates_values = True
    learner: type[Learner]

    def __init__(
        self,
        settings: GradientSettings,
        parts: GradientParts,
        options: AgentOptions,
        spaces: tuple[gym.Space, gym.Space],
        seeds: Sequence[Seeds],
        say: Callable[[str], None] | None = None,
    ) -> None:
        torch.set_num_threads(1)  # of networks as small as these the overhead is more than the gain
        self._coding = settings.number_coding(parts, spaces[0])
        n_outputs = settings.n_outputs(spaces[1])
        spec = settings.specify(parts.neuron, self._coding.n_numbers, n_outputs)
        self._learners = [
            self.learner(settings, spec, self._coding, options, spaces, seed) for seed in seeds
        ]
        self._actor = Actor(spec, options, seeds, say)
        for replica in range(len(seeds)):
            self._hand_over(replica)
        space: Any = spaces[1]
        self._shape, self._dtype = space.shape, space.dtype
        self._recorded: tuple[str, ...] = ()
        self._regime = settings.regime(parts, options, spaces)

    def _hand_over(self, replica: int) -> None:
        self._actor.load(replica, self._learners[replica].online.arrays())

    def act(self, observations: NDArray[Any], involved: Mask) -> NDArray[Any]:
        """Run the network for a window and let every learner choose."""
        told = np.zeros((len(self._learners), self._coding.n_numbers))
        for replica in involved.nonzero()[0].tolist():
            learner, seen = self._learners[replica], observations[replica : replica + 1]
            if learner.is_learning:
                self._coding.observe(learner.scale, seen)
            told[replica] = self._coding.numbers(learner.scale, seen)[0]
        began = self._actor.network.engine.timestep
        outputs = self._actor.outputs(told)
        actions = np.zeros((len(self._learners), *self._shape), self._dtype)
        for replica in involved.nonzero()[0].tolist():
            learner = self._learners[replica]
            learner.began = began
            actions[replica] = learner.choose(outputs[replica])
        return actions

    def learn(self, outcome: Outcome, involved: Mask) -> None:
        """Let the learners keep what came of their actions, and learn from what they kept."""
        for replica in outcome.acting.nonzero()[0].tolist():
            learner = self._learners[replica]
            if learner.is_learning and learner.learn(outcome, replica):
                self._hand_over(replica)

    def end_episodes(self, mask: Mask, returns: NDArray[np.float64]) -> None:
        """Move what moves over a run."""
        for replica in mask.nonzero()[0].tolist():
            self._learners[replica].end_episode()

    def state(self) -> dict[str, Any]:
        """Return everything that changes: networks, optimisers, what is replayed, generators."""
        return {
            "actor": self._actor.state(), "learners": [one.state() for one in self._learners]
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        for learner, saved in zip(self._learners, state["learners"], strict=True):
            learner.restore(saved)
        self._actor.restore(state["actor"])

    def adopt(self, state: Mapping[str, Any]) -> None:
        """Take over weights and the scale of the numbers."""
        for replica, saved in enumerate(state["learners"]):
            self._learners[replica].adopt(saved)
            self._hand_over(replica)

    def freeze(self) -> None:
        """Learn no more, and decide without noise."""
        for learner in self._learners:
            learner.is_learning = False

    def weights(self) -> dict[str, NDArray[np.float64]]:
        """Return copies of all weights, as the engine has them."""
        return self._actor.weights()

    def describe(self) -> dict[str, Any]:
        """Return engine and sizes."""
        return {
            **self._actor.describe(), "first_action": None, "scheduled": {}, "regime": self._regime,
        }  # fmt: skip

    def close(self) -> None:
        """Free the engine."""
        self._actor.network.close()

    @property
    def now_ms(self) -> float:
        """Simulated time, ms."""
        return self._actor.network.engine.timestep * self._actor.spec.timestep_ms

    def recordables(self) -> Recordables:
        """Return the populations that spike, the numbers of the engine, every connection."""
        return self._actor.recordables()

    def record(self, populations: Sequence[str], probes: Sequence[Probe]) -> None:
        """Record spikes of populations, and probes in every timestep."""
        self._recorded = tuple(populations)
        self._actor.network.engine.record(list(populations), list(probes), 1)

    def drain(self) -> Recording:
        """Return and forget the spikes and samples of replica 0."""
        return drain_replica_0(self._actor.network, self._recorded)

    def vitals(self, replica: int, decisions: int) -> dict[str, Vitals]:
        """Return spikes and weights of a replica since the last time."""
        return self._actor.vitals(replica, decisions)


#: Slope at which no gradient of a spike is left, of any distance a double can tell from zero.
NO_GRADIENT = 1e30
