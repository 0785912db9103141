"""Figures of the gallery: saved arrays of an experiment's arms -> one figure each."""

import itertools
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from threefactor.analysis.learning import draw_seeds, seeds_shown
from threefactor.analysis.style import COLOURS, GREY, new_figure, styled

XOR_PATTERNS = ("00", "01", "10", "11")


@styled
def draw_rate_xor(training: Mapping[str, NDArray], tests: Mapping[str, NDArray]) -> Figure:
    """Draw output rates by pattern: against the epoch while learning, and of frozen weights.

    Both map the name of an arm to rates in Hz, (epochs, seeds, 4).
    """
    figure = new_figure(height_mm=75)
    panels = figure.subplots(
        1, len(training) + 1, sharey=True, width_ratios=[1] * len(training) + [0.45 * len(tests)]
    )
    for axes, (arm, rates) in zip(panels[:-1], training.items(), strict=True):
        _rates_by_epoch(axes, rates)
        axes.set(title=arm, xlabel="Epoch number")
    panels[0].set_ylabel("Output rate (Hz)")
    _frozen_rates(panels[-1], tests)
    handles, labels = panels[0].get_legend_handles_labels()
    shown = seeds_shown(next(iter(training.values())).shape[1])
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(handles),
        title=f"while learning: mean of 5 epochs, {shown}; frozen: each seed, mean",
    )  # fmt: skip
    return figure


def _rates_by_epoch(axes: Axes, rates: NDArray) -> None:
    """Plot what the seeds do, smoothed over 5 epochs."""
    width = min(5, len(rates))
    kernel = np.ones(width) / width
    epoch = np.arange(width, len(rates) + 1)
    for k, pattern in enumerate(XOR_PATTERNS):
        smooth = np.array([np.convolve(seed, kernel, "valid") for seed in rates[:, :, k].T])
        draw_seeds(axes, epoch, smooth, COLOURS[k], pattern)
    axes.margins(x=0)
    axes.set_ylim(bottom=0)


def _frozen_rates(axes: Axes, tests: Mapping[str, NDArray]) -> None:
    """Plot one point for each seed and pattern, mean over the epochs, and the mean over seeds."""
    for place, rates in enumerate(tests.values()):
        seeds = rates.mean(axis=0)
        for k in range(len(XOR_PATTERNS)):
            where = place + 0.2 * (k - 1.5)
            spread = np.linspace(-0.06, 0.06, len(seeds))
            axes.plot(where + spread, seeds[:, k], ".", color=COLOURS[k], markersize=2.5, alpha=0.6)
            axes.plot(where, seeds[:, k].mean(), "_", color=COLOURS[k], markersize=8, mew=2)
    axes.set(title="frozen weights", xlim=(-0.6, len(tests) - 0.4))
    axes.set_xticks(range(len(tests)), [arm.replace(" ", "\n") for arm in tests])
    axes.axhline(0, color=GREY, linewidth=0.5)


@styled
def draw_distal_reward(arms: Mapping[str, Mapping[str, NDArray]], w_limit: float) -> Figure:
    """Draw the watched synapse's weight against time, one panel for each arm.

    Each arm holds ``weights`` (seeds, seconds) and ``rewards_s`` (n, 2): replica and time in s.
    """
    figure = new_figure(height_mm=65)
    panels = figure.subplots(1, len(arms), sharey=True, squeeze=False)[0]
    for axes, (arm, arrays) in zip(panels, arms.items(), strict=True):
        minutes = np.arange(1, arrays["weights"].shape[1] + 1) / 60
        for replica, weights in enumerate(arrays["weights"]):
            colour = COLOURS[replica % len(COLOURS)]
            axes.plot(minutes, weights, color=colour, linewidth=0.9)
            rewards = arrays["rewards_s"][arrays["rewards_s"][:, 0] == replica, 1] / 60
            height = w_limit * (1.04 + 0.04 * (replica + 1))
            axes.plot(rewards, np.full(rewards.size, height), "|", color=colour, markersize=3)
        axes.axhline(w_limit, color=GREY, linewidth=0.9, linestyle=(0, (5, 2)), zorder=0)
        axes.set(title=f"{arm} ({len(arrays['weights'])} seeds)", xlabel="Time (min)")
        axes.margins(x=0)
    panels[0].set(ylabel="Weight of the synapse (mV)", ylim=(-0.02 * w_limit, None))
    panels[-1].plot([], [], "|", color=GREY, label="dopamine")
    panels[-1].plot([], [], color=GREY, linewidth=0.9, label="one seed")
    panels[-1].legend(loc="center right")
    return figure


