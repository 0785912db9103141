"""The closed loop: observation, rates, spikes, counts, action, reward, third factor, weights."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.batch import Environments
from threefactor.experiments.training.agent import Agent
from threefactor.rules.modulators import Outcome, ThirdFactor


@dataclass(frozen=True)
class Episode:
    """What one finished episode was."""

    replica: int
    number: int
    total: float
    discounted: float
    length: int
    terminated: bool
    truncated: bool


class Observer(Protocol):
    """What watches the loop; it must not change it."""

    def decided(self, loop: "ClosedLoop", actions: NDArray, rewards: NDArray) -> None:
        """Take note of a decision and what it earned."""

    def finished(self, loop: "ClosedLoop", episode: Episode) -> None:
        """Take note of an episode's end."""


@dataclass
class ClosedLoop:
    """R agents and their environments, advanced one decision at a time.

    A replica acts, or waits for the value of its last state (`closing`: one more window after a
    truncation, because truncation is not termination), or rests because its episodes are done.

    Parameters
    ----------
    episodes : int
        Episodes of each replica, >= 1.
    """

    agent: Agent
    environments: Environments
    episodes: int
    env_seeds: list[int]
    observer: Observer | None = None
    observations: NDArray = field(init=False)

    def __post_init__(self) -> None:
        """Begin the first episode of every replica."""
        replicas = self.environments.n_replicas
        self.observations = self.environments.reset(self.env_seeds)
        self.acting = np.ones(replicas, dtype=bool)
        self.closing = np.zeros(replicas, dtype=bool)
        self.done = np.zeros(replicas, dtype=int)
        self.decisions = 0
        self._total = np.zeros(replicas)
        self._discounted = np.zeros(replicas)
        self._discount = np.ones(replicas)
        self._began_at = np.zeros(replicas, dtype=int)
        self._ended_at = np.zeros(replicas, dtype=int)
        self._ends = np.zeros((2, replicas), dtype=bool)
        self._final_weights: dict[int, dict[str, NDArray]] = {}
        self._done_at = np.zeros(replicas, dtype=int)
        self._first_action = int(getattr(self.environments.action_space, "start", 0))
        self._rates = np.zeros((replicas, self.agent.encoder.n_inputs))
        self._gamma = self.environments.return_discount
        self._reads_time = self.agent.decoder.reads == "first_spike_times_ms"
        self._scale = 1.0 / self.agent.encoder.rates_range_hz[1]

    @property
    def is_finished(self) -> bool:
        """Whether every replica has had its episodes."""
        return not (self.acting.any() or self.closing.any())

    def is_within_episode(self, replica: int) -> bool:
        """Whether the present episode of a replica has had its first decision."""
        is_open = self.acting[replica] or self.closing[replica]
        return bool(is_open and self._began_at[replica] < self.decisions)

    def continue_until(self, episodes: int) -> None:
        """Let every replica run on to this number of episodes (after `restore`)."""
        self.episodes = episodes
        begins = ~self.acting & ~self.closing & (self.done < episodes)
        if begins.any():
            rested = begins & (self._done_at < self.decisions)
            if rested.any():  # they ran on while they waited for the others
                self.agent.network.start_episode(rested)
            self._keep_final_weights()
            self.acting |= begins
            self._began_at[begins] = self.decisions
            self.observations = self.environments.reset_where(begins)

    def decide(self) -> None:
        """Run one decision of every replica, from observation to weights."""
        agent, network, modulator = self.agent, self.agent.network, self.agent.modulator
        started = network.engine.timestep if self._reads_time else 0
        rates = agent.encoder.encode(self.observations, self._rates, learn=True)
        counts = network.advance(rates, agent.window_steps)
        values = network.values() if agent.has_critic else None
        involved = self.acting | self.closing
        self._deliver(modulator.on_window(values, involved), involved)
        outputs = network.first_spikes_ms(started) if self._reads_time else counts
        actions = agent.decoder.decode(outputs)
        if agent.learning_signal is not None:
            agent.learning_signal.write(counts, actions - self._first_action)
        network.close_decision(actions - self._first_action if network.reads_choice else None)
        features = rates * self._scale if agent.reads_features else None
        self.observations, rewards, terminated, truncated = self.environments.step(actions)
        next_features = (
            agent.encoder.encode(self.observations) * self._scale if agent.reads_features else None
        )
        outcome = Outcome(
            rewards, terminated, truncated, self.acting, values, features, next_features
        )
        self._deliver(modulator.on_outcome(outcome), self.acting)
        self._score(rewards)
        self.decisions += 1
        if self.observer is not None:
            self.observer.decided(self, actions, rewards)
        if _any(terminated) or _any(truncated) or _any(self.closing):
            self._end_episodes(terminated, truncated)
            if self.is_finished:
                self._keep_final_weights()

    def _deliver(self, third_factor: NDArray | ThirdFactor | None, active: NDArray) -> None:
        network, control = self.agent.network, self.agent.control
        if isinstance(third_factor, ThirdFactor):
            changed = third_factor.through(lambda rows: control(rows, active))
            network.consolidate(changed.scalar, changed.vectors)
        elif third_factor is not None:
            network.consolidate(control(third_factor, active))

    def _score(self, rewards: NDArray) -> None:
        self._total += rewards
        if self._gamma != 1.0:
            self._discounted += self._discount * rewards
            self._discount *= self._gamma

    def _end_episodes(self, terminated: NDArray, truncated: NDArray) -> None:
        """Close the ended episodes; truncated replicas may first owe one more window."""
        waits = truncated & ~terminated & self.agent.modulator.needs_bootstrap
        ended = (terminated | truncated | self.closing) & ~waits
        stops = terminated | truncated
        self._ends[:, stops] = np.array([terminated, truncated])[:, stops]
        self._ended_at[stops] = self.decisions
        self.acting = self.acting & ~stops
        self.closing = waits
        if not ended.any():
            return
        for replica in np.flatnonzero(ended):
            self.done[replica] += 1
            if self.observer is not None:
                self.observer.finished(self, self._episode(int(replica)))
        self.agent.network.start_episode(ended)
        self.agent.modulator.reset(ended)
        returns = self._total if self._gamma == 1.0 else self._discounted
        self.agent.schedule.end_episodes(ended, returns)
        self._total[ended] = self._discounted[ended] = 0.0
        self._discount[ended] = 1.0
        self._began_at[ended] = self.decisions
        begins = ended & (self.done < self.episodes)
        self.acting |= begins
        if begins.any():
            self.observations = self.environments.reset_where(begins)
        for replica in np.flatnonzero(ended & ~begins).tolist():
            weights = self.agent.network.weights()
            self._final_weights[replica] = {name: w[replica] for name, w in weights.items()}
            self._done_at[replica] = self.decisions

    def _keep_final_weights(self) -> None:
        """Give replicas that waited for others the weights that they ended with.

        Rules that drift without a third factor have moved them meanwhile.
        """
        for replica, weights in self._final_weights.items():
            for name, final in weights.items():
                self.agent.network.replicated(f"{name}.w")[replica] = final
        self._final_weights = {}

    def _episode(self, replica: int) -> Episode:
        total = float(self._total[replica])
        return Episode(
            replica, int(self.done[replica]), total,
            total if self._gamma == 1.0 else float(self._discounted[replica]),
            int(self._ended_at[replica] - self._began_at[replica]),
            bool(self._ends[0, replica]), bool(self._ends[1, replica]),
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Return the complete state, such that continuing equals never having stopped."""
        names = (
            "acting",
            "closing",
            "done",
            "_done_at",
            "_total",
            "_discounted",
            "_discount",
            "_began_at",
            "_ended_at",
            "_ends",
        )
        return {
            "agent": self.agent.state(),
            "environments": self.environments.state(),
            "observations": self.observations.copy(),
            "decisions": self.decisions,
            "_final_weights": dict(self._final_weights),
            **{name: getattr(self, name).copy() for name in names},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what `state` returned."""
        self.agent.restore(state["agent"])
        self.environments.restore(state["environments"])
        for name, value in state.items():
            if name not in ("agent", "environments"):
                setattr(self, name, value.copy() if isinstance(value, np.ndarray) else value)


def _any(flags: NDArray[np.bool_]) -> bool:
    """Return whether any flag is set, in a tenth of the time of `flags.any()` for few replicas."""
    return True in flags.tolist()
