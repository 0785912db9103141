"""TD3 and imitation on sequences: a spiking actor that remembers, jump-started by a guide.

Equations, in which actions are fractions of half the range of their dimension, from -1 to 1, t
counts the decisions of a sequence and h[t] is the actor's state:

action:  a[t] = guide(s[t]) while the guide flies, then tanh(membranes(s[t], h[t])); done is
         clip(a[t] + exploration_noise*N(0, 1))
critics: loss = sum over i = 1, 2 of mean over t >= warm_up of (Q_i(x[t], a[t]) - target[t])**2
         x[t]: what the actor is told of s[t], and the last `critic_history` actions
target:  r[t] + discount*(1 - terminated[t])*min over i of Q'_i(x[t+1], clip(a'[t+1] + noise))
actor:   loss = mean over t >= warm_up of  -value_weight/mean(|Q_1|)*Q_1(x[t], pi[t])
         + imitation*|pi[t] - b[t]|**2,  pi[t] = tanh(membranes(s[t], h[t])) of the present weights,
         b[t] what was done, or what the guide would have done

h[0] = 0 in every sequence, wherever in its episode it begins; the warm-up brings h to where it
would be. Nothing is learned from it, and no gradient reaches into it. Actor' and Q' follow what is
trained. What the guide does with exploration noise is what is imitated: its noise has no mean.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from threefactor.agents.gradient.actor_critic import ActorCriticLearner
from threefactor.agents.gradient.agent import GradientAgent
from threefactor.agents.gradient.algorithms import SequenceTD3BCSettings
from threefactor.agents.gradient.guides import GUIDES
from threefactor.agents.gradient.learner import Place
from threefactor.agents.gradient.replay import SequenceReplay, Sequences
from threefactor.agents.gradient.tensors import follow
from threefactor.envs.bridge.outcome import Outcome
from threefactor.models.differentiable import DifferentiableNetwork


class SequenceLearner(ActorCriticLearner[Sequences]):
    """One replica: actor, guide, critics, what follows them, replayed sequences, noise.

    Source: see `SequenceTD3BCSettings`.
    """

    settings: SequenceTD3BCSettings
    replay: SequenceReplay

    def __init__(self, settings: SequenceTD3BCSettings, place: Place) -> None:
        kind = GUIDES[settings.guide]
        replay = SequenceReplay(
            settings.buffer, place.spaces, place.seed.control,
            length=settings.length, stride=settings.stride, warm_up=settings.warm_up,
            state_shape=(0,) if kind is None else kind.state_shape,
        )  # fmt: skip
        n_privileged = settings.critic_history * settings.n_outputs(place.spaces[1])
        super().__init__(settings, place, replay, n_privileged)
        self.target = DifferentiableNetwork(place.spec, place.seed.weights, trainable=())
        self.modules["target"] = self.target
        self.guide = None if kind is None else kind(place.spaces)
        self.flown, self.before = 0, None if self.guide is None else self.guide.memory

    @property
    def guided(self) -> int:
        """How many decisions at the beginning of this episode are the guide's."""
        settings = self.settings
        if self.guide is None:
            return 0
        if not self.is_learning:
            return settings.guided_tested
        episodes = settings.handover * self.options.episodes
        share = min(1.0, self.episodes / episodes) if episodes else 1.0
        return round(settings.guided_first + share * (settings.guided_last - settings.guided_first))

    @property
    def imitation(self) -> float:
        """Weight of imitation in this episode."""
        return self.settings.imitation * self.settings.imitation_decay**self.episodes

    def choose(self, output: NDArray[np.float64]) -> NDArray[Any]:
        """Return the guide's action or that of the membranes, when it learns with noise."""
        noise = self.generator.normal(0.0, self.settings.exploration_noise, self.n_dimensions)
        if self.guide is not None:
            self.before = self.guide.memory
        if self.guide is not None and self.flown < self.guided:
            action = self.own(self.guide.act(self.observed)[None])[0]
        else:
            action = np.tanh(output)
        if self.is_learning:
            action = np.clip(action + noise, -1.0, 1.0)
        self.flown += 1
        done = self.executed(action)
        if self.guide is not None:
            self.guide.executed(done)
        return done

    def end_episode(self, earned: float) -> None:
        """Let what falls over a run fall, and the guide begin anew."""
        super().end_episode(earned)
        self.flown = 0
        if self.guide is not None:
            self.guide.begin()

    def keep(self, outcome: Outcome, replica: int) -> None:
        """Keep what a decision led to, and what the guide knew before it."""
        self.replay.add(outcome, replica, self.before)

    def told_of(self, observations: NDArray[Any]) -> Tensor:
        """Return what the actor is told of sequences (B, n, ...), as (n, B, n_numbers)."""
        batch, n = observations.shape[:2]
        flat = self.told(observations.reshape(batch * n, *observations.shape[2:]))
        return flat.reshape(batch, n, -1).transpose(0, 1)

    def run(self, network: DifferentiableNetwork, told: Tensor) -> Tensor:
        """Return the actions behind the warm-up, (n - warm_up, B, n_dimensions)."""
        state, warm_up = None, self.settings.warm_up
        if warm_up:
            with torch.no_grad():
                _, state = network(told[:warm_up], self.steps)
        return torch.tanh(network(told[warm_up:], self.steps, state)[0])

    def privileged(self, told: Tensor, done: Tensor) -> Tensor:
        """Return what critics are told behind the warm-up, (L + 1 - warm_up, B, n).

        Parameters
        ----------
        told : (L + 1, B, n_numbers)
        done : (L, B, n_dimensions)
        """
        last, warm_up = self.settings.critic_history, self.settings.warm_up
        history = [done[warm_up - back : len(done) + 1 - back] for back in range(last, 0, -1)]
        return torch.cat([told[warm_up:], *history], 2)

    def update(self) -> bool:
        """Take a step of everything that is due; return whether the actor was."""
        settings, drawn = self.settings, self.drawn()
        learns = torch.as_tensor(drawn.learns.T[settings.warm_up :])
        if not bool(learns.any()):
            return False
        told, done = self.told_of(drawn.observations), self.in_sequence(drawn.actions)
        known = self.privileged(told, done)
        if settings.value_weight:
            self._value(drawn, told, done, known, learns)
        self.updates += 1
        if self.updates % settings.policy_delay:
            return False
        actions = self.run(self.online, told[:-1])[learns]
        loss = torch.zeros(())
        if self.imitation:
            wanted = self.wanted(drawn) if settings.imitates == "guide" else done
            apart = (actions - wanted[settings.warm_up :][learns]).square().sum(1)
            loss = self.imitation * apart.mean()
        if settings.value_weight:
            values = self.critics(torch.cat([known[:-1][learns], actions], 1))[0]
            loss = loss - settings.value_weight * values.mean() / values.detach().abs().mean()
        self._step("online", loss)
        follow(self.target_critics, self.critics, settings.target_rate)
        follow(self.target, self.online, settings.target_rate)
        return True

    def wanted(self, drawn: Sequences) -> Tensor:
        """Return what the guide would have done, (L, B, n_dimensions)."""
        assert self.guide is not None  # the settings have seen to it
        given = drawn.start_states, drawn.observations, drawn.actions
        return self.in_sequence(self.guide.would_do(*given))

    def in_sequence(self, actions: NDArray[Any]) -> Tensor:
        """Return actions of the environment, (B, L, ...), as (L, B, n_dimensions), -1 to 1."""
        batch, n = actions.shape[:2]
        flat = self.own(actions.reshape(batch * n, -1)).reshape(batch, n, -1)
        return torch.as_tensor(flat, dtype=torch.float32).transpose(0, 1)

    def _value(
        self, drawn: Sequences, told: Tensor, done: Tensor, known: Tensor, learns: Tensor
    ) -> None:
        """Let the critics come a step nearer to their goals."""
        warm_up = self.settings.warm_up
        rewards = torch.as_tensor(drawn.rewards.T[warm_up:], dtype=torch.float32)[learns]
        terminated = torch.as_tensor(drawn.terminated.T[warm_up:])[learns]
        with torch.no_grad():
            then = self.run(self.target, told)[1:][learns]
        goal = self.goals(rewards, known[1:][learns], then, terminated)
        taken = torch.cat([known[:-1][learns], done[warm_up:][learns]], 1)
        values = self.critics(taken)[:, :, 0]
        self._step("critics", (values - goal).square().mean(1).sum())

    def state(self) -> dict[str, Any]:
        """Return everything that changes, the guide too."""
        guide = {} if self.guide is None else self.guide.state()
        return {**super().state(), "flown": self.flown, "guide": guide}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        super().restore(state)
        self.flown = state["flown"]
        if self.guide is not None:
            self.guide.restore(state["guide"])


class SequenceAgent(GradientAgent):
    """R independent learners in one network, which keeps its state over an episode."""

    learner = SequenceLearner
