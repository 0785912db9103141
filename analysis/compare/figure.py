"""The figure of a comparison: learning curves, scores of seeds, performance profile."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from threefactor.analysis.compare.comparison import ALL, Comparison, Group, Row
from threefactor.analysis.learning import draw_seeds, running_mean
from threefactor.analysis.statistics import summarise_profile
from threefactor.analysis.style import COLOURS, GREY, new_figure, styled

_MOST_CURVES, _N_POINTS, _N_THRESHOLDS = 3, 150, 200
_STYLES = ("-", "--", ":")


@styled
def draw_comparison(comparison: Comparison) -> Figure:
    """Draw learning curves with 95 % bands, IQM with intervals and seeds, and the profile.

    Curves are those of the first three environments; the other two panels pool all of them.
    """
    groups = comparison.groups
    envs = [env for env in comparison.tables if env != ALL]
    shown = [env for env in envs[:_MOST_CURVES] if all(env in g.curves for g in groups)]
    looks = {group.name: _look(number) for number, group in enumerate(groups)}
    heights = ([62.0] if shown else []) + [max(58.0, 14.0 + 7.0 * len(groups))]
    figure = new_figure(height_mm=sum(heights) + 6.0 + 5.0 * ((len(groups) + 1) // 2))
    rows = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    label = _label(comparison)
    if shown:
        panels = rows[0].subplots(1, len(shown), squeeze=False)[0]
        for axes, env in zip(panels, shown, strict=True):
            _draw_curves(axes, comparison, groups, env, looks)
            axes.set_title(env)
        panels[0].set_ylabel(label)
    scores, profile = rows[-1].subplots(1, 2, width_ratios=[1, 1])
    pooled = next(iter(comparison.tables.values()))
    _draw_scores(scores, pooled, looks)
    scores.set_xlabel(label)
    _draw_profiles(profile, groups, looks)
    profile.set_xlabel(label)
    handles = [
        scores.plot([], [], style, color=colour, linewidth=2)[0] for colour, style in looks.values()
    ]
    names = [f"{g.name} ({_seeds(g)})" for g in groups]
    figure.legend(handles, names, loc="outside lower center", ncols=2 if len(groups) > 1 else 1)
    return figure


def _draw_curves(
    axes: Axes,
    comparison: Comparison,
    groups: list[Group],
    env: str,
    looks: Mapping[str, tuple[str, str]],
) -> None:
    for group in groups:
        curves = list(group.curves[env].values())
        # From a full window on: before, means of few episodes would look like noise that settles.
        first, last = comparison.window - 1, curves[0].size - 1
        points = np.unique(np.linspace(first, last, _N_POINTS).astype(int))
        means = np.array([running_mean(curve, comparison.window)[points] for curve in curves])
        colour, style = looks[group.name]
        draw_seeds(axes, points + 1, means, colour, group.name, style)
    if comparison.threshold is not None:
        axes.axhline(comparison.threshold, color=GREY, linewidth=0.9, linestyle=(0, (5, 2)))
        axes.annotate(
            "threshold", (1, comparison.threshold), xycoords=("axes fraction", "data"),
            xytext=(0, 2), textcoords="offset points", ha="right", fontsize=8, color="#404040",
        )  # fmt: skip
    axes.set_xlabel(f"Episode number (mean of {comparison.window} episodes)")
    axes.margins(x=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))


def _draw_scores(axes: Axes, rows: Sequence[Row], looks: Mapping[str, tuple[str, str]]) -> None:
    """Draw a line for each group: a dot for each seed, below it the IQM with its interval."""
    for place, row in enumerate(rows):
        colour, _ = looks[row.group.name]
        for mark, scores in zip("osv^D" * 20, row.group.strata.values(), strict=False):
            offsets = place - 0.15 + np.linspace(-0.1, 0.1, scores.size + 2)[1:-1]
            axes.plot(scores, offsets, mark, color=colour, markersize=3, alpha=0.5, mew=0)
        if row.iqm_bounds is not None:
            axes.plot(row.iqm_bounds, [place + 0.2] * 2, color=colour, linewidth=2)
            axes.plot(row.iqm, place + 0.2, "D", color=colour, markersize=4.5)
    axes.set_yticks(range(len(rows)), [textwrap.fill(row.group.name, 24) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    told = "IQM, 95 % CI" if any(row.iqm_bounds for row in rows) else "no interval of so few"
    several = len(rows[0].group.scores) > 1
    axes.set_title(f"dots: seeds{', marks: environments' * several}; {told}")


def _draw_profiles(axes: Axes, groups: list[Group], looks: Mapping[str, tuple[str, str]]) -> None:
    thresholds = _thresholds(groups)
    for group in groups:
        colour, style = looks[group.name]
        profile = summarise_profile(group.strata, thresholds)
        if profile.low is not None and profile.high is not None:
            axes.fill_between(
                thresholds, profile.low, profile.high, color=colour, alpha=0.2, linewidth=0
            )
        axes.plot(thresholds, profile.share, style, color=colour, linewidth=1.8)
    axes.set(ylim=(-0.02, 1.02), ylabel="Share of runs above", title="performance profile, 95 % CI")
    axes.margins(x=0)


def _thresholds(groups: list[Group]) -> NDArray[np.float64]:
    scores = np.concatenate([s for group in groups for s in group.strata.values()])
    margin = 0.08 * (scores.max() - scores.min() or 1.0)
    return np.linspace(scores.min() - margin, scores.max() + margin, _N_THRESHOLDS)


def _look(number: int) -> tuple[str, str]:
    return COLOURS[number % len(COLOURS)], _STYLES[(number // len(COLOURS)) % len(_STYLES)]


def _seeds(group: Group) -> str:
    counts = {len(by_seed) for by_seed in group.scores.values()}
    each = " each" if len(group.scores) > 1 else ""
    return f"{'+'.join(map(str, sorted(counts)))} seeds{each}"


def _label(comparison: Comparison) -> str:
    if ALL in comparison.tables:
        return "Score (random 0, reference 1)"
    name = next(iter(comparison.unit.values())).partition(",")[0].capitalize()
    return f"{name} (reward units)" if name.endswith("return") else name
