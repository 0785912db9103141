"""The postsynaptic neuron of check and card."""

from dataclasses import dataclass, replace

import pytest

from threefactor.experiments.checks.card.bench import Bench
from threefactor.experiments.checks.postsynaptic import choose_neuron
from threefactor.experiments.checks.rules.subject import Subject
from threefactor.models.neurons import NEURONS
from threefactor.rules import RULES
from threefactor.rules.contract import Rule


def test_neurons_fit_what_rules_read():
    assert choose_neuron(RULES["reinforce"]())[0] == "escape-lif"
    assert choose_neuron(RULES["stdp-voltage"]())[0] == "izhikevich"  # needs the peak of a spike
    assert choose_neuron(RULES["exploratory-hebb"]())[0] == "noisy-lif"
    rule = replace(RULES["reinforce"]())
    object.__setattr__(rule, "requires", ("nonsense",))
    with pytest.raises(ValueError, match=r"Reinforce.requires: .* got nonsense; neurons expose"):
        choose_neuron(rule)


@dataclass(frozen=True)
class ReadsVolts(Rule):
    """A difference of potentials is no level of the membrane, whatever it is called."""

    scale_mv: float = 1.0
    equations = "trace : 1"
    each_step = "trace += v/scale"
    requires = ("v", "v_threshold")
    required_units = {"v": "volt"}


def test_the_unit_of_a_membrane_counts():
    name, neuron = choose_neuron(ReadsVolts())
    assert "dv/dt" in neuron.equations
    assert name == "noisy-lif"


@pytest.mark.parametrize("name", ["stdp", "stdp-voltage", "exploratory-hebb", "reinforce"])
def test_check_and_card_judge_behind_the_same_neuron(name):
    subject, bench = Subject(RULES[name], ("runtime-numpy",)), Bench(RULES[name]())
    subject.close()
    assert subject.neuron_name == bench.neuron_name
    assert subject._neuron == bench.neuron


def test_a_named_neuron_is_taken():
    assert choose_neuron(RULES["stdp"](), "lif") == ("lif", NEURONS["lif"]())
