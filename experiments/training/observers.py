"""Observers: what watches a loop. Recorder, progress and checkpoints are observers; so is yours."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from threefactor.envs.bridge.outcome import Outcome
from threefactor.experiments.training.tally import Episode

if TYPE_CHECKING:
    from threefactor.experiments.training.loop import ClosedLoop


class Observer:
    """Base of every observer: override what you want to be told of.

    An observer reads ``loop.agent``, ``loop.environments`` and ``loop.tally`` and changes nothing,
    but it may ask, at any moment, for what then happens between two decisions: ``loop.stop(why)``
    and ``loop.checkpoint()``.
    """

    def began(self, loop: ClosedLoop) -> None:
        """Take note that decisions follow: the first, or those after a resume."""

    def decided(self, loop: ClosedLoop, outcome: Outcome) -> None:
        """Take note of a decision that the agent has learned from; episodes are not yet closed."""

    def finished(self, loop: ClosedLoop, episode: Episode) -> None:
        """Take note of an episode's end, before anything is reset."""

    def checkpointed(self, loop: ClosedLoop) -> None:
        """Keep what you know, here between two decisions: a checkpoint is being written."""

    def kept(self, loop: ClosedLoop) -> None:
        """Keep what `failed` may need, here between two decisions."""

    def failed(self, loop: ClosedLoop) -> None:
        """Save what can be saved: an error, or Ctrl-C in mid-decision, is about to end the run."""

    def ended(self, loop: ClosedLoop) -> None:
        """Take note that no decision follows, whatever the reason; an exception may be one."""


class EpisodeLog(Observer):
    """Keeps every finished episode.

    Attributes
    ----------
    episodes : list of Episode
        In the order in which they ended.
    """

    def __init__(self) -> None:
        self.episodes: list[Episode] = []

    def finished(self, loop: ClosedLoop, episode: Episode) -> None:
        """Keep the episode."""
        self.episodes.append(episode)


class Stopwatch(Observer):
    """Measures how fast decisions follow each other."""

    def __init__(self) -> None:
        self._seconds, self._decisions = 0.0, 0

    @property
    def decisions_per_second(self) -> float:
        """Decisions of all replicas per second; 0 if there were none."""
        return self._decisions / self._seconds if self._decisions else 0.0

    def began(self, loop: ClosedLoop) -> None:
        """Start."""
        self._started = time.perf_counter()

    def decided(self, loop: ClosedLoop, outcome: Outcome) -> None:
        """Count."""
        self._decisions += len(outcome.acting)
        self._seconds = time.perf_counter() - self._started
