"""Slips in equations: what they change, and what they leave alone; every rule has its tests."""

from pathlib import Path

import pytest

from tests.mutation.equations import slips, swapped_neighbours
from tests.mutation.targets import TARGETS

ROOT = Path(__file__).parents[2]


def changed(text, kind, known=""):
    return [text[:start] + new + text[end:] for start, end, new in slips(text, kind, known)]


def test_of_an_equation_the_right_side_slips():
    assert changed("dx/dt = -x/tau_plus : 1 (clock-driven)", "equations", "tau_minus_ms") == [
        "dx/dt = +x/tau_plus : 1 (clock-driven)",
        "dx/dt = -x*tau_plus : 1 (clock-driven)",
        "dx/dt = -x/tau_minus : 1 (clock-driven)",
    ]
    assert changed("x : 1", "equations") == []


def test_statements_slip_and_are_left_out():
    assert changed("x += 2*y\nz = (x\n  - 1.5)", "statements") == [
        "x -= 2*y\nz = (x\n  - 1.5)",
        "x += 3*y\nz = (x\n  - 1.5)",
        "x += 2/y\nz = (x\n  - 1.5)",
        "x += 2*y\nz = (x\n  + 1.5)",
        "x += 2*y\nz = (x\n  - 2.5)",
        "\nz = (x\n  - 1.5)",
        "x += 2*y\n",
    ]


def test_names_are_taken_for_siblings_that_exist():
    assert changed("pre_trace", "expression", "post_trace") == ["post_trace"]
    assert changed("pre_trace", "expression", "post_tracer") == []
    assert changed("expression", "expression", "expostion") == []


def test_blocks_change_places_where_both_are_used():
    order = ["each_step", "on_pre", "on_post", "pre_on_spike"]
    used = {"on_pre", "on_post", "pre_on_spike"}
    assert list(swapped_neighbours(order, used)) == [
        ("on_pre", "on_post"), ("on_post", "pre_on_spike")
    ]  # fmt: skip


def test_every_rule_and_modulator_is_mutated():
    folders = (ROOT / "rules", ROOT / "rules" / "modulators")
    files = {str(path.relative_to(ROOT)) for folder in folders for path in folder.glob("*.py")}
    assert files - set(TARGETS) == {"rules/__init__.py", "rules/modulators/__init__.py"}


@pytest.mark.parametrize("file", TARGETS)
def test_targets_and_their_tests_exist(file):
    assert (ROOT / file).is_file()
    assert TARGETS[file]
    for test in TARGETS[file]:
        assert (ROOT / test.partition("::")[0]).is_file()
