"""The same weights in PyTorch, engines and interpreter: every spike is the same."""

import numpy as np
import pytest

from tests.models.differentiable.networks import (
    chain_spec,
    layered_spec,
    observations,
    poisson_spec,
)
from threefactor.models.interpreter import Interpreter
from threefactor.models.neurons import NEURONS

torch = pytest.importorskip("torch", reason='needs PyTorch: pip install "threefactor[deep]"')
from threefactor.models.differentiable import DifferentiableNetwork  # noqa: E402
from threefactor.models.grid import step_for  # noqa: E402

SEEDS, STEPS = (3, 4), 25
SPIKING = ("filtered", "soft", "ising", "glm")


def trained(spec, seed=7, **options):
    """Return a network whose weights lie on no grid."""
    return DifferentiableNetwork(spec, seed, **options)


def raster_of_torch(network, told, names):
    """Return outputs and spikes, (timesteps, batch, neurons) bool, of the exact network."""
    exact = network.exact()
    exact.seed_noise(SEEDS)
    exact.record(names)
    with torch.no_grad():
        outputs, _ = exact(torch.tensor(told), STEPS)
    return outputs.numpy(), {name: rows.numpy() > 0 for name, rows in exact.recorded().items()}


def raster_of_interpreter(network, told, names):
    interpreter = Interpreter(network.spec, SEEDS, SEEDS)
    for name, values in network.arrays().items():
        interpreter.array(name)[...] = values
    interpreter.record(names)
    outputs = np.array([interpreter.advance(window, STEPS) for window in told])
    return outputs, interpreter.recorded()


def raster_of_engine(opened, network, told, names):
    opened.load(network.arrays())
    opened.engine.record(list(names))
    outputs = np.array([opened.advance(window, STEPS).copy() for window in told])
    found, events = {}, opened.engine.drain()
    for name in names:
        size = network.spec.population(name).size
        raster = np.zeros((len(told) * STEPS, len(SEEDS) * size), bool)
        raster[events[f"{name}.step"], events[f"{name}.neuron"]] = True
        found[name] = raster.reshape(-1, len(SEEDS), size)
    return outputs, found


def assert_equal(found, expected, names):
    (outputs, spikes), (other_outputs, other_spikes) = found, expected
    for name in names:
        assert spikes[name].shape == other_spikes[name].shape
        np.testing.assert_array_equal(spikes[name], other_spikes[name], err_msg=name)
    np.testing.assert_allclose(outputs, other_outputs, rtol=1e-9, atol=1e-12)


def check_everywhere(spec, names, windows, open_network, engines=("runtime-numpy", "compiled")):
    """Compare PyTorch with the interpreter and engines; return the spikes."""
    network, told = trained(spec), observations(spec, windows, len(SEEDS))
    expected = raster_of_torch(network, told, names)
    assert_equal(raster_of_interpreter(network, told, names), expected, names)
    for engine in engines:
        opened = open_network(spec, engine, SEEDS)
        assert_equal(raster_of_engine(opened, network, told, names), expected, names)
    return expected[1]


def test_every_trained_neuron_spikes_equally_for_ten_thousand_timesteps(open_network):
    spikes = check_everywhere(chain_spec(), SPIKING, 10_000 // STEPS, open_network)
    for name, raster in spikes.items():
        assert 0.02 < raster.mean() < 0.9, name
        assert (raster[1:] != raster[:-1]).mean() > 0.01, name


@pytest.mark.parametrize("name", [name for name, kind in NEURONS.items() if kind.ports])
def test_other_neuron_models_spike_equally(name, open_network):
    names = ["input"] + ["first"] * bool(NEURONS[name].threshold)
    spikes = check_everywhere(poisson_spec(name), names, 20, open_network, ())
    assert all(raster.any() for raster in spikes.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, kind in NEURONS.items() if kind.ports])
def test_every_neuron_model_for_ten_thousand_timesteps(name, open_network):
    names = ["input"] + ["first"] * bool(NEURONS[name].threshold)
    check_everywhere(poisson_spec(name), names, 400, open_network)


@pytest.mark.parametrize("bits", [8, 4])
def test_quantised_weights_spike_equally(bits, open_network):
    spec = layered_spec()
    network = trained(spec).exact(bits)
    for name, values in network.arrays().items():
        assert len(np.unique(values)) <= 2**bits
        np.testing.assert_array_equal(values % step_for(values, bits), 0.0, name)
    told = observations(spec, 40, len(SEEDS))
    names = ("first", "second")
    expected = raster_of_torch(network, told, names)
    opened = open_network(spec, "compiled", SEEDS)
    assert_equal(raster_of_engine(opened, network, told, names), expected, names)
    assert not np.array_equal(
        expected[1]["second"], raster_of_torch(trained(spec), told, names)[1]["second"]
    )


def test_engines_need_the_arrays(open_network):
    """What is compared depends on the weights: those that the engine draws itself spike apart."""
    spec = layered_spec()
    told = observations(spec, 20, len(SEEDS))
    opened = open_network(spec, "runtime-numpy", SEEDS)
    _, expected = raster_of_torch(trained(spec), told, ("second",))
    _, found = raster_of_engine(opened, trained(spec, seed=8), told, ("second",))
    assert not np.array_equal(found["second"], expected["second"])


def test_initial_weights_are_those_of_an_engine(open_network):
    spec = chain_spec()
    opened = open_network(spec, "runtime-numpy", (9,))
    network = DifferentiableNetwork(spec, 9 + 100, dtype=torch.float64)
    for key, parameter in network.named_parameters():
        values = opened.engine.array(key.replace("/", "."))
        np.testing.assert_array_equal(parameter.detach().numpy(), values, key)
