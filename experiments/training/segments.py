"""Recordings of a run: numbered segments that a reader can open at any moment.

Rows are appended to a journal by plain writes, so that a kill or a full disk costs what was not
written yet and nothing else. A journal that is full, or that a killed process has left, is sealed:
built as a HDF5 file in memory and put in its place. `analysis.segments` says what files look like,
and reads them.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from threefactor.agents.contract import Connection
from threefactor.analysis.run_data import RESERVED_GROUPS
from threefactor.analysis.segments import (
    BLOCK_BYTES,
    CHECKSUM,
    FRAME,
    JOURNAL,
    LAYOUT,
    MARK,
    SEAL,
    SEALED,
    SIZES,
    TORN,
    Columns,
    Segment,
    checksum,
    open_segment,
    row_bytes,
    segment_files,
)
from threefactor.experiments.atomic import write_at, write_atomically
from threefactor.experiments.training.preconditions import writing

SEGMENT_BYTES = 16 * 2**20
#: So much of a series is gathered before it is written: less does not pay, more leaves the caches.
_BATCH_BYTES = 2**20
#: A series of few rows has as many blocks as this, or as rows fill: its beginning can be read.
FEWEST_BLOCKS = 16
EVENT_DTYPES = {"time_ms": "f8", "kind": "u1", "value": "f8", "replica": "i2"}


@dataclass(frozen=True)
class Layout:
    """What is recorded: populations with their sizes, probe names, projections.

    Populations that send numbers are `graded`: how often each neuron did, window by window.
    """

    populations: Mapping[str, int] = field(default_factory=dict)
    probes: Sequence[str] = ()
    connections: Mapping[str, Connection] = field(default_factory=dict)
    graded: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (*self.populations, *self.graded, *self.connections):
            if not name or "/" in name or name in (*RESERVED_GROUPS, "episode"):
                raise ValueError(
                    f"Layout: expected a name without '/' that is not one of "
                    f"{', '.join((*RESERVED_GROUPS, 'episode'))}, got {name!r}. Rename it."
                )

    def columns(self) -> dict[str, dict[str, tuple[str, tuple[int, ...]]]]:
        """Return dtype and shape of a row of every column: series -> column -> both."""
        spikes: dict[str, tuple[str, tuple[int, ...]]] = {
            "time_ms": ("f8", ()), "neuron": ("i4", ()), "replica": ("i2", ()),
        }  # fmt: skip
        series = dict.fromkeys(self.populations, spikes)
        for name, size in self.graded.items():
            series[f"graded/{name}"] = {"time_ms": ("f8", ()), "active": ("u2", (size,))}
        series["events"] = {name: (dtype, ()) for name, dtype in EVENT_DTYPES.items()}
        if self.probes:
            series["probes"] = {"time_ms": ("f8", ()), "values": ("f8", (len(self.probes),))}
        if self.connections:
            series["weights"] = {"episode": ("i8", ())}
            for name, connection in self.connections.items():
                series["weights"][name] = ("f8", (np.size(connection.pre),))
        return series

    def to_dict(self) -> dict[str, Any]:
        """Return what the first frame of a journal says of it."""
        pairs: Columns = {"pre": ("i4", ()), "post": ("i4", ())}
        static = {f"connections/{name}": pairs for name in self.connections}
        return {
            "populations": dict(self.populations),
            "graded": dict(self.graded),
            "probes": list(self.probes),
            "projections": {name: [c.n_pre, c.n_post] for name, c in self.connections.items()},
            "columns": {**static, **self.columns()},
        }


class SegmentWriter:
    """Appends rows to numbered segments; a full one is sealed and a new one started.

    Parameters
    ----------
    folder : Path
    layout : Layout
    rows : dict of str to int
        Rows of each series that count in earlier segments.
    run : str
        Identity of the run.
    """

    def __init__(self, folder: Path, layout: Layout, rows: Mapping[str, int], run: str = ""):
        self.layout = layout
        self._folder, self._run = folder, run
        self._columns = layout.columns()
        self._numbers = {name: i for i, name in enumerate(layout.to_dict()["columns"])}
        # Rows written, batches waiting and the end of the journal change in one assignment, so
        # that nothing can part them: what is interrupted is written again in the same place.
        self._state: tuple[int, dict[str, tuple[int, list[dict[str, NDArray]]]]] = (
            0, {series: (rows.get(series, 0), []) for series in self._columns},
        )  # fmt: skip
        self._waiting = dict.fromkeys(self._columns, 0)  # bytes
        seal_journals(folder)
        self._open()

    @property
    def rows(self) -> dict[str, int]:
        """Rows appended to each series, in this and in all earlier segments."""
        return {series: n + _count(batches) for series, (n, batches) in self._state[1].items()}

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
        self._state[1][series][1].append(batch)
        self._waiting[series] += sum(rows.nbytes for rows in batch.values())
        if self._waiting[series] > _BATCH_BYTES:
            self._write(series)

    def flush(self) -> None:
        """Hand all rows to the operating system: from then on a killed process loses none."""
        for series in self._columns:
            self._write(series)
        if self._state[0] - self._begun > SEGMENT_BYTES:
            self._close_journal()
            self._open()

    def close(self) -> None:
        """Write what is left and seal the segment, whatever is in the way of the former."""
        if self._file >= 0:
            try:
                self.flush()
            finally:
                self._close_journal()

    def _write(self, series: str) -> None:
        """Append the rows of a series that wait as one frame."""
        end, rows = self._state
        written, batches = rows[series]
        if not batches:
            return
        joined = [_joined([batch[name] for batch in batches]) for name in self._columns[series]]
        end = self._append(end, self._numbers[series], len(joined[0]), joined)
        self._state = (end, {**rows, series: (written + _count(batches), [])})
        self._waiting[series] = 0

    def _append(self, end: int, number: int, rows: int, parts: Sequence[Any]) -> int:
        """Write a frame at the end of the journal; return its new end."""
        content = b"".join(parts)
        head = FRAME.pack(MARK, number, rows, len(content))
        frame = head + CHECKSUM.pack(checksum(head, content)) + content
        with writing(self._folder.parent):
            write_at(self._file, frame, end)
        return end + len(frame)

    def _open(self) -> None:
        number = 1 + max((number for number, _ in segment_files(self._folder)), default=-1)
        before = {series: written for series, (written, _) in self._state[1].items()}
        own = {"run": self._run, "number": number, "rows_before": before}
        layout = {**own, **self.layout.to_dict()}
        self._path = self._folder / f"segment-{number:05d}{JOURNAL}"
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        end = self._append(0, LAYOUT, 0, [json.dumps(layout).encode()])
        for name, connection in self.layout.connections.items():
            place = self._numbers[f"connections/{name}"]
            pairs = [np.array(c, np.int32).ravel() for c in (connection.pre, connection.post)]
            end = self._append(end, place, pairs[0].size, pairs)
        self._state, self._begun = (end, self._state[1]), end

    def _close_journal(self) -> None:
        os.close(self._file)
        self._file = -1
        seal(self._path)


def seal_journals(folder: Path) -> None:
    """Seal what a process has left that was killed, or whose disk was full."""
    for path in sorted(folder.glob(f"segment-*{JOURNAL}")):
        if path.with_suffix(SEALED).exists():  # killed between its two last steps
            path.unlink()
        else:
            seal(path)


def seal(journal: Path) -> None:
    """Put a HDF5 file in the place of a journal.

    A journal that is damaged, or for which the disk has no room, stays as it is, and is read.
    """
    segment = open_segment(journal)
    if isinstance(segment, Segment) and segment.damage in ("", TORN):
        with suppress(OSError):
            write_atomically(journal.with_suffix(SEALED), _sealed(segment))
            journal.unlink()


def _sealed(segment: Segment) -> bytes:
    """Return the HDF5 file of a segment between two copies of its index."""
    blocks: dict[str, Any] = {}
    with h5py.File("segment", "w", driver="core", backing_store=False) as file:
        # Blocks of all columns take turns, so that the beginning of a file is a beginning of each.
        waiting = [_blocks_of(file, segment, name, blocks) for name in segment.columns]
        while waiting:
            waiting = [writer for writer in waiting if next(writer, None)]
        _describe(file, segment.layout)
        file.flush()
        for name, found in blocks.items():
            for column, offsets in found["offsets"].items():
                dataset = file[f"{name}/{column}"].id
                for block in range(len(offsets)):
                    offsets[block] = dataset.get_chunk_info(block).byte_offset
        image = file.id.get_file_image()
    return _between_indices(image, {"layout": segment.layout, "series": blocks})


def _blocks_of(
    file: h5py.File, segment: Segment, name: str, blocks: dict[str, Any]
) -> Iterator[bool]:
    """Write the blocks of a series into a HDF5 file, and note them; give control after each."""
    columns, rows = segment.columns[name], segment.rows[name]
    widest = max(row_bytes(*column) for column in columns.values())
    count = max(1, -(-rows * widest // BLOCK_BYTES), min(FEWEST_BLOCKS, rows // FEWEST_BLOCKS))
    size = -(-rows // count)
    found = blocks[name] = {"rows": rows, "block_rows": max(1, size)}
    found["offsets"], found["checksums"] = {c: [] for c in columns}, {c: [] for c in columns}
    values = {column: segment.read(name, column) for column in columns}
    made = {}
    for column, array in values.items():
        chunks = (size, *(max(1, n) for n in array.shape[1:])) if array.size else None
        made[column] = file.create_dataset(
            f"{name}/{column}", array.shape, array.dtype, chunks=chunks
        )
    for start in range(0, rows, found["block_rows"]):
        for column, array in values.items():
            block = np.ascontiguousarray(array[start : start + size])
            found["checksums"][column].append(checksum(block))
            if block.size:
                room = size * row_bytes(*columns[column])
                place = (start, *[0] * (array.ndim - 1))
                made[column].id.write_direct_chunk(place, block.tobytes().ljust(room, b"\0"))
                found["offsets"][column].append(0)
        yield True


def _describe(file: h5py.File, layout: Mapping[str, Any]) -> None:
    """Say in the HDF5 file itself what its numbers are."""
    for position, (name, n_neurons) in enumerate(layout["populations"].items()):
        file[name].attrs.update({"n_neurons": n_neurons, "position": position})
    if layout["probes"]:
        file["probes"].attrs["probes"] = layout["probes"]
    for name, (n_pre, n_post) in layout["projections"].items():
        file[f"connections/{name}"].attrs.update({"n_pre": n_pre, "n_post": n_post})
    file.attrs["rows_before"] = json.dumps(layout["rows_before"])


def _between_indices(image: bytes, index: dict[str, Any]) -> bytes:
    """Put the index into the user block of a HDF5 file, whose size is a power of two, and behind.

    Its numbers are those of the file as a whole.
    """
    room = 512
    while room < len(json.dumps(index)) + 4096:  # the numbers grow
        room *= 2
    for found in index["series"].values():
        for offsets in found["offsets"].values():
            offsets[:] = [offset + room for offset in offsets]
    index["start"], index["end"] = room, room + len(image)
    index["checksum"] = checksum(image)
    content = json.dumps(index).encode()
    sizes = SIZES.pack(len(content), checksum(content))
    return (SEAL + sizes + content).ljust(room, b"\0") + image + content + sizes + SEAL


def _count(batches: list[dict[str, NDArray]]) -> int:
    return sum(len(next(iter(batch.values()))) for batch in batches)


def _joined(arrays: list[NDArray]) -> NDArray:
    return np.ascontiguousarray(arrays[0] if len(arrays) == 1 else np.concatenate(arrays))
