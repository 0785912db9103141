"""Classes of notebooks and scripts, written down with what they refer to and nothing else."""

import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from threefactor.experiments.parts.session import write_down

ROOT = Path(__file__).parents[3]
CELLS = [
    "from dataclasses import dataclass, field\nimport numpy as np\nimport os.path as paths",
    "raise SystemExit  # a cell that ends the kernel",
    "TAU = 20.0; OTHER = 3.0\nUNUSED = 1 / 0",
    "def broken(:",
    "class Base:\n    '''Old.'''\n\ndef double(x):\n    return 2 * x",
    "class Base:\n    '''New.'''\n    tau = TAU",
    "@dataclass(frozen=True)\nclass Mine(Base):\n    '''Mine.'''  # as written\n\n"
    "    rate: float = 0.5\n\n    def value(self):\n        return double(self.rate) + np.pi",
    "mine = Mine()\nraise ValueError('training')",
]


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("THREEFACTOR_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def session(monkeypatch):
    """Return a function that makes cells the session of this process."""

    def run(cells):
        main = ModuleType("__main__")
        main.In = ["", *cells]
        monkeypatch.setitem(sys.modules, "__main__", main)

    return run


def test_a_class_comes_with_what_it_refers_to_and_nothing_else(session):
    session(CELLS)
    path = write_down(type("Mine", (), {}))
    assert path.name == "Mine.py"
    text = path.read_text()
    found = runpy.run_path(str(path))
    assert found["Mine"]().value() == pytest.approx(1.0 + 3.141592653589793)
    assert found["Mine"].tau == 20.0
    assert found["Base"].__doc__ == "New."
    assert "# as written" in text
    for absent in ("UNUSED", "OTHER", "SystemExit", "ValueError", "paths", "Old."):
        assert absent not in text


def test_the_same_class_is_the_same_file(session):
    session(CELLS)
    kind = type("Mine", (), {})
    path = write_down(kind)
    session([*CELLS, "print(1)"])
    assert write_down(kind) == path
    session([*CELLS, "TAU = 30.0"])
    assert write_down(kind) != path


def test_what_a_star_or_the_future_brings_is_kept(session):
    imports = "from __future__ import annotations\nfrom math import *\nfrom string import *"
    session([imports, "class A:\n    x = sin(0)"])
    assert runpy.run_path(str(write_down(type("A", (), {}))))["A"].x == 0.0


def test_a_session_without_source_is_refused():
    code = (
        "from threefactor.experiments.parts.session import write_down\n"
        "class A: pass\ntry:\n    write_down(A)\nexcept ValueError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("A: this session keeps no source of it; write it into a file")


def test_a_script_is_not_run_again(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from threefactor.experiments.parts.session import write_down\n"
        "class A:\n    x = 3\n\nprint(write_down(A).read_text())\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout == "class A:\n    x = 3\n\n"
