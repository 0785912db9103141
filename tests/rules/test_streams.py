"""Named random streams: the same again, and no two alike."""

import numpy as np

from threefactor.rules.streams import named_generator


def test_streams_repeat_and_differ():
    def drawn(seed, name):
        return named_generator(seed, name).random(4).tolist()

    assert drawn(0, "a") == drawn(0, "a")
    others = [drawn(0, "b"), drawn(1, "a"), np.random.default_rng(0).random(4).tolist()]
    assert drawn(0, "a") not in others
