"""TD3 with a spiking actor: membranes at the end of a window are actions, two critics value them.

Equations, in which actions are fractions of half the range of their dimension, from -1 to 1:

action:  a = tanh(membranes);  done is  middle + half_range*clip(a + exploration_noise*N(0, 1))
critics: loss = sum over i = 1, 2 of mean of (Q_i(s, a) - target)**2
target:  r + discount*(1 - terminated)*min over i of Q'_i(s', clip(a' + noise)),  a' = actor'(s')
         noise = clip(smoothing_noise*N(0, 1), -smoothing_limit, smoothing_limit)
actor:   loss = -mean of Q_1(s, actor(s)), at every `policy_delay`-th update

Noise is drawn for every dimension of every action by itself. A truncated episode goes on in the
target: there is something to expect. Actor' and Q' follow what is trained; with a proxy actor' is
an ordinary network, which approaches the spiking actor by a step of regression at every update.
"""

from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from threefactor.agents.gradient.agent import GradientAgent
from threefactor.agents.gradient.algorithms import TD3Settings
from threefactor.agents.gradient.learner import Place, ReplayLearner
from threefactor.agents.gradient.tensors import follow
from threefactor.envs.bridge.decoders.contract import BoxRange
from threefactor.models.differentiable import DifferentiableNetwork


class TD3Learner(ReplayLearner):
    """One replica: actor, critics, what follows them, replayed transitions, noise.

    Source: see `TD3Settings`.
    """

    settings: TD3Settings

    def __init__(self, settings: TD3Settings, place: Place) -> None:
        super().__init__(settings, place)
        spec, coding, spaces, seed = place.spec, place.coding, place.spaces, place.seed
        assert isinstance(spaces[1], gym.spaces.Box)  # `n_outputs` has seen to it
        self.range, self.shape = BoxRange(spaces[1]), spaces[1].shape
        self.n_dimensions = self.range.n_dimensions
        generator = np.random.default_rng((seed.weights, 1))
        hidden = settings.critic_hidden or settings.hidden
        self.critics = Perceptrons((coding.n_numbers + self.n_dimensions, *hidden, 1), 2, generator)
        self.target_critics = deepcopy(self.critics).requires_grad_(False)
        self.target: torch.nn.Module
        trained: list[tuple[str, torch.nn.Module, float]] = [
            ("online", self.online, settings.learning_rate),
            ("critics", self.critics, settings.critic_learning_rate),
        ]
        if settings.has_proxy:
            sizes = (coding.n_numbers, *settings.hidden, self.n_dimensions)
            self.target = Perceptrons(sizes, 1, generator)
            trained.append(("target", self.target, settings.proxy_learning_rate))
        else:
            self.target = DifferentiableNetwork(spec, seed.weights, trainable=())
        self.modules |= {
            "critics": self.critics, "target_critics": self.target_critics, "target": self.target,
        }  # fmt: skip
        self.optimisers = {
            name: torch.optim.Adam([p for p in module.parameters() if p.requires_grad], rate)
            for name, module, rate in trained
        }

    def choose(self, output: NDArray[np.float64]) -> NDArray[Any]:
        """Return the action of the membranes: at first a random one, then with noise."""
        random = self.generator.uniform(-1.0, 1.0, self.n_dimensions)
        noise = self.generator.normal(0.0, self.settings.exploration_noise, self.n_dimensions)
        if not self.is_learning:
            action = np.tanh(output)
        elif self.decisions < self.settings.learning_starts:
            action = random
        else:
            action = np.clip(np.tanh(output) + noise, -1.0, 1.0)
        return self.range.at(0.5 + 0.5 * action).reshape(self.shape)

    def actions(self, told: Tensor) -> Tensor:
        """Return the actions of the trained actor, (batch, n_dimensions) from -1 to 1."""
        return torch.tanh(self.online(told, self.steps)[0])

    def target_actions(self, told: Tensor) -> Tensor:
        """Return the actions of the actor that follows it, likewise."""
        if isinstance(self.target, Perceptrons):
            return torch.tanh(self.target(told)[0])
        return torch.tanh(self.target(told, self.steps)[0])

    def smoothed(self, actions: Tensor) -> Tensor:
        """Return actions with the noise of the target, of each dimension its own."""
        settings = self.settings
        noise = self.generator.normal(0.0, settings.smoothing_noise, actions.shape)
        noise = np.clip(noise, -settings.smoothing_limit, settings.smoothing_limit)
        return (actions + torch.as_tensor(noise, dtype=actions.dtype)).clamp(-1.0, 1.0)

    def goals(self, rewards: Tensor, then: Tensor, terminated: Tensor) -> Tensor:
        """Return what Q(s, a) ought to be, (batch,).

        Parameters
        ----------
        rewards, terminated : (batch,)
        then : (batch, n_numbers)
            What the networks are told of the next observations.
        """
        with torch.no_grad():
            actions = self.smoothed(self.target_actions(then))
            values = self.target_critics(torch.cat([then, actions], 1))[:, :, 0].min(0).values
            return rewards + self.settings.discount * torch.where(terminated, 0.0, values)

    def update(self) -> bool:
        """Take a step of everything that is due; return whether the actor was."""
        settings, drawn = self.settings, self.drawn()
        now, then = self.told(drawn.observations), self.told(drawn.next_observations)
        done = 2.0 * self.range.fractions(drawn.actions.reshape(len(now), -1)) - 1.0
        earned = torch.as_tensor(drawn.rewards, dtype=torch.float32)
        goal = self.goals(earned, then, torch.as_tensor(drawn.terminated))
        values = self.critics(torch.cat([now, torch.as_tensor(done, dtype=now.dtype)], 1))[:, :, 0]
        self._step("critics", (values - goal).square().mean(1).sum())
        self.updates += 1
        is_due = self.updates % settings.policy_delay == 0
        if is_due:
            valued = self.critics(torch.cat([now, self.actions(now)], 1))[0]
            self._step("online", -valued.mean())
            follow(self.target_critics, self.critics, settings.target_rate)
        if settings.has_proxy:
            self._imitate(now)
        elif is_due:
            follow(self.target, self.online, settings.target_rate)
        return is_due

    def _imitate(self, told: Tensor) -> None:
        """Let the proxy come a step nearer to the actor."""
        with torch.no_grad():
            goal = self.actions(told)
        self._step("target", (self.target_actions(told) - goal).square().mean())

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


class TD3Agent(GradientAgent):
    """R independent learners in one network."""

    learner = TD3Learner
