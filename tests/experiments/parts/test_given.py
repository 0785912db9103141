"""Parts given as classes and instances run as the same parts given by name do."""

import importlib
import sys

import numpy as np
import pytest

import threefactor
from threefactor.experiments.layers import configure
from threefactor.experiments.parts.given import name_of_class
from threefactor.rules import RULES

MINE = '''
from dataclasses import dataclass
from threefactor import Rule

@dataclass(frozen=True)
class Mine(Rule):
    """Moves every weight with the third factor."""

    learning_rate: float = 0.5
    consolidate = "w += learning_rate*third_factor"
'''
SMALL = {
    "env": "Identity-v0", "max_episode_steps": 5, "episodes": 2, "window_ms": 5.0,
    "reference_episodes": 0, "model": {"name": "feed-forward", "neurons_per_action": 2},
    "modulator": "reward", "engine": "runtime-numpy",
}  # fmt: skip


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A rule of a module that can be imported."""
    (tmp_path / "my_module.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("my_module").Mine
    del sys.modules["my_module"]


def test_classes_and_instances_of_the_registry_go_by_its_names():
    rule = RULES["rstdp-et"]
    by_name = configure(rule="rstdp-et", episodes=3)
    assert configure(rule=rule, episodes=3) == by_name
    assert configure(rule={"name": rule}, episodes=3) == by_name
    instance = rule(learning_rate=0.25)
    other = configure(rule=instance)
    assert (other.names["rule"], other.parts["rule"]) == ("rstdp-et", instance)
    encoder = threefactor.ENCODERS["gaussian"]()
    assert configure(encoder=encoder, env="CartPole-v1").parts["encoder"] == encoder


def test_a_class_of_ones_own_is_named_by_its_file(mine, tmp_path):
    for given in (mine, mine(learning_rate=0.25), {"name": mine}):
        config = configure(rule=given)
        assert config.names["rule"] == f"{tmp_path / 'my_module.py'}:Mine"
    assert configure(rule=mine(learning_rate=0.25)).parts["rule"].learning_rate == 0.25
    assert (
        configure(rule=mine, **{"rule.learning_rate": 0.125}).parts["rule"].learning_rate == 0.125
    )


def test_a_run_with_a_class_can_be_evaluated_and_resumed(mine, tmp_path):
    result = threefactor.train(SMALL, rule=mine, out=tmp_path / "run", quiet=True)
    weights = result.weights("policy").values
    assert np.any(weights[-1] != weights[0])
    assert threefactor.evaluate(result, 2).returns.shape == (1, 2)
    assert threefactor.resume(result.path, 3, quiet=True).returns.shape == (1, 3)


def test_a_class_within_a_function_is_refused(mine):
    class Local(threefactor.Rule):
        pass

    with pytest.raises(ValueError, match=r"Local: expected a class at the top level of a file"):
        configure(rule=Local)


def test_a_class_without_a_file_is_refused():
    with pytest.raises(ValueError, match="Made: its module 'nowhere' has no file"):
        name_of_class(type("Made", (), {"__module__": "nowhere"}), {})
