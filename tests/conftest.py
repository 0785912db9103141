"""Fixtures shared by tests of networks: small specifications, networks that close themselves."""

from dataclasses import dataclass

import numpy as np
import pytest


@dataclass(frozen=True)
class Protocol:
    """A fixed little experiment: windows of noisy input, random third factors, episode starts."""

    windows: int = 6
    steps: int = 15
    episode: int = 4
    seed: int = 3

    def run(self, network, mask=None):
        """Drive `network` and return the spike counts of each window."""
        generator = np.random.default_rng(self.seed)
        everyone = np.ones(network.replicas, bool)
        counts = []
        for window in range(self.windows):
            rates = generator.uniform(50.0, 400.0, network.n_inputs)
            third_factor = generator.normal()
            counts.append(network.advance(rates, self.steps).copy())
            network.close_decision(np.full(network.replicas, window % 2))
            network.consolidate(np.full(network.replicas, third_factor))
            if (window + 1) % self.episode == 0:
                network.start_episode(everyone)
        return np.array(counts)


@pytest.fixture
def protocol():
    return Protocol()


@pytest.fixture(scope="session")
def make_spec():
    """Return a factory of one-layer networks; equal sizes, so that compiled builds are shared."""
    from models.neurons import LIF
    from models.neurons.contract import PoissonInput
    from models.specification import NetworkSpec, Population, Projection, Uniform, all_to_all

    def make(rule, neuron=None, *, n_inputs=6, n_outputs=4, low=2.0, high=8.0, actor=(), **options):
        neuron = neuron or LIF()
        modules = np.arange(n_outputs) // (n_outputs // 2)
        options = {"weights": Uniform(low, high), "w_min": 0.0, "w_max": 12.0, **options}
        return NetworkSpec(
            (
                Population("input", n_inputs, PoissonInput()),
                Population("actor", n_outputs, neuron, modules=modules, **dict(actor)),
            ),
            (
                Projection(
                    "policy", "input", "actor", **all_to_all(n_inputs, n_outputs),
                    port=next(iter(neuron.ports)), rule=rule, **options,
                ),
            ),
        )  # fmt: skip

    return make


@pytest.fixture
def open_network():
    """Return a factory of networks that are closed when the test ends."""
    from models.network import Network

    opened = []

    def build(spec, engine="runtime-numpy", seeds=(11,), **options):
        network = Network(spec, seeds, [s + 100 for s in seeds], engine, **options)
        opened.append(network)
        return network

    yield build
    for network in opened:
        network.close()
