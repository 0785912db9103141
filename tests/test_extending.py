"""docs/extending.md does what it shows, section by section: files, checks, training."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import run
from threefactor.experiments.parts.kinds import KINDS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
#: Sections of a kind of part that has its files on this page.
WORKED = [name for name in SECTIONS if name != "Agent"]
QUICK = [
    "--engine", "runtime-numpy", "--episodes", "2", "--max-episode-steps", "4", "--quiet",
    "--reference-episodes", "0", "--no-figures",
]  # fmt: skip


def follow(section, capfd):
    """Write the section's files and type its commands; return (command, status, as shown)."""
    done = []
    for info, block in re.findall(r"^```(.+?)\n(.*?)^```$", SECTIONS[section], re.S | re.M):
        if info == "console":
            command, _, expected = block.partition("\n")
            status = type_in(command.removeprefix("$ python ").split())
            printed = without_times(capfd.readouterr().out)
            done.append((command, status, printed.startswith(without_times(expected))))
        else:
            Path(info.removeprefix("python ")).write_text(block)
    return done


def type_in(words):
    """Run a command of the page, training shortened; return its status."""
    if words[0] != "run.py":
        known = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run([sys.executable, *words], env=known, check=False).returncode
    return run.main([*words[1:], *(QUICK if words[1] == "train" else [])])


def without_times(text):
    return re.sub(r"[\d.]+ s\)", "# s)", text)


@pytest.mark.parametrize("section", WORKED)
def test_a_section_does_what_it_shows(section, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    done = follow(section, capfd)
    assert [row for row in done if row[1:] != (0, True)] == []
    assert {"check", "train"} <= {
        command.split()[3] for command, _, _ in done if "run.py" in command
    }
    (kept,) = tmp_path.glob("runs/**/parts")
    assert {path.name for path in kept.iterdir()} <= {path.name for path in tmp_path.iterdir()}
    if section == "Architecture":
        goes_without_its_originals(tmp_path, monkeypatch)


def goes_without_its_originals(home, monkeypatch):
    """Evaluate the run in another place, when the user's files are gone."""
    shutil.move(home / "runs" / "wired", home / "moved")
    assert {path.name for path in (home / "moved" / "parts").iterdir()} == {
        "wired.py", "wiring.npy"
    }  # fmt: skip
    for name in ("wired.py", "wiring.npy", "make_wiring.py"):
        (home / name).unlink()
    (home / "elsewhere").mkdir()
    monkeypatch.chdir(home / "elsewhere")
    assert run.main(["evaluate", "../moved", "--episodes", "2"]) == 0


def test_every_kind_has_its_section():
    options = set(re.findall(r"`--([-a-z]+)`", PAGE.partition("\n## ")[0]))
    assert options == set(KINDS) | {"critic-rule", "critic-neuron"}
    linked = set(re.findall(r"\]\(#([-a-z]+)\)", PAGE))
    assert linked == {name.lower().replace(" ", "-") for name in SECTIONS}
