"""Figures of the gallery's frozen spike patterns: saved arrays of the arms -> one figure each."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.style import COLOURS, GREY, new_figure, styled


@styled()
def draw_bias(
    learning: Mapping[str, tuple[NDArray, NDArray]], terms: Mapping[str, NDArray]
) -> Figure:
    """Draw right answers to each of two stimuli against the trial, and what moves the weights.

    Parameters
    ----------
    learning : arm -> (right, stimuli), (trials, seeds) each
    terms : arm -> (2, 2, seeds)
        Cov(S, H) and <S><H> for each stimulus, over the sd of H.
    """
    figure = new_figure(height_mm=85)
    panels = figure.subplots(1, 3, width_ratios=[1, 1, 1.25])
    colours = (*COLOURS[:4], GREY)
    for stimulus, axes in enumerate(panels[:2]):
        for (arm, (right, stimuli)), colour in zip(learning.items(), colours, strict=True):
            _share_by_trial(axes, right, stimuli == stimulus, colour, arm)
        axes.axhline(0.5, color=GREY, linewidth=0.8, linestyle=(0, (5, 2)), zorder=0)
        title = ("0: spike", "1: keep quiet")[stimulus]
        axes.set(title=f"Stimulus {title}", xlabel="Trial number", ylim=(-0.03, 1.03))
        axes.margins(x=0)
    panels[0].set_ylabel("Share of right answers")
    _term_bars(panels[2], terms)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=3,
        title="while learning: mean over seeds and range of the middle 80 %",
    )  # fmt: skip
    return figure


def _share_by_trial(axes: Axes, right: NDArray, chosen: NDArray, colour: str, label: str) -> None:
    """Plot the share of right answers in blocks of trials: mean and middle 80 % of the seeds."""
    size = max(10, len(right) // 40)
    blocks = [slice(k, k + size) for k in range(0, len(right) - size + 1, size)]
    hits = np.array([(right[b] & chosen[b]).sum(axis=0) for b in blocks], float)
    shown = np.array([chosen[b].sum(axis=0) for b in blocks], float)
    share = np.divide(hits, shown, out=np.full(hits.shape, 0.5), where=shown > 0)
    middle = np.array([(b.start + b.stop) / 2 for b in blocks])
    low, high = np.quantile(share, [0.1, 0.9], axis=1)
    axes.fill_between(middle, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.plot(middle, share.mean(axis=1), color=colour, label=label)


def _term_bars(axes: Axes, terms: Mapping[str, NDArray]) -> None:
    """Plot the two terms of each arm, stimulus 0 left of stimulus 1, one point for each seed."""
    kinds = (("Cov(S, H): learns", COLOURS[5]), ("<S><H>: unsupervised", COLOURS[6]))
    for place, values in enumerate(terms.values()):
        for k, (label, colour) in enumerate(kinds):
            for stimulus in (0, 1):
                where = place + 0.42 * (stimulus - 0.5) + 0.17 * (k - 0.5)
                seeds = values[k, stimulus]
                axes.bar(where, seeds.mean(), 0.15, color=colour, alpha=0.5,
                         label=None if place or stimulus else label)  # fmt: skip
                spread = np.linspace(-0.05, 0.05, len(seeds))
                axes.plot(where + spread, seeds, ".", color=colour, markersize=2.5)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set(title="Mean of S*H at the start", ylabel="Part of the mean (sd of H)")
    axes.set_xlabel("left: stimulus 0, right: stimulus 1")
    axes.set_xticks(range(len(terms)), [arm.replace(" ", "\n") for arm in terms])
    axes.legend(loc="upper left")
