"""Run a tuning: trials by Optuna, each a run of all tuning seeds, the hopeless ones ended early."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from threefactor.analysis.statistics import iqm
from threefactor.experiments.atomic import write_atomically
from threefactor.experiments.jobs.claims import Claims
from threefactor.experiments.jobs.job import TrainingJob
from threefactor.experiments.jobs.progress import EpisodeTail
from threefactor.experiments.jobs.worker import EndedJob, Worker
from threefactor.experiments.sweeps.ranges import Choice, Integers, Range
from threefactor.experiments.training.interruption import Interruption
from threefactor.experiments.training.preconditions import require_folder
from threefactor.experiments.training.progress import Say
from threefactor.experiments.tuning.tuning import Tuning
from threefactor.experiments.yaml_text import dump_yaml
from threefactor.program import program_name

if TYPE_CHECKING:
    import optuna

TUNING, TUNED, TRIALS, JOURNAL = "tuning.yaml", "tuned.yaml", "trials", "journal.log"
POLL_S = 0.2
#: Parts of its length after which a trial may be ended, and trials that are never.
RUNGS, UNPRUNED = 10, 5


@dataclass(frozen=True)
class TuningResult:
    """What a tuning found."""

    path: Path
    tuning: Tuning
    tried: int
    pruned: int
    failed: tuple[str, ...]
    values: Mapping[str, Any]
    score: float
    is_interrupted: bool

    def report(self) -> str:
        """Return the best values, what they reached, and what comes next."""
        lines = [f"{self.tried} of {self.tuning.trials} trials, {self.pruned} of them ended early"]
        lines += [f"  failed: {reason}" for reason in self.failed]
        if not self.values:
            return "\n".join([*lines, "no trial has come to its end"])
        seeds = f"{self.tuning.seeds[0]} to {self.tuning.seeds[-1]}"
        lines.append(f"best: {self.score:.4g} (interquartile mean of seeds {seeds}), with")
        lines += [f"  {name} {_shown(value)}" for name, value in self.values.items()]
        return "\n".join([
            *lines,
            f"tuned: {self.path / TUNED}",
            f"report it on other seeds: {program_name()} train --config {self.path / TUNED} "
            "--seed 0 --replicas 10",
        ])  # fmt: skip


def open_tuning(source: Path | Tuning, out: Path | None) -> tuple[Path, Tuning]:
    """Return folder and content of a tuning, new from a file, or one that is there already.

    Raises
    ------
    ValueError
        For a file that cannot be meant, or a folder that holds something else, or another search.
    """
    if isinstance(source, Path) and source.is_dir():
        if not (source / TUNING).is_file():
            raise ValueError(f"{source}: expected a tuning's file, or its folder with {TUNING}.")
        return source, Tuning.read(source / TUNING)
    tuning = source if isinstance(source, Tuning) else Tuning.read(source)
    folder = out or Path("runs") / "tunings" / getattr(source, "stem", "unnamed")
    require_folder(folder, "Tuning's folder")
    if (folder / TUNING).is_file():
        known = Tuning.read(folder / TUNING)
        if (known.space, known.seeds, known.config) != (tuning.space, tuning.seeds, tuning.config):
            raise ValueError(f"{folder}: expected the search that was begun there, got another.")
    elif folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"{folder}: expected a new or empty folder, or one of a tuning.")
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / TUNING, dump_yaml(dict(tuning.content)))
    return folder, tuning


def run_tuning(folder: Path, tuning: Tuning, workers: int, say: Say) -> TuningResult:
    """Try settings until there are enough trials; Ctrl-C ends it, and the next call goes on.

    The first trial has the settings as they are. Each is a run of all tuning seeds in `workers`
    processes side by side; its score is the interquartile mean over seeds of the last 100 episodes.
    From the sixth on, trials that do worse than the median of the earlier ones, at a tenth of the
    length and so on, are ended. Several processes may work in one folder.

    Raises
    ------
    ValueError
        If Optuna is not installed, with what to type.
    """
    return _Search(folder, tuning, workers, say).run()


@dataclass
class _Trial:
    """A trial that runs, and how far it has come."""

    trial: "optuna.Trial"
    job: TrainingJob
    worker: Worker
    tail: EpisodeTail
    rung: int = 0
    is_pruned: bool = False

    def score(self, replicas: int) -> float:
        """Return the interquartile mean over seeds of the last episodes so far."""
        means = [np.mean(self.tail.returns[r]) for r in range(replicas) if self.tail.returns[r]]
        return float(iqm(np.array(means))) if means else float("nan")


class _Search:
    def __init__(self, folder: Path, tuning: Tuning, workers: int, say: Say) -> None:
        self._folder, self._tuning, self._workers, self._say = folder, tuning, workers, say
        self._claims = Claims(folder / "claims")
        self._study = _open_study(folder)
        self._running: list[_Trial] = []
        self._free: list[Worker] = []
        self._failed: list[str] = []
        self._is_stopping = False

    def run(self) -> TuningResult:
        self._take_over()
        try:
            with Interruption(self._stop):
                while self._running or (
                    self._n_begun < self._tuning.trials and not self._is_stopping
                ):
                    self._begin()
                    time.sleep(POLL_S)
                    self._claims.renew([run.job for run in self._running])
                    for run in list(self._running):
                        self._follow(run)
        finally:
            for run in self._running:
                run.worker.end()
                self._claims.release(run.job)
            for worker in self._free:
                worker.end()
        result = self._result()
        if result.values:
            self._write_best()
        return result

    @property
    def _is_more_to_do(self) -> bool:
        return self._n_begun < self._tuning.trials and not self._is_stopping

    def _stop(self, reason: str) -> None:
        self._is_stopping = True

    @property
    def _n_begun(self) -> int:
        """Trials that ran to their end, or part of it, or run now, here or elsewhere."""
        from optuna.trial import TrialState

        counted = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
        return len(self._study.get_trials(deepcopy=False, states=counted))

    def _take_over(self) -> None:
        """Try again what was running in a process that is gone; begin with what is known."""
        from optuna.trial import TrialState

        known = self._study.get_trials(deepcopy=False)
        if not known:
            own = {name: self._tuning.present(name) for name in self._tuning.space}
            inside = {n: v for n, v in own.items() if _contains(self._tuning.space[n], v)}
            self._study.enqueue_trial(inside)
        for trial in known:
            if trial.state == TrialState.RUNNING and self._claims.take(job := self._job(trial)):
                self._study.tell(trial.number, state=TrialState.FAIL)
                self._study.enqueue_trial(trial.params)
                self._claims.release(job)

    def _job(self, trial: Any) -> TrainingJob:
        place, seeds = self._folder / TRIALS / f"{trial.number:04d}", self._tuning.seeds
        return TrainingJob(
            f"trial {trial.number}", place / "run", place / "config.yaml",
            seeds[0], len(seeds), self._tuning.config.options.episodes,
        )  # fmt: skip

    def _begin(self) -> None:
        while len(self._running) < self._workers and self._is_more_to_do:
            trial = self._study.ask()
            job = self._job(trial)
            self._claims.take(job)
            values = {n: _suggest(trial, n, wanted) for n, wanted in self._tuning.space.items()}
            job.config.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(job.config, self._tuning.trial_config(values).to_yaml())
            worker = self._free.pop() if self._free else Worker()
            worker.begin(job)
            self._running.append(_Trial(trial, job, worker, EpisodeTail(job.path / "episodes.csv")))

    def _follow(self, run: _Trial) -> None:
        """Report how a trial does, and end it if it is hopeless, interrupted or done."""
        run.tail.read()
        done, replicas = run.tail.count // run.job.replicas, run.job.replicas
        rung = RUNGS * done // run.job.episodes
        if run.rung < rung < RUNGS and not run.is_pruned:
            run.rung = rung
            run.trial.report(run.score(replicas), rung)
            run.is_pruned = run.trial.should_prune()
        if run.is_pruned or self._is_stopping:
            run.worker.ask_to_stop()
        ended = run.worker.poll()
        if ended is not None:
            self._end(run, ended)

    def _end(self, run: _Trial, ended: EndedJob) -> None:
        from optuna.trial import TrialState

        self._running.remove(run)
        if run.worker.is_dead or run.is_pruned or self._is_stopping:
            run.worker.end()
        else:
            self._free.append(run.worker)
        run.tail.read()
        number, score = run.trial.number, run.score(run.job.replicas)
        if ended.status == "done" and np.isfinite(score):
            self._study.tell(run.trial, score)
            self._say(f"trial {number}: {score:.4g}")
            self._write_best()
        elif run.is_pruned:
            self._study.tell(run.trial, state=TrialState.PRUNED)
            self._say(f"trial {number}: ended early at {score:.4g}")
        elif ended.status == "failed":
            self._study.tell(run.trial, state=TrialState.PRUNED)  # it counts: it was tried
            self._failed.append(f"trial {number}: {ended.reason}")
            self._say(f"trial {number} failed: {ended.reason}; the others go on")
        else:
            self._study.tell(run.trial, state=TrialState.FAIL)
            self._study.enqueue_trial(run.trial.params)
        self._claims.release(run.job)

    def _write_best(self) -> None:
        """Write the best settings so far, with where they come from."""
        result, seeds = self._result(), self._tuning.seeds
        reached = ", ".join(f"{value:.4g}" for value in self._best_run())
        provenance = {
            "command": f"{program_name()} tune {self._folder / TUNING} --out {self._folder}",
            "tuning_seeds": f"{seeds[0]}-{seeds[-1]}",
            "budget": f"{result.tried} of {self._tuning.trials} trials, {result.pruned} ended "
            f"early, {self._tuning.config.options.episodes} episodes; searched: "
            f"{', '.join(self._tuning.space)}",
            "date": date.today().isoformat(),
            "reached": f"{result.score:.4g} (interquartile mean); each: {reached}",
        }
        head = "".join(f"# {name}: {text}\n" for name, text in provenance.items())
        settings = dump_yaml(self._tuning.tuned(result.values))
        write_atomically(self._folder / TUNED, f"{head}{settings}")

    def _best_run(self) -> list[float]:
        """Return what each seed reached with the best settings."""
        tail = EpisodeTail(self._job(self._study.best_trial).path / "episodes.csv")
        tail.read()
        return [float(np.mean(tail.returns[r])) for r in range(len(self._tuning.seeds))]

    def _result(self) -> TuningResult:
        from optuna.trial import TrialState

        trials = self._study.get_trials(deepcopy=False)
        scores = {t.number: t.value for t in trials if t.state == TrialState.COMPLETE}
        done = {number: value for number, value in scores.items() if value is not None}
        pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
        best = max(done, key=lambda number: done[number], default=None)
        return TuningResult(
            self._folder, self._tuning, len(done) + len(pruned), len(pruned), tuple(self._failed),
            {} if best is None else dict(trials[best].params), done.get(best or 0, float("nan")),
            self._is_stopping,
        )  # fmt: skip


def _open_study(folder: Path) -> "optuna.Study":
    try:
        import optuna
    except ImportError:
        raise ValueError("tune needs Optuna: pip install 'threefactor[tune]'.") from None
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(
        study_name="tuning",
        storage=JournalStorage(JournalFileBackend(str(folder / JOURNAL))),
        sampler=optuna.samplers.TPESampler(seed=0, multivariate=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED),
        direction="maximize",
        load_if_exists=True,
    )


def _suggest(trial: "optuna.Trial", name: str, wanted: Range) -> Any:
    if isinstance(wanted, Choice):
        return trial.suggest_categorical(name, wanted.values)
    if isinstance(wanted, Integers):
        return trial.suggest_int(name, wanted.low, wanted.high)
    return trial.suggest_float(name, wanted.low, wanted.high, log=wanted.is_log)


def _contains(wanted: Range, value: Any) -> bool:
    if isinstance(wanted, Choice):
        return value in wanted.values
    return isinstance(value, int | float) and wanted.low <= value <= wanted.high


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
