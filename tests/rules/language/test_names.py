"""Names that Python, C++, SymPy, Brian2 or the network use are refused, with the reason."""

import builtins
import keyword

import pytest

from threefactor.rules import RULES
from threefactor.rules.contract import EQUATION_BLOCKS, parameter_values
from threefactor.rules.language import parse_equations
from threefactor.rules.language.names import check_name, why_reserved


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("lambda", "Python"), ("double", "C[+][+]"), ("template", "C[+][+]"), ("E", "SymPy"),
        ("not_refractory", "Brian2"), ("lastspike", "Brian2"), ("refractory", "Brian2"),
        ("xi_noise", "Brian2"), ("t", "Brian2"), ("N", "Brian2"), ("exp", "function"),
        ("w", "network"), ("third_factor", "network"), ("ms", "unit"), ("kgram2", "unit"),
        ("v_post", "_pre or _post"), ("_x", "begin with _"), ("max", "Python's own"),
        ("NAN", "generated C[+][+]"),
    ],
)  # fmt: skip
def test_names_with_a_meaning_are_refused(name, reason):
    with pytest.raises(ValueError, match=rf"^R: the parameter '{name}' cannot .*{reason}"):
        check_name(name, "R: the parameter")


def test_all_of_python_and_brian2_is_reserved():
    from brian2.core.functions import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS
    from brian2.core.namespace import DEFAULT_UNITS

    names = {*keyword.kwlist, *dir(builtins), *DEFAULT_FUNCTIONS, *DEFAULT_CONSTANTS}
    names |= set(DEFAULT_UNITS)
    assert [name for name in sorted(names - {"-inf"}) if not why_reserved(name)] == []


@pytest.mark.parametrize("name", ["eligibility", "beta", "gamma", "v", "NMDA", "x2", "dopamine"])
def test_other_names_are_free(name):
    assert why_reserved(name) == ""


def test_no_rule_of_the_library_needs_a_reserved_name():
    for rule in RULES.values():
        names = [*parameter_values(rule()), *rule.noise]
        names += [v for b in EQUATION_BLOCKS for v in parse_equations(getattr(rule, b)).units]
        assert [name for name in names if why_reserved(name)] == []
