"""Input spikes by their gaps: the distribution of Bernoulli trials, whatever the windows do."""

import numpy as np
import pytest
from scipy import stats

from threefactor.models.engine.noise import NEVER, geometric, stream_ids, uniform
from threefactor.models.interpreter import Interpreter
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import NetworkSpec, Population, Projection, all_to_all

RATES_HZ = (0.1, 1.0, 10.0, 60.0, 250.0, 700.0, 1000.0)
TIMESTEPS_MS = (0.1, 1.0)
#: Tests of a distribution are made for 14 cases: the smallest p of 14 that all hold is about 0.01.
P_MIN = 1e-4


def inputs_spec(n, timestep_ms=1.0):
    """Return n inputs onto one neuron that nothing moves."""
    from threefactor.models.neurons import make_neuron

    return NetworkSpec(
        (Population("input", n, PoissonInput()), Population("actor", 1, make_neuron("lif"))),
        (Projection("policy", "input", "actor", **all_to_all(n, 1), weights=np.zeros(n)),),
        timestep_ms=timestep_ms,
    )


def raster(network, n):
    """Return the recorded spikes of the input as (neuron, steps), in order."""
    found = network.engine.drain()
    steps, neurons = found["input.step"], found["input.neuron"]
    return [np.sort(steps[neurons == neuron]) for neuron in range(n)]


def test_closed_form_of_the_gap():
    """A gap is k where the uniform number lies between (1 - p)**(k + 1) and (1 - p)**k."""
    streams, p = stream_ids(3, "input", "spike", 1000), 0.2
    u, gaps = uniform(streams, 7) + 2.0**-54, geometric(streams, 7, p)
    assert np.all((1 - p) ** (gaps + 1) <= u * (1 + 1e-12))
    assert np.all(u <= (1 - p) ** gaps * (1 + 1e-12))


@pytest.mark.parametrize(
    ("p", "gap"), [(1.0, 0.0), (5.0, 0.0), (0.0, NEVER), (-0.1, NEVER), (np.nan, NEVER)]
)
def test_gaps_of_certain_and_impossible_spikes(p, gap):
    np.testing.assert_array_equal(geometric(np.arange(50), 3, np.full(50, p)), gap)


@pytest.mark.parametrize("dt_ms", TIMESTEPS_MS)
@pytest.mark.parametrize("rate", RATES_HZ)
def test_gaps_and_counts_are_those_of_one_trial_a_timestep(rate, dt_ms):
    """Chi-square of gaps against the geometric law, and of both ways' counts against each other."""
    p, n = rate * dt_ms * 1e-3, 4000
    streams = stream_ids(5, "input", "spike", n)
    gaps = geometric(streams, 0, p)
    if p >= 1:
        assert not np.any(gaps)
        return
    edges = np.unique(stats.geom.ppf(np.linspace(0, 1, 11)[1:-1], p) - 1)
    cdf = stats.geom.cdf(edges + 1, p)
    observed = np.histogram(gaps, [-1, *(edges + 0.5), np.inf])[0]
    expected = n * np.diff([0.0, *cdf, 1.0])
    assert stats.chisquare(observed, expected).pvalue > P_MIN

    steps = int(min(2000, max(50, 3 / p)))
    counts, since = np.zeros(n), np.zeros(n)
    while np.any(alive := since + (gap := geometric(streams, since, p)) < steps):
        counts += alive
        since = np.where(alive, since + gap + 1, steps)
    each_step = sum(uniform(streams, 10_000 + t) < p for t in range(steps))
    top = int(max(counts.max(), each_step.max())) + 1
    table = np.array([np.bincount(c.astype(int), minlength=top) for c in (counts, each_step)])
    common = table[:, table.sum(axis=0) >= 20]
    rest = table.sum(axis=1) - common.sum(axis=1)
    common = np.column_stack([common, rest])[:, [*(common.sum(axis=0) > 0), rest.sum() >= 20]]
    assert stats.chi2_contingency(common).pvalue > P_MIN
    assert counts.mean() == pytest.approx(steps * p, abs=5 * np.sqrt(steps * p * (1 - p) / n))


