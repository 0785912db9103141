"""Nested plain data with arrays as one file, which nothing in it can make run.

A file is a zip archive as `numpy.load` reads it, each array under its path in the data, with a
checksum for each; `tree.json` says how they hang together.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.atomic import write_atomically

_TREE = "tree.json"
#: Arrays of at most so many numbers stand in the tree.
_SMALL = 8
_PLAIN = (type(None), bool, int, float, str)


def write_archive(path: Path, content: Any) -> None:
    """Write nested dicts, lists and tuples of arrays, numbers and strings.

    Raises
    ------
    TypeError
        In one line, for anything else.
    """
    writer = _Writer()
    tree = writer.node(content, "")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(_TREE, json.dumps(tree))
        for name, array in writer.arrays.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.save(member, array, allow_pickle=False)
    write_atomically(path, buffer.getbuffer())


def write_arrays(path: Path, arrays: Mapping[str, NDArray]) -> None:
    """Write arrays as `numpy.savez` does."""
    buffer = io.BytesIO()
    save: Any = np.savez
    save(buffer, **arrays)
    write_atomically(path, buffer.getbuffer())


def read_archive(path: Path) -> Any:
    """Return what `write_archive` wrote.

    Raises
    ------
    ValueError
        In one line, if the file is damaged or something else.
    """
    try:
        with zipfile.ZipFile(path) as file:
            tree = json.loads(file.read(_TREE))
            return _read(tree, lambda name: _array(file.read(f"{name}.npy")))
    except OSError:
        raise
    except Exception as error:  # damage can look like anything
        found = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path}: damaged, or no file of this program ({found}).") from None


def _array(content: bytes) -> NDArray:
    return np.load(io.BytesIO(content), allow_pickle=False)


class _Writer:
    """Takes arrays out of a tree."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray] = {}

    def node(self, value: Any, path: str) -> Any:
        """Return a value as JSON knows it. What JSON does not know is a dict of one `$` key."""
        if type(value) in _PLAIN:
            return value
        if isinstance(value, np.ndarray | np.generic):
            return self._numbers(np.asarray(value), isinstance(value, np.generic), path)
        if isinstance(value, Mapping):
            if all(type(key) is str and not key.startswith("$") for key in value):
                return {key: self.node(item, f"{path}/{key}") for key, item in value.items()}
            pairs = [[self.node(k, path), self.node(v, f"{path}/{k}")] for k, v in value.items()]
            return {"$pairs": pairs}
        if isinstance(value, list | tuple):
            items = [self.node(item, f"{path}/{i}") for i, item in enumerate(value)]
            return items if isinstance(value, list) else {"$tuple": items}
        raise TypeError(
            f"{path.lstrip('/') or 'state'}: expected arrays, numbers, strings, and dicts and "
            f"lists of them, got a {type(value).__name__}; keep it as plain data."
        )

    def _numbers(self, array: NDArray, is_single: bool, path: str) -> Any:
        if array.dtype.hasobject:
            raise TypeError(f"{path.lstrip('/')}: expected numbers, got an array of objects.")
        kind, size = array.dtype.kind, array.dtype.itemsize
        if array.size <= _SMALL and kind in "biuf" and size <= 8:
            key = "$number" if is_single else "$array"
            return {key: [array.dtype.str, list(array.shape), array.ravel().tolist()]}
        name = path.lstrip("/") or "array"
        while name in self.arrays:
            name += "_"
        self.arrays[name] = array
        return {"$stored": name}


def _read(node: Any, stored: Any) -> Any:
    if isinstance(node, list):
        return [_read(item, stored) for item in node]
    if not isinstance(node, dict):
        return node
    key = next(iter(node), "")
    if not key.startswith("$"):
        return {name: _read(item, stored) for name, item in node.items()}
    if key == "$stored":
        return stored(node[key])
    if key == "$pairs":
        return {_read(name, stored): _read(item, stored) for name, item in node[key]}
    if key == "$tuple":
        return tuple(_read(item, stored) for item in node[key])
    dtype, shape, values = node[key]
    array = np.array(values, dtype).reshape(shape)
    return array[()] if key == "$number" else array
