"""HTML pages of rule cards: one file each, nothing loaded from anywhere."""

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 0 auto;
       max-width: 1250px; padding: 1.5em 2em; }
h1 { font-size: 1.5em; margin-bottom: 0; } h2 { font-size: 1.15em; margin-top: 1.8em; }
p.summary { font-size: 1.05em; margin-top: .3em; color: #333; }
img { width: 100%; border: 1px solid #ddd; }
table { border-collapse: collapse; margin: .4em 0 1em; }
th, td { border-bottom: 1px solid #ddd; padding: .25em .8em; text-align: left;
         vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
pre, code { font: 13px/1.4 ui-monospace, monospace; }
pre { background: #f5f5f5; padding: .8em 1em; overflow-x: auto; }
div.panels { columns: 2; } div.panels table { break-inside: avoid; width: 100%; font-size: .92em; }
tr.panel th { background: #f0f4f8; } td.none { color: #555; }
summary { cursor: pointer; } footer { color: #555; font-size: .9em; margin-top: 2em; }
@media (prefers-color-scheme: dark) { :root { color-scheme: light; } }
"""


def rule_page(about: Mapping[str, Any], panels: Mapping[str, Any], picture: Path) -> str:
    """Return the page of one rule; `panels` maps names to `analysis.card.data.SavedPanel`."""
    summary, _, rest = about["docstring"].partition("\n")
    body = [
        f"<h1>Rule card: {_text(about['name'])}</h1>",
        f'<p class="summary">{_text(summary)}</p>',
        _image(picture, f"Card of {about['name']}"),
        "<h2>Numbers</h2>",
        _numbers_table(panels),
        "<h2>Parameters</h2>",
        _parameters_table(about["parameters"]),
        f"<h2>Description</h2>\n<pre>{_text(rest.strip())}</pre>",
        "<h2>The rule as it runs</h2>",
        _blocks(about),
        "<h2>Data of the curves</h2>",
        *[_data_table(panel) for panel in panels.values() if panel.arrays],
        _footer([about]),
    ]
    return _page(f"Rule card: {about['name']}", body)


def comparison_page(
    cards: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], picture: Path
) -> str:
    """Return the page that overlays several rules: (about, panels) of each."""
    names = [about["name"] for about, _ in cards]
    body = [
        f"<h1>Rules compared: {_text(', '.join(names))}</h1>",
        _image(picture, "Rules compared"),
        "<h2>Rules</h2><ul>",
        *[
            f"<li><b>{_text(a['name'])}</b>: {_text(a['docstring'].partition(chr(10))[0])}</li>"
            for a, _ in cards
        ],
        "</ul><h2>Numbers</h2>",
        _comparison_table(names, [panels for _, panels in cards]),
        _footer([about for about, _ in cards]),
    ]
    return _page("Rules compared", body)


def write_page(path: Path, page: str) -> None:
    """Write a page as UTF-8."""
    path.write_text(page, encoding="utf-8")


def _page(title: str, body: Sequence[str]) -> str:
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{_text(title)}'
        f"</title>\n<style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _text(value: Any) -> str:
    return html.escape(str(value))


def _image(picture: Path, alternative: str) -> str:
    data = base64.b64encode(picture.read_bytes()).decode()
    return f'<img alt="{_text(alternative)}" src="data:image/png;base64,{data}">'


def _number(value: Any) -> str:
    """Return a table cell of a number, a text or nothing."""
    if value is None:
        return '<td class="number">&ndash;</td>'
    if isinstance(value, str):
        return f'<td class="number">{_text(value)}</td>'
    return f'<td class="number">{value:.6g}</td>'


def _numbers_table(panels: Mapping[str, Any]) -> str:
    tables = []
    for panel in panels.values():
        rows = [f'<tr class="panel"><th colspan="2">{_text(panel.title)}</th></tr>']
        if panel.reason:
            rows.append(f'<tr><td class="none" colspan="2">Not applicable: '
                        f"{_text(panel.reason)}.</td></tr>")  # fmt: skip
        for name, value in panel.numbers.items():
            rows.append(f"<tr><td>{_text(name)}</td>{_number(value)}</tr>")
        tables.append("<table>" + "\n".join(rows) + "</table>")
    return '<div class="panels">' + "\n".join(tables) + "</div>"


def _comparison_table(names: Sequence[str], cards: Sequence[Mapping[str, Any]]) -> str:
    rows = ["<tr><th></th>" + "".join(f"<th>{_text(name)}</th>" for name in names) + "</tr>"]
    for key in dict.fromkeys(key for panels in cards for key in panels):
        found = [panels.get(key) for panels in cards]
        title = next(panel.title for panel in found if panel is not None)
        rows.append(f'<tr class="panel"><th colspan="{len(names) + 1}">{_text(title)}</th></tr>')
        reasons = [panel.reason if panel is not None else "not measured" for panel in found]
        if any(reasons):
            cells = "".join(f'<td class="none">{_text(reason)}</td>' for reason in reasons)
            rows.append(f"<tr><td>not applicable</td>{cells}</tr>")
        for number in dict.fromkeys(n for panel in found if panel for n in panel.numbers):
            cells = "".join(_number(p.numbers.get(number) if p else None) for p in found)
            rows.append(f"<tr><td>{_text(number)}</td>{cells}</tr>")
    return "<table>" + "\n".join(rows) + "</table>"


def _parameters_table(parameters: Sequence[Mapping[str, Any]]) -> str:
    rows = ["<tr><th>name</th><th>value</th><th>default</th><th>meaning</th></tr>"]
    for parameter in parameters:
        cells = _number(parameter["value"]) + _number(parameter["default"])
        rows.append(
            f"<tr><td><code>{_text(parameter['name'])}</code></td>{cells}"
            f"<td>{_text(parameter['meaning'])}</td></tr>"
        )
    return "<table>" + "\n".join(rows) + "</table>"


def _blocks(about: Mapping[str, Any]) -> str:
    rows = [
        f"<tr><td><code>{_text(name)}</code></td><td><pre>{_text(code)}</pre></td></tr>"
        for name, code in about["blocks"].items()
    ]
    needs = ", ".join(about["requires"]) or "nothing"
    order = ", ".join(about["order"])
    return (
        f"<p>Reads of the postsynaptic neuron: {_text(needs)}. "
        f"Order within a timestep: {_text(order)}.</p><table>" + "\n".join(rows) + "</table>"
    )


def _data_table(panel: Any) -> str:
    """Return the panel's arrays, columns of equal length side by side, folded away."""
    columns: dict[str, Any] = {}
    for name, values in panel.arrays.items():
        if values.ndim == 1:
            columns[name] = values
        else:  # rows are curves if they are as long as the axis, else columns are
            is_by_row = any(
                v.ndim == 1 and v.size == values.shape[1] for v in panel.arrays.values()
            )
            for number, curve in enumerate(values if is_by_row else values.T):
                columns[f"{name} {number + 1}"] = curve
    tables = []
    for length in dict.fromkeys(values.size for values in columns.values()):
        chosen = {name: v for name, v in columns.items() if v.size == length}
        step = max(1, length // 100)
        head = "".join(f"<th>{_text(name)}</th>" for name in chosen)
        rows = [
            "<tr>" + "".join(_number(float(v[i])) for v in chosen.values()) + "</tr>"
            for i in np.arange(0, length, step)
        ]
        told = f"<p>every {step}th of {length} samples</p>" if step > 1 else ""
        tables.append(f"{told}<table><tr>{head}</tr>" + "\n".join(rows) + "</table>")
    return f"<details><summary>{_text(panel.title)}</summary>{''.join(tables)}</details>"


def _footer(cards: Sequence[Mapping[str, Any]]) -> str:
    about = cards[0]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    protocol = ", ".join(
        f"{name} {value}" for name, value in about["protocol"].items() if len(cards) == 1
    )
    seconds = sum(card["seconds"] for card in cards)
    return (
        f"<footer><p>Made by <code>{_text(about['command'])}</code> on {_text(about['date'])}, "
        f"budget {about['budget']:g}, {seconds:.0f} s; {_text(versions)}. {_text(protocol)}</p>"
        f"</footer>"
    )
