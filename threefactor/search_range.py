"""Where to look for good values of a setting: metadata of its field, which `tune` reads."""

from dataclasses import dataclass, field, fields
from typing import Any

_KEY = "search"


@dataclass(frozen=True)
class SearchRange:
    """An interval, evenly covered in the value or, if `is_log`, in its logarithm."""

    low: float
    high: float
    is_log: bool = False


def searched(default: float, low: float, high: float, *, is_log: bool = False) -> Any:
    """Return a field of a dataclass with this default, which is looked for between low and high."""
    return field(default=default, metadata={_KEY: SearchRange(low, high, is_log)})


def search_ranges(part: Any) -> dict[str, SearchRange]:
    """Return the ranges of a part, or of its class, by field; those without one are left out."""
    return {f.name: f.metadata[_KEY] for f in fields(part) if _KEY in f.metadata}
