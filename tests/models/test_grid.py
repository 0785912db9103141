"""Sums of weights on a grid do not depend on their order."""

import numpy as np
import pytest

from threefactor.models.grid import STEP, check_exact, on_grid, quantise, step_for


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


@pytest.mark.parametrize("scale", [1.0, 3e-9, 1e4])
@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8])
def test_quantised_weights_are_symmetric_and_the_nearest_levels(bits, scale):
    values = scale * np.random.default_rng(3).normal(size=2000)
    found = quantise(values, bits)
    step = step_for(values, bits)
    assert len(np.unique(found)) <= 2**bits - 1
    np.testing.assert_array_equal(quantise(-values, bits), -found)
    assert np.abs(found - values).max() <= step / 2
    assert step * (2 ** (bits - 1) - 1) >= np.abs(values).max()
    assert step / 2 * (2 ** (bits - 1) - 1) < np.abs(values).max()  # no finer step reaches all


def test_quantising_keeps_zeros_and_what_needs_no_rounding():
    np.testing.assert_array_equal(quantise(np.array([0.0, 0.5, -1.5, 3.5]), 4), [0, 0.5, -1.5, 3.5])
    np.testing.assert_array_equal(quantise(np.zeros(4), 8), np.zeros(4))
    on_fine_grid = on_grid(np.random.default_rng(4).normal(size=50))
    np.testing.assert_array_equal(quantise(on_fine_grid, 32), on_fine_grid)


@pytest.mark.parametrize("bits", [-1, 0, 1, 33, 4.5, "x", None])
def test_odd_precisions_are_refused_in_one_line(bits):
    with pytest.raises(
        ValueError, match=f"bits of a weight: expected 2 to 32, .*, got {bits}."
    ) as e:
        quantise(np.ones(3), bits)
    assert "\n" not in str(e.value)
