"""Panel of the unsupervised bias: where weights drift while the third factor means nothing."""

import numpy as np

from threefactor.experiments.checks.card.bench import W_MAX, W_MIN, W_START, Bench, Floats
from threefactor.experiments.checks.card.panel import Panel
from threefactor.experiments.checks.card.stimulation import Stimulated
from threefactor.rules.contract import scaled
from threefactor.rules.interpreter import Activity, Wiring, interpret

NEURONS, INPUTS, INPUT_HZ, SECONDS = 100, 10, 20.0, 10.0
#: Learning rate relative to the declared one: the weights hardly move while they are measured.
GENTLE_LEARNING = 1e-6
#: Spikes per second that the drive is scaled to.
TARGET_HZ = (3.0, 40.0)


def unsupervised_bias(bench: Bench, budget: float = 1.0, seed: int = 1) -> Panel:
    """Measure the drift of weights that drive a neuron, with reward that says nothing.

    Independent neurons, each with ten Poisson inputs, fire on their own; the third factor is 1 at
    every decision, or +-1 by a fair coin. Mean and standard error are over neurons.
    """
    seconds = max(0.5, SECONDS * min(budget, 1.0))
    neurons = max(20, round(NEURONS * min(budget, 1.0)))
    generator = np.random.default_rng(seed)
    steps = bench.steps(1e3 * seconds)
    pre_spikes = generator.random((steps, neurons * INPUTS)) < INPUT_HZ * bench.dt_ms * 1e-3
    pre, post = np.arange(neurons * INPUTS), np.repeat(np.arange(neurons), INPUTS)
    scale = drive_scale(bench)
    weights = np.full(pre.size, scale * W_START)
    driven = Stimulated(bench.neuron, pre, post, weights, bench.dt_ms, seed, bench.rule.requires)
    spikes, seen = driven.run(pre_spikes, dtype=np.float32)
    noise = {
        name: generator.random((steps, pre.size), np.float32) for name in bench.rule.noise
    }  # fmt: skip
    twice = {name: np.hstack([rows, rows]) for name, rows in (seen | noise).items()}
    ends = np.arange(bench.window, steps + 1, bench.window)
    coins = generator.choice([-1.0, 1.0], (len(ends), neurons))
    factors = np.hstack([np.ones_like(coins), coins])
    result = interpret(
        scaled(bench.rule, GENTLE_LEARNING),
        Activity(np.hstack([pre_spikes] * 2), np.hstack([spikes] * 2), twice),
        Wiring(np.append(pre, pre + pre.size), np.append(post, post + neurons), W_START, W_MIN,
               W_MAX),
        bench.schedule(ends, factors, 2 * neurons),
        bench.dt_ms,
    )  # fmt: skip
    drift = (result.w - W_START) / GENTLE_LEARNING / seconds
    constant, random = drift.reshape(2, neurons, INPUTS).mean(axis=2)
    rate = spikes.mean() * 1e3 / bench.dt_ms
    numbers: dict[str, float | str] = {"postsynaptic neuron": bench.neuron_name}
    numbers |= {
        "postsynaptic rate (Hz)": float(rate),
        "neurons": float(neurons),
        "simulated per neuron (s)": seconds,
    }
    for name, values in (("constant 1", constant), ("random +-1", random)):
        mean, error, z = z_score(values)
        numbers |= {
            f"drift, third factor {name} (per s)": mean,
            f"standard error, {name} (per s)": error,
            f"z, {name}": z,
        }
    _, _, z = z_score(constant)
    numbers["verdict"] = "no drift (|z| < 3)" if abs(z) < 3 else "drifts without information"
    arrays = {"constant": constant, "random": random}
    return Panel("Drift without information", arrays, numbers)


def z_score(values: Floats) -> tuple[float, float, float]:
    """Return mean, standard error and their ratio; 0 where nothing varies around zero."""
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))
    if error <= 1e-12 * abs(mean):
        return mean, error, (0.0 if mean == 0 else float(np.copysign(np.inf, mean)))
    return mean, error, mean / error


def drive_scale(bench: Bench) -> float:
    """Return the factor on weights at which ten inputs make the neuron fire moderately."""
    steps = bench.steps(500.0)
    arriving = np.random.default_rng(0).random((steps, 20 * INPUTS)) < INPUT_HZ * bench.dt_ms * 1e-3
    pre, post = np.arange(20 * INPUTS), np.repeat(np.arange(20), INPUTS)
    found = {}
    for scale in 2.0 ** np.array([0, -1, 1, -2, 2, -3, 3]):
        weights = np.full(pre.size, scale * W_START)
        spikes, _ = Stimulated(bench.neuron, pre, post, weights, bench.dt_ms).run(arriving)
        rate = float(spikes.mean() * 1e3 / bench.dt_ms)
        if TARGET_HZ[0] <= rate <= TARGET_HZ[1]:
            return float(scale)
        found[abs(np.log(max(rate, 0.1) / 10.0))] = float(scale)
    return found[min(found)]
