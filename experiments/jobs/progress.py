"""How far jobs have come, read from the episodes that their runs have written so far."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from threefactor.analysis.run_data import EPISODE_COLUMNS
from threefactor.experiments.jobs.job import TrainingJob
from threefactor.experiments.training.progress import Display, mean_of_last
from threefactor.experiments.training.summary import LAST

_COLUMNS = list(EPISODE_COLUMNS)
_REPLICA, _METRIC = _COLUMNS.index("replica"), _COLUMNS.index("discounted_return")


class EpisodeTail:
    """Follows an episodes.csv that grows, and may be written anew by a run that is resumed.

    Attributes
    ----------
    count : int
        Episodes so far.
    returns : dict of int to list of float
        Replica -> the metric of its last episodes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin(None)

    def _begin(self, file_number: int | None) -> None:
        self._file_number, self._position = file_number, 0
        self.count, self.returns = 0, defaultdict[int, list[float]](list)

    def read(self) -> None:
        """Take what was written since the last call; half a line waits for its other half."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            number = self._path.stat().st_ino
            if number != self._file_number:
                self._begin(number)
            file.seek(self._position)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._position += len(whole) + len(newline)
        for line in whole.decode().splitlines():
            values = line.split(",")
            if values != _COLUMNS:
                self.count += 1
                own = self.returns[int(values[_REPLICA])]
                own.append(float(values[_METRIC]))
                del own[:-LAST]


class JobsProgress:
    """Shows the episodes of all jobs as those of one run."""

    def __init__(self, jobs: Sequence[TrainingJob], display: Display) -> None:
        self._tails = [EpisodeTail(job.path / "episodes.csv") for job in jobs]
        self._display = display
        display.begin(sum(job.replicas * job.episodes for job in jobs), self._count())

    def update(self) -> None:
        """Show what was done since the last call."""
        count = self._count()
        if count:
            self._display.show(count, self._mean)

    def _count(self) -> int:
        for tail in self._tails:
            tail.read()
        return sum(tail.count for tail in self._tails)

    def _mean(self) -> float:
        return mean_of_last(own for tail in self._tails for own in tail.returns.values())
