"""Synapses at rest: what must be 0 for it, and the same bits whether they are visited or not."""

import numpy as np
import pytest

from threefactor.models.assembly import assemble
from threefactor.models.neurons import NEURONS
from threefactor.models.resting import find_resting
from threefactor.rules import RULES
from threefactor.rules.language import parse_equations, parse_statements

CASES = {
    "reinforce": ("escape-lif", ("sensitivity",)),
    "td-ltp": ("escape-lif", ("slow", "fast", "sensitivity")),
    "rmax": ("escape-lif", ("eligibility", "sensitivity")),
    "eprop-reward": (
        "adaptive-lif",
        ("eligibility", "adaptation_memory", "filtered", "sensitivity"),
    ),
    "rstdp-et": ("escape-lif", ()),  # its timesteps do nothing at synapses
    "stdp-voltage": ("escape-lif", ()),  # its voltages move without any spike
    "node-perturbation": ("noisy-lif", ()),
}


@pytest.mark.parametrize("rule", CASES)
def test_as_little_as_possible_must_be_zero(make_spec, rule):
    neuron, expected = CASES[rule]
    (synapses,) = assemble(make_spec(RULES[rule](), NEURONS[neuron]())).synapses
    assert synapses.resting == expected


@pytest.mark.parametrize(
    ("equations", "each_step", "on_post", "expected"),
    [
        ("dx/dt = -x/tau : 1", "", "", ("x",)),
        ("dx/dt = (y - x)/tau : 1\ndy/dt = -y/tau : 1", "", "", ("x", "y")),
        ("dx/dt = (1 - x)/tau : 1", "", "", ()),
        ("x : 1\ny : 1", "y += 3*x", "", ("x",)),
        ("x : 1\ny : 1", "y = 3*x", "", ("x", "y")),
        ("x : 1\ny : 1", "y *= 0.9", "", ("y",)),
        ("x : 1\ny : 1", "y += exp(x)", "", ()),
        ("x : 1\ny : 1", "y += abs(x)", "x = 0", ("x",)),
        ("x : 1\ny : 1", "y += x", "x += 1", ()),
        ("x : 1\ny : 1\nboth = x*z : 1", "y += both", "y += 1", ("x",)),
        ("x : 1", "x += 1", "", ()),
        ("x : 1", "", "x += 1", ()),
    ],
)
def test_a_synapse_rests_where_no_timestep_moves_it(equations, each_step, on_post, expected):
    blocks = parse_statements(each_step), parse_statements(on_post)
    assert find_resting(parse_equations(equations), *blocks) == expected


def play(network):
    """Return every array after windows in which some inputs are silent, and resets in between."""
    generator, replicas = np.random.default_rng(5), 2
    for window in range(8):
        rates = generator.uniform(50.0, 400.0, (replicas, network.n_inputs))
        rates[:, generator.random(network.n_inputs) < 0.6] = 0.0
        network.advance(rates, 3 if window == 5 else 30)
        network.close_decision()
        network.consolidate(generator.normal(size=replicas))
        if window in (2, 4):
            network.start_episode(np.array([window == 2, True]))
    return {
        name: network.engine.array(name).copy()
        for name in network.engine.arrays()
        if name.startswith("policy.") and name.partition(".")[2] not in ("N", "sources", "targets")
    }


@pytest.mark.parametrize("rule", ["reinforce", "td-ltp", "eprop-reward"])
def test_rested_synapses_have_the_same_bits(make_spec, open_network, rule):
    spec = make_spec(RULES[rule](), NEURONS[CASES[rule][0]](), n_outputs=8, n_inputs=12)
    found = {engine: play(open_network(spec, engine, (3, 4))) for engine in (
        "compiled", "runtime-numpy"
    )}  # fmt: skip
    assert np.any(found["compiled"]["policy.sensitivity"] == 0)
    assert np.any(found["compiled"]["policy.sensitivity"] != 0)
    for name in found["runtime-numpy"].keys() & found["compiled"].keys():
        one, other = found["compiled"][name], found["runtime-numpy"][name]
        if one.dtype.kind == "f":
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15, err_msg=name)
