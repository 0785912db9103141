"""What the panels of rule cards share: page, notes above the axes, labels with powers of ten."""

import textwrap
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from threefactor.analysis.style import GREY, new_figure

#: Where a legend stands.
Place = Literal["best", "upper left", "upper right", "lower left", "lower right"]

WIDTH_MM, HEIGHT_MM = 297.0, 225.0
#: Line styles of overlaid curves, so that coinciding ones show.
DASHES = ("-", (0, (5, 2)), (0, (2, 1.5)), (0, (6, 1.5, 1, 1.5)), "-", (0, (5, 2)), (0, (2, 1.5)))


def new_page(count: int) -> tuple[Figure, list[Axes]]:
    """Return a page with `count` axes in rows of three."""
    rows = -(-count // 3)
    figure = new_figure(WIDTH_MM, 18 + (HEIGHT_MM - 18) * rows / 3)
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    grid = list(figure.subplots(rows, 3, squeeze=False).ravel())
    for axes in grid[count:]:
        axes.set_axis_off()
    return figure, grid[:count]


def wrapped(text: str, width: int) -> str:
    """Return text in lines of at most `width` characters."""
    return "\n".join(textwrap.wrap(text, width))


def note(axes: Axes, text: str) -> None:
    """Write the panel's result in one line above the axes."""
    axes.annotate(
        text, (0, 1), (0, 5), xycoords="axes fraction", textcoords="offset points", fontsize=8,
        color="#333333", va="bottom",
    ).set_in_layout(False)  # fmt: skip


def label_axes(axes: Axes, x: str, y: str, legend: Place | None = None, **options: Any) -> None:
    """Label the axes, a power of ten with the unit instead of above the axis, and add a legend."""
    axes.set_xlabel(x)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    largest = float(np.abs(axes.get_ylim()).max())
    power = int(np.floor(np.log10(largest))) if largest > 0 else 0
    if not -2 < power < 3:
        axes.yaxis.set_major_formatter(lambda value, _: f"{value / 10.0**power:.3g}")
        y = y.replace("(", f"($10^{{{power}}}$ ", 1)
    axes.set_ylabel(y)
    if legend:
        axes.legend(loc=legend, handlelength=1.8, borderaxespad=0.2, **options)


def leave_headroom(axes: Axes, share: float) -> None:
    """Leave room above the data for a legend."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + share * (high - low))


def draw_zero_lines(axes: Axes, vertical: bool = True) -> None:
    """Mark zero of both axes, or of y only."""
    axes.axhline(0, color=GREY, linewidth=0.6, zorder=0)
    if vertical:
        axes.axvline(0, color=GREY, linewidth=0.6, zorder=0)
