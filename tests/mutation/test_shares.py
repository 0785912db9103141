"""Shares estimated from draws hold the truth as often as they say."""

import numpy as np
import pytest

from tests.mutation.shares import share_of_all


def test_files_weigh_as_much_as_they_have_mutants():
    assert share_of_all([(10, 10, 9), (90, 90, 45)]) == (0.54, 0.0)
    share, reach = share_of_all([(10, 10, 10), (90, 30, 30)])
    assert share == 1.0
    assert 0 < reach < 0.1


@pytest.mark.parametrize("killed", [(0.9, 0.95, 0.5), (1.0, 0.97, 0.9)])
def test_intervals_hold_the_share_of_all(killed):
    sizes, rng, held = (40, 100, 160), np.random.default_rng(0), 0
    files = [np.arange(n) < round(n * share) for n, share in zip(sizes, killed, strict=True)]
    truth = np.concatenate(files).mean()
    for _ in range(1000):
        draws = [rng.choice(file, 20, replace=False) for file in files]
        share, reach = share_of_all(
            [(f.size, 20, int(d.sum())) for f, d in zip(files, draws, strict=True)]
        )
        held += abs(share - truth) <= reach
    assert 930 <= held
