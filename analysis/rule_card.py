"""Rule cards: one page per rule, and one that overlays several, drawn from saved arrays."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from analysis.rule_card_page import comparison_page, rule_page, write_page
from analysis.style import COLOURS, GREY, new_figure, save_figure, styled

WIDTH_MM, HEIGHT_MM = 297.0, 225.0
BLUE, ORANGE, GREEN = COLOURS[:3]
_WEIGHT = "Weight change (units of w)"
#: Line styles of overlaid rules, so that coinciding curves show.
_DASHES = ("-", (0, (5, 2)), (0, (2, 1.5)), (0, (6, 1.5, 1, 1.5)), "-", (0, (5, 2)), (0, (2, 1.5)))


@dataclass(frozen=True)
class SavedPanel:
    """One panel as saved: arrays to draw, numbers (None: no such number), or why there are none."""

    title: str
    arrays: dict[str, NDArray[Any]]
    numbers: dict[str, float | str | None]
    reason: str

    def number(self, name: str, form: str = ".3g") -> str:
        """Return a number as text, an en dash where there is none."""
        value = self.numbers.get(name)
        if value is None:
            return "\N{EN DASH}"
        return value if isinstance(value, str) else format(value, form)


@dataclass(frozen=True)
class SavedCard:
    """A card as saved in ``<stem>.npz`` and ``<stem>.json``."""

    about: dict[str, Any]
    panels: dict[str, SavedPanel]

    @property
    def name(self) -> str:
        """Name under which the rule was asked for."""
        return str(self.about["name"])


def load_card(stem: str | Path) -> SavedCard:
    """Read a card; raise FileNotFoundError naming the missing file."""
    stem = Path(stem)
    saved = json.loads(stem.with_name(f"{stem.name}.json").read_text())
    with np.load(stem.with_name(f"{stem.name}.npz")) as file:
        arrays = {name: file[name] for name in file.files}
    panels = {
        name: SavedPanel(
            panel["title"],
            {k.partition("/")[2]: v for k, v in arrays.items() if k.startswith(f"{name}/")},
            panel["numbers"],
            panel["reason"],
        )
        for name, panel in saved["panels"].items()
    }
    return SavedCard(saved["about"], panels)


def plot_card(stem: str | Path) -> list[Path]:
    """Draw a saved card beside its data: PNG, PDF and a self-contained HTML page."""
    stem = Path(stem)
    card = load_card(stem)
    paths = _save(draw_card(card), stem)
    page = stem.with_name(f"{stem.name}.html")
    write_page(page, rule_page(card.about, card.panels, paths[0]))
    return [*paths, page]


def plot_comparison(stems: Sequence[str | Path], out: str | Path) -> list[Path]:
    """Overlay saved cards: PNG, PDF, HTML and the numbers as JSON under the stem `out`."""
    cards, out = [load_card(stem) for stem in stems], Path(out)
    paths = _save(draw_comparison(cards), out)
    page, numbers = (out.with_name(f"{out.name}.{kind}") for kind in ("html", "json"))
    write_page(page, comparison_page([(c.about, c.panels) for c in cards], paths[0]))
    table = {c.name: {n: p.numbers for n, p in c.panels.items()} for c in cards}
    numbers.write_text(json.dumps(table, indent=1) + "\n")
    return [*paths, page, numbers]


def _save(figure: Figure, stem: Path) -> list[Path]:
    """Save a page; the layout, which takes longest, is computed once for both files."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return save_figure(figure, stem)


