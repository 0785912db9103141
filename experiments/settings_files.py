"""Files of settings, YAML or TOML: read as plain data, whatever a file may be."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from threefactor.experiments.yaml_text import MOST_LETTERS, load_yaml

_READERS: dict[str, Callable[[str], Any]] = {
    ".toml": tomllib.loads,
    ".yaml": load_yaml,
    ".yml": load_yaml,
}


def read_file(path: str | Path) -> dict[str, Any]:
    """Return what a YAML or TOML file sets.

    Raises
    ------
    ValueError
        In one line, if it cannot be read.
    """
    path = Path(path)
    if path.suffix not in _READERS:
        raise ValueError(f"{path}: expected .yaml, .yml or .toml, got {path.suffix!r}.")
    text = _text(path)
    try:
        content = _READERS[path.suffix](text)
    except RecursionError:
        raise ValueError(f"{path}: cannot be read: too many levels.") from None
    except ValueError as error:  # of TOML as well
        raise ValueError(f"{path}: cannot be read: {' '.join(str(error).split())}.") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected settings as `name: value`, got {content!r:.60}.")
    return content


def _text(path: Path) -> str:
    """Return the text of a file that is one, and not too large."""
    if not path.exists():
        raise ValueError(f"{path}: no such configuration file.")
    if not path.is_file():
        raise ValueError(f"{path}: expected a configuration file, got something else.")
    try:
        with path.open("rb") as file:
            content = file.read(MOST_LETTERS + 1)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}.") from None
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{path}: cannot be read: it is no text in UTF-8.") from None
