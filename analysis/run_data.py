"""Run directories as arrays: what a run recorded, read back without Brian2.

`run_directory.py` and `segments.py` of `experiments/training/` write what this module reads. HDF5
segments of a killed process can only be opened in SWMR mode and their sibling arrays may differ in
length; both are handled here.
"""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.conditions import HEALTH_COLUMNS

EPISODE_COLUMNS: dict[str, type] = {
    "replica": int,
    "episode": int,
    "return": float,
    "discounted_return": float,
    "length": int,
    "terminated": bool,
    "truncated": bool,
    "simulated_seconds": float,
}
RESERVED_GROUPS = ("events", "probes", "weights", "connections")
ROWS_BEFORE = "rows_before"
#: What `evaluate --record` leaves below a run directory: two run directories and a file of arrays.
UNTRAINED, TRAINED = Path("evaluation") / "untrained", Path("evaluation") / "trained"
PLANE = Path("evaluation") / "plane.npz"
#: What `evaluate --film` alone leaves there.
FILMED = Path("evaluation") / "filmed"


class EventKind(IntEnum):
    """What an event is; its value is the action, the reward or the number of the episode."""

    DECISION = 0
    REWARD = 1
    EPISODE_START = 2
    EPISODE_END = 3


@dataclass(frozen=True)
class Spikes:
    """Spikes of one population; all arrays (n_spikes,), neurons counted within their replica."""

    time_ms: NDArray[np.float64]
    neuron: NDArray[np.int32]
    replica: NDArray[np.int16]


@dataclass(frozen=True)
class Events:
    """Events of the closed loop in the order they were written; all arrays (n_events,)."""

    time_ms: NDArray[np.float64]
    kind: NDArray[np.uint8]
    value: NDArray[np.float64]
    replica: NDArray[np.int16]

    def select(self, kind: EventKind | None = None, replica: int | None = None) -> "Events":
        """Keep the events of one kind, of one replica, or both."""
        keep = np.ones(self.kind.size, bool)
        if kind is not None:
            keep &= self.kind == kind
        if replica is not None:
            keep &= self.replica == replica
        return Events(self.time_ms[keep], self.kind[keep], self.value[keep], self.replica[keep])


@dataclass(frozen=True)
class Probes:
    """Sampled variables: `values` (n_samples, n_probes), names such as "plastic.w[12] (nS)"."""

    time_ms: NDArray[np.float64]
    values: NDArray[np.float64]
    names: tuple[str, ...]


@dataclass(frozen=True)
class WeightHistory:
    """Snapshots of one projection: `values` (n_snapshots, n_synapses), synapse i from pre[i]."""

    episode: NDArray[np.int64]
    values: NDArray[np.float64]
    pre: NDArray[np.int32]
    post: NDArray[np.int32]
    n_pre: int
    n_post: int


