"""Weights over episodes and weight matrices before and after learning."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from threefactor.analysis.run_data import WeightHistory
from threefactor.analysis.style import BLANK, COLOURS, DIVERGING, GREY, new_figure, styled

_N_LINES = 40


@styled
def draw_weight_trajectories(
    history: WeightHistory, title: str, unit: str = "model units"
) -> Figure:
    """Draw single weights, mean and quantiles over episodes, beside first and last histogram."""
    _check(history)
    figure = new_figure(height_mm=70)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1])
    quantiles = np.quantile(history.values, [0.05, 0.25, 0.75, 0.95], axis=1)
    n_synapses = history.values.shape[1]
    shown = np.unique(np.linspace(0, n_synapses - 1, min(_N_LINES, n_synapses)).astype(int))
    left.plot(history.episode, history.values[:, shown], color=GREY, linewidth=0.4, alpha=0.5)
    left.plot([], [], color=GREY, linewidth=0.6, label=f"{shown.size} of {n_synapses} synapses")
    bands = {"5-95 % of synapses": (0, 3, 0.15), "25-75 % of synapses": (1, 2, 0.3)}
    for label, (low, high, alpha) in bands.items():
        band = left.fill_between(history.episode, quantiles[low], quantiles[high], alpha=alpha)
        band.set(color=COLOURS[0], linewidth=0, label=label)
    left.plot(
        history.episode, history.values.mean(axis=1), color=COLOURS[0], linewidth=2, label="mean"
    )
    left.set(xlabel="Episode number", ylabel=f"Weight ({unit})", title=title)
    left.margins(x=0)
    _draw_histograms(right, history)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=len(handles))
    return figure


@styled
def draw_weight_matrices(history: WeightHistory, title: str, unit: str = "model units") -> Figure:
    """Draw the weight matrix of the first and last snapshot on one scale, and their difference.

    Both scales are centred at zero; pairs without a synapse stay blank, parallel synapses add up.
    """
    _check(history)
    before, after = weight_matrix(history, 0), weight_matrix(history, -1)
    figure = new_figure(height_mm=68)
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    first, last = history.episode[0], history.episode[-1]
    shared = panels[:2]
    image = _draw_matrices(shared, [before, after])
    bar = figure.colorbar(image, ax=shared, label=f"Weight ({unit})", shrink=0.9, aspect=25)
    _trim_scale(bar.ax, np.stack([before, after]))
    change = _draw_matrices(panels[2:], [after - before])
    figure.colorbar(change, ax=panels[2], label=f"Change ({unit})", shrink=0.9, aspect=25)
    titles = (f"before (episode {first})", f"after (episode {last})", "after - before")
    for panel, name in zip(panels, titles, strict=True):
        panel.set(title=name, xlabel="Postsynaptic neuron index")
    panels[0].set_ylabel("Presynaptic neuron index")
    note = " (grey: no synapse)" if np.isnan(before).any() else ""
    figure.suptitle(title + note, fontsize=9)
    return figure


def weight_matrix(history: WeightHistory, snapshot: int) -> NDArray:
    """Return one snapshot as (n_pre, n_post), NaN where no synapse is."""
    matrix = np.zeros((history.n_pre, history.n_post))
    is_connected = np.zeros(matrix.shape, bool)
    np.add.at(matrix, (history.pre, history.post), history.values[snapshot])
    is_connected[history.pre, history.post] = True
    return np.where(is_connected, matrix, np.nan)


def _draw_matrices(panels: Sequence[Axes], matrices: Sequence[NDArray]) -> AxesImage:
    limit = max(np.nanmax(np.abs(matrix)) for matrix in matrices) or 1.0
    norm = Normalize(-limit, limit)
    for panel, matrix in zip(panels, matrices, strict=True):
        panel.set_facecolor(BLANK)
        image = panel.imshow(
            matrix, cmap=DIVERGING, norm=norm, aspect="auto", interpolation="nearest"
        )
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_locator(MaxNLocator(6, integer=True))
    return image


def _trim_scale(axes: Axes, values: NDArray) -> None:
    # Weights of one sign use half of the scale: the other half would only cost contrast.
    low, high = axes.get_ylim()
    axes.set_ylim(0 if np.nanmin(values) >= 0 else low, 0 if np.nanmax(values) <= 0 else high)


def _draw_histograms(axes: Axes, history: WeightHistory) -> None:
    bins = np.histogram_bin_edges(history.values[[0, -1]], bins=30)
    first, last = history.episode[0], history.episode[-1]
    for snapshot, number, colour in ((0, first, GREY), (-1, last, COLOURS[1])):
        counts, _ = np.histogram(history.values[snapshot], bins)
        axes.stairs(counts, bins, orientation="horizontal", color=colour, label=f"episode {number}")
    axes.set_xlim(0, None)
    axes.set_xlabel("Synapses (count)")
    axes.legend(loc="upper right")


def _check(history: WeightHistory) -> None:
    if history.values.size == 0:
        raise ValueError(
            "Weights: expected at least one snapshot of at least one synapse, got shape "
            f"{history.values.shape}."
        )
