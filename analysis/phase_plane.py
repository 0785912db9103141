"""A trained agent's choices and values over two dimensions of its observations, from arrays alone.

A run offers them as `evaluation/plane.npz`; `experiments/training/plane.py` says what it holds.
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from threefactor.analysis.gridworld import best_actions
from threefactor.analysis.style import ACTION_COLOURS, SEQUENTIAL, new_figure, styled

#: More names of dimensions are not legible.
_MAX_OTHERS = 4


@styled
def draw_phase_plane(plane: Mapping[str, NDArray], critic: str = "critic") -> Figure:
    """Draw the greedy action and the value at each point, and the ways of the agent across them.

    Parameters
    ----------
    critic : what says the values
    """
    has_actions, has_values = plane["preferences"].shape[2] > 0, plane["values"].size > 0
    figure = new_figure(height_mm=92) if has_actions and has_values else new_figure(100, 92)
    panels = list(figure.subplots(1, has_actions + has_values, sharey=True, squeeze=False)[0])
    first = panels[0]
    if has_actions:
        _draw_choices(panels.pop(0), plane)
    if has_values:
        _draw_values(panels.pop(0), plane, critic)
    first.set_ylabel(_label(plane, 1))
    about = "Each point: mean over decisions from rest of the trained agent, learning off; "
    about += "away from the lines it has seen little"
    if others := _others(plane):
        about += f"\n{others}"
    figure.suptitle(about, fontsize=8)
    return figure


def reason_against(plane: Mapping[str, NDArray] | None) -> str:
    """Return why a plane cannot be drawn; empty: it can."""
    if plane is None:
        return "`evaluate --record` makes one where observations are two numbers or more"
    still = np.ptp(plane["axes"], axis=1) == 0
    if still.any():
        return f"{plane['names'][still][0]} never changed"
    if not plane["preferences"].size and not plane["values"].size:
        return "continuous actions and no values"
    return ""


def _draw_choices(axes: Axes, plane: Mapping[str, NDArray]) -> None:
    """Colour each point by its action of most spikes, white where there is no single one."""
    preferences = plane["preferences"]
    n_actions = preferences.shape[2]
    best = best_actions(preferences.reshape(-1, n_actions))
    chosen = np.where(best.sum(axis=1) == 1, best.argmax(axis=1), np.nan)
    colours = [ACTION_COLOURS[i % len(ACTION_COLOURS)] for i in range(n_actions)]
    image = axes.pcolormesh(
        *plane["axes"], chosen.reshape(preferences.shape[:2]), shading="nearest", alpha=0.75,
        cmap=ListedColormap(colours), vmin=-0.5, vmax=n_actions - 0.5, rasterized=True,
        linewidth=0,
    )  # fmt: skip
    bar = axes.figure.colorbar(image, ax=axes, location="bottom", aspect=30)
    bar.set_ticks(range(n_actions), labels=list(plane["actions"]))
    bar.ax.tick_params(length=0)
    bar.ax.minorticks_off()
    bar.set_label("Action of most spikes (white: a tie)")
    _draw_ways(axes, plane)


def _draw_values(axes: Axes, plane: Mapping[str, NDArray], critic: str) -> None:
    image = axes.pcolormesh(
        *plane["axes"], plane["values"], shading="nearest", cmap=SEQUENTIAL, rasterized=True
    )
    axes.figure.colorbar(
        image, ax=axes, location="bottom", aspect=30, label=f"Value of the {critic} (reward units)"
    )
    _draw_ways(axes, plane)


def _draw_ways(axes: Axes, plane: Mapping[str, NDArray]) -> None:
    """Draw each visited episode as a line that begins in a dot."""
    ways = np.split(plane["visited"], plane["starts"][1:])
    for way in ways:
        axes.plot(*way.T, color="white", linewidth=1.6)
        axes.plot(*way.T, color="black", linewidth=0.7)
        axes.plot(*way[0], "o", color="black", markeredgecolor="white", markersize=5)
    axes.set_xlabel(_label(plane, 0))
    axes.set_title(f"lines: {len(ways)} episode{'s' if len(ways) > 1 else ''} from their dots")


def _label(plane: Mapping[str, NDArray], which: int) -> str:
    name = str(plane["names"][which]).capitalize()
    return name if "(" in name else f"{name} (env units)"


def _others(plane: Mapping[str, NDArray]) -> str:
    others = str(plane["others"])
    if others.count(",") >= _MAX_OTHERS:
        return "other dimensions at their means over the episodes"
    return f"at {others}, the means over the episodes" if others else ""
