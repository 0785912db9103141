"""What a training run writes down: episodes, recorded episodes in full, weight snapshots."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from threefactor.agents.contract import Agent, Probe
from threefactor.analysis.run_data import EventKind
from threefactor.envs.bridge.outcome import Outcome
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.run_directory import RunDirectory
from threefactor.experiments.training.tally import Episode

#: The most decisions between two times that the agent hands over what was recorded of it.
_DRAIN_DECISIONS = 256
_DECIDED = (int(EventKind.DECISION), int(EventKind.REWARD))  # lists of members take NumPy long


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


@dataclass
class _Events:
    """Events of replica 0 that nothing has been told of yet, column by column."""

    time_ms: list[float] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)

    def append(self, time_ms: float, kind: EventKind, value: float) -> None:
        self.time_ms.append(time_ms)
        self.kind.append(int(kind))
        self.value.append(value)


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
        self._populations = [*recordables.populations, *recordables.graded]
        names = [f"{variable}[{element}]" for variable, element in probes]
        directory.start_recording(
            recordables.populations, names, recordables.weights, recordables.graded
        )
        self._every = math.ceil(options.episodes / max(1, options.weight_snapshots))
        self._is_on = False
        self._events = _Events()
        self._undrained = 0

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
            self._drain()
            self._agent.record(self._populations if wanted else [], self.probes if wanted else [])
            self._is_on = wanted
        if wanted and is_start:
            self._events.append(self._agent.now_ms, EventKind.EPISODE_START, float(done + 1))

    def decided(self, loop: ClosedLoop, outcome: Outcome) -> None:
        """Mark decision and reward of replica 0 while its episode is recorded."""
        if self._is_on and outcome.acting[0]:
            now, events = self._agent.now_ms, self._events
            events.time_ms += (now, now)
            events.kind += _DECIDED
            events.value += (float(outcome.actions.flat[0]), float(outcome.rewards[0]))
        self._undrained += 1
        if self.directory.is_flush_due:
            self._flush()
        elif self._undrained >= _DRAIN_DECISIONS:
            self._drain()

    def finished(self, loop: ClosedLoop, episode: Episode) -> None:
        """Write down a finished episode of any replica, and weights if it is time."""
        window_s = self._options.window_ms * 1e-3
        self.directory.append_episode(
            {
                "replica": episode.replica, "episode": episode.number, "return": episode.total,
                "discounted_return": episode.discounted, "length": episode.length,
                "terminated": episode.terminated, "truncated": episode.truncated,
                "simulated_seconds": episode.length * window_s,
            }
        )  # fmt: skip
        if episode.replica == 0:
            if self._is_on:
                number = float(episode.number)
                self._events.append(self._agent.now_ms, EventKind.EPISODE_END, number)
            done, total = episode.number, self._options.episodes
            if self._options.weight_snapshots and (done % self._every == 0 or done == total):
                self._snapshot(done)
            self._switch(done)
        if self.directory.is_flush_due:
            self._flush()

    def checkpointed(self, loop: ClosedLoop) -> None:
        """Move into the run directory what was recorded so far."""
        self._drain()

    def kept(self, loop: ClosedLoop) -> None:
        """Move into the run directory what was recorded so far."""
        self._drain()

    def ended(self, loop: ClosedLoop) -> None:
        """Move into the run directory what was recorded so far."""
        self._drain()

    def _flush(self) -> None:
        """Write what the agent has recorded, then what ended meanwhile."""
        self._drain()
        self.directory.flush()

    def _drain(self) -> None:
        """Move what was recorded since the last time from the agent into the run directory."""
        self._undrained = 0
        if not self._is_on:
            return
        events, self._events = self._events, _Events()
        if events.kind:
            self.directory.append_events(events.time_ms, events.kind, events.value)
        recording = self._agent.drain()
        for name, (times_ms, neurons) in recording.spikes.items():
            self.directory.append_spikes(name, times_ms, neurons)
        for name, (times_ms, active) in recording.graded.items():
            self.directory.append_graded(name, times_ms, active)
        if self.probes:
            self.directory.append_probes(recording.probe_times_ms, recording.probe_values)

    def _snapshot(self, episode: int) -> None:
        weights = {name: values[0] for name, values in self._agent.weights().items()}
        self.directory.append_weights(episode, weights)
