"""Every kind of part by name and from a user's file; classes that are not what they should be."""

import re

import pytest

from threefactor.experiments.parts.kinds import KINDS, find_class, kind_of, load_part

HEAD = """
from dataclasses import dataclass
import gymnasium
from threefactor.agents.plastic.learning_signals import SymmetricFeedback
from threefactor.agents.plastic.settings import PlasticSettings
from threefactor.agents.plastic.schedules import Interval, Schedule
from threefactor.envs.bridge import Encoder
from threefactor.envs.bridge.encoders.one_hot import OneHot
from threefactor.envs.bridge.decoders.discrete import Argmax
from threefactor.models import Architecture
from threefactor.models.architectures.feedforward import FeedForward
from threefactor.models.neurons import LIF
from threefactor.rules.contract import Rule
from threefactor.rules.modulators.reward import Reward
from threefactor.rules.updates import WeightUpdate
"""
#: Kind -> what a user's class of this kind says.
CLASSES = {
    "agent": "@dataclass(frozen=True)\nclass Mine(PlasticSettings):\n    pass",
    "env": "class Mine(gymnasium.Env):\n    def reset(self): pass\n    def step(self, a): pass",
    "rule": "@dataclass(frozen=True)\nclass Mine(Rule):\n    on_post = 'w += learning_rate'",
    "model": "@dataclass(frozen=True)\nclass Mine(FeedForward):\n    pass",
    "neuron": "@dataclass(frozen=True)\nclass Mine(LIF):\n    pass",
    "encoder": "@dataclass(frozen=True)\nclass Mine(OneHot):\n    pass",
    "decoder": "@dataclass(frozen=True)\nclass Mine(Argmax):\n    pass",
    "modulator": "@dataclass(frozen=True)\nclass Mine(Reward):\n    gain: float = 2.0",
    "learning-signal": "@dataclass(frozen=True)\nclass Mine(SymmetricFeedback):\n    pass",
    "update": "@dataclass(frozen=True)\nclass Mine(WeightUpdate):\n    apply = 'w += 0.5*change'",
    "schedule": "@dataclass(frozen=True)\nclass Mine(Interval):\n    pass",
}


def test_there_is_a_class_of_every_kind():
    assert list(CLASSES) == list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_of_every_kind_from_a_file(kind, write):
    part = load_part(kind, f"{write(HEAD + CLASSES[kind])}:Mine")
    assert part.__name__ == "Mine"
    assert kind_of(part) == kind


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_the_library_keep_the_contract_of_their_kind(kind):
    assert KINDS[kind].table
    for name, part in KINDS[kind].table.items():
        assert load_part(kind, name) is part
        assert kind_of(part) == kind


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_name_is_answered_with_the_closest(kind):
    name = next(iter(KINDS[kind].table))
    with pytest.raises(ValueError, match=f"Unknown {KINDS[kind].word} .* Did you mean") as caught:
        load_part(kind, f"{name}x")
    assert f"{name!r}?" in str(caught.value)
    assert str(caught.value).endswith("; or FILE.py:ClassName.")


def test_a_class_of_another_kind_says_where_it_goes(write):
    path = write(HEAD + CLASSES["decoder"])
    with pytest.raises(ValueError, match="Mine is a decoder, not an encoder: --decoder mine.py:Mi"):
        load_part("encoder", f"{path}:Mine")


OTHER = "\nclass Plain:\n    pass\nVALUE = 3\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (":Nine", "mine.py: 'Nine' does not exist. Did you mean 'Mine'? Its rule classes: Mine."),
        (":VALUE", "mine.py: 'VALUE' is no class. Its rule classes: Mine."),
        ("", "mine.py: expected FILE.py:ClassName. Its rule classes: Mine."),
        (":Plain", "mine.py:Plain: Plain is no rule; derive it from threefactor.Rule."),
    ],
)
def test_a_wrong_name_in_a_file(name, message, write):
    path = write(HEAD + CLASSES["rule"] + OTHER)
    with pytest.raises(ValueError, match=re.escape(message)):
        load_part("rule", f"{path}{name}")


INCOMPLETE = {
    "abstract": (
        "encoder", "@dataclass(frozen=True)\nclass Mine(Encoder):\n    pass",
        "Mine lacks what Encoder asks for: bind(self, observation_space",
    ),
    "abstract architecture": (
        "model", "@dataclass(frozen=True)\nclass Mine(Architecture):\n    pass",
        "Mine lacks what Architecture asks for: build(self, parts",
    ),
    "two missing methods": (
        "schedule", "@dataclass(frozen=True)\nclass Mine(Schedule):\n    pass",
        "Mine lacks what Schedule asks for: fractions(self, done",
    ),
    "no dataclass": (
        "decoder", "class Mine(Argmax):\n    pass",
        "Mine must be decorated with @dataclass(frozen=True).",
    ),
    "not frozen": (
        "encoder",
        "@dataclass\nclass Mine(Encoder):\n    spaces = ()\n    def bind(self, space): pass",
        "Mine must be decorated with @dataclass(frozen=True).",
    ),
    "no default": (
        "encoder",
        "@dataclass(frozen=True)\nclass Mine(Encoder):\n    width: float\n"
        "    def bind(self, space): pass",
        "Mine.width needs a default value.",
    ),
    "bad default": (
        "modulator", "@dataclass(frozen=True)\nclass Mine(Reward):\n    tau_ms: float = -1.0\n"
        "    discount: float = 2.0", "Mine cannot be made with its defaults: Mine.tau_ms must be",
    ),
    "no spaces": (
        "encoder",
        "@dataclass(frozen=True)\nclass Mine(OneHot):\n    spaces = gymnasium.spaces.Box",
        "Mine.spaces must be a tuple of Gymnasium spaces that it fits, such as (gymnasium.spac",
    ),
    "unknown name in a string": (
        "neuron", "@dataclass(frozen=True)\nclass Mine(LIF):\n    reset = 'v = v_rset'",
        "Mine.reset, line 1, column 5: unknown name 'v_rset'. Did you mean 'v_reset'?",
    ),
    "unknown name in a rule": (
        "rule", "@dataclass(frozen=True)\nclass Mine(Rule):\n    on_post = 'w += learning_rat'",
        "Mine.on_post, line 1, column 6: unknown name 'learning_rat'. Did you mean 'learning_r",
    ),
    "environment without step": (
        "env", "class Mine(gymnasium.Env):\n    def reset(self): pass",
        "Mine lacks what gymnasium.Env asks for: step.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", INCOMPLETE)
def test_an_incomplete_class_is_named_with_what_is_missing(name, write):
    kind, text, message = INCOMPLETE[name]
    path = write(HEAD + text)
    assert find_class(kind, f"{path}:Mine").__name__ == "Mine"
    with pytest.raises((TypeError, ValueError), match=re.escape(message)) as caught:
        load_part(kind, f"{path}:Mine")
    assert "\n" not in str(caught.value)
