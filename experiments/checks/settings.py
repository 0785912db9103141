"""Promises that the settings of every part make: documented, and the same after a file."""

import json
from dataclasses import fields
from typing import Any

from threefactor.experiments.checks.report import Broken
from threefactor.experiments.command_line.option_help import documented_parameters
from threefactor.experiments.configuration import build
from threefactor.experiments.plain_data import plain


def documentation(part: Any) -> str:
    """Say in a first line what it is, and what every field means."""
    kind = type(part)
    first = (kind.__doc__ or "").partition("\n")[0].strip()
    if not first or first.startswith(f"{kind.__name__}("):  # what dataclass writes by itself
        raise Broken("expected a docstring whose first line says what it is, got none.")
    known = documented_parameters(kind)
    missing = [field.name for field in fields(kind) if not known.get(field.name)]
    if missing:
        raise Broken(
            f"expected a line '{missing[0]} : float, default ...' and what it means in the "
            f"docstring's Parameters section; not explained: {', '.join(missing)}."
        )
    return f"{len(fields(kind))} parameters"


def round_trip(part: Any) -> str:
    """Be the same after its settings were written to a file and read again."""
    try:
        text = json.dumps(plain(part))
        back = build(type(part), json.loads(text), type(part).__name__)
    except (TypeError, ValueError) as error:
        raise Broken(f"expected settings that JSON can hold, got: {error}") from error
    if back != part:
        raise Broken(f"expected {part} back from JSON, got {back}; write the types of its fields.")
    return ""


SETTINGS = (documentation, round_trip)