@styled()
def draw_card(card: SavedCard) -> Figure:
    """Draw every panel of one rule on a page."""
    figure, grid = _page(len(card.panels))
    summary = card.about["docstring"].partition("\n")[0]
    protocol = card.about["protocol"]
    figure.suptitle(
        f"{card.name}: {_wrap(summary, 130 - len(card.name))}\n"
        f"w in [{protocol['weight bounds'][0]:g}, {protocol['weight bounds'][1]:g}], "
        f"postsynaptic neuron {protocol['postsynaptic neuron']}; changes measured with tiny steps "
        f"and scaled to learning rate {card.about['parameters'][0]['value']:g} "
        "(last panel: as it is)",
        fontsize=10,
    )
    for axes, (name, panel) in zip(grid, card.panels.items(), strict=True):
        if panel.arrays:
            _DRAW[name](axes, panel)
            axes.set_title(panel.title, fontweight="bold", loc="left", pad=18)
        else:
            _say_why(axes, panel)
    return figure


def _page(count: int) -> tuple[Figure, list[Axes]]:
    """Return a page with `count` axes in rows of three."""
    rows = -(-count // 3)
    figure = new_figure(WIDTH_MM, 18 + (HEIGHT_MM - 18) * rows / 3)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)  # type: ignore[union-attr]
    grid = list(figure.subplots(rows, 3, squeeze=False).ravel())
    for axes in grid[count:]:
        axes.set_axis_off()
    return figure, grid[:count]


def _say_why(axes: Axes, panel: SavedPanel) -> None:
    """Fill the place of a panel that does not apply with the reason."""
    axes.set_title(panel.title, fontweight="bold", loc="left", pad=18)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    text = f"Not applicable:\n{_wrap(panel.reason, 42)}"
    if "bounds hold" in panel.numbers:
        text += f"\n\nBounds hold under extreme input: {panel.number('bounds hold')}."
    axes.text(0.5, 0.5, text, ha="center", va="center", color="#555555", fontsize=9)


def _wrap(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, width))


def _note(axes: Axes, text: str) -> None:
    """Write the panel's result in one line above the axes."""
    axes.annotate(
        text, (0, 1), (0, 5), xycoords="axes fraction", textcoords="offset points", fontsize=8,
        color="#333333", va="bottom",
    ).set_in_layout(False)  # fmt: skip


def _finish(axes: Axes, x: str, y: str, legend: str | None = None, **options: Any) -> None:
    """Label the axes, a power of ten with the unit instead of above the axis, and add a legend."""
    axes.set_xlabel(x)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    largest = float(np.abs(axes.get_ylim()).max())
    power = int(np.floor(np.log10(largest))) if largest > 0 else 0
    if not -2 < power < 3:
        axes.yaxis.set_major_formatter(lambda value, _: f"{value / 10.0**power:.3g}")
        y = y.replace("(", f"($10^{{{power}}}$ ", 1)
    axes.set_ylabel(y)
    if legend:
        axes.legend(loc=legend, handlelength=1.8, borderaxespad=0.2, **options)


