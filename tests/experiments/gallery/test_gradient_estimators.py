"""Estimators of the policy gradient beside the exact one, which is summed here in another way."""

from itertools import product

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from threefactor.experiments.gallery.gradient_estimators import (  # noqa: E402
    ARMS,
    ESTIMATORS,
    GRADIENT_ESTIMATORS,
    SCORE,
    TIMESTEPS,
    Choices,
    measure_seed,
)

HIDDEN = 2


def expected_reward(choices, weights):
    """Sum over every pattern of spikes, bit by bit, in NumPy."""
    patterns, right = choices.patterns.numpy(), choices.right.numpy()
    readout = choices.network.parameter("to_output.w").detach().numpy().reshape(HIDDEN, -1)
    total = np.zeros(len(patterns))
    p = 1.0 / (1.0 + np.exp(-2.0 * patterns @ weights))
    for bits in product((0, 1), repeat=HIDDEN * (TIMESTEPS - 1)):
        spikes = np.array(bits).reshape(TIMESTEPS - 1, HIDDEN)
        chance = np.prod(np.where(spikes[:, None], p, 1.0 - p), axis=(0, 2))
        odds = np.exp(spikes.sum(axis=0) @ readout)
        total += chance * (odds / odds.sum())[right]
    return total


def test_the_exact_gradient_is_that_of_finite_differences_over_all_spikes():
    choices = Choices(3, HIDDEN)
    gradient, expected = choices.exact()
    weights = choices.network.parameter("to_layer1.weight").detach().numpy().reshape(-1, HIDDEN)
    np.testing.assert_allclose(expected, expected_reward(choices, weights), rtol=1e-12)
    found, step = np.zeros_like(weights), 1e-6
    for index in np.ndindex(weights.shape):
        moved = [weights.copy(), weights.copy()]
        moved[0][index] += step
        moved[1][index] -= step
        high, low = (expected_reward(choices, one).mean() for one in moved)
        found[index] = (high - low) / (2.0 * step)
    np.testing.assert_allclose(gradient, found.ravel(), atol=1e-8)


def test_agents_estimate_the_exact_gradient_and_relaxed_draws_do_it_with_less_variance():
    agents, relaxed = (
        measure_seed(3, ARMS[f"{name}, {HIDDEN} units"], updates=150)
        for name in (SCORE, list(ESTIMATORS)[2])
    )
    assert agents["mean"] > 0.9
    assert 0.7 < agents["size"] < 1.4
    assert relaxed["mean"] > 0.9
    assert relaxed["variance"] < 0.5 * agents["variance"]
    assert relaxed["single"] > agents["single"]


def test_a_seed_draws_the_same_updates_again():
    one, again, other = (
        Choices(seed, HIDDEN).update(1.0, 30, torch.full((6,), 0.3)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("broken", range(len(GRADIENT_ESTIMATORS.bars)))
def test_every_bar_can_fail(broken):
    scores = {arm: np.full(10, 0.95) for arm in ARMS}
    scores |= {arm: np.full(10, 0.4 / (1 + k)) for k, arm in enumerate(ARMS) if SCORE in arm}
    scores[f"{SCORE}, 8 units, mean of updates"] = np.full(10, 0.95)
    assert all(bar.holds(scores) for bar in GRADIENT_ESTIMATORS.bars)
    arm = GRADIENT_ESTIMATORS.bars[broken].text.partition(":")[0]
    if arm in ARMS:
        scores[arm] = np.full(10, 0.1)
    else:
        scores[f"{SCORE}, 8 units"] = scores[f"{SCORE}, 2 units"]
    assert not GRADIENT_ESTIMATORS.bars[broken].holds(scores)
