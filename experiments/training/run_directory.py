"""Run directories: one folder per run, readable at any moment, nothing lost when a run dies.

`analysis.run_data.Run` reads what is written here; recordings are `experiments.training.segments`.
"""

import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from traceback import format_exception
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from threefactor.agents.contract import Connection
from threefactor.analysis.conditions import HEALTH_COLUMNS, HealthRow
from threefactor.analysis.run_data import CHECKSUM, EPISODE_COLUMNS, Run, checksum_of
from threefactor.experiments.atomic import write_atomically
from threefactor.experiments.plain_data import plain
from threefactor.experiments.training.preconditions import (
    cannot_write,
    require_file,
    require_new_run,
    writing,
)
from threefactor.experiments.training.run_lock import RunLock
from threefactor.experiments.training.segments import (
    EVENT_DTYPES,
    Layout,
    SegmentWriter,
)
from threefactor.experiments.training.tables import Table
from threefactor.experiments.yaml_text import dump_yaml

FLUSH_INTERVAL_S = 1.0
_EPISODES, _HEALTH = "episodes.csv", "health.csv"
#: What a resumed run replaces.
_WRITTEN = ("config.yaml", "meta.json", _EPISODES, _HEALTH, "summary.json", "policy.npz")
_CSV_KINDS = {name: int if kind is bool else kind for name, kind in EPISODE_COLUMNS.items()}


