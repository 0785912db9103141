"""The closed loop: observation, action, outcome, learning; it knows agents only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from threefactor.agents.contract import Agent
from threefactor.blame import user_place
from threefactor.envs.bridge.batch import Environments
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.tally import EpisodeTally
from threefactor.masks import any_of


@dataclass
class ClosedLoop:
    """R replicas of an agent in their environments, advanced one decision at a time.

    Attributes
    ----------
    stopped_by : str
        Why it is to stop before the episodes are done; empty: nobody has asked.
    notices : tuple of str
        What observers have found and progress shows, in a few words each.
    """

    agent: Agent
    environments: Environments
    tally: EpisodeTally
    observers: tuple[Observer, ...] = ()
    stopped_by: str = field(default="", init=False)
    notices: tuple[str, ...] = field(default=(), init=False)
    _is_checkpoint_due: bool = field(default=False, init=False)
    _is_keeping_due: bool = field(default=False, init=False)

    @classmethod
    def begin(
        cls,
        agent: Agent,
        environments: Environments,
        episodes: int,
        seeds: Sequence[int],
        observers: Sequence[Observer] = (),
    ) -> "ClosedLoop":
        """Return the loop at the first observation of every replica; `seeds` are one for each."""
        environments.reset(seeds)
        tally = EpisodeTally(environments.n_replicas, episodes, environments.return_discount)
        return cls(agent, environments, tally, tuple(observers))

    def run(self) -> None:
        """Run until every replica has had its episodes, or somebody has asked to stop."""
        for observer in self.observers:
            observer.began(self)
        try:
            self._write_checkpoint()  # so that it can be resumed from its first moment on
            while not (self.tally.is_finished or self.stopped_by):
                self.decide()
                if self._is_checkpoint_due:
                    self._write_checkpoint()
                elif self._is_keeping_due:
                    self._keep()
            self._write_checkpoint()
        except BaseException as error:
            if isinstance(error, Exception) and user_place(error) is not None:
                error.add_note(self._moment())
            for observer in self.observers:
                observer.failed(self)
            raise
        finally:
            for observer in self.observers:
                observer.ended(self)

    def _moment(self) -> str:
        """Say when it is, by the first replica."""
        tally = self.tally
        replica = " of replica 0" if tally.replicas > 1 else ""
        return f"episode {tally.done[0] + 1}{replica}, step {tally.lengths[0] + 1}"

    def decide(self) -> None:
        """Run one decision of every replica, from observation to learning."""
        agent, environments, tally = self.agent, self.environments, self.tally
        involved = tally.involved
        actions = agent.act(environments.observations, involved)
        outcome = environments.step(actions)
        agent.learn(outcome, involved)
        tally.count(outcome)
        for observer in self.observers:
            observer.decided(self, outcome)
        ended = tally.close(outcome, agent.needs_bootstrap)
        if any_of(ended):
            for replica in ended.nonzero()[0].tolist():
                for observer in self.observers:
                    observer.finished(self, tally.episode(replica))
            agent.end_episodes(ended, tally.metric)
            environments.reset_where(tally.begin(ended))

    def stop(self, reason: str) -> None:
        """Ask for a stop after the present decision, which leaves what can be resumed."""
        self.stopped_by = reason

    def checkpoint(self) -> None:
        """Ask for a checkpoint after the present decision."""
        self._is_checkpoint_due = True

    def keep(self) -> None:
        """Ask observers to keep in memory, after the present decision, what `failed` may need."""
        self._is_keeping_due = True

    def _keep(self) -> None:
        self._is_keeping_due = False
        for observer in self.observers:
            observer.kept(self)

    def _write_checkpoint(self) -> None:
        self._is_checkpoint_due = False
        for observer in self.observers:
            observer.checkpointed(self)

    def continue_until(self, episodes: int) -> None:
        """Let every replica run on to this number of episodes (after `restore`)."""
        self.environments.reset_where(self.tally.continue_until(episodes))

    def state(self) -> dict[str, Any]:
        """Return the complete state, such that continuing equals never having stopped."""
        return {
            "agent": self.agent.state(),
            "environments": self.environments.state(),
            "tally": self.tally.state(),
        }

    def restore(self, state: Mapping[str, Any], is_trusted: bool = False) -> dict[int, str]:
        """Go back to what `state` returned.

        Parameters
        ----------
        is_trusted : bool
            Whether pickles may be read.

        Returns
        -------
        dict of int to str
            Replicas whose environment could not be brought back to within its episode, and why.
            The agent closes that episode, which does not count, and they begin it anew.
        """
        self.agent.restore(state["agent"])
        lost = self.environments.restore(state["environments"], is_trusted)
        self.tally.restore(state["tally"])
        begun = self.tally.done + self.tally.involved
        self.environments.whereabouts.count_from(begun.tolist(), self.tally.lengths.tolist())
        left = np.zeros(self.tally.replicas, dtype=bool)
        left[list(lost)] = True
        left &= self.tally.acting
        if any_of(left):
            self.agent.end_episodes(left, self.tally.metric)
            self.environments.reset_where(self.tally.begin(left))
        return {replica: reason for replica, reason in lost.items() if left[replica]}
