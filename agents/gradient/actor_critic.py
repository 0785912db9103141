"""A spiking actor and two ordinary critics: what is common to algorithms of actions in a Box."""

from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from threefactor.agents.gradient.algorithms import ActorCriticSettings
from threefactor.agents.gradient.learner import Drawn, Place, ReplayLearner
from threefactor.agents.gradient.replay import SequenceReplay, TransitionReplay
from threefactor.envs.bridge.decoders.contract import BoxRange


class ActorCriticLearner(ReplayLearner[Drawn]):
    """One replica: actor, critics, what follows the critics, noise.

    Actions are fractions of half the range of their dimension, from -1 to 1, for all but the
    environment.

    Parameters
    ----------
    settings : ActorCriticSettings
    place : Place
    replay : TransitionReplay or SequenceReplay
    n_privileged : int
        Numbers that critics are told and the actor is not.
    """

    settings: ActorCriticSettings

    def __init__(
        self,
        settings: ActorCriticSettings,
        place: Place,
        replay: TransitionReplay | SequenceReplay,
        n_privileged: int = 0,
    ) -> None:
        super().__init__(settings, place, replay)
        space = place.spaces[1]
        assert isinstance(space, gym.spaces.Box)  # `n_outputs` has seen to it
        self.range, self.shape = BoxRange(space), space.shape
        self.n_dimensions = self.range.n_dimensions
        self.initial = np.random.default_rng((place.seed.weights, 1))
        hidden = settings.critic_hidden or settings.hidden
        n_told = place.coding.n_numbers + n_privileged + self.n_dimensions
        self.critics = Perceptrons((n_told, *hidden, 1), 2, self.initial)
        self.target_critics = deepcopy(self.critics).requires_grad_(False)
        self.modules |= {"critics": self.critics, "target_critics": self.target_critics}
        self._train("online", self.online, settings.learning_rate)
        self._train("critics", self.critics, settings.critic_learning_rate)

    def _train(self, name: str, module: torch.nn.Module, rate: float) -> None:
        """Give a module an optimiser."""
        trained = [p for p in module.parameters() if p.requires_grad]
        self.optimisers[name] = torch.optim.Adam(trained, rate)

    def executed(self, action: NDArray[np.float64]) -> NDArray[Any]:
        """Return an action, (n_dimensions,) from -1 to 1, in units of the environment."""
        return self.range.at(0.5 + 0.5 * action).reshape(self.shape)

    def own(self, actions: NDArray[Any]) -> NDArray[np.float64]:
        """Return actions of the environment, (n, ...), from -1 to 1, (n, n_dimensions)."""
        return 2.0 * self.range.fractions(actions.reshape(len(actions), -1)) - 1.0

    def smoothed(self, actions: Tensor) -> Tensor:
        """Return actions with the noise of the target, of each dimension its own."""
        settings = self.settings
        noise = self.generator.normal(0.0, settings.smoothing_noise, actions.shape)
        noise = np.clip(noise, -settings.smoothing_limit, settings.smoothing_limit)
        return (actions + torch.as_tensor(noise, dtype=actions.dtype)).clamp(-1.0, 1.0)

    def goals(self, rewards: Tensor, then: Tensor, actions: Tensor, terminated: Tensor) -> Tensor:
        """Return what Q(s, a) ought to be, (n,).

        Parameters
        ----------
        rewards, terminated : (n,)
        then : (n, n_told)
            What critics are told of the next observations.
        actions : (n, n_dimensions)
            Of the target's actor, there.
        """
        with torch.no_grad():
            told = torch.cat([then, self.smoothed(actions)], 1)
            values = self.target_critics(told)[:, :, 0].min(0).values
            return rewards + self.settings.discount * torch.where(terminated, 0.0, values)

    def _step(self, name: str, loss: Tensor) -> None:
        """Take a step down the gradient of a loss, of one module's parameters alone."""
        optimiser = self.optimisers[name]
        optimiser.zero_grad()
        trained = [p for group in optimiser.param_groups for p in group["params"]]
        torch.autograd.backward(loss, inputs=trained)
        optimiser.step()


class Perceptrons(torch.nn.Module):
    """Ordinary networks of rectified units side by side: (batch, inputs) -> (n, batch, outputs).

    Parameters
    ----------
    sizes : sequence of int
        Of input, hidden layers and output.
    n : int
    generator : numpy.random.Generator
        Of initial weights and biases, uniform within 1/sqrt(units below).
    """

    def __init__(self, sizes: Sequence[int], n: int, generator: np.random.Generator) -> None:
        super().__init__()
        self.weights, self.biases = torch.nn.ParameterList(), torch.nn.ParameterList()
        for below, above in pairwise(sizes):
            for kept, rows in ((self.weights, below), (self.biases, 1)):
                values = generator.uniform(-1.0, 1.0, (n, rows, above)) / below**0.5
                kept.append(torch.nn.Parameter(torch.as_tensor(values, dtype=torch.float32)))

    def forward(self, told: Tensor) -> Tensor:
        """Return what all of them make of the same input."""
        values = told.expand(len(self.weights[0]), *told.shape)
        last = len(self.weights) - 1
        for layer, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = torch.baddbmm(biases, values, weights)
            values = values if layer == last else torch.relu(values)
        return values
