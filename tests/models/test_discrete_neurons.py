"""The discrete-time neurons against the papers' equations, on engines and interpreter."""

from dataclasses import replace

import numpy as np
import pytest

from threefactor.models.architectures.analog import analog_layers
from threefactor.models.interpreter import Interpreter
from threefactor.models.neurons import make_neuron
from threefactor.models.neurons.contract import AnalogInput
from threefactor.models.specification import NetworkSpec, Population, Uniform

SIZES, SEED = (4, 12, 9, 3), 5
ALPHA, BETA, THETA = 0.5, 0.8, 0.4


def akl_spec(**options):
    """Return the network of Akl et al. 2023: input not filtered, output integrates."""
    hidden = make_neuron(
        "lif-discrete", synapse_decay=ALPHA, membrane_decay=BETA, v_threshold=THETA
    )
    readout = make_neuron("readout-discrete", synapse_decay=ALPHA, membrane_decay=1.0)
    return analog_layers(
        SIZES, hidden, readout, 1.5, first=replace(hidden, synapse_decay=0.0), **options
    )


def akl_by_hand(weights, x, timesteps):
    """Return v of the output after T timesteps, in which spikes pass all layers at once."""
    current = [np.zeros(w.shape[1]) for w in weights]
    v = [np.zeros(w.shape[1]) for w in weights]
    n_spikes = 0
    for _ in range(timesteps):
        sent = x
        for k, w in enumerate(weights):
            current[k] = (ALPHA if k else 0.0) * current[k] + sent @ w
            v[k] = (BETA if k + 1 < len(weights) else 1.0) * v[k] + current[k]
            if k + 1 < len(weights):
                sent = (v[k] > THETA).astype(float)
                n_spikes += sent.sum()
                v[k][sent > 0] = 0.0
    return v[-1], n_spikes


def weights_of(network):
    arrays = ("to_layer1.weight", "to_layer2.w", "to_output.w")
    shapes = zip(SIZES, SIZES[1:], strict=False)
    return [network.array(a).reshape(s) for a, s in zip(arrays, shapes, strict=True)]


@pytest.mark.parametrize("engine", ["runtime-numpy", "compiled", "interpreter"])
@pytest.mark.parametrize("timesteps", [1, 3, 8])
def test_a_window_of_layers_is_that_of_the_paper_two_timesteps_later(
    engine, timesteps, open_network
):
    spec = akl_spec(resets="decision")
    if engine == "interpreter":
        network = arrays = Interpreter(spec, (SEED,), (SEED,))
    else:
        network = open_network(spec, engine, (SEED,))
        arrays = network.engine
    total = 0
    for x in np.random.default_rng(0).integers(-40, 40, (5, SIZES[0])) / 16:
        found = network.advance(x[None], timesteps + len(SIZES) - 2)[0].copy()
        expected, n_spikes = akl_by_hand(weights_of(arrays), x, timesteps)
        network.close_decision()
        total += n_spikes
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert total > 10


@pytest.mark.parametrize("engine", ["runtime-numpy", "compiled"])
def test_soft_reset_subtracts_a_threshold_that_does_not_decay(engine, open_network):
    spec = analog_layers(
        (3, 6, 1), make_neuron("lif-soft-reset"), make_neuron("readout-discrete"), 2.0,
        heterogeneity={"membrane_decay": Uniform(0.0, 1.0), "v_threshold": Uniform(0.1, 1.0)},
    )  # fmt: skip
    network = open_network(spec, engine, (SEED,))
    array = network.engine.array
    network.engine.record(["layer1"], [("layer1.v", k) for k in range(6)], 1)
    beta, theta = (array(f"layer1.{name}") for name in ("membrane_decay", "v_threshold"))
    assert len({*beta}) == len({*theta}) == 6
    drive = np.array([0.5, -0.25, 1.0]) @ array("to_layer1.weight").reshape(3, 6)
    network.advance(np.array([[0.5, -0.25, 1.0]]), 50)
    v, spikes, expected, count = np.zeros(6), np.zeros(6), [], 0
    for _ in range(50):
        v = beta * v + drive - spikes * theta
        spikes = v > theta
        count += spikes.sum()
        expected.append(v)
    recorded = network.engine.drain()
    np.testing.assert_allclose(recorded["probes.values"], expected, rtol=1e-12, atol=1e-12)
    assert len(recorded["layer1.step"]) == count > 20


def test_told_numbers_are_rounded_down_to_the_grid(open_network):
    spec = NetworkSpec((Population("input", 4, AnalogInput(resolution=0.25)),), (), output="input")
    told = np.array([[0.3, -0.3, 0.25, 1e6 + 0.2]])
    rounded = np.array([[0.25, -0.5, 0.25, 1e6]])
    interpreter = Interpreter(spec, (0,), (0,))
    np.testing.assert_array_equal(interpreter.advance(told, 1), rounded)
    for engine in ("runtime-numpy", "compiled"):
        network = open_network(spec, engine, (0,))
        np.testing.assert_array_equal(network.advance(told, 1), rounded)


def test_a_resolution_is_a_power_of_two():
    with pytest.raises(ValueError, match="AnalogInput.resolution must be a power of two"):
        AnalogInput(resolution=0.1)


def test_drawn_parameters_stay_within_their_bounds(open_network):
    spec = akl_spec(heterogeneity={"membrane_decay": 0.5, "v_threshold": 1.0})
    network, interpreter = (
        open_network(spec, "runtime-numpy", (1,)),
        Interpreter(spec, (1,), (101,)),
    )
    decays = network.replicated("layer1.membrane_decay")
    assert decays.max() == 1.0
    assert decays.min() < BETA
    for name in ("layer1.membrane_decay", "layer2.v_threshold", "to_layer1.weight"):
        np.testing.assert_array_equal(network.replicated(name), interpreter.array(name))


def test_layers_need_an_input_a_layer_and_a_readout():
    with pytest.raises(ValueError, match="expected sizes of input, hidden layers and readout"):
        analog_layers((3, 2), make_neuron("lif-discrete"), make_neuron("readout-discrete"))
