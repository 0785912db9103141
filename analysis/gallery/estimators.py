"""Figure of the estimators of a policy gradient."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from numpy.typing import NDArray

from threefactor.analysis.learning import draw_seeds, seeds_shown
from threefactor.analysis.style import COLOURS, new_figure, styled

_PANELS = {
    "single": "Cosine: an update, exact gradient",
    "mean": "Cosine: mean of updates, exact gradient",
    "variance": "Variance of an update / |gradient|$^2$",
}


@styled
def draw_estimators(
    sizes: Sequence[int], estimators: Mapping[str, Mapping[str, NDArray]]
) -> Figure:
    """Draw direction, long run and variance of each estimator against the number of units.

    ``estimators`` maps names to ``single``, ``mean`` and ``variance``, each (sizes, seeds).
    """
    figure = new_figure(height_mm=100)
    panels = figure.subplots(1, len(_PANELS))
    for axes, (what, label) in zip(panels, _PANELS.items(), strict=True):
        for k, (name, values) in enumerate(estimators.items()):
            draw_seeds(axes, sizes, values[what].T, COLOURS[k], name)
        axes.set(xscale="log", xlabel="Hidden units", ylabel=label)
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
    panels[2].set_yscale("log")
    handles, labels = panels[0].get_legend_handles_labels()
    n_seeds = next(iter(estimators.values()))["single"].shape[1]
    figure.legend(handles, labels, loc="outside lower center", ncols=2, title=seeds_shown(n_seeds))
    return figure
