"""YAML as its version 1.2 has it (the core schema): a number is what it looks like.

PyYAML reads version 1.1, in which `1:30` is 90, `010` is 8 and `yes` is true.
"""

import re
from collections.abc import Hashable, Mapping
from typing import Any

import yaml
from yaml.constructor import ConstructorError

#: Settings are small: what is deeper, longer or repeats itself more often is none.
MOST_LEVELS, MOST_VALUES, MOST_LETTERS = 50, 500_000, 4_000_000

_TAG = "tag:yaml.org,2002:"
_SCALARS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+0123456789."),
    ),
    ("merge", r"<<", ["<"]),
)


def _resolvers(known: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Return first letter -> the kinds that a plain scalar may be of, those of 1.2 first."""
    found: dict[str, list[Any]] = {}
    for kind, pattern, first in _SCALARS:
        for letter in first:
            entry = (_TAG + kind, re.compile(rf"(?:{pattern})\Z"))
            found.setdefault(letter, []).append(entry)
    return {key: found.get(key, []) + known.get(key, []) for key in {**found, **known}}


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Refuses keys that are given twice, and what is nested or repeated without end."""

    yaml_implicit_resolvers = _resolvers({})
    _level = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._level += 1
        if self._level > MOST_LEVELS:
            mark = self.peek_event().start_mark
            raise ConstructorError(None, None, f"more than {MOST_LEVELS} levels", mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._level -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[Any, int] = {}
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            line = key_node.start_mark.line + 1
            key = (key_node.tag, key_node.value)
            if isinstance(key_node, yaml.ScalarNode) and key_node.tag != f"{_TAG}merge":
                if key in lines:
                    raise ConstructorError(
                        None, None,
                        f"{key_node.value!r} is set twice, in line {lines[key]} and in line {line}",
                    )  # fmt: skip
                lines[key] = line
        return super().construct_mapping(node, deep)

    def construct_int(self, node: Any) -> int:
        text = self.construct_scalar(node)
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        try:
            return int(text, base)
        except ValueError:
            raise ConstructorError(
                None, None, f"expected an integer, got {len(text)} letters", node.start_mark
            ) from None

    def construct_bool(self, node: Any) -> bool:
        text = self.construct_scalar(node).lower()
        if text in ("true", "false"):
            return text == "true"
        raise ConstructorError(
            None, None, f"expected true or false, got {text!r:.40}", node.start_mark
        )

    def construct_float(self, node: Any) -> float:
        text = self.construct_scalar(node).lower()
        try:
            return float(text.replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            raise ConstructorError(
                None, None, f"expected a number, got {text!r:.40}", node.start_mark
            ) from None


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Quotes every string that either version would read as something else."""

    yaml_implicit_resolvers = _resolvers(yaml.SafeDumper.yaml_implicit_resolvers)

    def ignore_aliases(self, data: Any) -> bool:
        return True


_KEPT = (f"{_TAG}null", f"{_TAG}str", f"{_TAG}seq", f"{_TAG}map", None)
_Loader.yaml_constructors = {tag: yaml.SafeLoader.yaml_constructors[tag] for tag in _KEPT}
_Loader.add_constructor(f"{_TAG}bool", _Loader.construct_bool)
_Loader.add_constructor(f"{_TAG}int", _Loader.construct_int)
_Loader.add_constructor(f"{_TAG}float", _Loader.construct_float)


def load_yaml(text: str) -> Any:
    """Return what a text holds.

    Raises
    ------
    ValueError
        With the lines, for what is no YAML, gives a key twice, or is too large for settings.
    """
    if len(text) > MOST_LETTERS:
        raise ValueError(f"{len(text)} letters, expected at most {MOST_LETTERS}")
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            if _size(node, {}, set()) > MOST_VALUES:
                raise ValueError(f"more than {MOST_VALUES} values, with what is repeated")
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(f"{where}{' '.join(str(error.problem or error).split())}") from None
    except (yaml.YAMLError, RecursionError, OverflowError) as error:
        raise ValueError(" ".join(str(error).split())) from None


def dump_yaml(data: Any) -> str:
    """Return plain data as YAML that `load_yaml` reads as the same, keys in their order."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False)


def _size(node: Any, known: dict[int, int], within: set[int]) -> int:
    """Return how many values a node stands for when repeated ones are written out."""
    if id(node) in within:
        raise ConstructorError(None, None, "a value that contains itself", node.start_mark)
    if id(node) not in known:
        parts = [] if isinstance(node, yaml.ScalarNode) else node.value
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        within.add(id(node))
        known[id(node)] = 1 + sum(_size(part, known, within) for part in parts)
        within.discard(id(node))
    return known[id(node)]
