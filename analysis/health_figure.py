"""The health of a run as a figure: what each population did over episodes, beside thresholds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from threefactor.analysis.conditions import (
    BOUNDS_SHARE,
    DEAD_SHARE,
    SATURATED_HZ,
    SATURATED_SHARE,
    SILENT_HZ,
    SILENT_SHARE,
)
from threefactor.analysis.health import Anatomy, Health
from threefactor.analysis.style import COLOURS, GREY, new_figure, styled

_DASHED = (0, (4, 1.5))
Columns = Mapping[str, NDArray[Any]]


@styled
def draw_health(health: Health, anatomy: Anatomy) -> Figure:
    """Draw rates, silent and saturated neurons, weights at bounds and dead inputs, third factors.

    A thin line is a replica, a thick one the mean of several. Grey lines are the thresholds.
    """
    columns = health.columns
    names = list(dict.fromkeys(columns["population"].tolist()))
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    figure = new_figure(height_mm=118)
    (rates, shares), (bounds, third) = figure.subplots(2, 2, sharex=True)
    neurons = [name for name in names if name != anatomy.input]
    for name in names:
        _plot(rates, columns, name, "rate_hz", colours[name])
    for name in neurons:
        _plot(shares, columns, name, "silent", colours[name])
        _plot(shares, columns, name, "saturated", colours[name], _DASHED)
        _plot(bounds, columns, name, "at_bounds", colours[name])
    _plot(bounds, columns, anatomy.input, "never_fired", colours.get(anatomy.input, GREY), _DASHED)
    for column in ("third_factor_low", "third_factor_high"):
        _plot(third, columns, _first_taught(columns), column, "black")
    rates.set_yscale("symlog", linthresh=1.0)
    rates.yaxis.set_major_formatter("{x:g}")
    rates.set(title="mean rate", ylabel="Rate (Hz)", ylim=(0, 1000))
    _threshold(rates, SILENT_HZ, f"a neuron is silent below {SILENT_HZ:g} Hz")
    _threshold(rates, SATURATED_HZ, f"saturated above {SATURATED_HZ:g} Hz")
    shares.set(title="silent (solid) and saturated (dashed)", ylabel="Share of neurons")
    _threshold(shares, SILENT_SHARE, "silent from here")
    _threshold(shares, SATURATED_SHARE, "saturated from here")
    bounds.set(title="weights at bounds (solid), dead inputs (dashed)", ylabel="Share of either")
    _threshold(bounds, BOUNDS_SHARE, "weights at bounds from here")
    _threshold(bounds, DEAD_SHARE, "dead inputs from here")
    third.set(title="third factor, lowest and highest", ylabel="In units of reward")
    if not third.lines:
        third.text(0.5, 0.5, "made in the network", transform=third.transAxes, ha="center")
    for panel in (shares, bounds):
        panel.set_ylim(-0.04, 1.04)
    for panel in (bounds, third):
        panel.set_xlabel("Episode number")
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    handles = [rates.plot([], [], color=colours[name], lw=2, label=name)[0] for name in names]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    said = [ailment.label(health.n_replicas) for ailment in health.ailments]
    figure.suptitle(f"Health: {'; '.join(said) or 'nothing wrong'}", fontsize=9)
    return figure


def _plot(
    axes: Axes, columns: Columns, population: str, column: str, colour: str, style: Any = "-"
) -> None:
    """Plot a column of a population: a line for each replica, and the mean of several."""
    lines = [line for line in _lines(columns, population, column) if np.isfinite(line[1]).any()]
    is_single = len(lines) == 1
    for episode, values in lines:
        width = 1.2 if is_single else 0.5
        axes.plot(
            episode, values, linestyle=style, color=colour, lw=width, alpha=1 if is_single else 0.4
        )
    if len(lines) > 1:
        grid, mean = _mean(lines)
        axes.plot(grid, mean, linestyle=style, color=colour, lw=1.8)


def _first_taught(columns: Columns) -> str:
    """Return a population that hears the third factor, which is the same for all that do."""
    is_taught = ~np.isnan(columns["third_factor_low"])
    return str(columns["population"][is_taught.argmax()]) if is_taught.any() else ""


def _lines(
    columns: Columns, population: str, column: str
) -> Iterator[tuple[NDArray[np.int_], NDArray[np.float64]]]:
    mine = columns["population"] == population
    for replica in np.unique(columns["replica"][mine]):
        own = mine & (columns["replica"] == replica)
        yield columns["episode"][own], columns[column][own]


def _mean(
    lines: Sequence[tuple[NDArray[np.int_], NDArray[np.float64]]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean of lines where all of them are, interpolated to common episodes."""
    first, last = max(e[0] for e, _ in lines), min(e[-1] for e, _ in lines)
    grid = np.linspace(first, max(first, last), 200)
    return grid, np.mean([np.interp(grid, episode, values) for episode, values in lines], axis=0)


def _threshold(axes: Axes, value: float, text: str) -> None:
    axes.axhline(value, color=GREY, lw=0.8, linestyle=(0, (1, 2)), zorder=0)
    axes.annotate(
        text, (0.99, value), xycoords=("axes fraction", "data"), xytext=(0, 1.5),
        textcoords="offset points", ha="right", va="bottom", fontsize=6.5, color="#606060",
        bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.5},
    )  # fmt: skip
