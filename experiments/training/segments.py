"""Recordings of a run: numbered HDF5 segments that a reader can open at any moment.

Files are written in SWMR mode, where every dataset exists before the first row; a plain HDF5 file
is lost whole on `kill -9`. What was written before a `flush` outlives a kill.
`analysis.run_data.Run` reads what is written here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from threefactor.agents.contract import Connection
from threefactor.analysis.run_data import RESERVED_GROUPS, ROWS_BEFORE

SEGMENT_BYTES = 64 * 2**20
#: Rows of a chunk, fewer where they are wide: HDF5 handles chunk by chunk, and begins whole ones.
_CHUNK_ROWS, _CHUNK_BYTES = 4096, 2**17
#: So much of a series is gathered before HDF5 gets it: less does not pay, more leaves the caches.
_BATCH_BYTES = 2**20
EVENT_DTYPES = {"time_ms": "f8", "kind": "u1", "value": "f8", "replica": "i2"}

Columns = dict[str, tuple[str, tuple[int, ...]]]


@dataclass(frozen=True)
class Layout:
    """What is recorded: populations with their sizes, probe names, projections."""

    populations: Mapping[str, int] = field(default_factory=dict)
    probes: Sequence[str] = ()
    connections: Mapping[str, Connection] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (*self.populations, *self.connections):
            if not name or "/" in name or name in (*RESERVED_GROUPS, "episode"):
                raise ValueError(
                    f"Layout: expected a name without '/' that is not one of "
                    f"{', '.join((*RESERVED_GROUPS, 'episode'))}, got {name!r}. Rename it."
                )

    def columns(self) -> dict[str, Columns]:
        """Return dtype and trailing shape of every dataset: series -> dataset -> both."""
        spikes: Columns = {"time_ms": ("f8", ()), "neuron": ("i4", ()), "replica": ("i2", ())}
        series = dict.fromkeys(self.populations, spikes)
        series["events"] = {name: (dtype, ()) for name, dtype in EVENT_DTYPES.items()}
        if self.probes:
            series["probes"] = {"time_ms": ("f8", ()), "values": ("f8", (len(self.probes),))}
        if self.connections:
            series["weights"] = {"episode": ("i8", ())}
            for name, connection in self.connections.items():
                series["weights"][name] = ("f8", (np.size(connection.pre),))
        return series


class SegmentWriter:
    """Appends rows to numbered HDF5 segments; a full segment is closed and a new one started."""

    def __init__(self, folder: Path, layout: Layout, rows: Mapping[str, int]):
        self.layout = layout
        self._folder = folder
        self._columns = layout.columns()
        # Rows written and batches waiting change in one assignment, so Ctrl-C cannot part them.
        self._state: dict[str, tuple[int, list[dict[str, NDArray]]]] = {
            series: (rows.get(series, 0), []) for series in self._columns
        }
        self._waiting = dict.fromkeys(self._columns, 0)  # bytes
        self._is_swmr = not _is_on_network(folder)
        self._open()

    @property
    def rows(self) -> dict[str, int]:
        """Rows appended to each series, in this and in all earlier segments."""
        return {series: n + _count(batches) for series, (n, batches) in self._state.items()}

    def append(self, series: str, columns: Mapping[str, ArrayLike]) -> None:
        """Take rows, which are safe after the next `flush`.

        Until then arrays are not copied: their owner leaves them as they are.
        """
        if series not in self._columns:
            raise ValueError(
                f"Recording: expected one of {', '.join(self._columns)}, got {series!r}. Declare "
                "it in start_recording."
            )
        specification = self._columns[series]
        batch = {
            name: np.asarray(columns[name], dtype) for name, (dtype, _) in specification.items()
        }
        n_rows = np.size(next(iter(batch.values())))
        for name, (_, shape) in specification.items():
            if batch[name].shape != (n_rows, *shape):
                raise ValueError(
                    f"Recording {series}/{name}: expected shape {(n_rows, *shape)}, "
                    f"got {batch[name].shape}."
                )
        self._state[series][1].append(batch)
        self._waiting[series] += sum(rows.nbytes for rows in batch.values())
        if self._waiting[series] > _BATCH_BYTES:
            self._write(series)

    def flush(self) -> None:
        """Hand all rows to the operating system: from then on a killed process loses none."""
        for series in self._columns:
            self._write(series)
        for series in self._unflushed:
            for dataset in self._datasets[series].values():
                dataset.flush()
        self._unflushed.clear()
        if self._bytes > SEGMENT_BYTES:
            self._file.close()
            self._open()

    def _write(self, series: str) -> None:
        """Hand the rows of a series that wait to HDF5, which may keep them in its own caches."""
        written, batches = self._state[series]
        if not batches:
            return
        self._unflushed.add(series)
        for name, dataset in self._datasets[series].items():
            rows = _joined([batch[name] for batch in batches])
            _write_rows(dataset, written - self._before[series], rows)
            self._bytes += rows.nbytes
        self._state[series] = (written + _count(batches), [])
        self._waiting[series] = 0
        if not self._is_swmr:
            self._file.flush()

    def close(self) -> None:
        """Write what is left and close the segment."""
        if self._file:
            self.flush()
            self._file.close()

    def _open(self) -> None:
        index = len(list(self._folder.glob("segment-*.h5")))
        path = self._folder / f"segment-{index:05d}.h5"
        # Locks hang and SWMR fails on network file systems; there a file of the old format, which
        # has no mark "open for writing" that would lock out readers after a kill, is flushed.
        version = "latest" if self._is_swmr else "earliest"
        self._file = h5py.File(path, "x", libver=version, locking=self._is_swmr)
        # Kept open: to look one up costs more than to write to it.
        self._datasets: dict[str, dict[str, h5py.h5d.DatasetID]] = {}
        for series, columns in self._columns.items():
            group, self._datasets[series] = self._file.create_group(series), {}
            for name, (dtype, shape) in columns.items():
                row_bytes = np.dtype(dtype).itemsize * max(1, int(np.prod(shape)))
                rows = max(1, min(_CHUNK_ROWS, _CHUNK_BYTES // row_bytes))
                chunks = (rows, *(max(1, n) for n in shape))
                limits = (None, *(n or None for n in shape))
                made = group.create_dataset(
                    name, (0, *shape), dtype, maxshape=limits, chunks=chunks
                )
                self._datasets[series][name] = made.id
        for position, (name, n_neurons) in enumerate(self.layout.populations.items()):
            self._file[name].attrs.update({"n_neurons": n_neurons, "position": position})
        if self.layout.probes:
            self._file["probes"].attrs["probes"] = list(self.layout.probes)
        for name, connection in self.layout.connections.items():
            group = self._file.create_group(f"connections/{name}")
            group.attrs["n_pre"], group.attrs["n_post"] = connection.n_pre, connection.n_post
            group["pre"] = np.asarray(connection.pre, np.int32)
            group["post"] = np.asarray(connection.post, np.int32)
        self._before = {series: written for series, (written, _) in self._state.items()}
        # Last, because a segment without it counts as never begun.
        self._file.attrs[ROWS_BEFORE] = json.dumps(self._before)
        self._file.flush()
        if self._is_swmr:
            self._file.swmr_mode = True
        self._bytes = 0
        self._unflushed: set[str] = set()


def _count(batches: list[dict[str, NDArray]]) -> int:
    return sum(len(next(iter(batch.values()))) for batch in batches)


def _joined(arrays: list[NDArray]) -> NDArray:
    return np.ascontiguousarray(arrays[0] if len(arrays) == 1 else np.concatenate(arrays))


def _write_rows(dataset: h5py.h5d.DatasetID, start: int, rows: NDArray) -> None:
    # h5py's own slicing costs five times as much.
    stop = start + len(rows)
    dataset.set_extent((stop, *rows.shape[1:]))
    if rows.size:
        space = h5py.h5s.create_simple((stop, *rows.shape[1:]))
        space.select_hyperslab((start, *[0] * (rows.ndim - 1)), rows.shape)
        dataset.write(h5py.h5s.create_simple(rows.shape), space, rows)


def _is_on_network(path: Path) -> bool:
    mounts = Path("/proc/mounts")
    if not mounts.is_file():
        return False
    resolved = path.resolve()
    kinds = {Path(line.split()[1]): line.split()[2] for line in mounts.read_text().splitlines()}
    kind = next((kinds[p] for p in (resolved, *resolved.parents) if p in kinds), "")
    return kind.startswith(("nfs", "cifs", "smb", "lustre", "9p", "fuse.sshfs"))
