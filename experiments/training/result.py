"""A run as Python sees it: its summary, its arrays, its figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.health import Health, measure_health
from threefactor.analysis.operations import Operations
from threefactor.analysis.plausibility import Plausibility
from threefactor.analysis.run_data import Events, Probes, Run, Spikes, WeightHistory
from threefactor.analysis.statistics import summarise_seeds
from threefactor.experiments.training.summary import LAST
from threefactor.experiments.training.twin import is_better_than_twin, twin_warning
from threefactor.program import program_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class TrainingResult:
    """A run: what `train`, `resume` and `load_run` return.

    Arrays are read from the run directory when they are first asked for.

    Attributes
    ----------
    path : Path
        The run directory.
    summary : dict
        What summary.json holds; empty for a run that was killed or goes on elsewhere.
    is_new : bool
        Whether something was done for it, or it lay on disk as it is.
    """

    path: Path
    summary: Mapping[str, Any]
    is_new: bool = True

    @classmethod
    def load(cls, path: str | Path, is_new: bool = True) -> Self:
        """Return the result of a run directory; raise ValueError if it is none."""
        run = Run(path)
        return cls(run.path, run.summary if run.has_summary else {}, is_new)

    @cached_property
    def run(self) -> Run:
        """The run directory, for everything that it holds."""
        return Run(self.path)

    @property
    def is_interrupted(self) -> bool:
        """Whether episodes are left to be run: `resume` runs them."""
        return bool(self.summary.get("interrupted", True))

    @property
    def config(self) -> dict[str, Any]:
        """The configuration, complete: `configure` gives the same run from it."""
        return self.run.config

    @property
    def returns(self) -> NDArray[np.float64]:
        """The environment's own metric (discounted where it says so), (replicas, episodes).

        NaN where an interrupted replica had fewer episodes than another.
        """
        return self._by_replica(self.summary.get("metric", "return"))

    @property
    def lengths(self) -> NDArray[np.float64]:
        """Decisions of every episode, (replicas, episodes); NaN as in `returns`."""
        return self._by_replica("length")

    @property
    def plausibility(self) -> Plausibility | None:
        """The report card of plausibility; None where the agent says nothing of its regime."""
        found = self.summary.get("plausibility")
        return Plausibility.from_dict(found) if found else None

    @property
    def operations(self) -> Operations | None:
        """Spikes, synaptic operations, sparsity and bytes; None where they were not recorded."""
        found = self.summary.get("operations")
        return Operations.from_dict(found) if found else None

    @cached_property
    def health(self) -> Health:
        """Who was ill at the end, or is so far, and why; all that was measured on the way."""
        return measure_health(self.run)

    @property
    def is_better_than_twin(self) -> bool | None:
        """Whether training ended better than the untrained twin; None where there is none."""
        pairs = self._pairs_with_twin
        return is_better_than_twin(*pairs) if pairs else None

    @property
    def _pairs_with_twin(
        self,
    ) -> tuple[list[float], list[float], list[float | None]] | None:
        """Mean returns of trained and untrained, seed by seed, if all seeds have both; errors.

        Workers that were interrupted have no twins.
        """
        trained = self.summary.get("mean_return_last_100_by_replica", [])
        twin = self.summary.get("twin_return_by_replica", [])
        if not twin or len(trained) != len(twin):
            return None
        names = ("error_last_100_by_replica", "twin_error_by_replica")
        return trained, twin, [e for name in names for e in self.summary.get(name, [])]

    @property
    def populations(self) -> dict[str, int]:
        """Recorded populations and their numbers of neurons."""
        return self.run.populations

    @property
    def projections(self) -> tuple[str, ...]:
        """Projections whose weights were recorded."""
        return self.run.projections

    @property
    def events(self) -> Events:
        """Decisions, rewards, starts and ends of the recorded episodes of replica 0."""
        return self.run.events

    @property
    def probes(self) -> Probes:
        """Eligibilities, weights and third factors of some synapses in recorded episodes."""
        return self.run.probes()

    def spikes(self, population: str) -> Spikes:
        """Return the spikes of a population in the recorded episodes of replica 0.

        Raises
        ------
        ValueError
            For a population that was not recorded.
        """
        return self.run.spikes(population)

    def weights(self, projection: str) -> WeightHistory:
        """Return the weights of a projection of replica 0, from before the first episode on.

        Raises
        ------
        ValueError
            For a projection that was not recorded.
        """
        return self.run.weights(projection)

    def figures(
        self, window_ms: tuple[float, float] | None = None, replica: int | None = None
    ) -> "dict[str, Figure]":
        """Draw every figure that the run has data for; return Matplotlib figures by name.

        Parameters
        ----------
        window_ms : (float, float), optional
            Simulated time of raster and traces; default: the last recorded episode.
        replica : int, optional
            Of raster and traces; default: the first that was recorded.
        """
        from threefactor.analysis.report import draw_run

        return draw_run(self.run, window_ms, replica)

    def report(self) -> str:
        """Return what the command line prints after training."""
        summary = self.summary
        if not summary:
            done = len(self.run.episodes["episode"])
            lines = [f"Not ended: {done} episodes so far.", *self.health.lines()]
            return "\n".join([*lines, f"run: {self.path}"])
        lines = []
        if self.is_interrupted:
            command = f"{program_name()} train --resume {self.path}"
            lines.append(f"Interrupted; what was done is kept. To go on: {command}")
        if summary["mean_return_last_100_by_replica"]:
            lines += _returns(summary)
            lines += _returns_by_settings(summary)
        if self._pairs_with_twin:
            lines += filter(None, [twin_warning(*self._pairs_with_twin)])
        lines += summary.get("health", {}).get("lines", [])
        labels = [summary[name] for name in ("env", "rule", "model") if name in summary]
        if "rule" not in summary:
            labels.append(summary["agent"])
        lines.append(
            f"{', '.join(labels)}, engine {summary['engine']}: "
            f"{summary['decisions_per_second']:.0f} decisions per second"
        )
        if self.plausibility:
            lines += self.plausibility.lines()
        if self.operations:
            lines += self.operations.lines()
        lines.append(f"run: {self.path}")
        return "\n".join(lines)

    def _by_replica(self, column: str) -> NDArray[np.float64]:
        replica, values = self.run.episodes["replica"], self.run.episodes[column]
        return stack_replicas(replica, values, int(self.config["replicas"]))


def stack_replicas(replica: NDArray, values: NDArray, replicas: int) -> NDArray[np.float64]:
    """Return values of episodes as (replicas, episodes), NaN where a replica had fewer."""
    rows = [values[replica == number] for number in range(replicas)]
    stacked = np.full((len(rows), max(map(len, rows), default=0)), np.nan)
    for row, own in zip(stacked, rows, strict=True):
        row[: len(own)] = own
    return stacked


def _returns(summary: Mapping[str, Any]) -> list[str]:
    means = summary["mean_return_last_100_by_replica"]
    count = summary["episodes"] // max(1, summary["replicas"])
    name = summary["metric"].replace("_", " ")
    if summary["discount"] < 1:
        name += f" (gamma {summary['discount']:g})"
    text = f"{name}, mean of the last {min(LAST, count)} of {count} episodes:"
    first, *others = summarise_seeds(means).lines()
    lines = [f"{text} {first}", *others]
    return lines + [f"  {label}: {value:.3f}" for label, value in summary["references"].items()]


def _returns_by_settings(summary: Mapping[str, Any]) -> list[str]:
    """Return a line for each replica with settings of its own, once all have finished episodes."""
    each, means = summary.get("each", []), summary["mean_return_last_100_by_replica"]
    if len(each) != len(means):
        return []
    told = [", ".join(f"{name} {value}" for name, value in own.items()) for own in each]
    return [f"  {text}: {mean:.3f}" for text, mean in zip(told, means, strict=True)]
