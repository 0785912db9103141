"""Who is at which job of a shared folder: several processes, on several machines, share the work.

A claim is a file that only one process can create. It holds host and process; its time is renewed
while the job runs. The claim of a process that is gone, or has long been silent, is taken over.
"""

import json
import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from threefactor.experiments.jobs.job import Job
from threefactor.experiments.liveness import is_alive

#: A claim of another machine that was not renewed for so long is stale.
STALE_S = 120.0
RENEW_S = 10.0


class Claims:
    """The claims in one folder.

    Parameters
    ----------
    folder : Path
        Made when it is needed; on a file system that all who share the work see.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._renewed = time.monotonic()

    def take(self, job: Job) -> bool:
        """Claim a job; return whether it is this process's."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(job)
        for _ in range(2):
            try:
                file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                if not self._drop_stale(path):
                    return False
                continue
            with os.fdopen(file, "w") as claim:
                json.dump({"host": socket.gethostname(), "pid": os.getpid()}, claim)
            return True
        return False

    def renew(self, jobs: Iterable[Job]) -> None:
        """Say, every few seconds, that these jobs are still being done here."""
        if time.monotonic() - self._renewed < RENEW_S:
            return
        self._renewed = time.monotonic()
        for job in jobs:
            os.utime(self._path(job))

    def release(self, job: Job) -> None:
        """Give a job back, done or not."""
        self._path(job).unlink(missing_ok=True)

    def _path(self, job: Job) -> Path:
        return self._folder / f"{job.path.parent.name}-{job.path.name}.claim"

    def _drop_stale(self, path: Path) -> bool:
        """Remove the claim of a process that is gone; of several who try, one succeeds."""
        try:
            if not self._is_stale(path):
                return False
            taken = path.with_name(f"{path.name}.{uuid4().hex}")
            path.rename(taken)
            taken.unlink()
        except FileNotFoundError:
            pass  # it was released, or taken, just now
        return True

    def _is_stale(self, path: Path) -> bool:
        now = self._folder / f".now-{uuid4().hex}"
        now.touch()  # the clock of the file system, which all share
        age = now.stat().st_mtime - path.stat().st_mtime
        now.unlink()
        try:
            owner = json.loads(path.read_text())
            host, pid = owner["host"], int(owner["pid"])
        except (ValueError, KeyError, TypeError):
            return age > RENEW_S  # somebody died while writing it
        if host == socket.gethostname():
            return not is_alive(pid)
        return age > STALE_S
