"""Spike rasters of any window with the events of the closed loop and population rates."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from threefactor.analysis.marks import draw_event_lines, draw_event_strip, window_events
from threefactor.analysis.run_data import Events, Spikes
from threefactor.analysis.style import TRACE_COLOURS, new_figure, set_time_axis, styled, time_scale

_PANEL_MM = (20.0, 45.0)
_MM_PER_NEURON = 0.5


@styled
def draw_raster(
    spikes: Mapping[str, Spikes],
    n_neurons: Mapping[str, int],
    events: Events,
    window_ms: tuple[float, float],
    replica: int = 0,
) -> Figure:
    """Draw the populations above each other, events on top, population rates below."""
    chosen = {name: _window(train, window_ms, replica) for name, train in spikes.items()}
    if not any(train.time_ms.size for train in chosen.values()):
        raise ValueError(
            f"Raster: expected spikes of replica {replica} between {window_ms[0]:g} and "
            f"{window_ms[1]:g} ms, got none. Choose another window or replica."
        )
    heights = [float(np.clip(_MM_PER_NEURON * n_neurons[name], *_PANEL_MM)) for name in chosen]
    figure = new_figure(height_mm=11 + sum(heights) + 28 + 18)
    panels = figure.subplots(
        len(chosen) + 2, 1, sharex=True, squeeze=False, height_ratios=[11, *heights, 28]
    )[:, 0]
    scale, _ = time_scale(window_ms)
    inside = window_events(events, window_ms, replica)
    draw_event_strip(panels[0], inside, window_ms)
    draw_event_lines(list(panels), inside, window_ms)
    for i, (name, train) in enumerate(chosen.items()):
        colour = TRACE_COLOURS[i % len(TRACE_COLOURS)]
        draw_spikes(panels[i + 1], train, n_neurons[name], heights[i], scale, colour)
        panels[i + 1].set_ylabel(f"{name}\nneuron index", fontsize=8)
        times, rates_hz = population_rate(train.time_ms, n_neurons[name], window_ms)
        panels[-1].plot(times * scale, rates_hz, color=colour, label=name)
    bottom = panels[-1]
    bottom.set(ylabel="Rate per\nneuron (Hz)", ylim=(0, None))
    set_time_axis(bottom, window_ms)
    if len(chosen) > 1:
        bottom.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.align_ylabels(panels)
    return figure


def population_rate(
    time_ms: NDArray, n_neurons: int, window_ms: tuple[float, float]
) -> tuple[NDArray, NDArray]:
    """Rate per neuron, Hz, at bin centres in ms; a Gaussian of 1/100 of the window, 2-50 ms."""
    sigma_ms = float(np.clip((window_ms[1] - window_ms[0]) / 100, 2.0, 50.0))
    n_bins = max(2, int(np.ceil((window_ms[1] - window_ms[0]) / (sigma_ms / 2))))
    counts, edges = np.histogram(time_ms, bins=n_bins, range=window_ms)
    bin_ms = edges[1] - edges[0]
    smooth = gaussian_filter1d(counts.astype(float), sigma_ms / bin_ms, mode="nearest")
    return (edges[1:] + edges[:-1]) / 2, 1e3 * smooth / (bin_ms * n_neurons)


def draw_spikes(
    axes: Axes, train: Spikes, n_neurons: int, height_mm: float, scale: float, colour: str
) -> None:
    """Draw a mark for each spike, as high as a row of a panel of this height allows."""
    row_pt = height_mm / 25.4 * 72 / n_neurons
    # Rasterised, because a vector file with a million marks cannot be opened.
    axes.plot(
        train.time_ms * scale,
        train.neuron,
        "|",
        color=colour,
        markersize=float(np.clip(0.9 * row_pt, 1.6, 6.0)),
        markeredgewidth=0.7,
        rasterized=True,
    )
    axes.set_ylim(-0.6, n_neurons - 0.4)
    if n_neurons <= 8:
        axes.set_yticks(range(n_neurons))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def _window(train: Spikes, window_ms: tuple[float, float], replica: int) -> Spikes:
    keep = (train.time_ms >= window_ms[0]) & (train.time_ms <= window_ms[1])
    keep &= train.replica == replica
    return Spikes(train.time_ms[keep], train.neuron[keep], train.replica[keep])
