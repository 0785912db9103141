"""Compiled networks on disk: found without importing Brian2, built once, rebuilt when damaged.

Two levels. A *fingerprint* of the blueprint (and of all that turns it into machine code: our
engine's sources, Brian2, NumPy, Python, compiler, flags, processor) leads to an *entry*, which is
keyed by the generated source and the same tools. Known fingerprints skip Brian2's import and code
generation; blueprints that generate the same source share one entry. Entries are written aside and
renamed, one builder at a time, and sealed with checksums that every load verifies.
"""

import fcntl
import functools
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threefactor.cache import cache_folder
from threefactor.models.blueprint import Blueprint
from threefactor.models.engine.brian_import import needed_only
from threefactor.models.engine.brian_version import untested_brian

#: No -ffast-math: results must not depend on how the compiler reorders sums. What -O3 adds for
#: speed and not for compile time is named; all of it takes a third longer to compile.
FLAGS = (
    "-std=c++17", "-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic", "-fpeel-loops",
    "-funswitch-loops", "-march=native", "-ffp-contract=off", "-fno-math-errno",
    "-fno-trapping-math", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-gnu-unique",
    "-fno-threadsafe-statics", "-w",
)  # fmt: skip
_SOURCES = (
    "build_cache.py", "generation.py", "rewrites.py", "brian_objects.py", "noise.py", "noise.h",
    "draws.py", "support.h", "shim.cpp", "pathways.py", "pathways.h", "source.py", "blocks.py",
)  # fmt: skip
_FILES = ("library.so", "manifest.json")
#: Beginning of the name of a block's namespace in the generated source.
UNIT = "unit_"


class CompilerError(RuntimeError):
    """No working C++ compiler, or it refused a network."""


class UnavailableError(CompilerError):
    """There is no C++ compiler on this machine, or a Brian2 that was never tested."""


@dataclass(frozen=True)
class Build:
    """A compiled network on disk."""

    folder: Path
    manifest: dict[str, Any]
    was_built: bool

    @property
    def library(self) -> Path:
        """The shared library."""
        return self.folder / "library.so"


@functools.cache
def find_compiler() -> str | None:
    """Return the C++ compiler's path ($CXX, else g++ or c++), or None."""
    return next(filter(None, map(shutil.which, [os.environ.get("CXX", "g++"), "c++"])), None)


@functools.cache
def _tools() -> str:
    """Identify everything but the blueprint that the machine code depends on."""
    compiler = find_compiler()
    if compiler is None:
        raise UnavailableError("no C++ compiler found (tried $CXX, g++, c++): apt-get install g++")
    untested = untested_brian()
    if untested is not None:
        raise UnavailableError(untested)
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
    processor = next(
        (line for line in _read("/proc/cpuinfo").splitlines() if line.startswith("flags")), ""
    )
    packages = [f"{name} {importlib.metadata.version(name)}" for name in ("brian2", "numpy")]
    return "\n".join([compiler, version.stdout, *FLAGS, processor, *packages, sys.version])


@functools.cache
def _engine_sources() -> str:
    here = Path(__file__).parent
    texts = [(here / name).read_text() for name in _SOURCES]
    return _digest(*texts)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _digest(*parts: str | bytes) -> str:
    hasher = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        hasher.update(len(data).to_bytes(8, "little") + data)
    return hasher.hexdigest()[:32]


def fingerprint(plan: Blueprint) -> str:
    """Return the hash of the blueprint's structure and of the tools that would build it."""
    structure = json.dumps(plan.structure(), sort_keys=True)
    return _digest(structure, _engine_sources(), _tools())


def obtain(plan: Blueprint) -> Build:
    """Return the compiled network of `plan`, building it if the cache has no sound entry.

    Raises
    ------
    UnavailableError
        If there is no compiler, or a Brian2 that was never tested.
    CompilerError
        If the compiler refuses the network; the message names what it refused and ends with its
        first error.
    OSError
        If the cache folder cannot be written.
    """
    mark = fingerprint(plan)
    root = cache_folder()
    found = _look_up(root, mark)
    if found is not None:
        return found
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _lock(root, mark):
            found = _look_up(root, mark)  # another process may have built it meanwhile
            return found if found is not None else _build(root, mark, plan)
    except OSError as error:
        raise OSError(
            f"cache folder {root}: cannot be written ({error.strerror}: {error.filename}); "
            "set THREEFACTOR_CACHE to a writable folder."
        ) from error


def _look_up(root: Path, mark: str) -> Build | None:
    """Return the sound entry of a fingerprint, or None."""
    try:
        key = (root / "index" / mark).read_text().strip()
        folder = root / "entries" / key
        seal = json.loads((folder / "seal.json").read_text())
        if seal != _seal(folder):
            return None
        return Build(folder, json.loads((folder / "manifest.json").read_text()), was_built=False)
    except (OSError, ValueError):
        return None


def _seal(folder: Path) -> dict[str, str]:
    return {name: _digest((folder / name).read_bytes()) for name in _FILES}


def _build(root: Path, mark: str, plan: Blueprint) -> Build:
    with needed_only():
        from threefactor.models.engine.generation import generate, manifest_text

    source, manifest = generate(plan)
    text = manifest_text(manifest)
    key = _digest(source, text, _tools())
    folder = root / "entries" / key
    folder.parent.mkdir(exist_ok=True)
    (root / "index").mkdir(exist_ok=True)
    with _lock(root, key), tempfile.TemporaryDirectory(prefix="building-", dir=root) as name:
        was_built = _damaged(folder)
        if was_built:
            fresh = Path(name) / "entry"
            fresh.mkdir()
            (fresh / "network.cpp").write_text(source)
            (fresh / "manifest.json").write_text(text)
            _compile(fresh / "network.cpp", fresh / "library.so")
            (fresh / "seal.json").write_text(json.dumps(_seal(fresh)))
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(fresh, folder)
    index = root / "index" / f".{mark}.{os.getpid()}"
    index.write_text(key)
    os.replace(index, root / "index" / mark)
    return Build(folder, manifest, was_built)


def _damaged(folder: Path) -> bool:
    try:
        return json.loads((folder / "seal.json").read_text()) != _seal(folder)
    except (OSError, ValueError):
        return True


def _compile(source: Path, library: Path) -> None:
    compiler = find_compiler()
    command = [str(compiler), *FLAGS, str(source), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CompilerError(_refusal(str(compiler), source.read_text(), done.stderr))


def _refusal(compiler: str, source: str, messages: str) -> str:
    """Say in one line what the compiler refused: its first error, and the block that it is in."""
    errors = [line for line in messages.splitlines() if "error" in line]
    first = (errors or messages.splitlines() or ["?"])[0]
    place = re.match(r".*?:(\d+):", first)
    before = source.splitlines()[: int(place[1])] if place else []
    units = [line.split()[1] for line in before if line.startswith(f"namespace {UNIT}")]
    where = f" {units[-1].removeprefix(UNIT)} of" if units else ""
    what = first.partition("error:")[2].strip() or first
    return f"{compiler} refused{where} the network: {what}"


@contextmanager
def _lock(root: Path, mark: str) -> Iterator[None]:
    """Hold the lock of one fingerprint; the operating system frees it if the process dies."""
    folder = root / "locks"
    folder.mkdir(exist_ok=True)
    with open(folder / mark, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