@styled
def draw_pavlovian(arms: Mapping[str, Mapping[str, NDArray]]) -> Figure:
    """Draw responses to the rewarded stimulus and to the others against time, and weights.

    Each arm holds ``responses`` (n, 4): replica, time in s, stimulus, spikes; ``weights``
    (minutes, 2, seeds): mean outgoing weight of the rewarded stimulus and of all; ``duration_s``.
    """
    figure = new_figure(height_mm=75)
    panels = figure.subplots(1, len(arms) + 1)
    for axes, (arm, arrays) in zip(panels, arms.items(), strict=False):
        for is_first, colour in ((True, COLOURS[1]), (False, COLOURS[0])):
            _responses_by_time(axes, arrays, is_first, colour)
        axes.set(title=arm, xlabel="Time (min)")
        axes.sharey(panels[0])
        axes.label_outer()
    panels[0].set(ylabel="Response (spikes in 30 ms)", ylim=(0, None))
    for k, (arm, arrays) in enumerate(arms.items()):
        minutes = np.arange(1, len(arrays["weights"]) + 1)
        style = ("-", "--", ":")[k % 3]
        for row, colour in ((0, COLOURS[1]), (1, COLOURS[0])):
            mean = arrays["weights"][:, row].mean(axis=1)
            panels[-1].plot(minutes, mean, style, color=colour)
        panels[-1].plot([], [], style, color="0.4", label=f"weights: {arm}")
    panels[-1].set(title="weights", xlabel="Time (min)", ylabel="Mean outgoing weight (mV)")
    keys = [axes.get_legend_handles_labels() for axes in (panels[0], panels[-1])]
    handles, labels = (itertools.chain(*both) for both in zip(*keys, strict=True))
    figure.legend(list(handles), list(labels), loc="outside lower center", ncols=2)
    return figure


def _responses_by_time(
    axes: Axes, arrays: Mapping[str, NDArray], is_first: bool, colour: str
) -> None:
    """Plot the mean response in twelve bins, one line for each seed."""
    replica, time_s, stimulus, spikes = arrays["responses"].T
    edges = np.linspace(0, float(arrays["duration_s"]), 13)
    told = "stimulus that dopamine follows" if is_first else "the other 99 stimuli"
    for number, k in enumerate(np.unique(replica)):
        chosen = (replica == k) & ((stimulus == 0) == is_first)
        place = np.clip(np.digitize(time_s[chosen], edges) - 1, 0, 11)
        shown = np.bincount(place, minlength=12)
        totals = np.bincount(place, spikes[chosen], minlength=12)
        means = np.divide(totals, shown, out=np.full(12, np.nan), where=shown > 0)
        label = None if number else told
        axes.plot((edges[1:] + edges[:-1]) / 120, means, color=colour, label=label)


