"""The panels of a rule card, each a function of axes and what was saved."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from threefactor.analysis.card.axes import (
    DASHES,
    draw_zero_lines,
    label_axes,
    leave_headroom,
    note,
    wrapped,
)
from threefactor.analysis.card.data import SavedPanel
from threefactor.analysis.style import COLOURS, GREY

BLUE, ORANGE = COLOURS[:2]
WEIGHT = "Weight change (units of w)"


def _window(axes: Axes, panel: SavedPanel) -> None:
    lag, dw = panel.arrays["lag_ms"], panel.arrays["dw"]
    draw_zero_lines(axes)
    wait = panel.numbers["third factor after the pair (ms)"]
    without = panel.arrays.get("dw_without")
    told = f"third factor 1, {f'{wait:g} ms later' if wait else 'at once'}"
    if without is None:
        told = "without third factor"
    for side in (lag < 0, lag > 0):
        axes.plot(lag[side], dw[side], color=BLUE, label=told if side[-1] else None)
    axes.plot(0, dw[lag == 0][0], "o", color=BLUE, markersize=4, label="coincidence")
    if without is not None:
        axes.plot(lag, without, color=ORANGE, linestyle="--", label="third factor 0")
    note(axes, _fitted_window(panel))
    label_axes(axes, "Post minus pre spike (ms)", WEIGHT, "best")


def _fitted_window(panel: SavedPanel) -> str:
    parts = []
    for side, sign in (("plus", "+"), ("minus", "\N{MINUS SIGN}")):
        fitted = panel.number(f"fitted tau_{side} (ms)")
        declared = panel.number(f"declared tau_{side} (ms)")
        if fitted != "\N{EN DASH}":
            told = f" (declared {declared})" if declared != "\N{EN DASH}" else ""
            parts.append(f"\N{GREEK SMALL LETTER TAU}{sign} fitted {fitted}{told} ms")
    return "; ".join(parts) or "no exponential flank"


def _repeated(axes: Axes, panel: SavedPanel) -> None:
    draw_zero_lines(axes)
    curves = zip(*(panel.arrays[n] for n in ("frequency_hz", "lag_ms", "dw")), strict=True)
    for number, (f, lag, row) in enumerate(curves):
        for side in (lag < 0, lag > 0, lag == 0):
            axes.plot(
                lag[side], row[side], color=COLOURS[number], linestyle=DASHES[number],
                label=f"{f:g} Hz" if side[-1] else None, marker="o", markersize=2,
            )  # fmt: skip
    told = f"{panel.number('pairs')} pairs each"
    if "decision window (ms)" in panel.numbers:
        told += f", third factor 1 every {panel.number('decision window (ms)')} ms"
    note(axes, told)
    leave_headroom(axes, 0.15)
    label_axes(axes, "Post minus pre spike (ms)", "Change per pair (units of w)")
    axes.legend(loc="upper center", ncols=4, handlelength=1.8, columnspacing=1, borderaxespad=0.1)


def _both_orders(axes: Axes, x: np.ndarray, panel: SavedPanel) -> None:
    """Plot the change by pairs with the postsynaptic spike 10 ms after and 10 ms before."""
    after, before = panel.arrays["dw_after"], panel.arrays["dw_before"]
    axes.plot(x, after, "o-", color=BLUE, markersize=4, label="post 10 ms after")
    axes.plot(x, before, "s--", color=ORANGE, markersize=4, label="post 10 ms before")


def _frequency(axes: Axes, panel: SavedPanel) -> None:
    draw_zero_lines(axes, vertical=False)
    f = panel.arrays["frequency_hz"]
    _both_orders(axes, f, panel)
    sign = panel.number("-10 ms changes sign between (Hz)")
    told = "never changes sign" if sign == "never" else f"changes sign between {sign} Hz"
    note(axes, f"post before pre {told}")
    label_axes(axes, "Pairing frequency (Hz)", "Change per pair (units of w)", "best")


def _kernel(axes: Axes, panel: SavedPanel) -> None:
    draw_zero_lines(axes)
    time = panel.arrays["time_ms"]
    scale, unit = (1e-3, "s") if time[-1] > 2000 else (1.0, "ms")
    names = sorted(
        (name for name in panel.arrays if name != "time_ms"),
        key=lambda name: name != panel.numbers["fitted variable"],
    )
    unit_size = np.abs(panel.arrays[names[0]]).max()
    for number, name in enumerate(names[:4]):
        size = np.abs(panel.arrays[name]).max()
        is_large = size > 2 * unit_size
        label = f"{name} (own scale)" if is_large else name
        values = panel.arrays[name] / (size if is_large else unit_size)
        axes.plot(
            time * scale, values, label=label, color=COLOURS[number], linestyle=DASHES[number]
        )
    note(axes, f"{panel.number('fitted variable')}: {_fitted_tau(panel)}")
    label_axes(
        axes, f"Time after the pair ({unit})", f"Value (share of peak {names[0]})", "upper right"
    )


def _fitted_tau(panel: SavedPanel) -> str:
    tau, shape = panel.number("fitted tau (ms)", ".4g"), panel.number("shape")
    if shape in ("none", "not exponential"):
        ends = panel.arrays.get("dw", np.ones(2))[1:]
        return "only the pair's own window is credited" if not ends.any() else "not a plain decay"
    declared, field = panel.number("declared tau (ms)", ".4g"), panel.number("declared as")
    source = "declared" if field.startswith("tau_eligibility") else field.partition(" ")[0]
    told = "" if declared == "\N{EN DASH}" else f", {source} {declared} ms"
    return f"{shape}, \N{GREEK SMALL LETTER TAU} fitted {tau} ms{told}"


def _delay(axes: Axes, panel: SavedPanel) -> None:
    delay, dw = panel.arrays["delay_ms"], panel.arrays["dw"]
    scale, unit = (1e-3, "s") if delay[-1] > 2000 else (1.0, "ms")
    draw_zero_lines(axes, vertical=False)
    axes.plot(delay * scale, dw, "o", color=BLUE, markersize=3.5, label="measured")
    if np.isfinite(panel.arrays["fit"]).all():
        axes.plot(delay * scale, panel.arrays["fit"], color=ORANGE, label="fit")
    note(axes, _fitted_tau(panel))
    label_axes(axes, f"Delay of the third factor ({unit})", WEIGHT, "upper right")


def _weight(axes: Axes, panel: SavedPanel) -> None:
    draw_zero_lines(axes, vertical=False)
    w = panel.arrays["w"]
    _both_orders(axes, w, panel)
    note(
        axes, f"{panel.number('kind')}; bounds "
        f"{'hold' if panel.number('bounds hold') == 'yes' else 'FAIL'} under extreme input",
    )  # fmt: skip
    label_axes(axes, "Initial weight (units of w)", WEIGHT, "best")


def _bias(axes: Axes, panel: SavedPanel) -> None:
    draw_zero_lines(axes, vertical=False)
    labels = []
    for place, name in enumerate(("constant", "random")):
        values = panel.arrays[name]
        told = "constant 1" if name == "constant" else "random +-1"
        jitter = np.linspace(-0.25, 0.1, values.size)
        axes.plot(place + jitter, values, ".", color=GREY, markersize=3, zorder=1)
        axes.errorbar(
            place + 0.28, values.mean(), panel.numbers[f"standard error, {told} (per s)"],
            fmt="o", color=(BLUE, ORANGE)[place], markersize=5, capsize=3, zorder=2,
        )  # fmt: skip
        z = panel.number(f"z, {told}", ".1f")
        labels.append(f"{told.replace('+-', chr(0xB1))}\nz = {z}")
    axes.set_xticks([0, 1], labels)
    axes.set_xlim(-0.5, 1.6)
    seconds, neurons = panel.number("simulated per neuron (s)"), panel.number("neurons")
    note(
        axes, f"{panel.number('verdict')}; {neurons} neurons, {seconds} s each, "
        f"{panel.number('postsynaptic rate (Hz)', '.0f')} Hz",
    )  # fmt: skip
    label_axes(axes, "Third factor (no information)", "Drift (units of w per s)")
    axes.plot([], [], ".", color=GREY, label="neuron")
    axes.errorbar([], [], [], fmt="ok", capsize=3, label="mean, standard error")
    leave_headroom(axes, 0.3)
    axes.legend(loc="upper right", handlelength=1.2, borderaxespad=0.2)


def _gradient(axes: Axes, panel: SavedPanel) -> None:
    draw_zero_lines(axes)
    gradient = panel.arrays["gradient"]
    size = np.linalg.norm(gradient)
    looks: tuple[dict[str, Any], ...] = (
        {"fmt": "o", "markersize": 7, "markerfacecolor": "none", "color": BLUE},
        {"fmt": "s", "markersize": 3.5, "color": ORANGE},
    )
    names = (("", "reward"), ("_critic", "reward minus its expectation"))
    for (suffix, name), look in zip(names, looks, strict=True):
        update = panel.arrays[f"update{suffix}"]
        factor = 1 / np.linalg.norm(update)
        cosine = panel.number(f"cosine, {name}", ".3f")
        error = panel.number(f"standard error of the cosine, {name}", ".2g")
        told = "reward" if not suffix else "with perfect critic"
        axes.errorbar(
            gradient / size, update * factor, panel.arrays[f"update_error{suffix}"] * factor,
            panel.arrays["gradient_error"] / size if suffix else None,
            capsize=2, linewidth=1, **look,
            label=f"{told}: cosine {cosine} \N{PLUS-MINUS SIGN} {error}",
        )  # fmt: skip
    ends = np.array([-1.1, 1.1]) * np.abs(gradient / size).max()
    axes.plot(ends, ends, color=GREY, linestyle=":", linewidth=1, zorder=0)
    noise = panel.number("signal to noise per sample, reward", ".2g")
    noise_critic = panel.number("signal to noise per sample, reward minus its expectation", ".2g")
    note(axes, f"signal to noise per decision {noise}, with critic {noise_critic}")
    label_axes(
        axes,
        f"Gradient of reward, {panel.number('gradient by')} (normalised)",
        "Mean update (normalised)",
        "upper left",
    )
    leave_headroom(axes, 0.35)


def _stability(axes: Axes, panel: SavedPanel) -> None:
    time = panel.arrays["time_s"]
    for row, (name, colour, dash) in enumerate(
        (("random \N{PLUS-MINUS SIGN}1", BLUE, "-"), ("constant 1", ORANGE, "--"))
    ):
        mean, sd = panel.arrays["mean"][:, row], panel.arrays["sd"][:, row]
        axes.plot(time, mean, color=colour, linestyle=dash, label=f"third factor {name}")
        band = np.clip([mean - sd, mean + sd], 0, 5)
        axes.fill_between(time, *band, color=colour, alpha=0.2, linewidth=0)
    shares = [
        f"{100 * (panel.arrays['at_lower'] + panel.arrays['at_upper'])[-1, row]:.0f} %"
        for row in (0, 1)
    ]
    note(axes, f"at a bound at the end: {shares[0]} (random), {shares[1]} (constant)")
    axes.set_ylim(-0.25, 6.5)
    label_axes(axes, "Time (s)", "Weight, mean and s.d. (units of w)", "upper right")


#: Panel -> function that draws it.
PANELS = {
    "window": _window, "repeated": _repeated, "frequency": _frequency, "kernel": _kernel,
    "delay": _delay, "weight": _weight, "bias": _bias, "gradient": _gradient,
    "stability": _stability,
}  # fmt: skip


def explain_absence(axes: Axes, panel: SavedPanel) -> None:
    """Fill the place of a panel that does not apply with the reason."""
    axes.set_title(panel.title, fontweight="bold", loc="left", pad=18)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    text = f"Not applicable:\n{wrapped(panel.reason, 42)}"
    if "bounds hold" in panel.numbers:
        text += f"\n\nBounds hold under extreme input: {panel.number('bounds hold')}."
    axes.text(0.5, 0.5, text, ha="center", va="center", color="#555555", fontsize=9)
