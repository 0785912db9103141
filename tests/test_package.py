"""The package: its public face, what is installed, and that the installed library works alone."""

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

import threefactor
from threefactor.program import command_line, program_name

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = SETTINGS["tool"]["setuptools"]
FOLDERS = [name for name in SETUPTOOLS["package-dir"].values() if name != "threefactor"]
NAMES = [name for name in threefactor.__all__ if not name.startswith("_")]
HEAVY = {"brian2", "scipy", "matplotlib", "sympy"}


def python(code, *arguments, cwd=ROOT, **environment):
    """Run code in a Python of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=cwd, text=True, check=False,
        capture_output=True, env={**os.environ, **environment}, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


LOADED = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def test_importing_the_face_loads_nothing_but_the_standard_library():
    loaded = set(python(f"import threefactor; {LOADED}").split())
    outside = loaded - set(sys.stdlib_module_names) - set(python(LOADED).split())
    assert outside == {"threefactor"}


@pytest.mark.parametrize("name", ["Rule", "NetworkSpec", "Encoder", "Schedule", "RULES"])
def test_what_a_file_of_ones_own_imports_loads_nothing_heavy(name):
    assert not HEAVY & set(python(f"from threefactor import {name}; {LOADED}").split())


def test_every_public_name_is_what_its_module_defines():
    everything = {}
    exec("from threefactor import *", everything)
    for name, module in threefactor._MODULES.items():
        defined = getattr(importlib.import_module(f"threefactor.{module}"), name)
        assert getattr(threefactor, name) is defined
        assert everything[name] is defined


def test_type_checkers_see_the_same_table():
    stub = ast.parse((ROOT / "threefactor" / "__init__.pyi").read_text())
    seen = {
        alias.asname: node.module.removeprefix("threefactor.")
        for node in stub.body if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }  # fmt: skip
    assert seen == threefactor._MODULES


def test_docstring_is_the_table_of_contents():
    assert [name for name in NAMES if f"`{name}`" not in threefactor.__doc__] == []
    assert set(dir(threefactor)) == set(threefactor.__all__)


def test_an_unknown_name_is_an_attribute_error_that_python_can_complete():
    with pytest.raises(AttributeError, match="no attribute 'Rul'") as caught:
        _ = threefactor.Rul
    assert (caught.value.name, caught.value.obj) == ("Rul", threefactor)


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_folder_is_imported_under_its_bare_name(folder):
    text = f"this folder is threefactor.{folder}: import it by that name"
    code = (
        f"try:\n    import {folder}\nexcept ImportError as error:\n    print(error)\n"
        f"import threefactor.{folder}"
    )
    assert python(code).strip() == text


TWICE = """
import sys
from collections import Counter
from threefactor.experiments.command_line.main import main
arguments = "train --env threefactor.envs:GridWorld-v0 --episodes 1 --max-episode-steps 3 --quiet"
assert main([*arguments.split(), "--reference-episodes", "0", "--out", sys.argv[1]]) == 0
files = [getattr(module, "__file__", None) or "" for module in sys.modules.values()]
ours = Counter(file for file in files if file.startswith(sys.argv[2]) and "/.venv/" not in file)
print(len(ours), [file for file, count in ours.items() if count > 1])
"""


def test_a_run_loads_no_module_twice(tmp_path):
    count, _, twice = python(TWICE, tmp_path / "run", ROOT).splitlines()[-1].partition(" ")
    assert int(count) > 50
    assert twice == "[]"


THREADS = """
import os, sys
class Spy:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            print(*(os.environ[f"{library}_NUM_THREADS"] for library in ("OMP", "OPENBLAS", "MKL")))
sys.meta_path.insert(0, Spy())
import importlib
importlib.import_module(sys.argv[1]).main(["card", "rstdp"])
"""


@pytest.mark.parametrize("door", ["run", "threefactor.__main__"])
def test_numpy_finds_one_thread(door, monkeypatch, tmp_path):
    monkeypatch.setenv("THREEFACTOR_CACHE", str(tmp_path))  # a remembered list needs no NumPy
    for library in ("OMP", "OPENBLAS", "MKL"):
        monkeypatch.delenv(f"{library}_NUM_THREADS", raising=False)
    assert python(THREADS, door).splitlines()[0] == "1 1 1"


def test_a_python_that_is_too_old_is_told_so():
    code = (
        "import runpy, sys\nsys.version_info = (3, 8, 1)\n"
        "runpy.run_path('run.py', run_name='__main__')"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    text = "error: threefactor needs Python 3.11 or newer, got 3.8.\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", text)


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("run.py", "python run.py"), ("../checkout/run.py", "python run.py"),
        ("/usr/bin/threefactor", "threefactor"), ("/lib/ipykernel/__main__.py", "threefactor"),
        ("/lib/threefactor/__main__.py", "python -m threefactor"),
    ],
)  # fmt: skip
def test_the_program_is_called_what_the_user_called_it(script, name, monkeypatch):
    monkeypatch.setattr(sys, "argv", [script, "card", "a b"])
    assert program_name() == name
    assert command_line() == ("Python" if "ipykernel" in script else f"{name} card 'a b'")


def test_every_package_is_installed():
    found = {
        ".".join(("threefactor", *file.parent.relative_to(ROOT).parts))
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("__init__.py")
    }
    assert set(SETUPTOOLS["packages"]) == {"threefactor", *found}


def test_every_file_of_a_package_is_installed():
    """A module belongs to a listed package; anything else needs a pattern of package data."""
    patterns = [
        f"{name.removeprefix('threefactor.').replace('.', '/')}/{pattern}"
        for name, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
    ]
    folders = {ROOT / name.removeprefix("threefactor.").replace(".", "/")
               for name in SETUPTOOLS["packages"]}  # fmt: skip
    for folder in ("threefactor", *FOLDERS):
        for file in (ROOT / folder).rglob("*"):
            if file.is_dir() or file.suffix == ".pyc":
                continue
            path = str(file.relative_to(ROOT))
            is_module = file.suffix == ".py" and file.parent in folders
            assert is_module or any(fnmatch(path, pattern) for pattern in patterns), path


def test_contributing_names_tables_and_files_that_exist():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    for path in re.findall(r"`((?:\w+/)+(?:\w+\.\w+)?)`", page):
        assert (ROOT / path).exists(), path
    tables = re.findall(r"\| `([A-Z_]+)` in `([\w/.]+)`", page)
    assert {table for table, _ in tables} == {name for name in NAMES if name.isupper()}
    for table, path in tables:
        assert f"\n{table}: " in (ROOT / path).read_text()


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == threefactor.__version__
    assert citation["license"] == SETTINGS["project"]["license"]


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """The wheel and the source distribution, built from a copy of the checkout."""
    folder = tmp_path_factory.mktemp("distributions")
    copy = folder / "checkout"
    unwanted = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")

    def ignored(path: str, names: list[str]) -> set[str]:
        return unwanted(path, names) | ({"runs"} if Path(path) == ROOT else set())

    shutil.copytree(ROOT, copy, ignore=ignored)
    build = "import sys; from setuptools import build_meta as b; b.build_{}(sys.argv[1])"
    for kind in ("sdist", "wheel"):
        python(build.format(kind), folder, cwd=copy, PYTHONWARNINGS="default")
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


def test_the_wheel_holds_the_library_and_nothing_else(distributions):
    held = {
        name for name in zipfile.ZipFile(distributions[0]).namelist() if "dist-info" not in name
    }
    expected = {
        str(Path("threefactor", folder if folder != "threefactor" else "", name))
        for folder in ("threefactor", *FOLDERS)
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
        for name in [file.relative_to(ROOT / folder)]
    }
    assert held == expected


def test_the_source_distribution_is_the_checkout(distributions):
    with tarfile.open(distributions[1]) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    ours = (
        "*.py",
        "*.md",
        "*.toml",
        "*.txt",
        "*.json",
        "*.yaml",
        "*.h",
        "*.cpp",
        "*.cff",
        "*.ipynb",
    )
    missing = [
        path
        for pattern in (*ours, "LICENSE", "Makefile")
        for file in ROOT.rglob(pattern)
        if not (path := str(file.relative_to(ROOT))).startswith((".", "runs/", "build/"))
        and ".egg-info" not in path and path not in held
    ]  # fmt: skip
    assert missing == []


MINE = '''
from dataclasses import dataclass
from threefactor import Rule

@dataclass(frozen=True)
class Mine(Rule):
    """Moves every weight with the third factor."""

    consolidate = "w += learning_rate*third_factor"
'''


def test_the_installed_command_works_from_any_folder(distributions, tmp_path):
    """Installed beside the packages of this Python; the checkout is nowhere on the path."""
    target, empty = tmp_path / "target", tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "mine.py").write_text(MINE)
    install = ["install", "-q", "--no-deps", "--no-index", "--target", target, distributions[0]]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True)

    def call(*words):
        done = subprocess.run(
            [target / "bin" / "threefactor", *words], cwd=empty, capture_output=True, text=True,
            check=False, env={**os.environ, "PYTHONPATH": str(target)}, timeout=300,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    version = f"threefactor {threefactor.__version__}\n"
    assert call("--version") == (0, version, "")
    status, out, _ = call("check", "../mine.py:Mine", "--engine", "runtime-numpy")
    assert out.startswith("Mine: ")
    words = "--episodes 2 --max-episode-steps 3 --quiet --no-figures --reference-episodes 0"
    status, out, err = call("train", "--rule", "../mine.py:Mine", "--out", "run", *words.split())
    assert (status, err) == (0, "")
    assert out.endswith("run: run\n")
    status, out, err = call("check")
    assert (status, out) == (2, "")
    assert "see `threefactor check --help`" in err
