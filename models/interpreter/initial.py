"""What a network starts from: weights, parameters of single neurons, streams of noise."""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threefactor.models.engine.noise import stream_ids
from threefactor.models.specification import Normal, Population, Projection, Uniform
from threefactor.rules.interpreter.places import Place


def draw_weights(projection: Projection, seeds: Sequence[int]) -> NDArray[np.float64]:
    """Return the initial weights within their bounds, (replicas, n_synapses)."""
    weights, size = projection.weights, projection.n_synapses
    if isinstance(weights, (Uniform, Normal)):
        rows = [weights.draw(generator, size) for generator in _generators(seeds, projection.name)]
    else:
        rows = [np.broadcast_to(np.asarray(weights, float), size)] * len(seeds)
    return np.clip(np.array(rows), projection.w_min, projection.w_max)


def draw_parameters(population: Population, place: Place, seeds: Sequence[int]) -> None:
    """Give each neuron parameters of its own, where a population is heterogeneous.

    value*max(1 + sd*N(0, 1), 0.05): the sign stays, and time constants stay positive.
    """
    for parameter, spread in population.heterogeneity.items():
        rows = [
            np.maximum(1.0 + spread * generator.standard_normal(population.size), 0.05)
            for generator in _generators(seeds, f"{population.name}.{parameter}")
        ]
        place.add(parameter, place.constants.pop(parameter) * np.array(rows))


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
