"""Panel of stability: weights of a live network over long stimulation with meaningless reward."""

import numpy as np

from threefactor.experiments.checks.card.bench import W_MAX, W_MIN, Bench
from threefactor.experiments.checks.card.bias import INPUT_HZ, drive_scale
from threefactor.experiments.checks.card.panel import Panel
from threefactor.models.network import Network
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import (
    NetworkSpec,
    Population,
    Projection,
    Uniform,
    all_to_all,
)
from threefactor.rules.contract import AGREEMENT

INPUTS, NEURONS, REPLICAS, SECONDS = 10, 4, 10, 200.0
SAMPLES, EPISODE_DECISIONS = 100, 50
#: Below this budget the network runs on NumPy, which needs no compiler but 500 times as long.
COMPILED_BUDGET = 0.2
NUMPY_SECONDS = 0.2
#: Distance from a bound, in units of the bounds' distance, that counts as saturated.
MARGIN = 0.01


def stability(bench: Bench, budget: float = 1.0, seed: int = 1) -> Panel:
    """Record mean, spread and saturation of weights at the declared learning rate.

    Half of the replicas receive +-1 by a fair coin at every decision, the others 1.
    """
    is_compiled = budget >= COMPILED_BUDGET
    seconds = SECONDS * min(budget, 1.0) if is_compiled else NUMPY_SECONDS
    decisions = max(2, round(1e3 * seconds / (bench.window * bench.dt_ms)))
    scale = drive_scale(bench)
    network = Network(
        _specification(bench, scale),
        [seed + r for r in range(REPLICAS)],
        [seed + r for r in range(REPLICAS)],
        "auto" if is_compiled else "runtime-numpy",
    )
    try:
        rows, rate = _follow(bench, network, decisions, seed)
    finally:
        network.close()
    w = rows / scale
    w = w.reshape(len(w), 2, -1)
    near = MARGIN * (W_MAX - W_MIN)
    arrays = {
        "time_s": np.linspace(0, decisions * bench.window * bench.dt_ms * 1e-3, len(w)),
        "mean": w.mean(axis=2),
        "sd": w.std(axis=2),
        "at_lower": (w <= W_MIN + near).mean(axis=2),
        "at_upper": (w >= W_MAX - near).mean(axis=2),
    }
    numbers: dict[str, float | str] = {
        "simulated (s)": float(arrays["time_s"][-1]),
        "postsynaptic neuron": bench.neuron_name,
        "postsynaptic rate at the end (Hz)": rate,
        "finite": "yes" if np.isfinite(w).all() else "no",
    }
    for row, name in enumerate(("random +-1", "constant 1")):
        for label in ("mean", "sd", "at_lower", "at_upper"):
            text = {"at_lower": "share at w_min", "at_upper": "share at w_max"}.get(label, label)
            numbers[f"{text} at the end, {name}"] = float(arrays[label][-1, row])
    return Panel("Weights over a long time", arrays, numbers)


def _specification(bench: Bench, scale: float) -> NetworkSpec:
    neuron = bench.neuron
    return NetworkSpec(
        (
            Population("input", INPUTS, PoissonInput()),
            Population("actor", NEURONS, neuron, modules=np.arange(NEURONS) % 2),
        ),
        (
            Projection(
                "policy", "input", "actor", **all_to_all(INPUTS, NEURONS),
                port=next(iter(neuron.ports)), rule=bench.rule,
                weights=Uniform(scale, 4.0 * scale), w_min=scale * W_MIN, w_max=scale * W_MAX,
            ),
        ),
        timestep_ms=bench.dt_ms,
    )  # fmt: skip


def _follow(bench: Bench, network: Network, decisions: int, seed: int) -> tuple[np.ndarray, float]:
    """Return weights, (samples, replicas*synapses), and the rate over the last tenth, Hz."""
    generator = np.random.default_rng(seed)
    rates = np.full((REPLICAS, INPUTS), INPUT_HZ)
    w = network.replicated("policy.w")
    signals = set(bench.rule.host_writes.values()) - {AGREEMENT}  # that, the network writes
    samples = set(np.linspace(0, decisions, min(SAMPLES, decisions) + 1).astype(int))
    rows, counts = [w.ravel().copy()], 0.0
    last = max(1, decisions // 10)
    everyone = np.ones(REPLICAS, bool)
    factors = np.ones(REPLICAS)
    for decision in range(1, decisions + 1):
        spikes = network.advance(rates, bench.window)
        if decision > decisions - last:
            counts += float(spikes.mean())
        for signal in signals:
            network.write(signal, np.ones(REPLICAS))
        network.close_decision(generator.integers(0, 2, REPLICAS))
        factors[: REPLICAS // 2] = generator.choice([-1.0, 1.0], REPLICAS // 2)
        network.consolidate(factors)
        if bench.rule.at_episode and decision % EPISODE_DECISIONS == 0:
            network.start_episode(everyone)
        if decision in samples:
            rows.append(w.ravel().copy())
    return np.array(rows), counts / (last * bench.window * bench.dt_ms * 1e-3)
