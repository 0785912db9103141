"""Rule cards: one page per rule, and one that overlays several, drawn from saved arrays."""

import json
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from threefactor.analysis.card.axes import new_page, wrapped
from threefactor.analysis.card.comparison import draw_comparison
from threefactor.analysis.card.data import SavedCard, load_card
from threefactor.analysis.card.page import comparison_page, rule_page, write_page
from threefactor.analysis.card.panels import PANELS, explain_absence
from threefactor.analysis.style import save_figure, styled


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


@styled
def draw_card(card: SavedCard) -> Figure:
    """Draw every panel of one rule on a page."""
    figure, grid = new_page(len(card.panels))
    summary = card.about["docstring"].partition("\n")[0]
    protocol = card.about["protocol"]
    figure.suptitle(
        f"{card.name}: {wrapped(summary, 130 - len(card.name))}\n"
        f"w in [{protocol['weight bounds'][0]:g}, {protocol['weight bounds'][1]:g}], "
        f"postsynaptic neuron {protocol['postsynaptic neuron']}; changes measured with tiny steps "
        f"and scaled to learning rate {card.about['parameters'][0]['value']:g} "
        "(last panel: as it is)",
        fontsize=10,
    )
    for axes, (name, panel) in zip(grid, card.panels.items(), strict=True):
        if panel.arrays:
            PANELS[name](axes, panel)
            axes.set_title(panel.title, fontweight="bold", loc="left", pad=18)
        else:
            explain_absence(axes, panel)
    return figure
