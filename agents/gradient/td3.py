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

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from threefactor.agents.gradient.actor_critic import ActorCriticLearner, Perceptrons
from threefactor.agents.gradient.agent import GradientAgent
from threefactor.agents.gradient.algorithms import TD3Settings
from threefactor.agents.gradient.learner import Place
from threefactor.agents.gradient.replay import TransitionReplay, Transitions
from threefactor.agents.gradient.tensors import follow
from threefactor.models.differentiable import DifferentiableNetwork


class TD3Learner(ActorCriticLearner[Transitions]):
    """One replica: actor, critics, what follows them, replayed transitions, noise.

    Source: see `TD3Settings`.
    """

    settings: TD3Settings

    def __init__(self, settings: TD3Settings, place: Place) -> None:
        replay = TransitionReplay(settings.buffer, place.spaces, place.seed.control)
        super().__init__(settings, place, replay)
        self.target: torch.nn.Module
        if settings.has_proxy:
            sizes = (place.coding.n_numbers, *settings.hidden, self.n_dimensions)
            self.target = Perceptrons(sizes, 1, self.initial)
            self._train("target", self.target, settings.proxy_learning_rate)
        else:
            self.target = DifferentiableNetwork(place.spec, place.seed.weights, trainable=())
        self.modules["target"] = self.target

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
        return self.executed(action)

    def actions(self, told: Tensor) -> Tensor:
        """Return the actions of the trained actor, (batch, n_dimensions) from -1 to 1."""
        return torch.tanh(self.online(told, self.steps)[0])

    def target_actions(self, told: Tensor) -> Tensor:
        """Return the actions of the actor that follows it, likewise."""
        if isinstance(self.target, Perceptrons):
            return torch.tanh(self.target(told)[0])
        return torch.tanh(self.target(told, self.steps)[0])

    def update(self) -> bool:
        """Take a step of everything that is due; return whether the actor was."""
        settings, drawn = self.settings, self.drawn()
        now, then = self.told(drawn.observations), self.told(drawn.next_observations)
        done = torch.as_tensor(self.own(drawn.actions), dtype=now.dtype)
        earned = torch.as_tensor(drawn.rewards, dtype=torch.float32)
        with torch.no_grad():
            expected = self.target_actions(then)
        goal = self.goals(earned, then, expected, torch.as_tensor(drawn.terminated))
        values = self.critics(torch.cat([now, done], 1))[:, :, 0]
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


class TD3Agent(GradientAgent):
    """R independent learners in one network."""

    learner = TD3Learner
