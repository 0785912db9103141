"""docs/write_a_rule.md does what it shows, command by command; so do the examples."""

import re
from pathlib import Path

import pytest

import run
from threefactor.experiments.checks.rules import CHECKS, check_rule
from threefactor.experiments.parts.kinds import load_part

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "write_a_rule.md").read_text()
BLOCKS = re.findall(r"^```(python|python edit|console)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
CHANGING = ((r"[\d.]+ s\)", "# s)"), (r"deviation (below )?[-\d.e]+", "deviation #"))


def normalised(text):
    for pattern, replacement in CHANGING:
        text = re.sub(pattern, replacement, text)
    return text.rstrip("\n")


def shows(expected, printed):
    """Whether `printed` is `expected`, a line of dots standing for any lines."""
    parts = re.split(r"^ *\.\.\.$", normalised(expected), flags=re.MULTILINE)
    pattern = ".*".join(re.escape(part.strip("\n")) for part in parts)
    return re.fullmatch(pattern, normalised(printed).strip("\n"), re.DOTALL) is not None


def type_in(block, path, capsys, extra=()):
    """Run a console block and return whether it prints what the page shows, and its status."""
    command, _, expected = block.partition("\n")
    words = command.removeprefix("$ python run.py ").split()
    status = run.main([*words, *extra])
    return shows(expected, capsys.readouterr().out), status


def follow(subcommand, tmp_path, capsys, extra):
    """Follow the page; return (is as shown, status) of each command of this kind."""
    path, done = tmp_path / "my_rule.py", []
    for kind, block in BLOCKS:
        if kind == "python":
            path.write_text(block)
        elif kind == "python edit":
            for line in block.splitlines():
                before, after = line.split(" -> ")
                assert before in path.read_text()
                path.write_text(path.read_text().replace(before, after))
        elif f" {subcommand} " in block.splitlines()[0]:
            done.append(type_in(block, path, capsys, extra))
    return done


def test_checks_print_what_the_page_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    done = follow("check", tmp_path, capsys, ())
    assert done == [(True, 1), (True, 1), (True, 0)]


def test_training_runs_as_typed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    done = follow("train", tmp_path, capsys, ("--episodes", "5", "--no-figures"))
    assert [status for _, status in done] == [0, 0]


@pytest.mark.slow
def test_training_prints_what_the_page_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert follow("train", tmp_path, capsys, ()) == [(True, 0), (True, 0)]


def test_page_shows_the_example_and_names_every_check():
    assert (ROOT / "examples" / "my_rule.py").read_text() in [block for _, block in BLOCKS]
    assert re.findall(r"^\| `([-a-z]+)` \| ", PAGE, re.MULTILINE)[: len(CHECKS)] == list(CHECKS)


@pytest.mark.parametrize("name", ["my_rule.py:MyRule", "bcm_reward.py:RewardedBCM"])
def test_examples_pass(name):
    path = ROOT / "examples" / name
    assert len(Path(str(path).rpartition(":")[0]).read_text().splitlines()) < 60
    report = check_rule(load_part("rule", str(path)), ("runtime-numpy",))
    assert report.failures == ()
