"""Random streams by name: what one part draws can shift nothing that another part draws."""

import zlib

import numpy as np


def named_generator(seed: int, name: str) -> np.random.Generator:
    """Return the generator of a seed's stream `name`.

    ``default_rng([seed, 0])`` would be ``default_rng(seed)``; a spawned stream equals no other.
    """
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(zlib.crc32(name.encode()),))
    return np.random.default_rng(sequence)
