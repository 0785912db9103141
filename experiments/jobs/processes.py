"""Run jobs side by side, a process for each; what one does, or suffers, does not touch another.

Nothing is sent between processes but the word to stop: each writes an ordinary run directory, and
whoever waits reads there how far it has come.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Literal

from threefactor.experiments.command_line.arguments import INTERRUPTED
from threefactor.experiments.jobs.job import Job
from threefactor.experiments.jobs.news import News
from threefactor.experiments.jobs.progress import JobsProgress
from threefactor.experiments.training.interruption import Interruption
from threefactor.experiments.training.progress import Display, Say

POLL_S = 0.1
_LAST_BYTES = 4096


@dataclass(frozen=True)
class EndedJob:
    """How a job ended; `reason` says in one line why it failed."""

    job: Job
    status: Literal["done", "interrupted", "failed"]
    reason: str = ""


def run_jobs(
    jobs: Sequence[Job], processes: int, say: Say, display: Display | None = None
) -> list[EndedJob]:
    """Run jobs, at most `processes` at a time, and return how each ended, in their order.

    Jobs that are done are not run again, and those with a checkpoint go on from it. Ctrl-C stops
    all between two decisions, with a checkpoint; pressed twice it kills them, whose last checkpoint
    holds. They stop as well when this process dies.

    Parameters
    ----------
    jobs : sequence of Job
    processes : int
        >= 1.
    say : callable
        Receives a line when one fails while others go on, and what they say of their health.
    display : Display, optional
        Shows the episodes of all jobs.

    Raises
    ------
    KeyboardInterrupt
        When Ctrl-C is pressed twice.
    """
    return _Pool(jobs, processes, say, display).run()


class _Pool:
    def __init__(
        self, jobs: Sequence[Job], processes: int, say: Say, display: Display | None
    ) -> None:
        self._jobs, self._processes, self._say, self._display = jobs, processes, say, display
        self._ended = {job: EndedJob(job, "done") for job in jobs if job.is_done}
        self._waiting = [job for job in jobs if job not in self._ended]
        self._running: dict[Job, subprocess.Popen] = {}
        self._is_stopping = False
        self._news = News(self._waiting, say)

    def run(self) -> list[EndedJob]:
        progress = JobsProgress(self._jobs, self._display) if self._display else None
        try:
            with Interruption(self._stop):
                while self._waiting or self._running:
                    self._start()
                    time.sleep(POLL_S)
                    if self._is_stopping:
                        self._ask_to_stop()
                    self._collect()
                    self._news.update()
                    if progress:
                        progress.update()
        finally:
            for process in self._running.values():
                process.kill()
                process.wait()
            if self._display:
                self._display.end()
        return [self._ended[job] for job in self._jobs]

    def _stop(self, reason: str) -> None:
        self._is_stopping = True

    def _start(self) -> None:
        while self._waiting and len(self._running) < self._processes and not self._is_stopping:
            job = self._waiting.pop(0)
            self._running[job] = _start_process(job)
            self._news.begin(job)

    def _ask_to_stop(self) -> None:
        for process in self._running.values():
            _stdin(process).close()
        self._ended |= {job: EndedJob(job, "interrupted") for job in self._waiting}
        self._waiting.clear()

    def _collect(self) -> None:
        for job, process in list(self._running.items()):
            status = process.poll()
            if status is None:
                continue
            _stdin(process).close()
            del self._running[job]
            self._ended[job] = ended = _how_it_ended(job, status)
            if ended.status == "failed" and (self._running or self._waiting):
                self._say(f"{job.name} failed: {ended.reason}; the others go on")


def _start_process(job: Job) -> subprocess.Popen:
    """Start a job in a session of its own, where the terminal's Ctrl-C does not reach it."""
    command = [sys.executable, "-P", "-m", "threefactor.experiments.jobs.child", *job.prepare()]
    libraries = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with job.log.open("wb") as log:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
            env={**os.environ, **libraries, "PYTHONPATH": path}, start_new_session=True,
        )  # fmt: skip


def _stdin(process: subprocess.Popen) -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin


def _how_it_ended(job: Job, status: int) -> EndedJob:
    if status in (INTERRUPTED, -signal.SIGINT):
        return EndedJob(job, "interrupted")
    if status == 0:
        return EndedJob(job, "done")
    words = _last_words(job)
    if status < 0:
        killed = f"killed by {signal.Signals(-status).name}"
        words = f"{killed}; it last said: {words}" if words else killed
    return EndedJob(job, "failed", f"{words or f'exit status {status}'} ({job.log})")


def _last_words(job: Job) -> str:
    """Return the last line of a job's log."""
    with job.log.open("rb") as log:
        log.seek(max(0, os.path.getsize(job.log) - _LAST_BYTES))
        lines = log.read().decode(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return said[-1].removeprefix("error: ") if said else ""
