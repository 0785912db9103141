"""Learning curves: one run, several seeds, and comparisons with controls."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from threefactor.analysis.statistics import INTERVAL_SEEDS, summarise_curves, summarise_seeds
from threefactor.analysis.style import COLOURS, GREY, label_lines, new_figure, styled

WINDOW_EPISODES = 100
_N_CURVE_POINTS = 200


def running_mean(values: ArrayLike, window: int = WINDOW_EPISODES) -> NDArray:
    """Mean of the last `window` values, at the start of all values so far."""
    values = np.asarray(values, float)
    sums = np.cumsum(np.concatenate([[0.0], values]))
    stops = np.arange(1, values.size + 1)
    starts = np.maximum(stops - window, 0)
    return (sums[stops] - sums[starts]) / (stops - starts)


@styled
def draw_learning_curve(
    returns: Sequence[ArrayLike],
    references: Mapping[str, float] | None = None,
    label: str = "Return per episode (reward units)",
    window: int = WINDOW_EPISODES,
) -> Figure:
    """Draw the returns of one run: points of one seed, or a thin line of each of several.

    Five seeds or more also have their interquartile mean and its 95 % band.
    """
    figure = new_figure(height_mm=75)
    axes = figure.subplots()
    plot_curves(axes, returns, COLOURS[0], window=window, with_seeds=True)
    _label_axes(axes, label)
    handles, _ = axes.get_legend_handles_labels()
    figure.legend(loc="outside lower center", ncols=len(handles))
    draw_references(axes, references or {})
    return figure


@styled
def draw_learning_comparison(
    groups: Mapping[str, Sequence[ArrayLike]],
    references: Mapping[str, float] | None = None,
    label: str = "Return per episode (reward units)",
    window: int = WINDOW_EPISODES,
    finals: Mapping[str, ArrayLike] | None = None,
) -> Figure:
    """Draw several agents or controls: curves on the left, the last `window` episodes right.

    Parameters
    ----------
    groups : name -> one (n_episodes,) array of returns per seed
    finals : name -> (n_seeds,) means of what learns nothing and has no curve, on the right alone
    """
    figure = new_figure(height_mm=80)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1.4])
    last = {
        name: np.array([np.mean(np.asarray(r, float)[-window:]) for r in returns])
        for name, returns in groups.items()
    }
    last |= {name: np.asarray(values, float) for name, values in (finals or {}).items()}
    for i, (name, final) in enumerate(last.items()):
        colour = COLOURS[i % len(COLOURS)]
        if name in groups:
            plot_curves(left, groups[name], colour, name, window)
        _plot_finals(right, i, final, colour)
    _label_axes(left, label)
    longest = max((np.size(r) for returns in groups.values() for r in returns), default=window)
    shown = min(window, longest)
    handles, labels = left.get_legend_handles_labels()
    counts = {len(returns) for returns in groups.values()}
    title, columns = f"mean of the last {shown} episodes, at first of all so far", 2
    if len(counts) == 1:  # the title says once what all show
        title, labels, columns = f"{title}\n{seeds_shown(counts.pop())}", list(groups), 4
    left.set_title(title)
    has_interval = any(len(values) >= INTERVAL_SEEDS for values in last.values())
    right.set(
        xlim=(-0.6, len(last) - 0.4),
        title=f"last {shown} episodes\n" + ("seeds, IQM, 95 % CI" if has_interval else "each seed"),
    )
    right.set_xticks(range(len(last)), last, rotation=30, ha="right")
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    draw_references(right, references or {}, (left,))
    return figure


def _plot_finals(axes: Axes, place: int, values: NDArray[np.float64], colour: str) -> None:
    """Plot a point for each seed, and beside them what all say together."""
    offsets = place - 0.12 + np.linspace(-0.12, 0.12, values.size + 2)[1:-1]
    axes.plot(offsets, values, "o", color=colour, markersize=3, alpha=0.5)
    summary = summarise_seeds(values)
    if summary.bounds is not None:
        axes.plot([place + 0.18] * 2, summary.bounds, color=colour, lw=1.5)
        axes.plot(place + 0.18, summary.estimate, "D", color=colour, markersize=4)


@styled
def draw_evaluation(returns: NDArray[np.float64], lengths: NDArray[np.float64]) -> Figure:
    """Draw how returns and lengths, (replicas, episodes), spread; a line is a seed's mean."""
    figure = new_figure(height_mm=65)
    panels = figure.subplots(1, 2, sharey=True)
    labels = ("Return per episode (reward units)", "Length of episode (decisions)")
    for axes, values, label in zip(panels, (returns, lengths), labels, strict=True):
        axes.hist(values.ravel(), bins=30, color=COLOURS[0], alpha=0.6)
        means = values.mean(axis=1)
        for mean in means:
            axes.axvline(mean, color=COLOURS[1], linewidth=1.5)
        told = f"mean {means[0]:.3g}" if len(means) == 1 else "lines: mean of each seed"
        axes.set(xlabel=label, title=told)
    panels[0].set_ylabel(f"Episodes (of {returns.size})")
    return figure


