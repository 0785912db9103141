"""What jobs say of the health of their runs, passed on while they run."""

from collections.abc import Sequence

from threefactor.experiments.jobs.job import Job
from threefactor.experiments.training.health import MARK
from threefactor.experiments.training.progress import Say


class News:
    """Passes on every line of the jobs' logs that is about health, once, with the job's name."""

    def __init__(self, jobs: Sequence[Job], say: Say) -> None:
        self._jobs, self._say = tuple(jobs), say
        self._positions = dict.fromkeys(jobs, 0)

    def begin(self, job: Job) -> None:
        """Begin with the first line: the job has been started, and its log anew."""
        self._positions[job] = 0

    def update(self) -> None:
        """Pass on what was said since the last call; half a line waits for its other half."""
        for job in self._jobs:
            if not job.log.is_file():
                continue
            with job.log.open("rb") as log:
                log.seek(self._positions[job])
                whole, newline, _ = log.read().rpartition(b"\n")
            self._positions[job] += len(whole) + len(newline)
            for line in whole.decode(errors="replace").splitlines():
                if line.startswith(MARK):
                    self._say(f"{job.name}: {line}")
