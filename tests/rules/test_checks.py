"""`check_rule_class`: every slip in a rule's strings is one line with class, block and fix."""

from dataclasses import dataclass

import pytest

from threefactor.rules import RULES
from threefactor.rules.checks import check_rule_class, check_rule_units
from threefactor.rules.contract import Rule
from threefactor.rules.updates import UPDATES, Adam, WeightUpdate, check_update_class


@dataclass(frozen=True)
class Sound(Rule):
    """A rule to spoil."""

    tau_trace_ms: float = 20.0
    gain: float = 0.0
    limit_mv: float = -50.0

    pre_equations = "dpre_trace/dt = -pre_trace/tau_trace : 1"
    pre_on_spike = "pre_trace += 1"
    post_equations = "count : 1"
    post_on_spike = "count += 1"
    equations = "mark : 1\nhalf = mark/2 : 1"
    on_pre = "mark += release"
    each_step = "mark += int(v > limit)*half"
    consolidate = "w += learning_rate*third_factor*mark"
    requires = ("v",)
    noise = ("release",)


def spoil(**attributes):
    return dataclass(frozen=True)(type("Spoiled", (Sound,), attributes))


def refusal(kind):
    with pytest.raises((TypeError, ValueError)) as caught:
        check_rule_class(kind)
    message = str(caught.value)
    assert "\n" not in message
    return message


