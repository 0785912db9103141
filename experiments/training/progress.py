"""Progress of a run for the eyes: a bar on a terminal or in a notebook, else ten lines."""

import sys
import warnings
from collections.abc import Callable

import numpy as np
from tqdm import TqdmWarning

from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.summary import LAST
from threefactor.experiments.training.tally import Episode

with warnings.catch_warnings():  # a notebook without ipywidgets gets lines instead of a bar
    warnings.simplefilter("ignore", TqdmWarning)
    from tqdm.auto import tqdm

#: Receives what there is to say, line by line.
Say = Callable[[str], None]


def say_on_stderr(text: str) -> None:
    """Write a line to standard error, above a progress bar if there is one."""
    tqdm.write(text, file=sys.stderr)


class Progress(Observer):
    """Observer that shows the mean of the last episodes.

    Parameters
    ----------
    say : callable, optional
        Receives lines; default: a bar, or lines on standard error where there can be none.
    """

    def __init__(self, say: Say | None = None) -> None:
        self._say = say or say_on_stderr
        self._has_bar = say is None and (_is_notebook() or sys.stderr.isatty())

    def began(self, loop: ClosedLoop) -> None:
        """Open the bar where the run has come to."""
        self._total = loop.tally.replicas * loop.tally.episodes
        self._count = int(loop.tally.done.sum())
        self._bar = tqdm(
            total=self._total, initial=self._count, unit="ep", mininterval=0.2,
            disable=not self._has_bar,
        )  # fmt: skip

    def finished(self, loop: ClosedLoop, episode: Episode) -> None:
        """Count the episode."""
        self._count += 1
        self._bar.update(1)
        if self._has_bar:
            self._bar.set_postfix(mean=f"{_recent_mean(loop):.3f}", refresh=False)
        elif self._count % max(1, self._total // 10) == 0:
            mean = _recent_mean(loop)
            self._say(f"episode {self._count}/{self._total}: mean of the last {LAST}: {mean:.3f}")

    def ended(self, loop: ClosedLoop) -> None:
        """Leave the bar as it is."""
        self._bar.close()


def _is_notebook() -> bool:
    """Whether `tqdm.auto` has found what draws bars in a notebook."""
    return any(kind.__module__ == "tqdm.notebook" for kind in tqdm.__mro__)


def _recent_mean(loop: ClosedLoop) -> float:
    return float(np.mean([np.mean(row[-LAST:]) for row in loop.tally.returns if row]))
