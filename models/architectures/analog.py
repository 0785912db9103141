"""Layers that are driven by numbers and read as numbers, as gradient-trained agents have them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType

from threefactor.models.links import drivable
from threefactor.models.neurons.contract import AnalogInput, NeuronModel
from threefactor.models.specification import (
    Modulation,
    NetworkSpec,
    Normal,
    Population,
    Projection,
    Uniform,
    all_to_all,
)


def analog_port(neuron: NeuronModel) -> str:
    """Return the variable that takes a neuron's analogue input.

    Raises
    ------
    ValueError
        If it has none.
    """
    free = drivable(neuron)
    for name in ("drive", "current"):
        if name in free:
            return name
    raise ValueError(
        f"neuron {type(neuron).__name__}: expected one that is driven by numbers: lif-soft-reset, "
        "lif-discrete, ising, bernoulli-glm, or relu for an ordinary network."
    )


def analog_layers(
    sizes: Sequence[int],
    hidden: NeuronModel,
    readout: NeuronModel,
    weight_scale: float = 1.0,
    heterogeneity: Mapping[str, float | Uniform] = MappingProxyType({}),
    first: NeuronModel | None = None,
    resets: str = "episode",
    timestep_ms: float = 1.0,
) -> NetworkSpec:
    """Return input -> hidden layers -> readout, all to all, without biases.

    Weights are drawn from N(0, (weight_scale/sqrt(neurons of the layer below))**2). Populations are
    ``"input"``, ``"layer1"``, ..., ``"output"``; weights are ``"to_layer1.weight"``, graded, and
    ``"to_layer2.w"``, ..., ``"to_output.w"``. A layer takes a timestep: what is told reaches
    the readout in timestep ``len(sizes) - 1``. Hidden neurons that do not spike send what they are
    read by, through graded links, whose weights are ``"to_layer2.weight"``, ...

    Parameters
    ----------
    sizes : sequence of int
        Of input, hidden layers and readout, >= 3 of them.
    hidden, readout : NeuronModel
        With a variable for analogue input; of the readout where hidden neurons are graded.
    weight_scale : float, default 1.0
    heterogeneity : mapping, default empty
        Of the hidden layers, see `Population`.
    first : NeuronModel, optional
        Of the first layer, where it differs from the others.
    resets : str, default "episode"
        See `Population`; "decision": every decision begins without memory.
    timestep_ms : float, default 1.0

    Raises
    ------
    ValueError
        For fewer than 3 sizes, and where the parts do not fit.
    """
    if len(sizes) < 3:
        raise ValueError(
            f"analog_layers: expected sizes of input, hidden layers and readout, got {sizes}."
        )
    names = ["input", *(f"layer{k}" for k in range(1, len(sizes) - 1)), "output"]
    layers = [
        Population(name, size, hidden, resets, dict(heterogeneity))
        for name, size in zip(names[1:-1], sizes[1:-1], strict=True)
    ]
    if first is not None:
        layers[0] = replace(layers[0], neuron=first)
    populations = (
        Population("input", sizes[0], AnalogInput()),
        *layers,
        Population("output", sizes[-1], readout, resets),
    )
    projections, modulations = [], []
    for source, target in pairwise(populations):
        weights = Normal(0.0, weight_scale / source.size**0.5)
        ends = f"to_{target.name}", source.name, target.name
        links = all_to_all(source.size, target.size)
        if source.neuron.threshold:
            projections.append(Projection(*ends, **links, weights=weights))
        else:
            sent = source.neuron.readout
            into = analog_port(target.neuron)
            modulations.append(Modulation(*ends, sent, **links, weights=weights, into=into))
    return NetworkSpec(
        populations, tuple(projections), output="output", timestep_ms=timestep_ms,
        modulations=tuple(modulations),
    )  # fmt: skip
