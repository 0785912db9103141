"""What an agent does before and after it has learned, spike by spike, side by side."""

from dataclasses import dataclass

from matplotlib.figure import Figure

from threefactor.analysis.excerpts import (
    Excerpt,
    draw_excerpt,
    draw_legend,
    panel_heights_mm,
    set_limits,
)
from threefactor.analysis.run_data import Run
from threefactor.analysis.style import new_figure, styled

#: More are not legible side by side.
MAX_DECISIONS = 25


@dataclass(frozen=True)
class BeforeAfter:
    """Two excerpts to compare.

    Attributes
    ----------
    title : str
        What both have in common.
    before, after : Excerpt
    names : (str, str)
    """

    title: str
    before: Excerpt
    after: Excerpt
    names: tuple[str, str]

    @classmethod
    def of(cls, run: Run, metric: str) -> "BeforeAfter | str":
        """Return what a run recorded of both, or why it cannot be shown.

        An evaluation with recordings is taken where there is one: both agents live through the same
        episode and the same noise, learning off. Else the first and the last recorded episode of
        the training stand for it.
        """
        runs = run.recorded_evaluations()
        if runs is not None:
            title = "Same episode and noise, learning off"
            names = ("before: initial weights", "after: trained weights")
            found = [Excerpt.of(each, metric, MAX_DECISIONS) for each in runs]
        elif run.segments:
            title = "First and last recorded episode of the training, learning on"
            found = [Excerpt.of(run, metric, MAX_DECISIONS, last) for last in (False, True)]
            numbers = [excerpt.number for excerpt in found if excerpt]
            names = (f"episode {numbers[0]}", f"episode {numbers[-1]}") if numbers else ("", "")
        else:
            return "nothing recorded"
        before, after = found
        if before is None or after is None or names[0] == names[1]:
            return "no two episodes recorded"
        return cls(title, before, after, names)


@styled
def draw_before_after(shown: BeforeAfter) -> Figure:
    """Draw both excerpts in columns of the same axes: rasters, rates, actions, rewards."""
    excerpts = (shown.before, shown.after)
    heights = panel_heights_mm(shown.before)
    figure = new_figure(height_mm=sum(heights) + 40)
    columns = figure.subplots(
        len(heights), 2, sharex=True, sharey="row", squeeze=False, height_ratios=heights
    ).T
    for panels, excerpt, name in zip(columns, excerpts, shown.names, strict=True):
        draw_excerpt(panels, excerpt)
        panels[0].set_title(f"{name}\n{excerpt.outcome}")
    set_limits(columns[0], excerpts)
    for panel in columns[1]:
        panel.set_ylabel("")
        panel.tick_params(labelleft=False)
    columns[0][0].set_xlim(0, 1.01 * max(excerpt.duration_s for excerpt in excerpts))
    draw_legend(figure, columns[0], shown.before, 6)
    most = max(excerpt.n_decisions for excerpt in excerpts)
    figure.suptitle(f"{shown.title}: first {most} decisions", fontsize=9)
    figure.align_ylabels(columns[0])
    return figure
