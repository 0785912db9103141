"""health.csv of a run directory, written row by row; `analysis.run_data.Run` reads it."""

import math
from pathlib import Path

from threefactor.analysis.conditions import HEALTH_COLUMNS, HealthRow
from threefactor.experiments.atomic import write_atomically

_HEADER = ",".join(HEALTH_COLUMNS) + "\n"


class HealthTable:
    """The writer of health.csv in the folder of a run; begins one where there is none.

    Attributes
    ----------
    n_rows : int
        Appended so far, written or not.
    """

    def __init__(self, folder: Path) -> None:
        path = _path(folder)
        if not path.exists():
            path.write_text(_HEADER)
        self.n_rows = path.read_bytes().count(b"\n") - 1
        self._file = path.open("a")
        self._waiting: list[str] = []

    @staticmethod
    def cut(folder: Path, n_rows: int | None) -> None:
        """Leave the first rows only; None: all that were written to their ends."""
        path = _path(folder)
        if path.is_file():
            lines = path.read_text().splitlines(keepends=True)
            kept = lines if n_rows is None else lines[: n_rows + 1]
            write_atomically(path, "".join(line for line in kept if line.endswith("\n")))

    def append(self, row: HealthRow) -> None:
        """Keep a row for the next `flush`."""
        self._waiting.append(",".join(map(_field, vars(row).values())) + "\n")
        self.n_rows += 1

    def flush(self) -> None:
        """Hand everything appended so far to the operating system."""
        rows, self._waiting = self._waiting, []
        self._file.write("".join(rows))
        self._file.flush()

    def close(self) -> None:
        """Close the file, flushed before."""
        self._file.close()


def _path(folder: Path) -> Path:
    return folder / "health.csv"


def _field(value: int | float | str) -> str:
    return "" if isinstance(value, float) and math.isnan(value) else str(value)
