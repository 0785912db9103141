"""Evaluate a trained run: its final weights, plasticity off, fresh episodes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from threefactor.agents.contract import Agent
from threefactor.analysis.operations import Operations, measure_operations
from threefactor.analysis.run_data import Run
from threefactor.analysis.statistics import SeedSummary, summarise_seeds
from threefactor.envs.bridge.batch import Environments
from threefactor.experiments.atomic import write_atomically
from threefactor.experiments.configuration import resolve
from threefactor.experiments.training.checkpoint import load_checkpoint, restoring
from threefactor.experiments.training.exhibits import NOTHING, Exhibition, Exhibits, recorded
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.playing import play
from threefactor.experiments.training.preconditions import require_checkpoint, worker_folders
from threefactor.experiments.training.progress import Say, say_on_stderr
from threefactor.experiments.training.result import stack_replicas
from threefactor.experiments.training.resumption import kept_settings
from threefactor.experiments.training.run_files import changes
from threefactor.experiments.training.setup import Setup
from threefactor.models.grid import check_bits

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
    env_kwargs : dict
        Arguments in which the environment differed from that of the training.
    left : tuple of Path
        What it left beside numbers: recordings, a film.
    operations : Operations or None
        What a decision of replica 0 costs; None where the agent does not describe its network.
    bits : int or None
        Of each weight; None: as the engines have them.
    quantised : dict of int to EvaluationResult
        The same episodes with weights of so few bits.
    """

    path: Path
    env: str
    returns: NDArray[np.float64]
    lengths: NDArray[np.float64]
    max_episode_steps: int | None = None
    is_greedy: bool = False
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    left: tuple[Path, ...] = ()
    operations: Operations | None = None
    bits: int | None = None
    quantised: Mapping[int, "EvaluationResult"] = field(default_factory=dict)

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
        few = {str(bits): result.to_dict() for bits, result in self.quantised.items()}
        return {
            "episodes": self.returns.size, "mean_return_by_seed": list(over_seeds.values),
            "interquartile_mean": over_seeds.estimate,
            "interval_95": list(over_seeds.bounds) if over_seeds.bounds else None,
            "mean_length": self.mean_length,
            "mean_length_by_seed": self.lengths.mean(axis=1).tolist(),
            "max_episode_steps": self.max_episode_steps, "greedy": self.is_greedy,
            "env_kwargs": dict(self.env_kwargs),
            "operations": self.operations.to_dict() if self.operations else {},
            **({"quantised": few} if few else {}),
        }  # fmt: skip

    def report(self) -> str:
        """Return what the command line prints."""
        first, *others = self.over_seeds.lines()
        told = f"mean of {self.returns.shape[1]} episodes, learning off"
        if self.is_greedy:
            told += ", greedy"
        if self.max_episode_steps is not None:
            told += f", at most {self.max_episode_steps} decisions"
        told += "".join(f", {name} {value}" for name, value in self.env_kwargs.items())
        lines = [f"{self.env}: return, {told}: {first}", *others]
        lines.append(f"  mean length {self.mean_length:.1f} decisions")
        if self.operations:
            lines += self.operations.lines()
        if self.quantised:
            lines += precision_table([self, *self.quantised.values()])
        return "\n".join([*lines, *(f"{path.name}: {path}" for path in self.left)])

    def figures(self) -> "dict[str, Figure]":
        """Draw the distribution of returns and lengths as the Matplotlib figure "evaluation"."""
        from threefactor.analysis.learning import draw_evaluation

        return {"evaluation": draw_evaluation(self.returns, self.lengths)}


