"""What plausibility costs: agents of several tasks side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from threefactor.analysis.plausibility import MAX_MEAN_HZ
from threefactor.analysis.statistics import summarise_seeds
from threefactor.analysis.style import COLOURS, GREY, new_figure, styled

#: What an agent is that learns by gradients, whatever its preset.
GRADIENT = "a gradient, led back"
_KINDS = {"plausible": COLOURS[0], "fast": COLOURS[1], GRADIENT: COLOURS[2]}
_LABELS = (
    "Return", "Episodes to learn", "Largest mean\nrate (Hz)", "Synaptic operations\nof a decision",
)  # fmt: skip
_ROW_MM, _EDGES_MM = 5.5, 42.0


@dataclass(frozen=True)
class Cost:
    """What one agent reached in a task, and what it took.

    Attributes
    ----------
    task, experiment : str
    kind : str
        The preset, or `GRADIENT`.
    scores : (n_seeds,)
    episodes, reached : (n_seeds,) or None
        To the threshold, or those that were waited for it.
    rate_hz : float or None
        Mean rate of the population that fires most.
    operations : float or None
        Synaptic operations of a decision.
    """

    task: str
    kind: str
    experiment: str
    scores: Sequence[float]
    episodes: Sequence[int] | None = None
    reached: Sequence[bool] | None = None
    rate_hz: float | None = None
    operations: float | None = None


@styled
def draw_costs(costs: Sequence[Cost]) -> Figure:
    """Draw a row for each agent, task by task.

    Returns as interquartile mean and 95 % interval; the episodes of every seed to the threshold,
    hollow where it was not reached; rates and operations.
    """
    tasks = list(dict.fromkeys(cost.task for cost in costs))
    counts = [sum(cost.task == task for cost in costs) for task in tasks]
    figure = new_figure(height_mm=_EDGES_MM + _ROW_MM * sum(counts) + 9 * len(tasks))
    grid = figure.subplots(len(tasks), 4, squeeze=False, gridspec_kw={"height_ratios": counts})
    for row, task in zip(grid, tasks, strict=True):
        own = [cost for cost in costs if cost.task == task][::-1]
        _draw_task(row, task, own)
    for axes, label in zip(grid[-1], _LABELS, strict=True):
        axes.set_xlabel(label)
    for column, is_log in ((1, True), (2, False), (3, True)):
        _share_limits(list(grid[:, column]), is_log)
    kinds = {cost.kind for cost in costs}
    for kind in (kind for kind in _KINDS if kind in kinds):
        grid[0][0].plot([], [], "o", color=_KINDS[kind], label=kind)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def _draw_task(row: Sequence[Axes], task: str, costs: Sequence[Cost]) -> None:
    for place, cost in enumerate(costs):
        colour = _KINDS[cost.kind]
        summary = summarise_seeds(cost.scores)
        if summary.bounds is not None:
            row[0].plot(summary.bounds, [place, place], color=colour, linewidth=2)
        row[0].plot(summary.estimate, place, "o", color=colour, markersize=4)
        if cost.episodes and cost.reached:
            spread = place + np.linspace(-0.25, 0.25, len(cost.episodes))
            for x, y, is_there in zip(cost.episodes, spread, cost.reached, strict=True):
                face = colour if is_there else "none"
                row[1].plot(x, y, "o", color=colour, markerfacecolor=face, markersize=3)
        for axes, value in ((row[2], cost.rate_hz), (row[3], cost.operations)):
            if value:
                axes.plot(value, place, "o", color=colour, markersize=4)
    row[2].axvline(MAX_MEAN_HZ, color=GREY, linestyle=(0, (5, 2)), linewidth=0.9, zorder=0)
    for axes in row:
        axes.set_ylim(-0.6, len(costs) - 0.4)
        axes.set_yticks(range(len(costs)), [""] * len(costs))
        axes.grid(axis="y", color="#E5E5E5", linewidth=0.6)
        axes.set_axisbelow(True)
    row[0].set_yticks(range(len(costs)), [cost.experiment for cost in costs])
    row[0].set_title(task, loc="left", fontweight="bold")


def _share_limits(column: Sequence[Axes], is_log: bool) -> None:
    """Give all panels of a column the same axis, with numbers below the last one alone."""
    drawn = [float(x) for axes in column for line in axes.lines for x in np.ravel(line.get_xdata())]
    values = drawn or [1.0, 10.0]
    for axes in column:
        if is_log:
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlim(
            *((0.7 * min(values), 1.5 * max(values)) if is_log else (0.0, max(values) + 5))
        )
        axes.tick_params(labelbottom=axes is column[-1])
