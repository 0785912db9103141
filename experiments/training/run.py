"""Train an agent: the loop with recordings, checkpoints, a summary and what it compares with."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from threefactor.agents.contract import Agent
from threefactor.analysis.health import measure_health
from threefactor.analysis.operations import measure_operations
from threefactor.analysis.plausibility import measure_plausibility
from threefactor.analysis.run_data import Run
from threefactor.envs.bridge.resuming import ByEpisode, FoundWay, find_way
from threefactor.experiments.archive import write_arrays
from threefactor.experiments.configuration import RunConfig, RunOptions, resolve
from threefactor.experiments.training.checkpoint import Checkpoints, load_checkpoint, restoring
from threefactor.experiments.training.demands import check_demands
from threefactor.experiments.training.health import HealthWatch
from threefactor.experiments.training.interruption import Interruption
from threefactor.experiments.training.limits import with_limits
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.metadata import run_metadata
from threefactor.experiments.training.observers import Observer, Stopwatch
from threefactor.experiments.training.preconditions import (
    require_checkpoint,
    require_new_run,
    writing,
)
from threefactor.experiments.training.progress import Say, say_on_stderr
from threefactor.experiments.training.recording import Recorder, RecordingOptions
from threefactor.experiments.training.references import compare, policy_arrays
from threefactor.experiments.training.result import TrainingResult
from threefactor.experiments.training.resumption import has_nothing_left, kept_settings, set_aside
from threefactor.experiments.training.run_directory import RunDirectory
from threefactor.experiments.training.run_files import RunFiles, changes, collect_files
from threefactor.experiments.training.setup import Setup
from threefactor.experiments.training.summary import summarise
from threefactor.experiments.training.twin import standard_error
from threefactor.experiments.training.warm_start import (
    keep_warm_start,
    kept_warm_start,
    learned_weights,
)


def train_agent(
    config: RunConfig,
    out: str | Path | None = None,
    *,
    observers: Sequence[Observer] = (),
    say: Say = say_on_stderr,
    is_trusted: bool = False,
) -> TrainingResult:
    """Train in a new run directory and return what came of it.

    Ctrl-C, SIGTERM and SIGHUP end the run after the present decision; what was done is kept and
    summarised.

    Parameters
    ----------
    out : str or Path, optional
        By default runs/<env>/<rule>/<time>-seed<seed>.
    observers : sequence of Observer
        What else watches the loop: `Progress`, or your own.
    say : callable, default standard error
        Receives what there is to say, line by line.
    is_trusted : bool
        Whether an environment that cannot be kept in another way may be pickled.

    Raises
    ------
    ValueError, OSError
        For parts that do not fit, or a directory that is not new or cannot be written.
    """
    options = config.options
    path = Path(out or default_path(options.env, config.learns_by, options.seed))
    require_new_run(path)  # building a network can take half a minute
    config = with_limits(config, say)
    check_demands(config, path, say)
    setup = Setup.of(config)
    if options.weights_from is not None:
        seeds = range(options.seed, options.seed + options.replicas)
        setup = replace(setup, weights=learned_weights(Path(options.weights_from), seeds))
    with setup.opened(say) as (environments, agent):
        files = collect_files(config)
        way = _find_way(setup, is_trusted, say)
        environments.follow(way.name)
        resumes = {"way": way.name, "reasons": dict(way.reasons)}
        meta = {**describe_run(setup, agent, files), "resumes": resumes}
        with RunDirectory.create(path, files.settings, meta) as directory:
            files.write(path)
            if setup.weights:
                keep_warm_start(path, setup.weights)
            loop = setup.begin_loop(environments, agent, options.episodes)
            probes = agent.choose_probes(options.probes, environments.observations)
            recorder = Recorder(directory, recording_options(options), agent, probes)
            return _train(config, setup, loop, recorder, observers, say)


def resume_agent(
    run: str | Path,
    episodes: int | None = None,
    *,
    observers: Sequence[Observer] = (),
    say: Say = say_on_stderr,
    is_trusted: bool = False,
) -> TrainingResult:
    """Continue an interrupted run from its checkpoint, or a finished one with more episodes.

    Where no episodes are left to be run nothing is changed.
    """
    run = Path(run)
    require_checkpoint(run)
    saved = load_checkpoint(run)
    if has_nothing_left(run, episodes, saved["tally"]["done"], say):
        return TrainingResult.load(run, is_new=False)
    if said := changes(run):
        say(said)
    settings = kept_settings(run, say)
    if episodes is not None:
        settings["episodes"] = episodes
    config = resolve(settings)
    options = config.options
    setup = replace(Setup.of(config), weights=kept_warm_start(run))
    with setup.opened(say) as (environments, agent):
        loop = setup.begin_loop(environments, agent, options.episodes)
        with restoring(run):
            lost = loop.restore(saved, is_trusted)
        for reason in dict.fromkeys(lost.values()):
            say(f"going on with the next episode, as the environment is not brought back: {reason}")
        loop.continue_until(options.episodes)
        with RunDirectory.reopen(run, saved["mark"]) as directory:
            set_aside(run, int(saved["tally"]["done"].max()), say)
            directory.write_config(collect_files(config).settings)
            recorder = Recorder(directory, recording_options(options), agent, saved["probes"])
            return _train(config, setup, loop, recorder, observers, say)


def _train(
    config: RunConfig,
    setup: Setup,
    loop: ClosedLoop,
    recorder: Recorder,
    observers: Sequence[Observer],
    say: Say,
) -> TrainingResult:
    """Run the loop, compare, and write down what has come of it."""
    directory, stopwatch = recorder.directory, Stopwatch()
    watch = HealthWatch(directory, loop.agent.describe(), config.to_dict(), say)
    checkpoints = Checkpoints(recorder, config.options.checkpoint_every, say)
    loop.observers = (recorder, watch, stopwatch, *observers, checkpoints)
    is_complete = _run(loop, say)
    references: dict[str, float] = {}
    played: list[list[float]] = []
    if is_complete and config.options.reference_episodes:
        try:
            references, played = compare(
                setup, loop.environments, config.options.reference_episodes, say
            )
        except KeyboardInterrupt:
            is_complete = False
            say("interrupted: without the agents to compare with")
    summary = {
        **summarise(loop.tally), **config.labels(), **loop.agent.describe(),
        "decisions_per_second": stopwatch.decisions_per_second,
        "interrupted": not is_complete, "references": references,
        "twin_return_by_replica": [float(np.mean(returns)) for returns in played],
        "twin_error_by_replica": [standard_error(returns) for returns in played],
        "run": directory.id,
    }  # fmt: skip
    arrays = None
    if config.options.record_episodes:
        arrays = policy_arrays(loop.agent, loop.environments)
    directory.seal()  # what is recorded cannot be read before
    recorded = Run(directory.path)
    plausibility = measure_plausibility(recorded)
    summary["plausibility"] = plausibility.to_dict() if plausibility else {}
    operations = measure_operations(recorded)
    summary["operations"] = operations.to_dict() if operations else {}
    summary["health"] = measure_health(recorded).to_dict()
    with writing(directory.path):
        if arrays is not None:
            write_arrays(directory.path / "policy.npz", {**arrays, "run": np.array(directory.id)})
        directory.write_summary(summary)
        directory.finish()
    return TrainingResult(directory.path, summary)


def _run(loop: ClosedLoop, say: Say) -> bool:
    """Run to the end, or until something asks for a stop; return whether the end was reached."""
    is_complete = False
    try:
        with Interruption(loop.stop):
            loop.run()
        is_complete = loop.tally.is_finished
    except KeyboardInterrupt:  # the second one, within a decision: the checkpoint before it holds
        loop.stop("interrupted")
    if not is_complete:
        say(f"{loop.stopped_by}: keeping what was done")
    return is_complete


def _find_way(setup: Setup, is_trusted: bool, say: Say) -> FoundWay:
    """Return how the environment's state is kept, and say if it is not."""
    found = find_way(
        lambda: setup.open_environments(replicas=1), setup.seeds[0].env, is_trusted
    )  # fmt: skip
    if found.name == ByEpisode.name:
        reason = found.reasons.get("replay") or next(iter(found.reasons.values()), "")
        say(
            f"the environment cannot be brought back to within an episode ({reason}): if this run "
            "is interrupted, `train --resume` goes on with the next episode"
        )
    return found


def describe_run(setup: Setup, agent: Agent, files: RunFiles) -> dict[str, Any]:
    """Return what meta.json says of a run."""
    return {
        **run_metadata(), "seeds": [vars(seeds) for seeds in setup.seeds], **agent.describe(),
        "needs_bootstrap": agent.needs_bootstrap, "files": files.digests(),
    }  # fmt: skip


def recording_options(options: RunOptions) -> RecordingOptions:
    """Return what the settings of a run say of its recordings."""
    return RecordingOptions(
        options.episodes, options.window_ms, options.record_episodes, options.weight_snapshots
    )


def default_path(env: str, rule: str, seed: int) -> Path:
    """Return runs/<env>/<rule>/<time>-seed<seed>, not yet existing."""
    folder = Path("runs") / env.rpartition(":")[2] / rule.rpartition(":")[2]
    stamp = time.strftime("%Y%m%d-%H%M%S")
    base = folder / f"{stamp}-seed{seed}"
    path, number = base, 1
    while path.exists():
        number += 1
        path = base.with_name(f"{base.name}-{number}")
    return path
