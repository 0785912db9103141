"""Values as the types of settings ask for them, from whatever a file or a command line holds."""

import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin


def alternatives(kind: Any) -> tuple[Any, ...]:
    """Return the types that a type stands for: those of a union, or itself."""
    return get_args(kind) if get_origin(kind) in (typing.Union, types.UnionType) else (kind,)


def coerce(value: Any, kind: Any, where: str) -> Any:
    """Return `value` as `kind`; YAML's ``1e-3`` (a string) becomes a float, lists become tuples.

    A tuple within a tuple may be written as one word: ``0,1 2,3`` is ((0, 1), (2, 3)).
    """
    origin, choices = get_origin(kind), alternatives(kind)
    if choices != (kind,):
        if value is None and type(None) in choices:
            return None
        errors = []
        for choice in choices:
            if choice is type(None):
                continue
            try:
                return coerce(value, choice, where)
            except ValueError as error:
                errors.append(error)
        raise errors[0]
    if origin is typing.Literal:
        if value in get_args(kind):
            return value
        raise ValueError(f"{where} must be one of {get_args(kind)}, got {value!r}.")
    if origin is tuple:
        inner = get_args(kind)[0]
        items = value if isinstance(value, (list, tuple)) else [value]
        if get_origin(inner) is tuple:
            items = [item.split(",") if isinstance(item, str) else item for item in items]
        return tuple(coerce(item, inner, where) for item in items)
    if origin is dict or kind is dict:
        if isinstance(value, Mapping):
            return dict(value)
    elif kind is bool:
        if isinstance(value, bool):
            return value
    elif kind in (int, float):
        try:
            number = kind(value)
            if not isinstance(value, bool) and (kind is float or float(number) == float(value)):
                return number
        except (TypeError, ValueError, OverflowError):
            pass
    elif kind is str:
        if isinstance(value, str):
            return value
    elif kind is Path:
        if isinstance(value, (str, Path)):
            return Path(value)
    else:
        return value
    hint = ": write true or false" if kind is bool else ""
    raise ValueError(f"{where} must be {getattr(kind, '__name__', kind)}, got {value!r:.80}{hint}.")
