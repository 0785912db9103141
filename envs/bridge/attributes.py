"""What an environment holds, as plain data, and back into a fresh copy of it.

Nothing that is saved is ever called or imported: numbers, text, arrays, generators and containers
of them are written into objects that the fresh copy has already. What it sets once and for all,
such as functions, has to be there under the same name.
"""

import enum
import logging
import random
import re
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import gymnasium as gym
import numpy as np

from threefactor.envs.bridge.held import (
    NOT_STATE,
    NotData,
    attributes_of,
    digest_of,
    is_walkable,
    label,
    layers,
    name_of,
)

#: Of an environment with a `get_state` of its own, which need not know of it.
_BESIDE_OWN = ("_np_random", "_np_random_seed")
_PLAIN = (type(None), bool, int, float, str)
_FIXED = (
    FunctionType, BuiltinFunctionType, MethodType, ModuleType, type, np.dtype, np.ufunc, re.Pattern,
    logging.Logger, type(threading.Lock()), type(threading.RLock()),
)  # fmt: skip
_BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
_SEQUENCES: dict[str, Callable[[Any], Any]] = {
    "list": list, "tuple": tuple, "set": set, "frozenset": frozenset,
}  # fmt: skip
_MAPPINGS: dict[str, type[dict]] = {"dict": dict, "OrderedDict": OrderedDict}
#: More than so many things are no state that is kept by attributes.
MOST = 100_000
#: Depth of the layer and name of the attribute -> digest.
AsMade = Mapping[tuple[int, str], str]


def as_made(environment: gym.Env) -> AsMade:
    """Return what tells whether large tables of a fresh environment have changed."""
    found = {}
    for depth, layer in enumerate(layers(environment)):
        for name, value in vars(layer).items():
            if type(value) in (dict, list, tuple) and (digest := digest_of(value)):
                found[depth, name] = digest
    return found


def save(
    environment: gym.Env, made: AsMade, *, own: bool = False, lenient: bool = False
) -> list[Any]:
    """Return the state of every layer, as JSON knows it but for arrays.

    Parameters
    ----------
    environment : gym.Env
    made : what `as_made` returned
        Tables that are still as they were made are named only.
    own : bool
        Ask layers that have `get_state` and `set_state` for their states.
    lenient : bool
        Leave out what is no data.

    Raises
    ------
    NotData
        In one line that names it.
    """
    return _Saver(layers(environment), made, lenient).save(own)


def restore(environment: gym.Env, saved: Sequence[Any], *, lenient: bool = False) -> None:
    """Write what `save` returned into another copy of the same environment.

    Parameters
    ----------
    lenient : bool
        Leave as it is what the copy has no place for.

    Raises
    ------
    NotData
        If it is of another environment; some of it may be written then.
    """
    _Restorer(layers(environment), lenient).restore(saved)


def has_own(environment: gym.Env) -> bool:
    """Return whether a layer has `get_state` and `set_state`."""
    return any(_has_own(layer) for layer in layers(environment))


