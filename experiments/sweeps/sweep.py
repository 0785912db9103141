"""Run a sweep: its jobs by processes here, on a Dask cluster, or shared by several machines."""

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from threefactor.experiments.atomic import write_atomically
from threefactor.experiments.jobs.claims import Claims
from threefactor.experiments.jobs.job import TrainingJob
from threefactor.experiments.jobs.processes import run_jobs
from threefactor.experiments.jobs.worker import EndedJob
from threefactor.experiments.sweeps.plan import Cell, Plan
from threefactor.experiments.sweeps.results import RESULTS, Results, failure_file
from threefactor.experiments.training.preconditions import require_folder
from threefactor.experiments.training.progress import Display, Say
from threefactor.experiments.yaml_text import dump_yaml

SWEEP = "sweep.yaml"

#: Does jobs and tells of each when it has ended.
Runner = Callable[[Sequence[TrainingJob], Claims, Callable[[EndedJob], None]], Sequence[EndedJob]]


@dataclass(frozen=True)
class SweepResult:
    """A sweep's folder and how its jobs ended."""

    path: Path
    plan: Plan
    ended: tuple[EndedJob, ...]

    @property
    def is_interrupted(self) -> bool:
        """Whether Ctrl-C left something to do."""
        return any(ended.status == "interrupted" for ended in self.ended)

    @property
    def has_failures(self) -> bool:
        """Whether a job failed, now or earlier."""
        return any(ended.status == "failed" for ended in self.ended)

    def report(self) -> str:
        """Return how many runs ended how, what failed, and where the results are."""
        counts = Counter[str]()
        for job, ended in zip(self.plan.jobs(self.path), self.ended, strict=True):
            counts[ended.status] += job.replicas
        told = [
            f"{counts[status]} {word}"
            for status, word in (
                ("failed", "failed"),
                ("interrupted", "interrupted"),
                ("elsewhere", "at work elsewhere"),
            )
            if counts[status]
        ]
        total = sum(counts.values())
        lines = [
            f"{counts['done']} of {total} runs done{''.join(f', {text}' for text in told)} "
            f"({len(self.plan.cells)} cells, {len(self.plan.seeds)} seeds)"
        ]
        lines += [
            f"  failed: {ended.job.name}: {ended.reason}"
            for ended in self.ended
            if ended.status == "failed"
        ]
        if self.has_failures:
            lines.append(f"  `sweep {self.path} --retry` tries them again")
        return "\n".join([*lines, f"results: {self.path / RESULTS}"])


def open_sweep(
    source: Path | Plan, out: Path | None, chunk: int | None = None
) -> tuple[Path, Plan]:
    """Return folder and plan of a sweep, new from a file, or one that is there already.

    Parameters
    ----------
    source : Path or Plan
        A sweep's file, what it says, or the folder of one that was begun.
    out : Path or None
        Folder of a new one; default runs/sweeps/<name of the file>.

    Raises
    ------
    ValueError
        For a file that cannot be meant, or a folder that holds another sweep.
    """
    if isinstance(source, Path) and source.is_dir():
        if not (source / SWEEP).is_file():
            raise ValueError(f"{source}: expected a sweep's file, or its folder with {SWEEP}.")
        if out is not None and out != source:
            raise ValueError(f"--out {out}: a sweep that was begun goes on in {source}.")
        return source, Plan.read(source / SWEEP)
    plan = source if isinstance(source, Plan) else Plan.read(source)
    if chunk is not None:
        plan = Plan.of({**plan.content, "chunk": chunk})
    folder = out or Path("runs") / "sweeps" / getattr(source, "stem", "unnamed")
    require_folder(folder, "Sweep's folder")
    file = folder / SWEEP
    if file.is_file():
        known = Plan.read(file)
        if (chunk or known.chunk) != known.chunk:
            raise ValueError(f"{folder}: this sweep was begun with chunk {known.chunk}.")
        plan = Plan.of({**plan.content, "chunk": known.chunk})  # cells may have been added
    elif folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"{folder}: expected a new or empty folder, or one of a sweep.")
    return folder, plan


def prepare(folder: Path, plan: Plan) -> dict[TrainingJob, Cell]:
    """Write down what a sweep is, and the settings of its cells; return its jobs."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {**plan.content, "chunk": plan.chunk}
    write_atomically(folder / SWEEP, dump_yaml(content))
    jobs = plan.jobs(folder)
    for job, cell in jobs.items():
        if not job.config.is_file():
            job.config.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(job.config, cell.config.to_yaml())
    return jobs


def run_sweep(
    folder: Path, plan: Plan, runner: Runner, *, is_retrying: bool = False
) -> SweepResult:
    """Do what is left of a sweep, and write results.csv anew whenever a job has ended.

    Jobs that are done stay as they are; those that failed are left alone unless `is_retrying`, and
    what another process does at the moment is left to it.
    """
    jobs = prepare(folder, plan)
    failed = {job: failure_file(folder, job) for job in jobs}
    failed = {job: path for job, path in failed.items() if path.is_file() and not job.is_done}
    if is_retrying:
        for job, path in failed.items():
            path.unlink()
            shutil.rmtree(job.path, ignore_errors=True)
        failed = {}

    results = Results(folder, plan)

    def when_ended(ended: EndedJob) -> None:
        path = failure_file(folder, ended.job)
        if ended.status == "failed":
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, f"{ended.reason}\n")
        results.write()

    ended = {job: EndedJob(job, "failed", path.read_text().strip()) for job, path in failed.items()}
    results.write()
    left = [job for job in jobs if job not in failed]
    done = runner(left, Claims(folder / "claims"), when_ended)
    ended |= dict(zip(left, done, strict=True))
    results.write()
    return SweepResult(folder, plan, tuple(ended[job] for job in jobs))


def in_processes(processes: int, say: Say, display: Display | None) -> Runner:
    """Return the runner of processes on this machine."""

    def run(
        jobs: Sequence[TrainingJob], claims: Claims, when_ended: Callable[[EndedJob], None]
    ) -> Sequence[EndedJob]:
        return run_jobs(jobs, processes, say, display, claims, when_ended)

    return run


def describe(plan: Plan, folder: Path) -> str:
    """Return what a sweep will do, in a few lines."""
    jobs = plan.jobs(folder)
    done = sum(job.is_done for job in jobs)
    lines = [
        f"{len(plan.cells)} cells, {len(plan.seeds)} seeds, {len(jobs)} jobs, {done} of them done"
    ]
    lines += [f"  {cell.digest}  {cell.name}" for cell in plan.cells]
    return "\n".join(lines)
