"""The report card of plausibility as a figure: a row for each item."""

import textwrap

from matplotlib.figure import Figure

from threefactor.analysis.plausibility import Plausibility
from threefactor.analysis.style import COLOURS, GREY, new_figure, styled

#: Left edges of the columns, as shares of the width, and characters that fit them.
_COLUMNS = {"item": (0.045, 16), "found": (0.185, 42), "asked": (0.535, 23), "source": (0.755, 35)}
_MARKS = {True: ("o", COLOURS[2]), False: ("X", COLOURS[1]), None: ("_", GREY)}


@styled
def draw_plausibility(plausibility: Plausibility) -> Figure:
    """Draw a table: whether an item holds, what was found, what is asked, why."""
    rows = [
        {
            "item": item.name, "found": item.found, "asked": item.threshold, "source": item.source,
        }
        for item in plausibility.items
    ]  # fmt: skip
    wrapped = [
        {name: textwrap.wrap(text, _COLUMNS[name][1]) for name, text in row.items()} for row in rows
    ]
    heights = [max(map(len, row.values())) + 0.6 for row in wrapped]
    total = sum(heights) + 1.8
    figure = new_figure(height_mm=4.2 * total + 6)
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(total, 0))
    axes.axis("off")
    axes.set_title(f"Plausibility: {plausibility.headline}", loc="left", fontweight="bold")
    for name, (left, _) in _COLUMNS.items():
        axes.text(left, 0.7, name, color=GREY, va="center", fontsize=8)
    top = 1.4
    for item, cells, height in zip(plausibility.items, wrapped, heights, strict=True):
        axes.axhline(top, color="#D9D9D9", linewidth=0.6)
        middle = top + height / 2
        marker, colour = _MARKS[item.holds]
        axes.plot(0.015, middle, marker, color=colour, markersize=6, clip_on=False)
        for name, (left, _) in _COLUMNS.items():
            is_source = name == "source"
            axes.text(
                left, middle, "\n".join(cells[name]), va="center",
                fontsize=6.5 if is_source else 8, color=GREY if is_source else "black",
            )  # fmt: skip
        top += height
    handles = [
        axes.plot([], [], marker, color=colour, linestyle="", label=label)[0]
        for (marker, colour), label in zip(
            _MARKS.values(), ("holds", "does not", "not judged"), strict=True
        )
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=3)
    return figure
