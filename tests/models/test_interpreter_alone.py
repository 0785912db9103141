"""The interpreter against closed forms; given spikes, other backends, what it refuses."""

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from threefactor.models.interpreter import NUMPY, Interpreter
from threefactor.models.neurons import LIF, NEURONS, EscapeLIF, NoisyLIF
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import NetworkSpec, Population, Projection
from threefactor.rules import RULES

ROOT = Path(__file__).parents[2]


def one_to_one(neuron, n=2, w=0.0, timestep_ms=1.0, **options):
    """Return inputs that each reach a neuron of their own."""
    each = np.arange(n)
    options = {"weights": np.full(n, w), "port": next(iter(neuron.ports)), **options}
    return NetworkSpec(
        (Population("input", n, PoissonInput()), Population("actor", n, neuron)),
        (Projection("policy", "input", "actor", each, each, **options),),
        timestep_ms=timestep_ms,
    )


def stimulate(spec, pre, post=None, watch=("actor.v",)):
    """Return what is watched while the inputs, and perhaps the neurons, spike as told."""
    machine = Interpreter(spec, [1], [2])
    machine.record(["actor", *watch])
    for step, spikes in enumerate(pre):
        told = {"input": spikes[None]}
        machine.step(told if post is None else {**told, "actor": post[step][None]})
    recorded = machine.recorded()
    assert machine.timestep == len(pre)
    return {name: rows[:, 0] for name, rows in recorded.items()}


