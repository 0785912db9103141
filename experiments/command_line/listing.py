"""What there is to choose from, as tables made from docstrings."""

import os
import shutil
import sys
import textwrap

from threefactor.experiments.command_line.catalogue import Tables
from threefactor.naming import check_choice


def listing(tables: Tables, what: str | None, width: int | None = None) -> str:
    """Return one table, or all of them: a line per entry, and one for what must fit.

    Parameters
    ----------
    tables : Tables
    what : str or None
        Key of `tables`; None: all.
    width : int, optional
        Columns, by default those of the terminal; what is piped elsewhere keeps whole lines.

    Raises
    ------
    ValueError
        For an unknown list, with a suggestion.
    """
    if what is not None:
        check_choice("list", what, tables)
        tables = {what: tables[what]}
    column = max(len(key) for entries in tables.values() for key in entries)
    width = width or _terminal_width()
    blocks = []
    for name, entries in tables.items():
        lines = [f"{name}:"]
        for key, (summary, what_must_fit) in entries.items():
            lines.append(_shortened(f"  {key:{column}}  {summary}", width))
            lines += _below(what_must_fit, column + 4, width)
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _below(text: str, indent: int, width: int | None) -> list[str]:
    """Return a text in lines that start at column `indent`, broken between words at `width`."""
    if not text:
        return []
    margin = " " * indent
    if width is None:
        return [margin + text]
    lines = textwrap.wrap(
        text, max(20, width - indent), break_on_hyphens=False, break_long_words=False
    )  # eprop-reward is one word
    return [margin + line for line in lines]


def _terminal_width() -> int | None:
    is_known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return shutil.get_terminal_size().columns if is_known else None


def _shortened(line: str, width: int | None) -> str:
    """Return a line that ends with its last whole word that fits."""
    if width is None or len(line) <= width:
        return line
    return line[: width - 3].rpartition(" ")[0].rstrip(" ,;:(") + " ..."
