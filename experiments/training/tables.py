"""CSV files of a run directory, written row by row; `analysis.run_data.Run` reads them."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from threefactor.analysis.segments import checksum
from threefactor.experiments.atomic import write_at, write_atomically


class _Lines(NamedTuple):
    """What is in the file: rows, bytes, their checksum; and lines that wait."""

    rows: int
    end: int
    checksum: int
    waiting: list[str]


class Table:
    """The writer of a CSV file. A full disk, or a kill, costs what was not written yet.

    Parameters
    ----------
    path : Path
        The file, which holds whole lines.
    """

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        self._file = os.open(path, os.O_RDWR)
        # They change in one assignment: what is interrupted is written again in the same place.
        self._lines = _Lines(content.count(b"\n") - 1, len(content), checksum(content), [])

    @classmethod
    def create(cls, path: Path, columns: Iterable[str]) -> Self:
        """Begin a file."""
        write_atomically(path, _header(columns))
        return cls(path)

    @classmethod
    def reopen(cls, path: Path, columns: Iterable[str], mark: Mapping[str, Any] | None) -> Self:
        """Go on with a file after the rows of a mark; None: after all that have an end.

        Raises
        ------
        ValueError
            If its first rows are not those that it had when it was marked.
        """
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        header = _header(columns).encode()
        kept = [header, *(line for line in lines[1:] if line.endswith(b"\n"))]
        if mark is not None:
            kept = kept[: mark["rows"] + 1]
            if lines:
                kept[0] = lines[0] if mark["rows"] else header
            is_same = "checksum" not in mark or checksum(*kept) == mark["checksum"]
            if len(kept) != mark["rows"] + 1 or not is_same:
                raise ValueError(
                    f"{path}: its first {mark['rows']} rows are not those that this run had when "
                    "its checkpoint was written; restore the file."
                )
        write_atomically(path, b"".join(kept))
        return cls(path)

    @property
    def mark(self) -> dict[str, int]:
        """What `reopen` needs to go on after all that was appended, once it is flushed."""
        lines = self._lines
        waiting = "".join(lines.waiting).encode()
        return {
            "rows": lines.rows + len(lines.waiting),
            "checksum": checksum(waiting, start=lines.checksum),
        }

    def append(self, values: Iterable[Any]) -> None:
        """Keep a row for the next `flush`."""
        self._lines.waiting.append(",".join(map(str, values)) + "\n")

    def flush(self) -> None:
        """Hand everything appended so far to the operating system."""
        rows, end, found, waiting = self._lines
        content = "".join(waiting).encode()
        write_at(self._file, content, end)
        self._lines = _Lines(
            rows + len(waiting), end + len(content), checksum(content, start=found), []
        )

    def close(self) -> None:
        """Close the file; what waits is lost."""
        os.close(self._file)


def _header(columns: Iterable[str]) -> str:
    return ",".join(columns) + "\n"