def test_it_needs_no_brian2():
    code = (
        "import sys; import threefactor.models.interpreter; "
        "sys.exit(any(name.startswith(('brian2', 'scipy')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_membrane_between_spikes_is_its_exponential():
    pre = np.zeros((40, 2), bool)
    pre[5, 0] = True
    seen = stimulate(one_to_one(LIF(bias_mv=3.0), w=4.0), pre)["actor.v"]
    times = np.arange(40)
    charged = -0.070 + 0.003 * (1 - np.exp(-(times + 1) / 20))
    psp = np.where(times > 5, 0.004 * np.exp(-(times - 5) / 20), 0.0)
    np.testing.assert_allclose(seen[:, 1], charged, rtol=1e-12)
    np.testing.assert_allclose(seen[:, 0], charged + psp, rtol=1e-12)


@pytest.mark.parametrize("kind", ["axonal", "dendritic"])
def test_a_delay_is_counted_in_timesteps(kind):
    """0.3 ms at 0.1 ms: three timesteps, though 0.3/0.1 < 3 in floating point."""
    pre = np.zeros((20, 2), bool)
    pre[10, 0] = True
    spec = one_to_one(LIF(), w=4.0, timestep_ms=0.1, delay_ms=0.3, delay=kind)
    v = stimulate(spec, pre)["actor.v"][:, 0]
    assert (
        np.flatnonzero(np.abs(v - v[0]) > 1e-6)[0] == 14
    )  # it arrives at 13, after the threshold test


@pytest.mark.parametrize(("kind", "lag"), [("axonal", -5), ("dendritic", 5)])
def test_a_delay_shifts_the_window_of_stdp(kind, lag):
    rule = RULES["stdp"](learning_rate=0.1, tau_plus_ms=17.0, tau_minus_ms=34.0)
    lags = np.arange(-20, 21)
    spec = one_to_one(LIF(), lags.size, 1.0, rule=rule, delay_ms=5.0, delay=kind)
    pre, post = np.zeros((2, 100, lags.size), bool)
    pre[40] = True
    post[40 + lags, np.arange(lags.size)] = True
    w = stimulate(spec, pre, post, ["policy.w"])["policy.w"][-1]
    seen = lags + lag
    window = np.where(seen >= 0, np.exp(-seen / 17.0), 0.0)
    window -= np.where(seen <= 0, np.exp(seen / 34.0), 0.0)
    np.testing.assert_allclose(w, 1.0 + 0.1 * window, rtol=1e-12)


@pytest.mark.parametrize("name", ["escape-lif", "noisy-lif", "adaptive-lif", "izhikevich"])
def test_given_spikes_are_emitted_at_the_threshold(name):
    neuron = NEURONS[name]()
    given = np.zeros((40, 2), bool)
    given[[10, 25], 0] = True
    seen = stimulate(one_to_one(neuron), np.zeros((40, 2), bool), given)
    np.testing.assert_array_equal(seen["actor"], given)
    if name != "escape-lif":  # stochastic neurons draw the spike instead
        level = 1e-3 * (neuron.v_peak_mv if name == "izhikevich" else neuron.v_threshold_mv)
        assert seen["actor.v"][10, 0] == pytest.approx(level)
        assert seen["actor.v"][10, 1] < level


def test_given_spikes_are_drawn_by_neurons_that_draw():
    given = np.zeros((60, 2), bool)
    given[[10, 50], 0] = True
    names = ["actor.z", "actor.p", "actor.score"]
    seen = stimulate(one_to_one(EscapeLIF()), np.zeros((60, 2), bool), given, names)
    np.testing.assert_array_equal(seen["actor.z"], given)
    probability = 1 - np.exp(-0.05 * np.exp(-4.0))  # 50 Hz, 16 mV below threshold, 4 mV wide
    np.testing.assert_allclose(seen["actor.p"], probability, rtol=1e-12)
    assert np.all((seen["actor.score"] > 0) == given)


def test_noise_of_clamped_neurons_is_zero():
    silent = np.zeros((30, 2), bool)
    v = stimulate(one_to_one(NoisyLIF(noise_mv=5.0)), silent, silent)["actor.v"]
    np.testing.assert_allclose(v, -0.070, rtol=1e-12)


def test_a_backend_without_changes_in_place_gives_the_same(make_spec, protocol):
    def put(array, chosen, values):
        return NUMPY.put(array.copy(), chosen, values)

    def add_at(array, chosen, values):
        return NUMPY.add_at(array.copy(), chosen, values)

    spec = make_spec(RULES["reinforce"](), EscapeLIF())
    runs = []
    for backend in (NUMPY, replace(NUMPY, put=put, add_at=add_at)):
        machine = Interpreter(spec, [1, 2], [3, 4], backend)
        runs.append((protocol.run(machine), machine.weights()["policy"]))
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    np.testing.assert_array_equal(runs[0][1], runs[1][1])
    assert runs[0][0].any()


def test_the_backend_decides_what_reaches_a_threshold():
    distances = []

    def reaches(distance, is_inclusive):
        distances.append(float(np.max(distance)))
        return np.ones_like(distance, bool)

    machine = Interpreter(one_to_one(LIF()), [1], [2], replace(NUMPY, reaches=reaches))
    counts = machine.advance(np.zeros((1, 2)), 3)
    np.testing.assert_array_equal(counts, 3.0)
    assert distances[1] == pytest.approx(-0.016)  # of the neurons; the input's come first


def test_replicas_are_single_runs(make_spec, protocol):
    spec = make_spec(RULES["reinforce"](), EscapeLIF())
    several = Interpreter(spec, [1, 2], [3, 4])
    counts = protocol.run(several)
    for row, (noise, weights) in enumerate(((1, 3), (2, 4))):
        single = Interpreter(spec, [noise], [weights])
        np.testing.assert_array_equal(protocol.run(single)[:, 0], counts[:, row])
        np.testing.assert_array_equal(
            single.weights()["policy"][0], several.weights()["policy"][row]
        )


def test_what_is_written_to_an_array_counts(make_spec):
    machine = Interpreter(make_spec(RULES["rstdp-et"]()), [1], [2])
    machine.array("policy.learning_rate")[...] = 0.0
    before = machine.weights()["policy"]
    machine.advance(np.full((1, 6), 400.0), 30)
    machine.close_decision()
    machine.consolidate(np.ones(1))
    np.testing.assert_array_equal(machine.weights()["policy"], before)
    machine.array("policy.learning_rate")[...] = 1.0
    machine.consolidate(np.ones(1))
    assert not np.array_equal(machine.weights()["policy"], before)


def test_unknown_arrays_and_signals_are_named(make_spec):
    machine = Interpreter(make_spec(RULES["rstdp-et"]()), [1], [2])
    with pytest.raises(KeyError, match=r"No array 'policy.eligability'. Did you mean"):
        machine.array("policy.eligability")
    with pytest.raises(KeyError, match=r"No array 'actor.u'"):
        machine.record(["actor.u"])
    with pytest.raises(ValueError, match="no rule waits for the signal 'attention'"):
        machine.write("attention", np.ones(1))
    with pytest.raises(ValueError, match="expected one number for each of its 4 neurons, got 3"):
        machine.consolidate(np.ones((1, 3)))


def test_neurons_that_it_cannot_execute_are_refused():
    @dataclass(frozen=True)
    class Refractory(LIF):
        refractory = "5*ms"

    @dataclass(frozen=True)
    class Leaping(LIF):
        ports = {"current": "v = w*mV"}

    for kind, message in (
        (Refractory, "Refractory.refractory: the interpreter knows no refractoriness"),
        (Leaping, r"Leaping.ports\['current'\]: expected a port that adds, got '='"),
    ):
        with pytest.raises(ValueError, match=message):
            Interpreter(one_to_one(kind()), [1], [2])
