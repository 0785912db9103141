"""Decisions, rewards and episode boundaries as marks on a time axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from threefactor.analysis.run_data import EventKind, Events
from threefactor.analysis.style import GREY, PUNISHMENT, REWARD, time_scale

_MAX_NUMBERED_DECISIONS = 40
_MAX_REWARD_LINES = 40


def window_events(events: Events, window_ms: tuple[float, float], replica: int) -> Events:
    """Keep the events of one replica inside a window.

    An event tells what happened until then: one at the very start of the window belongs to what
    was before, unless an episode starts there.
    """
    own = events.select(replica=replica)
    keep = (own.time_ms > window_ms[0]) & (own.time_ms <= window_ms[1])
    keep |= (own.time_ms == window_ms[0]) & (own.kind == EventKind.EPISODE_START)
    return Events(own.time_ms[keep], own.kind[keep], own.value[keep], own.replica[keep])


def draw_event_strip(axes: Axes, events: Events, window_ms: tuple[float, float]) -> None:
    """Draw a narrow strip: decisions as ticks with their action, rewards as triangles, legend."""
    scale, _ = time_scale(window_ms)
    decisions = events.select(EventKind.DECISION)
    rewards = events.select(EventKind.REWARD)
    handles: list[Line2D] = []
    if decisions.time_ms.size:
        (line,) = axes.plot(decisions.time_ms * scale, np.zeros(decisions.time_ms.size), "|")
        line.set(color=GREY, markersize=5, markeredgewidth=0.8, label="decision")
        handles.append(line)
        if decisions.time_ms.size <= _MAX_NUMBERED_DECISIONS:
            line.set_label("decision (number: action)")
            for time_ms, action in zip(decisions.time_ms, decisions.value, strict=True):
                axes.annotate(
                    f"{action:.3g}",
                    (time_ms * scale, 0),
                    (0, 3),
                    textcoords="offset points",
                    ha="center",
                    va="bottom",
                    fontsize=7,
                    color=GREY,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
                )
    for sign, marker, colour, label in (
        (1, "^", REWARD, "reward > 0"),
        (-1, "v", PUNISHMENT, "reward < 0"),
    ):
        times = rewards.time_ms[np.sign(rewards.value) == sign]
        if times.size:
            (line,) = axes.plot(times * scale, np.full(times.size, 1.5), marker, color=colour)
            line.set(markersize=6, markeredgewidth=0, label=label, clip_on=False)
            handles.append(line)
    handles += _boundary_handles(events)
    axes.set(ylim=(-0.6, 2.0), yticks=[])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(bottom=False, labelbottom=False)
    if handles:
        axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(handles))


def draw_event_lines(axes: Sequence[Axes], events: Events, window_ms: tuple[float, float]) -> None:
    """Carry episode boundaries, and rewards where they are few, through all panels."""
    scale, _ = time_scale(window_ms)
    rewards = events.select(EventKind.REWARD)
    lines = [(e.time_ms, style) for e, style in _boundaries(events)]
    for sign, colour in ((1, REWARD), (-1, PUNISHMENT)):
        times = rewards.time_ms[np.sign(rewards.value) == sign]
        if times.size <= _MAX_REWARD_LINES:
            lines.append((times, {"color": colour, "linewidth": 0.8}))
    for panel in axes:
        for times, style in lines:
            for time_ms in times:
                panel.axvline(time_ms * scale, zorder=0, **style)


def _boundaries(events: Events) -> list[tuple[Events, dict[str, Any]]]:
    start = {"color": "black", "linewidth": 0.9, "linestyle": (0, (3, 3))}
    # Wide and pale, so that the reward which ends most episodes stays visible on top of it.
    end = {"color": "#B0B0B0", "linewidth": 2.5, "linestyle": "-"}
    kinds = ((EventKind.EPISODE_END, end), (EventKind.EPISODE_START, start))
    return [(events.select(kind), style) for kind, style in kinds]


def _boundary_handles(events: Events) -> list[Line2D]:
    labels = ("episode end", "episode start")
    return [
        Line2D([], [], label=label, **style)
        for (found, style), label in zip(_boundaries(events), labels, strict=True)
        if found.time_ms.size
    ]
