"""Find a class by its registry name or in a user's file, ``path/to/file.py:ClassName``."""

import hashlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from threefactor.naming import unknown

T = TypeVar("T")


def load_class(text: str, table: Mapping[str, type[T]], base: Any, kind: str) -> type[T]:
    """Return the class that `text` names.

    Parameters
    ----------
    text : str
        A key of `table`, or ``path/to/file.py:ClassName``.
    table : mapping of str to type
        The registry.
    base : type
        What the class in a file must derive from.
    kind : str
        Word for error messages ("rule", "modulator").

    Raises
    ------
    ValueError
        Unknown name, missing file, no such class, or a file that cannot be imported.
    """
    if text in table:
        return table[text]
    path_text, _, class_name = text.rpartition(":")
    if text.endswith(".py"):
        path_text, class_name = text, ""
    if not path_text.endswith(".py"):
        raise ValueError(f"{unknown(kind, text, table)} Or path/to/file.py:ClassName.")
    path = Path(path_text).expanduser()
    if not path.is_file():
        raise ValueError(f"{kind} {text!r}: there is no file {str(path)!r} in {Path.cwd()}.")
    module = _import_file(path, kind)
    found = {
        name: member
        for name, member in vars(module).items()
        if isinstance(member, type)
        and issubclass(member, base)
        and member.__module__ == module.__name__
    }
    if class_name not in found:
        problem = f"has no {kind} class {class_name!r}" if class_name else "needs a class name"
        raise ValueError(
            f"{kind} {text!r}: {path.name} {problem}; it has: {', '.join(found) or 'none'} "
            f"(classes derived from {base.__name__}). Write {path_text}:ClassName."
        )
    return found[class_name]


def _import_file(path: Path, kind: str) -> ModuleType:
    digest = hashlib.blake2b(str(path.resolve()).encode(), digest_size=6).hexdigest()
    name = f"threefactor_user_{path.stem}_{digest}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise ValueError(f"{kind}: {path} cannot be imported as a Python file.")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # dataclasses look their own module up
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ValueError(f"{path}: cannot be imported: {type(error).__name__}: {error}.") from error
    return module
