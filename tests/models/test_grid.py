"""Sums of weights on a grid do not depend on their order."""

import numpy as np
import pytest

from threefactor.models.grid import STEP, check_exact, on_grid, step_for


def sums(weights, numbers, generator):
    """Return the sums of products in many orders."""
    products = weights * numbers
    return {float(np.cumsum(generator.permutation(products))[-1]) for _ in range(200)}


def test_sums_on_the_grid_are_the_same_in_any_order():
    generator = np.random.default_rng(0)
    weights, numbers = generator.normal(size=(2, 300))
    assert len(sums(weights, 1.0, generator)) > 1
    assert len(sums(on_grid(weights), 1.0, generator)) == 1
    assert len(sums(on_grid(weights), numbers, generator)) > 1
    assert len(sums(on_grid(weights), on_grid(numbers), generator)) == 1


def test_rounding_goes_to_the_nearest_multiple():
    np.testing.assert_array_equal(on_grid([0.3, -0.3, 0.125, 0.375], 0.25), [0.25, -0.25, 0.0, 0.5])
    values = np.random.default_rng(1).normal(size=100)
    assert np.abs(on_grid(values) - values).max() <= STEP / 2


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_quantised_weights_have_so_many_levels(bits):
    values = np.random.default_rng(2).normal(size=1000)
    step = step_for(values, bits)
    levels = on_grid(values, step) / step
    largest = 2 ** (bits - 1) - 1
    assert np.abs(levels).max() <= largest
    assert np.abs(levels).max() > largest / 2 - 1
    assert np.log2(step) == round(np.log2(step))


def test_odd_grids_are_refused():
    with pytest.raises(
        ValueError, match="bits of a weight: expected 2 to 32, one of them for its sign, got 1."
    ):
        step_for(np.ones(3), 1)
    with pytest.raises(ValueError, match="up.w: weights of this size"):
        check_exact("up.w", np.array([2.0**33]))
    with pytest.raises(ValueError, match="up.w: weights of this size"):
        check_exact("up.w", np.array([np.nan]))
    assert step_for(np.zeros(3), 4) == STEP
