"""E-prop against the published regression losses and the chain rule by hand."""

import numpy as np
import pytest

from threefactor.rules import RULES
from threefactor.rules.interpreter import Activity, Schedule, Wiring, interpret

STEPS, N = 1000, 100
TAU_MS = 30.0
DECAY = np.exp(-1 / TAU_MS)
THRESHOLD = 0.03
PUBLISHED = [101.964363, 103.466736, 103.340606, 103.680244, 104.412781]


def regression_task():
    """Weights, frozen input and target of the program of Bellec et al. 2020, draw by draw."""
    np.random.seed(1)  # noqa: NPY002 (the published losses hang on this stream)
    w_in = (np.random.randn(N, N).T / 10).astype(np.float32)
    w_rec = (np.random.randn(N, N).T / 10).astype(np.float32)
    np.fill_diagonal(w_rec, 0.0)
    w_out = (np.random.randn(N, 1).T / 10).astype(np.float32)
    feedback = (np.random.randn(N, 1) / 10).astype(np.float32)
    inputs = np.random.rand(STEPS, N) < 0.05
    inputs[0] = False
    amplitudes = np.random.uniform(0.5, 2.0, 4)
    phases = np.random.uniform(0.0, 2 * np.pi, 4)
    target = np.zeros(STEPS)
    for period, amplitude, phase in zip((1000, 500, 333, 200), amplitudes, phases, strict=True):
        target += amplitude * np.sin(
            np.linspace(phase, phase + 2 * np.pi * (1000 // period), STEPS)
        )
    target -= target[0]
    weights = [w.astype(float) for w in (w_in, w_rec, w_out[0], feedback[:, 0])]
    return *weights, inputs, target / np.abs(target).max()


def simulate(w_in, w_rec, w_out, inputs, target):
    """One iteration of the network: what rules are told (post x pre weights), and the loss."""
    v, z, y = np.zeros(N), np.zeros(N), 0.0
    record = {
        name: np.zeros((STEPS, N)) for name in ("psi", "z", "seen_in", "seen_rec", "seen_out")
    }
    error, seen_in, seen_rec, seen_out = np.zeros(STEPS), np.zeros(N), np.zeros(N), np.zeros(N)
    for step in range(STEPS):
        current = w_in @ inputs[step] + w_rec @ z
        v = DECAY * v + (1 - DECAY) * current - z * THRESHOLD
        seen_in = DECAY * seen_in + (1 - DECAY) * inputs[step]
        seen_rec = DECAY * seen_rec + (1 - DECAY) * z
        psi = 0.3 / THRESHOLD * np.clip(1 - np.abs((v - THRESHOLD) / THRESHOLD), 0, None)
        z = (v >= THRESHOLD).astype(float)
        seen_out = DECAY * seen_out + (1 - DECAY) * z
        y = DECAY * y + (1 - DECAY) * (w_out @ z)
        error[step] = y - target[step]
        values = (psi, z, seen_in, seen_rec, seen_out)
        for name, value in zip(record, values, strict=True):
            record[name][step] = value
    return record, error, 0.5 * np.sum(error**2)


def learn(rule, record, error, feedback, w, seen):
    """Return the weights after one trial; synapses from `seen` presynaptic filters, (steps, N)."""
    variables = {
        "psi": record["psi"],
        "psi_adaptation": np.zeros((STEPS, N)),
        "tau_adaptation": np.ones((STEPS, N)),
        "sensitivity": np.tile(seen, (1, N)),
    }
    activity = Activity(np.zeros((STEPS, N), bool), record["z"] > 0.5, variables)
    post, pre = np.divmod(np.arange(N * N), N)
    schedule = Schedule(
        np.arange(1, STEPS + 1), -error[:, None] * feedback, episode_ends=(STEPS - 1,)
    )
    return interpret(rule, activity, Wiring(pre, post, w.ravel()), schedule).w.reshape(N, N)


def test_regression_losses_of_bellec_2020():
    w_in, w_rec, w_out, feedback, inputs, target = regression_task()
    rule = RULES["eprop"](
        learning_rate=1e-4, tau_readout_ms=TAU_MS, rate_regularisation=300.0, target_rate_hz=10.0
    )
    losses = []
    for _ in PUBLISHED:
        record, error, loss = simulate(w_in, w_rec, w_out, inputs, target)
        losses.append(loss)
        if len(losses) < len(PUBLISHED):
            w_in = learn(rule, record, error, feedback, w_in, record["seen_in"])
            w_rec = learn(rule, record, error, feedback, w_rec, record["seen_rec"])
            np.fill_diagonal(w_rec, 0.0)
            w_out = w_out - 1e-4 * error @ record["seen_out"]
    np.testing.assert_allclose(losses, PUBLISHED, rtol=1e-7)


def test_adaptive_eligibility_is_the_derivative_of_the_pseudo_spikes():
    """Chain rule by hand through v and adaptation, with psi in place of dz/dv, own loop."""
    rng, steps, strength, tau_v, tau_a = np.random.default_rng(2), 80, 1.7, 20.0, 60.0
    spikes = rng.random(steps) < 0.3
    psi = rng.random(steps) * 0.1
    sensitivity, dv, da, expected = np.zeros(steps), 0.0, 0.0, np.zeros(steps)
    for step in range(steps):
        dv *= np.exp(-1 / tau_v)
        da *= np.exp(-1 / tau_a)
        sensitivity[step] = dv
        expected[step] = psi[step] * (dv - strength * da)  # dz/dw
        da += expected[step]  # a jumps by z
        dv += spikes[step]
    variables = {
        "psi": psi[:, None],
        "psi_adaptation": strength * psi[:, None],
        "tau_adaptation": np.full((steps, 1), tau_a * 1e-3),
        "sensitivity": sensitivity[:, None],
    }
    activity = Activity(spikes[:, None], np.zeros((steps, 1), bool), variables)
    wiring = Wiring(np.array([0]), np.array([0]), 0.0)
    for name in ("eprop", "eprop-reward"):
        run = interpret(RULES[name](), activity, wiring, record=("eligibility", "filtered"))
        np.testing.assert_allclose(run.history["eligibility"][:, 0], expected, atol=1e-15)
        kernel = (1 - np.exp(-1 / 20.0)) * np.exp(-np.arange(steps) / 20.0)
        smooth = np.convolve(expected, kernel)[:steps]
        np.testing.assert_allclose(run.history["filtered"][:, 0], smooth, atol=1e-15)


def test_reward_eprop_multiplies_a_vector_and_a_scalar_modulator():
    rng, steps = np.random.default_rng(3), 30
    variables = {
        "psi": rng.random((steps, 2)),
        "psi_adaptation": np.zeros((steps, 2)),
        "tau_adaptation": np.ones((steps, 2)),
        "sensitivity": rng.random((steps, 2)),
    }
    activity = Activity(np.zeros((steps, 1), bool), np.zeros((steps, 2), bool), variables)
    wiring = Wiring(np.zeros(2, int), np.arange(2), 0.0)
    signals, errors = rng.normal(size=(3, 2)), np.array([0.5, -1.0, 2.0])
    schedule = Schedule(np.array([10, 20, 30]), errors, writes={"learning_signal": signals})
    rule = RULES["eprop-reward"](learning_rate=1.0, trace_decay=0.8)
    run = interpret(rule, activity, wiring, schedule, record=("filtered",))
    windows = run.history["filtered"].reshape(3, 10, 2).sum(axis=1) * signals
    banked = [windows[0], 0.8 * windows[0] + windows[1]]
    banked.append(0.8 * banked[1] + windows[2])
    expected = sum(error * trace for error, trace in zip(errors, banked, strict=True))
    np.testing.assert_allclose(run.w, expected, rtol=1e-12)


def test_weights_wait_for_the_end_of_the_trial():
    rng, steps = np.random.default_rng(4), 40
    variables = {
        "psi": rng.random((steps, 1)),
        "psi_adaptation": np.zeros((steps, 1)),
        "tau_adaptation": np.ones((steps, 1)),
        "sensitivity": rng.random((steps, 1)),
    }
    activity = Activity(np.zeros((steps, 1), bool), np.zeros((steps, 1), bool), variables)
    wiring = Wiring(np.array([0]), np.array([0]), 0.25)
    schedule = Schedule(np.array([10, 20, 40]), np.ones(3), episode_ends=(1,))
    run = interpret(RULES["eprop"](), activity, wiring, schedule, record=("w", "gradient"))
    w = run.history["w"][:, 0]
    assert np.all(w[:19] == 0.25)
    unbroken = interpret(RULES["eprop"](), activity, wiring, record=("filtered",)).history
    assert w[19] == pytest.approx(0.25 + 1e-4 * unbroken["filtered"][:20].sum(), rel=1e-13)
    assert np.all(w[20:] == w[19])
    assert run.history["gradient"][19, 0] == 0.0