class _Saver:
    """Walks through what layers hold; what is met twice is saved once."""

    def __init__(self, found: Sequence[gym.Env], made: AsMade, lenient: bool) -> None:
        self._layers = found
        self._made = made
        self._depths = {id(layer): depth for depth, layer in enumerate(found)}
        self._lenient = lenient
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []  # so that no id comes twice
        self._count = 0

    def save(self, own: bool) -> list[Any]:
        return [self._layer(layer, own and _has_own(layer)) for layer in self._layers]

    def _layer(self, layer: Any, own: bool) -> dict[str, Any]:
        where = label(type(layer))
        held = {n: v for n, v in vars(layer).items() if n not in NOT_STATE}
        entry: dict[str, Any] = {"layer": where}
        if own:
            held = {name: held[name] for name in _BESIDE_OWN if name in held}
            entry["own"] = self.node(layer.get_state(), f"{where}.get_state()")
        depth, nodes = self._depths[id(layer)], {}
        for name, value in held.items():
            digest = self._made.get((depth, name))
            is_kept = digest is not None and digest_of(value) == digest
            nodes[name] = {"as_made": digest} if is_kept else self.node(value, f"{where}.{name}")
        return {**entry, "attributes": nodes}

    def _attributes(self, held: Mapping[str, Any], where: str) -> dict[str, Any]:
        return {name: self.node(value, f"{where}.{name}") for name, value in held.items()}

    def node(self, value: Any, where: str) -> Any:
        """Return a value as data."""
        self._count += 1
        if self._count > MOST:
            raise NotData(f"{where}: more than {MOST} things are held")
        kind = type(value)
        if kind in _PLAIN:
            return value
        if id(value) in self._depths:
            return {"environment": self._depths[id(value)]}
        if isinstance(value, np.generic) and not value.dtype.hasobject:
            return {"number": np.array(value)}
        if isinstance(value, enum.Enum):
            return {"enum": [kind.__module__, kind.__qualname__, value.name]}
        if kind in (complex, bytes, range):
            return {kind.__name__: _spelt(value)}
        if isinstance(value, _FIXED) or (callable(value) and not is_walkable(value)):
            return {"fixed": name_of(value)}
        if id(value) in self._numbers:
            return {"again": self._numbers[id(value)]}
        self._numbers[id(value)] = len(self._numbers)
        self._alive.append(value)
        known = len(self._alive)
        try:
            return self._mutable(value, where)
        except NotData:
            if not self._lenient or self._count > MOST:
                raise
            for inner in self._alive[known:]:  # what is left has no place in what is saved
                del self._numbers[id(inner)]
            del self._alive[known:]
            return {"left": label(kind)}

    def _mutable(self, value: Any, where: str) -> Any:
        kind, name = type(value), type(value).__name__
        if kind is np.ndarray and not value.dtype.hasobject:
            return {"array": value.copy()}
        if kind in _SEQUENCES.values():
            return {name: [self.node(item, f"{where}[{i}]") for i, item in enumerate(value)]}
        if kind is deque:
            items = [self.node(item, f"{where}[{i}]") for i, item in enumerate(value)]
            return {"deque": items, "maxlen": value.maxlen}
        if kind in _MAPPINGS.values():
            pairs = value.items()
            return {
                name: [[self.node(k, where), self.node(v, f"{where}[{k!r}]")] for k, v in pairs]
            }
        if isinstance(value, np.random.Generator):
            return {"generator": self.node(dict(value.bit_generator.state), where)}
        if kind is np.random.RandomState:
            return {"random_state": self.node(value.get_state(legacy=False), where)}
        if kind is random.Random:
            return {"random": self.node(value.getstate(), where)}
        if is_walkable(value):
            held = dict(attributes_of(value))
            return {"object": label(kind), "attributes": self._attributes(held, where)}
        raise NotData(f"{where} is a {label(kind)}, which is no plain data")


