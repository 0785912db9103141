"""Python files of users, ``path/to/file.py:ClassName``: imported once, known by their content.

A file may import ``.py`` modules and packages of its own folder, at its top; they belong to it. The
same content under another path, such as a run's own copy, is the same module: what one process
pickled another reads.
"""

import ast
import hashlib
import importlib.machinery
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from threefactor.naming import suggest


@dataclass(frozen=True)
class UserFile:
    """A user's file that has been imported.

    Attributes
    ----------
    path : Path
        Absolute.
    contents : dict of str to bytes
        The file and what it imports of its folder, by their paths within it; the file comes first.
    module : ModuleType
    environments : dict of str to EnvSpec
        What it registered with Gymnasium.
    """

    path: Path
    contents: dict[str, bytes]
    module: ModuleType
    environments: dict[str, EnvSpec]

    def classes(self, *bases: type) -> dict[str, type]:
        """Return the classes written in this file that derive from one of `bases`."""
        return {
            name: member
            for name, member in vars(self.module).items()
            if isinstance(member, type)
            and issubclass(member, bases)
            and member.__module__ == self.module.__name__
        }


def split_name(text: str) -> tuple[str, str] | None:
    """Return file and what is named in it of ``FILE.py:Name``; None for any other name."""
    file, _, name = text.rpartition(":")
    if text.endswith(".py"):
        file, name = text, ""
    return (file, name) if file.endswith(".py") else None


def anchored(text: str, folder: Path) -> str:
    """Return a name with the file that it may have as an absolute path, looked for in `folder`."""
    named = split_name(text)
    if named is None:
        return text
    return f"{(folder / Path(named[0]).expanduser()).resolve()}:{named[1]}".rstrip(":")


def shown(text: str) -> str:
    """Return a name as people read it: of a file, without its folder."""
    named = split_name(text)
    return text if named is None else text[len(named[0]) - len(Path(named[0]).name) :]


class _Imported(NamedTuple):
    """A module, what it registered, and the modules that are to be found by these names."""

    module: ModuleType
    environments: dict[str, EnvSpec]
    names: dict[str, ModuleType]


#: By the digest of the contents.
_imported: dict[str, _Imported] = {}


def import_file(path: Path) -> UserFile:
    """Return the file at `path`, imported if its content is met for the first time.

    Raises
    ------
    ValueError
        For no such file, or one that cannot be imported, with file, line and cause.
    """
    path = path.expanduser().resolve()
    if not path.is_file():
        beside = sorted(file.name for file in path.parent.glob("*.py"))
        raise ValueError(
            f"there is no file {path.name!r} in {path.parent}.{suggest(path.name, beside)}"
        )
    contents = _contents(path)
    digest = hashlib.sha256(repr(sorted(contents.items())).encode()).hexdigest()[:12]
    if digest not in _imported:
        _imported[digest] = _execute(path, contents, f"threefactor_user_{path.stem}_{digest}")
    module, environments, names = _imported[digest]
    sys.modules.update(names)
    gym.registry.update(environments)
    return UserFile(path, contents, module, environments)


def _contents(path: Path) -> dict[str, bytes]:
    """Return the file and all that it imports of its folder, directly or not."""
    folder, waiting = path.parent, [path]
    found: dict[str, bytes] = {}
    while waiting:
        file = waiting.pop(0)
        name = file.relative_to(folder).as_posix()
        if name not in found:
            found[name] = file.read_bytes()
            waiting += _siblings(found[name], folder)
    return found


def _siblings(content: bytes, folder: Path) -> list[Path]:
    """Return the files of `folder` that Python code imports; of a package, all of it."""
    found: list[Path] = []
    for name in _imported_names(content):
        if (folder / name / "__init__.py").is_file():
            found += sorted((folder / name).rglob("*.py"))
        elif (folder / f"{name}.py").is_file():
            found.append(folder / f"{name}.py")
    return found


