"""Whose line raised: users are shown theirs, never ours or a library's."""

import json
from pathlib import Path

import numpy as np
import pytest

from threefactor.blame import described, is_installed, is_ours, user_place
from threefactor.naming import check_choice


def raised_by(function):
    with pytest.raises(BaseException) as raised:  # noqa: PT011
        function()
    error = raised.value
    error.__traceback__ = error.__traceback__.tb_next  # without this file's own frame
    return error


@pytest.fixture
def user(tmp_path):
    """Return a function that defines `act` in a file of a user."""

    def define(code):
        path = tmp_path / "mine.py"
        path.write_text(f"def act():\n    {code}\n")
        names = {"np": np, "json": json, "check_choice": check_choice}
        exec(compile(path.read_text(), str(path), "exec"), names)
        return names["act"]

    return define


@pytest.mark.parametrize(
    "code", ["raise KeyError('x')", "json.loads('{')", "np.zeros(2).reshape(3)", "raise SystemExit"]
)
def test_the_line_of_the_user_is_found_below_libraries(code, user):
    error = raised_by(user(code))
    place = user_place(error)
    assert (place.file.name, place.line, place.function, place.code) == ("mine.py", 2, "act", code)
    assert described(error).startswith(type(error).__name__)
    assert described(error).endswith(f"(mine.py, line 2, in act: `{code}`)")


def test_errors_of_our_own_name_their_cause_themselves(user):
    error = raised_by(user("check_choice('rule', 'x', ['y'])"))
    assert user_place(error) is None
    assert described(error) == "ValueError: Unknown rule 'x'. Known: y."


def test_notes_follow(user):
    error = raised_by(user("raise ValueError"))
    error.add_note("episode 3")
    assert described(error) == "ValueError (mine.py, line 2, in act: `raise ValueError`), episode 3"


def test_whose_files_are_whose():
    root = Path(__file__).parents[2]
    assert is_ours(root / "envs" / "gridworld.py")
    assert not is_ours(root / "examples" / "any.py")
    assert not is_installed(root / "examples" / "any.py")
    for module in (np, json):
        assert is_installed(Path(module.__file__))
