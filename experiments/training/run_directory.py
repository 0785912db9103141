"""Run directories: one folder per run, readable at any moment, nothing lost when a run dies.

`analysis.run_data.Run` reads what is written here; recordings are `experiments.training.segments`.
"""

import csv
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import yaml
from numpy.typing import ArrayLike

from threefactor.agents.contract import Connection
from threefactor.analysis.conditions import HealthRow
from threefactor.analysis.run_data import EPISODE_COLUMNS, Run
from threefactor.experiments.atomic import write_atomically
from threefactor.experiments.plain_data import plain
from threefactor.experiments.training.health_table import HealthTable
from threefactor.experiments.training.preconditions import cannot_write, require_new_run
from threefactor.experiments.training.segments import (
    EVENT_DTYPES,
    Layout,
    SegmentWriter,
)

FLUSH_INTERVAL_S = 1.0
_CSV_KINDS = {name: int if kind is bool else kind for name, kind in EPISODE_COLUMNS.items()}


class RunDirectory:
    """The writer of one run directory; use it as a context manager.

    Leaving the block writes DONE, an exception FAILED; Ctrl-C and a summary that says
    `interrupted` write neither, so that the run can be resumed.
    """

    def __init__(self, path: Path, n_episode_rows: int, rows: Mapping[str, int]):
        self.path = path
        self._n_episode_rows = n_episode_rows
        self._rows = rows
        self._segments: SegmentWriter | None = None
        self._is_interrupted = False
        self._is_open = True
        self._csv = (path / "episodes.csv").open("a", newline="")
        self._waiting: list[list[Any]] = []
        self._health = HealthTable(path)
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
        settings = plain(config)
        write_atomically(path / "config.yaml", yaml.safe_dump(settings, sort_keys=False))
        _write_json(path / "meta.json", {**plain(meta), "config": settings})
        (path / "episodes.csv").write_text(",".join(EPISODE_COLUMNS) + "\n")
        return cls(path, 0, {})

    @classmethod
    def reopen(cls, path: str | Path, mark: Mapping[str, Any] | None = None) -> Self:
        """Resume a run: go on after its last row, or after the `mark` a checkpoint carries."""
        run = Run(path)
        n_written = len(run.episodes["episode"])
        n_kept = n_written if mark is None else int(mark["episode_rows"])
        if n_kept > n_written:
            raise ValueError(
                f"Run directory {path}: expected at least the {n_kept} episodes of the checkpoint, "
                f"got {n_written}. Is the checkpoint from another run?"
            )
        HealthTable.cut(run.path, None if mark is None else int(mark.get("health_rows", 0)))
        episodes = run.path / "episodes.csv"
        lines = episodes.read_text().splitlines(keepends=True)
        write_atomically(episodes, "".join(lines[: n_kept + 1]))
        for marker in ("DONE", "FAILED"):
            (run.path / marker).unlink(missing_ok=True)
        return cls(run.path, n_kept, run.row_counts() if mark is None else mark["recordings"])

    def mark(self) -> dict[str, Any]:
        """Say how much is written; store it in a checkpoint to resume exactly there."""
        self.flush()
        rows = self._rows if self._segments is None else self._segments.rows
        return {
            "episode_rows": self._n_episode_rows, "health_rows": self._health.n_rows,
            "recordings": dict(rows),
        }  # fmt: skip

    def start_recording(
        self,
        populations: Mapping[str, int] | None = None,
        probes: Sequence[str] = (),
        connections: Mapping[str, Connection] | None = None,
    ) -> None:
        """Declare once what will be recorded; the append methods need it.

        Parameters
        ----------
        populations : name -> number of neurons in one replica
        probes : names of the sampled variables, as in "plastic.w[12]" or "plastic.w[12] (nS)"
        connections : projection -> Connection, for the projections with weight snapshots
        """
        if self._segments is not None:
            raise ValueError(f"Run directory {self.path}: recording has already been started.")
        folder = self.path / "recordings"
        folder.mkdir(exist_ok=True)
        layout = Layout(populations or {}, tuple(probes), connections or {})
        self._segments = SegmentWriter(folder, layout, self._rows)

    def append_episode(self, row: Mapping[str, Any]) -> None:
        """Keep a finished episode for the next `flush`, which lists it."""
        if set(row) != set(EPISODE_COLUMNS):
            raise ValueError(
                f"append_episode: expected the keys {', '.join(EPISODE_COLUMNS)}, "
                f"got {', '.join(row)}."
            )
        self._waiting.append([kind(row[name]) for name, kind in _CSV_KINDS.items()])

    def append_health(self, row: HealthRow) -> None:
        """Keep a row of health.csv for the next `flush`, which writes it."""
        self._health.append(row)

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
        settings, meta = plain(config), json.loads((self.path / "meta.json").read_text())
        write_atomically(self.path / "config.yaml", yaml.safe_dump(settings, sort_keys=False))
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
        if self._segments is not None:
            self._segments.flush()
        self._health.flush()
        rows, self._waiting = self._waiting, []
        csv.writer(self._csv, lineterminator="\n").writerows(rows)
        self._csv.flush()
        self._n_episode_rows += len(rows)
        self._flushed_s = time.monotonic()

    def close(self) -> None:
        """Write everything and leave no marker: the run can be resumed."""
        if self._is_open:
            self._is_open = False
            self.flush()
            self._csv.close()
            self._health.close()
            if self._segments is not None:
                self._segments.close()

    def finish(self) -> None:
        """Close the run as DONE, or without a marker when its summary says `interrupted`."""
        self.close()
        if not self._is_interrupted:
            write_atomically(self.path / "DONE", "")

    def fail(self, reason: str) -> None:
        """Close the run as FAILED; the marker file holds the reason."""
        self.close()
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
            self.fail(f"{type(error).__name__}: {error}")
        else:
            self.close()

    @property
    def _recorder(self) -> SegmentWriter:
        if self._segments is None:
            raise ValueError(
                f"Run directory {self.path}: expected start_recording(...) before the first "
                "append, got none."
            )
        return self._segments


def _write_json(path: Path, value: Any) -> None:
    write_atomically(path, json.dumps(value, indent=2) + "\n")