def _imported_names(content: bytes) -> list[str]:
    """Return the top-level names of absolute imports, none of a file that cannot be parsed."""
    try:
        nodes = list(ast.walk(ast.parse(content)))
    except (SyntaxError, ValueError):  # importing it says what is wrong, and where
        return []
    dotted = [alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names]
    dotted += [
        n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module and not n.level
    ]
    tops = dict.fromkeys(name.partition(".")[0] for name in dotted)
    return [name for name in tops if name != "threefactor"]  # in a checkout it lies beside


def _execute(path: Path, contents: dict[str, bytes], name: str) -> _Imported:
    """Import the file under a name of its own."""
    siblings = {file.partition("/")[0].removesuffix(".py") for file in list(contents)[1:]}
    _make_way(path, siblings)
    specification = importlib.machinery.ModuleSpec(name, None, origin=str(path))
    module = importlib.util.module_from_spec(specification)
    module.__file__ = str(path)
    before = set(sys.modules)
    sys.modules[name] = module  # dataclasses and pickle look their own module up
    try:
        with _first_on_path(path.parent), _registrations() as environments:
            exec(compile(contents[path.name], str(path), "exec", dont_inherit=True), vars(module))
    except BaseException as error:
        for loaded in {name, *_loaded(siblings)} - before:
            del sys.modules[loaded]
        cause = _cause(error, path, {str(path.parent / file) for file in contents})
        raise ValueError(f"{path} cannot be imported: {cause}") from error
    names = {key: sys.modules[key] for key in _loaded(siblings)}
    # An environment is often registered as "my_env:MyEnv", which Gymnasium imports by that name.
    if environments and (path.stem not in sys.modules or path.stem in _names_given()):
        names[path.stem] = module
    return _Imported(module, environments, names)


@contextmanager
def _registrations() -> Iterator[dict[str, EnvSpec]]:
    """Give the environments that are registered meanwhile; ids of other users' files are free."""
    others = {key: s for file in _imported.values() for key, s in file.environments.items()}
    before = {key: spec for key, spec in gym.registry.items() if key not in others}
    found: dict[str, EnvSpec] = {}
    for key in others:
        gym.registry.pop(key, None)
    try:
        yield found
        found |= {key: spec for key, spec in gym.registry.items() if before.get(key) is not spec}
    finally:
        gym.registry.update({**others, **found})


def _loaded(tops: set[str]) -> list[str]:
    """Return the names in `sys.modules` of the modules called so and of what lies in them."""
    return [name for name in sys.modules if name.partition(".")[0] in tops]


def _names_given() -> set[str]:
    return {name for file in _imported.values() for name in file.names}


def _make_way(path: Path, siblings: set[str]) -> None:
    """Forget other users' files of the same names; refuse names that other modules have."""
    given = _names_given()
    for name in _loaded(siblings):
        if name in given:
            del sys.modules[name]
            continue
        place = getattr(sys.modules[name], "__file__", None)
        if place is None or not Path(place).resolve().is_relative_to(path.parent):
            raise ValueError(
                f"{path}: imports {name.partition('.')[0]!r}, and besides the one in its folder "
                f"there is {place or 'one of Python itself'}. Rename the one in its folder."
            )


@contextmanager
def _first_on_path(folder: Path) -> Iterator[None]:
    """Let imports look into `folder` first, and leave no compiled files there."""
    writes_nothing, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = writes_nothing


def _cause(error: BaseException, path: Path, own: set[str]) -> str:
    """Return line and cause of a failed import; the file too if it is another of its `own`."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in own]
    place, line = (Path(frames[-1].filename), frames[-1].lineno or 0) if frames else (path, 0)
    text = " ".join(str(error).split())
    if isinstance(error, SyntaxError) and error.filename in own:
        place, line, text = Path(error.filename), error.lineno or 0, error.msg
    where = ("" if place == path else f"{place.name}, ") + (f"line {line}: " if line else "")
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return (
            f"{where}the file ended the program ({type(error).__name__}); put what it does when it "
            'is run itself under `if __name__ == "__main__":`.'
        )
    return f"{where}{type(error).__name__}: {text}".rstrip(": .") + "."
