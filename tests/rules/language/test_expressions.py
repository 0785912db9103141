"""Expressions mean what Python makes of the same text, whatever computes them."""

import math
import random

import numpy as np
import pytest

from threefactor.rules.language import FUNCTIONS, evaluate, names_in, parse_expression
from threefactor.rules.language.expressions import Name, Operation, rename_expression

VALUES = {"a": 0.7, "b": -1.3, "c": 2.5}


def random_expression(generator, depth=4):
    if depth == 0:
        return generator.choice(["a", "b", "c", "0.5", "3", "1e-1"])
    inner = [random_expression(generator, depth - 1) for _ in range(3)]
    return generator.choice(
        [
            f"{inner[0]} + {inner[1]}", f"{inner[0]}-{inner[1]}", f"{inner[0]}*{inner[1]}",
            f"({inner[0]})/(abs({inner[1]}) + 1)", f"-{inner[0]}", f"exp(-abs({inner[0]}))",
            f"(abs({inner[0]}) + 1)**-2", f"-({inner[0]})**2", f"clip({inner[0]}, -1, 1)",
            f"int({inner[0]} > {inner[1]} and not {inner[2]} <= 0.5 or {inner[1]} != {inner[0]})",
            f"({inner[0]}) % (abs({inner[1]}) + 1)", f"+{inner[0]} - {inner[1]} - {inner[2]}",
        ]
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_values_are_those_of_python(seed):
    text = random_expression(random.Random(seed))
    own = {"exp": math.exp, "abs": abs, "clip": np.clip, "int": int}
    expected = eval(text, {**own, **VALUES})
    assert evaluate(parse_expression(text), VALUES.__getitem__) == pytest.approx(
        float(expected), rel=1e-12
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [("-2**2", -4), ("2**-1", 0.5), ("2**3**2", 512), ("7 - 2 - 1", 4), ("8/2/2", 2),
     ("not 1 > 2", True), ("1 < 2 and 3 < 2 or 1 < 2", True), ("-a**2", -0.7**2)],
)  # fmt: skip
def test_operators_bind_as_in_python(text, value):
    assert evaluate(parse_expression(text), VALUES.__getitem__) == value


def test_another_backend_brings_its_functions():
    seen = []
    functions = FUNCTIONS | {"exp": lambda value: seen.append(value) or "e"}
    assert evaluate(parse_expression("exp(a)"), VALUES.__getitem__, functions) == "e"
    assert seen == [0.7]


def test_arrays_are_compared_element_by_element():
    x = np.array([-1.0, 0.5, 2.0])
    value = evaluate(parse_expression("int(x > 0 and x < 1)"), {"x": x}.__getitem__)
    np.testing.assert_array_equal(value, [0, 1, 0])


def test_trees_know_their_names_and_compare_by_what_they_say():
    tree = parse_expression("exp(-x/tau) + 2*x")
    assert names_in(tree) == {"x", "tau"}
    assert names_in(None) == frozenset()
    assert parse_expression("- x / tau") == parse_expression("-x/tau") == Operation(
        "/", (Operation("-", (Name("x"),)), Name("tau"))
    )  # fmt: skip


def test_renaming_leaves_the_rest_as_it_is():
    text = "w*exp(-w_max/ tau)  +tau2"
    assert rename_expression(text, {"w": "(z*w)", "tau": "tau_post"}) == (
        "(z*w)*exp(-w_max/ tau_post)  +tau2"
    )


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("1 +", 4, "expected a name, a number or a bracket, got the end of the line"),
        ("(1 + 2", 1, "this bracket is never closed"),
        ("1)", 2, "closes none that is open"),
        ("a if b else c", 3, r"expected the end of the line, got `if` \(write int\(condition\)"),
        ("2x", 1, "write 2[*]x for 2x"),
        ("a^2", 2, r"write a power as a[*][*]b"),
        ("a && b", 3, "write `and`"),
        ("a[0]", 2, "variables have no elements"),
        ("a // b", 3, r"write int\(a/b\)"),
        ("a.real", 2, "know no attributes"),
        ("'a'", 1, "strings are no values"),
        ("\u03c4*2", 1, "U[+]03C4"),
        ("a < b < c", 7, "write a chained comparison as"),
        ("a + not b", 5, "got `not`"),
        ("a b", 3, "got `b`"),
        ("exp(a,)", 7, r"got `\)`"),
        ("1e999", 1, "too large"),
        ("(" * 99 + "1" + ")" * 99, 61, "more than 60 levels"),
        ("", 1, "got the end of the line"),
        ("$", 1, "no sign of this language"),
        ("a\tb", 3, "got `b`"),
    ],
)
def test_errors_say_where(text, column, message):
    with pytest.raises(ValueError, match=rf"^R\.block, line 1, column {column}: .*{message}"):
        parse_expression(text, "R.block")
