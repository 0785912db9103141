"""Settings and results as plain data, which YAML and JSON files can hold."""

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Return dataclasses and mappings as dicts, NumPy values and tuples as lists, paths as text.

    Raises
    ------
    TypeError
        For anything else but numbers, text and None.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"Plain data: expected numbers, text, lists, mappings or dataclasses, got {value!r} "
        f"({type(value).__name__}). Convert it first."
    )
