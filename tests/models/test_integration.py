"""Blocks of equations solved apart are what Brian2 gives for them together."""

import brian2
import pytest
from brian2.stateupdaters.base import UnsupportedEquationsException
from brian2.stateupdaters.exact import linear

from threefactor.models.engine import integration
from threefactor.models.engine.integration import integrate_exactly
from threefactor.models.neurons import NEURONS
from threefactor.models.neurons.checks import build_network


@pytest.fixture(autouse=True)
def _no_compiler(monkeypatch):
    monkeypatch.setitem(brian2.prefs, "codegen.target", "numpy")


@pytest.mark.parametrize(
    "name", sorted(n for n, kind in NEURONS.items() if kind.method == "exact" and kind.ports)
)
def test_code_of_every_neuron_is_brians(name, make_spec):
    for group in build_network(make_spec(None, NEURONS[name](), weights=1.0)).network.objects:
        if isinstance(group, brian2.NeuronGroup) and group.equations.diff_eq_names:
            assert code_of(group) == linear(group.equations, group.variables)


def code_of(group):
    return integrate_exactly(group.equations, group.variables)


def make_group(model, size=1):
    return brian2.NeuronGroup(size, model, method="exact", name="integrated*")


COUPLED = """dv/dt = (g - v)/tau : 1
dx/dt = -x/tau : 1
dg/dt = -g/(2*tau) : 1
tau : second (constant)"""


def test_coupled_equations_stay_together():
    group = make_group(COUPLED)
    assert code_of(group) == linear(group.equations, group.variables)
    assert integration._independent_blocks({"v": "g - v", "x": "-x", "g": "-g"}) == [
        ("x",), ("v", "g")
    ]  # fmt: skip


def test_equal_blocks_are_solved_once(monkeypatch):
    solved = []
    monkeypatch.setattr(integration, "_solved", {})
    monkeypatch.setattr(integration, "linear", lambda *a: solved.append(a) or linear(*a))
    first, second = make_group(COUPLED), make_group(COUPLED + "\ndy/dt = -y/tau : 1", size=7)
    code_of(first)
    assert len(solved) == 2
    assert "_y = y*exp(-dt/tau)" in code_of(second)
    assert len(solved) == 3


def test_noise_has_no_exact_solution():
    group = make_group("dv/dt = -v/tau + xi/sqrt(tau) : 1\ntau : second (constant)")
    with pytest.raises(UnsupportedEquationsException, match="stochastic"):
        code_of(group)