def _headroom(axes: Axes, share: float) -> None:
    """Leave room above the data for a legend."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + share * (high - low))


def _cross(axes: Axes, vertical: bool = True) -> None:
    axes.axhline(0, color=GREY, linewidth=0.6, zorder=0)
    if vertical:
        axes.axvline(0, color=GREY, linewidth=0.6, zorder=0)


def _window(axes: Axes, panel: SavedPanel) -> None:
    lag, dw = panel.arrays["lag_ms"], panel.arrays["dw"]
    _cross(axes)
    wait = panel.numbers["third factor after the pair (ms)"]
    told = f"third factor 1, {f'{wait:g} ms later' if wait else 'at once'}"
    for side in (lag < 0, lag > 0):
        axes.plot(lag[side], dw[side], color=BLUE, label=told if side[-1] else None)
    axes.plot(0, dw[lag == 0][0], "o", color=BLUE, markersize=4, label="coincidence")
    without = panel.arrays.get("dw_without")
    if without is not None:
        axes.plot(lag, without, color=ORANGE, linestyle="--", label="third factor 0")
    _note(axes, _fitted_window(panel))
    _finish(axes, "Post minus pre spike (ms)", _WEIGHT, "best")


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
    _cross(axes)
    curves = zip(*(panel.arrays[n] for n in ("frequency_hz", "lag_ms", "dw")), strict=True)
    for number, (f, lag, row) in enumerate(curves):
        for side in (lag < 0, lag > 0, lag == 0):
            axes.plot(
                lag[side], row[side], color=COLOURS[number], linestyle=_DASHES[number],
                label=f"{f:g} Hz" if side[-1] else None, marker="o", markersize=2,
            )  # fmt: skip
    _note(
        axes,
        f"{panel.number('pairs')} pairs each, third factor 1 every "
        f"{panel.number('decision window (ms)')} ms",
    )
    _headroom(axes, 0.15)
    _finish(axes, "Post minus pre spike (ms)", "Change per pair (units of w)")
    axes.legend(loc="upper center", ncols=4, handlelength=1.8, columnspacing=1, borderaxespad=0.1)


def _frequency(axes: Axes, panel: SavedPanel) -> None:
    _cross(axes, vertical=False)
    f = panel.arrays["frequency_hz"]
    axes.plot(f, panel.arrays["dw_after"], "o-", color=BLUE, markersize=4, label="post 10 ms after")
    axes.plot(
        f, panel.arrays["dw_before"], "s--", color=ORANGE, markersize=4, label="post 10 ms before"
    )
    sign = panel.number("-10 ms changes sign between (Hz)")
    told = "never changes sign" if sign == "never" else f"changes sign between {sign} Hz"
    _note(axes, f"post before pre {told}")
    _finish(axes, "Pairing frequency (Hz)", "Change per pair (units of w)", "best")


def _kernel(axes: Axes, panel: SavedPanel) -> None:
    _cross(axes)
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
        style = {"color": COLOURS[number], "linestyle": _DASHES[number]}
        label = f"{name} (own scale)" if is_large else name
        values = panel.arrays[name] / (size if is_large else unit_size)
        axes.plot(time * scale, values, label=label, **style)
    _note(axes, f"{panel.number('fitted variable')}: {_fitted_tau(panel)}")
    _finish(
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
    _cross(axes, vertical=False)
    axes.plot(delay * scale, dw, "o", color=BLUE, markersize=3.5, label="measured")
    if np.isfinite(panel.arrays["fit"]).all():
        axes.plot(delay * scale, panel.arrays["fit"], color=ORANGE, label="fit")
    _note(axes, _fitted_tau(panel))
    _finish(axes, f"Delay of the third factor ({unit})", _WEIGHT, "upper right")


def _weight(axes: Axes, panel: SavedPanel) -> None:
    _cross(axes, vertical=False)
    w = panel.arrays["w"]
    axes.plot(w, panel.arrays["dw_after"], "o-", color=BLUE, markersize=4, label="post 10 ms after")
    axes.plot(
        w, panel.arrays["dw_before"], "s--", color=ORANGE, markersize=4, label="post 10 ms before"
    )
    _note(
        axes, f"{panel.number('kind')}; bounds "
        f"{'hold' if panel.number('bounds hold') == 'yes' else 'FAIL'} under extreme input",
    )  # fmt: skip
    _finish(axes, "Initial weight (units of w)", _WEIGHT, "best")


def _bias(axes: Axes, panel: SavedPanel) -> None:
    _cross(axes, vertical=False)
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
    _note(
        axes, f"{panel.number('verdict')}; {neurons} neurons, {seconds} s each, "
        f"{panel.number('postsynaptic rate (Hz)', '.0f')} Hz",
    )  # fmt: skip
    _finish(axes, "Third factor (no information)", "Drift (units of w per s)")
    axes.plot([], [], ".", color=GREY, label="neuron")
    axes.errorbar([], [], [], fmt="ok", capsize=3, label="mean, standard error")
    _headroom(axes, 0.3)
    axes.legend(loc="upper right", handlelength=1.2, borderaxespad=0.2)


def _gradient(axes: Axes, panel: SavedPanel) -> None:
    _cross(axes)
    gradient = panel.arrays["gradient"]
    size = np.linalg.norm(gradient)
    for suffix, name, colour, look in (
        ("", "reward", BLUE, {"fmt": "o", "markersize": 7, "markerfacecolor": "none"}),
        ("_critic", "reward minus its expectation", ORANGE, {"fmt": "s", "markersize": 3.5}),
    ):
        update = panel.arrays[f"update{suffix}"]
        factor = 1 / np.linalg.norm(update)
        cosine = panel.number(f"cosine, {name}", ".3f")
        error = panel.number(f"standard error of the cosine, {name}", ".2g")
        told = "reward" if not suffix else "with perfect critic"
        axes.errorbar(
            gradient / size, update * factor, panel.arrays[f"update_error{suffix}"] * factor,
            panel.arrays["gradient_error"] / size if suffix else None,
            color=colour, capsize=2, linewidth=1, **look,
            label=f"{told}: cosine {cosine} \N{PLUS-MINUS SIGN} {error}",
        )  # fmt: skip
    ends = np.array([-1.1, 1.1]) * np.abs(gradient / size).max()
    axes.plot(ends, ends, color=GREY, linestyle=":", linewidth=1, zorder=0)
    noise = panel.number("signal to noise per sample, reward", ".2g")
    noise_critic = panel.number("signal to noise per sample, reward minus its expectation", ".2g")
    _note(axes, f"signal to noise per decision {noise}, with critic {noise_critic}")
    _finish(
        axes,
        f"Gradient of reward, {panel.number('gradient by')} (normalised)",
        "Mean update (normalised)",
        "upper left",
    )
    _headroom(axes, 0.35)


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
    _note(axes, f"at a bound at the end: {shares[0]} (random), {shares[1]} (constant)")
    axes.set_ylim(-0.25, 6.5)
    _finish(axes, "Time (s)", "Weight, mean and s.d. (units of w)", "upper right")


_DRAW = {
    "window": _window, "repeated": _repeated, "frequency": _frequency, "kernel": _kernel,
    "delay": _delay, "weight": _weight, "bias": _bias, "gradient": _gradient,
    "stability": _stability,
}  # fmt: skip


@styled()
def draw_comparison(cards: Sequence[SavedCard]) -> Figure:
    """Overlay several rules: curves scaled to their own largest value, bars for the statistics."""
    names = [name for name in _OVERLAY if any(name in card.panels for card in cards)]
    figure, grid = _page(len(names))
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
            _note(axes, f"not applicable: {', '.join(absent)}")
    handles = [
        axes.plot([], [], color=COLOURS[i % 7], linestyle=_DASHES[i % 7], label=card.name)[0]
        for i, card in enumerate(cards)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(cards), 6))
    return figure


Shown = Mapping[int, SavedPanel]


def _overlay_curves(axes: Axes, shown: Shown, x: str, y: str, labels: tuple[str, str]) -> None:
    """Draw one curve per rule, each divided by its largest size."""
    _cross(axes)
    for i, panel in shown.items():
        values = panel.arrays[y]
        size = np.abs(values).max() or 1.0
        style = {"color": COLOURS[i % 7], "linestyle": _DASHES[i % 7]}
        axes.plot(panel.arrays[x], values / size, **style)
    _finish(axes, *labels)


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
        style = {"color": COLOURS[i % 7], "linestyle": _DASHES[i % 7]}
        axes.plot(panel.arrays["time_s"], panel.arrays["mean"][:, 0], **style)
    _finish(axes, "Time (s)", "Mean weight, random reward (units of w)")
    axes.set_ylim(-0.25, 5.25)


_OVERLAY = {
    "window": _overlay_window, "frequency": _overlay_frequency, "delay": _overlay_delay,
    "weight": _overlay_weight, "bias": _overlay_bias, "gradient": _overlay_gradient,
    "stability": _overlay_stability,
}  # fmt: skip
