"""What a network starts from: weights, parameters of single neurons, streams of noise."""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threefactor.models.engine.noise import stream_ids
from threefactor.models.specification import (
    Modulation,
    Normal,
    Population,
    Projection,
    Uniform,
)
from threefactor.rules.interpreter.places import Place

_ANY = (-np.inf, np.inf)


def draw_weights(links: Projection | Modulation, seeds: Sequence[int]) -> NDArray[np.float64]:
    """Return the initial weights, (replicas, n_synapses), of a projection within its bounds."""
    weights, size = links.weights, len(links.pre)
    if isinstance(weights, (Uniform, Normal)):
        rows = [weights.draw(generator, size) for generator in _generators(seeds, links.name)]
    else:
        rows = [np.broadcast_to(np.asarray(weights, float), size)] * len(seeds)
    if isinstance(links, Modulation):
        return np.array(rows)
    return np.clip(np.array(rows), links.w_min, links.w_max)


def draw_parameters(population: Population, place: Place, seeds: Sequence[int]) -> None:
    """Give each neuron parameters of its own, where a population is heterogeneous.

    value*max(1 + sd*N(0, 1), 0.05): the sign stays, and time constants stay positive; or drawn from
    an interval. Within the bounds of the neuron model.
    """
    for parameter, spread in population.heterogeneity.items():
        generators = _generators(seeds, f"{population.name}.{parameter}")
        value, size = place.constants.pop(parameter), population.size
        if isinstance(spread, Uniform):
            values = np.array([spread.draw(generator, size) for generator in generators])
        else:
            factors = [1.0 + spread * generator.standard_normal(size) for generator in generators]
            values = value * np.maximum(factors, 0.05)
        place.add(parameter, np.clip(values, *population.neuron.bounds.get(parameter, _ANY)))


def start_streams(owner: str, place: Place, purposes: Sequence[str], seeds: Sequence[int]) -> None:
    """Give each element a stream of random numbers for each purpose."""
    for purpose in purposes:
        rows = [stream_ids(seed, owner, purpose, place.shape[1]) for seed in seeds]
        place.values[f"{purpose}_stream"] = np.array(rows)


def _generators(seeds: Sequence[int], name: str) -> list[np.random.Generator]:
    """Return each seed's generator for what is called `name`."""
    key = (zlib.crc32(name.encode()),)
    sequences = (np.random.SeedSequence(entropy=seed, spawn_key=key) for seed in seeds)
    return [np.random.default_rng(sequence) for sequence in sequences]
