"""Made up commands and settings: none a traceback, none hangs, none harms data."""

import pytest

from tests.reliability import fuzzing
from tests.reliability.fuzzing import fuzz, report

#: So many in the quick tests, and in the slow ones.
FEW, MANY = 30, 600


@pytest.mark.parametrize("n", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_every_command_runs_or_gives_one_clear_line(n):
    outcomes = fuzz(n, random_seed=n)
    assert sum(outcomes.counts.values()) == n
    assert outcomes.faults == [], report(outcomes)
    assert set(outcomes.counts) == {"ran", "one line, exit 2"}


def test_what_should_not_be_is_seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "pristine").mkdir()
    home = fuzzing._Home(
        tmp_path / "data", tmp_path / "pristine", fuzzing._digest(tmp_path / "data")
    )
    monkeypatch.setattr(fuzzing, "ENOUGH_S", 0.05)
    monkeypatch.setattr(fuzzing, "DEADLINE_S", 0.1)

    def told(does):
        monkeypatch.setattr(fuzzing.command_line, "main", does)
        return home.outcome(["any"])[0]

    def fail(words):
        raise KeyError("x")

    def harm(words):
        (tmp_path / "data" / "new").touch()
        return say("error: no such run.\n")(words)

    def wait(words):
        while True:
            pass

    def say(text, status=2):
        def command(words):
            print(text, end="", file=fuzzing.sys.stderr)
            return status

        return command

    assert told(fail) == "traceback"
    assert told(wait) == "hangs"
    assert told(harm) == "harms data"
    assert told(say("", 3)) == "exit status"
    assert told(say("", 0)) == "ran"
    assert told(say("error: no such run.\n")) == "one line, exit 2"
    assert told(say("error: 'NoneType' object is not iterable\n")) == "unclear"
    assert told(say("error: a\nerror: b\n")) == "unclear"
