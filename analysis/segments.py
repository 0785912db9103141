"""Recording segments as they are read: whole rows with a right checksum, and nothing else.

A segment is first a journal, `segment-00000.journal`: frames that are appended, of which a kill
costs the last one at most. It ends as `segment-00000.h5`, a HDF5 file for whoever likes, with an
index of its own before and behind it: where the numbers of every series lie, with a checksum for
each block. Files are read by frame or index, never by HDF5, which may hang on a damaged one.

`experiments.training.segments` writes what is read here.
"""

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

JOURNAL, SEALED = ".journal", ".h5"
#: A frame: this mark, number of the series, rows, bytes; checksum of these and of what follows.
FRAME, MARK = struct.Struct("<4sIIQ"), b"3fj\1"
CHECKSUM = struct.Struct("<I")
#: Number of the series of the first frame, which says what the others are.
LAYOUT = 2**32 - 1
#: Before the HDF5 file stand this, size and checksum of the index, and the index; behind it stand
#: the index, both numbers, and this.
SEAL, SIZES = b"threefactor segment\n", struct.Struct("<II")
BLOCK_BYTES = 2**18
#: What is wrong with a journal whose process was killed.
TORN = "its last rows are incomplete"
_MOST_BYTES = 2**31  # of a frame; more is damage

Columns = Mapping[str, tuple[str, Sequence[int]]]


@dataclass
class Segment:
    """What can be read of one segment.

    Attributes
    ----------
    path : Path
    layout : dict
        `run`, `number`, `rows_before`, `populations`, `graded`, `probes`, `projections`, `columns`.
    rows : dict of str to int
        Series -> rows, whole and verified.
    damage : str
        What is wrong with the file; "" if nothing is.
    """

    path: Path
    layout: Mapping[str, Any]
    rows: dict[str, int] = field(default_factory=dict)
    damage: str = ""
    _places: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)

    @property
    def columns(self) -> Mapping[str, Columns]:
        """Series -> column -> dtype and shape of a row."""
        return self.layout["columns"]

    def read(self, series: str, column: str, stop: int | None = None) -> NDArray:
        """Return the rows of a column, up to `stop`."""
        dtype, shape = self.columns[series][column]
        left = self.rows[series] if stop is None else min(stop, self.rows[series])
        parts = [np.zeros((0, *shape), dtype)]
        with self.path.open("rb") as file:
            for offset, rows in self._places.get((series, column), []):
                count = min(rows, left)
                left -= count
                size = count * row_bytes(dtype, shape)
                file.seek(offset)
                parts.append(np.frombuffer(file.read(size), dtype).reshape(count, *shape))
        return np.concatenate(parts)

    def add(self, series: str, rows: int, offsets: Mapping[str, int]) -> None:
        """Take verified rows of a series, whose columns begin at these places."""
        self.rows[series] = self.rows.get(series, 0) + rows
        for column, offset in offsets.items():
            self._places.setdefault((series, column), []).append((offset, rows))


def row_bytes(dtype: str, shape: Sequence[int]) -> int:
    """Return the bytes of a row of a column."""
    return int(np.dtype(dtype).itemsize * np.prod(shape, dtype=np.int64))


def segment_files(folder: Path) -> list[tuple[int, Path]]:
    """Return the segments of a folder with their numbers, in order; each is listed once."""
    found = {}
    for suffix in (JOURNAL, SEALED):  # the second replaces the first
        for path in folder.glob(f"segment-*{suffix}"):
            number = path.stem.removeprefix("segment-")
            if number.isdecimal():
                found[int(number)] = path
    return sorted(found.items())


def open_segment(path: Path) -> Segment | str:
    """Return a segment as far as it goes, or why there is nothing to be read in it."""
    try:
        with path.open("rb") as file:
            segment = _journal(path, file) if path.suffix == JOURNAL else _sealed(path, file)
        if isinstance(segment, Segment):
            for series in segment.columns:
                segment.rows.setdefault(series, 0)
        return segment
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return f"damaged ({' '.join(str(error).split())})"


