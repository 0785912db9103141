"""A film of an agent: its environment beside the spikes of the same decisions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.animation import FFMpegWriter, PillowWriter
from matplotlib.figure import Figure
from numpy.typing import NDArray

from threefactor.analysis.excerpts import (
    Excerpt,
    draw_excerpt,
    draw_legend,
    panel_heights_mm,
    set_limits,
)
from threefactor.analysis.style import new_figure, styled

WRITERS: dict[str, type[PillowWriter | FFMpegWriter]] = {".gif": PillowWriter, ".mp4": FFMpegWriter}
#: Decisions that the scrolling raster shows.
_SPAN = 15
_DPI = 90
#: Above it a decision cannot be seen, and what takes less time is slowed down.
_MAX_FPS = 10.0
_LAST_PICTURE_S = 0.5


def require_film(path: Path) -> None:
    """Raise ValueError unless a film of this name can be written here."""
    if path.suffix.lower() not in WRITERS:
        raise ValueError(f"film: expected a name that ends in .gif or .mp4, got {path.name!r}.")
    if not WRITERS[path.suffix.lower()].isAvailable():
        raise ValueError(
            f"film: {path.name} needs the program ffmpeg, which is not installed; install it "
            f"(apt-get install ffmpeg), or name the film {path.with_suffix('.gif').name}."
        )


@styled
def save_film(path: Path, excerpt: Excerpt, pictures: Sequence[NDArray], title: str) -> None:
    """Write a film with a picture for each decision; times run as in the simulation, or slower.

    Parameters
    ----------
    path : file that ends in .gif or .mp4
    pictures : n_decisions + 1 pictures: what each decision was taken on, then what the last led to;
        none: the film shows spikes, actions and rewards alone
    title : stands above all, before the number of the decision
    """
    require_film(path)
    fps = max(1, round(min(_MAX_FPS, 1 / excerpt.decision_s)))
    writer = WRITERS[path.suffix.lower()](fps=fps)
    figure = _Stage(excerpt, pictures, title)
    numbers = [*range(excerpt.n_decisions), *[excerpt.n_decisions] * round(fps * _LAST_PICTURE_S)]
    with writer.saving(figure.figure, str(path), _DPI):
        for number in numbers:
            figure.show(number)
            writer.grab_frame()


class _Stage:
    """The figure of a film, drawn once; what follows moves time and changes the picture."""

    def __init__(self, excerpt: Excerpt, pictures: Sequence[NDArray], title: str) -> None:
        self._excerpt, self._pictures, self._title = excerpt, pictures, title
        heights = panel_heights_mm(excerpt)
        self.figure: Figure = new_figure(height_mm=sum(heights) + 34)
        grid = self.figure.add_gridspec(
            len(heights), 2 if pictures else 1, height_ratios=heights,
            **({"width_ratios": [1, 1.5]} if pictures else {}),
        )  # fmt: skip
        panels = [self.figure.add_subplot(grid[row, -1]) for row in range(len(heights))]
        draw_excerpt(panels, excerpt)
        set_limits(panels, [excerpt])
        for panel in panels[:-1]:
            panel.tick_params(labelbottom=False)
        draw_legend(self.figure, panels, excerpt, 3)
        self._panels, self._image = panels, None
        if pictures:
            stage = self.figure.add_subplot(grid[:, 0])
            stage.set_axis_off()
            self._image = stage.imshow(pictures[0])
        self._heading = self.figure.suptitle("", fontsize=9)
        self.show(0)
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")  # or everything would jump with its labels

    def show(self, number: int) -> None:
        """Show decision `number` from its end; the number of all decisions: what they led to."""
        excerpt = self._excerpt
        shown = min(number + 1, excerpt.n_decisions)
        end_s = shown * excerpt.decision_s
        for panel in self._panels:
            panel.set_xlim(end_s - _SPAN * excerpt.decision_s, end_s)
        if self._image is not None:
            self._image.set_data(np.asarray(self._pictures[number]))
        self._heading.set_text(f"{self._title}, decision {shown} of {excerpt.n_decisions}")
