"""Run directories as arrays: what a run recorded, read back without Brian2.

`run_directory.py` and `segments.py` of `experiments/training/` write what this module reads. A file
that is damaged is read as far as it goes, and named in `Run.damage`; without one that everything
else depends on there is an error in one line.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.conditions import HEALTH_COLUMNS
from threefactor.analysis.segments import Segment, open_segment, segment_files

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
RESERVED_GROUPS = ("events", "probes", "weights", "connections", "graded")
#: What `evaluate --record` leaves below a run directory: two run directories and a file of arrays.
EVALUATION = Path("evaluation")
UNTRAINED, TRAINED = EVALUATION / "untrained", EVALUATION / "trained"
PLANE = EVALUATION / "plane.npz"
#: What `evaluate --film` alone leaves there.
FILMED = EVALUATION / "filmed"


#: Entry of the JSON files of a run.
CHECKSUM = "checksum"
_OTHERS = "of another run"
_NO_LAYOUT: Mapping[str, Any] = {
    "populations": {}, "projections": {}, "probes": (), "rows_before": {},
}  # fmt: skip


def checksum_of(content: Mapping[str, Any]) -> str:
    """Return what a JSON file of a run says of itself, as its entry `CHECKSUM`."""
    text = json.dumps({k: v for k, v in content.items() if k != CHECKSUM}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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
class Graded:
    """What a population sent as numbers, of replica 0, window by window.

    Attributes
    ----------
    time_ms : (n_windows,)
        Where they begin.
    active : (n_windows, n_neurons)
        In how many of its timesteps a neuron sent another number than 0.
    """

    time_ms: NDArray[np.float64]
    active: NDArray[np.uint16]


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
    """One run directory, read lazily: nothing is loaded before it is asked for.

    Attributes
    ----------
    path : Path
    damage : dict of str to str
        File -> what is wrong with it, of those that were read.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.damage: dict[str, str] = {}
        if not self.path.is_dir():
            raise ValueError(f"Run {self.path}: expected a run directory, got no such directory.")
        self._file("meta.json")

    @cached_property
    def meta(self) -> dict[str, Any]:
        """Versions, commit, seeds, command line and host, as the writer was given them."""
        meta = self._json("meta.json")
        if not isinstance(meta.get("config"), dict):
            raise ValueError(f"{self.path / 'meta.json'}: damaged, it has no configuration.")
        return meta

    @property
    def id(self) -> str:
        """What tells this run from all others."""
        return str(self.meta.get("id", ""))

    @property
    def config(self) -> dict[str, Any]:
        """The resolved configuration, from the copy in meta.json (YAML is not read here)."""
        return self.meta["config"]

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Result of the run; only there once the run has ended or was interrupted."""
        return self._json("summary.json")

    @cached_property
    def has_summary(self) -> bool:
        """Whether the run lived long enough to write its summary, which is not damaged."""
        if not (self.path / "summary.json").is_file():
            return False
        try:
            found = self.summary.get("run", self.id)
        except ValueError:
            self.damage["summary.json"] = "damaged"
            return False
        if found != self.id:
            self.damage["summary.json"] = _OTHERS
        return bool(found == self.id)

    @property
    def status(self) -> str:
        """`done`, `failed` or `unfinished` (running, interrupted or killed)."""
        names = {"DONE": "done", "FAILED": "failed"}
        return next((s for m, s in names.items() if (self.path / m).is_file()), "unfinished")

    @property
    def worker_folders(self) -> tuple[Path, ...]:
        """Run directories of the blocks of replicas of a run that was split; () if it was not."""
        count = self.meta.get("workers", 0)
        return tuple(self.path / "workers" / str(n) for n in range(count))

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
                own = folder.relative_to(self.path)
                self.damage |= {f"{own}/{name}": what for name, what in worker.damage.items()}
                table["replica"] = table["replica"] + worker.config["seed"] - self.config["seed"]
                tables.append(table)
        joined = {
            name: np.concatenate([np.zeros(0, kind), *(table[name] for table in tables)])
            for name, kind in EPISODE_COLUMNS.items()
        }
        # As side by side in one network: by the decision in which an episode ends. Where values
        # are estimated a truncated one ends a decision later.
        is_cut = joined["truncated"] & ~joined["terminated"]
        decisions = joined["length"] + (bool(self.meta.get("needs_bootstrap")) & is_cut)
        ends = np.zeros_like(decisions)
        for replica in np.unique(joined["replica"]):
            own = joined["replica"] == replica
            ends[own] = np.cumsum(decisions[own])
        order = np.lexsort((joined["replica"], ends))
        return {name: values[order] for name, values in joined.items()}

    def _own_episodes(self) -> dict[str, NDArray]:
        return self._table("episodes.csv", EPISODE_COLUMNS)

    def _table(self, name: str, columns: Mapping[str, type]) -> dict[str, NDArray]:
        """Return the columns of a table as far as it can be read; an empty field is NaN."""
        content = self._file(name).read_bytes()
        # A killed writer can leave half a line: only what ends in a newline was finished.
        header, *lines = content[: content.rfind(b"\n") + 1].decode(errors="replace").split("\n")
        names = header.split(",")
        if missing := [column for column in columns if column not in names]:
            raise ValueError(f"{self.path / name}: damaged, it has no column {missing[0]!r}.")
        rows: list[list[Any]] = []
        kinds = [(names.index(column), kind) for column, kind in columns.items()]
        for number, line in enumerate(lines[:-1], start=2):
            values = line.split(",")
            try:
                rows.append([_cell(values[place], kind) for place, kind in kinds])
            except (ValueError, IndexError, OverflowError):
                self.damage[name] = f"damaged from line {number} on"
                break
        read = zip(*rows, strict=True) if rows else [()] * len(kinds)
        return {
            column: np.array(values, kind)
            for (column, kind), values in zip(columns.items(), read, strict=True)
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
        if (self.path / "health.csv").is_file():
            try:
                return self._table("health.csv", HEALTH_COLUMNS)
            except ValueError:
                self.damage["health.csv"] = "damaged"
        return {name: np.zeros(0, kind) for name, kind in HEALTH_COLUMNS.items()}

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """Recording segments, oldest first, as far as they can be read when first asked for."""
        own, found, expected = self._run_of_replica_0, [], 0
        for number, path in segment_files(own.path / "recordings"):
            for lost in range(expected, number):
                self.damage[f"segment-{lost:05d}"] = "missing"
            expected = number + 1
            segment = open_segment(path)
            if isinstance(segment, Segment):
                if segment.damage:
                    self.damage[path.name] = segment.damage
                if segment.layout["run"] == own.id and segment.layout["number"] == number:
                    found.append(segment)
                    continue
                segment = f"{_OTHERS}, or of another place in it"
            self.damage[path.name] = segment
        return tuple(found)

    @property
    def populations(self) -> dict[str, int]:
        """Recorded populations, in the order they were declared, and their neurons per replica."""
        return dict(self._layout["populations"])

    @property
    def projections(self) -> tuple[str, ...]:
        """Projections whose weights were recorded."""
        return tuple(self._layout["projections"])

    @property
    def probe_names(self) -> tuple[str, ...]:
        """Names of the sampled variables, in the order of the columns of `probes().values`."""
        return tuple(self._layout["probes"])

    def spikes(self, population: str) -> Spikes:
        """Load the spikes of one population."""
        self._known(population, tuple(self.populations), "population")
        time_ms, neuron, replica = self._columns(population, ("time_ms", "neuron", "replica"))
        return Spikes(time_ms, neuron, replica)

    @property
    def graded_populations(self) -> dict[str, int]:
        """Recorded populations that send numbers instead of spikes, and their neurons."""
        return dict(self._layout.get("graded", {}))

    def graded(self, population: str) -> Graded:
        """Load what a population sent that sends numbers."""
        self._known(population, tuple(self.graded_populations), "population that sends numbers")
        return Graded(*self._columns(f"graded/{population}", ("time_ms", "active")))

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
        n_pre, n_post = self._layout["projections"][projection]
        series = f"connections/{projection}"
        whole = [s for s in self.segments if s.rows.get(series) == values.shape[1]]
        if not whole:
            raise ValueError(f"Run {self.path}: the connections of {projection!r} are damaged.")
        pre, post = (whole[-1].read(series, column) for column in ("pre", "post"))
        return WeightHistory(episode, values, pre, post, n_pre, n_post)

    @cached_property
    def policy(self) -> dict[str, NDArray] | None:
        """Arrays of policy.npz (see `analysis.gridworld`), or None where the run wrote none."""
        return self._arrays(self._run_of_replica_0.path / "policy.npz", self._run_of_replica_0.id)

    @cached_property
    def plane(self) -> dict[str, NDArray] | None:
        """Arrays of evaluation/plane.npz (see `analysis.phase_plane`), None if there are none."""
        return self._arrays(self.path / PLANE, self.id)

    def recorded_evaluations(self) -> "tuple[Run, Run] | None":
        """Return the recordings of the untrained and of the trained agent, None if they lack."""
        folders = (self.path / UNTRAINED, self.path / TRAINED)
        if not all((folder / "DONE").is_file() for folder in folders):
            return None
        return Run(folders[0]), Run(folders[1])

    def row_counts(self) -> dict[str, int]:
        """Count the rows of every recorded series, what was overwritten by a resume left out."""
        names = [name for name in self._layout["rows_before"] if self.segments]
        return {name: sum(stop for _, stop in self._pieces(name)) for name in names}

    @cached_property
    def _run_of_replica_0(self) -> "Run":
        return Run(self.worker_folders[0]) if self.worker_folders else self

    @property
    def _layout(self) -> Mapping[str, Any]:
        return self.segments[-1].layout if self.segments else _NO_LAYOUT

    def _columns(self, series: str, names: tuple[str, ...]) -> list[NDArray]:
        pieces = self._pieces(series)
        if not pieces:
            raise ValueError(
                f"Run {self.path}: expected recordings of {series!r}, got none. Record them, or "
                "plot what the run has."
            )
        return [
            np.concatenate([segment.read(series, name, stop) for segment, stop in pieces])
            for name in names
        ]

    def _pieces(self, series: str) -> list[tuple[Segment, int]]:
        """List the segments holding a series with the number of rows of each that still count."""
        pieces: list[tuple[Segment, int]] = []
        for segment in self.segments:
            if series not in segment.rows:
                continue
            # A resumed run repeats what followed its checkpoint: those rows are dropped here.
            left = segment.layout["rows_before"].get(series, 0)
            for i, (earlier, stop) in enumerate(pieces):
                pieces[i] = (earlier, min(stop, left))
                left -= pieces[i][1]
            pieces.append((segment, segment.rows[series]))
        return pieces

    def _arrays(self, path: Path, run: str) -> dict[str, NDArray] | None:
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as arrays:
                found = dict(arrays)
        except Exception:  # of what makes archives, whatever it stumbles over
            self.damage[path.name] = "damaged"
            return None
        if str(found.pop("run", run)) != run:
            self.damage[path.name] = _OTHERS
            return None
        return found

    def _file(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            hint = "The run has not ended." if name == "summary.json" else "Is it a run directory?"
            raise ValueError(f"{path}: expected a file of a run, got no such file. {hint}")
        return path

    def _json(self, name: str) -> dict[str, Any]:
        path = self._file(name)
        try:
            content = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            raise ValueError(f"{path}: damaged, expected JSON.") from None
        if not isinstance(content, dict):
            raise ValueError(f"{path}: damaged, expected names and values.")
        if content.pop(CHECKSUM, None) not in (None, checksum_of(content)):
            raise ValueError(f"{path}: damaged, or changed by hand: its checksum is another.")
        return content

    def _known(self, name: str, known: tuple[str, ...], what: str) -> None:
        if name not in known:
            raise ValueError(
                f"Run {self.path}: expected a recorded {what} ({', '.join(known) or 'none'}), "
                f"got {name!r}."
            )


def _cell(text: str, kind: type) -> Any:
    """Return what a field of a table says; an empty one is NaN, damaged numbers raise."""
    if kind is str:
        return text
    return kind(float(text)) if text else float("nan")