def _journal(path: Path, file: IO[bytes]) -> Segment | str:
    segment, names, offset = None, [], 0
    while True:
        head = file.read(FRAME.size + CHECKSUM.size)
        if not head:
            break
        if len(head) < FRAME.size + CHECKSUM.size:
            return _with_damage(segment, TORN)
        mark, number, rows, size = FRAME.unpack_from(head)
        if mark != MARK or size > _MOST_BYTES:
            return _with_damage(segment, f"damaged at byte {offset}")
        content = file.read(size)
        if len(content) < size:
            return _with_damage(segment, TORN)
        if checksum(head[: FRAME.size], content) != CHECKSUM.unpack_from(head, FRAME.size)[0]:
            return _with_damage(segment, f"damaged at byte {offset}")
        begin = offset + len(head)
        offset = begin + size
        if segment is None:
            segment = Segment(path, json.loads(content))
            names = list(segment.columns)
            continue
        if number >= len(names):
            return _with_damage(segment, f"damaged at byte {offset - len(head) - size}")
        series, offsets = names[number], {}
        for column, (dtype, shape) in segment.columns[series].items():
            offsets[column] = begin
            begin += rows * row_bytes(dtype, shape)
        segment.add(series, rows, offsets)
    return _with_damage(segment, "")


def _with_damage(segment: Segment | None, damage: str) -> Segment | str:
    if segment is None:
        return "lost, killed while created"
    segment.damage = damage
    return segment


def checksum(*parts: Any, start: int = 0) -> int:
    """Return the CRC-32 of parts that follow each other, and what has the checksum `start`."""
    found = start
    for part in parts:
        found = zlib.crc32(part, found)
    return found


def _sealed(path: Path, file: IO[bytes]) -> Segment | str:
    found = _index(file)
    if found is None:
        return "damaged, or of another version: it has no index"
    index, size = found
    segment = Segment(path, index["layout"])
    is_whole = path.stat().st_size == index["end"] + size and (
        _checksum_between(file, index["start"], index["end"]) == index["checksum"]
    )
    for series, blocks in index["series"].items():
        _take_blocks(segment, series, blocks, None if is_whole else file)
    if not is_whole:
        total = sum(blocks["rows"] for blocks in index["series"].values())
        segment.damage = f"damaged: {sum(segment.rows.values())} of {total} rows are read"
    return segment


def _take_blocks(
    segment: Segment, series: str, blocks: Mapping[str, Any], file: IO[bytes] | None
) -> None:
    """Take the rows of a series; where the file is doubtful, up to the first damaged block."""
    columns, rows = segment.columns[series], blocks["rows"]
    for block, start in enumerate(range(0, rows, blocks["block_rows"])):
        count = min(blocks["block_rows"], rows - start)
        offsets = {}
        for column, (dtype, shape) in columns.items():
            size = row_bytes(dtype, shape)
            if not size:
                continue
            offsets[column] = begin = blocks["offsets"][column][block]
            expected = blocks["checksums"][column][block]
            if file and _checksum_between(file, begin, begin + count * size) != expected:
                return
        segment.add(series, count, offsets)


def _checksum_between(file: IO[bytes], start: int, stop: int) -> int:
    """Return the checksum of a part of a file, as far as there is a file."""
    file.seek(start)
    found, left = 0, stop - start
    while left > 0 and (part := file.read(min(left, BLOCK_BYTES))):
        found, left = zlib.crc32(part, found), left - len(part)
    return found if left <= 0 else -1


def _index(file: IO[bytes]) -> tuple[Any, int] | None:
    """Return the index before the file or, if that is damaged, behind it, and what follows the end.

    None: both are damaged.
    """
    width = len(SEAL) + SIZES.size
    head = file.read(width)
    if head.startswith(SEAL) and len(head) == width:
        size, expected = SIZES.unpack_from(head, len(SEAL))
        content = file.read(min(size, _MOST_BYTES))
        if checksum(content) == expected:
            return json.loads(content), size + width
    end = file.seek(0, 2)
    file.seek(max(0, end - width))
    tail = file.read()
    if tail.endswith(SEAL) and len(tail) == width:
        size, expected = SIZES.unpack_from(tail)
        file.seek(max(0, end - width - size))
        content = file.read(min(size, _MOST_BYTES))
        if checksum(content) == expected:
            return json.loads(content), size + width
    return None
