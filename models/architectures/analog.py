"""Layers that are driven by numbers and read as numbers, as gradient-trained agents have them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

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
    """Return input -> layers of spiking neurons -> readout, all to all, without biases.

    Weights are drawn from N(0, (weight_scale/sqrt(neurons of the layer below))**2). Populations are
    ``"input"``, ``"layer1"``, ..., ``"output"``; weights are ``"to_layer1.weight"``, graded, and
    ``"to_layer2.w"``, ..., ``"to_output.w"``. A layer takes a timestep: what is told reaches
    the readout in timestep ``len(sizes) - 1``.

    Parameters
    ----------
    sizes : sequence of int
        Of input, spiking layers and readout, >= 3 of them.
    hidden, readout : NeuronModel
        With a variable ``drive`` for analogue input; not of the readout.
    weight_scale : float, default 1.0
    heterogeneity : mapping, default empty
        Of the spiking layers, see `Population`.
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
            f"analog_layers: expected sizes of input, spiking layers and readout, got {sizes}."
        )
    names = ["input", *(f"layer{k}" for k in range(1, len(sizes) - 1)), "output"]
    spiking = [
        Population(name, size, hidden, resets, dict(heterogeneity))
        for name, size in zip(names[1:-1], sizes[1:-1], strict=True)
    ]
    if first is not None:
        spiking[0] = replace(spiking[0], neuron=first)
    pairs = [all_to_all(m, n) for m, n in zip(sizes, sizes[1:], strict=False)]
    weights = [Normal(0.0, weight_scale / size**0.5) for size in sizes]
    feed = Modulation(
        "to_layer1", "input", "layer1", "currents", **pairs[0], weights=weights[0], into="drive"
    )
    return NetworkSpec(
        (
            Population("input", sizes[0], AnalogInput()), *spiking,
            Population("output", sizes[-1], readout, resets),
        ),
        tuple(
            Projection(f"to_{target}", source, target, **own, weights=drawn)
            for source, target, own, drawn in zip(
                names[1:], names[2:], pairs[1:], weights[1:], strict=False
            )
        ),
        output="output", timestep_ms=timestep_ms, modulations=(feed,),
    )  # fmt: skip
