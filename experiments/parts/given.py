"""Parts given from Python, as classes or instances, under the names by which a run keeps them."""

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from threefactor.experiments.parts.session import write_down


def settings_of_part(part: Any, table: Mapping[str, type]) -> Any:
    """Return name and settings of a class or instance; anything else as it is.

    Parameters
    ----------
    part : type, dataclass instance, or what a configuration file says of a part
    table : mapping of str to type
        The registry of its kind; other classes are named ``FILE.py:ClassName``.

    Raises
    ------
    ValueError
        For a class that no file or session defines at its top level.
    """
    if isinstance(part, type):
        return {"name": name_of_class(part, table)}
    if is_dataclass(part):
        settings = {field.name: getattr(part, field.name) for field in fields(part)}
        return {"name": name_of_class(type(part), table), **settings}
    if isinstance(part, Mapping) and isinstance(part.get("name"), type):
        return {**part, "name": name_of_class(part["name"], table)}
    return part


def name_of_class(kind: type, table: Mapping[str, type]) -> str:
    """Return the name of a class in its table, or the file that defines it and its name there."""
    for name, known in table.items():
        if known is kind:
            return name
    if "." in kind.__qualname__:
        raise ValueError(
            f"{kind.__qualname__}: expected a class at the top level of a file, script or "
            "notebook, where a run finds it again, got one within another definition."
        )
    if kind.__module__ == "__main__":
        return f"{write_down(kind)}:{kind.__name__}"
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if file is None:
        raise ValueError(
            f"{kind.__name__}: its module {kind.__module__!r} has no file; write the class into "
            "one."
        )
    return f"{file}:{kind.__name__}"