def plot_curves(
    axes: Axes,
    returns: Sequence[ArrayLike],
    colour: str,
    name: str = "",
    window: int = WINDOW_EPISODES,
    with_seeds: bool = False,
) -> None:
    """Plot one group: points and running mean of a single seed, `draw_seeds` of several.

    Seeds with more episodes than the shortest are cut there, so that the band always holds all.
    """
    curves = [np.asarray(r, float) for r in returns]
    if not curves or min(c.size for c in curves) == 0:
        raise ValueError(
            f"Learning curve {name}: expected at least one episode of every seed, got "
            f"{[c.size for c in curves]}."
        )
    prefix = f"{name}, " if name else ""
    if len(curves) == 1:
        episode = np.arange(curves[0].size)
        if with_seeds:
            axes.plot(episode, curves[0], ".", color=colour, markersize=2.5, alpha=0.3)
            axes.plot([], [], ".", color=colour, alpha=0.6, label="single episodes")
        mean_label = f"{prefix}1 seed" if name else f"mean of last {window}"
        axes.plot(episode, running_mean(curves[0], window), color=colour, lw=2, label=mean_label)
        return
    n_episodes = min(c.size for c in curves)
    episode = np.unique(np.linspace(0, n_episodes - 1, _N_CURVE_POINTS).astype(int))
    means = np.array([running_mean(c, window)[episode] for c in curves])
    if with_seeds and len(means) >= INTERVAL_SEEDS:
        axes.plot(episode, means.T, color=GREY, linewidth=0.5, alpha=0.7)
        axes.plot([], [], color=GREY, linewidth=0.7, label=f"single seeds, mean of last {window}")
    label = f"{name or f'mean of last {window}'}, {seeds_shown(len(means))}"
    draw_seeds(axes, episode, means, colour, label)


def seeds_shown(n_seeds: int) -> str:
    """Return what `draw_seeds` shows of so many seeds."""
    if n_seeds >= INTERVAL_SEEDS:
        return f"IQM of {n_seeds} seeds, 95 % CI"
    return f"each of {n_seeds} seeds" if n_seeds > 1 else "1 seed"


def draw_seeds(
    axes: Axes, x: ArrayLike, curves: ArrayLike, colour: str, label: str, style: str = "-"
) -> None:
    """Plot curves, (n_seeds, n_points): interquartile mean and 95 % band, of a few each seed."""
    rows = np.asarray(curves, float)
    summary = summarise_curves(rows)
    if summary.low is None or summary.high is None:
        axes.plot(x, rows.T, style, color=colour, linewidth=0.9)[0].set_label(label)
        return
    axes.fill_between(x, summary.low, summary.high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(x, summary.centre, style, color=colour, linewidth=2, label=label)


def draw_references(
    axes: Axes, references: Mapping[str, float], others: Sequence[Axes] = ()
) -> None:
    """Draw labelled horizontal lines, named in the margin right of `axes`."""
    if not references:
        return
    values = [float(value) for value in references.values()]
    for panel in (axes, *others):
        for value in values:
            panel.axhline(value, color=GREY, linewidth=0.9, linestyle=(0, (5, 2)), zorder=0)
    names = [f"{name} {value:.3g}" for name, value in references.items()]
    label_lines(axes, values, names, ["#404040"] * len(values))


def _label_axes(axes: Axes, label: str) -> None:
    axes.set(xlabel="Episode number", ylabel=label)
    axes.margins(x=0)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
