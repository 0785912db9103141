"""Units and dimensions are those of Brian2, and so is what may be added to what."""

import random

import numpy as np
import pytest

from threefactor.rules.language import find_unit, parse_expression
from threefactor.rules.language.source import Source, UnitError
from threefactor.rules.language.units import DIMENSIONLESS, SECOND, Dimensions, unit_text

brian2 = pytest.importorskip("brian2")
_VOLT = find_unit("volt")
assert _VOLT is not None
VOLT = _VOLT.dimension
KNOWN = {"x": DIMENSIONLESS, "y": DIMENSIONLESS, "v": VOLT, "t": SECOND, "u": VOLT}
BRIAN = {"x": 1, "y": 1, "v": brian2.volt, "t": brian2.second, "u": brian2.volt}


def dimension(text, known=None):
    tree = parse_expression(text)
    return Dimensions(Source(text, "R.block"), KNOWN if known is None else known).of(tree)


def test_units_are_those_of_brian2():
    from brian2.core.namespace import DEFAULT_UNITS

    ours = {name: find_unit(name) for name in DEFAULT_UNITS}
    known = {name: unit for name, unit in ours.items() if unit is not None}
    assert {"ms", "mV", "nS", "pA", "Mohm", "kHz", "uF", "mM", "msecond", "kilogram"} <= set(known)
    for name, unit in known.items():
        assert unit.dimension == tuple(DEFAULT_UNITS[name].dim._dims), name
        np.testing.assert_allclose(unit.scale, float(DEFAULT_UNITS[name]), rtol=1e-12)
    missing = set(DEFAULT_UNITS) - set(known)
    words = ("gram", "molar", "lit", "2", "3")
    assert [name for name in missing if not any(word in name for word in words)] == []


def random_expression(generator, depth):
    if depth == 0:
        return generator.choice(["x", "y", "v", "u", "t", "0.5", "2"])
    one, other = (random_expression(generator, depth - 1) for _ in range(2))
    return generator.choice(
        [f"({one} + {other})", f"({one} - {other})", f"({one}*{other})", f"({one}/{other})",
         f"-{one}", f"({one})**2", f"exp({one})", f"sqrt({one})", f"abs({one})", f"sign({one})",
         f"clip({one}, {other}, {one})", f"int({one} > {other})", f"({one} % {other})"]
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_what_brian2_refuses_is_refused(seed):
    """The same expressions have a dimension, and it is the same one."""
    from brian2.core.functions import DEFAULT_FUNCTIONS
    from brian2.core.variables import Constant
    from brian2.parsing.expressions import parse_expression_dimensions

    variables = {
        name: Constant(name, value=1.0, dimensions=brian2.get_dimensions(unit))
        for name, unit in BRIAN.items()
    } | DEFAULT_FUNCTIONS
    generator = random.Random(seed)
    for _ in range(10):
        text = random_expression(generator, generator.choice([1, 2, 3]))
        try:
            expected = tuple(parse_expression_dimensions(text, variables)._dims)
        except brian2.DimensionMismatchError:
            with pytest.raises(UnitError):
                dimension(text)
        else:
            assert dimension(text) == pytest.approx(expected), text


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("v + 1", 3, "`[+]` joins volt with 1"),
        ("x*(v - t)", 6, "`-` joins volt with second"),
        ("v > 1", 3, "`>` joins volt with 1"),
        ("exp(v)", 5, "exp needs a plain number, got a value in volt"),
        ("clip(v, 0, 1)", 9, "clip joins volt with 1"),
        ("v**x", 2, "the exponent of a value in volt must be a number"),
        ("x**v", 2, "an exponent has the unit volt"),
        ("x and v > u", 3, "`and` joins conditions"),
        ("(x > 1) + (y > 1)", 9, r"`[+]` joins numbers; write int\(...\)"),
    ],
)
def test_errors_say_where(text, column, message):
    with pytest.raises(UnitError, match=rf"^R\.block, line 1, column {column}: {message}"):
        dimension(text)


def test_what_is_not_known_is_not_judged():
    known = KNOWN | {"z": None}
    assert dimension("z*v + t", known) == SECOND
    assert dimension("z**2", known) is None
    assert dimension("int(z > v)", known) == DIMENSIONLESS
    with pytest.raises(UnitError):
        dimension("z + (v + t)", known)


def test_dimensions_are_written_in_words():
    assert unit_text(DIMENSIONLESS) == "1"
    assert unit_text(dimension("1/t")) == "1/second"
    assert unit_text(dimension("v/t")) == "volt/second"
    assert unit_text(dimension("v**2")) == "volt**2"
    assert unit_text(dimension("v**3*t")).startswith("metre**6*kilogram**3")