@styled
def draw_value_on_track(
    time_s: NDArray,
    truth: NDArray,
    late: Mapping[str, NDArray],
    errors: Mapping[str, NDArray],
) -> Figure:
    """Draw learned values against time on the track, and their error against the trial.

    ``late`` maps an arm to values (seeds, times), ``errors`` to errors (trials, seeds).
    """
    figure = new_figure(height_mm=70)
    values, learning = figure.subplots(1, 2)
    for k, (arm, rows) in enumerate(late.items()):
        for seed, row in enumerate(rows):
            values.plot(time_s, row, color=COLOURS[k], linewidth=0.7, label=None if seed else arm)
    values.plot(time_s, truth, color="black", linestyle=(0, (4, 2)), label="discounted reward")
    values.set(xlabel="Time on the track (s)", ylabel="Value (mean of the last 10 trials)")
    values.legend()
    for k, rows in enumerate(errors.values()):
        trials = np.arange(1, len(rows) + 1)
        learning.plot(trials, rows, color=COLOURS[k], linewidth=0.7)
    learning.set(xlabel="Trial number", ylabel="RMSE of the value", ylim=(0, None))
    return figure


@styled
def draw_chain_values(truths: Mapping[str, NDArray], values: Mapping[str, NDArray]) -> Figure:
    """Draw the values of chains against the state, and their error against the episode.

    ``truths`` maps a task to its true values (states,), ``values`` to what each seed found,
    (episodes, seeds, states); the values shown are means of the last quarter of the episodes.
    """
    figure = new_figure(height_mm=110)
    panels = figure.subplots(2, len(truths))
    for k, ((task, truth), found) in enumerate(zip(truths.items(), values.values(), strict=True)):
        above, below = panels[:, k]
        states, late = np.arange(1, truth.size + 1), found[-max(1, len(found) // 4) :].mean(axis=0)
        above.plot(states, late.T, color=COLOURS[k], linewidth=0.7)
        above.plot(states, truth, color="black", linestyle=(0, (4, 2)))
        above.set(title=task, xlabel="State")
        above.xaxis.set_major_locator(MaxNLocator(integer=True))
        error = np.sqrt(np.mean((found - truth) ** 2, axis=2)) / np.abs(truth).max()
        below.plot(np.arange(1, len(found) + 1), error, color=COLOURS[k], linewidth=0.5)
        below.set(xlabel="Episode number", ylim=(0, None))
    panels[0, 0].set_ylabel("Value; dashed: true")
    panels[1, 0].set_ylabel("Error of single windows / largest")
    return figure


@styled
def draw_regression_learning(arms: Mapping[str, Mapping[str, NDArray]]) -> Figure:
    """Draw losses against the iteration, and the first arm's output on one seed with its target.

    Each arm holds ``losses`` (iterations, seeds); the first also ``targets``, ``first_outputs``
    and ``outputs`` (steps, seeds). One iteration alone is drawn as a level.
    """
    figure = new_figure(height_mm=70)
    curves, example = figure.subplots(1, 2)
    for k, (arm, arrays) in enumerate(arms.items()):
        losses, colour = arrays["losses"], COLOURS[k % len(COLOURS)]
        if len(losses) == 1:
            level = float(losses.mean())
            curves.axhline(level, color=GREY, linewidth=0.9, linestyle=(0, (5, 2)), label=arm)
            continue
        iteration = np.arange(1, len(losses) + 1)
        draw_seeds(curves, iteration, losses.T, colour, arm)
    shown = seeds_shown(next(iter(arms.values()))["losses"].shape[1])
    curves.set(xlabel="Iteration", ylabel=f"Loss ({shown})", yscale="log")
    curves.margins(x=0)
    name, arrays = next(iter(arms.items()))
    seconds = np.arange(1, len(arrays["targets"]) + 1) * 1e-3
    example.plot(seconds, arrays["targets"][:, 0], color=GREY, label="target")
    example.plot(seconds, arrays["first_outputs"][:, 0], color=COLOURS[1], label="first iteration")
    example.plot(seconds, arrays["outputs"][:, 0], color=COLOURS[0], label="last iteration")
    example.set(title=f"{name}, first seed", xlabel="Time (s)", ylabel="Readout")
    example.margins(x=0)
    for axes in (curves, example):
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2)
    return figure
