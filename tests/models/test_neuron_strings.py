"""`check_neuron_class`: every slip in a neuron's strings is one line with class, block and name."""

from dataclasses import dataclass

import numpy as np
import pytest

from threefactor.models.neurons import LIF, NEURONS, make_neuron
from threefactor.models.neurons.contract import NeuronModel, PoissonInput
from threefactor.models.neurons.strings import (
    check_neuron_class,
    check_neuron_values,
    check_rule_fits,
)
from threefactor.models.specification import NetworkSpec, Population, Projection
from threefactor.rules import RULES
from threefactor.rules.contract import Rule


def spoil(**attributes):
    return dataclass(frozen=True)(type("Spoiled", (LIF,), attributes))


SLIPS = [
    ({"integrate": None}, "Spoiled.integrate must be a string, got None"),
    ({"ports": "v += w*mV"}, "Spoiled.ports must be a dict such as .* got 'v [+]= w.mV' .str."),
    ({"ports": {"current": 1}}, "Spoiled.ports must be a dict"),
    ({"initial": {"v": None}}, "Spoiled.initial must be a dict"),
    ({"noise": "spike"}, "Spoiled.noise must be a tuple of names"),
    ({"spontaneous": 1}, "Spoiled.spontaneous must be True or False"),
    ({"method": "exakt"}, "Spoiled.method must be one of exact, .* got 'exakt'. Did you mean"),
    ({"threshold": ""}, "reset and refractory act on spikes; give it a threshold"),
    ({"threshold": "v_threshold"}, "Spoiled.threshold, line 1, column 1: expected a condition"),
    ({"threshold": "v > 1"}, "threshold, line 1, column 3: `>` joins volt with 1"),
    ({"threshold": "v >="}, "Spoiled.threshold, line 1, column 5: expected a name"),
    ({"refractory": "5"}, "Spoiled.refractory, line 1, column 1: expected a condition"),
    ({"equations": "dv/dt = -v : volt\nrefractory_left : second"}, "Is there a rate without its"),
    ({"equations": "dv/dt = -v*v/(v_rest*tau_membrane) : volt\nrefractory_left : second"},
     "expected linear equations"),
    ({"equations": LIF.equations + "lastspike : 1"}, "cannot be called 'lastspike': .* Brian2"),
    ({"equations": LIF.equations + "x : 1 (clock-driven)"}, "flag .clock-driven. has no place"),
    ({"equations": LIF.equations + "dx/dt = -x/tau_membrane : 1 (unless refractory)"},
     'it needs refractory = '),
    ({"equations": LIF.equations + "tau_membrane : second"}, "both a variable and a parameter"),
    ({"integrate": "v += rate*mV"}, "Spoiled.integrate, line 1, column 6: unknown name 'rate'"),
    ({"integrate": "v += 1"}, "v needs the unit volt, this has 1"),
    ({"integrate": "v += sqr(4)*mV"}, "calls 'sqr'. Did you mean 'sqrt'"),
    ({"integrate": "v += rand()*mV"}, "read uniform.draw_stream, t_in_timesteps."),
    ({"integrate": "half += 1"}, "unknown name 'half'"),
    ({"integrate": "double = 1"}, "cannot be called 'double'"),
    ({"integrate": "v = v/0"}, ""),
    ({"integrate": "v = v_rest*log(-1)"}, "the result of `log` is nan"),
    ({"integrate": "tau_membrane = 1*ms"}, "cannot assign 'tau_membrane' here"),
    ({"reset": "v = v_rset"}, "unknown name 'v_rset'. Did you mean 'v_reset'"),
    ({"ports": {"current": "v += w"}}, r"ports\['current'\], line 1, column 6: v needs the unit"),
    ({"ports": {"current": "w = 1"}}, "cannot assign 'w' here"),
    ({"initial": {"u": "v_rest"}}, "Spoiled.initial names 'u', which is no variable"),
    ({"initial": {"v": "v_rst"}}, r"Spoiled.initial\['v'\]: no parameter 'v_rst'. Did you mean"),
    ({"readout": "u"}, "Spoiled.readout names 'u', which is no variable"),
    ({"hears_reward": True}, "Spoiled.hears_reward names 'reward', which is no variable"),
    ({"membrane": "vv"}, "Spoiled.membrane names 'vv', which is no variable"),
    ({"drive": "biass"}, "Spoiled.drive: no parameter 'biass'. Did you mean 'bias'"),
    ({"noise_fields": ("noise",)}, "Spoiled.noise_fields: no field 'noise'"),
    ({"largest_psp_error": 0.0}, "Spoiled.largest_psp_error must be a number > 0"),
    ({"largest_rate_error": "5 %"}, "Spoiled.largest_rate_error must be a number > 0"),
    ({"sensitivity_on_pre": "sensitivity += v"}, "'v' here: a synapse reads it as v_post"),
    ({"sensitivity_equations": "slope : 1", "sensitivity_on_pre": "slope += 1",
      "sensitivity_on_post": ""}, "must define the variable 'sensitivity'"),
]  # fmt: skip


