"""Train an agent: the loop with recordings, progress, checkpoints and a summary."""

import importlib.metadata
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from threefactor.analysis.statistics import bootstrap_interval
from threefactor.experiments.configuration import RunConfig, read_settings, resolve
from threefactor.experiments.training.agent import (
    Agent,
    build_agent,
    make_environments,
    replica_seeds,
)
from threefactor.experiments.training.checkpoint import load_checkpoint, save_checkpoint
from threefactor.experiments.training.interruption import Interruption
from threefactor.experiments.training.loop import ClosedLoop, Episode
from threefactor.experiments.training.preconditions import require_new_run
from threefactor.experiments.training.recording import Recorder, describe
from threefactor.experiments.training.references import policy_arrays, reference_returns
from threefactor.experiments.training.run_directory import RunDirectory

CHECKPOINT_INTERVAL_S = 60.0
LAST = 100


@dataclass(frozen=True)
class TrainingResult:
    """Where a run lies and its summary."""

    path: Path
    summary: dict[str, Any]


class Progress:
    """Observer that shows the mean of the last episodes: a bar on a terminal, else ten lines."""

    def __init__(
        self, observer: Recorder, config: RunConfig, discounted: bool, quiet: bool
    ) -> None:
        options = config.options
        self._observer = observer
        self._discounted = discounted
        self._total = options.episodes * options.replicas
        self.metric: list[list[float]] = [[] for _ in range(options.replicas)]
        is_terminal = sys.stderr.isatty() and not quiet
        self._bar = tqdm(total=self._total, unit="ep", disable=not is_terminal, mininterval=0.2)
        self._lines = not is_terminal and not quiet
        self._count = 0

    def decided(self, loop: ClosedLoop, actions: Any, rewards: Any) -> None:
        """Pass on."""
        self._observer.decided(loop, actions, rewards)

    def finished(self, loop: ClosedLoop, episode: Episode) -> None:
        """Pass on and show."""
        self._observer.finished(loop, episode)
        value = episode.discounted if self._discounted else episode.total
        self.metric[episode.replica].append(value)
        self._count += 1
        self._bar.update(1)
        mean = np.mean([np.mean(row[-LAST:]) for row in self.metric if row])
        if not self._bar.disable:
            self._bar.set_postfix(mean=f"{mean:.3f}", refresh=False)
        elif self._lines and self._count % max(1, self._total // 10) == 0:
            text = f"episode {self._count}/{self._total}: mean of the last {LAST}: {mean:.3f}"
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


def train_agent(
    config: RunConfig, out: Path | None = None, is_quiet: bool = False
) -> TrainingResult:
    """Train in a new run directory and return its summary.

    Ctrl-C ends the run after the present decision; what was done is kept and summarised.

    Raises
    ------
    ValueError, OSError
        For parts that do not fit, or a directory that is not new or cannot be written.
    """
    path = out or default_path(config)
    require_new_run(path)  # building a network can take half a minute
    environments = make_environments(config)
    agent = build_agent(config, environments)
    with RunDirectory.create(path, config.to_dict(), _meta(config, agent)) as directory:
        seeds = [seed.env for seed in replica_seeds(config)]
        loop = ClosedLoop(agent, environments, config.options.episodes, seeds)
        return _run(config, directory, agent, loop, is_quiet)


def resume_agent(run: Path, episodes: int | None = None, is_quiet: bool = False) -> TrainingResult:
    """Continue an interrupted run from its checkpoint, or a finished one with more episodes."""
    saved = load_checkpoint(run)
    settings = read_settings(run / "config.yaml")
    if episodes is not None:
        settings["episodes"] = episodes
    config = resolve(settings)
    environments = make_environments(config)
    agent = build_agent(config, environments)
    seeds = [seed.env for seed in replica_seeds(config)]
    loop = ClosedLoop(agent, environments, config.options.episodes, seeds)
    loop.restore(saved["loop"])
    loop.continue_until(config.options.episodes)
    with RunDirectory.reopen(run, saved["mark"]) as directory:
        directory.write_config(config.to_dict())
        return _run(config, directory, agent, loop, is_quiet, saved)


def _run(
    config: RunConfig,
    directory: RunDirectory,
    agent: Agent,
    loop: ClosedLoop,
    is_quiet: bool,
    saved: dict[str, Any] | None = None,
) -> TrainingResult:
    # A resumed run goes on recording the same synapses.
    first_rates = saved["first_rates"] if saved else agent.encoder.encode(loop.observations)[0]
    recorder = Recorder(directory, config, agent.network, first_rates)
    is_discounted = loop.environments.return_discount < 1.0
    progress = Progress(recorder, config, is_discounted, is_quiet)
    progress.metric = saved["metric"] if saved else progress.metric
    loop.observer = progress
    recorder.begin(loop)
    started, before = time.perf_counter(), loop.decisions
    is_between_decisions = _decide(directory, recorder, loop, progress)
    seconds = time.perf_counter() - started
    if is_between_decisions:
        _checkpoint(directory, recorder, loop, progress)
    recorder.drain()
    speed = (loop.decisions - before) * config.options.replicas / seconds
    interrupted = not (is_between_decisions and loop.is_finished)
    summary = summarise(config, agent, loop, progress.metric, speed, interrupted)
    if not interrupted and config.options.reference_episodes:
        try:
            summary["references"] = reference_returns(config, loop.environments)
        except KeyboardInterrupt:
            summary["interrupted"] = True
            print("interrupted: without the agents to compare with", file=sys.stderr)
    arrays = policy_arrays(config, agent, loop.environments)
    if arrays is not None:
        np.savez(directory.path / "policy.npz", **arrays)
    directory.write_summary(summary)
    agent.close()
    loop.environments.close()
    return TrainingResult(directory.path, summary)


def _decide(
    directory: RunDirectory, recorder: Recorder, loop: ClosedLoop, progress: Progress
) -> bool:
    """Run to the end or to Ctrl-C; return whether the present decision was completed."""
    saved_at = time.perf_counter()
    try:
        with Interruption() as interruption:
            while not (loop.is_finished or interruption.is_requested):
                loop.decide()
                if time.perf_counter() - saved_at > CHECKPOINT_INTERVAL_S:
                    _checkpoint(directory, recorder, loop, progress)
                    saved_at = time.perf_counter()
        is_completed = True
    except KeyboardInterrupt:
        is_completed = False
    finally:
        progress.close()
    if not loop.is_finished:
        print("interrupted: keeping what was done", file=sys.stderr)
    return is_completed


def _checkpoint(
    directory: RunDirectory, recorder: Recorder, loop: ClosedLoop, progress: Progress
) -> None:
    loop.agent.network.engine.check_finite()
    recorder.drain()
    state = {
        "loop": loop.state(), "mark": directory.mark(), "metric": progress.metric,
        "first_rates": recorder.first_rates,
    }  # fmt: skip
    save_checkpoint(directory.path, state)


def summarise(
    config: RunConfig,
    agent: Agent,
    loop: ClosedLoop,
    metric: list[list[float]],
    speed: float,
    interrupted: bool,
) -> dict[str, Any]:
    """Return what summary.json holds."""
    means = [float(np.mean(row[-LAST:])) for row in metric if row]
    return {
        "mean_return_last_100": float(np.mean(means)) if means else None,
        "mean_return_last_100_by_replica": means,
        "metric": "discounted_return" if loop.environments.return_discount < 1 else "return",
        "discount": loop.environments.return_discount,
        "decisions_per_second": speed,
        "episodes": sum(len(row) for row in metric),
        "seed": config.options.seed,
        "replicas": config.options.replicas,
        "env": config.options.env,
        "rule": config.names["rule"],
        "model": config.names["model"],
        "modulator": config.names["modulator"],
        "control": config.options.control,
        "engine": agent.network.engine.name,
        "scheduled": agent.schedule.values.tolist(),
        "interrupted": interrupted,
        "references": {},
    }


def report(result: TrainingResult) -> str:
    """Return what the command line prints after training."""
    summary = result.summary
    lines = []
    if summary["interrupted"]:
        command = f"python run.py train --resume {result.path}"
        lines.append(f"Interrupted; what was done is kept. To go on: {command}")
    means = summary["mean_return_last_100_by_replica"]
    if means:
        count = summary["episodes"] // max(1, summary["replicas"])
        name = summary["metric"].replace("_", " ")
        if summary["discount"] < 1:
            name += f" (gamma {summary['discount']:g})"
        text = f"{name}, mean of the last {min(LAST, count)} of {count} episodes:"
        lines.append(f"{text} {np.mean(means):.3f}")
        if len(means) > 1:
            _, low, high = bootstrap_interval(np.array(means), np.mean)
            spread = ", ".join(f"{m:.3f}" for m in means)
            lines.append(f"  95 % interval over {len(means)} seeds: {low:.3f} to {high:.3f}")
            lines.append(f"  seeds: {spread}")
        for label, value in summary["references"].items():
            lines.append(f"  {label}: {value:.3f}")
    lines.append(
        f"{summary['env']}, {summary['rule']}, {summary['model']}, engine {summary['engine']}: "
        f"{summary['decisions_per_second']:.0f} decisions per second"
    )
    lines.append(f"run: {result.path}")
    return "\n".join(lines)


def default_path(config: RunConfig) -> Path:
    """Return runs/<env>/<rule>/<time>-seed<seed>, not yet existing."""
    options = config.options
    env = options.env.rpartition(":")[2]
    rule = config.names["rule"].rpartition(":")[2]
    stamp = time.strftime("%Y%m%d-%H%M%S")
    base = Path("runs") / env / rule / f"{stamp}-seed{options.seed}"
    path, number = base, 1
    while path.exists():
        number += 1
        path = base.with_name(f"{base.name}-{number}")
    return path


def _meta(config: RunConfig, agent: Agent) -> dict[str, Any]:
    names = ("brian2", "numpy", "scipy", "gymnasium", "h5py", "cython")
    versions = {"python": platform.python_version()}
    for name in names:
        versions[name] = importlib.metadata.version(name)
    return {
        "versions": versions,
        "git_commit": _git_commit(),
        "engine": agent.network.engine.name,
        "seeds": [vars(seeds) for seeds in replica_seeds(config)],
        "argv": sys.argv,
        "host": platform.node(),
        "machine": platform.machine(),
        "network": describe(agent.network),
    }


def _git_commit() -> str | None:
    here = Path(__file__).parent
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
