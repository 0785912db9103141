"""Probabilities, scores and sensitivities against draws and finite differences."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from threefactor.models.neurons import NEURONS, make_neuron
from threefactor.models.neurons.checks import build_network
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import NetworkSpec, Population, Projection, all_to_all
from threefactor.rules.contract import Rule

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")  # pyparsing

STOCHASTIC = ("escape-lif", "srm0", "ising", "bernoulli-glm")
SENSITIVE = sorted(name for name, kind in NEURONS.items() if "sensitivity" in kind().exposes)

#: Of two inputs, so that a neuron spikes now and then.
WEIGHTS = {
    "ising": [0.2, 0.3], "bernoulli-glm": [0.2, 0.3], "lif-discrete": [0.09, 0.13],
    "lif-soft-reset": [0.3, 0.4],
}  # fmt: skip


@pytest.fixture(autouse=True)
def brian2():
    import brian2

    target = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    yield brian2
    brian2.prefs.codegen.target = target


@dataclass(frozen=True)
class Watch(Rule):
    """Keep the sensitivity that an each_step block reads."""

    equations: ClassVar[str] = "seen : 1"
    each_step: ClassVar[str] = "seen = sensitivity"
    requires: ClassVar[tuple[str, ...]] = ("sensitivity",)


def run(brian2, neuron, weights, names, rate_hz, steps, size=1, rule=None):
    """Return variables (n, steps) after the threshold test, spike times, and the sensitivity."""
    populations = (
        Population("input", len(weights), PoissonInput()),
        Population("actor", size, neuron),
    )
    projection = Projection("plastic", "input", "actor", **all_to_all(len(weights), size),
                            weights=np.repeat(weights, size), rule=rule)  # fmt: skip
    built = build_network(NetworkSpec(populations, (projection,)), seed=11)
    actor = built.owners["actor"]
    built.owners["input"].rates_ = rate_hz
    monitor = brian2.StateMonitor(actor, list(names), record=True, when="after_thresholds")
    built.network.add(monitor)
    spikes = None
    if neuron.threshold:
        spikes = brian2.SpikeMonitor(actor)
        built.network.add(spikes)
    if rule is not None:
        watch = brian2.StateMonitor(built.owners["plastic"], "seen", record=True, when="end")
        built.network.add(watch)
    built.network.run(steps * brian2.ms, namespace={})
    # Copies: Brian2 2.10 and later return views that do not keep the monitor alive.
    recorded = {name: getattr(monitor, f"{name}_").copy() for name in names}
    times = [] if spikes is None else np.round(spikes.t / brian2.ms).astype(int)
    return recorded, times, watch.seen_.copy() if rule is not None else None


def log_probability(name, v, z):
    """Return log P(z) at the potential v (mV) or drive, written out from the papers."""
    if name in ("ising", "bernoulli-glm"):
        p = 1 / (1 + np.exp(-2 * v))
        return np.where(z > 0.5, np.log(p), np.log(1 - p))
    rate, slope = {"escape-lif": (50.0, 4.0), "srm0": (60.0, 2.0)}[name]
    expected = rate * 1e-3 * np.exp(np.minimum((v - 16) / slope, 5.0))
    return np.where(z > 0.5, np.log(-np.expm1(-expected)), -expected)


def potential(name, recorded):
    """Return what the score differentiates by: v in mV, or drive plus bias."""
    if name in ("ising", "bernoulli-glm"):
        return np.arctanh(2 * recorded["p"] - 1)
    return recorded["v"] * 1e3


@pytest.mark.parametrize(
    ("name", "parameters", "p"),
    [
        ("escape-lif", {"v_rest_mv": 10.0, "v_reset_mv": 10.0}, -np.expm1(-0.05 * np.exp(-1.5))),
        ("escape-lif", {"v_rest_mv": 36.0, "v_reset_mv": 15.0, "v_threshold_mv": 15.5,
                        "exponent_limit": 1.0, "tau_membrane_ms": 0.01},
         -np.expm1(-0.05 * np.exp(1.0))),
        ("srm0", {"v_threshold_mv": 1.0, "v_reset_mv": 0.0}, -np.expm1(-0.06 * np.exp(-0.5))),
        ("ising", {"bias": -1.0}, 1 / (1 + np.exp(2.0))),
        ("bernoulli-glm", {"bias": 0.5}, 1 / (1 + np.exp(-1.0))),
    ],
)  # fmt: skip
def test_spikes_have_the_stated_probability(brian2, name, parameters, p):
    neuron = make_neuron(name, **parameters)
    recorded, times, _ = run(brian2, neuron, [0.0], ("p", "z"), 0.0, 100, size=200)
    np.testing.assert_allclose(recorded["p"], p, rtol=1e-12)
    assert len(times) == recorded["z"].sum()
    assert abs(len(times) / 20000 - p) < 4 * np.sqrt(p * (1 - p) / 20000)


def test_score_is_the_derivative_by_hand(brian2):
    recorded, _, _ = run(brian2, make_neuron("escape-lif"), [9.0], ("rate", "p", "z", "score"),
                         200.0, 400)  # fmt: skip
    expected, p, z = recorded["rate"] * 1e-3, recorded["p"], recorded["z"]
    by_hand = expected / 4.0 * np.where(z > 0.5, (1 - p) / p, -1)
    np.testing.assert_allclose(recorded["score"], by_hand, rtol=1e-9)


@pytest.mark.parametrize("name", STOCHASTIC)
def test_score_is_the_finite_difference_of_the_log_probability(brian2, name):
    weights = [0.4, 0.7] if name in ("ising", "bernoulli-glm") else [8.0, 11.0]
    names = ("p", "z", "score") if name in ("ising", "bernoulli-glm") else ("v", "p", "z", "score")
    recorded, times, _ = run(brian2, make_neuron(name), weights, names, 150.0, 500)
    v, z, step = potential(name, recorded), recorded["z"], 1e-5
    difference = log_probability(name, v + step, z) - log_probability(name, v - step, z)
    assert len(times) > 10
    np.testing.assert_allclose(recorded["score"], difference / (2 * step), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name", ["escape-lif", "srm0"])
def test_score_is_zero_at_the_limit(brian2, name):
    neuron = make_neuron(name, exponent_limit=-1.0)
    recorded, times, _ = run(brian2, neuron, [40.0], ("v", "rate", "score"), 300.0, 400)
    limited = recorded["v"] * 1e3 >= 16 - neuron.v_slope_mv
    assert len(times) > 0
    assert 20 < limited.sum() < 400
    assert np.all(recorded["score"][limited] == 0)
    assert np.all(recorded["score"][~limited] != 0)


@pytest.mark.parametrize("v_mv", [-1e4, 1e4])
def test_score_is_finite_at_both_ends(brian2, v_mv):
    neuron = make_neuron("escape-lif", v_rest_mv=v_mv, v_reset_mv=-2e4, exponent_limit=300.0)
    recorded, _, _ = run(brian2, neuron, [0.0], ("p", "score"), 0.0, 5)
    assert np.all(np.isfinite(recorded["score"]))
    assert recorded["p"][0, 0] == (0 if v_mv < 0 else 1)


@pytest.mark.parametrize("name", STOCHASTIC)
def test_mean_score_is_zero(brian2, name):
    weights = [0.3, -0.5, 0.8] if name in ("ising", "bernoulli-glm") else [6.0, 9.0, 5.0]
    recorded, _, _ = run(brian2, make_neuron(name), weights, ("score",), 80.0, 3000, size=10)
    # Increments of a martingale: uncorrelated, so the sum of squares estimates the variance.
    score = recorded["score"]
    assert abs(score.sum()) < 3.5 * np.sqrt((score**2).sum())


@pytest.mark.parametrize(
    "name",
    SENSITIVE,
)
def test_sensitivity_is_the_finite_difference_by_a_weight(brian2, name):
    is_logistic, change = name in ("ising", "bernoulli-glm"), 1e-4
    parameters = {"refractory_time_ms": 2.0} if name in ("lif", "noisy-lif", "adaptive-lif") else {}
    neuron, weights = make_neuron(name, **parameters), WEIGHTS.get(name, [7.0, 9.0])
    names, found, trains = ("p",) if is_logistic else ("v",), [], []
    for sign in (1, -1):
        moved = [weights[0] + sign * change, weights[1]]
        recorded, times, seen = run(brian2, neuron, moved, names, 150.0, 300, rule=Watch())
        unit = 1 if is_logistic or neuron.units["v"] == "volt" else 1e-3
        found.append(potential(name, recorded)[0] * unit)
        trains.append(list(times))
    assert trains[0] == trains[1]
    assert len(trains[0]) >= (5 if neuron.threshold else 0)
    difference = (found[0] - found[1]) / (2 * change)
    assert np.ptp(difference) > 0.1
    np.testing.assert_allclose(seen[0], difference, rtol=1e-6, atol=1e-7)
