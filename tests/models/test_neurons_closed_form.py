"""Neuron models against formulas and plain NumPy loops."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from threefactor.models.engine.noise import stream_ids, uniform
from threefactor.models.neurons import make_neuron
from threefactor.models.neurons.checks import build_network
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import NetworkSpec, Population, Projection, all_to_all

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")  # pyparsing


@pytest.fixture(autouse=True)
def brian2():
    import brian2

    target = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    yield brian2
    brian2.prefs.codegen.target = target


def network(neuron, weights=(), port="current", size=1, timestep_ms=1.0):
    """One input for each weight, connected to every one of `size` neurons."""
    actor = Population("actor", size, neuron)
    if not len(weights):
        silent = Population("input", 1, PoissonInput())
        return build_network(NetworkSpec((silent, actor), (), timestep_ms=timestep_ms))
    populations = (Population("input", len(weights), PoissonInput()), actor)
    projection = Projection(
        "plastic", "input", "actor", **all_to_all(len(weights), size),
        weights=np.repeat(weights, size), port=port,
    )  # fmt: skip
    return build_network(NetworkSpec(populations, (projection,), timestep_ms=timestep_ms))


def run(brian2, built, steps, names=("v",), rates=0.0):
    """Return the recorded variables, (n, steps) just after the threshold test, and the spikes."""
    group = built.owners["actor"]
    if "input" in built.owners:
        built.owners["input"].rates_ = rates
    monitor = brian2.StateMonitor(group, list(names), record=True, when="after_thresholds")
    built.network.add(monitor)
    spikes = {}
    for owner in ("input", "actor"):
        if owner in built.owners and "spike_count" in built.owners[owner].variables:
            spikes[owner] = brian2.SpikeMonitor(built.owners[owner])
            built.network.add(spikes[owner])
    built.network.run(steps * group.clock.dt, namespace={})
    trains = {}
    for owner, recorded in spikes.items():
        trains[owner] = np.zeros((len(built.owners[owner]), steps))
        trains[owner][recorded.i, np.round(recorded.t / group.clock.dt).astype(int)] = 1
    # Copies: Brian2 2.10 and later return views that do not keep the monitor alive.
    return {name: getattr(monitor, f"{name}_").copy() for name in names}, trains


def filtered(train, tau):
    """Return a spike train filtered as a neuron sees it: jump after the test, then one decay."""
    trace, value = np.zeros(len(train)), 0.0
    for step, spike in enumerate(train):
        value *= np.exp(-1 / tau)
        trace[step] = value
        value += spike
    return trace


@pytest.mark.parametrize("timestep_ms", [1.0, 0.1])
def test_lif_decays_to_rest(brian2, timestep_ms):
    built = network(make_neuron("lif"), timestep_ms=timestep_ms)
    built.owners["actor"].v_ = -60e-3
    recorded, _ = run(brian2, built, 50)
    times = timestep_ms * np.arange(1, 51)
    np.testing.assert_allclose(recorded["v"][0], -70e-3 + 10e-3 * np.exp(-times / 20), rtol=1e-12)


@pytest.mark.parametrize("refractory_time_ms", [0.0, 3.0])
@pytest.mark.parametrize("bias_mv", [15.0, 18.0, 40.0])
@pytest.mark.parametrize("name", ["lif", "lif-current", "lif-conductance"])
def test_lif_rate_against_drive(brian2, name, bias_mv, refractory_time_ms):
    parameters = {"bias_mv": bias_mv, "refractory_time_ms": refractory_time_ms}
    _, spikes = run(brian2, network(make_neuron(name, **parameters)), 300)
    times = np.flatnonzero(spikes["actor"][0])
    if bias_mv < 16:
        assert len(times) == 0
        return
    interval = refractory_time_ms + np.ceil(20 * np.log(bias_mv / (bias_mv - 16)))
    assert len(times) >= 5
    assert set(np.diff(times)) == {interval}


@pytest.mark.parametrize("name", ["lif", "adaptive-lif"])
@pytest.mark.parametrize("refractory_time_ms", [0.0, 1.0, 4.0])
def test_refractory_time_bounds_the_interval(brian2, name, refractory_time_ms):
    neuron = make_neuron(name, refractory_time_ms=refractory_time_ms)
    _, spikes = run(brian2, network(neuron, [1000.0]), 60, rates=1000.0)
    # The reset of lif also wipes the input of the spike's own step, so the next input drives it.
    lost = name == "lif" and refractory_time_ms == 0
    assert set(np.diff(np.flatnonzero(spikes["actor"][0]))) == {refractory_time_ms + 1 + lost}


def test_noisy_lif_without_noise_is_lif(brian2):
    results = []
    for name, parameters in (("lif", {}), ("noisy-lif", {"noise_mv": 0.0})):
        built = network(make_neuron(name, refractory_time_ms=2.0, **parameters), [6.0, 9.0])
        recorded, _ = run(brian2, built, 200, rates=200.0)
        results.append(recorded["v"])
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("timestep_ms", [1.0, 0.5])
def test_noisy_lif_has_the_stated_deviation(brian2, timestep_ms):
    neuron = make_neuron("noisy-lif", noise_mv=2.0, tau_membrane_ms=5.0)
    built = network(neuron, size=4000, timestep_ms=timestep_ms)
    recorded, spikes = run(brian2, built, int(40 / timestep_ms))
    assert spikes["actor"].sum() == 0
    last = recorded["v"][:, -1] + 70e-3
    assert abs(last.std() - 2e-3) < 4 * 2e-3 / np.sqrt(2 * 4000)
    assert abs(last.mean()) < 4 * 2e-3 / np.sqrt(4000)


def test_current_lif_sums_double_exponentials(brian2):
    built = network(make_neuron("lif-current"), [4.0])
    recorded, spikes = run(brian2, built, 200, rates=100.0)
    kernel = filtered(spikes["input"][0], 20) - filtered(spikes["input"][0], 5)
    expected = -70e-3 + 4e-3 * 5 / 15 * kernel
    assert spikes["actor"].sum() == 0
    np.testing.assert_allclose(recorded["v"][0], expected, rtol=1e-10)


def test_conductance_lif_stays_between_its_reversal_potentials(brian2):
    for port, low, high in (("excitatory", -70e-3, 0.0), ("inhibitory", -80e-3, -70e-3)):
        built = network(make_neuron("lif-conductance"), [1000.0], port)
        recorded, _ = run(brian2, built, 50, rates=1000.0)
        assert np.all((recorded["v"] >= low - 1e-12) & (recorded["v"] <= high + 1e-12))
        assert np.ptp(recorded["v"]) > 5e-3


@pytest.mark.parametrize("timestep_ms", [1.0, 0.1])
def test_conductance_psp_has_the_area_of_its_equations(brian2, timestep_ms):
    """One spike of 0.05: the area of v - v_rest against a Runge-Kutta solution, mV ms."""
    neuron = make_neuron("lif-conductance", v_threshold_mv=1e3)
    built = network(neuron, [0.0], "excitatory", timestep_ms=timestep_ms)
    built.owners["actor"].g_excitatory_ = 0.05
    recorded, _ = run(brian2, built, int(300 / timestep_ms))
    area = np.sum(recorded["v"][0] + 70e-3) * 1e3 * timestep_ms
    solution = solve_ivp(
        lambda t, y: [(-y[0] + y[1] * (70.0 - y[0])) / 20, -y[1] / 5, y[0]],
        (0, 300), [0.0, 0.05, 0.0], rtol=1e-10, atol=1e-12,
    )  # fmt: skip
    assert area == pytest.approx(solution.y[2, -1], rel=1e-3)


def test_conductance_lif_ignores_negative_weights(brian2):
    built = network(make_neuron("lif-conductance"), [-5.0], "excitatory")
    recorded, _ = run(brian2, built, 50, ("v", "g_excitatory"), rates=1000.0)
    assert np.all(recorded["g_excitatory"] == 0)
    np.testing.assert_allclose(recorded["v"], -70e-3, rtol=1e-12)


@pytest.mark.parametrize("refractory_time_ms", [0.0, 2.0])
def test_adaptive_lif_against_a_loop(brian2, refractory_time_ms):
    neuron = make_neuron("adaptive-lif", refractory_time_ms=refractory_time_ms)
    names = ("v", "adaptation", "psi", "psi_adaptation", "z")
    recorded, spikes = run(brian2, network(neuron, [9.0, 7.0]), 400, names, rates=150.0)
    v = adaptation = blocked = 0
    for step in range(400):
        v, adaptation = v * np.exp(-1 / 20), adaptation * np.exp(-1 / 200)
        distance = v - 16 - 1.6 * adaptation
        z = float(distance >= 0 and not blocked)
        psi = 0 if blocked else 0.3 / 16 * max(0, 1 - abs(distance) / 16)
        expected = (v * 1e-3, adaptation, psi, 1.6 * psi, z)
        for name, value in zip(names, expected, strict=True):
            assert recorded[name][0, step] == pytest.approx(value, rel=1e-9, abs=1e-15), name
        blocked = max(0, blocked - 1)
        v += spikes["input"][:, step] @ [9.0, 7.0]
        if z:
            v, adaptation, blocked = v - 16, adaptation + 1, int(refractory_time_ms)
    assert spikes["actor"].sum() > 10


def test_readout_filters_its_input(brian2):
    built = network(make_neuron("readout", bias=0.5), [2.0])
    recorded, spikes = run(brian2, built, 200, rates=100.0)
    np.testing.assert_allclose(
        recorded["v"][0], 0.5 + 2 * filtered(spikes["input"][0], 20), rtol=1e-12
    )


def test_srm0_counts_input_since_its_last_spike(brian2):
    recorded, spikes = run(brian2, network(make_neuron("srm0"), [12.0]), 600, rates=150.0)
    own, last = np.flatnonzero(spikes["actor"][0]), -1
    assert len(own) > 5
    for step in range(600):
        train = np.where(np.arange(600) > last, spikes["input"][0], 0)[: step + 1]
        ages = step - np.flatnonzero(train)
        kernel = 20 / 15 * (np.exp(-ages / 20) - np.exp(-ages / 5))
        reset = -5 * np.exp(-(step - last) / 20) if last >= 0 else 0
        assert recorded["v"][0, step] * 1e3 == pytest.approx(12 * kernel.sum() + reset, abs=1e-9)
        if spikes["actor"][0, step]:
            last = step


def test_bernoulli_glm_filters_its_input(brian2):
    built = network(make_neuron("bernoulli-glm"), [1.5])
    recorded, spikes = run(brian2, built, 200, ("p", "drive"), rates=100.0)
    drive = 1.5 * filtered(spikes["input"][0], 5)
    np.testing.assert_allclose(recorded["drive"][0], drive, rtol=1e-12)
    np.testing.assert_allclose(recorded["p"][0], 1 / (1 + np.exp(4 - 2 * drive)), rtol=1e-12)


def test_ising_hears_the_previous_tick_only(brian2):
    built = network(make_neuron("ising", bias=0.3), [1.0, -2.0])
    recorded, spikes = run(brian2, built, 200, ("p",), rates=300.0)
    drive = np.concatenate([[0], [1.0, -2.0] @ spikes["input"][:, :-1]])
    np.testing.assert_allclose(recorded["p"][0], 1 / (1 + np.exp(-2 * (drive + 0.3))), rtol=1e-12)


def test_izhikevich_against_daspnet(brian2):
    steps, excitatory, inhibitory, seed = 300, 30, 10, 3
    generator = np.random.default_rng(seed)
    weights = generator.uniform(0, 4, (40, 40)) * (generator.random((40, 40)) < 0.3)
    weights[excitatory:] *= -1
    strong = {"noise_current_mv": 30.0}
    fast = {"recovery_rate": 0.1, "recovery_jump_mv": 2.0}
    populations = (
        Population("e", excitatory, make_neuron("noisy-izhikevich", **strong)),
        Population("i", inhibitory, make_neuron("noisy-izhikevich", **strong, **fast)),
    )
    sizes, projections = {"e": slice(0, 30), "i": slice(30, 40)}, []
    for source in "ei":
        for target in "ei":
            block = weights[sizes[source], sizes[target]]
            projections.append(
                Projection(source + target, source, target, **all_to_all(*block.shape),
                           weights=block.ravel())
            )  # fmt: skip
    populations += (Population("input", 1, PoissonInput()),)
    built = build_network(NetworkSpec(populations, tuple(projections), output="e"), seed)
    monitors = [brian2.SpikeMonitor(built.owners[name]) for name in "ei"]
    built.network.add(*monitors)
    built.network.run(steps * brian2.ms, namespace={})
    found = np.zeros((steps, 40), bool)
    for monitor, first in zip(monitors, (0, excitatory), strict=True):
        found[np.round(monitor.t / brian2.ms).astype(int), first + np.array(monitor.i)] = True

    streams = np.concatenate([stream_ids(seed, "e", "current", 30),
                              stream_ids(seed, "i", "current", 10)])  # fmt: skip
    expected = daspnet(weights, excitatory, lambda k: uniform(streams, k - 1), steps + 1)
    assert expected[1:].sum() > 100
    assert not expected[0].any()
    np.testing.assert_array_equal(found, expected[1:])


def daspnet(weights, excitatory, draw, passes):
    """Return the spikes of each pass of the program's loop; pass k is row k - 1."""
    n = len(weights)
    rate = np.where(np.arange(n) < excitatory, 0.02, 0.1)
    jump = np.where(np.arange(n) < excitatory, 8.0, 2.0)
    v, u = np.full(n, -65.0), np.full(n, -13.0)
    spikes = np.zeros((passes, n), bool)
    for k in range(1, passes + 1):
        current = 30 * (draw(k) - 0.5)
        fired = v >= 30
        spikes[k - 1] = fired
        v[fired] = -65
        u[fired] += jump[fired]
        current = current + weights[fired].sum(axis=0)
        v += 0.5 * ((0.04 * v + 5) * v + 140 - u + current)
        v += 0.5 * ((0.04 * v + 5) * v + 140 - u + current)
        u += rate * (0.2 * v - u)
    return spikes


@pytest.mark.parametrize("dt_ms", [1.0, 0.1])
def test_input_and_noise_of_izhikevich_are_as_strong_at_any_timestep(brian2, dt_ms):
    """A spike of weight w lifts v by w; noise gives v the same variance in a ms."""
    integrator = {"quadratic": 0.0, "linear": 0.0, "offset_mv": 0.0, "recovery_rate": 0.0,
                  "recovery_start_mv": 0.0}  # fmt: skip
    quiet = make_neuron("izhikevich", **integrator)
    values, _ = run(brian2, network(quiet, [2.0], timestep_ms=dt_ms), 4, rates=1e9)
    np.testing.assert_allclose(np.diff(values["v"][0]), 2e-3)
    noisy = make_neuron("noisy-izhikevich", **integrator)
    built = network(noisy, size=4000, timestep_ms=dt_ms)
    values, _ = run(brian2, built, round(1 / dt_ms))
    assert np.std(values["v"][:, -1]) == pytest.approx(13e-3 / np.sqrt(12), rel=0.05)