class RunDirectory:
    """The writer of one run directory; use it as a context manager.

    Leaving the block writes DONE, an exception FAILED; Ctrl-C and a summary that says
    `interrupted` write neither, so that the run can be resumed. Nobody else can write meanwhile.

    Parameters
    ----------
    path : Path
    lock : RunLock
        It is released at the end.
    run_id : str
        See `Run.id`.
    tables : (Table, Table)
        Of episodes and health.
    rows : dict of str to int
        Rows of each recorded series that are written already.
    """

    def __init__(
        self, path: Path, lock: RunLock, run_id: str, tables: tuple[Table, Table],
        rows: Mapping[str, int],
    ):  # fmt: skip
        self.path = path
        self.id = run_id
        self._lock = lock
        self._rows = rows
        self._segments: SegmentWriter | None = None
        self._is_interrupted = False
        self._is_open = True
        self._episodes, self._health = tables
        self._flushed_s = time.monotonic()

    @classmethod
    def create(cls, path: str | Path, config: Any, meta: Mapping[str, Any]) -> Self:
        """Start a run in a directory that does not exist yet or is empty."""
        path = Path(path)
        require_new_run(path)
        try:
            (path / "recordings").mkdir(parents=True)
        except OSError as error:
            raise cannot_write("Run directory", path, error.errno) from error
        lock = RunLock(path)
        try:
            settings = plain(config)
            entries = {"id": "", **plain(meta), "config": settings}
            entries["id"] = _identity(settings, entries.get("files"))
            write_atomically(path / "config.yaml", dump_yaml(settings))
            tables = (
                Table.create(path / _EPISODES, EPISODE_COLUMNS),
                Table.create(path / _HEALTH, HEALTH_COLUMNS),
            )
            _write_json(path / "meta.json", entries)  # last: without it this is no run yet
            return cls(path, lock, entries["id"], tables, {})
        except BaseException:
            lock.release()
            raise

    @classmethod
    def reopen(cls, path: str | Path, mark: Mapping[str, Any] | None = None) -> Self:
        """Resume a run: go on after its last row, or after the `mark` a checkpoint carries."""
        run = Run(path)
        lock = RunLock(run.path)
        try:
            return cls._reopened(run, lock, mark)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _reopened(cls, run: Run, lock: RunLock, mark: Mapping[str, Any] | None) -> Self:
        n_written = len(run.episodes["episode"])
        n_kept = n_written if mark is None else int(mark["episodes"]["rows"])
        if n_kept > n_written:
            raise ValueError(
                f"Run directory {run.path}: expected at least the {n_kept} episodes of the "
                f"checkpoint, got {n_written}. Is the checkpoint from another run?"
            )
        for name in _WRITTEN:
            require_file(run.path / name)
        rows = run.row_counts() if mark is None else mark["recordings"]
        marks = (None, None) if mark is None else (mark["episodes"], mark["health"])
        tables = (
            Table.reopen(run.path / _EPISODES, EPISODE_COLUMNS, marks[0]),
            Table.reopen(run.path / _HEALTH, HEALTH_COLUMNS, marks[1]),
        )
        for marker in ("DONE", "FAILED"):
            (run.path / marker).unlink(missing_ok=True)
        return cls(run.path, lock, run.id, tables, rows)

    def mark(self) -> dict[str, Any]:
        """Say how much was appended; a checkpoint with it, to resume there, comes after `flush`."""
        rows = self._rows if self._segments is None else self._segments.rows
        tables = {"episodes": self._episodes.mark, "health": self._health.mark}
        return {**tables, "recordings": dict(rows)}

    def start_recording(
        self,
        populations: Mapping[str, int] | None = None,
        probes: Sequence[str] = (),
        connections: Mapping[str, Connection] | None = None,
        graded: Mapping[str, int] | None = None,
    ) -> None:
        """Declare once what will be recorded; the append methods need it.

        Parameters
        ----------
        populations : name -> number of neurons in one replica
        probes : names of the sampled variables, as in "plastic.w[12]" or "plastic.w[12] (nS)"
        connections : projection -> Connection, for the projections with weight snapshots
        graded : as populations, of those that send numbers instead of spikes
        """
        if self._segments is not None:
            raise ValueError(f"Run directory {self.path}: recording has already been started.")
        folder = self.path / "recordings"
        folder.mkdir(exist_ok=True)
        layout = Layout(populations or {}, tuple(probes), connections or {}, graded or {})
        self._segments = SegmentWriter(folder, layout, self._rows, self.id)

    def append_episode(self, row: Mapping[str, Any]) -> None:
        """Keep a finished episode for the next `flush`, which lists it."""
        if set(row) != set(EPISODE_COLUMNS):
            raise ValueError(
                f"append_episode: expected the keys {', '.join(EPISODE_COLUMNS)}, "
                f"got {', '.join(row)}."
            )
        self._episodes.append(kind(row[name]) for name, kind in _CSV_KINDS.items())

    def append_health(self, row: HealthRow) -> None:
        """Keep a row of health.csv for the next `flush`, which writes it."""
        self._health.append(map(_field, vars(row).values()))

    def append_spikes(
        self, population: str, time_ms: ArrayLike, neuron: ArrayLike, replica: ArrayLike = 0
    ) -> None:
        """Record spikes; `neuron` counts within its replica, `replica` is a number or an array."""
        recorder = self._recorder
        n_neurons = recorder.layout.populations.get(population, 0)
        if np.size(neuron) and population in recorder.layout.populations:
            if np.min(neuron) < 0 or np.max(neuron) >= n_neurons:
                raise ValueError(
                    f"append_spikes: expected neurons of {population!r} in [0, {n_neurons}), got "
                    f"{np.min(neuron)} to {np.max(neuron)}. Count them within the replica."
                )
        replicas = np.broadcast_to(replica, np.shape(time_ms))
        columns = {"time_ms": time_ms, "neuron": neuron, "replica": replicas}
        recorder.append(population, columns)

    def append_graded(self, population: str, time_ms: ArrayLike, active: ArrayLike) -> None:
        """Record in how many timesteps of windows neurons sent numbers, (n_windows, n_neurons)."""
        self._recorder.append(f"graded/{population}", {"time_ms": time_ms, "active": active})

    def append_events(
        self, time_ms: ArrayLike, kind: ArrayLike, value: ArrayLike, replica: ArrayLike = 0
    ) -> None:
        """Record events; all four are numbers or arrays (n_events,), `kind` is an `EventKind`."""
        columns = np.broadcast_arrays(*np.atleast_1d(time_ms, kind, value, replica))
        self._recorder.append("events", dict(zip(EVENT_DTYPES, columns, strict=True)))

    def append_probes(self, time_ms: ArrayLike, values: ArrayLike) -> None:
        """Record one sample (n_probes,) or several (n_samples, n_probes) of all probes."""
        columns = {"time_ms": np.atleast_1d(time_ms), "values": np.atleast_2d(values)}
        self._recorder.append("probes", columns)

    def append_weights(self, episode: int, weights: Mapping[str, ArrayLike]) -> None:
        """Record the weights of every declared projection, (n_synapses,) each."""
        expected = set(self._recorder.layout.connections)
        if set(weights) != expected:
            raise ValueError(
                f"append_weights: expected the projections {', '.join(sorted(expected))}, "
                f"got {', '.join(sorted(weights))}."
            )
        rows = {name: np.atleast_2d(w) for name, w in weights.items()}
        self._recorder.append("weights", {"episode": [episode], **rows})

    def write_config(self, config: Any) -> None:
        """Replace config.yaml and its copy in meta.json, when a run is resumed for longer."""
        settings, meta = plain(config), Run(self.path).meta
        write_atomically(self.path / "config.yaml", dump_yaml(settings))
        _write_json(self.path / "meta.json", {**meta, "config": settings})

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write or replace summary.json."""
        self._is_interrupted = bool(summary.get("interrupted", False))
        _write_json(self.path / "summary.json", plain(summary))

    @property
    def is_flush_due(self) -> bool:
        """Whether a second has passed since the last flush."""
        return time.monotonic() - self._flushed_s > FLUSH_INTERVAL_S

    def flush(self) -> None:
        """Hand everything appended so far to the operating system: a kill loses none of it."""
        # Recordings first: an episode that is listed has all that was recorded before its end.
        with writing(self.path):
            if self._segments is not None:
                self._segments.flush()
            self._health.flush()
            self._episodes.flush()
        self._lock.touch()
        self._flushed_s = time.monotonic()

    def seal(self) -> None:
        """Write everything that was recorded; nothing more is."""
        self.flush()
        if self._segments is not None:
            self._segments.close()

    def close(self) -> None:
        """Write everything and leave no marker: the run can be resumed."""
        if self._is_open:
            self._is_open = False
            with ExitStack() as closing:
                closing.callback(self._lock.release)
                closing.callback(self._episodes.close)
                closing.callback(self._health.close)
                if self._segments is not None:
                    closing.callback(self._segments.close)
                self.flush()

    def finish(self) -> None:
        """Close the run as DONE, or without a marker when its summary says `interrupted`."""
        self.close()
        if not self._is_interrupted:
            write_atomically(self.path / "DONE", "")

    def fail(self, reason: str) -> None:
        """Close the run as FAILED; the marker file holds the reason, if there is room for it."""
        with suppress(OSError):
            self.close()
        with suppress(OSError):
            write_atomically(self.path / "FAILED", reason + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._is_open:
            return
        if error is None:
            self.finish()
        elif isinstance(error, Exception):
            self.fail(f"{type(error).__name__}: {error}\n\n{''.join(format_exception(error))}")
        else:
            with suppress(OSError):  # what is in the way was said, or is not asked for
                self.close()

    @property
    def _recorder(self) -> SegmentWriter:
        if self._segments is None:
            raise ValueError(
                f"Run directory {self.path}: expected start_recording(...) before the first "
                "append, got none."
            )
        return self._segments


def _field(value: int | float | str) -> str:
    return "" if isinstance(value, float) and math.isnan(value) else str(value)


def _identity(*parts: Any) -> str:
    """Return what tells a run from others: runs that are alike in all settings are the same."""
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _write_json(path: Path, value: Any) -> None:
    content = {**value, CHECKSUM: checksum_of(value)}
    write_atomically(path, json.dumps(content, indent=2) + "\n")
