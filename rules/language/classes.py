"""Check that a class which holds strings of the language is declared as it must be."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, TypeVar, cast

Check = TypeVar("Check", bound=Callable[..., None])


def once(check: Check) -> Check:
    """Return a check that does not look again at what has passed it."""
    return cast(Check, cache(check))


def check_dataclass(kind: type) -> None:
    """Raise TypeError unless a class is a frozen dataclass that can be made with its defaults."""
    owner = kind.__name__
    if "__dataclass_fields__" not in kind.__dict__:
        raise TypeError(f"{owner} must be decorated with @dataclass(frozen=True).")
    if not kind.__dict__["__dataclass_params__"].frozen:
        raise TypeError(f"{owner} must be frozen: decorate it with @dataclass(frozen=True).")
    for field in fields(kind):
        if field.default is MISSING:
            raise TypeError(f"{owner}.{field.name} needs a default value.")
    try:
        kind()
    except (TypeError, ValueError):
        raise
    except Exception as error:
        raise ValueError(
            f"{owner} cannot be made with its defaults: {type(error).__name__}: {error}."
        ) from error


def check_strings(kind: type, *blocks: str) -> None:
    """Raise TypeError unless each of the named attributes of a class is a string."""
    for block in blocks:
        value = getattr(kind, block)
        if isinstance(value, str):
            continue
        where, fix = f"{kind.__name__}.{block}", 'write "" for nothing'
        if isinstance(value, bytes):
            fix = "leave out the b before the string"
        elif isinstance(value, (list, tuple)):
            fix = "write one string with a line for each statement"
        elif callable(value):
            fix = "a block is no function, but a string of statements"
        raise TypeError(f"{where} must be a string, got {_short(value)}; {fix}.")


def check_tuple_of_names(kind: type, attribute: str) -> None:
    """Raise TypeError or ValueError unless an attribute is a tuple of different names."""
    value, where = getattr(kind, attribute), f"{kind.__name__}.{attribute}"
    if not isinstance(value, tuple) or not all(isinstance(name, str) for name in value):
        raise TypeError(
            f"{where} must be a tuple of names such as ('v',), with a comma before the last "
            f"bracket, got {_short(value)}."
        )
    for name in value:
        if not name.isidentifier() or value.count(name) > 1:
            raise ValueError(f"{where} must name each once, got {value}.")


def check_mapping(kind: type, attribute: str, example: str, *values: type) -> None:
    """Raise TypeError unless an attribute is a dict of names to values of some types."""
    value = getattr(kind, attribute)
    is_sound = isinstance(value, Mapping) and all(
        isinstance(name, str) and isinstance(entry, values) and not isinstance(entry, bool)
        for name, entry in value.items()
    )
    if not is_sound:
        raise TypeError(
            f"{kind.__name__}.{attribute} must be a dict such as {example}, got {_short(value)}."
        )


def check_flags(kind: type, *attributes: str) -> None:
    """Raise TypeError unless each of the named attributes is True or False."""
    for attribute in attributes:
        value = getattr(kind, attribute)
        if not isinstance(value, bool):
            raise TypeError(
                f"{kind.__name__}.{attribute} must be True or False, got {_short(value)}."
            )


def _short(value: Any) -> str:
    kind = "a function" if callable(value) else type(value).__name__
    return "None" if value is None else f"{str(value)[:40]!r} ({kind})"
