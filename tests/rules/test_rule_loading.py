"""Rules by registry name or from a user's file."""

import re
import sys

import pytest

from threefactor.rules import RULES, load_rule

GOOD = """
from dataclasses import dataclass
from threefactor import Rule

@dataclass(frozen=True)
class Hebb(Rule):
    learning_rate: float = 0.5
    on_post = "w += learning_rate"

class Unrelated:
    pass
"""


@pytest.fixture
def user_file(tmp_path):
    def write(text):
        path = tmp_path / "my_rule.py"
        path.write_text(text)
        return path

    yield write
    for name in [name for name in sys.modules if name.startswith("threefactor_user_")]:
        del sys.modules[name]


@pytest.mark.parametrize("name", RULES)
def test_registry_names(name):
    assert load_rule(name) is RULES[name]


def test_class_in_a_file(user_file):
    rule = load_rule(f"{user_file(GOOD)}:Hebb")
    assert rule().learning_rate == 0.5


def test_unknown_name_suggests_and_lists():
    with pytest.raises(ValueError, match="Unknown rule 'rsdtp'") as caught:
        load_rule("rsdtp")
    assert "Did you mean 'rstdp'?" in str(caught.value)
    assert all(name in str(caught.value) for name in RULES)


def test_missing_file():
    with pytest.raises(ValueError, match="there is no file 'nowhere.py'"):
        load_rule("nowhere.py:Hebb")


@pytest.mark.parametrize("suffix", [":Hobb", ""])
def test_no_such_class_names_those_there_are(user_file, suffix):
    path = user_file(GOOD)
    with pytest.raises(ValueError, match=re.escape("it has: Hebb (classes derived")):
        load_rule(f"{path}{suffix}")


@pytest.mark.parametrize("text", ["import no_such_module", "def broken(:", "1/0"])
def test_import_error_is_one_line(user_file, text):
    with pytest.raises(ValueError, match="cannot be imported") as caught:
        load_rule(f"{user_file(text)}:Hebb")
    assert "\n" not in str(caught.value)


def test_contract_violation_is_named(user_file):
    path = user_file(GOOD.replace("w += learning_rate", "w += learning_rat"))
    message = r"Hebb.on_post, line 1, .* 'learning_rat'. Did you mean 'learning_rate'"
    with pytest.raises(ValueError, match=message):
        load_rule(f"{path}:Hebb")
