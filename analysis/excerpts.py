"""The beginning of an episode, decision by decision: spikes, rates, actions and rewards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from threefactor.analysis.rasters import draw_spikes
from threefactor.analysis.run_data import EventKind, Run, Spikes
from threefactor.analysis.style import ACTION_COLOURS, GREY, PUNISHMENT, REWARD

_MM_PER_NEURON, _RASTER_MM = 0.6, (17.0, 30.0)
_RATES_MM, _ACTIONS_MM, _REWARDS_MM = 24.0, 16.0, 14.0
_MAX_BOUNDARIES = 60
_DARK, _DASHES = "#404040", ((0, (1, 1)), "-", (0, (4, 1.5)))


@dataclass(frozen=True)
class Excerpt:
    """Consecutive decisions of one episode of replica 0; times in seconds from its start.

    Attributes
    ----------
    spikes : population -> Spikes, `time_ms` from the start of the episode
    sizes : population -> neurons
    output : str
        The population whose neurons stand for actions; empty: none does.
    neurons_per_action : int
    first_action : int or None
        Of the first neurons of the output; None: actions are no single choice.
    actions, rewards : (n_decisions,)
        Of an action of several dimensions, the first.
    decision_s : float
    number : int
        Of the episode, from 1.
    has_ended : bool
        Whether the episode ended with the last decision.
    outcome : str
        How long the whole episode was and what it brought.
    """

    spikes: Mapping[str, Spikes]
    sizes: Mapping[str, int]
    output: str
    neurons_per_action: int
    first_action: int | None
    actions: NDArray[np.float64]
    rewards: NDArray[np.float64]
    decision_s: float
    number: int
    has_ended: bool
    outcome: str

    @classmethod
    def of(cls, run: Run, metric: str, most: int | None = None, last: bool = False) -> Self | None:
        """Return the first or last recorded episode of a run, None where there is none.

        Parameters
        ----------
        metric : column of the episodes
        most : decisions to keep, by default all
        """
        events = run.events.select(replica=0)
        starts = events.select(EventKind.EPISODE_START)
        if not starts.time_ms.size:
            return None
        which = -1 if last else 0
        start_ms, number = float(starts.time_ms[which]), int(starts.value[which])
        ends = events.select(EventKind.EPISODE_END).time_ms
        end_ms = float(min(ends[ends > start_ms], default=np.inf))
        decisions, rewards = (
            events.select(kind) for kind in (EventKind.DECISION, EventKind.REWARD)
        )
        # Times repeat where an episode ends and the next begins: what a decision led to comes late.
        # Of a damaged recording one of the two may be missing.
        times_ms, decided, rewarded = np.intersect1d(
            decisions.time_ms, rewards.time_ms, return_indices=True
        )
        own = (times_ms > start_ms) & (times_ms <= end_ms)
        times_ms, count = times_ms[own], int(own.sum())
        if not count:
            return None
        shown = min(count, most or count)
        network = run.meta.get("network", {})
        first_action = run.meta.get("first_action")
        table = run.episodes
        row = (table["replica"] == 0) & (table["episode"] == number)
        outcome = f"{count} decisions"
        if row.any():
            outcome += f", {metric.replace('_', ' ')} {table[metric][row][0]:.4g}"
        return cls(
            {name: _between(run.spikes(name), start_ms, times_ms[shown - 1])
             for name in run.populations},
            run.populations, network.get("output", ""), network.get("neurons_per_action", 0),
            first_action, decisions.value[decided[own]][:shown],
            rewards.value[rewarded[own]][:shown],
            (times_ms[0] - start_ms) * 1e-3, number, shown == count and np.isfinite(end_ms),
            outcome,
        )  # fmt: skip

    @property
    def n_decisions(self) -> int:
        """Decisions that are kept."""
        return len(self.actions)

    @property
    def duration_s(self) -> float:
        """How long they take."""
        return self.n_decisions * self.decision_s

    @property
    def edges_s(self) -> NDArray:
        """When decisions begin and end, (n_decisions + 1,)."""
        return self.decision_s * np.arange(self.n_decisions + 1)

    @property
    def n_groups(self) -> int:
        """Groups of output neurons, each for one action; 0: there are none."""
        if self.first_action is None or not self.neurons_per_action:
            return 0
        return (
            self.sizes[self.output] // self.neurons_per_action if self.output in self.sizes else 0
        )

    @property
    def top_rate_hz(self) -> float:
        """The highest of all rates that are drawn, at least 1."""
        rates = [rates_hz.max() for _, _, rates_hz in self.courses_hz()]
        return max([1.0, *rates])

    def courses_hz(self) -> list[tuple[str, int | None, NDArray]]:
        """Return (population, group, rates): groups of the output apart, others as a whole."""
        each = self.neurons_per_action
        courses: list[tuple[str, int | None, NDArray]] = []
        for name in self.sizes:
            if name == self.output and self.n_groups:
                for group in range(self.n_groups):
                    rates_hz = self.rates_hz(name, group * each, (group + 1) * each)
                    courses.append((name, group, rates_hz))
            else:
                courses.append((name, None, self.rates_hz(name)))
        return courses

    def rates_hz(self, population: str, low: int = 0, high: int | None = None) -> NDArray:
        """Return the mean rate of neurons low to high - 1 in each decision, (n_decisions,)."""
        train, high = self.spikes[population], high or self.sizes[population]
        chosen = train.time_ms[(train.neuron >= low) & (train.neuron < high)]
        counts, _ = np.histogram(chosen * 1e-3, bins=self.edges_s)
        return counts / ((high - low) * self.decision_s)


def panel_heights_mm(excerpt: Excerpt) -> list[float]:
    """Return how high the panels of `draw_excerpt` are to be."""
    rasters = [float(np.clip(_MM_PER_NEURON * n, *_RASTER_MM)) for n in excerpt.sizes.values()]
    rates = [_RATES_MM] if rasters else []
    return [*rasters, *rates, _ACTIONS_MM, _REWARDS_MM]


def draw_excerpt(panels: Sequence[Axes], excerpt: Excerpt) -> None:
    """Draw spikes, rates by decision, actions and rewards; one panel for each height."""
    heights = panel_heights_mm(excerpt)
    if excerpt.n_decisions <= _MAX_BOUNDARIES:
        for panel in panels:
            for edge in excerpt.edges_s:
                panel.axvline(edge, color="#D9D9D9", linewidth=0.5, zorder=0)
    for panel, name, height in zip(panels, excerpt.sizes, heights, strict=False):
        _draw_population(panel, excerpt, name, height)
    if excerpt.sizes:
        _draw_rates(panels[-3], excerpt)
    _draw_actions(panels[-2], excerpt)
    _draw_rewards(panels[-1], excerpt)
    panels[-1].set_xlabel("Time in the episode (s)")


def set_limits(panels: Sequence[Axes], excerpts: Sequence[Excerpt]) -> None:
    """Give the rates and rewards of all excerpts room; time belongs to the caller."""
    rewards = [0.0, *(float(value) for excerpt in excerpts for value in excerpt.rewards)]
    low, high = min(rewards), max(rewards)
    margin = 0.25 * (high - low or 1.0)
    panels[-1].set_ylim(low - margin, high + margin)
    if excerpts[0].sizes:
        panels[-3].set_ylim(0, 1.05 * max(float(excerpt.top_rate_hz) for excerpt in excerpts))


def draw_legend(figure: Figure, panels: Sequence[Axes], excerpt: Excerpt, columns: int) -> None:
    """Name the rates below all panels, where there are any."""
    if excerpt.sizes:
        handles, labels = panels[-3].get_legend_handles_labels()
        columns = min(columns, len(labels))
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def _draw_population(axes: Axes, excerpt: Excerpt, name: str, height_mm: float) -> None:
    train, size = excerpt.spikes[name], excerpt.sizes[name]
    axes.set_ylabel(f"{name}\nneuron index", fontsize=8)
    if name != excerpt.output or not excerpt.n_groups:
        draw_spikes(axes, train, size, height_mm, 1e-3, _DARK)
        return
    each = excerpt.neurons_per_action
    for group in range(excerpt.n_groups):
        own = train.neuron // each == group
        part = Spikes(train.time_ms[own], train.neuron[own], train.replica[own])
        draw_spikes(axes, part, size, height_mm, 1e-3, _colour(excerpt, group))
    for edge in range(each, size, each):
        axes.axhline(edge - 0.5, color=GREY, linewidth=0.5)


def _draw_rates(axes: Axes, excerpt: Excerpt) -> None:
    """Draw one step for each decision: the actions' neurons apart, other populations as a whole."""
    for name, group, rates_hz in excerpt.courses_hz():
        if group is not None:
            label = f"{name}, action {_action(excerpt, group)}"
            style: dict[str, Any] = {"color": _colour(excerpt, group), "label": label}
        else:
            dash = _DASHES[list(excerpt.sizes).index(name) % len(_DASHES)]
            style = {"color": _DARK, "linestyle": dash, "label": name}
        axes.stairs(rates_hz, excerpt.edges_s, baseline=None, linewidth=1.2, **style)
    axes.set_ylabel("Rate per\nneuron (Hz)")