def test_windows_do_not_change_the_spikes(open_network):
    """The same rates in one window, in many, and in windows of one timestep: the same spikes."""
    rates, trains = np.linspace(0.0, 1200.0, 30)[None], []
    for windows in ([120], [50, 69, 1], [1] * 120):
        network = open_network(inputs_spec(30))
        network.engine.record(["input"])
        for steps in windows:
            network.advance(rates, steps)
        trains.append(raster(network, 30))
    for other in trains[1:]:
        for one, two in zip(trains[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_rates_act_from_the_timestep_that_follows(open_network):
    network = open_network(inputs_spec(4))
    network.engine.record(["input"])
    for rates in ([0.0, 1e9, 0.0, 1e-9], [1e9, 0.0, 0.0, 1e9], [0.0, 1e9, 0.0, 0.0]):
        network.advance(np.array([rates]), 5)
    spikes = raster(network, 4)
    np.testing.assert_array_equal(spikes[0], np.arange(5, 10))
    np.testing.assert_array_equal(spikes[1], [*range(5), *range(10, 15)])
    assert spikes[2].size == 0
    np.testing.assert_array_equal(spikes[3], np.arange(5, 10))


def test_changing_rates_leave_trials_independent(open_network):
    """Rates that alternate every 2 timesteps: each timestep has its rate, neighbours are unrelated.

    A uniform number used twice, for the gap after a spike and for the new rate, would show here.
    """
    n, windows, p = 3000, 20, (0.3, 0.5)
    network = open_network(inputs_spec(n))
    network.engine.record(["input"])
    for k in range(windows):
        network.advance(np.full((1, n), 1e3 * p[k % 2]), 2)
    found = network.engine.drain()
    spikes = np.zeros((2 * windows, n))
    spikes[found["input.step"], found["input.neuron"]] = 1.0
    expected = np.repeat(np.tile(p, windows // 2), 2)
    error = np.sqrt(expected * (1 - expected) / n)
    assert np.all(np.abs(spikes.mean(axis=1) - expected) < 4.5 * error)
    scaled = (spikes - expected[:, None]) / np.sqrt(expected * (1 - expected))[:, None]
    for lag in (1, 2, 3):
        products = scaled[lag:] * scaled[:-lag]
        assert np.all(np.abs(products.mean(axis=1)) < 4.5 / np.sqrt(n)), lag


@pytest.mark.parametrize("engine", ["runtime-numpy", "compiled"])
def test_resuming_within_a_gap_equals_never_having_stopped(open_network, engine):
    generator = np.random.default_rng(1)
    windows = generator.uniform(0.0, 150.0, (6, 1, 30))
    windows[3] = windows[2]
    network = open_network(inputs_spec(30), engine)
    network.engine.record(["input"])
    for rates in windows[:3]:
        network.advance(rates, 7)
    state = network.engine.snapshot()
    network.engine.drain()
    for rates in windows[3:]:
        network.advance(rates, 7)
    expected = raster(network, 30)
    other = open_network(inputs_spec(30), engine)
    other.engine.restore(state)
    other.engine.record(["input"])
    for rates in windows[3:]:
        other.advance(rates, 7)
    for one, two in zip(expected, raster(other, 30), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("dt_ms", TIMESTEPS_MS)
def test_engines_and_interpreter_draw_the_same_spikes(open_network, dt_ms):
    generator, n = np.random.default_rng(2), 30
    windows = np.concatenate([generator.uniform(0.0, 300.0, (3, 2, n - 3)), np.zeros((3, 2, 3))], 2)
    windows[:, :, -1], windows[:, :, -2], windows[2] = 1e4, 1e3, windows[1]
    spec, seeds = inputs_spec(n, dt_ms), (11, 12)
    trains = []
    for engine in ("runtime-numpy", "compiled"):
        network = open_network(spec, engine, seeds)
        network.engine.record(["input"])
        for rates in windows:
            network.advance(rates, 40)
        trains.append(raster(network, 2 * n))
    interpreter = Interpreter(spec, seeds, [s + 100 for s in seeds])
    interpreter.record(["input"])
    for rates in windows:
        interpreter.advance(rates, 40)
    spikes = interpreter.recorded()["input"].reshape(120, 2 * n)
    trains.append([np.flatnonzero(spikes[:, k]) for k in range(2 * n)])
    assert sum(train.size for train in trains[0]) > 300
    for other in trains[1:]:
        for one, two in zip(trains[0], other, strict=True):
            np.testing.assert_array_equal(one, two)
