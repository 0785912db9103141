"""Every figure that the data of a run directory allow, and comparisons of several runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from threefactor.analysis.before_after import BeforeAfter, draw_before_after
from threefactor.analysis.gridworld import GridPolicy, draw_gridworld
from threefactor.analysis.health import Anatomy, measure_health
from threefactor.analysis.health_figure import draw_health
from threefactor.analysis.learning import draw_learning_comparison, draw_learning_curve
from threefactor.analysis.phase_plane import draw_phase_plane, reason_against
from threefactor.analysis.plausibility import measure_plausibility
from threefactor.analysis.plausibility_figure import draw_plausibility
from threefactor.analysis.pooling import pool_runs
from threefactor.analysis.rasters import draw_raster
from threefactor.analysis.run_data import EventKind, Run
from threefactor.analysis.style import save_figure
from threefactor.analysis.traces import draw_traces
from threefactor.analysis.weights import draw_weight_matrices, draw_weight_trajectories

Window = tuple[float, float]
# What to call for a figure, or why it cannot be drawn.
Plan = dict[str, Callable[[], Figure] | str]

_CRITICS = {"outside": "linear critic", "spikes": "spiking critic"}
MAX_DEFAULT_WINDOW_MS = 5_000.0
METRIC_LABELS = {
    "return": "Return per episode\n(reward units)",
    "discounted_return": "Discounted return per episode\n(reward units)",
    "length": "Length of episode\n(decisions)",
}


@dataclass(frozen=True)
class PlottedRun:
    """The files of a run's figures.

    Attributes
    ----------
    paths : tuple of Path
    skipped : dict of str to str
        Figures that could not be drawn -> why.
    damage : dict of str to str
        Files of the run -> what is wrong with them.
    """

    paths: tuple[Path, ...]
    skipped: dict[str, str]
    damage: dict[str, str]

    def report(self) -> str:
        """Return a line for each file, one for all that was skipped, and one for all damage."""
        lines = [str(path) for path in self.paths]
        if self.skipped:
            reasons = ", ".join(f"{name} ({why})" for name, why in self.skipped.items())
            lines.append(f"Skipped: {reasons}.")
        if self.damage:
            found = ", ".join(f"{name} ({what})" for name, what in self.damage.items())
            lines.append(f"WARNING: damaged files, of which is shown what can be read: {found}.")
        return "\n".join(lines)


def plot_run(
    run_path: str | Path,
    out: str | Path | None = None,
    window_ms: Window | None = None,
    replica: int | None = None,
) -> PlottedRun:
    """Save every figure the run has data for, as PNG and PDF.

    Parameters
    ----------
    out : folder of the figures, by default `figures/` in the run directory
    window_ms, replica : as in `draw_run`
    """
    run = Run(run_path)
    folder = run.path / "figures" if out is None else Path(out)
    paths: list[Path] = []
    skipped: dict[str, str] = {}
    for name, drawing in _plan(run, window_ms, replica).items():
        if isinstance(drawing, str):
            skipped[name] = drawing
        else:
            paths += save_figure(drawing(), folder / name)
    return PlottedRun(tuple(paths), skipped, run.damage)


def draw_run(
    run: Run, window_ms: Window | None = None, replica: int | None = None
) -> dict[str, Figure]:
    """Return every figure the run has data for, by name.

    Parameters
    ----------
    window_ms : part of the recording in rasters and traces, by default the last recorded episode
    replica : replica in rasters and traces, by default the first recorded
    """
    plan = _plan(run, window_ms, replica)
    return {name: drawing() for name, drawing in plan.items() if not isinstance(drawing, str)}


def _plan(run: Run, window_ms: Window | None, replica: int | None) -> Plan:
    parts: dict[str, Callable[[], Plan]] = {
        "learning": partial(_plan_learning, run),
        "raster": partial(_plan_recording, run, window_ms, replica),
        "before-after": partial(_plan_before_after, run),
        "plausibility": partial(_plan_plausibility, run),
        "health": partial(_plan_health, run),
        "weights": partial(_plan_weights, run),
        "gridworld": partial(_plan_gridworld, run),
        "phase-plane": partial(_plan_phase_plane, run),
    }
    plan: Plan = {}
    for name, part in parts.items():
        try:
            plan |= part()
        except ValueError as error:
            if not run.damage:
                raise
            plan[name] = " ".join(str(error).rstrip(".").split())
    return plan


def compare_runs(
    groups: Mapping[str, Sequence[str | Path]],
    metric: str | None = None,
    say: Callable[[str], None] = print,
    finals: Mapping[str, ArrayLike] | None = None,
) -> Figure:
    """Draw the learning curves of several agents or controls, each given by its runs.

    An agent that several runs of a group hold is drawn once; `say` is told in a line.

    Parameters
    ----------
    metric : return, discounted_return or length; by default that of the newest run
    finals : see `draw_learning_comparison`
    """
    pooled = {name: pool_runs(paths) for name, paths in groups.items()}
    for name, runs in pooled.items():
        if runs.left_out:
            say(f"{name}: {runs.report()}")
    newest = [run for paths in groups.values() for run in map(Run, paths) if run.has_summary]
    own = _metric(newest[0]) if newest else "return"
    metric = metric or own
    returns = {
        name: [agent.column(metric) for agent in runs.agents] for name, runs in pooled.items()
    }
    references = _references(newest[0]) if newest and metric == own else {}
    return draw_learning_comparison(returns, references, METRIC_LABELS[metric], finals=finals)


def recorded_span(run: Run) -> Window | None:
    """Return first and last recorded time in ms, or None where nothing was recorded."""
    times: list[NDArray] = []
    if run.segments:
        times = [run.events.time_ms, *(run.spikes(name).time_ms for name in run.populations)]
        if run.probe_names:
            times.append(run.probes().time_ms)
    times = [t for t in times if t.size]
    return (min(t.min() for t in times), max(t.max() for t in times)) if times else None


def default_window(run: Run, span: Window, replica: int) -> Window:
    """Return the last recorded episode that ended, or the end of it where it is long."""
    events = run.events.select(replica=replica)
    ends = events.select(EventKind.EPISODE_END).time_ms
    end = float(ends[-1]) if ends.size else span[1]
    starts = events.select(EventKind.EPISODE_START).time_ms
    starts = starts[starts < end]
    start = float(starts[-1]) if starts.size else span[0]
    return max(start, end - MAX_DEFAULT_WINDOW_MS), end


def _plan_learning(run: Run) -> Plan:
    if not run.episodes["episode"].size:
        return {"learning": "no finished episode"}
    metric = _metric(run)
    returns = _returns_by_replica(run, metric)
    return {
        "learning": partial(draw_learning_curve, returns, _references(run), METRIC_LABELS[metric])
    }


def _plan_recording(run: Run, window_ms: Window | None, replica: int | None) -> Plan:
    span = recorded_span(run)
    if span is None:
        if window_ms is not None:
            raise ValueError(f"Run {run.path}: expected recordings to show, got none.")
        return {"raster": "nothing recorded", "traces": "nothing recorded"}
    spikes = {name: run.spikes(name) for name in run.populations}
    replicas = np.unique(
        np.concatenate([run.events.replica, *(s.replica for s in spikes.values())])
    )
    if replica is None:
        replica = int(replicas[0]) if replicas.size else 0
    elif replica not in replicas:
        raise ValueError(f"Run {run.path}: expected a replica of {replicas}, got {replica}.")
    window = default_window(run, span, replica) if window_ms is None else _clip(window_ms, span)
    plan: Plan = {"raster": "no spikes in the window", "traces": "no probe samples in the window"}
    if any(np.any(_inside(s.time_ms, window) & (s.replica == replica)) for s in spikes.values()):
        sizes = run.populations
        plan["raster"] = partial(draw_raster, spikes, sizes, run.events, window, replica)
    if run.probe_names and np.any(_inside(run.probes().time_ms, window)):
        plan["traces"] = partial(draw_traces, run.probes(), run.events, window, replica)
    return plan


def _plan_before_after(run: Run) -> Plan:
    metric = _metric(run)
    try:
        shown = BeforeAfter.of(run, metric)
    except ValueError as error:  # of an evaluation that is damaged
        return {"before-after": " ".join(str(error).rstrip(".").split())}
    if isinstance(shown, str):
        return {"before-after": shown}
    return {"before-after": partial(draw_before_after, shown)}


def _plan_plausibility(run: Run) -> Plan:
    plausibility = measure_plausibility(run)
    if plausibility is None:
        return {"plausibility": "the agent says nothing of its regime"}
    return {"plausibility": partial(draw_plausibility, plausibility)}


def _plan_health(run: Run) -> Plan:
    if np.unique(run.health["episode"]).size < 2:
        return {"health": "fewer than two rows in health.csv"}
    return {"health": partial(draw_health, measure_health(run), Anatomy.of(run.meta))}


def _plan_weights(run: Run) -> Plan:
    plan: Plan = {}
    for name in run.projections:
        history = run.weights(name)
        n_snapshots = len(history.episode)
        if not history.values.size:
            plan[f"weights-{name}"] = "no snapshot"
            continue
        if n_snapshots > 1:
            plan[f"weights-{name}"] = partial(draw_weight_trajectories, history, name)
            plan[f"weight-matrix-{name}"] = partial(draw_weight_matrices, history, name)
        else:
            plan[f"weights-{name}"] = "a single snapshot"
    return plan or {"weights": "no snapshots"}


def _plan_gridworld(run: Run) -> Plan:
    if run.policy is None:
        return {"gridworld": "no policy.npz"}
    return {"gridworld": partial(draw_gridworld, GridPolicy.from_arrays(run.policy))}


def _plan_phase_plane(run: Run) -> Plan:
    if reason := reason_against(run.plane):
        return {"phase-plane": reason}
    assert run.plane is not None  # or there is a reason
    critic = _CRITICS.get(run.meta.get("regime", {}).get("third_factor", ""), "critic")
    return {"phase-plane": partial(draw_phase_plane, run.plane, critic)}


def _metric(run: Run) -> str:
    metric = run.summary.get("metric", "return") if run.has_summary else "return"
    if metric not in METRIC_LABELS:
        raise ValueError(
            f"{run.path}/summary.json metric: expected {' or '.join(METRIC_LABELS)}, "
            f"got {metric!r}."
        )
    return metric


def _references(run: Run) -> dict[str, float]:
    return run.summary.get("references", {}) if run.has_summary else {}


def _returns_by_replica(run: Run, metric: str) -> list[NDArray]:
    replica = run.episodes["replica"]
    return [run.episodes[metric][replica == r] for r in np.unique(replica)]


def _clip(window_ms: Window, span: Window) -> Window:
    start, stop = max(window_ms[0], span[0]), min(window_ms[1], span[1])
    if not start < stop:
        raise ValueError(
            f"Window: expected a start and a later end within the recorded {span[0]:g} to "
            f"{span[1]:g} ms, got {window_ms[0]:g} to {window_ms[1]:g} ms."
        )
    return start, stop


def _inside(time_ms: NDArray, window: Window) -> NDArray[np.bool_]:
    return (time_ms >= window[0]) & (time_ms <= window[1])
