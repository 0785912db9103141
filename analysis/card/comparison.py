"""Several rule cards overlaid on one page."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from threefactor.analysis.card.axes import DASHES, draw_zero_lines, label_axes, new_page, note
from threefactor.analysis.card.data import SavedCard, SavedPanel
from threefactor.analysis.style import COLOURS, GREY, styled


@styled
def draw_comparison(cards: Sequence[SavedCard]) -> Figure:
    """Overlay several rules: curves scaled to their own largest value, bars for the statistics."""
    names = [name for name in _OVERLAY if any(name in card.panels for card in cards)]
    figure, grid = new_page(len(names))
    figure.suptitle("Rules compared: " + ", ".join(card.name for card in cards), fontsize=10)
    for axes, name in zip(grid, names, strict=True):
        shown = {
            i: card.panels[name]
            for i, card in enumerate(cards)
            if name in card.panels and card.panels[name].arrays
        }
        title = next(c.panels[name].title for c in cards if name in c.panels)
        axes.set_title(title, fontweight="bold", loc="left", pad=18)
        if shown:
            _OVERLAY[name](axes, shown, cards)
        absent = [card.name for i, card in enumerate(cards) if i not in shown]
        if absent:
            note(axes, f"not applicable: {', '.join(absent)}")
    handles = [
        axes.plot([], [], color=COLOURS[i % 7], linestyle=DASHES[i % 7], label=card.name)[0]
        for i, card in enumerate(cards)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(cards), 6))
    return figure


Shown = Mapping[int, SavedPanel]


def _overlay_curves(axes: Axes, shown: Shown, x: str, y: str, labels: tuple[str, str]) -> None:
    """Draw one curve per rule, each divided by its largest size."""
    draw_zero_lines(axes)
    for i, panel in shown.items():
        values = panel.arrays[y]
        size = np.abs(values).max() or 1.0
        axes.plot(panel.arrays[x], values / size, color=COLOURS[i % 7], linestyle=DASHES[i % 7])
    label_axes(axes, *labels)


def _overlay_window(axes: Axes, shown: Shown, _cards: Sequence[SavedCard]) -> None:
    _overlay_curves(
        axes, shown, "lag_ms", "dw", ("Post minus pre spike (ms)", "Weight change (share of peak)")
    )


def _overlay_frequency(axes: Axes, shown: Shown, _cards: Sequence[SavedCard]) -> None:
    labels = ("Pairing frequency (Hz)", "Change per pair at +10 ms (share)")
    _overlay_curves(axes, shown, "frequency_hz", "dw_after", labels)


def _overlay_delay(axes: Axes, shown: Shown, _cards: Sequence[SavedCard]) -> None:
    labels = ("Delay of the third factor (ms)", "Weight change (share of peak)")
    axes.set_xscale("log")
    _overlay_curves(axes, shown, "delay_ms", "dw", labels)
    axes.set_xlim(min(panel.arrays["delay_ms"][1] for panel in shown.values()))


def _overlay_weight(axes: Axes, shown: Shown, _cards: Sequence[SavedCard]) -> None:
    labels = ("Initial weight (units of w)", "Weight change at +10 ms (share)")
    _overlay_curves(axes, shown, "w", "dw_after", labels)


def _overlay_bias(axes: Axes, shown: Shown, cards: Sequence[SavedCard]) -> None:
    axes.axvspan(-3, 3, color=GREY, alpha=0.25, linewidth=0)
    for i, panel in shown.items():
        for shift, told, marker in ((-0.12, "constant 1", "o"), (0.12, "random +-1", "s")):
            z = float(panel.numbers[f"z, {told}"] or 0.0)
            axes.plot(z, i + shift, marker, color=COLOURS[i % 7], markersize=5)
    axes.plot([], [], "ok", markersize=5, label="constant 1")
    axes.plot([], [], "sk", markersize=5, label="random \N{PLUS-MINUS SIGN}1")
    axes.set_xscale("symlog", linthresh=3)
    low, high = axes.get_xlim()
    ticks = [t for t in (-1000, -100, -10, -3, 0, 3, 10, 100, 1000) if low <= t <= high]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    _name_rows(axes, cards)
    axes.set_xlabel("z of the drift (grey: |z| < 3)")
    axes.legend(loc="upper left", handlelength=1, borderaxespad=0.1)


def _overlay_gradient(axes: Axes, shown: Shown, cards: Sequence[SavedCard]) -> None:
    for i, panel in shown.items():
        for shift, told, marker in (
            (-0.12, "reward", "o"), (0.12, "reward minus its expectation", "s"),
        ):  # fmt: skip
            axes.errorbar(
                float(panel.numbers[f"cosine, {told}"] or 0.0), i + shift,
                xerr=panel.numbers[f"standard error of the cosine, {told}"],
                fmt=marker, color=COLOURS[i % 7], markersize=5, capsize=2,
            )  # fmt: skip
    axes.plot([], [], "ok", markersize=5, label="reward")
    axes.plot([], [], "sk", markersize=5, label="with perfect critic")
    axes.axvline(0, color=GREY, linewidth=0.6, zorder=0)
    axes.set_xlim(-1.1, 1.1)
    _name_rows(axes, cards)
    axes.set_xlabel("Cosine with the gradient of reward (1)")
    axes.legend(loc="upper left", handlelength=1, borderaxespad=0.1)


def _name_rows(axes: Axes, cards: Sequence[SavedCard]) -> None:
    axes.set_yticks(range(len(cards)), [card.name for card in cards])
    axes.set_ylim(len(cards) - 0.4, -0.8 - 0.25 * len(cards))  # room for a legend


def _overlay_stability(axes: Axes, shown: Shown, _cards: Sequence[SavedCard]) -> None:
    for i, panel in shown.items():
        time, mean = panel.arrays["time_s"], panel.arrays["mean"][:, 0]
        axes.plot(time, mean, color=COLOURS[i % 7], linestyle=DASHES[i % 7])
    label_axes(axes, "Time (s)", "Mean weight, random reward (units of w)")
    axes.set_ylim(-0.25, 5.25)


_OVERLAY = {
    "window": _overlay_window, "frequency": _overlay_frequency, "delay": _overlay_delay,
    "weight": _overlay_weight, "bias": _overlay_bias, "gradient": _overlay_gradient,
    "stability": _overlay_stability,
}  # fmt: skip
