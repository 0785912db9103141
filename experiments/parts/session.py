"""Classes of a running session, a notebook or script, written down so that runs can keep them."""

import ast
import hashlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from threefactor.cache import cache_folder

_IMPORTS = (ast.Import, ast.ImportFrom)
_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.Assign, ast.AnnAssign)


@dataclass(frozen=True)
class Statement:
    """An import or definition of the session's top level: its text, what it binds and needs."""

    text: str
    binds: frozenset[str]
    needs: frozenset[str]


def write_down(kind: type) -> Path:
    """Return a file that defines a class of ``__main__`` and what it refers to, and nothing else.

    It lies in the cache, a file for each content, and outlives the session as its runs do. Imports,
    classes, functions and variables of the session's top level are looked through; what only does
    something, such as training, is left out. Of what was defined again the last definition counts,
    as in the session.

    Raises
    ------
    ValueError
        If the session keeps no source, as one that is typed into a plain Python does.
    """
    statements = _statements(_sources())
    if not any(kind.__name__ in statement.binds for statement in statements):
        raise ValueError(
            f"{kind.__name__}: this session keeps no source of it; write it into a file and give "
            f"FILE.py:{kind.__name__}, or use a notebook."
        )
    text = "\n\n\n".join(s.text for s in _needed(statements, kind.__name__)) + "\n"
    folder = cache_folder() / "sessions" / hashlib.sha256(text.encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind.__name__}.py"
    path.write_text(text)
    return path


def _sources() -> list[str]:
    """Return the cells that were run so far, or the script that is running."""
    main = sys.modules["__main__"]
    cells = getattr(main, "In", None)  # where IPython keeps them
    if cells is not None:
        return list(cells)
    file = getattr(main, "__file__", None)
    return [Path(file).read_text()] if file and Path(file).is_file() else []


def _statements(sources: Iterable[str]) -> list[Statement]:
    """Return imports and definitions in the order in which they were run."""
    found = []
    for source in sources:
        try:
            body = ast.parse(source).body
        except SyntaxError:  # a cell that failed
            continue
        found += [
            Statement(_text(source, node), _bound(node), _used(node))
            for node in body
            if isinstance(node, (*_IMPORTS, *_DEFINITIONS))
        ]
    return found


def _text(source: str, node: ast.stmt) -> str:
    decorators = [
        f"@{ast.get_source_segment(source, decorator)}\n"
        for decorator in getattr(node, "decorator_list", ())
    ]
    return "".join(decorators) + (ast.get_source_segment(source, node) or "")


def _bound(node: ast.stmt) -> frozenset[str]:
    if isinstance(node, _IMPORTS):
        return frozenset(a.asname or a.name.partition(".")[0] for a in node.names)
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return frozenset({node.name})
    names = [n for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return frozenset(name.id for name in names)


def _used(node: ast.stmt) -> frozenset[str]:
    names = [n for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    return frozenset(name.id for name in names)


def _needed(statements: list[Statement], name: str) -> list[Statement]:
    """Return the statements that define a name and, in turn, what they need, in their order."""
    last = {bound: number for number, s in enumerate(statements) for bound in s.binds}
    wanted = {number for number, s in enumerate(statements) if s.binds & {"*", "annotations"}}
    waiting = [name]
    while waiting:
        number = last.get(waiting.pop())
        if number is not None and number not in wanted:
            wanted.add(number)
            waiting += statements[number].needs
    return [statements[number] for number in sorted(wanted)]
