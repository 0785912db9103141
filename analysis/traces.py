"""Variables of chosen synapses and neurons against time, aligned with the events of the loop."""

import re
from collections import Counter
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from threefactor.analysis.marks import draw_event_lines, draw_event_strip, window_events
from threefactor.analysis.run_data import Events, Probes
from threefactor.analysis.style import TRACE_COLOURS, new_figure, set_time_axis, styled, time_scale

_NAME = re.compile(
    r"(?P<owner>[^.\[\]]+)\.(?P<variable>[^\[\]]+)\[(?P<index>\d+)\](?: \((?P<unit>.+)\))?"
)
_DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)))
_ORDER = ("eligibility", "third_factor", "w")
_TITLES = {"eligibility": "Eligibility", "third_factor": "Third factor", "w": "Weight"}


@styled
def draw_traces(
    probes: Probes, events: Events, window_ms: tuple[float, float], replica: int = 0
) -> Figure:
    """Draw one panel per variable: eligibility, third factor and weight first, then the rest.

    Probe names are "owner.variable[index]" or "owner.variable[index] (unit)"; without a unit the
    axis says "model units". Events are those of `replica`.
    """
    keep = (probes.time_ms >= window_ms[0]) & (probes.time_ms <= window_ms[1])
    if not keep.any():
        raise ValueError(
            f"Traces: expected samples between {window_ms[0]:g} and {window_ms[1]:g} ms, got none. "
            "Choose another window."
        )
    groups = group_probes(probes.names)
    figure = new_figure(height_mm=11 + 30 * len(groups) + 16)
    panels = figure.subplots(
        len(groups) + 1, 1, sharex=True, squeeze=False, height_ratios=[11, *[30] * len(groups)]
    )[:, 0]
    scale, _ = time_scale(window_ms)
    inside = window_events(events, window_ms, replica)
    draw_event_strip(panels[0], inside, window_ms)
    draw_event_lines(list(panels), inside, window_ms)
    styles = _line_styles([label for _, members in groups for _, label in members])
    for panel, (title, members) in zip(panels[1:], groups, strict=True):
        for column, label in members:
            values = probes.values[keep, column]
            panel.plot(probes.time_ms[keep] * scale, values, label=label, **styles[label])
        panel.set_ylabel(title)
        panel.legend(loc="upper left", bbox_to_anchor=(1, 1))
        if np.ptp(probes.values[keep][:, [c for c, _ in members]]) == 0:
            panel.margins(y=0.5)
    set_time_axis(panels[-1], window_ms)
    figure.align_ylabels(panels)
    return figure


def group_probes(names: tuple[str, ...]) -> list[tuple[str, list[tuple[int, str]]]]:
    """Group probe columns by variable: (axis label, [(column, line label)]), in drawing order."""
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for column, name in enumerate(names):
        match = _NAME.fullmatch(name)
        if match is None:
            raise ValueError(
                f"Probe {name!r}: expected a name such as 'plastic.w[12]' or 'plastic.w[12] (nS)'."
            )
        key = (match["variable"], match["unit"] or "model units")
        found.setdefault(key, []).append((column, f"{match['owner']}[{match['index']}]"))
    rank = {variable: i for i, variable in enumerate(_ORDER)}
    keys = sorted(found, key=lambda key: rank.get(key[0], len(rank)))
    return [
        (f"{_TITLES.get(v, v.replace('_', ' '))}\n({unit})", found[v, unit]) for v, unit in keys
    ]


def _line_styles(labels: list[str]) -> dict[str, dict[str, Any]]:
    """Give each "owner[index]" a look that no other index of its owner has."""
    styles: dict[str, dict[str, Any]] = {}
    seen: Counter[str] = Counter()
    for label in labels:
        if label not in styles:
            dash, colour = divmod(seen[label.split("[")[0]], len(TRACE_COLOURS))
            dashes = _DASHES[dash % len(_DASHES)]
            styles[label] = {"color": TRACE_COLOURS[colour], "linestyle": dashes}
            seen[label.split("[")[0]] += 1
    return styles
