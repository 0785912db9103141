"""Run jobs side by side, in a few processes; what one does, or suffers, does not touch another.

Nothing is sent between processes but commands and the word to stop: each writes an ordinary run
directory, and whoever waits reads there how far it has come.
"""

from collections.abc import Callable, Sequence

from threefactor.experiments.jobs.claims import Claims
from threefactor.experiments.jobs.job import Job, TrainingJob
from threefactor.experiments.jobs.news import News
from threefactor.experiments.jobs.progress import JobsProgress
from threefactor.experiments.jobs.worker import EndedJob, Worker, wait_for
from threefactor.experiments.training.interruption import Interruption
from threefactor.experiments.training.progress import Display, Say

#: The end of a job is seen at once; this is for Ctrl-C, progress and health.
POLL_S = 0.25


def run_jobs(
    jobs: Sequence[Job],
    processes: int,
    say: Say,
    display: Display | None = None,
    claims: Claims | None = None,
    when_ended: Callable[[EndedJob], None] = lambda ended: None,
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
        Receives a line when one fails while others go on, and, unless others share the work,
        what jobs say of their health.
    display : Display, optional
        Shows the episodes of all training runs.
    claims : Claims, optional
        Where others may do jobs of the same sequence: what they are at ends as "elsewhere".
    when_ended : callable, optional
        Receives each job that was run here when it has ended.

    Raises
    ------
    KeyboardInterrupt
        When Ctrl-C is pressed twice.
    """
    return _Pool(jobs, processes, say, display, claims, when_ended).run()


class _Pool:
    def __init__(
        self,
        jobs: Sequence[Job],
        processes: int,
        say: Say,
        display: Display | None,
        claims: Claims | None,
        when_ended: Callable[[EndedJob], None],
    ) -> None:
        self._jobs, self._processes, self._say, self._display = jobs, processes, say, display
        self._claims, self._when_ended = claims, when_ended
        self._ended = {job: EndedJob(job, "done") for job in jobs if job.is_done}
        self._waiting = [job for job in jobs if job not in self._ended]
        self._workers: list[Worker] = []
        self._is_stopping = False
        self._news = News([] if claims else self._waiting, say)

    def run(self) -> list[EndedJob]:
        training = [job for job in self._jobs if isinstance(job, TrainingJob)]
        progress = JobsProgress(training, self._display) if self._display else None
        try:
            with Interruption(self._stop):
                while self._waiting or self._running:
                    self._start()
                    wait_for([worker for worker in self._workers if worker.job], POLL_S)
                    if self._is_stopping:
                        self._ask_to_stop()
                    if self._claims:
                        self._claims.renew(self._running)
                    ended = self._collect()
                    self._start()  # before anything is done about what has ended
                    for each in ended:
                        self._when_ended(each)
                    self._news.update()
                    if progress:
                        progress.update()
        finally:
            for worker in self._workers:
                if self._claims and worker.job:
                    self._claims.release(worker.job)
                worker.end()
            if self._display:
                self._display.end()
        return [self._ended[job] for job in self._jobs]

    @property
    def _running(self) -> list[Job]:
        return [worker.job for worker in self._workers if worker.job]

    def _stop(self, reason: str) -> None:
        self._is_stopping = True

    def _start(self) -> None:
        """Give free workers what nobody does yet."""
        while self._waiting and len(self._running) < self._processes and not self._is_stopping:
            job = self._waiting.pop(0)
            if self._claims and not self._claims.take(job):
                self._ended[job] = EndedJob(job, "elsewhere")
            elif job.is_done:  # by somebody else, meanwhile
                self._finish(EndedJob(job, "done"))
            else:
                self._free_worker().begin(job)
                self._news.begin(job)

    def _free_worker(self) -> Worker:
        for worker in [worker for worker in self._workers if worker.job is None]:
            if not worker.is_dead:
                return worker
            worker.end()
            self._workers.remove(worker)
        self._workers.append(Worker())
        return self._workers[-1]

    def _ask_to_stop(self) -> None:
        for worker in self._workers:
            worker.ask_to_stop()
        self._ended |= {job: EndedJob(job, "interrupted") for job in self._waiting}
        self._waiting.clear()

    def _collect(self) -> list[EndedJob]:
        found = [ended for worker in self._workers if (ended := worker.poll()) is not None]
        for ended in found:
            self._finish(ended)
            if ended.status == "failed" and (self._running or self._waiting):
                self._say(f"{ended.job.name} failed: {ended.reason}; the others go on")
        return found

    def _finish(self, ended: EndedJob) -> None:
        self._ended[ended.job] = ended
        if self._claims:
            self._claims.release(ended.job)
