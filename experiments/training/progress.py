"""Progress of a run for the eyes: a bar on a terminal, else ten lines."""

import sys
from collections.abc import Callable

import numpy as np
from tqdm.auto import tqdm

from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.summary import LAST
from threefactor.experiments.training.tally import Episode


def say_on_stderr(text: str) -> None:
    """Write a line to standard error, above a progress bar if there is one."""
    tqdm.write(text, file=sys.stderr)


class Progress(Observer):
    """Observer that shows the mean of the last episodes.

    Parameters
    ----------
    say : callable, default standard error
        Receives the lines where there is no terminal.
    """

    def __init__(self, say: Callable[[str], None] = say_on_stderr) -> None:
        self._say = say

    def began(self, loop: ClosedLoop) -> None:
        """Open the bar where the run has come to."""
        self._total = loop.tally.replicas * loop.tally.episodes
        self._count = int(loop.tally.done.sum())
        self._bar = tqdm(
            total=self._total, initial=self._count, unit="ep", mininterval=0.2,
            disable=not sys.stderr.isatty(),
        )  # fmt: skip

    def finished(self, loop: ClosedLoop, episode: Episode) -> None:
        """Count the episode."""
        self._count += 1
        self._bar.update(1)
        if not self._bar.disable:
            self._bar.set_postfix(mean=f"{_recent_mean(loop):.3f}", refresh=False)
        elif self._count % max(1, self._total // 10) == 0:
            mean = _recent_mean(loop)
            self._say(f"episode {self._count}/{self._total}: mean of the last {LAST}: {mean:.3f}")

    def ended(self, loop: ClosedLoop) -> None:
        """Leave the bar as it is."""
        self._bar.close()


def _recent_mean(loop: ClosedLoop) -> float:
    return float(np.mean([np.mean(row[-LAST:]) for row in loop.tally.returns if row]))
