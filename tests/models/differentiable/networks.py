"""Networks that are trained, for the tests of this folder."""

import numpy as np

from threefactor.models.neurons import make_neuron
from threefactor.models.neurons.contract import AnalogInput, PoissonInput
from threefactor.models.specification import (
    Modulation,
    NetworkSpec,
    Normal,
    Population,
    Projection,
    Uniform,
    all_to_all,
)


def layered_spec(sizes=(5, 8, 6, 2), first=None, second=None, readout=None, **second_options):
    """Return analogue input -> two layers of spiking neurons -> readout."""
    n_in, n_first, n_second, n_out = sizes
    return NetworkSpec(
        (
            Population("input", n_in, AnalogInput()),
            Population("first", n_first, first or make_neuron("lif-discrete", synapse_decay=0.0)),
            Population(
                "second", n_second, second or make_neuron("lif-soft-reset"), **second_options
            ),
            Population("out", n_out, readout or make_neuron("readout-discrete")),
        ),
        (
            Projection("up", "first", "second", **all_to_all(n_first, n_second),
                       weights=Normal(0.1, 0.4)),
            Projection("read", "second", "out", **all_to_all(n_second, n_out),
                       weights=Normal(0.0, 0.5)),
        ),
        output="out",
        modulations=(
            Modulation("feed", "input", "first", "currents", **all_to_all(n_in, n_first),
                       weights=Normal(0.0, 0.4), into="drive"),
        ),
    )  # fmt: skip


def chain_spec():
    """Return a network of every neuron model that is made for gradients, with sparse recurrence."""
    generator = np.random.default_rng(1)
    pre, post = np.nonzero(generator.random((8, 8)) < 0.4)
    decays = {"membrane_decay": Uniform(0.0, 1.0), "v_threshold": Uniform(0.2, 0.8)}
    names = ("input", "filtered", "soft", "ising", "glm", "out")
    sizes = dict(zip(names, (4, 10, 8, 7, 6, 3), strict=True))
    links = [
        Projection(f"to_{target}", source, target, **all_to_all(sizes[source], sizes[target]),
                   weights=Normal(0.1, 0.6))
        for source, target in zip(names[1:], names[2:], strict=False)
    ]  # fmt: skip
    return NetworkSpec(
        (
            Population("input", 4, AnalogInput()),
            Population(
                "filtered", 10, make_neuron("lif-discrete"),
                heterogeneity={"synapse_decay": 0.3, "membrane_decay": 0.3, "v_threshold": 0.2},
            ),
            Population("soft", 8, make_neuron("lif-soft-reset"), heterogeneity=decays),
            Population("ising", 7, make_neuron("ising", bias=-0.5)),
            Population("glm", 6, make_neuron("bernoulli-glm")),
            Population("out", 3, make_neuron("readout-discrete", membrane_decay=0.9)),
        ),
        (*links, Projection("again", "soft", "soft", pre, post, weights=Normal(-0.1, 0.3))),
        output="out",
        modulations=(
            Modulation("feed", "input", "filtered", "currents", **all_to_all(4, 10),
                       weights=Normal(0.0, 0.3), into="drive"),
        ),
    )  # fmt: skip


def poisson_spec(name):
    """Return Poisson input -> neurons of a model -> readout, if they spike, else without it."""
    neuron = make_neuron(name)
    scale = {"lif-conductance": 0.3, "lif-current": 8.0, "izhikevich": 4.0}.get(name, 1.5)
    port, is_spiking = next(iter(neuron.ports)), bool(neuron.threshold)
    populations = (
        Population("input", 5, PoissonInput()),
        Population("first", 6, neuron),
        Population("out", 2, make_neuron("readout")),
    )
    projections = (
        Projection(
            "up", "input", "first", **all_to_all(5, 6), weights=Normal(scale, scale), port=port
        ),
        Projection("read", "first", "out", **all_to_all(6, 2), weights=Normal(0.0, 0.5)),
    )
    return NetworkSpec(
        populations if is_spiking else populations[:2],
        projections if is_spiking else projections[:1],
        output="out" if is_spiking else "first",
    )  # fmt: skip


def observations(spec, windows, batch, seed=0):
    """Return what the input is told in each window, (windows, batch, n_inputs)."""
    generator, n = np.random.default_rng(seed), spec.population(spec.input).size
    if spec.population(spec.input).neuron.takes == "rates_hz":
        return generator.uniform(0.0, 300.0, (windows, batch, n))
    return generator.normal(size=(windows, batch, n))
