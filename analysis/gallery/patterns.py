"""Figures of the gallery's frozen spike patterns: saved arrays of the arms -> one figure each."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from threefactor.analysis.learning import draw_seeds, seeds_shown
from threefactor.analysis.style import COLOURS, GREY, new_figure, styled


@styled
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
    shown = seeds_shown(next(iter(learning.values()))[0].shape[1])
    figure.legend(
        handles, labels, loc="outside lower center", ncols=3,
        title=f"while learning: {shown}",
    )  # fmt: skip
    return figure


def _share_by_trial(axes: Axes, right: NDArray, chosen: NDArray, colour: str, label: str) -> None:
    """Plot the share of right answers in blocks of trials."""
    size = max(10, len(right) // 40)
    blocks = [slice(k, k + size) for k in range(0, len(right) - size + 1, size)]
    hits = np.array([(right[b] & chosen[b]).sum(axis=0) for b in blocks], float)
    shown = np.array([chosen[b].sum(axis=0) for b in blocks], float)
    share = np.divide(hits, shown, out=np.full(hits.shape, 0.5), where=shown > 0)
    middle = np.array([(b.start + b.stop) / 2 for b in blocks])
    draw_seeds(axes, middle, share.T, colour, label)


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


@styled
def draw_spike_patterns(
    training: Mapping[str, NDArray],
    tests: Mapping[str, NDArray],
    potentials: Mapping[str, NDArray],
) -> Figure:
    """Draw spikes for the patterns P and N while learning and of frozen weights, and potentials.

    Parameters
    ----------
    training : arm -> (trials, seeds)
        Spikes of each trial; P and N alternate.
    tests : arm -> (seeds, 2)
    potentials : arm -> (2, timesteps of 1 ms)
        Of one seed, without threshold, mV.
    """
    figure = new_figure(height_mm=85)
    grid = figure.add_gridspec(2, 3, width_ratios=[1.2, 1, 1.2])
    axes = figure.add_subplot(grid[:, 0])
    for (arm, spikes), style in zip(training.items(), ("-", ":"), strict=True):
        _spikes_by_trial(axes, spikes, style, arm)
    axes.set(title="while learning", xlabel="Trial number", ylabel="Spikes in a trial")
    axes.set_ylim(bottom=0)
    axes.margins(x=0)
    shown = seeds_shown(next(iter(training.values())).shape[1])
    axes.legend(loc="lower left", fontsize=7, title=shown, title_fontsize=7)
    _paired_tests(figure.add_subplot(grid[:, 1], sharey=axes), tests)
    for pattern, name in enumerate("PN"):
        panel = figure.add_subplot(grid[pattern, 2])
        for (arm, values), colour in zip(potentials.items(), (GREY, COLOURS[pattern]), strict=True):
            label = f"{arm}, sd {values[pattern].std():.1f} mV"
            panel.plot(values[pattern], color=colour, linewidth=0.9, label=label)
        panel.set(title=f"{name}: potential without threshold", ylabel="v (mV)")
        low = min(values[pattern].min() for values in potentials.values())
        panel.set_ylim(bottom=low - 5.0)  # room for the legend
        panel.margins(x=0)
        panel.legend(loc="lower right", fontsize=7)
        panel.tick_params(labelbottom=pattern == 1)
    panel.set_xlabel("Time in the pattern (ms)")
    return figure


def _spikes_by_trial(axes: Axes, spikes: NDArray, style: str, arm: str) -> None:
    """Plot spikes for either pattern, in blocks of trials."""
    pairs = spikes[: len(spikes) // 2 * 2].reshape(-1, 2, spikes.shape[1])
    size = max(1, len(pairs) // 25)
    blocks = pairs[: len(pairs) // size * size].reshape(-1, size, *pairs.shape[1:]).mean(axis=1)
    trial = 2 * size * (np.arange(len(blocks)) + 0.5)
    for pattern, name in enumerate("PN"):
        draw_seeds(axes, trial, blocks[:, pattern].T, COLOURS[pattern], f"{name}, {arm}", style)


def _paired_tests(axes: Axes, tests: Mapping[str, NDArray]) -> None:
    """Plot P beside N for each seed of each arm, joined by a line."""
    for place, means in enumerate(tests.values()):
        where = place + np.array([-0.2, 0.2])
        axes.plot(where, means.T, color=GREY, linewidth=0.6, zorder=0)
        for pattern in (0, 1):
            points = np.full(len(means), where[pattern])
            axes.plot(points, means[:, pattern], ".", color=COLOURS[pattern])
    axes.set(title="frozen weights, each seed", xlim=(-0.5, len(tests) - 0.5))
    axes.set_xticks(range(len(tests)), [_two_lines(arm) for arm in tests], fontsize=7)


def _two_lines(text: str) -> str:
    words = text.split()
    middle = (len(words) + 1) // 2
    return " ".join(words[:middle]) + "\n" + " ".join(words[middle:])
