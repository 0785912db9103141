"""What environments and the objects in them hold, and what of it is state."""

import hashlib
import marshal
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import gymnasium as gym

#: Set once when an environment is made.
NOT_STATE = ("env", "spec", "_cached_spec")
#: Of a space these alone change.
_OF_SPACES = ("_np_random", "spaces")
#: Tables of so many bytes are looked at for whether they change.
_LARGE = 2**12
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement


class NotData(ValueError):  # noqa: N818  (the name says what was found)
    """An attribute that is no plain data, or that a fresh copy has no place for."""


def layers(environment: gym.Env) -> list[gym.Env]:
    """List the wrappers from the outside in, then the environment itself."""
    found = [environment]
    while isinstance(found[-1], gym.Wrapper):
        found.append(found[-1].env)
    return found


def digest_of(value: Any) -> str:
    """Return a digest of a large table of plain values, "" for anything else."""
    try:
        content = marshal.dumps(value, 2)  # written nowhere, and never read
    except ValueError:
        return ""
    return hashlib.sha256(content).hexdigest() if len(content) >= _LARGE else ""


def attributes_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Give the attributes of an object, those in slots included."""
    is_space = isinstance(value, gym.Space)
    for name, item in vars(value).items():
        if not is_space or name in _OF_SPACES:
            yield name, item
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                yield name, getattr(value, name)


def is_walkable(value: Any) -> bool:
    """Return whether an object is its attributes: nothing of it is kept by compiled code."""
    kind = type(value)
    if not hasattr(value, "__dict__") or isinstance(value, (type, ModuleType, FunctionType)):
        return False
    if not all(base is object or base.__flags__ & _HEAP_TYPE for base in kind.__mro__):
        return False
    own = ("__reduce__", "__reduce_ex__")
    if any(getattr(kind, name) is not getattr(object, name) for name in own):
        return False
    try:
        object.__reduce_ex__(value, 2)  # refuses what is larger than its attributes
    except Exception:
        return False
    return True


def label(kind: type) -> str:
    """Return the full name of a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def name_of(value: Any) -> str:
    """Return what tells a function or a module from others, the kind of everything else."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if not isinstance(name, str):
        return "nothing" if value is None else label(type(value))
    line = getattr(getattr(value, "__code__", None), "co_firstlineno", "")
    return f"{getattr(value, '__module__', '')}.{name}{f' of line {line}' if line else ''}"
