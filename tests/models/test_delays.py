"""Axonal and dendritic delays: what the synapse sees late, against closed form, oracle and NEST."""

import importlib.util
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from threefactor.models.assembly import assemble
from threefactor.models.neurons.contract import NeuronModel, PoissonInput
from threefactor.models.specification import NetworkSpec, Population, Projection
from threefactor.rules import RULES
from threefactor.rules.delays import check_delay
from threefactor.rules.interpreter import Activity, Schedule, Wiring, interpret

KINDS = ("axonal", "dendritic")
FIRES_HZ = 1e6
HERE = Path(__file__).parent
NEST = json.loads((HERE.parent / "rules" / "reference_nest.json").read_text())


@dataclass(frozen=True)
class Clamped(NeuronModel):
    """Spikes when the host says so, and counts what it receives."""

    equations = "rates : hertz\nreceived : 1"
    threshold = "rates*dt >= 1"
    ports = {"current": "received += w"}


def pairs_spec(rule, n_pairs, timestep_ms=1.0, **options):
    """Return `n_pairs` synapses, each between an input and an actor of its own."""
    each = np.arange(n_pairs)
    options = {"weights": np.ones(n_pairs), **options}
    return NetworkSpec(
        (Population("input", n_pairs, PoissonInput()), Population("actor", n_pairs, Clamped())),
        (Projection("policy", "input", "actor", each, each, rule=rule, **options),),
        timestep_ms=timestep_ms,
    )  # fmt: skip


def replay(network, pre, post, watch="policy.w"):
    """Return an array after each timestep in which both sides spike as told."""
    actor, watched, rows = network.replicated("actor.rates"), network.replicated(watch), []
    for before, after in zip(pre, post, strict=True):
        actor[...] = FIRES_HZ * after
        network.advance(FIRES_HZ * before[None, :], 1)
        rows.append(watched[0].copy())
    return np.array(rows)


def trains(times, steps=160):
    """Return one train for each time."""
    spikes = np.zeros((steps, len(times)))
    spikes[times, np.arange(len(times))] = 1
    return spikes


