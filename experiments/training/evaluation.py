"""Evaluate a trained run: its final weights, plasticity off, fresh episodes."""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.statistics import SeedSummary, summarise_seeds
from threefactor.experiments.atomic import write_atomically
from threefactor.experiments.configuration import resolve
from threefactor.experiments.training.checkpoint import load_checkpoint, restoring
from threefactor.experiments.training.exhibits import NOTHING, Exhibition, Exhibits
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.playing import play
from threefactor.experiments.training.preconditions import require_checkpoint, worker_folders
from threefactor.experiments.training.progress import Say, say_on_stderr
from threefactor.experiments.training.result import stack_replicas
from threefactor.experiments.training.resumption import kept_settings
from threefactor.experiments.training.run_files import changes
from threefactor.experiments.training.setup import Setup

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """What a trained agent does when it learns no more.

    Attributes
    ----------
    path : Path
        The run directory; its ``evaluation.json`` holds the numbers.
    env : str
    returns, lengths : (replicas, episodes)
        The environment's own metric (discounted where it says so), and decisions.
    max_episode_steps : int or None
        Time limit of this evaluation; None: that of the training.
    is_greedy : bool
        Whether the decoder decided without noise.
    left : tuple of Path
        What it left beside numbers: recordings, a film.
    """

    path: Path
    env: str
    returns: NDArray[np.float64]
    lengths: NDArray[np.float64]
    max_episode_steps: int | None = None
    is_greedy: bool = False
    left: tuple[Path, ...] = ()

    @property
    def over_seeds(self) -> SeedSummary:
        """What the mean returns of the seeds say: episodes of one agent are not independent."""
        return summarise_seeds(self.returns.mean(axis=1))

    @property
    def mean_length(self) -> float:
        """Mean number of decisions."""
        return float(self.lengths.mean())

    def to_dict(self) -> dict[str, Any]:
        """Return what ``evaluation.json`` holds."""
        over_seeds = self.over_seeds
        return {
            "episodes": self.returns.size, "mean_return_by_seed": list(over_seeds.values),
            "interquartile_mean": over_seeds.estimate,
            "interval_95": list(over_seeds.bounds) if over_seeds.bounds else None,
            "mean_length": self.mean_length,
            "mean_length_by_seed": self.lengths.mean(axis=1).tolist(),
            "max_episode_steps": self.max_episode_steps, "greedy": self.is_greedy,
        }  # fmt: skip

    def report(self) -> str:
        """Return what the command line prints."""
        first, *others = self.over_seeds.lines()
        told = f"mean of {self.returns.shape[1]} episodes, learning off"
        if self.is_greedy:
            told += ", greedy"
        if self.max_episode_steps is not None:
            told += f", at most {self.max_episode_steps} decisions"
        lines = [f"{self.env}: return, {told}: {first}", *others]
        lines.append(f"  mean length {self.mean_length:.1f} decisions")
        return "\n".join([*lines, *(f"{path.name}: {path}" for path in self.left)])

    def figures(self) -> "dict[str, Figure]":
        """Draw the distribution of returns and lengths as the Matplotlib figure "evaluation"."""
        from threefactor.analysis.learning import draw_evaluation

        return {"evaluation": draw_evaluation(self.returns, self.lengths)}


def evaluate_run(
    run: str | Path,
    episodes: int = 100,
    seed: int | None = None,
    say: Say = say_on_stderr,
    *,
    max_episode_steps: int | None = None,
    greedy: bool = False,
    exhibits: Exhibits = NOTHING,
) -> EvaluationResult:
    """Run `episodes` episodes per replica with learning off.

    The environment runs on the seeds' evaluation stream, which training never used (or on `seed`);
    the result is also written to ``evaluation.json`` in the run directory. Exhibits are made beside
    it, of replica 0.

    Raises
    ------
    ValueError
        For impossible numbers, a run without a checkpoint, or an agent that cannot be greedy.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be >= 1, got {episodes}.")
    if max_episode_steps is not None and max_episode_steps < 1:
        raise ValueError(f"max_episode_steps must be >= 1, got {max_episode_steps}.")
    if seed is not None and seed < 0:
        raise ValueError(f"seed must be >= 0, got {seed}.")
    run = Path(run)
    require_checkpoint(run)
    if said := changes(run):
        say(said)
    left: tuple[Path, ...] = ()
    blocks: list[NDArray[np.float64]] = []
    for folder in worker_folders(run) or (run,):
        first = sum(block.shape[1] for block in blocks)
        saved = load_checkpoint(folder)
        trained = Setup.of(resolve(kept_settings(folder, say)))
        setup = trained.frozen
        if max_episode_steps is not None:
            setup = replace(setup, max_episode_steps=max_episode_steps)
        setup, exhibition = setup.greedy if greedy else setup, None
        seeds = [
            s.evaluation if seed is None else seed + first + r for r, s in enumerate(setup.seeds)
        ]
        if exhibits and not blocks:
            exhibition = Exhibition(exhibits, run, trained, setup, say)
            setup = exhibition.played
        blocks.append(_play_saved(folder, saved, setup, episodes, seeds, say, exhibition))
        if exhibition is not None:
            left = exhibition.finish(saved, seeds[0])
    returns, lengths = np.concatenate(blocks, axis=1)
    env = resolve(kept_settings(run, _say_nothing)).labels()["env"]
    result = EvaluationResult(run, env, returns, lengths, max_episode_steps, greedy, left)
    write_atomically(run / "evaluation.json", json.dumps(result.to_dict(), indent=2) + "\n")
    return result


def _say_nothing(line: str) -> None:
    pass


def _play_saved(
    run: Path,
    saved: Mapping[str, Any],
    setup: Setup,
    episodes: int,
    seeds: Sequence[int],
    say: Say,
    exhibition: Exhibition | None,
) -> NDArray[np.float64]:
    """Return metric and length of the episodes that saved agents play, (2, replicas, episodes)."""
    with setup.opened(say) as (environments, agent), ExitStack() as watched:
        with restoring(run):
            agent.adopt(saved["agent"])
        observers: list[Observer] = []
        if exhibition is not None:
            observers = watched.enter_context(exhibition.observers(agent, episodes))
        played = play(agent, environments, episodes, seeds, observers)
    replica = np.array([episode.replica for episode in played])
    returns = np.array([episode.discounted for episode in played])
    lengths = np.array([episode.length for episode in played])
    return np.stack([stack_replicas(replica, values, len(seeds)) for values in (returns, lengths)])
