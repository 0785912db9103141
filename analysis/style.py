"""One look for all figures: sizes, fonts, colour-blind safe colours, saving."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

# Okabe & Ito 2008, without yellow, which vanishes on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
GREY = "#7F7F7F"
# Green and purple mean reward beside these four, never a population or a synapse.
TRACE_COLOURS = ("#0072B2", "#E69F00", "#56B4E9", "#D55E00")
# Of up to four actions: in this order any few are far apart.
ACTION_COLOURS = ("#0072B2", "#E69F00", "#404040", "#56B4E9")
REWARD, PUNISHMENT = COLOURS[2], COLOURS[3]
SEQUENTIAL, DIVERGING = "viridis", "RdBu_r"
BLANK = "#D9D9D9"
SINGLE_COLUMN_MM, DOUBLE_COLUMN_MM = 89.0, 183.0
PNG_DPI = 200

_SETTINGS: dict[Any, Any] = {
    "font.size": 9,
    "font.family": "sans-serif",
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.formatter.useoffset": False,
    "lines.linewidth": 1.2,
    "pdf.fonttype": 42,
    "savefig.dpi": PNG_DPI,
}


def styled(draw: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorate a drawing function so that what it creates follows the house look."""

    @functools.wraps(draw)
    def drawn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with matplotlib.rc_context(_SETTINGS):
            return draw(*args, **kwargs)

    return drawn


def new_figure(width_mm: float = DOUBLE_COLUMN_MM, height_mm: float = 90.0) -> Figure:
    """Create an empty figure with constrained layout; no window and no global state."""
    return Figure(figsize=(width_mm / 25.4, height_mm / 25.4), layout="constrained")


@styled
def save_figure(figure: Figure, path_stem: str | Path) -> list[Path]:
    """Save a figure as PNG (200 dpi) and PDF beside each other; return both paths."""
    stem = Path(path_stem)
    stem.parent.mkdir(parents=True, exist_ok=True)
    # Not `with_suffix`, which would eat part of a name such as "plastic.w".
    paths = [stem.with_name(f"{stem.name}.{kind}") for kind in ("png", "pdf")]
    for path in paths:
        figure.savefig(path)
    return paths


def time_scale(window_ms: tuple[float, float]) -> tuple[float, str]:
    """Choose the unit of a time axis: the factor from ms and the name of the unit."""
    is_long = window_ms[1] - window_ms[0] > 2000 or window_ms[1] >= 10_000
    return (1e-3, "s") if is_long else (1.0, "ms")


def set_time_axis(axes: Axes, window_ms: tuple[float, float]) -> None:
    """Label a time axis and limit it to the window, with room for marks at both ends."""
    scale, unit = time_scale(window_ms)
    margin = 0.01 * (window_ms[1] - window_ms[0])
    axes.set_xlim((window_ms[0] - margin) * scale, (window_ms[1] + margin) * scale)
    axes.set_xlabel(f"Time ({unit})")


def label_lines(axes: Axes, heights: list[float], labels: list[str], colours: list[str]) -> None:
    """Name horizontal positions in the right margin, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    wanted = (np.array(heights) - low) / (high - low)
    gap = 10.0 / (axes.bbox.height * 72 / axes.figure.dpi)
    order = np.argsort(wanted, kind="stable")
    placed = wanted[order]
    # Neighbours that overlap move apart by the same amount until none do.
    for _ in range(100):
        overlap = np.maximum(gap - np.diff(placed), 0)
        placed[:-1] -= overlap / 2
        placed[1:] += overlap / 2
    placed[order] = placed.copy()
    for height, label, colour in zip(placed, labels, colours, strict=True):
        axes.annotate(
            label,
            (1.0, height),
            xycoords="axes fraction",
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=colour,
        )