@pytest.mark.parametrize(("attributes", "message"), SLIPS, ids=[str(k) for k in range(len(SLIPS))])
def test_every_slip_is_named(attributes, message):
    kind = spoil(**attributes)
    if not message:  # v is no constant
        check_neuron_class(kind)
        return
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        check_neuron_class(kind)
    assert str(caught.value).startswith("Spoiled")
    assert "\n" not in str(caught.value)


def test_a_parameter_cannot_have_a_name_of_brian2():
    kind = dataclass(frozen=True)(
        type("Slip", (LIF,), {"refractory_ms": 3.0, "__annotations__": {"refractory_ms": float}})
    )
    message = "Slip: the parameter 'refractory' cannot have this name: it is a name that Brian2"
    with pytest.raises(ValueError, match=message):
        check_neuron_class(kind)


def test_a_bare_class_is_refused():
    with pytest.raises(TypeError, match="Bare must be decorated with @dataclass"):
        check_neuron_class(type("Bare", (LIF,), {}))
    with pytest.raises(TypeError, match="must be a class derived from threefactor.NeuronModel"):
        check_neuron_class(LIF())


def test_words_of_neurons_are_known():
    kind = spoil(
        equations=LIF.equations + "x : 1\ndy/dt = -y/tau_membrane : 1 (unless refractory)",
        integrate="half = 0.5*v\nx = expm1(x)*uniform(draw_stream, t_in_timesteps) + half/mV\n"
        "is_late = t > lastspike + 2*ms\nx = int(is_late and not_refractory)*x",
        noise=("draw",), refractory="2*ms",
    )  # fmt: skip
    check_neuron_class(kind)


@pytest.mark.parametrize("name", NEURONS)
def test_neurons_of_the_library_pass(name):
    check_neuron_class(NEURONS[name])
    check_neuron_values(make_neuron(name))


def test_a_network_checks_its_neurons(make_spec):
    kind = spoil(reset="v = v_rset")
    with pytest.raises(ValueError, match=r"Spoiled.reset, line 1, .*'v_rset'"):
        make_spec(None, kind())


def test_a_network_checks_values(make_spec):
    @dataclass(frozen=True)
    class Scaled(NeuronModel):
        scale: float = 1.0
        equations = "v : 1"
        integrate = "v += 1/scale"
        threshold = "v > 1"
        ports = {"current": "v += w"}

    make_spec(None, Scaled())
    with pytest.raises(ValueError, match="the result of `/` is inf, .* with scale = 0"):
        make_spec(None, Scaled(scale=0.0))


def test_names_at_a_synapse_belong_to_one_side():
    @dataclass(frozen=True)
    class Clash(Rule):
        equations = "v : 1"
        on_pre = "v += 1"
        consolidate = "w += learning_rate*third_factor*v"

    message = "Clash: 'v' is also a name of LIF, and a synapse cannot tell them apart"
    with pytest.raises(ValueError, match=message):
        check_rule_fits(Clash(), PoissonInput(), LIF())
    inputs, actor = Population("input", 1, PoissonInput()), Population("actor", 1, LIF())
    link = Projection("p", "input", "actor", np.zeros(1, int), np.zeros(1, int), np.ones(1))
    NetworkSpec((inputs, actor), (link,))
    check_rule_fits(RULES["rstdp-et"](), PoissonInput(), LIF())
