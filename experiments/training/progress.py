"""Progress of a run for the eyes: a bar on a terminal or in a notebook, else ten lines."""

import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial

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


class Display:
    """Shows how many episodes are done, and the mean of the last ones.

    Parameters
    ----------
    say : callable, optional
        Receives lines; default: a bar, or lines on standard error where there can be none.
    """

    def __init__(self, say: Say | None = None) -> None:
        self._say = say or say_on_stderr
        self._has_bar = say is None and (_is_notebook() or sys.stderr.isatty())

    def begin(self, total: int, count: int) -> None:
        """Open the bar at `count` of `total` episodes."""
        self._total, self._count = total, count
        self._bar = tqdm(
            total=total, initial=count, unit="ep", mininterval=0.2, disable=not self._has_bar
        )

    def show(self, count: int, mean: Callable[[], float], notices: Sequence[str] = ()) -> None:
        """Move to `count` episodes; `mean` is asked for if it is shown, beside the notices."""
        tenth = max(1, self._total // 10)
        is_due = count // tenth > self._count // tenth
        self._bar.update(count - self._count)
        self._count = count
        if self._has_bar:
            self._bar.set_postfix_str(", ".join([f"mean={mean():.3f}", *notices]), refresh=False)
        elif is_due:
            told = "; ".join([f"mean of the last {LAST}: {mean():.3f}", *notices])
            self._say(f"episode {count}/{self._total}: {told}")

    def end(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


class Progress(Observer):
    """Observer that shows the mean of the last episodes; see `Display`."""

    def __init__(self, say: Say | None = None) -> None:
        self._display = Display(say)

    def began(self, loop: ClosedLoop) -> None:
        """Begin where the run has come to."""
        self._count = int(loop.tally.done.sum())
        self._display.begin(loop.tally.replicas * loop.tally.episodes, self._count)

    def finished(self, loop: ClosedLoop, episode: Episode) -> None:
        """Count the episode."""
        self._count += 1
        self._display.show(self._count, partial(_recent_mean, loop), loop.notices)

    def ended(self, loop: ClosedLoop) -> None:
        """Leave what is shown as it is."""
        self._display.end()


def _is_notebook() -> bool:
    """Whether `tqdm.auto` has found what draws bars in a notebook."""
    return any(kind.__module__ == "tqdm.notebook" for kind in tqdm.__mro__)


def _recent_mean(loop: ClosedLoop) -> float:
    return mean_of_last(loop.tally.returns)


def mean_of_last(returns: Iterable[Sequence[float]]) -> float:
    """Return the mean over replicas of the mean of their last episodes."""
    return float(np.mean([np.mean(row[-LAST:]) for row in returns if row]))