SLIPS = [
    # what a block is
    ({"on_pre": None}, 'Spoiled.on_pre must be a string, got None; write "" for nothing'),
    ({"on_pre": ["mark += 1"]}, "(list); write one string with a line for each statement"),
    ({"on_pre": b"mark += 1"}, "(bytes); leave out the b"),
    ({"on_pre": lambda self: None}, "a block is no function"),
    ({"equations": 3}, "Spoiled.equations must be a string, got '3' (int)"),
    ({"transmitted": None}, "Spoiled.transmitted must be a string, got None"),
    ({"requires": "v"}, "Spoiled.requires must be a tuple of names such as ('v',)"),
    ({"noise": ["release"]}, "Spoiled.noise must be a tuple of names"),
    ({"noise": (1,)}, "Spoiled.noise must be a tuple of names"),
    ({"order": "on_pre"}, "Spoiled.order must be a tuple of names"),
    ({"resets": ["mark"]}, "Spoiled.resets must be a dict such as {'trace': 'keep'}"),
    ({"resets": {"mark": "allways"}}, "must be one of"),
    ({"resets": {"marc": "keep"}}, "no variable 'marc' in its equations. Did you mean 'mark'?"),
    ({"modulated": "no"}, "Spoiled.modulated must be True or False"),
    ({"required_units": ["v"]}, "Spoiled.required_units must be a dict such as {'v': 'volt'}"),
    ({"host_writes": ["count"]}, "Spoiled.host_writes must be a dict such as {'agreement'"),
    ({"required_units": {"u": "volt"}}, "required_units: 'u' is not in requires"),
    ({"weight_clock": "gain"}, "must name a field that holds a period in ms"),
    ({"rates": ("pace",)}, "are numbers (gain, learning_rate, limit_mv, tau_trace_ms), at"),
    ({"rates": ()}, "at least one, got ()"),
    ({"host_writes": {"mark": "agreement"}}, "no variable 'mark' is kept in post_equations; it"),
    ({"host_writes": {"mark": "agreement"}}, "is kept in post_equations; it has: count."),
    ({"post_equations": "count : 1\nspare : 1"}, "post_equations: nothing assigns 'spare'; assig"),
    (
        {"label": "a", "__annotations__": {"label": str}, "rates": ("label",)},
        "rates must name fields that are numbers",
    ),
    # names
    ({"equations": "mark : 1\ntau_trace : 1\nhalf : 1"}, "'tau_trace' is defined in two places"),
    ({"equations": "mark : 1\ntau_trace : 1\ngain : 1"}, "'gain' is defined in two places"),
    ({"equations": "mark : 1\nlambda : 1\nhalf : 1"}, "equations, line 2, column 1: a variable"),
    ({"equations": "double : 1"}, "cannot be called 'double': it is a word of C++"),
    ({"noise": ("release", "double")}, "the random number 'double' cannot have this name"),
    ({"equations": "mark : 1\nmark : 1"}, "line 2, column 1: 'mark' is defined twice"),
    ({"equations": "mark : 1\ncount : 1"}, "'count' is defined in two places"),
    ({"on_post": "mark += marc"}, "unknown name 'marc'. Did you mean 'mark'?"),
    ({"on_post": "mark += tau_trace_ms/tau_trace"}, "without its unit: tau_trace."),
    ({"on_post": "mark += exp(-20*ms/tau_trace)"}, "'ms' is a unit; numbers with a unit"),
    ({"on_post": "mark += int(v > 5*mV)"}, "write a field such as delay_mv = 20.0"),
    ({"on_post": "mark += rand()"}, 'declare random numbers by name, noise = ("draw",)'),
    ({"on_post": "mark += randn()"}, "differs from engine to engine"),
    ({"on_post": "mark += sqr(mark)"}, "calls 'sqr'. Did you mean 'sqrt'? Known functions: abs"),
    ({"on_post": "mark += exp(mark, 1)"}, "exp needs 1 argument, got 2"),
    ({"on_post": "mark += exp"}, "'exp' is a function; write exp(...)"),
    ({"on_post": "mark += mark(1)"}, "'mark' is no function"),
    ({"consolidate": "w += release"}, "'release' here: random numbers are fresh in on_pre"),
    ({"post_on_spike": "count += mark"}, "cannot read 'mark' here: it lives on the synapse"),
    ({"pre_on_spike": "pre_trace += v/limit"}, "'v' here: it belongs to the postsynaptic neuron"),
    ({"pre_on_spike": "pre_trace += w"}, "'w' here: it belongs to the synapse"),
    ({"pre_on_spike": "pre_trace += third_factor"}, "third factor is delivered to the synapse"),
    ({"on_post": "half = 1"}, "cannot assign 'half' here (its value is given in equations)"),
    ({"on_post": "gain = 1"}, "cannot assign 'gain' here (a parameter:"),
    ({"on_post": "pre_trace = 1"}, "(it lives on the presynaptic neuron)"),
    ({"on_post": "marc = 1"}, "cannot assign 'marc' here; Did you mean 'mark'?"),
    # units
    ({"pre_equations": "dpre_trace/dt = -pre_trace : 1"}, "needs the unit 1/second, this has"),
    ({"on_post": "mark += limit"}, "mark needs the unit 1, this has volt"),
    ({"on_post": "mark += 1 + limit"}, "column 11: `+` joins 1 with volt"),
    ({"on_post": "mark *= dt"}, "mark needs the unit 1, this has second"),
    ({"on_post": "mark += exp(dt)"}, "exp needs a plain number, got a value in second"),
    ({"required_units": {"v": "siemens"}}, "`>` joins siemens with volt"),
    ({"required_units": {"v": "vlt"}}, "Spoiled.required_units, line 1, column 5: unknown unit"),
    ({"equations": "mark : 1 (shared)"}, "(shared) has no place here: what all share is a param"),
    ({"equations": "mark : 1 (event-driven)"}, "it is for differential equations, and this"),
    ({"equations": "mark : 1 (constant)"}, "cannot assign 'mark' here (its value is given in equa"),
    ({"noise": ("a",), "equations": "mark : 1\na_stream : 1"}, "'a_stream' is defined in two pl"),
    ({"on_post": "mark += dt"}, "mark needs the unit 1, this has second. In"),
    ({"equations": "mark : 1 (summed)"}, "(summed) has no place here: sums over synapses are made"),
    ({"post_equations": "dcount/dt = -count/tau_trace : 1 (clock-driven)"}, "leave it out"),
    # what cannot be computed
    ({"on_post": "mark += log(-1)"}, "on_post, line 1, column 9: the result of `log` is nan"),
    ({"on_post": "mark += 1/0"}, "the result of `/` is inf, not a finite number."),
    ({"on_post": "mark += 1/gain"}, "the result of `/` is inf, not a finite number, with gain = 0"),
    ({"on_post": "mark += mark*sqrt(gain - 1)"}, "the result of `sqrt` is nan"),
    ({"on_post": "mark += (-1)**0.5"}, "the result of `**` is nan"),
    ({"on_post": "mark += exp(1000)"}, "the result of `exp` is inf"),
    ({"equations": "mark : 1\nhalf = b : 1\nb = half : 1"}, "is defined by itself: half -> b -> h"),
    ({"equations": "mark : 1\nhalf = half : 1"}, "is defined by itself: half -> half"),
    ({"equations": "dmark/dt = -mark**2/tau_trace : 1\nhalf : 1"}, "expected linear equations"),
    ({"equations": "dmark/dt : 1"}, "the derivative of 'mark' has no right side"),
    ({"transmitted": ""}, "Spoiled.transmitted, line 1, column 1: expected a name"),
    ({"transmitted": "w*relese"}, "unknown name 'relese'. Did you mean 'release'?"),
]  # fmt: skip