class _Restorer:
    """Walks through what was saved in the same order, and through the copy beside it."""

    def __init__(self, found: Sequence[gym.Env], lenient: bool) -> None:
        self._layers = found
        self._lenient = lenient
        self._known: list[Any] = []
        self._taken: set[int] = set()

    def restore(self, saved: Sequence[Any]) -> None:
        if [entry["layer"] for entry in saved] != [label(type(layer)) for layer in self._layers]:
            raise NotData("it is the state of another environment, or of other wrappers")
        for layer, entry in zip(self._layers, saved, strict=True):
            held: dict[str, Any] = vars(layer)
            if "own" in entry:
                own: Any = layer
                own.set_state(self.value(entry["own"], None))
            else:
                for name in [n for n in held if n not in (*entry["attributes"], *NOT_STATE)]:
                    del held[name]
            self._attributes(entry["attributes"], held, held.__setitem__)

    def _attributes(
        self, nodes: Mapping[str, Any], held: Mapping[str, Any], write: Callable[[str, Any], None]
    ) -> None:
        for name, node in nodes.items():
            before = held.get(name)
            value = self.value(node, before)
            if value is not before or name not in held:
                write(name, value)

    def value(self, node: Any, before: Any) -> Any:
        """Return a saved value, made of the one that was there before where it is an object."""
        if not isinstance(node, dict):
            return node
        kind = next(iter(node))
        if kind == "environment":
            return self._layers[node[kind]]
        if kind == "again":
            return self._known[node[kind]]
        if kind == "number":
            return node[kind][()]
        if kind in ("complex", "bytes", "range"):
            return _read(kind, node[kind])
        if kind == "enum":
            return _member(*node[kind])
        if kind == "as_made":
            if digest_of(before) != node[kind]:
                self._refuse("a table is not as it was made")
            return before
        if kind == "fixed":
            return self._fixed(node[kind], before)
        place = len(self._known)
        self._known.append(before)
        return self._mutable(kind, node, before, place)

    def _fixed(self, name: str, before: Any) -> Any:
        if name_of(before) != name:
            self._refuse(f"expected {name}, got {name_of(before)}")
        return before

    def _mutable(self, kind: str, node: Mapping[str, Any], before: Any, place: int) -> Any:
        if kind == "left":
            return before
        if kind == "array":
            self._known[place] = node[kind].copy()
        elif kind in _SEQUENCES:
            self._sequence(kind, node[kind], before, place)
        elif kind == "deque":
            filled: Any = deque(maxlen=node["maxlen"])
            self._known[place] = filled
            filled.extend(self._items(node[kind], before))
        elif kind in _MAPPINGS:
            filled = self._known[place] = _MAPPINGS[kind]()
            old = before if isinstance(before, dict) else {}
            for key_node, item in node[kind]:
                key = self.value(key_node, None)
                filled[key] = self.value(item, old.get(key))
        elif kind == "generator":
            self._known[place] = self._generator(node[kind], before)
        elif kind == "random_state":
            drawn: Any = self._taken_or_new(before, np.random.RandomState)
            self._known[place] = drawn
            drawn.set_state(self.value(node[kind], None))
        elif kind == "random":
            self._known[place] = drawn = self._taken_or_new(before, random.Random)
            drawn.setstate(self.value(node[kind], None))
        elif kind == "object":
            self._object(node, before)
        else:
            raise NotData(f"it holds a {kind}, which this version does not know")
        return self._known[place]

    def _sequence(self, kind: str, nodes: Sequence[Any], before: Any, place: int) -> None:
        if kind in ("list", "set"):  # they may hold themselves
            filled: Any = [] if kind == "list" else set()
            self._known[place] = filled
            for item in self._items(nodes, before):
                filled.append(item) if kind == "list" else filled.add(item)
        else:
            self._known[place] = _SEQUENCES[kind](list(self._items(nodes, before)))

    def _items(self, nodes: Sequence[Any], before: Any) -> Iterator[Any]:
        old = list(before) if isinstance(before, (list, tuple, deque)) else []
        for number, node in enumerate(nodes):
            yield self.value(node, old[number] if number < len(old) else None)

    def _generator(self, node: Any, before: Any) -> np.random.Generator:
        state = self.value(node, None)
        name = state["bit_generator"]
        if name not in _BIT_GENERATORS:
            raise NotData(f"it draws from a {name}, expected one of {', '.join(_BIT_GENERATORS)}")
        is_same = isinstance(before, np.random.Generator) and (
            type(before.bit_generator).__name__ == name
        )
        generator = before if is_same and self._take(before) else None
        if generator is None:
            generator = np.random.Generator(getattr(np.random, name)())
        generator.bit_generator.state = state
        return generator

    def _object(self, node: Mapping[str, Any], before: Any) -> None:
        if before is None or label(type(before)) != node["object"] or not self._take(before):
            self._refuse(f"expected a {node['object']} to be there, got {name_of(before)}")
            before = None
        held = {} if before is None else dict(attributes_of(before))

        def write(name: str, value: Any) -> None:
            if before is not None:
                object.__setattr__(before, name, value)

        self._attributes(node["attributes"], held, write)

    def _taken_or_new(self, before: Any, kind: type) -> Any:
        return before if type(before) is kind and self._take(before) else kind()

    def _take(self, found: Any) -> bool:
        """Return whether an object of the copy stands for nothing else yet."""
        if id(found) in self._taken:
            return False
        self._taken.add(id(found))
        return True

    def _refuse(self, reason: str) -> None:
        if not self._lenient:
            raise NotData(reason)


def _has_own(layer: gym.Env) -> bool:
    return all(callable(getattr(type(layer), name, None)) for name in ("get_state", "set_state"))


def _spelt(value: complex | bytes | range) -> Any:
    if isinstance(value, complex):
        return [value.real, value.imag]
    return value.hex() if isinstance(value, bytes) else [value.start, value.stop, value.step]


def _read(kind: str, spelt: Any) -> Any:
    if kind == "bytes":
        return bytes.fromhex(spelt)
    return complex(*spelt) if kind == "complex" else range(*spelt)


def _member(module: str, name: str, member: str) -> enum.Enum:
    """Return a member of an enumeration whose module is loaded already."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not (isinstance(found, type) and issubclass(found, enum.Enum)):
        raise NotData(f"there is no enumeration {module}.{name}")
    return found[member]
