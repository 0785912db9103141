"""A rule card: every panel of a rule, saved as arrays and numbers, then drawn from those."""

import importlib.metadata
import inspect
import json
import math
import platform
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from threefactor.analysis.card.data import SavedCard, SavedPanel
from threefactor.experiments.checks.card.bench import W_MAX, W_MIN, W_START, WINDOW_MS, Bench
from threefactor.experiments.checks.card.bias import unsupervised_bias
from threefactor.experiments.checks.card.credit import eligibility_kernel, reward_delay
from threefactor.experiments.checks.card.gradient import gradient_alignment
from threefactor.experiments.checks.card.pairs import repeated_pairs, stdp_window, weight_dependence
from threefactor.experiments.checks.card.panel import Panel
from threefactor.experiments.checks.card.stability import stability
from threefactor.experiments.parts.kinds import load_part
from threefactor.program import command_line
from threefactor.rules.contract import Rule

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Panel names in the order of the card.
PANELS = (
    "window", "repeated", "frequency", "kernel", "delay", "weight", "bias", "gradient", "stability",
)  # fmt: skip
#: Blocks of a rule that the card prints.
BLOCKS = (
    "pre_equations", "pre_each_step", "pre_on_spike", "post_equations", "post_each_step",
    "post_on_spike", "post_on_delivery", "equations", "each_step", "on_pre", "on_post",
    "at_decision", "consolidate", "at_episode",
)  # fmt: skip
#: Numbers that the terminal shows.
HIGHLIGHTS = {
    "window": ("dw at -10 ms", "dw at +10 ms", "fitted tau_plus (ms)", "fitted tau_minus (ms)"),
    "repeated": ("dw per pair at +10 ms, 1 Hz", "dw per pair at +10 ms, 50 Hz"),
    "frequency": ("-10 ms changes sign between (Hz)",),
    "kernel": ("fitted variable", "shape", "fitted tau (ms)", "declared tau (ms)"),
    "delay": ("shape", "fitted tau (ms)", "declared tau (ms)"),
    "weight": ("kind", "bounds hold"),
    "bias": ("z, constant 1", "z, random +-1", "verdict"),
    "gradient": ("cosine, reward", "cosine, reward minus its expectation", "gradient by"),
    "stability": ("mean at the end, random +-1", "mean at the end, constant 1"),
}
_PARAMETER = re.compile(r"^(\w+) : [^\n]*\n((?: {4}[^\n]*\n?)+)", re.MULTILINE)


@dataclass(frozen=True)
class Card:
    """A measured rule.

    Attributes
    ----------
    name : str
        As the rule was asked for.
    panels : dict of str to Panel
    about : dict
        Rule, parameters, equations, protocol, versions and command, as JSON.
    files : tuple of Path
        What was written: arrays, numbers, PNG, PDF, HTML.
    """

    name: str
    panels: dict[str, Panel]
    about: dict[str, Any]
    files: tuple[Path, ...]

    def report(self) -> str:
        """Return the main numbers, a line per panel."""
        return f"{self.name}: {self.about['seconds']:.1f} s\n{summary(self)}"

    def figures(self) -> dict[str, "Figure"]:
        """Draw the card; return it as the figure "card"."""
        from threefactor.analysis.card.drawing import draw_card

        return {"card": draw_card(SavedCard(self.about, saved_panels(self.panels)))}


def rule_card(
    rule: str | Rule | type[Rule],
    out: Path | str | None = None,
    budget: float = 1.0,
    neuron: str | None = None,
    panels: Sequence[str] = PANELS,
) -> Card:
    """Measure a rule and draw its card.

    Parameters
    ----------
    rule : str, Rule or type
        Registry name, ``path/to/file.py:ClassName``, a rule, or a class at its defaults.
    out : Path, optional
        Folder of the files; default: nothing is written or drawn.
    budget : float, default 1
        Share of the full simulated time, at most 1, > 0; below 0.2 nothing is compiled.
    neuron : str, optional
        Postsynaptic neuron; default: one that exposes what the rule requires.
    panels : sequence of str
        Panels to measure; the others are left out.

    Raises
    ------
    ValueError
        Unknown rule, neuron or panel; a budget out of range.
    """
    if not 0 < budget <= 1:
        raise ValueError(f"rule card: budget must be in (0, 1], got {budget:g}.")
    unknown = sorted(set(panels) - set(PANELS))
    if unknown:
        raise ValueError(f"rule card: unknown panel {unknown[0]!r}; known: {', '.join(PANELS)}.")
    name = rule if isinstance(rule, str) else ""
    kind = load_part("rule", rule) if isinstance(rule, str) else rule
    instance = kind() if isinstance(kind, type) else kind
    name = name or type(instance).__name__
    began = time.perf_counter()
    bench = Bench(instance, neuron)
    measured = _measure(bench, budget, tuple(panels))
    about = _describe(name, bench, budget) | {"seconds": round(time.perf_counter() - began, 2)}
    card = Card(name, measured, about, ())
    if out is None:
        return card
    stem = Path(out) / stem_of(name)
    files = save(card, stem)
    from threefactor.analysis.card.drawing import plot_card

    return Card(name, measured, about, (*files, *plot_card(stem)))


