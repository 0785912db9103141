"""Numbers that cannot be meant: refused when settings are read, whatever they would do."""

import math
from typing import Any

#: Settings of parts are of the order of their units; nobody means a learning rate of 1e300.
LARGEST = 1e12


def check_range(name: str, value: int, least: int, most: int) -> None:
    """Raise ValueError unless an integer setting lies in a range."""
    if value < least:
        raise ValueError(f"{name} must be >= {least}, got {value}.")
    if value > most:
        raise ValueError(f"{name} must be <= {most}, got {_short(value)}.")


def check_meant(name: str, value: Any) -> None:
    """Raise ValueError if a setting, or an entry of it, is no number that anybody would mean."""
    if isinstance(value, tuple):
        for entry in value:
            check_meant(name, entry)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value}.")
    if abs(value) > LARGEST:
        raise ValueError(f"{name}: expected at most {LARGEST:g} in size, got {_short(value)}.")


def _short(value: float) -> str:
    try:
        return f"{float(value):.3g}"
    except OverflowError:
        return "an integer of more than 300 digits"
