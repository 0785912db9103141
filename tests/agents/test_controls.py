"""Controls: what each keeps of the third factor and what it destroys."""

import pickle

import numpy as np
import pytest

from threefactor.agents.plastic.controls import Shuffled, Untouched, Zero, control_third_factor
from threefactor.experiments.configuration import CONTROLS

EVERYONE = np.ones(2, bool)


def run(control, factors, active=EVERYONE):
    return np.array([control(factor, active) for factor in factors])


def test_every_control_has_an_implementation():
    kinds = {name: type(control_third_factor(name, [1])) for name in CONTROLS}
    assert kinds == {"none": Untouched, "frozen": Untouched, "shuffled": Shuffled, "zero": Zero}


def test_untouched_and_zero():
    factors = np.random.default_rng(0).normal(size=(10, 2))
    np.testing.assert_array_equal(run(Untouched(), factors), factors)
    assert not np.any(run(Zero(), factors))


def test_shuffled_keeps_the_distribution_and_destroys_the_pairing():
    factors = np.random.default_rng(1).gamma(2.0, size=(6000, 2))
    shuffled = run(Shuffled([3, 4], size=50), factors)
    late, mixed = factors[1000:], shuffled[1000:]
    for replica in range(2):
        assert abs(np.corrcoef(late[:, replica], mixed[:, replica])[0, 1]) < 0.06
        np.testing.assert_allclose(
            np.quantile(mixed[:, replica], [0.1, 0.5, 0.9]),
            np.quantile(late[:, replica], [0.1, 0.5, 0.9]), rtol=0.06,
        )  # fmt: skip
        # What comes out is what went in, each value at most once.
        assert set(mixed[:, replica]) <= set(factors[:, replica])
        assert len(set(mixed[:, replica])) == len(mixed)


def test_until_the_store_is_full_the_sign_is_random():
    factors = np.random.default_rng(2).normal(size=(500, 1))
    early = run(Shuffled([5], size=500), factors, np.ones(1, bool))
    np.testing.assert_array_equal(np.abs(early), np.abs(factors))
    assert 0.4 < np.mean(early == factors) < 0.6


def test_inactive_replicas_get_zero_and_shift_nothing():
    factors = np.random.default_rng(3).normal(size=(40, 2))
    alone = Shuffled([7], size=5)
    expected = run(alone, factors[:, :1], np.ones(1, bool))
    both = Shuffled([7, 8], size=5)
    seen = run(both, factors, np.array([True, False]))
    np.testing.assert_array_equal(seen[:, :1], expected)
    assert not np.any(seen[:, 1])


def test_shuffled_per_neuron_swaps_whole_rows():
    factors = np.random.default_rng(4).normal(size=(30, 2, 3))
    shuffled = run(Shuffled([1, 2], size=4), factors)[10:]
    rows = {tuple(row) for row in factors[:, 0]}
    assert all(tuple(row) in rows for row in shuffled[:, 0])


@pytest.mark.parametrize("kind", CONTROLS)
def test_state_restores_exactly(kind):
    factors = np.random.default_rng(5).normal(size=(60, 2))
    control = control_third_factor(kind, [1, 2])
    if kind == "shuffled":
        control = Shuffled([1, 2], size=10)
    run(control, factors[:30])
    saved = pickle.dumps(control.state())
    expected = run(control, factors[30:])
    fresh = control_third_factor(kind, [8, 9])
    if kind == "shuffled":
        fresh = Shuffled([8, 9], size=10)
    fresh.restore(pickle.loads(saved))
    np.testing.assert_array_equal(run(fresh, factors[30:]), expected)
