"""Figures of the analyses: rates, correlations, weight drift, credit; and receptive fields."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from threefactor.analysis.neural.analysis import NeuralAnalysis
from threefactor.analysis.neural.fields import LAG_MS, ReceptiveFields
from threefactor.analysis.style import COLOURS, DIVERGING, GREY, SEQUENTIAL, new_figure, styled

_DASHES = {"early": "--", "late": "-"}


@styled
def draw_neural(analysis: NeuralAnalysis) -> Figure:
    """Draw rates of neurons, correlations of pairs, weight drift, and eligibility's correlation."""
    figure = new_figure(height_mm=125)
    panels = figure.subplots(2, 2)
    _draw_rates(panels[0, 0], analysis)
    _draw_correlations(panels[0, 1], analysis)
    _draw_drift(panels[1, 0], analysis)
    _draw_credit(panels[1, 1], analysis)
    return figure


@styled
def draw_fields(fields: ReceptiveFields) -> Figure:
    """Draw for each group of output neurons its weights and the inputs before its spikes."""
    n, is_map = len(fields.names), len(fields.layout.shape) == 2
    figure = new_figure(height_mm=95 if is_map else 85)
    panels = figure.subplots(2, n, squeeze=False, sharex=True, sharey="row" if not is_map else True)
    kinds = ("Weight\n(model units)", f"Input rate in {LAG_MS:g} ms\nbefore a spike - mean (Hz)")
    for row, label, maps in zip(panels, kinds, (fields.weights, fields.triggered_hz), strict=True):
        if is_map:
            _draw_maps(figure, row, maps, label)
        else:
            for axes, values in zip(row, maps, strict=True):
                axes.plot(values, color=COLOURS[0], linewidth=0.9)
                axes.axhline(0, color=GREY, linewidth=0.6)
            row[0].set_ylabel(label)
    for axes, name in zip(panels[0], fields.names, strict=True):
        axes.set_title(name)
    for axes in panels[-1]:
        axes.set_xlabel(fields.layout.axes[-1])
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if is_map:
        for row in panels:
            row[0].set_ylabel(fields.layout.axes[0])
            row[0].yaxis.set_major_locator(MaxNLocator(5, integer=True))
    return figure


def _draw_maps(figure: Figure, row: NDArray, maps: NDArray, label: str) -> None:
    """Draw maps on one scale: around zero where signs differ, else from the least to the most."""
    low, high = float(maps.min()), float(maps.max())
    if low < 0 < high:
        low, high = -max(-low, high), max(-low, high)
        colours = DIVERGING
    else:
        colours = SEQUENTIAL
    for axes, values in zip(row, maps, strict=True):
        image = axes.imshow(values, cmap=colours, norm=Normalize(low, high), aspect="auto")
    figure.colorbar(image, ax=list(row), label=label, aspect=15)


def _draw_rates(axes: Axes, analysis: NeuralAnalysis) -> None:
    colours = _colours([found.population for found in analysis.spikes])
    for found in analysis.spikes:
        rates = np.sort(found.rates_hz)
        share = np.arange(1, rates.size + 1) / rates.size
        label = f"{found.population}, {found.span.name}"
        style = _DASHES[found.span.name]
        axes.plot(rates, share, style, color=colours[found.population], label=label)
    axes.set(xlabel="Rate of a neuron (Hz)", ylabel="Share of neurons at most", ylim=(0, 1.02))
    _finish(axes, bool(analysis.spikes), "no spikes recorded")


def _draw_correlations(axes: Axes, analysis: NeuralAnalysis) -> None:
    shown = [s for s in analysis.spikes if s.correlations is not None and s.correlations.size]
    colours = _colours([found.population for found in analysis.spikes])
    edges = np.linspace(-1, 1, 81)
    for found in shown:
        assert found.correlations is not None  # or it is not shown
        density, _ = np.histogram(found.correlations, edges, density=True)
        label = f"{found.population}, {found.span.name}"
        style = _DASHES[found.span.name]
        axes.stairs(density, edges, color=colours[found.population], linestyle=style, label=label)
    if shown:
        reach = max(
            float(np.abs(s.correlations).max()) for s in shown if s.correlations is not None
        )
        axes.set_xlim(-min(1, 1.2 * reach + 0.05), min(1, 1.2 * reach + 0.05))
        axes.set_yscale("log")
        axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set(
        xlabel=f"Correlation of two neurons (bins of {analysis.bin_ms:g} ms)",
        ylabel="Density of pairs",
    )
    _finish(axes, bool(shown), "needs Elephant, and spikes")


def _draw_drift(axes: Axes, analysis: NeuralAnalysis) -> None:
    for found, colour in zip(analysis.drifts, COLOURS * 9, strict=False):
        axes.plot(found.episode, 100 * found.distance, color=colour, label=found.projection)
    axes.set(xlabel="Episode number", ylabel="Distance from initial weights (%)")
    axes.margins(x=0)
    axes.set_ylim(0, None)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    _finish(axes, bool(analysis.drifts), "no snapshots of weights")


def _draw_credit(axes: Axes, analysis: NeuralAnalysis) -> None:
    """Draw a dot for each probed synapse, and how far shifts in time reach."""
    for place, found in enumerate(analysis.credits):
        values = found.correlation[np.isfinite(found.correlation)]
        offsets = place + np.linspace(-0.15, 0.15, values.size + 2)[1:-1]
        axes.fill_between(
            [place - 0.3, place + 0.3], -found.chance, found.chance, color=GREY, alpha=0.25, lw=0
        )
        axes.plot(offsets, values, "o", color=COLOURS[0], markersize=3.5, mew=0)
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.set_xticks(
        range(len(analysis.credits)),
        [f"{c.span.name} ({c.span.text})\np = {c.p_value:.2g}" for c in analysis.credits],
    )
    axes.set_xlim(-0.6, max(len(analysis.credits), 1) - 0.4)
    axes.set_ylabel("Correlation of eligibility\nand third factor")
    if analysis.credits:
        axes.set_title("dots: synapses; grey: shifted in time, 95 %")
    _finish(axes, bool(analysis.credits), "no probes, or too few decisions", has_legend=False)


def _finish(axes: Axes, has_data: bool, lacking: str, has_legend: bool = True) -> None:
    if not has_data:
        axes.text(0.5, 0.5, lacking, ha="center", va="center", transform=axes.transAxes, color=GREY)
        axes.set(xticks=[], yticks=[])
    elif has_legend:
        axes.legend(fontsize=7)


def _colours(names: list[str]) -> dict[str, str]:
    known = dict.fromkeys(names)
    return {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(known)}