def _measure(bench: Bench, budget: float, wanted: tuple[str, ...]) -> dict[str, Panel]:
    """Return the wanted panels in the order of the card."""
    single: dict[str, Callable[[], Panel]] = {
        "window": lambda: stdp_window(bench),
        "kernel": lambda: eligibility_kernel(bench),
        "delay": lambda: reward_delay(bench),
        "weight": lambda: weight_dependence(bench),
        "bias": lambda: unsupervised_bias(bench, budget),
        "gradient": lambda: gradient_alignment(bench, budget),
        "stability": lambda: stability(bench, budget),
    }
    found = {name: measure() for name, measure in single.items() if name in wanted}
    if {"repeated", "frequency"} & set(wanted):
        found["repeated"], found["frequency"] = repeated_pairs(bench, budget)
    return {name: found[name] for name in PANELS if name in wanted}


def _describe(name: str, bench: Bench, budget: float) -> dict[str, Any]:
    """Return everything about the rule and the measurement that is not a panel."""
    rule = bench.rule
    doc = inspect.cleandoc(type(rule).__doc__ or "")
    help_of = {m[1]: " ".join(m[2].split()) for m in _PARAMETER.finditer(doc)}
    values = asdict(rule)
    return {
        "name": name,
        "class": type(rule).__name__,
        "docstring": doc,
        "parameters": [
            {
                "name": field.name,
                "value": values[field.name],
                "default": field.default,
                "meaning": help_of.get(field.name, ""),
            }
            for field in fields(rule)
        ],
        "blocks": {b: inspect.cleandoc(getattr(rule, b)) for b in BLOCKS if getattr(rule, b)},
        "order": list(rule.order),
        "requires": list(rule.requires),
        "is_modulated": bench.reads_third_factor,
        "protocol": {
            "postsynaptic neuron": bench.neuron_name,
            "timestep (ms)": bench.dt_ms,
            "decision window (ms)": WINDOW_MS,
            "weight bounds": [W_MIN, W_MAX],
            "initial weight": W_START,
        },
        "budget": budget,
        "command": command_line(),
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "versions": {
            "python": platform.python_version(),
            **{p: importlib.metadata.version(p) for p in ("brian2", "numpy", "scipy")},
        },
    }


def stem_of(name: str) -> str:
    """Return the file name of a rule's card: ``a/b.py:MyRule`` becomes ``b-MyRule``."""
    path, _, kind = name.rpartition(":")
    return f"{Path(path).stem}-{kind}" if path else Path(name).stem


def save(card: Card, stem: Path) -> list[Path]:
    """Write ``<stem>.npz`` (arrays, named panel/array) and ``<stem>.json`` (all the rest)."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {
        f"{name}/{key}": value
        for name, panel in card.panels.items()
        for key, value in panel.arrays.items()
    }
    paths = [stem.with_name(f"{stem.name}.{kind}") for kind in ("npz", "json")]
    np.savez_compressed(paths[0], **arrays)
    panels = {
        name: {"title": panel.title, "reason": panel.reason, "numbers": panel.numbers}
        for name, panel in saved_panels(card.panels).items()
    }
    text = json.dumps({"about": card.about, "panels": panels}, indent=1, allow_nan=False)
    paths[1].write_text(text + "\n")
    return paths


def saved_panels(panels: Mapping[str, Panel]) -> dict[str, SavedPanel]:
    """Return panels as they are saved and drawn."""
    return {
        name: SavedPanel(
            panel.title, panel.arrays, {k: _finite(v) for k, v in panel.numbers.items()},
            panel.reason,
        )
        for name, panel in panels.items()
    }  # fmt: skip


def _finite(value: float | str) -> float | str | None:
    """Return a number as JSON allows: null for NaN, text for infinity."""
    if isinstance(value, str) or math.isfinite(value):
        return value
    return None if math.isnan(value) else ("inf" if value > 0 else "-inf")


def make_cards(
    names: Sequence[str],
    out: Path,
    budget: float = 1.0,
    neuron: str | None = None,
    say: Callable[[str], object] = str,
) -> list[Path]:
    """Make a card for each rule, and one that overlays them if there are several; return pages.

    `say` receives the report of each card when it is done.
    """
    for name in names:
        load_part("rule", name)  # a misspelt last name should not cost the time of the others
    stems = [stem_of(name) for name in names]
    if len(set(stems)) < len(stems):
        raise ValueError(f"rule cards: each rule once, got {', '.join(names)}.")
    pages = []
    for name in names:
        card = rule_card(name, out, budget, neuron)
        say(card.report())
        pages += [path for path in card.files if path.suffix == ".html"]
    if len(names) > 1:
        from threefactor.analysis.card.drawing import plot_comparison

        drawn = plot_comparison([out / stem for stem in stems], out / "comparison")
        pages += [path for path in drawn if path.suffix == ".html"]
    return pages


def summary(card: Card) -> str:
    """Return the main numbers of a card, a line per panel."""
    lines = []
    for name, panel in card.panels.items():
        if panel.reason:
            lines.append(f"  {panel.title}: not applicable: {panel.reason}")
            continue
        shown = [
            f"{key} {value if isinstance(value, str) else format(value, '.4g')}"
            for key in HIGHLIGHTS[name]
            if not (isinstance(value := panel.numbers[key], float) and math.isnan(value))
        ]
        lines.append(f"  {panel.title}: {'; '.join(shown)}")
    return "\n".join(lines)
