"""Deep Q-learning by a spiking network: membranes at the end of a window are action values.

loss = mean of huber(Q(s, a) - target),  target = r/unit + discount*(1 - terminated)*Q'(s', a')

a' the action of most value by the online network (double) or by the target network Q', which
follows the online one. A truncated episode goes on in the target: there is something to expect.
"""

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from threefactor.agents.gradient.agent import GradientAgent
from threefactor.agents.gradient.algorithms import DQNSettings
from threefactor.agents.gradient.learner import Place, ReplayLearner
from threefactor.agents.gradient.replay import TransitionReplay, Transitions
from threefactor.agents.gradient.tensors import follow
from threefactor.models.differentiable import DifferentiableNetwork


class QLearner(ReplayLearner[Transitions]):
    """One replica: online and target network, replayed transitions, random actions.

    Source: see `DQNSettings`.
    """

    settings: DQNSettings

    def __init__(self, settings: DQNSettings, place: Place) -> None:
        replay = TransitionReplay(settings.buffer, place.spaces, place.seed.control)
        super().__init__(settings, place, replay)
        space = place.spaces[1]
        assert isinstance(space, gym.spaces.Discrete)  # `n_outputs` has seen to it
        self.first, self.n_actions = int(space.start), int(space.n)
        self.target = DifferentiableNetwork(place.spec, place.seed.weights, trainable=())
        self.modules["target"] = self.target
        self.optimisers["online"] = torch.optim.Adam(
            (p for p in self.online.parameters() if p.requires_grad), settings.learning_rate
        )

    @property
    def epsilon(self) -> float:
        """Share of random actions: none when nothing is learned any more."""
        settings = self.settings
        if not self.is_learning:
            return 0.0
        return max(settings.epsilon_end, settings.epsilon * settings.epsilon_decay**self.decisions)

    def choose(self, output: NDArray[np.float64]) -> int:
        """Return the action of most value, or a random one."""
        chance, random = self.generator.random(), int(self.generator.integers(self.n_actions))
        return self.first + (random if chance < self.epsilon else int(np.argmax(output)))

    def update(self) -> bool:
        """Take a step down the gradient of the loss."""
        settings, drawn = self.settings, self.drawn()
        now, then = self.told(drawn.observations), self.told(drawn.next_observations)
        seen = torch.cat([now, then]) if settings.is_double else now
        values, _ = self.online(seen, self.steps)
        earned = torch.as_tensor(drawn.rewards / settings.unit, dtype=torch.float32)
        goal = self.goals(earned, then, torch.as_tensor(drawn.terminated), values[len(now) :])
        taken = torch.as_tensor(drawn.actions - self.first)[:, None]
        values = values[: len(now)].gather(1, taken)[:, 0]
        loss = torch.nn.functional.smooth_l1_loss(values, goal)
        (optimiser,) = self.optimisers.values()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.online.parameters(), LARGEST_STEP)
        optimiser.step()
        self.updates += 1
        if self.updates % settings.target_every == 0:
            follow(self.target, self.online, settings.target_rate)
        return True

    def goals(
        self, rewards: torch.Tensor, then: torch.Tensor, terminated: torch.Tensor,
        preferred: torch.Tensor,
    ) -> torch.Tensor:  # fmt: skip
        """Return what Q(s, a) ought to be.

        Parameters
        ----------
        rewards, terminated : (batch,)
            Rewards as shares of the unit of values.
        then : (batch, n_numbers)
            What the network is told of the next observations.
        preferred : (batch, n_actions)
            Their values by the online network; used by double Q-learning alone.
        """
        settings = self.settings
        with torch.no_grad():
            expected, _ = self.target(then, self.steps)
            preferred = preferred if settings.is_double else expected
            best = expected.gather(1, preferred.argmax(1, keepdim=True))[:, 0]
            return rewards + settings.discount * torch.where(terminated, 0.0, best)


#: Norm that a gradient is clipped to.
LARGEST_STEP = 10.0


class DQNAgent(GradientAgent):
    """R independent Q-learners in one network."""

    learner = QLearner
