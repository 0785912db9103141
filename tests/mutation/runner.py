"""Runs tests on mutants: a warm process forks, so that a mutant costs its tests and little more.

The process has imported what the library needs, but nothing of the library. Each child works in a
copy of the checkout of its own slot, in which one file is mutated.
"""

import gc
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.mutants import Mutant
from tests.mutation.targets import DESELECTED

WARM = (
    "numpy", "scipy.stats", "scipy.optimize", "brian2", "h5py", "gymnasium", "yaml",
    "tqdm", "matplotlib.pyplot",
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What the tests said: "survived", "failed", "broken" (nothing ran) or "timeout".

    `test` is the first that failed.
    """

    outcome: str
    test: str
    seconds: float


@dataclass
class _FirstFailure:
    name: str = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid


@dataclass(frozen=True)
class _OwnNamesOnly:
    """Leaves out what is asked of the other rules and modulators of the tables."""

    path: str

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        from threefactor.rules import RULES
        from threefactor.rules.modulators import MODULATORS

        module = ".".join(("threefactor", *Path(self.path).with_suffix("").parts))
        tables: dict[str, type] = {**RULES, **MODULATORS}
        own = {name for name, kind in tables.items() if kind.__module__ == module}
        if own:
            others = tables.keys() - own
            items[:] = [item for item in items if _name_asked(item) not in others]


def _name_asked(item: Any) -> Any:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("name") if callspec else None


@dataclass
class Slot:
    """A copy of the checkout in which one mutant at a time is tested."""

    root: Path
    pid: int = 0
    mutant: Mutant | None = None
    began: float = field(default=0.0)

    @classmethod
    def copied(cls, checkout: Path, root: Path) -> "Slot":
        """Return a slot with a copy of every file that git does not ignore."""
        shutil.rmtree(root, ignore_errors=True)
        command = ["git", "ls-files", "-co", "--exclude-standard"]
        listed = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
        for name in filter(lambda name: (checkout / name).is_file(), listed.stdout.splitlines()):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(checkout / name, root / name)
        subprocess.run([sys.executable, "-m", "compileall", "-q", "."], cwd=root, check=True)
        return cls(root)

    def begin(self, mutant: Mutant, tests: Sequence[str]) -> None:
        """Fork a process that tests a mutant."""
        self._write(mutant.path, mutant.source)
        self.mutant, self.began, self.pid = mutant, time.monotonic(), os.fork()
        if not self.pid:
            _test(self.root, mutant.path, tests)

    def end(self, checkout: Path, limit: float) -> Verdict | None:
        """Return the verdict if there is one by now, with the file as it was."""
        assert self.mutant is not None
        seconds, (pid, status) = time.monotonic() - self.began, os.waitpid(self.pid, os.WNOHANG)
        if not pid and seconds < limit:
            return None
        if not pid:
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self._write(self.mutant.path, (checkout / self.mutant.path).read_text())
        self.mutant = None
        if not pid:
            return Verdict("timeout", "", seconds)
        code = os.waitstatus_to_exitcode(status)
        if code == pytest.ExitCode.NO_TESTS_COLLECTED:
            raise ValueError("no test was found: look at tests/mutation/targets.py")
        said = self.root / ".verdict.json"
        test = json.loads(said.read_text()) if said.exists() else ""
        outcome = "survived" if code == 0 else "failed" if test else "broken"
        return Verdict(outcome, test, seconds)

    def _write(self, name: str, source: str) -> None:
        """Write a file and forget its bytecode, which knows it by size and second only."""
        path = self.root / name
        path.write_text(source)
        for old in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            old.unlink()


def _test(root: Path, path: str, tests: Sequence[str]) -> None:
    """Run tests in a child that never returns."""
    code: int = pytest.ExitCode.INTERNAL_ERROR
    try:
        os.setsid()
        os.chdir(root)
        silence = os.open(root / ".output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        said = root / ".verdict.json"
        said.unlink(missing_ok=True)
        for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
            del sys.modules[name]
        sys.path[:] = [str(root), *(entry for entry in sys.path if entry)]
        failure = _FirstFailure()
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        options = ["-x", "-q", "-p", "pytest_timeout", "-p", "no:cacheprovider"]
        options += ["-m", "not slow", "-k", DESELECTED]
        options += ["-W", "ignore::ResourceWarning"]  # the log that Brian2 opened before the fork
        code = pytest.main([*options, *tests], plugins=[failure, _OwnNamesOnly(path)])
        said.write_text(json.dumps(failure.name))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def warm_up() -> None:
    """Import what takes long to import and is not ours."""
    for name in WARM:
        importlib.import_module(name)
    gc.freeze()


def verdicts(
    work: Sequence[tuple[Mutant, Sequence[str]]],
    limits: dict[str, float],
    checkout: Path,
    slots: Sequence[Slot],
) -> Iterator[tuple[Mutant, Verdict]]:
    """Yield mutants with their verdicts as they come; `limits` are in seconds, by path."""
    waiting = iter(work)
    free, busy = list(slots), []
    while True:
        while free and (task := next(waiting, None)) is not None:
            slot = free.pop()
            slot.begin(*task)
            busy.append(slot)
        if not busy:
            return
        for slot in list(busy):
            mutant = slot.mutant
            assert mutant is not None
            verdict = slot.end(checkout, limits[mutant.path])
            if verdict is not None:
                busy.remove(slot)
                free.append(slot)
                yield mutant, verdict
        time.sleep(0.01)
