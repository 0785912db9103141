"""What gradient-trained agents have in common: they act in an engine and learn in PyTorch.

A decision: the coding turns an observation into numbers, the engine runs the network for one
window, the learner of the replica turns the membranes into an action. What came of it the learner
keeps, and when it has taken a step it hands its weights to the engine, so that the agent always
acts with the network that is trained, spike for spike.
"""

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
from threefactor.agents.gradient.learner import Learner, Place
from threefactor.agents.gradient.settings import GradientParts, GradientSettings
from threefactor.agents.seeds import Seeds
from threefactor.envs.bridge.outcome import Outcome

Floats = NDArray[np.float64]


class GradientAgent(Agent):
    """R learners and the network in which they act.

    Parameters
    ----------
    settings, parts, options, spaces, seeds, say
        See `AgentSettings.build`.
    """

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
        spec, self._coding = settings.network(parts, spaces)
        told = (spec, self._coding, options, spaces)
        places = (Place(*told, seed, parts.schedule) for seed in seeds)
        self._learners = [self.learner(settings, place) for place in places]
        self._actor = Actor(spec, options, seeds, say)
        for replica in range(len(seeds)):
            self._hand_over(replica)
        space: Any = spaces[1]
        self._shape, self._dtype = space.shape, space.dtype
        self._regime = settings.regime(parts, options, spaces)
        self.estimates_values = settings.estimates_values

    def _hand_over(self, replica: int) -> None:
        self._actor.network.load(self._learners[replica].online.arrays(), replica)

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
            learner.began, learner.observed = began, observations[replica]
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
        self._actor.begin_episodes(mask)
        for replica in mask.nonzero()[0].tolist():
            self._learners[replica].end_episode(float(returns[replica]))

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

    def quantise(self, bits: int) -> None:
        """Act from now on with weights of so few bits, each projection with a step of its own."""
        self._actor.network.quantise(bits)

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
            **self._actor.describe(), "first_action": None, "regime": self._regime,
            "scheduled": [learner.scheduled() for learner in self._learners],
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
        self._actor.record(populations, probes)

    def drain(self) -> Recording:
        """Return and forget the spikes, samples and sent numbers of replica 0."""
        return self._actor.drain()

    def vitals(self, replica: int, decisions: int) -> dict[str, Vitals]:
        """Return spikes and weights of a replica since the last time."""
        return self._actor.vitals(replica, decisions)
