"""A worker: a process of its own that does one job after another, loaded once."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Literal

from threefactor.experiments.command_line.arguments import INTERRUPTED
from threefactor.experiments.jobs.job import Job

_LAST_BYTES = 4096


@dataclass(frozen=True)
class EndedJob:
    """How a job ended; `reason` says in one line why it failed."""

    job: Job
    status: Literal["done", "interrupted", "failed", "elsewhere"]
    reason: str = ""


class Worker:
    """A process in a session of its own, where the terminal's Ctrl-C does not reach it.

    What a job does, or suffers, touches no other: a process that dies takes one job with it.

    Attributes
    ----------
    job : Job or None
        What it is at.
    """

    def __init__(self) -> None:
        command = [sys.executable, "-P", "-m", "threefactor.experiments.jobs.child"]
        libraries = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
        path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, **libraries, "PYTHONPATH": path}, start_new_session=True,
        )  # fmt: skip
        os.set_blocking(self.answers.fileno(), False)
        self.job: Job | None = None

    def begin(self, job: Job) -> None:
        """Let it do a job."""
        job.log.parent.mkdir(parents=True, exist_ok=True)
        job.log.write_bytes(b"")  # nobody shall read the words of an earlier process as this one's
        request = {"arguments": job.prepare(), "log": str(job.log)}
        self.job = job
        try:
            _pipe(self._process.stdin).write(f"{json.dumps(request)}\n".encode())
            _pipe(self._process.stdin).flush()
        except BrokenPipeError:
            pass  # it died, which `poll` finds

    @property
    def answers(self) -> IO[bytes]:
        """What can be read as soon as its job has ended."""
        return _pipe(self._process.stdout)

    def poll(self) -> EndedJob | None:
        """Return how its job ended, once it has; the worker is then free, unless it `is_dead`."""
        if self.job is None:
            return None
        died = self._process.poll()
        answer = self.answers.read()
        if not answer and died is None:
            return None
        job, self.job = self.job, None
        return _how_it_ended(job, int(answer) if answer else died or 1)

    @property
    def is_dead(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def ask_to_stop(self) -> None:
        """Stop its job between two decisions, with a checkpoint, and end."""
        stdin = _pipe(self._process.stdin)
        if not stdin.closed:
            try:
                stdin.close()
            except BrokenPipeError:
                pass

    def end(self) -> None:
        """End the process: a free one goes by itself, any other is killed."""
        self.ask_to_stop()
        if self.job is not None:
            self._process.kill()
        self._process.wait()
        self.answers.close()


def wait_for(workers: Sequence[Worker], seconds: float) -> None:
    """Wait until one of them may have ended its job, but not longer than this."""
    select.select([worker.answers for worker in workers], [], [], seconds if workers else 0.0)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


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
