"""Sweeps on clusters: jobs sent through Dask, and the script of a job array for SLURM."""

import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from threefactor import naming
from threefactor.experiments.jobs.claims import Claims
from threefactor.experiments.jobs.job import Job
from threefactor.experiments.jobs.worker import EndedJob, Worker
from threefactor.experiments.sweeps.sweep import Runner
from threefactor.experiments.training.interruption import Interruption
from threefactor.experiments.training.progress import Say

POLL_S = 0.2
SCRIPT = "slurm.sh"
_TEMPLATE = """#!/bin/bash
# Tasks claim jobs in {folder} until none is left; any number of them may run at once,
# and again after a time limit: what is done is not done twice.
#SBATCH --job-name={name}
#SBATCH --array=1-{tasks}
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=04:00:00
#SBATCH --signal=INT@60
#SBATCH --output={folder}/slurm-%A_%a.log
cd {here}
export PYTHONPATH={package}${{PYTHONPATH:+:$PYTHONPATH}}
exec {python} -m threefactor sweep {folder} --workers 1
"""


def on_dask(address: str, say: Say) -> Runner:
    """Return the runner that sends jobs to the workers of a Dask cluster.

    Each job is a process of its own on the worker, so that threads there do no harm; the folder
    of the sweep must be on a file system that all see. A job whose worker is lost goes to another,
    and goes on from its checkpoint.

    Raises
    ------
    ValueError
        If distributed is not installed, with what to type.
    OSError
        If nothing answers at the address.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ValueError(
            "--dask needs the package distributed: pip install 'threefactor[dask]'."
        ) from None
    try:
        client: Any = Client(address, timeout="10s")  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise OSError(f"--dask {address}: no Dask scheduler answers there ({error}).") from None

    def run(
        jobs: Sequence[Job], claims: Claims, when_ended: Callable[[EndedJob], None]
    ) -> Sequence[EndedJob]:
        with client:
            return _Sent(client, jobs, claims, when_ended, say).run()

    return run


class _Sent:
    """Jobs that are with a cluster."""

    def __init__(
        self,
        client: Any,
        jobs: Sequence[Job],
        claims: Claims,
        when_ended: Callable[[EndedJob], None],
        say: Say,
    ) -> None:
        self._client, self._jobs, self._claims = client, jobs, claims
        self._when_ended, self._say = when_ended, say
        self._is_stopping = False

    def run(self) -> list[EndedJob]:
        ended = {job: EndedJob(job, "done") for job in self._jobs if job.is_done}
        futures = {}
        for job in self._jobs:
            if job in ended:
                continue
            if self._claims.take(job):
                futures[job] = self._client.submit(do_job, job, pure=False, retries=2)
            else:
                ended[job] = EndedJob(job, "elsewhere")
        try:
            with Interruption(self._stop):
                while futures and not self._is_stopping:
                    time.sleep(POLL_S)
                    self._claims.renew(futures)
                    for job in [job for job, future in futures.items() if future.done()]:
                        ended[job] = _outcome(job, futures.pop(job))
                        self._claims.release(job)
                        self._when_ended(ended[job])
                        if ended[job].status == "failed" and futures:
                            self._say(f"{job.name} failed: {ended[job].reason}; the others go on")
        finally:
            for job, future in futures.items():
                future.cancel(force=True)
                self._claims.release(job)
                ended[job] = EndedJob(job, "interrupted")
        return [ended[job] for job in self._jobs]

    def _stop(self, reason: str) -> None:
        self._is_stopping = True


def _outcome(job: Job, future: Any) -> EndedJob:
    if future.status == "finished":
        return future.result()
    if future.status == "cancelled":
        return EndedJob(job, "interrupted")
    return EndedJob(job, "failed", f"on the cluster: {future.exception()}")


def do_job(job: Job) -> EndedJob:
    """Do a job in a process of its own, and return how it ended; this runs on the cluster."""
    worker = Worker()
    try:
        worker.begin(job)
        while (ended := worker.poll()) is None:
            time.sleep(POLL_S)
        return ended
    finally:
        worker.end()


def write_script(folder: Path, tasks: int) -> Path:
    """Write the script of a job array into a sweep's folder, to be sent with ``sbatch``."""
    path = folder / SCRIPT
    package = Path(naming.__file__).absolute().parents[1]
    path.write_text(
        _TEMPLATE.format(
            folder=shlex.quote(str(folder.absolute())),
            name=shlex.quote(folder.name),
            tasks=tasks,
            here=shlex.quote(os.getcwd()),
            package=shlex.quote(str(package)),
            python=shlex.quote(sys.executable),
        )
    )
    path.chmod(0o755)
    return path
