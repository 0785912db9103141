"""Equations print as they were written, are renamed with their derivatives, errors say where."""

import pytest

from threefactor.models.neurons import NEURONS
from threefactor.rules import RULES
from threefactor.rules.contract import EQUATION_BLOCKS
from threefactor.rules.language import parse_equations
from threefactor.rules.language.equations import unit_dimension
from threefactor.rules.language.units import DIMENSIONLESS

EXAMPLE = """dv/dt = (v_rest - v)/tau : volt (unless refractory)
    gain = 2*v/v_rest : 1

    count : integer (constant)"""


def test_equations_print_as_they_were_written():
    texts = [getattr(rule, block) for rule in RULES.values() for block in EQUATION_BLOCKS]
    texts += [kind.equations for kind in NEURONS.values()]
    texts += [kind.sensitivity_equations for kind in NEURONS.values()]
    plain = [text for text in texts if "(\n" not in text]
    assert len(set(plain)) > 30
    assert [str(parse_equations(text)) for text in plain] == plain


def test_a_line_says_what_it_is():
    lines = parse_equations(EXAMPLE)
    assert lines.units == {"v": "volt", "gain": "1", "count": "integer"}
    assert [line.kind for line in lines] == ["differential", "subexpression", "plain"]
    assert [line.is_stored for line in lines] == [True, False, True]
    assert [line.flags for line in lines] == [("unless refractory",), (), ("constant",)]
    assert lines.reads == {"v_rest", "v", "tau"}


def test_derivatives_are_renamed_and_units_are_not():
    lines = parse_equations("ddrive/dt = -drive/dt_: 1\nvolt_ = drive : volt (constant over dt)")
    names = {"drive": "x", "dt": "y", "volt": "z", "constant": "c", "dt_": "tau"}
    assert lines.renamed(names) == "dx/dt = -x/tau: 1\nvolt_ = x : volt (constant over dt)"


def test_derivatives_without_a_flag_are_flagged():
    text = "dx/dt = -x/tau : 1\n\n  dy/dt = -y/tau : 1/second (event-driven)\nz : 1"
    assert parse_equations(text).clock_driven() == (
        "dx/dt = -x/tau : 1 (clock-driven)\n"
        "  dy/dt = -y/tau : 1/second (event-driven)\nz : 1"
    )  # fmt: skip


def test_a_line_may_go_on_in_brackets():
    broken = "dx/dt = (\n  -x\n  + y\n)/tau : 1\ny = (\n  x\n) : 1"
    assert str(parse_equations(broken)) == "dx/dt = (-x + y)/tau : 1\ny = x : 1"


def test_units_are_products():
    assert unit_dimension("1/second") == unit_dimension("hertz")
    assert unit_dimension("volt*amp*second") == unit_dimension("joule")
    assert unit_dimension("siemens*metre**-2*metre**2/siemens") == DIMENSIONLESS


@pytest.mark.parametrize(
    ("code", "place", "message"),
    [
        ("x 1", "line 1, column 3", "`=` or `:` here"),
        ("x = 1", "line 1, column 6", "`:` and a unit"),
        ("y : 1\ndx/dt : 1", "line 2, column 1", "derivative of 'x' has no right side"),
        ("x/dt = 1 : 1", "line 1, column 1", "expected `dx/dt"),
        ("dx/dy = 1 : 1", "line 1, column 1", "expected `dx/dt"),
        ("x : furlong", "line 1, column 5", "unknown unit 'furlong'. Known: 1, volt, second"),
        ("x : vlt", "line 1, column 5", "Did you mean 'volt'"),
        ("x : mV", "line 1, column 5", "write volt for mV"),
        ("x : 2", "line 1, column 5", "expected a unit"),
        ("x : 1 (clock-drivn)", "line 1, column 8", r"unknown flag \(clock-drivn\). Did you mean"),
        ("x : 1 (constant", "line 1, column 7", "never closed"),
        ("x : 1; y : 1", "line 1, column 6", "got `;`"),
        ("x =: 1", "line 1, column 4", "got `:`"),
    ],
)
def test_errors_say_where(code, place, message):
    with pytest.raises(ValueError, match=rf"^R\.equations, {place}: .*{message}"):
        parse_equations(code, "R.equations")
