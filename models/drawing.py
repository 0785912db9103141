"""What a network starts from and replicas draw: weights, and parameters that differ."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threefactor.models.specification import Normal, Population, Projection, Uniform
from threefactor.rules.contract import parameter_values
from threefactor.rules.streams import named_generator

Floats = NDArray[np.float64]


def draw_weights(
    projection: Projection, seeds: Sequence[int], weights: Floats, low: Floats, high: Floats
) -> None:
    """Write the initial weights of a projection into `weights`, (replicas, n_synapses).

    Parameters
    ----------
    seeds : one for each replica
    low, high : (replicas, n_synapses)
        Bounds.
    """
    for row, seed in zip(weights, seeds, strict=True):
        if isinstance(projection.weights, (Uniform, Normal)):
            row[:] = projection.weights.draw(named_generator(seed, projection.name), row.size)
        else:
            row[:] = projection.weights
    np.clip(weights, low, high, out=weights)


def draw_parameter(
    population: Population, parameter: str, seeds: Sequence[int], values: Floats
) -> None:
    """Write a heterogeneous parameter of a population into `values`, (replicas, neurons)."""
    mean, _ = parameter_values(population.neuron)[parameter]
    spread = population.heterogeneity[parameter]
    for row, seed in zip(values, seeds, strict=True):
        generator = named_generator(seed, f"{population.name}.{parameter}")
        factor = 1.0 + spread * generator.standard_normal(row.size)
        row[:] = mean * np.maximum(factor, 0.05)  # keeps the sign, and taus positive
