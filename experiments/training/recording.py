"""What a training run writes down: episodes, recorded episodes in full, weight snapshots."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from threefactor.agents.contract import Agent, Probe
from threefactor.analysis.run_data import EventKind
from threefactor.envs.bridge.outcome import Outcome
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.run_directory import RunDirectory
from threefactor.experiments.training.tally import Episode


@dataclass(frozen=True)
class RecordingOptions:
    """How much of a run is written down.

    Parameters
    ----------
    episodes : int
        Of the whole run, per replica.
    window_ms : float
        Simulated time of a decision.
    recorded : int
        So many first and last episodes of replica 0 are recorded spike by spike.
    weight_snapshots : int
        Snapshots of all weights of replica 0 over the run.
    """

    episodes: int
    window_ms: float
    recorded: int
    weight_snapshots: int


class Recorder(Observer):
    """Observer that fills a run directory.

    Parameters
    ----------
    probes : sequence of Probe
        Sampled in recorded episodes; a resumed run goes on with the same ones.
    """

    def __init__(
        self,
        directory: RunDirectory,
        options: RecordingOptions,
        agent: Agent,
        probes: Sequence[Probe],
    ) -> None:
        self.directory = directory
        self.probes = list(probes)
        self._options = options
        self._agent = agent
        recordables = agent.recordables()
        self._populations = list(recordables.populations)
        names = [f"{variable}[{element}]" for variable, element in probes]
        directory.start_recording(recordables.populations, names, recordables.weights)
        self._every = math.ceil(options.episodes / max(1, options.weight_snapshots))
        self._is_on = False
        self._events: list[tuple[float, EventKind, float]] = []

    def began(self, loop: ClosedLoop) -> None:
        """Start recording before the first decision (or after a resume)."""
        if loop.tally.decisions == 0 and self._options.weight_snapshots:
            self._snapshot(0)
        self._switch(int(loop.tally.done[0]), is_start=loop.tally.lengths[0] == 0)

    def _switch(self, done: int, is_start: bool = True) -> None:
        """Turn recording of the coming episode of replica 0 on or off."""
        keep, total = self._options.recorded, self._options.episodes
        wanted = done < total and (done < keep or done >= total - keep)
        if wanted != self._is_on:
            self._agent.record(self._populations if wanted else [], self.probes if wanted else [])
            self._is_on = wanted
        if wanted and is_start:
            self._events.append((self._agent.now_ms, EventKind.EPISODE_START, done + 1))

    def decided(self, loop: ClosedLoop, outcome: Outcome) -> None:
        """Mark decision and reward of replica 0 while its episode is recorded."""
        self.directory.flush_if_due()
        if not (self._is_on and outcome.acting[0]):
            return
        now = self._agent.now_ms
        action = float(np.ravel(outcome.actions[0])[0])
        reward = float(outcome.rewards[0])
        self._events += ((now, EventKind.DECISION, action), (now, EventKind.REWARD, reward))

    def finished(self, loop: ClosedLoop, episode: Episode) -> None:
        """Write what was recorded of a finished episode, and the episode."""
        if episode.replica == 0 and self._is_on:
            self._events.append((self._agent.now_ms, EventKind.EPISODE_END, float(episode.number)))
            self._drain()
        window_s = self._options.window_ms * 1e-3
        self.directory.append_episode(
            {
                "replica": episode.replica, "episode": episode.number, "return": episode.total,
                "discounted_return": episode.discounted, "length": episode.length,
                "terminated": episode.terminated, "truncated": episode.truncated,
                "simulated_seconds": episode.length * window_s,
            }
        )  # fmt: skip
        if episode.replica != 0:
            return
        done, total = episode.number, self._options.episodes
        if self._options.weight_snapshots and (done % self._every == 0 or done == total):
            self._snapshot(done)
        self._switch(done)

    def checkpointed(self, loop: ClosedLoop) -> None:
        """Move into the run directory what was recorded so far."""
        self._drain()

    def ended(self, loop: ClosedLoop) -> None:
        """Move into the run directory what was recorded so far."""
        self._drain()

    def _drain(self) -> None:
        if not self._is_on:
            return
        if self._events:
            self.directory.append_events(*zip(*self._events, strict=True))
            self._events.clear()
        recording = self._agent.drain()
        for name, (times_ms, neurons) in recording.spikes.items():
            self.directory.append_spikes(name, times_ms, neurons)
        if self.probes:
            self.directory.append_probes(recording.probe_times_ms, recording.probe_values)

    def _snapshot(self, episode: int) -> None:
        weights = {name: values[0] for name, values in self._agent.weights().items()}
        self.directory.append_weights(episode, weights)