@pytest.mark.parametrize(("kind", "shift"), [("axonal", -5), ("dendritic", 5)])
def test_window_of_stdp_is_shifted_by_the_delay(kind, shift, open_network):
    rule = RULES["stdp"](learning_rate=0.1, tau_plus_ms=17.0, tau_minus_ms=34.0, a_plus=1.3)
    lags = np.arange(-40, 41)
    spec = pairs_spec(rule, lags.size, delay_ms=5.0, delay=kind)
    pre, post = trains(np.full(lags.size, 60)), trains(60 + lags)
    change = replay(open_network(spec), pre, post)[-1] - 1.0
    seen = lags + shift
    window = np.where(seen >= 0, 0.13 * np.exp(-seen / 17.0), 0.0)
    window -= np.where(seen <= 0, 0.1 * np.exp(seen / 34.0), 0.0)
    np.testing.assert_allclose(change, window, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("kind", KINDS)
def test_spikes_reach_the_neuron_one_delay_late(kind, open_network):
    spec = pairs_spec(RULES["stdp"](learning_rate=0.0), 2, delay_ms=7.0, delay=kind)
    pre, post = trains([10, 30], 60), np.zeros((60, 2))
    received = replay(open_network(spec), pre, post, "actor.received")
    assert [int(np.argmax(train)) for train in received.T] == [17, 37]
    assert np.all(received[-1] == 1.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["stdp", "stdp-nearest", "stdp-triplet", "rstdp-et", "td-critic"])
def test_network_equals_interpreter(name, kind, open_network):
    rng, window, n_windows = np.random.default_rng(5), 25, 6
    rule = RULES[name](learning_rate=0.02)
    options = {"w_min": -20.0, "w_max": 20.0, "delay_ms": 4.0, "delay": kind}
    network = open_network(pairs_spec(rule, 8, **options))
    pre, post = rng.random((2, window * n_windows, 8)) < 0.2
    factors = rng.normal(size=n_windows)
    for k, factor in enumerate(factors):
        part = slice(k * window, (k + 1) * window)
        replay(network, pre[part], post[part])
        network.close_decision()
        network.consolidate(np.array([factor]))
        if k == 2:  # spikes in flight arrive in the next episode
            network.start_episode(np.ones(1, bool))
    schedule = Schedule(window * np.arange(1, n_windows + 1), factors, episode_ends=(2,))
    wiring = Wiring(np.arange(8), np.arange(8), 1.0, **options)
    expected = interpret(rule, Activity(pre, post), wiring, schedule).w
    np.testing.assert_allclose(network.replicated("policy.w")[0], expected, rtol=1e-12)
    at_once = interpret(rule, Activity(pre, post), replace(wiring, delay_ms=0.0), schedule).w
    hears_late_side = kind == "axonal" or rule.on_post
    assert np.array_equal(expected, at_once) != bool(hears_late_side)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_delay_its_kind_changes_nothing(kind):
    spec = pairs_spec(RULES["rstdp-et"](), 3, delay=kind)
    assert assemble(spec).structure() == assemble(pairs_spec(RULES["rstdp-et"](), 3)).structure()


def nest_times():
    """Return the module that knows the spike times of the frozen reference."""
    path = HERE.parent / "rules" / "reference_nest.py"
    specification = importlib.util.spec_from_file_location("reference_nest", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_dendritic_delay_is_that_of_nest(open_network):
    """NEST's postsynaptic neuron spikes one delay before the time at the synapse."""
    times, dt_ms = nest_times(), 0.1
    options = {"a_minus": 1.2, "tau_plus_ms": 16.8, "tau_minus_ms": 33.7}
    rule, steps = RULES["stdp"](learning_rate=1.0, **options), 1500
    delay = {"delay_ms": times.DELAY_MS, "delay": "dendritic"}
    network = open_network(pairs_spec(rule, 1, dt_ms, weights=np.array([60.0]), **delay))
    pre, post = np.zeros((2, 5600, 1))
    pre[np.rint(np.array(times.PRE_MS) / dt_ms).astype(int)] = 1
    post[np.rint((np.array(times.POST_MS) - times.DELAY_MS) / dt_ms).astype(int)] = 1
    wiring = Wiring(np.array([0]), np.array([0]), 60.0, **delay)
    told = interpret(rule, Activity(pre, post), wiring, dt_ms=dt_ms, record=("w",)).history["w"]
    # NEST moves weights at presynaptic spikes only
    last = [max([t for t in times.PRE_MS if t < sample], default=0) for sample in times.SAMPLES_MS]
    at = np.rint(np.array(last) / dt_ms).astype(int)
    np.testing.assert_allclose(told[at, 0], NEST["stdp, sparse"]["weight"], rtol=1e-12)
    w = replay(network, pre[:steps], post[:steps])
    np.testing.assert_allclose(w, told[:steps], rtol=1e-12)


def test_dopamine_stdp_with_a_dendritic_delay_is_that_of_nest():
    """An axonal delay of the same length pairs the same spikes otherwise."""
    times, dt_ms = nest_times(), 0.1
    rule = RULES["dopamine-stdp-kinetic"](weight_period_ms=dt_ms, baseline=0.002)
    pre, post = np.zeros((2, 5900, 1))
    pre[np.rint(np.array(times.PRE_MS) / dt_ms).astype(int)] = 1
    post[np.rint((np.array(times.POST_MS) - times.DELAY_MS) / dt_ms).astype(int)] = 1
    schedule = Schedule(np.rint(np.array(times.DOPAMINE_MS) / dt_ms).astype(int), np.ones(2))
    at = np.rint(np.array(times.SAMPLES_MS) / dt_ms).astype(int) - 1
    weights = {}
    for kind in KINDS:
        wiring = Wiring(np.array([0]), np.array([0]), 10.0, delay_ms=times.DELAY_MS, delay=kind)
        run = interpret(rule, Activity(pre, post), wiring, schedule, dt_ms, record=("w",))
        weights[kind] = run.history["w"][at, 0]
    expected = NEST["dopamine-stdp-kinetic, sparse"]["weight"]
    np.testing.assert_allclose(weights["dendritic"], expected, rtol=1e-11)
    assert not np.allclose(weights["axonal"], expected, rtol=1e-3)


@pytest.mark.parametrize(
    ("rule", "delay_ms", "kind", "message"),
    [
        ("reinforce", 3.0, "dendritic", "reads score, sensitivity at once. Use an axonal delay"),
        ("stdp", 3.0, "somatic", "must be one of axonal, dendritic, got 'somatic'"),
        ("stdp", 2.5, "axonal", r"must be a multiple of the timestep \(1.0 ms\), got 2.5"),
        ("stdp", -1.0, "axonal", "must be finite and >= 0 ms, got -1.0"),
        ("stdp", np.array([1.0, 2.0]), "axonal", "must be one number"),
    ],
)
def test_impossible_delays_are_refused(rule, delay_ms, kind, message, make_spec):
    from threefactor.models.neurons import make_neuron

    rule = RULES[rule]()
    with pytest.raises(ValueError, match=message):
        make_spec(rule, make_neuron("escape-lif"), delay_ms=delay_ms, delay=kind)
    silent = Activity(*np.zeros((2, 9, 1)), {name: np.zeros((9, 1)) for name in rule.requires})
    wiring = Wiring(np.array([0]), np.array([0]), 1.0, delay_ms=delay_ms, delay=kind)
    with pytest.raises(ValueError, match=message):
        interpret(rule, silent, wiring)


@pytest.mark.parametrize(
    ("rule", "delay_ms", "kind"),
    [
        ("reinforce", 3.0, "axonal"), ("reinforce", 0.0, "dendritic"), ("stdp", 3.0, "dendritic"),
        ("hedonistic", 3.0, "axonal"), (None, 3.0, "dendritic"), (None, 0.3, "axonal"),
    ],
)  # fmt: skip
def test_possible_delays_are_not(rule, delay_ms, kind):
    check_delay("here", RULES[rule]() if rule else None, delay_ms, kind, dt_ms=0.1)


def test_release_is_not_decided_on_arrival(make_spec):
    with pytest.raises(ValueError, match="decides at the spike what is transmitted"):
        make_spec(RULES["hedonistic"](), delay_ms=3.0, delay="dendritic")
