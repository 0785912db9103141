"""README.md does what it says: its rule passes the check, and every command runs as typed."""

import re
import textwrap
from pathlib import Path

import pytest

import run
from threefactor.experiments.command_line.main import COMMANDS as KNOWN

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SAMPLE = r"^    from dataclasses import.*?^        consolidate = [^\n]*$"
RULE = textwrap.dedent(re.findall(SAMPLE, README, re.DOTALL | re.MULTILINE)[0])
COMMANDS = re.findall(r"^    python run\.py (.*?)(?:\s+#.*)?$", README, re.MULTILINE)
#: What makes a command short: added, in place of what the command says of an option.
SHORT = {
    "train": "--max-episode-steps 5 --reference-episodes 0 --no-figures --quiet --episodes 2",
    "evaluate": "--episodes 1",
    "plot": "",
    "analyse": "",
    "compare": "",
    "check": "--engine runtime-numpy",
    "card": "--budget 0.002",
    "sweep": "",
    "tune": "--max-episode-steps 5 --reference-episodes 0 --episodes 1 --trials 1",
    "runs": "",
    "reproduce": "--budget 0.001 --seeds 1",
    "list": "",
}


def shortened(command):
    """Return the words of a command with the options that make it short."""
    subcommand, *words = command.split()
    extra = SHORT[subcommand].split()
    if "--resume" in words:
        extra = ["--quiet", "--no-figures", "--episodes", "3"]
    for option in [word for word in extra if word.startswith("--") and word in words]:
        at = words.index(option)
        del words[at : at + 2]
    return [subcommand, *words, *extra]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the rule of the README and the examples, from which commands are typed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "my_rule.py").write_text(RULE + "\n")
    return tmp_path


def test_rule_passes_the_check_exactly_as_typed(folder, capsys):
    (command,) = {command for command in COMMANDS if command.startswith("check ")}
    assert run.main(command.split()) == 0
    assert "MyRule: 16 ok (" in capsys.readouterr().out


def test_every_command_is_named_and_every_training_is_possible(folder, capsys):
    assert {command.split()[0] for command in COMMANDS} == set(KNOWN)
    training = [c for c in COMMANDS if c.startswith("train") and "--resume" not in c]
    assert len(training) > 5
    for command in training:
        assert run.main([*command.split(), "--print-config"]) == 0, command


@pytest.mark.slow
def test_every_command_runs(folder, capsys):
    for command in COMMANDS:
        assert run.main(shortened(command)) == 0, command
        assert capsys.readouterr().out
    assert (folder / "runs" / "car" / "DONE").exists()
    assert list((folder / "runs" / "cards").glob("*.html"))


def test_make_targets_and_folders_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make (run|test[-\w]*|check|lint)\b", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for path in re.findall(r"\]\(([^)]+)\)|^\| `(\w+/)`", README, re.MULTILINE):
        assert (ROOT / (path[0] or path[1])).exists(), path
