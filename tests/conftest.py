"""Fixtures shared by tests of networks: small specifications, networks that close themselves."""

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pytest

from threefactor.experiments.training.observers import Observer


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
    from threefactor.models.neurons import LIF
    from threefactor.models.neurons.contract import PoissonInput
    from threefactor.models.specification import (
        NetworkSpec,
        Population,
        Projection,
        Uniform,
        all_to_all,
    )

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
    from threefactor.models.network import Network

    opened = []

    def build(spec, engine="runtime-numpy", seeds=(11,), **options):
        network = Network(spec, seeds, [s + 100 for s in seeds], engine, **options)
        opened.append(network)
        return network

    yield build
    for network in opened:
        network.close()


class Trace(Observer):
    """Keeps, per replica, what fired, what was done and what it earned."""

    def __init__(self, replicas):
        self.rows = [[] for _ in range(replicas)]
        self.episodes = [[] for _ in range(replicas)]

    def decided(self, loop, outcome):
        outputs = loop.agent.network._outputs
        for replica in np.flatnonzero(loop.tally.involved):
            observation = np.ravel(outcome.next_observations[replica]).tolist()
            action, reward = outcome.actions[replica].tolist(), float(outcome.rewards[replica])
            row = (outputs[replica].tolist(), action, reward, observation)
            self.rows[replica].append((*row, bool(outcome.acting[replica])))

    def finished(self, loop, episode):
        values = {k: v for k, v in vars(episode).items() if k != "replica"}
        self.episodes[episode.replica].append(values)


@pytest.fixture
def open_loop():
    """Return a factory of closed loops from settings, with a `trace`, closed at the end."""
    from threefactor.experiments.configuration import resolve
    from threefactor.experiments.training.setup import Setup

    with ExitStack() as opened:

        def build(settings, **options):
            config = resolve(settings, options)
            setup, trace = Setup.of(config), Trace(config.options.replicas)
            environments, agent = opened.enter_context(setup.opened())
            loop = setup.begin_loop(environments, agent, config.options.episodes, [trace])
            loop.trace = trace
            return loop

        yield build


@pytest.fixture
def run_loop():
    """Return a function that runs a loop to its end."""

    def run(loop):
        loop.run()
        return loop

    return run
