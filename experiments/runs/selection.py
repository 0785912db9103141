"""Ask for runs: which, in which order, with which columns."""

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from threefactor.experiments.runs.index import Record
from threefactor.naming import suggest

#: What is shown unless columns are named.
COLUMNS = ("env", "rule", "model", "seed", "replicas", "episodes", "status", "score", "path")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "!=": operator.ne, "<=": operator.le, ">=": operator.ge, "=": operator.eq, "<": operator.lt,
    ">": operator.gt, "~": lambda value, text: str(text) in str(value),
}  # fmt: skip
_CONDITION = re.compile(r"\s*([\w.\-]+)\s*(!=|<=|>=|=|<|>|~)\s*(.*?)\s*")


def select(records: Sequence[Record], conditions: Sequence[str]) -> list[Record]:
    """Return the records that meet all conditions: ``rule=rstdp-et``, ``score>0.5``, ``path~car``.

    Raises
    ------
    ValueError
        For a condition that is none, or a name that no run has (with the closest that one has).
    """
    for text in conditions:
        match = _CONDITION.fullmatch(text)
        if not match:
            raise ValueError(
                f"--where {text}: expected NAME, one of {' '.join(_OPERATORS)}, and a value, "
                "such as rule=rstdp-et or score>0.5."
            )
        name = known_name(match[1], records, "--where")
        records = [record for record in records if _meets(record.get(name), match[2], match[3])]
    return list(records)


def ordered(records: Sequence[Record], by: Sequence[str]) -> list[Record]:
    """Return the records in the order of names, ``-score`` from high to low; what lacks it last."""
    found = list(records)
    for text in reversed(by):
        name = known_name(text.removeprefix("-"), records, "--sort")
        has = [record for record in found if record.get(name) is not None]
        lacks = [record for record in found if record.get(name) is None]
        has.sort(key=lambda record: _key(record[name]), reverse=text.startswith("-"))
        found = has + lacks
    return found


def known_name(text: str, records: Sequence[Record], where: str) -> str:
    """Return a name as records have it; ValueError if none does."""
    name = text.replace("-", "_")
    known = dict.fromkeys(key for record in records for key in record)
    if records and name not in known:
        raise ValueError(f"{where} {text}: no run has it.{suggest(name, known)}")
    return name


def _meets(value: Any, how: str, text: str) -> bool:
    if value is None:
        return how == "!="
    if how == "~":
        return _OPERATORS[how](value, text)
    if isinstance(value, bool):
        return _OPERATORS[how](str(value).lower(), text.lower())
    if isinstance(value, int | float):
        try:
            return _OPERATORS[how](float(value), float(text))
        except ValueError:
            return how == "!="
    return _OPERATORS[how](str(value), text)


def _key(value: Any) -> tuple[int, Any]:
    is_number = isinstance(value, int | float)
    return (0, float(value)) if is_number else (1, str(value))


def table(records: Sequence[Record], columns: Sequence[str]) -> list[list[str]]:
    """Return a head and one row of texts for each record."""
    names = [known_name(column, records, "--columns") for column in columns]
    return [list(columns), *([_shown(record.get(name)) for name in names] for record in records)]


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