class Run:
    """One run directory, read lazily: nothing is loaded before it is asked for."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_dir():
            raise ValueError(f"Run {self.path}: expected a run directory, got no such directory.")
        self._file("meta.json")

    @cached_property
    def meta(self) -> dict[str, Any]:
        """Versions, commit, seeds, command line and host, as the writer was given them."""
        return self._json("meta.json")

    @property
    def config(self) -> dict[str, Any]:
        """The resolved configuration, from the copy in meta.json (YAML is not read here)."""
        return self.meta["config"]

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Result of the run; only there once the run has ended or was interrupted."""
        return self._json("summary.json")

    @property
    def has_summary(self) -> bool:
        """Whether the run lived long enough to write its summary."""
        return (self.path / "summary.json").is_file()

    @property
    def status(self) -> str:
        """`done`, `failed` or `unfinished` (running, interrupted or killed)."""
        names = {"DONE": "done", "FAILED": "failed"}
        return next((s for m, s in names.items() if (self.path / m).is_file()), "unfinished")

    @property
    def worker_folders(self) -> tuple[Path, ...]:
        """Run directories of the blocks of replicas of a run that was split; () if it was not."""
        return tuple(self.path / "workers" / str(n) for n in range(self.meta.get("workers", 0)))

    @cached_property
    def episodes(self) -> dict[str, NDArray]:
        """Columns of episodes.csv, each (n_episodes,), in the order the episodes ended.

        Of a split run they are those of its workers, at any moment; episodes.csv itself is written
        when all have ended.
        """
        return self._episodes_of_workers() if self.worker_folders else self._own_episodes()

    def _episodes_of_workers(self) -> dict[str, NDArray]:
        tables = []
        for folder in self.worker_folders:
            if (folder / "meta.json").is_file():
                worker = Run(folder)
                table = dict(worker.episodes)
                table["replica"] = table["replica"] + worker.config["seed"] - self.config["seed"]
                tables.append(table)
        joined = {
            name: np.concatenate([np.zeros(0, kind), *(table[name] for table in tables)])
            for name, kind in EPISODE_COLUMNS.items()
        }
        # As side by side in one network: by the decision in which an episode ends. Where values
        # are estimated a truncated one ends a decision later.
        is_cut = joined["truncated"] & ~joined["terminated"]
        decisions = joined["length"] + (self.meta["needs_bootstrap"] & is_cut)
        ends = np.zeros_like(decisions)
        for replica in np.unique(joined["replica"]):
            own = joined["replica"] == replica
            ends[own] = np.cumsum(decisions[own])
        order = np.lexsort((joined["replica"], ends))
        return {name: values[order] for name, values in joined.items()}

    def _own_episodes(self) -> dict[str, NDArray]:
        with self._file("episodes.csv").open(newline="") as file:
            # A killed writer can leave half a line: only what ends in a newline was finished.
            whole = [line for line in file if line.endswith("\n")]
        rows = list(csv.DictReader(whole))
        return {
            name: np.array([kind(float(row[name])) for row in rows], kind)
            for name, kind in EPISODE_COLUMNS.items()
        }

    @cached_property
    def health(self) -> dict[str, NDArray]:
        """Columns of health.csv (`analysis.conditions.HealthRow`), each (n_rows,); NaN: none.

        Empty where the run has none; of a split run those of its workers, in the order in which
        the episodes ended.
        """
        if not self.worker_folders:
            return self._own_health()
        tables = []
        for folder in self.worker_folders:
            if (folder / "meta.json").is_file():
                worker = Run(folder)
                table = dict(worker.health)
                table["replica"] = table["replica"] + worker.config["seed"] - self.config["seed"]
                tables.append(table)
        joined = {
            name: np.concatenate([np.zeros(0, kind), *(table[name] for table in tables)])
            for name, kind in HEALTH_COLUMNS.items()
        }
        ended = zip(
            self.episodes["replica"].tolist(), self.episodes["episode"].tolist(), strict=True
        )
        places = {episode: place for place, episode in enumerate(ended)}
        mine = zip(joined["replica"].tolist(), joined["episode"].tolist(), strict=True)
        order = np.argsort([places.get(row, len(places)) for row in mine], kind="stable")
        return {name: values[order] for name, values in joined.items()}

    def _own_health(self) -> dict[str, NDArray]:
        rows: list[dict[str, str]] = []
        path = self.path / "health.csv"
        if path.is_file():
            with path.open(newline="") as file:
                rows = list(csv.DictReader(line for line in file if line.endswith("\n")))
        return {
            name: np.array([_cell(row[name], kind) for row in rows], kind)
            for name, kind in HEALTH_COLUMNS.items()
        }

    @cached_property
    def segments(self) -> tuple[Path, ...]:
        """Recording segments that can be opened, oldest first."""
        return tuple(path for path in self._segment_files if path not in self.unreadable_segments)

    @cached_property
    def unreadable_segments(self) -> tuple[Path, ...]:
        """Segments lost because the process was killed while it created them."""
        return tuple(path for path in self._segment_files if not _is_readable(path))

    @property
    def populations(self) -> dict[str, int]:
        """Recorded populations, in the order they were declared, and their neurons per replica."""
        with self._newest() as file:
            names = [name for name in file if name not in RESERVED_GROUPS]
            names.sort(key=lambda name: file[name].attrs["position"])
            return {name: int(file[name].attrs["n_neurons"]) for name in names}

    @property
    def projections(self) -> tuple[str, ...]:
        """Projections whose weights were recorded."""
        with self._newest() as file:
            return tuple(file["connections"]) if "connections" in file else ()

    @property
    def probe_names(self) -> tuple[str, ...]:
        """Names of the sampled variables, in the order of the columns of `probes().values`."""
        with self._newest() as file:
            return tuple(file["probes"].attrs["probes"]) if "probes" in file else ()

    def spikes(self, population: str) -> Spikes:
        """Load the spikes of one population."""
        self._known(population, tuple(self.populations), "population")
        time_ms, neuron, replica = self._columns(population, ("time_ms", "neuron", "replica"))
        return Spikes(time_ms, neuron, replica)

    @cached_property
    def events(self) -> Events:
        """Load decisions, rewards and the starts and ends of episodes."""
        return Events(*self._columns("events", ("time_ms", "kind", "value", "replica")))

    def probes(self) -> Probes:
        """Load the sampled variables."""
        time_ms, values = self._columns("probes", ("time_ms", "values"))
        return Probes(time_ms, values, self.probe_names)

    def weights(self, projection: str) -> WeightHistory:
        """Load the weight snapshots of one projection."""
        self._known(projection, self.projections, "projection")
        episode, values = self._columns("weights", ("episode", projection))
        with self._newest() as file:
            group = file["connections"][projection]
            n_pre, n_post = int(group.attrs["n_pre"]), int(group.attrs["n_post"])
            return WeightHistory(episode, values, group["pre"][:], group["post"][:], n_pre, n_post)

    @cached_property
    def policy(self) -> dict[str, NDArray] | None:
        """Arrays of policy.npz (see `analysis.gridworld`), or None where the run wrote none."""
        return self._arrays(self._place_of_replica_0 / "policy.npz")

    @cached_property
    def plane(self) -> dict[str, NDArray] | None:
        """Arrays of evaluation/plane.npz (see `analysis.phase_plane`), None if there are none."""
        return self._arrays(self.path / PLANE)

    def recorded_evaluations(self) -> "tuple[Run, Run] | None":
        """Return the recordings of the untrained and of the trained agent, None if they lack."""
        folders = (self.path / UNTRAINED, self.path / TRAINED)
        if not all((folder / "DONE").is_file() for folder in folders):
            return None
        return Run(folders[0]), Run(folders[1])

    def row_counts(self) -> dict[str, int]:
        """Count the rows of every recorded series, what was overwritten by a resume left out."""
        with self._newest() as file:
            series = [name for name in file if name != "connections"] if file else []
        return {name: sum(stop for _, stop in self._pieces(name)) for name in series}

    @cached_property
    def _segment_files(self) -> tuple[Path, ...]:
        return tuple(sorted((self._place_of_replica_0 / "recordings").glob("segment-*.h5")))

    @property
    def _place_of_replica_0(self) -> Path:
        return self.worker_folders[0] if self.worker_folders else self.path

    @contextmanager
    def _newest(self) -> Iterator[Any]:
        if not self.segments:
            yield {}
            return
        with open_segment(self.segments[-1]) as file:
            yield file

    def _columns(self, series: str, names: tuple[str, ...]) -> list[NDArray]:
        pieces = self._pieces(series)
        if not pieces:
            raise ValueError(
                f"Run {self.path}: expected recordings of {series!r}, got none. Record them, or "
                "plot what the run has."
            )
        parts: list[list[NDArray]] = [[] for _ in names]
        for path, stop in pieces:
            with open_segment(path) as file:
                for part, name in zip(parts, names, strict=True):
                    part.append(file[series][name][:stop])
        return [np.concatenate(part) for part in parts]

    def _pieces(self, series: str) -> list[tuple[Path, int]]:
        """List the segments holding a series with the number of rows of each that still count."""
        pieces: list[tuple[Path, int]] = []
        for path in self.segments:
            with open_segment(path) as file:
                if series not in file:
                    continue
                # A resumed run repeats what followed its checkpoint: those rows are dropped here.
                left = json.loads(file.attrs[ROWS_BEFORE]).get(series, 0)
                for i, (earlier, stop) in enumerate(pieces):
                    pieces[i] = (earlier, min(stop, left))
                    left -= pieces[i][1]
                pieces.append((path, min((d.shape[0] for d in file[series].values()), default=0)))
        return pieces

    def _arrays(self, path: Path) -> dict[str, NDArray] | None:
        if not path.is_file():
            return None
        with np.load(path) as arrays:
            return dict(arrays)

    def _file(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            hint = "The run has not ended." if name == "summary.json" else "Is it a run directory?"
            raise ValueError(f"{path}: expected a file of a run, got no such file. {hint}")
        return path

    def _json(self, name: str) -> dict[str, Any]:
        return json.loads(self._file(name).read_text())

    def _known(self, name: str, known: tuple[str, ...], what: str) -> None:
        if name not in known:
            raise ValueError(
                f"Run {self.path}: expected a recorded {what} ({', '.join(known) or 'none'}), "
                f"got {name!r}."
            )


def _cell(text: str, kind: type) -> Any:
    """Return what a field of a table says; an empty one is NaN."""
    return kind(text) if text else float("nan")


def open_segment(path: Path) -> h5py.File:
    """Open a segment, whether it was closed, is being written or was left by a killed process."""
    try:
        return h5py.File(path, "r")
    except OSError:
        return h5py.File(path, "r", swmr=True)


def _is_readable(path: Path) -> bool:
    try:
        with open_segment(path) as file:
            return ROWS_BEFORE in file.attrs
    except OSError:
        return False
