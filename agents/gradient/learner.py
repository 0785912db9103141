"""One replica's network in PyTorch and what trains it: what all algorithms have in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from threefactor.agents.contract import AgentOptions
from threefactor.agents.gradient.algorithms import ReplaySettings
from threefactor.agents.gradient.coding import FeatureCoding, NumberCoding
from threefactor.agents.gradient.replay import (
    SequenceReplay,
    Sequences,
    TransitionReplay,
    Transitions,
)
from threefactor.agents.gradient.settings import GradientSettings
from threefactor.agents.gradient.tensors import (
    module_state,
    optimiser_state,
    restore_module,
    restore_optimiser,
)
from threefactor.agents.plastic.schedules import Fixed, Schedule
from threefactor.agents.seeds import Seeds
from threefactor.envs.bridge.outcome import Outcome
from threefactor.models.differentiable import DifferentiableNetwork
from threefactor.models.specification import NetworkSpec

Floats = NDArray[np.float64]
#: What an update learns from.
Drawn = TypeVar("Drawn", bound=Transitions | Sequences)
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
    schedule : Schedule
        Of what the settings call `adjustable`.
    """

    spec: NetworkSpec
    coding: NumberCoding | FeatureCoding
    options: AgentOptions
    spaces: tuple[gym.Space, gym.Space]
    seed: Seeds
    schedule: Schedule = field(default_factory=Fixed)


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
    observed : array
        What that decision is about.
    """

    began = 0
    observed: NDArray[Any]

    def __init__(self, settings: GradientSettings, place: Place) -> None:
        self.settings, self.coding, self.options = settings, place.coding, place.options
        options, seed = place.options, place.seed
        self.steps = round(options.window_ms / options.timestep_ms)
        self.online = DifferentiableNetwork(
            place.spec, seed.weights, trained_arrays(place.spec), settings.slope
        )
        if options.control == "zero":
            self.online.slope = self.online.temperature = NO_GRADIENT
        self.schedule = place.schedule.over(options.episodes)
        self.returns = np.full(self.schedule.memory, np.nan)
        self.scale = place.coding.initial_scale()
        self.is_learning = options.control != "frozen"
        self.generator = np.random.default_rng(seed.decoder)
        self.modules: dict[str, torch.nn.Module] = {"online": self.online}
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        self.episodes = 0
        self._set_slope()

    @abstractmethod
    def choose(self, output: Floats) -> Any:
        """Return an action for the membranes (n_outputs,)."""

    @abstractmethod
    def learn(self, outcome: Outcome, replica: int) -> bool:
        """Keep what a decision led to; return whether the weights have changed."""

    def told(self, observations: NDArray[Any]) -> torch.Tensor:
        """Return what the network is told of observations, (batch, n_numbers)."""
        return torch.as_tensor(self.coding.numbers(self.scale, observations), dtype=torch.float32)

    def end_episode(self, earned: float) -> None:
        """Let the learning rates fall, and the slope go where its schedule says.

        Parameters
        ----------
        earned : float
            The environment's own metric of the episode.
        """
        self.episodes += 1
        if len(self.returns):
            self.returns = np.append(self.returns[1:], earned)
        self._set_rates()
        self._set_slope()

    def scheduled(self) -> dict[str, float]:
        """Return what is scheduled, parameter -> its value in the next episode."""
        names = self.schedule.parameter
        own = [float(getattr(self.settings, name.partition(".")[2])) for name in names]
        done, returns = np.array([self.episodes]), self.returns[None]
        values = self.schedule.values(own, done, returns)[0] if names else np.zeros(0)
        return dict(zip(names, values.tolist(), strict=True))

    def _set_slope(self) -> None:
        slope = self.scheduled().get("agent.slope")
        if slope is not None and self.options.control != "zero":
            self.online.slope = slope

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
            "returns": self.returns.copy(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self.adopt(state)
        for name, module in self.modules.items():
            restore_module(module, state["modules"][name])
        self.episodes, self.returns = state["episodes"], np.array(state["returns"])
        self._set_rates()
        self._set_slope()
        for name, optimiser in self.optimisers.items():
            restore_optimiser(optimiser, state["optimisers"][name])
        self.generator.bit_generator.state = state["generator"]

    def adopt(self, state: Mapping[str, Any]) -> None:
        """Take over what was learned, and nothing else."""
        restore_module(self.online, state["modules"]["online"])
        self.scale[...] = state["scale"]


def trained_arrays(spec: NetworkSpec) -> list[str]:
    """Return the names of all weights, and of what neurons have drawn for themselves."""
    return [
        *(f"{projection.name}.w" for projection in spec.projections),
        *(f"{modulation.name}.weight" for modulation in spec.modulations),
        *(f"{p.name}.{name}" for p in spec.populations for name in p.heterogeneity),
    ]


class ReplayLearner(Learner, Generic[Drawn]):
    """A learner from what is kept and drawn again.

    Parameters
    ----------
    settings : ReplaySettings
    place : Place
    replay : TransitionReplay or SequenceReplay

    Attributes
    ----------
    decisions, updates : int
        So far.
    """

    settings: ReplaySettings

    def __init__(
        self, settings: ReplaySettings, place: Place, replay: TransitionReplay | SequenceReplay
    ) -> None:
        super().__init__(settings, place)
        self.replay = replay
        self.decisions, self.updates = 0, 0

    @abstractmethod
    def update(self) -> bool:
        """Learn from what is drawn; return whether the network that acts has moved."""

    def keep(self, outcome: Outcome, replica: int) -> None:
        """Keep what a decision led to."""
        self.replay.add(outcome, replica)

    def learn(self, outcome: Outcome, replica: int) -> bool:
        """Keep a decision, and now and then learn from what is kept."""
        self.keep(outcome, replica)
        self.decisions += 1
        is_early = self.decisions < self.settings.learning_starts or not len(self.replay)
        if is_early or self.decisions % self.settings.update_every:
            return False
        return self.update()

    def drawn(self) -> Drawn:
        """Return what an update learns from; of the control "shuffled" in another order."""
        found: Any = self.replay.sample(self.settings.batch)
        return found.shuffled(self.generator) if self.options.control == "shuffled" else found

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
