"""Blocks print as they were written, lines go on inside brackets, errors say where."""

import pytest

from threefactor.models.neurons import NEURONS
from threefactor.rules import RULES
from threefactor.rules.contract import STATEMENT_BLOCKS
from threefactor.rules.language import parse_statements

NEURON_BLOCKS = (
    "integrate", "before_threshold", "reset", "sensitivity_on_pre", "sensitivity_on_post",
    "sensitivity_each_step",
)  # fmt: skip
TEXTS = [
    *(getattr(rule, block) for rule in RULES.values() for block in STATEMENT_BLOCKS),
    *(getattr(kind, block) for kind in NEURONS.values() for block in NEURON_BLOCKS),
    *(port for kind in NEURONS.values() for port in kind.ports.values()),
]


def test_a_block_prints_as_it_was_written():
    plain = [text for text in TEXTS if "(\n" not in text]
    assert len(set(plain)) > 60
    assert [str(parse_statements(text)) for text in plain] == plain


def test_a_block_knows_what_it_reads_and_writes():
    block = parse_statements("trace = exp(-dt/tau)*trace; w += learning_rate*trace")
    assert [(s.target, s.operator) for s in block] == [("trace", "="), ("w", "+=")]
    assert block.writes == {"trace", "w"}
    assert block.reads == {"trace", "dt", "tau", "learning_rate"}
    assert block.names == block.reads | block.writes
    assert len(block) == 2
    assert len(parse_statements(" \n # nothing\n")) == 0


def test_brackets_carry_a_line_on_and_leave_no_mark():
    broken = """
    x += (  # all that only carries the line is dropped
        a*b
        + c
    )
    y = f_(
        a,
        b
    )/(a
       *b) - c
    """.replace("f_", "clip")
    assert str(parse_statements(broken)) == (
        "\n    x += a*b + c\n    y = clip(a, b)/(a*b) - c\n    "
    )


def test_brackets_that_mean_something_stay():
    text = "x = (a + b)*c\ny = a == (\n b\n or c)\nz = (\n a\n)*(b)"
    assert str(parse_statements(text)) == "x = (a + b)*c\ny = a == (b or c)\nz = (a)*(b)"


def test_comments_are_not_printed():
    assert str(parse_statements("x = 1  # one; two\n  # three\ny = 2")) == "x = 1\n\ny = 2"


def test_names_are_replaced_whole():
    block = parse_statements("w += w_max*wx*exp(w)")
    assert block.renamed({"w": "v", "wx": "g(a, b)", "exp": "log"}) == "v += w_max*g(a, b)*log(v)"
    assert str(block) == "w += w_max*wx*exp(w)"


def test_right_sides_are_replaced():
    block = parse_statements("  a += b + c\n  d = a")
    first = block.statements[0]
    assert block.right_side(first) == "b + c"
    assert block.with_right_sides({first: "g*(b + c)"}) == "  a += g*(b + c)\n  d = a"


@pytest.mark.parametrize(
    ("code", "place", "message"),
    [
        ("x = 1\ny += (2", "line 2, column 6", "never closed"),
        ("x = 1\n\n  if y: x = 2", "line 3, column 3", "expected `name = ...`"),
        ("x", "line 1, column 1", "expected `name = ...`"),
        ("x == 1", "line 1, column 1", "expected `name = ...`"),
        ("x =", "line 1, column 4", "got the end of the line"),
        ("x = \ny = 1", "line 1, column 5", "got the end of the line"),
        ("1 = x", "line 1, column 1", "got `1`"),
        ("x **= 2", "line 1, column 3", "write x = x"),
        ("x := 2", "line 1, column 1", "expected `name = ...`"),
        ("x = (a;\nb)", "line 1, column 5", "never closed"),
        ("x = 1 y = 2", "line 1, column 7", "got `y`"),
    ],
)
def test_errors_say_where(code, place, message):
    with pytest.raises(ValueError, match=rf"^R\.on_pre, {place}: .*{message}.* In: \S"):
        parse_statements(code, "R.on_pre")
