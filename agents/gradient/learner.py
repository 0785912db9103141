"""One replica's network in PyTorch and what trains it: what all algorithms have in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from threefactor.agents.contract import AgentOptions
from threefactor.agents.gradient.algorithms import ReplaySettings
from threefactor.agents.gradient.coding import FeatureCoding, NumberCoding
from threefactor.agents.gradient.replay import TransitionReplay, Transitions
from threefactor.agents.gradient.settings import GradientSettings
from threefactor.agents.gradient.tensors import (
    module_state,
    optimiser_state,
    restore_module,
    restore_optimiser,
)
from threefactor.agents.seeds import Seeds
from threefactor.envs.bridge.outcome import Outcome
from threefactor.models.differentiable import DifferentiableNetwork
from threefactor.models.specification import NetworkSpec

Floats = NDArray[np.float64]
#: Slope, or temperature, at which nothing is left of the gradient of a spike or of a draw.
NO_GRADIENT = 1e30


@dataclass(frozen=True)
class Place:
    """Where a learner learns: what it is told and does, in which network, from which seeds.

    Attributes
    ----------
    spec : NetworkSpec
    coding : NumberCoding or FeatureCoding
    options : AgentOptions
    spaces : (observation space, action space)
    seed : Seeds
    """

    spec: NetworkSpec
    coding: NumberCoding | FeatureCoding
    options: AgentOptions
    spaces: tuple[gym.Space, gym.Space]
    seed: Seeds


class Learner(ABC):
    """One replica's network in PyTorch, and what trains it.

    Parameters
    ----------
    settings : GradientSettings
    place : Place

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

    def __init__(self, settings: GradientSettings, place: Place) -> None:
        self.settings, self.coding, self.options = settings, place.coding, place.options
        options, seed = place.options, place.seed
        self.steps = round(options.window_ms / options.timestep_ms)
        self.online = DifferentiableNetwork(place.spec, seed.weights, slope=settings.slope)
        if options.control == "zero":
            self.online.slope = self.online.temperature = NO_GRADIENT
        self.scale = place.coding.initial_scale()
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
        """Let the learning rates fall."""
        self.episodes += 1
        self._set_rates()

    def _set_rates(self) -> None:
        """Set the learning rates: they fall geometrically, to their last share at the run's end."""
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
        self.episodes = state["episodes"]
        self._set_rates()
        for name, optimiser in self.optimisers.items():
            restore_optimiser(optimiser, state["optimisers"][name])
        self.generator.bit_generator.state = state["generator"]

    def adopt(self, state: Mapping[str, Any]) -> None:
        """Take over what was learned, and nothing else."""
        restore_module(self.online, state["modules"]["online"])
        self.scale[...] = state["scale"]


class ReplayLearner(Learner):
    """A learner from transitions that are kept and drawn again.

    Attributes
    ----------
    replay : TransitionReplay
    decisions, updates : int
        So far.
    """

    settings: ReplaySettings

    def __init__(self, settings: ReplaySettings, place: Place) -> None:
        super().__init__(settings, place)
        self.replay = TransitionReplay(settings.buffer, place.spaces, place.seed.control)
        self.decisions, self.updates = 0, 0

    @abstractmethod
    def update(self) -> bool:
        """Learn from transitions that are drawn; return whether the network that acts has moved."""

    def learn(self, outcome: Outcome, replica: int) -> bool:
        """Keep a transition, and now and then learn from what is kept."""
        self.replay.add(outcome, replica)
        self.decisions += 1
        is_early = self.decisions < self.settings.learning_starts
        if is_early or self.decisions % self.settings.update_every:
            return False
        return self.update()

    def drawn(self) -> Transitions:
        """Return transitions of an update; of the control "shuffled" outcomes are permuted.

        A termination goes with its reward: where all rewards are equal it says everything.
        """
        found = self.replay.sample(self.settings.batch)
        if self.options.control != "shuffled":
            return found
        order = self.generator.permutation(len(found.rewards))
        return replace(found, rewards=found.rewards[order], terminated=found.terminated[order])

    def state(self) -> dict[str, Any]:
        """Return everything that changes, what is replayed too."""
        return {
            **super().state(), "replay": self.replay.state(), "decisions": self.decisions,
            "updates": self.updates,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        super().restore(state)
        self.replay.restore(state["replay"])
        self.decisions, self.updates = state["decisions"], state["updates"]
