"""A training run whose replicas are shared by several processes, its workers.

Replica r of seed s is the run of seed s + r, so each worker runs a block of neighbours as an
ordinary run in workers/<n> of the run directory, and the whole is what a single process would have
written: `analysis.run_data.Run` joins the episodes, and what is recorded of replica 0 is the first
worker's.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from threefactor.analysis.health import measure_health, rows_of
from threefactor.analysis.run_data import Run
from threefactor.experiments.configuration import RunConfig, RunOptions, resolve
from threefactor.experiments.jobs.job import TrainingJob
from threefactor.experiments.jobs.processes import run_jobs
from threefactor.experiments.training.demands import check_demands
from threefactor.experiments.training.health import stopping
from threefactor.experiments.training.limits import with_limits
from threefactor.experiments.training.preconditions import require_new_run, require_workers
from threefactor.experiments.training.progress import Display, Say, say_on_stderr
from threefactor.experiments.training.references import join_references
from threefactor.experiments.training.result import TrainingResult
from threefactor.experiments.training.resumption import has_nothing_left, kept_settings, set_aside
from threefactor.experiments.training.run import default_path, describe_run
from threefactor.experiments.training.run_directory import RunDirectory
from threefactor.experiments.training.run_files import changes, collect_files
from threefactor.experiments.training.setup import Setup

#: What workers other than the first, which has replica 0, need not do.
_UNRECORDED = {"record-episodes": 0, "probes": 0, "weight-snapshots": 0}


def train_in_workers(
    config: RunConfig,
    out: str | Path | None,
    workers: int,
    *,
    display: Display | None = None,
    say: Say = say_on_stderr,
    is_trusted: bool = False,
) -> TrainingResult:
    """Train in a new run directory, the replicas shared by `workers` processes.

    Ctrl-C ends it as it ends `train_agent`.

    Raises
    ------
    ValueError, OSError
        For more workers than replicas, replicas that share something, parts that do not fit, or a
        directory that is not new or cannot be written.
    RuntimeError
        In one line, after the others have ended, if workers died. `resume_in_workers` goes on.
    """
    options = config.options
    require_workers(workers, options.replicas)
    path = Path(out or default_path(options.env, config.learns_by, options.seed))
    require_new_run(path)
    config = with_limits(config, say)
    check_demands(config, path, say)
    setup, files = Setup.of(config), collect_files(config)
    with setup.opened(say) as (_, agent):  # what does not fit is refused; the build is in the cache
        if agent.shared:
            raise ValueError(
                f"the replicas share {agent.shared}: workers must be 1, got {workers}; with "
                "--apart true they share nothing."
            )
        meta = {**describe_run(setup, agent, files), "workers": workers}
    with RunDirectory.create(path, files.settings, meta) as directory:
        files.write(path)
        return _run(directory, config, display, say, is_trusted)


def resume_in_workers(
    run: str | Path,
    episodes: int | None = None,
    *,
    display: Display | None = None,
    say: Say = say_on_stderr,
    is_trusted: bool = False,
) -> TrainingResult:
    """Let every worker of a split run go on, as `resume_agent` would, whatever has stopped it."""
    run = Path(run)
    known = Run(run)
    done = np.bincount(known.episodes["replica"], minlength=known.config["replicas"])
    if has_nothing_left(run, episodes, done, say):
        return TrainingResult.load(run, is_new=False)
    if said := changes(run):
        say(said)
    settings = kept_settings(run, say)
    if episodes is not None:
        settings["episodes"] = episodes
    config = resolve(settings)
    with RunDirectory.reopen(
        run, {"episodes": {"rows": 0}, "health": {"rows": 0}, "recordings": {}}
    ) as directory:
        set_aside(run, int(done.max()), say)
        directory.write_config(collect_files(config).settings)
        return _run(directory, config, display, say, is_trusted)


def _run(
    directory: RunDirectory,
    config: RunConfig,
    display: Display | None,
    say: Say,
    is_trusted: bool,
) -> TrainingResult:
    """Run the workers, and write down what has come of the whole."""
    path = directory.path
    jobs = _split(path, config.options, Run(path).worker_folders, is_trusted)
    ended = run_jobs(jobs, len(jobs), say, display)
    episodes = Run(path).episodes
    for row in zip(*episodes.values(), strict=True):
        directory.append_episode(dict(zip(episodes, row, strict=True)))
    health = measure_health(Run(path))
    for health_row in rows_of(health.columns):
        directory.append_health(health_row)
    failed = [f"{end.job.name} failed: {end.reason}" for end in ended if end.status == "failed"]
    if failed:
        raise RuntimeError(
            f"{'; '.join(failed)}. What was done is kept: `train --resume {path}` goes on."
        )
    is_complete = all(end.status == "done" for end in ended)
    if not is_complete:
        reason = stopping(config.options.stop_when, health.ailments, config.options.replicas)
        say(f"{reason or 'interrupted'}: keeping what was done")
    begun = [job for job in jobs if (job.path / "summary.json").is_file()]
    if not begun:
        raise KeyboardInterrupt
    summary = {**_join(begun), **config.labels(), "interrupted": not is_complete}
    summary["health"] = health.to_dict()
    summary["run"] = directory.id
    directory.write_summary(summary)
    return TrainingResult(path, summary)


def _split(
    path: Path, options: RunOptions, folders: Sequence[Path], is_trusted: bool
) -> list[TrainingJob]:
    """Return a job for each folder, with a block of neighbouring replicas."""
    jobs = []
    for number, replicas in enumerate(np.array_split(np.arange(options.replicas), len(folders))):
        first, last = int(replicas[0]), int(replicas[-1])
        own = {name: values[first : last + 1] for name, values in options.each.items()}
        which = f"replica {first}" if first == last else f"replicas {first} to {last}"
        jobs.append(
            TrainingJob(
                f"worker {number} ({which})", folders[number], path / "config.yaml",
                options.seed + first, len(replicas), options.episodes,
                {**({"each": own} if own else {}), **(_UNRECORDED if first else {})},
                is_trusted,
            )
        )  # fmt: skip
    return jobs


def _join(jobs: Sequence[TrainingJob]) -> dict[str, Any]:
    """Return what the summaries of all workers say together; lists have an entry per replica."""
    summaries: list[Mapping[str, Any]] = [Run(job.path).summary for job in jobs]
    joined = {
        name: [item for summary in summaries for item in summary[name]]
        if isinstance(value, list)
        else value
        for name, value in summaries[0].items()
    }
    means = joined["mean_return_last_100_by_replica"]
    for name in ("episodes", "decisions_per_second"):
        joined[name] = sum(summary[name] for summary in summaries)
    joined["mean_return_last_100"] = float(np.mean(means)) if means else None
    joined["references"] = join_references(
        [summary["references"] for summary in summaries], [job.replicas for job in jobs]
    )
    return joined
