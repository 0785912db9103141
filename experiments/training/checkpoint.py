"""Checkpoints of a run: plain data, written aside and renamed; a crash leaves the one before."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from threefactor.analysis.run_data import Run
from threefactor.envs.bridge.outcome import Outcome
from threefactor.envs.bridge.resuming import ByEpisode
from threefactor.experiments.archive import read_archive, write_archive
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.preconditions import (
    CHECKPOINT,
    require_checkpoint,
    writing,
)
from threefactor.experiments.training.progress import Say
from threefactor.experiments.training.recording import Recorder
from threefactor.experiments.training.tally import Episode

#: The first checkpoint is written before the first decision, the next after so many seconds, then
#: after twice as many, up to the interval of the run.
FIRST_INTERVAL_S = 1.0
#: What is written after an error was kept in memory when the last episode ended, and every second
#: within it, as far as that takes no more than these seconds and this part of the time.
KEPT_S, KEPT_BURST_S, KEPT_PART = 1.0, 0.05, 1 / 300
#: At most such a part of the time goes into checkpoints.
WRITTEN_PART = 1 / 20
#: Counts up where the same state would go on otherwise. 2: input spikes are drawn by their gaps.
#: 3: plain data in place of pickles.
FORMAT = 3
#: What a checkpoint holds; one with other entries is of another version.
ENTRIES = {"format", "run", "agent", "environments", "tally", "mark", "probes"}


class Checkpoints(Observer):
    """Observer that asks for checkpoints now and then and writes every one that is asked for.

    It comes after the recorder, which then has moved into the directory what belongs to it. When an
    error ends the run it writes the last state that it has kept: that of the loop may be half a
    decision.
    """

    def __init__(self, recorder: Recorder, interval_s: float, say: Say) -> None:
        self._recorder, self._say = recorder, say
        self._interval_s = interval_s
        self._kept: dict[str, Any] | None = None
        self._has_said = False

    def began(self, loop: ClosedLoop) -> None:
        """Begin with a short interval."""
        self._next_s = min(FIRST_INTERVAL_S, self._interval_s)
        self._began_s, self._spent_s, self._cost_s = time.perf_counter(), 0.0, 0.0

    def decided(self, loop: ClosedLoop, outcome: Outcome) -> None:
        """Ask for a checkpoint if it is time."""
        now = time.perf_counter()
        if now > self._due_s:
            loop.checkpoint()
        elif now > self._keep_s and self._has_time_to_keep(now):
            loop.keep()

    def finished(self, loop: ClosedLoop, episode: Episode) -> None:
        """Ask for the state to be kept if there is time for it."""
        if self._has_time_to_keep(time.perf_counter()):
            loop.keep()

    def _has_time_to_keep(self, now: float) -> bool:
        allowed = KEPT_BURST_S + KEPT_PART * (now - self._began_s)
        return self._spent_s + self._cost_s < allowed

    def kept(self, loop: ClosedLoop) -> None:
        """Keep the state, here between two decisions."""
        began = time.perf_counter()
        directory = self._recorder.directory
        mark = {"run": directory.id, "mark": directory.mark(), "probes": self._recorder.probes}
        self._kept = {"format": FORMAT, **loop.state(), **mark}
        self._say_what_is_lost(self._kept["environments"])
        now = time.perf_counter()
        self._cost_s = now - began
        self._spent_s += self._cost_s
        self._keep_s = now + KEPT_S

    def checkpointed(self, loop: ClosedLoop) -> None:
        """Replace the run's checkpoint."""
        began = time.perf_counter()
        self.kept(loop)
        self._write()
        now = time.perf_counter()
        self._due_s = now + max(self._next_s, (now - began) / WRITTEN_PART)
        self._next_s = min(2 * self._next_s, self._interval_s)

    def failed(self, loop: ClosedLoop) -> None:
        """Write what was kept, if the disk lets it."""
        with suppress(OSError):
            self._write()

    def _write(self) -> None:
        state, self._kept = self._kept, None
        if state is not None:
            self._recorder.directory.flush()
            save_checkpoint(self._recorder.directory.path, state)

    def _say_what_is_lost(self, environments: dict[str, Any]) -> None:
        """Say once if the way of the environment, which was tried, will not do any more."""
        if self._has_said or environments["way"] == ByEpisode.name:
            return
        reasons = [entry["reason"] for entry in environments["replicas"] if "reason" in entry]
        if reasons:
            self._has_said = True
            self._say(f"a resumed run would now go on with the next episode: {reasons[0]}")


def save_checkpoint(run: Path, state: dict[str, Any]) -> None:
    """Replace the run's checkpoint."""
    path = run / CHECKPOINT
    with writing(run):
        path.parent.mkdir(exist_ok=True)
        write_archive(path, state)


def load_checkpoint(run: Path) -> dict[str, Any]:
    """Return the last checkpoint of a run; nothing in it is run.

    Raises
    ------
    ValueError
        In one line, if there is none, or one that is damaged, of another version or another run.
    """
    require_checkpoint(run)
    path = run / CHECKPOINT
    state = read_archive(path)
    if not isinstance(state, dict) or set(state) != ENTRIES or state["format"] != FORMAT:
        found = state.get("format", 1) if isinstance(state, dict) else "none"
        raise ValueError(
            f"{path}: a checkpoint of another version (format {found}, this threefactor reads "
            f"{FORMAT}): it would not go on with the same spikes; train again."
        )
    if state["run"] != Run(run).id:
        raise ValueError(f"{path}: the checkpoint of another run than meta.json tells of.")
    return state


@contextmanager
def restoring(run: Path) -> Iterator[None]:
    """Turn what goes wrong in taking over a checkpoint into one line."""
    try:
        yield
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        found = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"{run / CHECKPOINT}: not what this run's agent and environment can take over "
            f"({found})."
        ) from error
