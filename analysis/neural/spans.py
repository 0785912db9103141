"""Which recorded episodes are early and which are late, and what lies within them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.run_data import EventKind, Run, Spikes


@dataclass(frozen=True)
class Span:
    """Recorded episodes of replica 0, and the decisions that they consist of.

    Attributes
    ----------
    name : str
        "early" or "late".
    episodes : (n_episodes,)
        Their numbers.
    ends_ms : (n_decisions,)
        When decision windows close.
    episode_of : (n_decisions,)
        The number of the episode of each.
    decision_ms : float
    """

    name: str
    episodes: NDArray[np.int64]
    ends_ms: NDArray[np.float64]
    episode_of: NDArray[np.int64]
    decision_ms: float

    @property
    def text(self) -> str:
        """Which episodes these are, in words."""
        first, last = self.episodes[0], self.episodes[-1]
        return f"episode {first}" if first == last else f"episodes {first}-{last}"

    @property
    def duration_s(self) -> float:
        """Simulated time of all decisions."""
        return self.ends_ms.size * self.decision_ms * 1e-3

    def inside(self, train: Spikes) -> tuple[NDArray, NDArray, NDArray]:
        """Return time (ms, pauses cut out), neuron and decision of the spikes in the span."""
        # A spike in the last timestep of a window has the time at which the window closes.
        window = np.searchsorted(self.ends_ms + 1e-6, train.time_ms)
        kept = (window < self.ends_ms.size) & (train.replica == 0)
        window = np.minimum(window, self.ends_ms.size - 1)
        since_ms = train.time_ms - (self.ends_ms[window] - self.decision_ms)
        kept &= since_ms > -1e-6
        window, since_ms = window[kept], np.maximum(since_ms[kept], 0.0)
        return window * self.decision_ms + since_ms, train.neuron[kept], window


def recorded_spans(run: Run) -> tuple[Span, ...]:
    """Return early and late recorded episodes; either is left out where nothing was recorded.

    Early are those in the first half of the run's episodes.

    Raises
    ------
    ValueError
        If the run recorded no decision, or its agent does not say how long one is.
    """
    decision_ms = run.meta.get("regime", {}).get("decision_ms") or run.config.get("window_ms")
    events = run.events.select(replica=0) if run.segments else None
    if events is None or not decision_ms or not (events.kind == EventKind.DECISION).any():
        raise ValueError(
            f"Run {run.path}: expected recorded episodes, got none. Train with --record-episodes 5."
        )
    decisions = events.kind == EventKind.DECISION
    # Episodes are numbered where they start; events stand in the order of their writing.
    started = np.where(events.kind == EventKind.EPISODE_START, events.value, 0).astype(np.int64)
    number = np.maximum.accumulate(started)[decisions]
    ends_ms = events.time_ms[decisions]
    half = max(int(run.config.get("episodes", 0)), int(number.max())) / 2
    spans = []
    for name, own in (("early", number <= half), ("late", number > half)):
        if own.any():
            spans.append(
                Span(name, np.unique(number[own]), ends_ms[own], number[own], float(decision_ms))
            )
    return tuple(spans)
