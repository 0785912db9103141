"""Networks that cannot be meant are refused when they are specified, in one line."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from threefactor.models import MODELS, Parts
from threefactor.models.neurons import EscapeLIF, PoissonInput, Readout, TDError
from threefactor.models.neurons.contract import NeuronModel
from threefactor.models.specification import (
    Modulation,
    NetworkSpec,
    Population,
    Projection,
    all_to_all,
)
from threefactor.rules import RULES
from threefactor.rules.contract import Rule
from threefactor.rules.updates import Adam


@dataclass(frozen=True)
class Misspelt(Rule):
    consolidate = "w += learning_rate*third_facto"


class Undecorated(Rule):
    consolidate = "w += learning_rate*third_factor"


@dataclass(frozen=True)
class Forgotten(Rule):
    post_equations = "vote : 1"
    consolidate = "w += learning_rate*third_factor*vote"


@dataclass(frozen=True)
class NowhereKept(Rule):
    host_writes = {"vote": "agreement"}


@dataclass(frozen=True)
class Derived(Rule):
    post_equations = """vote : 1
    twice = 2*vote : 1"""
    post_on_spike = "vote += 1"
    host_writes = {"twice": "agreement"}


@dataclass(frozen=True)
class NoSuchRate(Rule):
    rates = ("learning_rate", "tempo")


@dataclass(frozen=True)
class OneWord(Rule):
    rates: ClassVar[Any] = "learning_rate"


@pytest.mark.parametrize(
    ("rule", "kind", "message"),
    [
        (Misspelt, ValueError, r"consolidate, line 1, column 20: unknown name 'third_facto'"),
        (Undecorated, TypeError, r"Undecorated must be decorated with @dataclass\(frozen=True\)"),
        (
            Forgotten, ValueError,
            r"Forgotten.post_equations: nothing assigns 'vote'; .* host_writes = \{\"vote\": \"",
        ),
        (NowhereKept, ValueError, r"NowhereKept.host_writes: no variable 'vote' .* it has: none"),
        (Derived, ValueError, r"Derived.host_writes: no variable 'twice' .* it has: vote"),
        (NoSuchRate, ValueError, r"NoSuchRate.rates must .* \(learning_rate\), .* 'tempo'"),
        (OneWord, TypeError, r"OneWord.rates must be a tuple of names .* got 'learning_rate'"),
    ],
)  # fmt: skip
def test_the_contract_of_rules_is_checked(rule, kind, message, make_spec):
    with pytest.raises(kind, match=message):
        make_spec(rule())


@dataclass(frozen=True)
class Leaking(NeuronModel):
    tau_ms: float = 10.0
    equations = "dv/dt = -v/tua : 1"
    threshold = "v > 1"
    ports = {"current": "v += w"}


def test_the_contract_of_neurons_is_checked(make_spec):
    with pytest.raises(
        ValueError, match=r"Leaking.equations, line 1, column 12: unknown name 'tua'"
    ):
        make_spec(None, Leaking())


EYES = Population("eyes", 2, PoissonInput())
HANDS = Population("hands", 2, EscapeLIF(), modules=np.arange(2))
BRAIN = Population("brain", 3, EscapeLIF())
ROLES = {"input": "eyes", "output": "hands"}


@dataclass(frozen=True)
class Mute(NeuronModel):
    """Neither spikes nor can be read out."""

    equations = "v : 1"
    ports = {"current": "v += w"}


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ({"input": "ears"}, r"NetworkSpec.input must name one of the populations .* got 'ears'"),
        ({"output": "hand"}, r"NetworkSpec.output must name .* got 'hand'. Did you mean 'hands'"),
        ({"critic": "judge"}, r"NetworkSpec.critic must name .* eyes, hands, mute, got 'judge'"),
        (
            {"input": "hands"},
            r"must take rates, spike times or numbers, got 'hands' of EscapeLIF; choose",
        ),
        ({"output": "mute"}, r"NetworkSpec.output must spike or be read out, got 'mute' of Mute"),
        ({"critic": "mute"}, r"NetworkSpec.critic must spike or be read out, got 'mute' of Mute"),
    ],
)
def test_roles_are_what_they_are_called(roles, message):
    populations = (EYES, HANDS, Population("mute", 1, Mute()))
    NetworkSpec(populations, (), **ROLES)
    with pytest.raises(ValueError, match=message):
        NetworkSpec(populations, (), **{**ROLES, **roles})


def test_a_readout_may_be_output_and_critic():
    told = Population("told", 1, Readout())
    assert NetworkSpec((EYES, told), (), input="eyes", output="told", critic="told")


@pytest.mark.parametrize("name", ["two words", "", "9lives", "a.b", "é"])
def test_names_that_are_no_identifiers_are_refused(name):
    with pytest.raises(ValueError, match="a name starts with a letter"):
        NetworkSpec((EYES, replace(HANDS, name=name)), (), input="eyes", output=name)


def link(name, source, target, rule=None):
    pairs = all_to_all(source.size, target.size)
    weights = np.ones(source.size * target.size)
    return Projection(name, source.name, target.name, **pairs, weights=weights, rule=rule)


def test_variables_of_two_rules_need_names_of_their_own():
    """At "hands", projection a keeps a_b_c and so would projection a_b."""

    @dataclass(frozen=True)
    class Long(Rule):
        post_equations = "b_c : 1"
        post_on_spike = "b_c += 1"

    @dataclass(frozen=True)
    class Short(Rule):
        post_equations = "c : 1"
        post_on_spike = "c += 1"

    links = (link("a", EYES, HANDS, Long()), link("a_b", EYES, HANDS, Short()))
    with pytest.raises(ValueError, match=r"'a_b': .* 'a_b_c', which projection 'a' has; rename"):
        NetworkSpec((EYES, HANDS), links, **ROLES)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"update_first_moment"}, "'update_first_moment' .* for Adam; choose another name"),
        ({"coin_stream"}, "Crowded: 'coin_stream' is defined in two places"),
        ({"sensitivity"}, "Crowded: 'sensitivity' is defined in two places"),
    ],
)
def test_names_that_the_synapse_keeps_for_others_are_refused(names, message):
    lines = ["deligibility/dt = -eligibility/tau_eligibility : 1", *(f"{n} : 1" for n in names)]

    @dataclass(frozen=True)
    class Crowded(Rule):
        tau_eligibility_ms: float = 20.0
        equations = "\n".join(lines)
        on_pre = "eligibility += 1"
        noise = ("coin",)
        requires = ("sensitivity",)

    grip = replace(link("grip", EYES, HANDS, Crowded()), update=Adam())
    with pytest.raises(ValueError, match=message):
        NetworkSpec((EYES, HANDS), (grip,), **ROLES)


@pytest.mark.parametrize("rule", ["reinforce-sign", "population-agreement"])
def test_neurons_that_stand_for_no_action_agree_with_none(rule):
    links = (link("up", EYES, BRAIN, RULES[rule]()), link("out", BRAIN, HANDS, RULES[rule]()))
    with pytest.raises(
        ValueError, match=r"'up': \w+ compares .* population 'brain' does not say .* modules"
    ):
        NetworkSpec((EYES, BRAIN, HANDS), links, **ROLES)
    brain = replace(BRAIN, modules=np.array([0, 0, 1]))
    assert NetworkSpec((EYES, brain, HANDS), links, **ROLES)
    teacher = Population("teacher", 1, TDError())
    sent = Modulation(
        "sent", "teacher", "brain", "td_error", np.zeros(3, int), np.arange(3), into="up.agreement"
    )
    assert NetworkSpec((EYES, BRAIN, HANDS, teacher), links, modulations=(sent,), **ROLES)


def test_layers_agree_if_they_are_modular():
    parts = Parts(4, 2, EscapeLIF(), EscapeLIF(), RULES["reinforce-sign"](), RULES["td-critic"]())
    assert MODELS["layered"](is_modular=True).build(parts)
    with pytest.raises(ValueError, match=r"'hidden' does not say .*\(model layered: is_modular\)"):
        MODELS["layered"]().build(parts)


@pytest.mark.parametrize("valence", [np.ones(2), np.array([1, -1, 1]), np.array([0.5, -1.0])])
def test_valences_are_signs_and_some_of_each(valence):
    with pytest.raises(ValueError, match=r"Population 'hands'.valence: expected \(2,\) signs"):
        replace(HANDS, valence=valence)
    np.testing.assert_array_equal(replace(HANDS, valence=np.array([-1, 1])).valence, [-1, 1])


@pytest.mark.parametrize("modules", [np.arange(3), np.zeros((2, 1), int), np.array([0.5, 1.0])])
def test_modules_are_one_action_for_each_neuron(modules):
    with pytest.raises(ValueError, match=r"Population 'hands'.modules: expected \(2,\) integers"):
        replace(HANDS, modules=modules)


def test_modulations_write_what_the_host_would():
    teacher = Population("teacher", 1, TDError())
    sent = Modulation(
        "sent", "teacher", "hands", "td_error", np.zeros(2, int), np.arange(2),
        into="out.post_trace",
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"cannot write 'out.post_trace' .* have: third_factor.$"):
        NetworkSpec(
            (EYES, HANDS, teacher), (link("out", EYES, HANDS, RULES["rstdp"]()),),
            modulations=(sent,), **ROLES,
        )  # fmt: skip
