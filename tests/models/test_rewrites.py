"""Rewrites of generated C++: what they change, and that they leave the rest alone."""

import pytest

from threefactor.models.assembly import assemble
from threefactor.models.engine.generation import generate
from threefactor.models.engine.rewrites import (
    drop_unused,
    hasten,
    mark_independent,
    remember_exponentials,
)
from threefactor.models.neurons import make_neuron
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import (
    NetworkSpec,
    Population,
    Projection,
    Uniform,
    all_to_all,
)
from threefactor.rules import RULES


@pytest.mark.parametrize(
    "code", ["", "int main() { return 0; }", "for(int i=0; i<3; i++) { f(); }"]
)
def test_unknown_code_is_left_alone(code):
    assert hasten(drop_unused(code)) == code


def test_exponentials_are_remembered_outside_of_loops_only():
    code = "// scalar code\ndouble a = exp(-dt/tau) + my_exp(2);\nfor(;;) { b = exp(v); }"
    new = remember_exponentials(code)
    assert "a = remembered_exp<__COUNTER__>(-dt/tau) + my_exp(2);" in new
    assert "b = exp(v)" in new


@pytest.mark.parametrize(
    ("body", "is_independent"),
    [
        ("x[_idx] = y[post] + 1;", True),
        ("x[post] += 1;", False),
        ("x[_idx] = x[post];", False),
        ("x[_idx] += x[_idx] == y[k];", True),
    ],
)
def test_loops_are_independent_only_if_they_touch_their_own_element(body, is_independent):
    code = f"for(int _idx=0; _idx<_N; _idx++)\n{{ {body} }}"
    assert ("#pragma GCC ivdep" in mark_independent(code)) == is_independent


def test_bodies_of_unused_functions_are_dropped():
    code = "void _write_arrays()\n{\n if (a) { b(); }\n c();\n}\nvoid kept() { d(); }"
    assert drop_unused(code) == "void _write_arrays()\n{}\nvoid kept() { d(); }"


def test_every_rewrite_finds_its_place_in_what_brian2_generates():
    spec = NetworkSpec(
        (Population("input", 9, PoissonInput()), Population("actor", 3, make_neuron("escape-lif"))),
        (
            Projection(
                "policy", "input", "actor", **all_to_all(9, 3), weights=Uniform(0.0, 1.0),
                rule=RULES["rstdp"](),
            ),
        ),
    )  # fmt: skip
    source, _ = generate(assemble(spec))
    assert "remembered_exp<__COUNTER__>(" in source
    assert "= list_spikes(_conditions, N, _ptr_array_actor_compiled__spikespace);" in source
    assert "noise::draw_all(_words_of_spike_stream_t_in_timesteps_, " in source
    assert "_word_to_uniform(_words_of_spike_stream_t_in_timesteps[_idx]) < " in source
    assert "_counters_of_spike_stream_since[_idx] = noise::counter_of(since);" in source
    assert "_word_to_geometric(_words_of_spike_stream_since[_idx], dt * rates)" in source
    assert "#pragma GCC unroll 4" in source
    assert "#pragma GCC ivdep" in source
    assert "void _write_arrays()\n{}" in source
