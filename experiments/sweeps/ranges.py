"""Ranges of settings as files say them: ``{log_uniform: [0.001, 1]}`` and its kin."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from threefactor.experiments.coercion import coerce
from threefactor.naming import check_choice
from threefactor.search_range import SearchRange

KINDS = ("uniform", "log_uniform", "integers", "choice")


@dataclass(frozen=True)
class Integers:
    """Whole numbers from low to high, both included."""

    low: int
    high: int


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]


Range = SearchRange | Integers | Choice


def read_range(where: str, how: Any) -> Range:
    """Return the range that a file means; raise ValueError, naming the place, if it is none."""
    if not isinstance(how, Mapping) or len(how) != 1:
        raise ValueError(
            f"{where}: expected one of {', '.join(KINDS)}, such as {{log_uniform: [0.001, 1]}}, "
            f"got {how!r:.60}."
        )
    kind, values = next(iter(how.items()))
    check_choice("range", str(kind), KINDS)
    if kind == "choice":
        if not isinstance(values, list) or not values:
            raise ValueError(f"{where}.choice: expected a list, got {values!r:.60}.")
        return Choice(tuple(values))
    try:
        low, high = (coerce(value, float, "") for value in values)
    except (TypeError, ValueError):
        raise ValueError(f"{where}.{kind}: expected [low, high], got {values!r:.60}.") from None
    if not -np.inf < low < high < np.inf or (kind == "log_uniform" and low <= 0):
        above = " and above 0" if kind == "log_uniform" else ""
        raise ValueError(f"{where}.{kind}: expected low < high{above}, got {values!r}.")
    if kind == "integers":
        return Integers(int(low), int(high))
    return SearchRange(low, high, is_log=kind == "log_uniform")


def draw(wanted: Range, generator: np.random.Generator) -> Any:
    """Return one value."""
    if isinstance(wanted, Choice):
        return wanted.values[int(generator.integers(len(wanted.values)))]
    if isinstance(wanted, Integers):
        return int(generator.integers(wanted.low, wanted.high + 1))
    if wanted.is_log:
        return float(np.exp(generator.uniform(np.log(wanted.low), np.log(wanted.high))))
    return float(generator.uniform(wanted.low, wanted.high))
