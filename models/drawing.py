"""What a network starts from and replicas draw: weights, and parameters that differ."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threefactor.models.specification import (
    Modulation,
    Normal,
    Population,
    Projection,
    Uniform,
)
from threefactor.rules.contract import parameter_values
from threefactor.rules.streams import named_generator

Floats = NDArray[np.float64]


def draw_weights(links: Projection | Modulation, seeds: Sequence[int], weights: Floats) -> None:
    """Write the initial weights of links, those of a projection within its bounds.

    Parameters
    ----------
    seeds : one for each replica
    weights : (replicas, n_synapses)
    """
    for row, seed in zip(weights, seeds, strict=True):
        if isinstance(links.weights, (Uniform, Normal)):
            row[:] = links.weights.draw(named_generator(seed, links.name), row.size)
        else:
            row[:] = links.weights
    if isinstance(links, Projection):
        np.clip(weights, links.w_min, links.w_max, out=weights)


def draw_parameter(
    population: Population, parameter: str, seeds: Sequence[int], values: Floats
) -> None:
    """Write a heterogeneous parameter of a population into `values`, (replicas, neurons)."""
    mean, _ = parameter_values(population.neuron)[parameter]
    spread = population.heterogeneity[parameter]
    for row, seed in zip(values, seeds, strict=True):
        generator = named_generator(seed, f"{population.name}.{parameter}")
        if isinstance(spread, Uniform):
            row[:] = spread.draw(generator, row.size)
        else:
            factor = 1.0 + spread * generator.standard_normal(row.size)
            row[:] = mean * np.maximum(factor, 0.05)  # keeps the sign, and taus positive
    if parameter in population.neuron.bounds:
        np.clip(values, *population.neuron.bounds[parameter], out=values)
