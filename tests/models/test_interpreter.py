"""The NumPy stepping of neurons against Brian2, and given spikes."""

from dataclasses import dataclass

import numpy as np
import pytest

from threefactor.models.interpreter import Stepper
from threefactor.models.neurons import NEURONS
from threefactor.models.neurons.checks import build_network
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import NetworkSpec, Population, Projection, all_to_all
from threefactor.rules.contract import Rule
from threefactor.rules.language import parse_equations

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")  # pyparsing
STEPS, N_PRE, N_POST = 200, 5, 3


@pytest.fixture
def brian2():
    import brian2

    target = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    yield brian2
    brian2.prefs.codegen.target = target


def simulate(brian2, neuron, w, rule):
    """Return spikes of both sides, and variables after the threshold test."""
    pairs = all_to_all(N_PRE, N_POST)
    populations = (Population("input", N_PRE, PoissonInput()), Population("actor", N_POST, neuron))
    projection = Projection("plastic", "input", "actor", **pairs, weights=w, rule=rule)
    built = build_network(NetworkSpec(populations, (projection,)), seed=3)
    built.owners["input"].rates_ = 80.0
    names = list(parse_equations(neuron.equations).units)
    monitor = brian2.StateMonitor(
        built.owners["actor"], names, record=True, when="after_thresholds"
    )
    spikes = {side: brian2.SpikeMonitor(built.owners[side]) for side in ("input", "actor")}
    built.network.add(monitor, *spikes.values())
    if rule is not None:
        seen = brian2.StateMonitor(built.owners["plastic"], "seen", record=True, when="end")
        built.network.add(seen)
    built.network.run(STEPS * brian2.ms, namespace={})
    trains = {}
    for side, size in (("input", N_PRE), ("actor", N_POST)):
        trains[side] = np.zeros((STEPS, size), bool)
        steps = np.round(spikes[side].t / brian2.ms).astype(int)
        trains[side][steps, spikes[side].i] = True
    # Copies: Brian2 2.10 and later return views that do not keep the monitor alive.
    variables = {name: getattr(monitor, f"{name}_").T.copy() for name in names}
    if rule is not None:
        variables["sensitivity"] = seen.seen_.T.copy()
    return pairs, trains, variables


@pytest.mark.parametrize(
    "name", ["lif", "lif-current", "escape-lif", "srm0", "ising", "adaptive-lif", "izhikevich"]
)
def test_variables_equal_those_of_brian2(name, brian2):
    neuron = NEURONS[name]()
    kind = dataclass(frozen=True)(type("Watch", (Rule,), {
        "equations": "seen : 1", "each_step": "seen = sensitivity", "requires": ("sensitivity",),
    }))  # fmt: skip
    scale = 0.2 if name == "ising" else 1.0
    w = scale * np.random.default_rng(1).uniform(3, 9, N_PRE * N_POST)
    rule = kind() if "sensitivity" in neuron.exposes else None
    pairs, trains, expected = simulate(brian2, neuron, w, rule)
    assert trains["actor"].any()
    stepper = Stepper(neuron, pairs["pre"], pairs["post"], w, N_POST)
    given = trains["actor"] if "spike" in neuron.noise else None
    spikes, seen = stepper.run(trains["input"], given, list(expected))
    np.testing.assert_array_equal(spikes, trains["actor"])
    for variable, values in expected.items():
        size = np.abs(values).max() + 1e-300
        np.testing.assert_allclose(seen[variable] / size, values / size, atol=1e-9)


@pytest.mark.parametrize("name", ["escape-lif", "noisy-lif", "adaptive-lif", "izhikevich"])
def test_given_spikes_are_emitted_at_the_threshold(name):
    index = np.arange(2)
    given = np.zeros((40, 2), bool)
    given[[10, 25], 0] = True
    stepper = Stepper(NEURONS[name](), index, index, np.zeros(2), 2)
    spikes, seen = stepper.run(np.zeros((40, 2), bool), given, ["v"])
    np.testing.assert_array_equal(spikes, given)
    if name != "escape-lif":  # stochastic neurons draw the spike instead
        neuron = NEURONS[name]()
        level = 1e-3 * (neuron.v_peak_mv if name == "izhikevich" else neuron.v_threshold_mv)
        assert seen["v"][10, 0] == pytest.approx(level)
        assert seen["v"][10, 1] < level


def test_equations_that_cannot_be_stepped_are_named():
    index = np.zeros(1, int)
    with pytest.raises(ValueError, match="linear"):
        Stepper(NEURONS["lif-conductance"](), index, index, np.zeros(1), 1)
