"""How engines cut time: weight clocks in timesteps, windows in which lazy decay stays in range."""

from types import SimpleNamespace

import numpy as np
import pytest

from threefactor.models.blueprint import Blueprint
from threefactor.models.engine.stepping import (
    LONGEST_GROWTH,
    Recording,
    check_recording,
    period_steps,
    settle_interval,
)


def plan(timestep_ms=0.1, **periods_ms):
    return Blueprint(timestep_ms, 1, periods_ms=periods_ms)


@pytest.mark.parametrize("timestep_ms", [0.1, 0.05, 0.3, 1.0])
def test_weight_clocks_are_counted_in_timesteps(timestep_ms):
    steps = {f"block{number}": number for number in range(1, 201)}
    clocks = {name: float(f"{number * timestep_ms:.6g}") for name, number in steps.items()}
    assert period_steps(plan(timestep_ms, **clocks)) == steps


@pytest.mark.parametrize("period_ms", [0.0, 0.04, 0.25, 0.3001, 0.3 * (1 + 1e-8)])
def test_other_weight_clocks_are_refused(period_ms):
    with pytest.raises(
        ValueError, match=rf"slow: the weight clock must.*\(0.1 ms\), got {period_ms}"
    ):
        period_steps(plan(slow=period_ms))


def test_lazy_decay_is_settled_before_it_leaves_its_range():
    slow, fast = np.array([0.5]), np.array([0.02, 0.0153])
    lazy = Blueprint(0.1, 1, data={"slow": slow, "fast": fast}, decay={"x": "slow", "y": "fast"})
    steps = settle_interval(lazy)
    assert steps * 1e-4 / 0.0153 <= LONGEST_GROWTH < (steps + 1) * 1e-4 / 0.0153
    assert np.exp(LONGEST_GROWTH) == pytest.approx(5e8, rel=0.05)
    sudden = Blueprint(0.1, 1, data={"fast": np.array([1e-6])}, decay={"x": "fast"})
    assert settle_interval(sudden) == 1


def test_without_lazy_decay_windows_are_not_cut():
    assert settle_interval(plan()) == np.iinfo(np.int32).max


def test_first_and_last_elements_can_be_probed_and_none_is_asked_for():
    engine = SimpleNamespace(array=lambda name: np.zeros(3))
    check_recording(engine, plan(), Recording(probes=[("w", 0), ("w", 2)]))
    check_recording(engine, plan(), Recording(every=1))
    assert Recording() == Recording([], [], 1)
    for probe in (-1, 3):
        with pytest.raises(ValueError, match=f"w has elements 0 to 2, got {probe}"):
            check_recording(engine, plan(), Recording(probes=[("w", 0), ("w", probe)]))
