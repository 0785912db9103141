"""Figures of the experiments on surrogate slopes."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from numpy.typing import NDArray

from threefactor.analysis.learning import draw_seeds, seeds_shown
from threefactor.analysis.style import COLOURS, GREY, new_figure, styled


@styled
def draw_gradients_by_slope(slopes: Sequence[int], magnitudes: NDArray, cosines: NDArray) -> Figure:
    """Draw size and direction of each layer's gradient against the slope of the surrogate.

    ``magnitudes`` and ``cosines`` are (slopes, seeds, layers), the readout last.
    """
    figure = new_figure(height_mm=90)
    panels = figure.subplots(1, 2)
    n_layers = magnitudes.shape[2]
    for axes, values in zip(panels, (magnitudes, cosines), strict=True):
        for k in range(n_layers):
            name = "readout" if k == n_layers - 1 else f"layer {k + 1}"
            draw_seeds(axes, slopes, values[:, :, k].T, COLOURS[k], name)
        axes.set(xscale="log", xlabel="Slope of the surrogate derivative")
        # 75 would touch 100.
        axes.set_xticks(slopes, [str(slope) if slope != 75 else "" for slope in slopes])
        axes.minorticks_off()
    panels[0].set(yscale="log", ylabel="Mean |gradient| of a weight")
    panels[1].set(ylabel=f"Cosine to the gradient at slope {slopes[-1]}")
    handles, labels = panels[0].get_legend_handles_labels()
    shown = seeds_shown(magnitudes.shape[1])
    figure.legend(handles, labels, loc="outside lower center", ncols=n_layers, title=shown)
    return figure


@styled
def draw_losses_by_slope(
    panels: Mapping[str, Mapping[str, tuple[NDArray, NDArray]]],
) -> Figure:
    """Draw losses against the iteration, a panel for each depth.

    Each maps an arm to iterations (points,) and losses (seeds, points); one point is a level.
    """
    figure = new_figure(height_mm=85)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for panel, (title, arms) in zip(axes, panels.items(), strict=True):
        for k, (arm, (iterations, losses)) in enumerate(arms.items()):
            if len(iterations) == 1:
                level = float(losses.mean())
                panel.axhline(level, color=GREY, linestyle=(0, (5, 2)), label=f"{arm} (mean)")
            else:
                draw_seeds(panel, iterations, losses, COLOURS[k], arm)
        panel.set(title=title, xlabel="Iteration", yscale="log")
        panel.margins(x=0)
    axes[0].set_ylabel("Test loss (share of the targets' variance)")
    handles, labels = axes[0].get_legend_handles_labels()
    first = next(iter(next(iter(panels.values())).values()))
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(handles),
        title=seeds_shown(len(first[1])),
    )  # fmt: skip
    return figure
