"""`list` remembers what it read off the parts, and never what is no longer so."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from threefactor.experiments.command_line import catalogue
from threefactor.experiments.command_line.entries import read_tables

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys
from threefactor.experiments.command_line.main import main
status = main(["list", "rules"])
print(sorted({"numpy", "gymnasium", "brian2"} & set(sys.modules)))
sys.exit(status)
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("THREEFACTOR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "catalogue.json"


def list_rules(root):
    """Return the lines of `list rules` in a process of its own, and what it has imported."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT], cwd=root, capture_output=True, text=True,
        check=False, env={**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *lines, imported = done.stdout.splitlines()
    return lines, imported


def test_the_second_list_imports_nothing_and_a_change_of_any_source_is_seen(cache, tmp_path):
    root = tmp_path / "checkout"
    for folder in catalogue.FOLDERS:
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    first, imported = list_rules(root)
    assert "numpy" in imported
    assert list_rules(root) == (first, "[]")
    rule, stat = root / "rules" / "stdp.py", (root / "rules" / "stdp.py").stat()
    rule.write_text(rule.read_text().replace('"""Pair', '"""Bear'))
    os.utime(rule, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as old as before
    changed, imported = list_rules(root)
    assert "numpy" in imported
    assert [line.replace("  Bear", "  Pair") for line in changed] == first != changed


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"sources": "others", "tables": {}}'])
def test_what_is_not_ours_is_read_anew(cache, content):
    cache.parent.mkdir()
    cache.write_text(content)
    assert catalogue.tables() == read_tables()


def test_what_was_imported_earlier_is_not_kept(cache):
    assert catalogue.tables() == read_tables()
    assert not cache.exists()


def test_sources_that_change_meanwhile_are_not_kept(cache, monkeypatch):
    for folder in ("models", "rules"):
        monkeypatch.delitem(sys.modules, f"threefactor.{folder}")
    hashes = iter(["before", "after", "before", "before"])
    monkeypatch.setattr(catalogue, "_hash_of_sources", lambda: next(hashes))
    catalogue.tables()
    assert not cache.exists()
    for folder in ("models", "rules"):
        sys.modules.pop(f"threefactor.{folder}", None)
    catalogue.tables()
    assert json.loads(cache.read_text())["sources"] == "before"


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("THREEFACTOR_CACHE", str(tmp_path / "file" / "cache"))
    assert list_rules(ROOT)[0][0] == "rules:"