def _draw_actions(axes: Axes, excerpt: Excerpt) -> None:
    if not excerpt.n_groups:
        axes.stairs(excerpt.actions, excerpt.edges_s, baseline=None, color=_DARK)
        axes.set_ylabel("Action\n(env units)")
        return
    for group in range(excerpt.n_groups):
        taken = np.flatnonzero(excerpt.actions == _action(excerpt, group))
        edges = excerpt.edges_s
        axes.hlines(
            np.full(taken.size, _action(excerpt, group)), edges[taken], edges[taken + 1],
            color=_colour(excerpt, group), linewidth=3,
        )  # fmt: skip
    low, high = _action(excerpt, 0), _action(excerpt, excerpt.n_groups - 1)
    axes.set(ylim=(low - 0.5, high + 0.5), ylabel="Action\n(number)")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))


def _draw_rewards(axes: Axes, excerpt: Excerpt) -> None:
    """Draw each reward at the end of its decision, when it is known."""
    ends = excerpt.edges_s[1:]
    for sign, marker, colour in ((1, "^", REWARD), (-1, "v", PUNISHMENT)):
        shown = np.sign(excerpt.rewards) == sign
        if not shown.any():
            continue  # no mark would still take part in the layout
        axes.vlines(ends[shown], 0, excerpt.rewards[shown], color=colour, linewidth=1.2)
        axes.plot(ends[shown], excerpt.rewards[shown], marker, color=colour, markersize=4, mew=0)
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.set_ylabel("Reward\n(units)")
    if excerpt.has_ended:
        axes.axvline(ends[-1], color="#B0B0B0", linewidth=2.5, zorder=0)


def _action(excerpt: Excerpt, group: int) -> int:
    assert excerpt.first_action is not None  # or there are no groups
    return excerpt.first_action + group


def _colour(excerpt: Excerpt, group: int) -> str:
    """Return the colour of an action; beyond those that can be told apart there is one."""
    return ACTION_COLOURS[group] if excerpt.n_groups <= len(ACTION_COLOURS) else _DARK


def _between(train: Spikes, start_ms: float, end_ms: float) -> Spikes:
    """Keep the spikes of replica 0 of a span; times count from its start."""
    keep = (train.time_ms >= start_ms) & (train.time_ms < end_ms) & (train.replica == 0)
    return Spikes(train.time_ms[keep] - start_ms, train.neuron[keep], train.replica[keep])
