"""Put a named experiment's claim to the test: every arm, every seed, a table and a verdict."""

import datetime
import json
import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.statistics import claim_caveat, summarise_seeds
from threefactor.experiments.atomic import write_atomically
from threefactor.experiments.claims.arm_jobs import run_arms
from threefactor.experiments.claims.arms import obtain_scores
from threefactor.experiments.claims.experiment import RANDOM, ArmRequest, Experiment, arm_folder
from threefactor.experiments.claims.registry import EXPERIMENTS
from threefactor.experiments.training.metadata import run_metadata
from threefactor.experiments.training.preconditions import require_workers
from threefactor.experiments.training.progress import Say, say_on_stderr
from threefactor.models.engine import ENGINES
from threefactor.naming import check_choice

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESULT, SECONDS = "result.json", "seconds.txt"
#: How often the time that arms have taken is written down.
KEEP_TIME_S = 10.0


@dataclass(frozen=True, eq=False)
class Reproduction:
    """A named experiment's claim, put to the test.

    Attributes
    ----------
    name, claim : str
    folder : Path
        Its ``result.json`` holds the numbers; each arm has a folder of its own.
    budget : float
        Share of the full length; below 1 the verdict means nothing.
    seeds : tuple of int
    scores : dict of str to (n_seeds,)
        Arm -> score of each seed.
    bars : dict of str to bool
        What was to hold -> whether it does.
    minutes : float
        Time that the arms took, interruptions left out.
    files : tuple of Path
        Figures that were saved.
    """

    name: str
    claim: str
    folder: Path
    budget: float
    seeds: tuple[int, ...]
    scores: Mapping[str, NDArray[np.float64]]
    bars: Mapping[str, bool]
    minutes: float = 0.0
    files: tuple[Path, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every bar holds."""
        return all(self.bars.values())

    @property
    def experiment(self) -> Experiment:
        """What was put to the test."""
        return EXPERIMENTS[self.name]

    def to_dict(self) -> dict[str, Any]:
        """Return what ``result.json`` holds."""
        experiment, metadata = self.experiment, run_metadata()
        own = range(experiment.seed, experiment.seed + experiment.n_seeds)
        return {
            "experiment": self.name, "claim": self.claim, "budget": self.budget,
            "seeds": list(self.seeds), "is_complete": self.seeds == tuple(own),
            "score": experiment.score, "published": experiment.published, "bars": dict(self.bars),
            "scores": {arm: values.tolist() for arm, values in self.scores.items()},
            "facts": experiment.describe(self.folder) if experiment.describe else {},
            "numbers": experiment.measure(self.folder) if experiment.measure else {},
            "minutes": self.minutes, "date": datetime.date.today().isoformat(),
            "processor": metadata["processor"], "versions": metadata["versions"],
            "git_commit": metadata["git_commit"],
        }  # fmt: skip

    def report(self) -> str:
        """Return what the seeds of each arm say, the verdicts and what they lack, the figure."""
        score = self.experiment.score
        lines = [f"{score}; mean, interquartile mean [95 % interval], each seed:"]
        for arm, values in self.scores.items():
            summary, each = summarise_seeds(values), " ".join(f"{value:.3f}" for value in values)
            lines.append(f"  {arm:24} {values.mean():8.3f}  {summary.brief:26}  {each}")
        if self.experiment.published:
            lines.append(f"  {'published':24} {self.experiment.published}")
        lines += [f"  {'holds' if ok else 'FAILS'}: {text}" for text, ok in self.bars.items()]
        if caveat := claim_caveat(len(self.seeds)):
            lines.append(f"  ({caveat})")
        lines += [f"figure: {path}" for path in self.files[:1]]
        if self.budget < 1:
            lines.append("(a budget below 1 shows that it runs, not that the claim holds)")
        return "\n".join(lines)

    def figures(self) -> "dict[str, Figure]":
        """Draw what the arms wrote; return the Matplotlib figure under the experiment's name."""
        draw = self.experiment.draw
        return {} if draw is None else {self.name: draw(self.folder)}


def reproduce(
    name: str,
    out: str | Path | None = None,
    budget: float = 1.0,
    seeds: int | None = None,
    engine: str = "auto",
    say: Say = say_on_stderr,
    workers: int = 1,
) -> Reproduction:
    """Run every arm of an experiment, replicas in one network, and see which bars hold.

    Finished arms are not run again and interrupted ones are resumed, so calling this once more with
    the same `out` continues. Writes ``result.json`` and a figure beside the arms' folders.

    Parameters
    ----------
    name : str
        Key of `experiments.claims.registry.EXPERIMENTS`.
    out : str or Path, optional
        Folder; default runs/reproduce/<name>.
    budget : float, default 1.0
        Share of the full length, for a quick look (the verdict then means nothing).
    seeds : int, optional
        How many; default: the experiment's own number.
    engine : str
        As in training.
    say : callable, default standard error
        Receives the claim and a line for each arm.
    workers : int, default 1
        Processes: so many arms at a time, which share the seeds of each as well where there are
        more processes than arms, if arms are training runs.

    Raises
    ------
    ValueError
        For an unknown name or engine, a budget that is not positive, or no seeds or workers.
    ImportError
        Without a package that the experiment needs, with the command that installs it.
    RuntimeError
        If an arm failed.
    KeyboardInterrupt
        Ctrl-C: the same call goes on from there.
    """
    experiment, folder, numbers = _asked(name, out, budget, seeds, engine)
    if workers < 1:
        raise ValueError(f"workers must be >= 1, got {workers}.")
    say(f"{name}: {experiment.claim}")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _timed(folder):
            if workers > 1:
                words = _words(experiment, budget, len(numbers), engine, workers)
                arms = [arm for arm in experiment.arms if arm != RANDOM]  # which leaves no files
                run_arms(name, arms, folder, words, workers, say)
            scores = {}
            for arm in experiment.arms:
                say(f"- {arm}")
                request = ArmRequest(arm, arm_folder(folder, arm), numbers, budget, engine, say)
                scores[arm] = obtain_scores(experiment.run_arm, request)
    except KeyboardInterrupt:
        say("stopped before the verdict; the same command goes on from here")
        raise
    bars = {bar.text: bool(bar.holds(scores)) for bar in experiment.bars}
    minutes = _seconds(folder) / 60
    result = Reproduction(name, experiment.claim, folder, budget, numbers, scores, bars, minutes)
    write_atomically(folder / RESULT, json.dumps(result.to_dict(), indent=2) + "\n")
    return replace(result, files=_save_figures(result))


def run_arm(
    name: str,
    arm: str,
    out: str | Path | None = None,
    budget: float = 1.0,
    seeds: int | None = None,
    engine: str = "auto",
    say: Say = say_on_stderr,
    workers: int = 1,
) -> NDArray[np.float64]:
    """Run one arm of an experiment, as `reproduce` would, and return the score of each seed.

    Raises
    ------
    ValueError
        As in `reproduce`, and for an unknown arm, or workers that the arm cannot use.
    """
    experiment, folder, numbers = _asked(name, out, budget, seeds, engine)
    check_choice("arm", arm, experiment.arms)
    require_workers(workers, len(numbers))
    if workers > 1 and not experiment.takes_workers:
        raise ValueError(f"an arm of {name} runs in one process, workers must be 1, got {workers}.")
    request = ArmRequest(arm, arm_folder(folder, arm), numbers, budget, engine, say, workers)
    return obtain_scores(experiment.run_arm, request)


def _asked(
    name: str, out: str | Path | None, budget: float, seeds: int | None, engine: str
) -> tuple[Experiment, Path, tuple[int, ...]]:
    """Return an experiment, its folder and its seeds, after checking what was asked for."""
    check_choice("experiment", name, EXPERIMENTS)
    if not (math.isfinite(budget) and budget > 0):
        raise ValueError(f"budget must be > 0, got {budget}.")
    if seeds is not None and seeds < 1:
        raise ValueError(f"seeds must be >= 1, got {seeds}.")
    check_choice("engine", engine, ENGINES)
    experiment = EXPERIMENTS[name]
    if experiment.needs is not None:
        experiment.needs()
    folder = Path("runs") / "reproduce" / name if out is None else Path(out)
    return (
        experiment,
        folder,
        tuple(range(experiment.seed, experiment.seed + (seeds or experiment.n_seeds))),
    )


def _words(
    experiment: Experiment, budget: float, seeds: int, engine: str, workers: int
) -> list[str]:
    """Return the words that an arm's own command has beside its name."""
    each = min(seeds, workers // len(experiment.arms)) if experiment.takes_workers else 1
    options = {"budget": budget, "seeds": seeds, "engine": engine, "workers": max(1, each)}
    return [word for option, value in options.items() for word in (f"--{option}", str(value))]


def _seconds(folder: Path) -> float:
    """Return how long the arms in a folder have been run so far."""
    file = folder / SECONDS
    return float(file.read_text()) if file.exists() else 0.0


@contextmanager
def _timed(folder: Path) -> Iterator[None]:
    """Add the time that the block takes to what the folder tells, as it passes."""
    before, start, ended = _seconds(folder), time.monotonic(), threading.Event()

    def keep_time() -> None:
        is_over = False
        while not is_over:
            is_over = ended.wait(KEEP_TIME_S)
            write_atomically(folder / SECONDS, f"{before + time.monotonic() - start:.1f}\n")

    clock = threading.Thread(target=keep_time, daemon=True)
    clock.start()
    try:
        yield
    finally:
        ended.set()
        clock.join()


def _save_figures(result: Reproduction) -> tuple[Path, ...]:
    if result.experiment.draw is None:
        return ()
    from threefactor.analysis.style import save_figure

    return tuple(
        path
        for name, figure in result.figures().items()
        for path in save_figure(figure, result.folder / name)
    )
