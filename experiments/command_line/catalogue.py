"""What there is to choose from, read off the parts, and remembered while their sources stay.

Reading means importing every part, Gymnasium and NumPy with them, for half a second. The tables are
kept in the cache beside a hash of all of the project's sources: any change of any file counts.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from threefactor.cache import cache_folder

#: Table -> entry -> [its line, what must fit it].
Tables = dict[str, dict[str, list[str]]]
FOLDERS = ("agents", "analysis", "envs", "experiments", "models", "rules", "threefactor")


def tables() -> Tables:
    """Return the tables: the kinds of part, and the named experiments."""
    sources = _hash_of_sources()
    file = cache_folder() / "catalogue.json"
    try:
        known = json.loads(file.read_text())
        if known["sources"] == sources:
            return known["tables"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none yet, or not one of ours
    is_current = not any(f"threefactor.{folder}" in sys.modules for folder in ("models", "rules"))
    from threefactor.experiments.command_line.entries import read_tables

    found = read_tables()
    # Parts imported earlier, or changed meanwhile, need not be those that were hashed.
    if is_current and _hash_of_sources() == sources:
        _keep(file, {"sources": sources, "tables": found})
    return found


def _hash_of_sources() -> str:
    root = Path(__file__).parents[2]  # of the checkout, or of the installed package
    hasher = hashlib.sha256(sys.version.encode())
    files = [
        *root.glob("*.py"),
        *(file for name in FOLDERS for file in (root / name).rglob("*.py")),
        *(root / "experiments" / "presets").glob("*.yaml"),
    ]
    for file in sorted(files):
        text = file.read_bytes()
        hasher.update(f"{file} {len(text)}\n".encode() + text)
    return hasher.hexdigest()


def _keep(file: Path, content: Mapping[str, object]) -> None:
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps(content))
        os.replace(aside, file)
    except OSError:
        return  # without a cache, the next list takes as long as this one
