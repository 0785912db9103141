"""Policy gradient through the draws of stochastic spiking neurons.

Actions: softmax of the output's membranes, which sum up the spikes of hidden units in a window.
Every so many decisions, and at an episode's end, they are run again in PyTorch, all at once and
with the noise that the engine had, so that the spikes are the same, and one step is taken down the
gradient of

    loss = mean over decisions of  -A*log pi(a) + value_weight*(R - V)**2 - entropy*H(pi)

    A[t] = sum over k of (discount*trace_decay)**k * delta[t+k],  R = A + V
    delta[t] = r[t] + discount*V[t+1] - V[t];  V = 0 after a termination, and only there

Estimator "reparameterised": the gradient reaches hidden units through relaxed draws. "score": it
does not, and each unit's own log-probability stands beside log pi(a), the same advantage times it:
neurons as agents that are trained by REINFORCE, in the same network.
"""

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from threefactor.agents.gradient.agent import GradientAgent
from threefactor.agents.gradient.algorithms import ReparameterisedSettings
from threefactor.agents.gradient.learner import Learner, Place
from threefactor.agents.plastic.controls import Shuffled
from threefactor.envs.bridge.outcome import Outcome
from threefactor.models.differentiable import State

#: Norm that a gradient is clipped to.
LARGEST_STEP = 1.0


class PolicyLearner(Learner):
    """One replica: a network with a softmax and a value, and the decisions of its episode.

    Source: see `ReparameterisedSettings`.
    """

    settings: ReparameterisedSettings

    def __init__(self, settings: ReparameterisedSettings, place: Place) -> None:
        super().__init__(settings, place)
        space = place.spaces[1]
        assert isinstance(space, gym.spaces.Discrete)  # `n_outputs` has seen to it
        self.first, self.noise_seed = int(space.start), place.seed.network
        self.spread, self.updates = 0.0, 0
        self.is_zero = place.options.control == "zero"
        if not self.is_zero:
            self.online.temperature = settings.temperature
        self.shuffled = None
        if place.options.control == "shuffled":
            self.shuffled = Shuffled([place.seed.control])
        self.optimisers["online"] = torch.optim.Adam(
            (p for p in self.online.parameters() if p.requires_grad), settings.learning_rate
        )
        self._forget()

    def _forget(self) -> None:
        self.seen: list[NDArray[Any]] = []
        self.actions: list[int] = []
        self.rewards: list[float] = []
        self.moments: list[int] = []

    def choose(self, output: NDArray[np.float64]) -> int:
        """Return an action drawn by the softmax; the likeliest when nothing is learned."""
        if not self.is_learning:
            return self.first + int(np.argmax(output[:-1]))
        preferences = self.settings.softmax_gain * output[:-1]
        odds = np.exp(preferences - preferences.max())
        chance = self.generator.random() * odds.sum()
        return self.first + int(np.searchsorted(np.cumsum(odds)[:-1], chance, side="right"))

    def learn(self, outcome: Outcome, replica: int) -> bool:
        """Keep a decision; learn from those since the last time when there are enough."""
        self.seen.append(outcome.observations[replica].copy())
        self.actions.append(int(outcome.actions[replica]) - self.first)
        self.rewards.append(float(outcome.rewards[replica]))
        self.moments.append(self.began)
        is_over = outcome.terminated[replica] or outcome.truncated[replica]
        if not is_over and len(self.actions) < self.settings.update_every:
            return False
        self._update(outcome.next_observations[replica], bool(outcome.terminated[replica]))
        self._forget()
        return True

    def run(self, seen: NDArray[Any], moments: NDArray[np.float64]) -> torch.Tensor:
        """Return the membranes of decisions at their moments, with the engine's noise."""
        state = self.online.initial_state(len(seen))
        self.online.seed_noise([self.noise_seed] * len(seen))
        state = State(state.values, torch.as_tensor(moments)[:, None])
        return self.online(self.told(seen), self.steps, state)[0]

    def _update(self, last: NDArray[Any], is_terminated: bool) -> None:
        settings, n = self.settings, len(self.actions)
        is_scoring = settings.estimator == "score" and not self.is_zero
        self.online.score(is_scoring)
        moments = np.array([*self.moments, self.moments[-1] + self.steps], np.float64)
        outputs = self.run(np.stack([*self.seen, last]), moments)
        drawn = self.online.log_probability()[:n] if is_scoring else torch.zeros(n)
        self.online.score(False)
        values = outputs[:, -1]
        rewards = np.array(self.rewards)
        advantages = self.advantages(rewards, values.detach().numpy(), is_terminated)
        log_policy = torch.log_softmax(settings.softmax_gain * outputs[:n, :-1], 1)
        chosen = log_policy.gather(1, torch.as_tensor(self.actions)[:, None])[:, 0] + drawn
        entropy = -(log_policy.exp() * log_policy).sum(1)
        returns = torch.as_tensor(advantages, dtype=torch.float32) + values[:n].detach()
        heard = advantages if self.shuffled is None else self._swapped(self.shuffled, advantages)
        weights = torch.as_tensor(self.weighed(heard), dtype=torch.float32)
        loss = -(weights * chosen + settings.entropy * entropy)
        loss = (loss + settings.value_weight * (returns - values[:n]).square()).mean()
        (optimiser,) = self.optimisers.values()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.online.parameters(), LARGEST_STEP)
        optimiser.step()

    def advantages(
        self, rewards: NDArray[np.float64], values: NDArray[Any], is_terminated: bool
    ) -> NDArray[np.float64]:
        """Return A of every decision; `values` (n + 1,) end with that of the last observation."""
        settings, found = self.settings, np.zeros(len(rewards))
        ahead, after = 0.0, 0.0 if is_terminated else float(values[-1])
        for t in reversed(range(len(rewards))):
            error = rewards[t] + settings.discount * after - float(values[t])
            ahead = error + settings.discount * settings.trace_decay * ahead
            found[t], after = ahead, float(values[t])
        return found

    def weighed(self, advantages: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return advantages in units of their running root mean square."""
        mean_square = float(np.mean(advantages**2))
        self.updates += 1
        self.spread += max(RENEWED, 1.0 / self.updates) * (mean_square - self.spread)
        return advantages / np.sqrt(self.spread + TINY)

    @staticmethod
    def _swapped(shuffled: Shuffled, advantages: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return advantages swapped with past ones, as third factors are of the other agents."""
        heard = np.ones(1, bool)
        return np.concatenate([shuffled(row, heard) for row in advantages[:, None]])

    def state(self) -> dict[str, Any]:
        """Return everything that changes, the episode that is open too."""
        return {
            **super().state(), "spread": self.spread, "updates": self.updates,
            "seen": [one.copy() for one in self.seen],
            "actions": list(self.actions), "rewards": list(self.rewards),
            "moments": list(self.moments),
            "shuffled": {} if self.shuffled is None else self.shuffled.state(),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        super().restore(state)
        self.spread, self.updates = state["spread"], state["updates"]
        self.seen = [np.array(one) for one in state["seen"]]
        self.actions, self.rewards = list(state["actions"]), list(state["rewards"])
        self.moments = [int(moment) for moment in state["moments"]]
        if self.shuffled is not None:
            self.shuffled.restore(state["shuffled"])


#: Share of the last decisions in the running mean square of advantages.
RENEWED, TINY = 0.01, 1e-8


class PolicyAgent(GradientAgent):
    """R independent learners of a policy in one network."""

    learner = PolicyLearner
