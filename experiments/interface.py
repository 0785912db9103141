"""The commands as functions: `threefactor.train` and its kin, which `run.py` calls as well.

Nothing is printed but progress, on standard error. Results have a `report`, which is what the
command prints, and `figures`. Paths may be text. What takes long to load is loaded when it is used.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threefactor.experiments.layers import Layer, configure

if TYPE_CHECKING:
    from threefactor.analysis.neural.analysis import NeuralAnalysis
    from threefactor.experiments.checks.card import Card
    from threefactor.experiments.checks.report import CheckReport
    from threefactor.experiments.sweeps.sweep import SweepResult
    from threefactor.experiments.training.evaluation import EvaluationResult
    from threefactor.experiments.training.observers import Observer
    from threefactor.experiments.training.progress import Say
    from threefactor.experiments.training.result import TrainingResult
    from threefactor.experiments.tuning.study import TuningResult
    from threefactor.rules import Rule


def train(
    *layers: Layer,
    out: str | Path | None = None,
    workers: int = 1,
    quiet: bool = False,
    observers: "Sequence[Observer]" = (),
    say: "Say | None" = None,
    trust: bool = False,
    **settings: Any,
) -> "TrainingResult":
    """Train an agent in a new run directory.

    Ctrl-C, Jupyter's stop button, SIGTERM or SIGHUP end training after the present decision; what
    was done is kept, the result says `is_interrupted`, and `resume` goes on.

    Parameters
    ----------
    layers, settings
        As in `configure`: ``train(env="GridWorld-v0", rule="rstdp-et", episodes=300)`` does what
        the same words do on the command line, presets included. A part may be given by its
        name, as ``FILE.py:ClassName``, as a class, or as an instance with its settings.
    out : str or Path, optional
        Run directory, which must not exist; default runs/<env>/<rule>/<time>-seed<seed>.
    workers : int, default 1
        Processes that share the replicas: same episodes, spikes and weights, on several cores.
    quiet : bool, default False
        No progress.
    observers : sequence of Observer
        What else watches the loop; it must run in this process, so `workers` must be 1.
    say : callable, optional
        Receives progress and notices line by line; default: a bar, or lines on standard error.
    trust : bool, default False
        Whether an environment whose state cannot be kept as data may be pickled in checkpoints.

    Raises
    ------
    ValueError, TypeError, OSError
        For settings that are unknown, impossible or do not fit each other, or a directory that is
        not new or cannot be written.
    """
    from threefactor.experiments.training.preconditions import require_workers

    config = configure(*layers, **settings)
    require_workers(workers, config.options.replicas)
    if workers != 1:
        from threefactor.experiments.jobs.workers import train_in_workers

        shown = _shown(quiet, observers, say)
        return train_in_workers(config, out, workers, **shown, is_trusted=trust)
    from threefactor.experiments.training.run import train_agent

    return train_agent(config, out, **_watched(quiet, observers, say), is_trusted=trust)


def resume(
    run: str | Path,
    episodes: int | None = None,
    *,
    quiet: bool = False,
    observers: "Sequence[Observer]" = (),
    say: "Say | None" = None,
    trust: bool = False,
) -> "TrainingResult":
    """Continue an interrupted run, or a finished one with more episodes, from its checkpoint.

    A run that was split over workers goes on in as many.

    Parameters
    ----------
    run : str or Path
        Run directory.
    episodes : int, optional
        New total of each replica.
    quiet, observers, say
        As in `train`.
    trust : bool, default False
        Whether a pickled environment may be read, which runs whatever code it holds.

    Raises
    ------
    ValueError
        For a run that is none, is damaged, or is being written by another process; or for fewer
        episodes than it has had.
    """
    from threefactor.experiments.training.preconditions import worker_folders

    if worker_folders(Path(run)):
        from threefactor.experiments.jobs.workers import resume_in_workers

        shown = _shown(quiet, observers, say)
        return resume_in_workers(run, episodes, **shown, is_trusted=trust)
    from threefactor.experiments.training.run import resume_agent

    return resume_agent(run, episodes, **_watched(quiet, observers, say), is_trusted=trust)


def evaluate(
    run: "str | Path | TrainingResult",
    episodes: int = 100,
    seed: int | None = None,
    *,
    max_episode_steps: int | None = None,
    greedy: bool = False,
    record: bool = False,
    film: str | Path | None = None,
    dimensions: tuple[int, int] | None = None,
    bits: int | Sequence[int] = (),
    env_kwargs: Mapping[str, Any] | None = None,
) -> "EvaluationResult":
    """Run a trained agent with plasticity off, in episodes that training never saw.

    Parameters
    ----------
    run : str, Path or TrainingResult
    episodes : int, default 100
        Of each replica.
    seed : int, optional
        Of the environment.
    max_episode_steps : int, optional
        Time limit of the episodes, in place of the training's.
    greedy : bool, default False
        Let the decoder decide without noise: a soft choice becomes that of most spikes. The noise
        of the neurons stays.
    record : bool, default False
        Leave in the run what its figures then show: spikes of one episode before and after
        training, and a map of choices and values over two dimensions of the observations.
    film : str or Path, optional
        File ending in .gif or .mp4: a film of the first episode of replica 0.
    dimensions : (int, int), optional
        The map's; default: the last two.
    bits : int or sequence of int, default ()
        Precisions with which the same episodes are run as well, in `EvaluationResult.quantised`:
        weights rounded, projection by projection, to so few bits, 2 to 32, executed by the engine.
    env_kwargs : mapping, optional
        Arguments of the environment in place of, or beside, those of the training: another body, a
        disturbance. Observations and actions must keep their form.

    Raises
    ------
    ValueError
        For impossible numbers, a run without a checkpoint, an agent that cannot be greedy or has no
        weights to quantise, a film that cannot be made, or an environment that the agent does not
        fit.
    """
    from threefactor.experiments.training.evaluation import evaluate_run
    from threefactor.experiments.training.exhibits import Exhibits

    path = run if isinstance(run, (str, Path)) else run.path
    return evaluate_run(
        path, episodes, seed, max_episode_steps=max_episode_steps, greedy=greedy,
        exhibits=Exhibits(record, None if film is None else Path(film), dimensions),
        bits=(bits,) if isinstance(bits, int) else bits, env_kwargs=env_kwargs,
    )  # fmt: skip


def sweep(
    plan: "str | Path | Mapping[str, Any]",
    out: str | Path,
    *,
    workers: int | None = None,
    is_retrying: bool = False,
    quiet: bool = False,
) -> "SweepResult":
    """Train every combination of settings, each with several seeds, in a new folder or one begun.

    Parameters
    ----------
    plan : str, Path or mapping
        A sweep's file, or what it says (`Plan.of`).
    out : str or Path
        Folder, which gets results.csv.
    workers : int, optional
        Processes; default: one for each core.
    is_retrying : bool, default False
        Whether what failed is tried again.

    Raises
    ------
    ValueError, OSError
        For a plan that cannot be meant, or a folder that holds something else.
    """
    from threefactor.experiments.sweeps.plan import Plan
    from threefactor.experiments.sweeps.sweep import in_processes, open_sweep, run_sweep
    from threefactor.experiments.training.progress import Display, say_on_stderr

    source = Plan.of(plan) if isinstance(plan, Mapping) else Path(plan)
    folder, found = open_sweep(source, Path(out))
    display = None if quiet else Display()
    runner = in_processes(workers or os.cpu_count() or 1, say_on_stderr, display)
    return run_sweep(folder, found, runner, is_retrying=is_retrying)


def tune(
    tuning: "str | Path | Mapping[str, Any]",
    out: str | Path,
    *,
    workers: int | None = None,
    quiet: bool = False,
) -> "TuningResult":
    """Look for good settings on tuning seeds, in a new folder or one begun.

    Parameters
    ----------
    tuning : str, Path or mapping
        A tuning's file, or what it says (`Tuning.of`).
    out : str or Path
        Folder, which gets tuned.yaml, for ``train --config``.
    workers : int, optional
        Trials side by side; default: one for each core.

    Raises
    ------
    ValueError, OSError
        For a search that cannot be meant, a folder that holds something else, or without Optuna.
    """
    from threefactor.experiments.training.progress import say_on_stderr
    from threefactor.experiments.tuning.study import open_tuning, run_tuning
    from threefactor.experiments.tuning.tuning import Tuning

    source = Tuning.of(tuning) if isinstance(tuning, Mapping) else Path(tuning)
    folder, found = open_tuning(source, Path(out))
    say = (lambda text: None) if quiet else say_on_stderr
    return run_tuning(folder, found, workers or os.cpu_count() or 1, say)


def load_run(run: str | Path) -> "TrainingResult":
    """Return a run that lies on disk as `train` returned it, whoever has made it.

    Raises
    ------
    ValueError
        For a folder that is no run directory.
    """
    from threefactor.experiments.training.result import TrainingResult

    return TrainingResult.load(run)


def analyse(run: "str | Path | TrainingResult", bin_ms: float = 10.0) -> "NeuralAnalysis":
    """Analyse the spikes, weights and eligibilities that a run recorded of replica 0.

    Parameters
    ----------
    run : str, Path or TrainingResult
    bin_ms : float, default 10
        Bins of the spike counts that are correlated, ms.

    Raises
    ------
    ValueError
        For a folder that is no run directory, or a run that recorded nothing.
    """
    from threefactor.analysis.neural.analysis import analyse_run

    return analyse_run(run if isinstance(run, (str, Path)) else run.path, bin_ms)


def check(
    part: Any,
    kind: str | None = None,
    engine: Sequence[str] = ("runtime-numpy", "compiled"),
    neuron: str | None = None,
) -> "CheckReport":
    """Test what every part of its kind promises: a rule, a neuron, an encoder, an environment, ...

    Parameters
    ----------
    part : str, type or instance
        Name, Gymnasium id, ``FILE.py:ClassName``, a class at its defaults, or one with settings.
    kind : str, optional
        Which is meant ("rule", "encoder", "env", ...) where several kinds have the name.
    engine : sequence of str
        Of a rule's trials, built and compared: compiled, runtime, runtime-numpy.
    neuron : str, optional
        Postsynaptic neuron of a rule's trials; default: one that fits the rule.

    Raises
    ------
    ValueError, TypeError
        For an unknown part, kind, engine or neuron, or what is no part.
    """
    from threefactor.experiments.checks.parts import check_part

    return check_part(part, kind, tuple(engine), neuron)


def card(
    rule: "str | Rule | type[Rule]",
    out: str | Path | None = None,
    budget: float = 1.0,
    neuron: str | None = None,
) -> "Card":
    """Measure what a plasticity rule does: its window, eligibility, bias, gradient, stability.

    Parameters
    ----------
    rule : str, Rule or type
        As in `check`.
    out : str or Path, optional
        Folder of arrays, numbers and pages; default: nothing is written.
    budget : float, default 1
        Share of the full simulated time.
    neuron : str, optional
        As in `check`.

    Raises
    ------
    ValueError
        For an unknown rule or neuron, or a budget out of range.
    """
    from threefactor.experiments.checks.card import rule_card

    return rule_card(rule, out, budget, neuron)


def _shown(quiet: bool, observers: "Sequence[Observer]", say: "Say | None") -> dict[str, Any]:
    """Return the arguments of who is told of runs in other processes."""
    from threefactor.experiments.training.progress import Display, say_on_stderr

    if observers:
        raise ValueError("observers watch a loop of this process; with them, workers must be 1.")
    return {"display": None if quiet else Display(say), "say": say or say_on_stderr}


def _watched(quiet: bool, observers: "Sequence[Observer]", say: "Say | None") -> dict[str, Any]:
    """Return the arguments of who watches a run."""
    from threefactor.experiments.training.progress import Progress, say_on_stderr

    bar = [] if quiet else [Progress(say)]
    return {"observers": [*bar, *observers], "say": say or say_on_stderr}
