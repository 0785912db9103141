"""Durations in timesteps: a duration that binary fractions miss from below is a whole number."""

import re

import numpy as np
import pytest

from threefactor.rules import RULES
from threefactor.rules.interpreter import Activity, Wiring, interpret
from threefactor.rules.timesteps import whole_steps

STEPS = np.arange(1, 201)


@pytest.mark.parametrize("dt_ms", [0.1, 0.05, 0.3, 1.0])
def test_multiples_of_the_timestep_are_counted(dt_ms):
    durations = [float(f"{steps * dt_ms:.6g}") for steps in STEPS]
    counted = [whole_steps("period_ms", duration, dt_ms) for duration in durations]
    np.testing.assert_array_equal(counted, STEPS)


def test_some_of_them_lie_below_their_number():
    assert 0.3 / 0.1 < 3


def test_zero_is_a_number_of_timesteps_unless_too_short():
    assert whole_steps("delay_ms", 0.0, 0.1) == 0
    assert whole_steps("period_ms", 0.1, 0.1, least=1) == 1
    message = "period_ms must be a multiple of the timestep (0.1 ms), got 0.0 ms."
    with pytest.raises(ValueError, match=re.escape(message)):
        whole_steps("period_ms", 0.0, 0.1, least=1)


@pytest.mark.parametrize("duration_ms", [0.25, 0.26, 0.3001, 0.3 * (1 + 1e-8), 0.3 * (1 - 1e-8)])
def test_other_durations_are_refused(duration_ms):
    with pytest.raises(ValueError, match=r"delay_ms must be a multiple of the timestep \(0.1 ms\)"):
        whole_steps("delay_ms", duration_ms, 0.1)


def test_the_interpreter_counts_a_weight_clock_and_a_delay_in_timesteps():
    rule = RULES["dopamine-stdp"](weight_period_ms=0.3, tonic=1.0)
    pre, post = np.zeros((2, 12, 1), bool)
    pre[0] = post[1] = True
    wiring = Wiring(np.array([0]), np.array([0]), 0.0)
    run = interpret(rule, Activity(pre, post), wiring, dt_ms=0.1, record=("w",))
    moves = np.flatnonzero(np.diff(run.history["w"][:, 0], prepend=0.0))
    np.testing.assert_array_equal(moves, [2, 5, 8, 11])
    late = Wiring(np.array([0]), np.array([0]), 0.0, delay_ms=0.3)
    run = interpret(rule, Activity(pre, pre), late, dt_ms=0.1, record=("pre_trace",))
    assert np.flatnonzero(run.history["pre_trace"][:, 0])[0] == 3