def precision_table(results: Sequence[EvaluationResult]) -> list[str]:
    """Return a line for each precision of the weights, below one that says what is what."""
    rows = [("weights", "return", "operations", "weights that are 0", "bytes")]
    for result in results:
        name = "full" if result.bits is None else f"{result.bits} bits"
        costs, told = result.operations, ("-", "-", "-")
        if costs:
            zeros = f"{costs.connection_sparsity:.1%}"
            told = (f"{costs.operations:.1f}", zeros, str(costs.parameter_bytes))
        rows.append((name, result.over_seeds.brief, *told))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def evaluate_run(
    run: str | Path,
    episodes: int = 100,
    seed: int | None = None,
    say: Say = say_on_stderr,
    *,
    max_episode_steps: int | None = None,
    greedy: bool = False,
    exhibits: Exhibits = NOTHING,
    bits: Sequence[int] = (),
    env_kwargs: Mapping[str, Any] | None = None,
    is_kept: bool = True,
) -> EvaluationResult:
    """Run `episodes` episodes per replica with learning off.

    The environment runs on the seeds' evaluation stream, which training never used (or on `seed`);
    the result is also written to ``evaluation.json`` in the run directory, if it is kept. Exhibits
    are made beside it, of replica 0.

    Parameters
    ----------
    bits : sequence of int
        Precisions of the weights with which the same episodes are run as well: rounded for each
        projection (`models.grid.quantise`) and executed by the engine.
    env_kwargs : mapping, optional
        Arguments that the environment has in place of, or beside, those of the training.

    Raises
    ------
    ValueError
        For impossible numbers, a run without a checkpoint, an agent that cannot be greedy, one
        without weights to quantise, or an environment with other spaces than the agent's.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be >= 1, got {episodes}.")
    if max_episode_steps is not None and max_episode_steps < 1:
        raise ValueError(f"max_episode_steps must be >= 1, got {max_episode_steps}.")
    if seed is not None and seed < 0:
        raise ValueError(f"seed must be >= 0, got {seed}.")
    for count in bits:
        check_bits(count)
    run = Path(run)
    require_checkpoint(run)
    if said := changes(run):
        say(said)
    asked = _Asked(run, episodes, seed, max_episode_steps, greedy, env_kwargs or {})
    result = asked.evaluate(say, exhibits)
    few = {count: asked.evaluate(_say_nothing, NOTHING, count) for count in dict.fromkeys(bits)}
    result = replace(result, quantised=few)
    if is_kept:
        write_atomically(run / "evaluation.json", json.dumps(result.to_dict(), indent=2) + "\n")
    return result


@dataclass(frozen=True)
class _Asked:
    """What is evaluated, whatever the precision of the weights."""

    run: Path
    episodes: int
    seed: int | None
    max_episode_steps: int | None
    is_greedy: bool
    env_kwargs: Mapping[str, Any]

    def evaluate(self, say: Say, exhibits: Exhibits, bits: int | None = None) -> EvaluationResult:
        """Return what the agents of all workers do, and what a decision of the first one costs."""
        left: tuple[Path, ...] = ()
        blocks: list[NDArray[np.float64]] = []
        operations: Operations | None = None
        for folder in worker_folders(self.run) or (self.run,):
            saved = load_checkpoint(folder)
            trained = Setup.of(resolve(kept_settings(folder, say)))
            setup, is_first = self._played(trained), not blocks
            seeds = self._seeds(setup, sum(block.shape[1] for block in blocks))
            exhibition = None
            if exhibits and is_first:
                exhibition = Exhibition(exhibits, self.run, trained, setup, say)
                setup = exhibition.played
            with setup.opened(say) as (environments, agent), ExitStack() as watched:
                with restoring(folder):
                    agent.adopt(saved["agent"])
                if bits is not None:
                    agent.quantise(bits)
                if is_first:
                    spare = Path(watched.enter_context(TemporaryDirectory())) / "recorded"
                    place = self.run / exhibition.place if exhibition else spare
                    with self._watched(exhibition, place, agent, setup) as observers:
                        blocks.append(self._play(environments, agent, seeds, observers))
                    operations = measure_operations(Run(place), bits)
                else:
                    blocks.append(self._play(environments, agent, seeds, []))
            if exhibition is not None:
                left = exhibition.finish(saved, seeds[0])
        returns, lengths = np.concatenate(blocks, axis=1)
        env = resolve(kept_settings(self.run, _say_nothing)).labels()["env"]
        return EvaluationResult(
            self.run, env, returns, lengths, self.max_episode_steps, self.is_greedy,
            self.env_kwargs, left, operations, bits,
        )  # fmt: skip

    def _played(self, trained: Setup) -> Setup:
        setup = replace(trained.frozen, changed_kwargs=self.env_kwargs)
        if self.max_episode_steps is not None:
            setup = replace(setup, max_episode_steps=self.max_episode_steps)
        return setup.greedy if self.is_greedy else setup

    def _seeds(self, setup: Setup, first: int) -> list[int]:
        """Return the seeds of the environments of replicas from the `first` one on."""
        return [
            s.evaluation if self.seed is None else self.seed + first + r
            for r, s in enumerate(setup.seeds)
        ]

    @contextmanager
    def _watched(
        self, exhibition: Exhibition | None, place: Path, agent: Agent, setup: Setup
    ) -> Iterator[list[Observer]]:
        """Give who watches replica 0, and leaves in a place what it recorded."""
        if exhibition is not None:
            with exhibition.observers(agent, self.episodes) as observers:
                yield observers
        else:
            with recorded(place, self.run, agent, setup, self.episodes) as recorder:
                yield [recorder]

    def _play(
        self,
        environments: Environments,
        agent: Agent,
        seeds: Sequence[int],
        observers: Sequence[Observer],
    ) -> NDArray[np.float64]:
        """Return metric and length of the episodes that agents play, (2, replicas, episodes)."""
        played = play(agent, environments, self.episodes, seeds, observers)
        replica = np.array([episode.replica for episode in played])
        columns = (
            np.array([episode.discounted for episode in played]),
            np.array([episode.length for episode in played]),
        )
        return np.stack([stack_replicas(replica, values, len(seeds)) for values in columns])


def _say_nothing(line: str) -> None:
    pass