@pytest.mark.parametrize(("attributes", "message"), SLIPS, ids=[text[:40] for _, text in SLIPS])
def test_every_slip_is_named(attributes, message):
    found = refusal(spoil(**attributes))
    assert message in found
    assert found.startswith("Spoiled")


def test_what_is_sound_passes():
    check_rule_class(Sound)
    check_rule_class(spoil(equations="mark : 1\ndhalf/dt = (mark - half)/tau_trace : 1"))
    check_rule_class(spoil(on_post="mark += int(gain > 0)*(v - limit)/limit"))
    check_rule_class(spoil(rates=("learning_rate", "tau_trace_ms", "gain", "limit_mv")))
    check_rule_class(spoil(post_equations="count : 1\ndspare/dt = -spare/tau_trace : 1"))
    required = {"requires": ("v", "on"), "required_units": {"on": "boolean"}}
    check_rule_class(spoil(on_post="mark += int(on and v > limit)", **required))


def test_a_class_is_looked_at_once():
    reads = []

    class Told:
        def __get__(self, instance, owner):
            reads.append(owner)
            return "mark += 1"

    kind = spoil(on_post=Told())
    check_rule_class(kind)
    first = len(reads)
    check_rule_class(kind)
    assert len(reads) == first > 0


def test_a_class_that_cannot_be_made_is_named():
    def fail(self):
        raise KeyError("table")

    assert refusal(spoil(__post_init__=fail)) == (
        "Spoiled cannot be made with its defaults: KeyError: 'table'."
    )


def test_units_of_the_neuron_decide():
    check_rule_units(Sound(), {"v": "volt"})
    with pytest.raises(ValueError, match=r"each_step, line 1, column 15: `>` joins 1 with volt"):
        check_rule_units(Sound(), {"v": "1"})


def test_parameters_of_the_instance_decide_what_is_finite():
    kind = spoil(gain=1.0, __annotations__={"gain": float}, on_post="mark += 1/gain")
    check_rule_units(kind(), {"v": "volt"})
    with pytest.raises(ValueError, match="the result of `/` is inf, .* with gain = 0"):
        check_rule_units(kind(gain=0.0), {"v": "volt"})


@pytest.mark.parametrize("name", RULES)
def test_rules_of_the_library_pass(name):
    check_rule_class(RULES[name])


@pytest.mark.parametrize("name", UPDATES)
def test_updates_of_the_library_pass(name):
    check_update_class(UPDATES[name])


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"apply": None}, "Slip.apply must be a string"),
        ({"apply": "w += chnge"}, "unknown name 'chnge'. Did you mean 'change'"),
        ({"apply": "change = w"}, "cannot assign 'change' here"),
        ({"apply": "w += change*dt"}, "w needs the unit 1, this has second"),
        ({"apply": "w += change/0"}, ""),
        ({"equations": "double : 1"}, "it is a word of C++"),
        (
            {"double": 1.0, "__annotations__": {"double": float}},
            "Slip: the parameter 'double' cannot have this name",
        ),
        ({"rates": ("pace",)}, "Slip.rates names 'pace', which is no field"),
        ({"rates": ["pace"]}, "Slip.rates must be a tuple of names"),
        ({"needs_bounds": "no"}, "Slip.needs_bounds must be True or False"),
    ],
)
def test_a_broken_update_is_refused(attributes, message):
    kind = dataclass(frozen=True)(type("Slip", (WeightUpdate,), attributes))
    if message:
        with pytest.raises((TypeError, ValueError)) as caught:
            check_update_class(kind)
        assert message in str(caught.value)
    else:
        check_update_class(kind)  # not a constant: change is no parameter
    check_update_class(Adam)


@pytest.mark.parametrize("kind", [3, Sound, Adam()])
def test_what_is_no_update_is_refused(kind):
    with pytest.raises(TypeError, match="must be a class derived from threefactor.WeightUpdate"):
        check_update_class(kind)


def test_an_update_that_is_no_dataclass_is_refused():
    with pytest.raises(TypeError, match="dataclass"):
        check_update_class(
            type("Slip", (WeightUpdate,), {"gain": 1.0, "__annotations__": {"gain": float}})
        )
