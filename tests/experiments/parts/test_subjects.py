"""What a check may be given, and which kind it is found to be."""

import re

import gymnasium
import pytest

from threefactor.envs.identity import Identity
from threefactor.experiments.parts.kinds import KINDS
from threefactor.experiments.parts.subjects import find_subject
from threefactor.rules import RULES

FILE = """
import gymnasium
from threefactor.envs.identity import Identity

class Mine(Identity):
    pass

class Plain:
    pass

gymnasium.register("Mine-v0", entry_point=Mine)
"""


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "env"])
def test_names_classes_and_instances(kind):
    for name, part in KINDS[kind].table.items():
        assert find_subject(name) == find_subject(name, kind) == find_subject(part) == (kind, part)
    assert find_subject(part()) == (kind, part())


def test_environments(write):
    assert find_subject("CartPole-v1") == ("env", "CartPole-v1")
    assert find_subject("package:Id-v0") == ("env", "package:Id-v0")
    assert find_subject(Identity)[1].entry_point is Identity
    path = write(FILE)
    assert find_subject(f"{path}:Mine-v0")[1].id == "Mine-v0"
    assert find_subject(f"{path}:Mine")[1].id == "Mine"
    spec = gymnasium.spec("CartPole-v1")
    assert find_subject(spec) == ("env", spec)


def test_a_name_of_two_kinds_needs_its_kind(monkeypatch):
    monkeypatch.setitem(KINDS["update"].table, "rstdp", KINDS["update"].table["plain"])
    with pytest.raises(ValueError, match="several parts: choose --kind rule or --kind update"):
        find_subject("rstdp")
    assert find_subject("rstdp", "rule") == ("rule", RULES["rstdp"])


@pytest.mark.parametrize(
    ("part", "kind", "message"),
    [
        ("onehot", None, "Unknown part 'onehot'. Did you mean 'one-hot'?"),
        ("CartPole-v9", None, "Unknown part 'CartPole-v9'. Did you mean 'CartPole-v1'?"),
        ("lif", "encoder", "Unknown encoder 'lif'."),
        ("lif", "cell", "Unknown kind 'cell'. Known: agent, env, rule"),
        (3, None, "3 is no part; derive it from one of threefactor's bases."),
        (Identity(), None, "give an environment by its class or id"),
    ],
)
def test_what_is_no_part(part, kind, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        find_subject(part, kind)


def test_a_plain_class_of_a_file(write):
    with pytest.raises(ValueError, match="mine.py:Plain: Plain is no part; derive it from one of"):
        find_subject(f"{write(FILE)}:Plain")
