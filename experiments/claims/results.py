"""Results that were kept: one file for each experiment, and the page that is made of them.

`reproduce --keep` writes ``results/NAME.json`` and docs/results.md; nothing on that page is typed,
and a test fails where page and results differ.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from threefactor.analysis.statistics import summarise_seeds
from threefactor.experiments.atomic import write_atomically
from threefactor.experiments.claims.costs import FIGURE, figure, section
from threefactor.experiments.claims.registry import EXPERIMENTS

RESULTS, PAGE = Path("results"), Path("docs") / "results.md"
_HEAD = """# Results

What `run.py reproduce NAME` found, for every experiment whose result is kept in results/: made by
`run.py reproduce NAME --keep` (all of them: `make prove`), never typed. Settings were tuned on
seeds of 100 and above. Brackets: 95 % bootstrap interval of the interquartile mean over seeds
([statistics](statistics.md)). In each table agents come first, their controls below.
"""
_COLUMNS = ("experiment", "claim", "score of the agent", "bars", "seeds", "minutes")


def keep(found: Path, root: Path = Path()) -> Path:
    """Store a reproduction's ``result.json``, whatever its verdict, and remake the page.

    Parameters
    ----------
    found : Path
        The file.
    root : Path, default the present folder
        Of results/ and docs/.

    Returns
    -------
    Path
        Of the result that was kept.

    Raises
    ------
    ValueError
        For a budget below 1 or other seeds than the experiment's: no result, but a try.
    """
    result = json.loads(found.read_text())
    if result["budget"] != 1.0 or not result["is_complete"]:
        raise ValueError(
            f"keep {result['experiment']}: expected a full run (--budget 1, all of its seeds), got "
            f"budget {result['budget']:g} and {len(result['seeds'])} seeds."
        )
    kept, made = root / RESULTS / f"{result['experiment']}.json", root / PAGE
    for file in (kept, made):
        file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(kept, json.dumps(result, indent=1) + "\n")
    results = read(kept.parent)
    write_atomically(made, page(results))
    draw_figure(results, made.parent)
    return kept


def read(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Return the results that were kept, by name."""
    return [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]


def draw_figure(results: Sequence[Mapping[str, Any]], docs: Path) -> None:
    """Save the figure that the page shows, if there is something to show."""
    from threefactor.analysis.style import PNG_DPI

    if drawn := figure(results, _settings()):
        path = docs / FIGURE
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn.savefig(path, dpi=PNG_DPI)


def page(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the page of results."""
    rows = [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    for result in results:
        first = next(iter(result["scores"].values()))
        bars = list(result["bars"].values())
        verdict = "all hold" if all(bars) else f"**{bars.count(False)} of {len(bars)} fail**"
        link = f"[{result['experiment']}](#{result['experiment'].lower()})"
        rows.append(
            f"| {link} | {result['claim']} | {summarise_seeds(first).brief} | {verdict} | "
            f"{len(result['seeds'])} | {result['minutes']:.0f} |"
        )
    costs = [found] if (found := section(results, _settings())) else []
    return "\n".join([_HEAD, "\n".join(rows), "", *costs, *map(_section, results)])


def _settings() -> dict[str, Mapping[str, Any] | None]:
    return {name: experiment.settings for name, experiment in EXPERIMENTS.items()}


def _section(result: Mapping[str, Any]) -> str:
    """Return what one experiment found."""
    lines = [f"## {result['experiment']}", "", result["claim"], ""]
    seeds = f"{result['seeds'][0]} to {result['seeds'][-1]}"
    lines += [
        f"| arm ({result['score']}) | mean | interquartile mean | seeds {seeds} |",
        "|---|---|---|---|",
    ]
    for arm, values in result["scores"].items():
        each = ", ".join(f"{value:.3g}" for value in values)
        brief = summarise_seeds(values).brief
        lines.append(f"| {arm} | {np.mean(values):.4g} | {brief} | {each} |")
    if result["published"]:
        lines.append(f"| published | | | {result['published']} |")
    lines.append("")
    lines += [f"- {'holds' if ok else '**fails**'}: {text}" for text, ok in result["bars"].items()]
    lines += [f"- {name}: {value}" for name, value in result["facts"].items()]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    minutes, commit = f"{result['minutes']:.0f} minutes", result["git_commit"] or "unknown"
    lines.append(
        f"- {result['date']}, {minutes}, {result['processor']}; {versions}; commit {commit}."
    )
    return "\n".join([*lines, ""])
