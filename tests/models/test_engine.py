"""Every engine gives the same network: spikes, weights, snapshots, recordings, errors."""

import gc
from dataclasses import dataclass, replace

import numpy as np
import pytest

from threefactor.models.assembly import assemble
from threefactor.models.engine import open_engine
from threefactor.models.neurons import NEURONS
from threefactor.rules import RULES
from threefactor.rules.rstdp_et import RewardModulatedSTDPWithEligibility

#: name -> (rule, its settings, neuron, further settings of the projection)
CASES = {
    "reinforce": ("reinforce", {}, "escape-lif", {}),
    "lazy": ("rstdp-et", {"tau_eligibility_ms": 10.0}, "lif", {}),
    "clock": ("dopamine-stdp", {"learning_rate": 20.0}, "lif", {}),
    "ising": ("reinforce-sign", {}, "ising", {"low": -1.0, "high": 1.0, "w_min": -3.0}),
    "gaussian": ("rstdp", {}, "noisy-lif", {}),
    "delayed": ("rstdp", {}, "lif", {"delay_ms": 20.0}),
    "dendritic": ("rstdp-et", {}, "lif", {"delay_ms": 20.0, "delay": "dendritic"}),
}
COMPILED = ["runtime-numpy", "compiled"]
STRUCTURAL = {
    "i", "N", "t", "dt", "N_incoming", "N_outgoing", "lastupdate", "_spikespace",
    "_synaptic_pre", "_synaptic_post",
}  # fmt: skip


@pytest.fixture
def open_case(make_spec, open_network):
    def build(case, engine="runtime-numpy", **options):
        rule, settings, neuron, projection = CASES[case]
        spec = make_spec(RULES[rule](**settings), NEURONS[neuron](), **projection)
        return open_network(spec, engine, **options)

    return build


def outcome(network, protocol):
    """Return (spikes, counts, weights) of the protocol."""
    network.engine.record(["input", "actor"])
    counts = protocol.run(network)
    return network.engine.drain(), counts, network.weights()["policy"]


def assert_equal_outcomes(one, other, rtol=1e-12):
    assert one[1].sum() > 0
    for name in one[0]:
        np.testing.assert_array_equal(one[0][name], other[0][name], err_msg=name)
    np.testing.assert_array_equal(one[1], other[1])
    np.testing.assert_allclose(one[2], other[2], rtol=rtol, atol=1e-13)


@pytest.mark.parametrize("case", CASES)
def test_compiled_equals_numpy(case, open_case, protocol):
    runtime = open_case(case)
    before = runtime.weights()["policy"]
    expected = outcome(runtime, protocol)
    assert not np.array_equal(before, expected[2])
    assert_equal_outcomes(expected, outcome(open_case(case, "compiled"), protocol))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_cython_equals_numpy(case, open_case, protocol):
    expected = outcome(open_case(case), protocol)
    network = open_case(case, "runtime")
    assert network.engine.name == "runtime-cython"
    assert_equal_outcomes(expected, outcome(network, protocol))


@pytest.mark.parametrize("engine", COMPILED)
def test_same_seed_same_run_other_seed_other_run(engine, open_case, protocol):
    first, again = (outcome(open_case("reinforce", engine), protocol) for _ in range(2))
    assert_equal_outcomes(first, again, rtol=0)
    other = outcome(open_case("reinforce", engine, seeds=(12,)), protocol)
    assert not np.array_equal(first[0]["input.step"], other[0]["input.step"])


@pytest.mark.parametrize("case", ["reinforce", "lazy", "delayed", "dendritic"])
def test_runtime_equals_network_run_bit_for_bit(case, open_case):
    import brian2

    from threefactor.models.engine.brian_objects import build_objects

    network = open_case(case)
    engine, plan = network.engine, network._plan
    previous = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    try:
        brian = build_objects(plan, "_plain")
        for runner in brian.demand.values():
            runner.before_run({})
        names = [n for n in engine.arrays() if n.split(".")[1] not in STRUCTURAL]
        values = {name: engine.array(name) for name in names}
        for name, delay in brian.delays.items():
            delay.get_value()[...] = plan.data[name]
        values |= {"input.rates": np.full(network.n_inputs, 300.0)}
        for name, value in values.items():
            _plain(brian, name)[...] = value
        for _ in range(3):
            network.advance(300.0, 15)
            _plain(brian, "actor.spike_count")[...] = 0
            _plain(brian, "input.spike_count")[...] = 0
            brian.demand["window:input"].codeobj()
            brian.network.run(15 * brian2.ms, namespace={})
            for block in ("settle:policy", "settled:policy"):
                if block in brian.demand:
                    brian.demand[block].codeobj()
    finally:
        brian2.prefs.codegen.target = previous
    assert _plain(brian, "actor.spike_count").sum() > 0
    for name in values:
        np.testing.assert_array_equal(engine.array(name), _plain(brian, name), err_msg=name)


def _plain(brian, name):
    owner, _, variable = name.partition(".")
    return brian.owners[owner].variables[variable].get_value()


@dataclass(frozen=True)
class ClockDriven(RewardModulatedSTDPWithEligibility):
    """The same rule, written so that its eligibility cannot be decayed lazily."""

    equations = """deligibility/dt = -1.0*eligibility/tau_eligibility : 1
    trace : 1"""


@pytest.mark.parametrize("engine", COMPILED)
@pytest.mark.parametrize("tau_ms", [0.25, 25.0])
def test_lazy_decay_equals_clock_driven_decay(engine, tau_ms, make_spec, open_network, protocol):
    """A window is 200 steps; with tau = 0.25 ms exp(200/0.25) would overflow unsettled."""
    outcomes, eligibility = [], []
    protocol = replace(protocol, steps=200, windows=4, episode=3)
    for kind in (RewardModulatedSTDPWithEligibility, ClockDriven):
        spec = make_spec(kind(tau_eligibility_ms=tau_ms))
        assert bool(assemble(spec).decay) == (kind is not ClockDriven)
        network = open_network(spec, engine)
        outcomes.append(outcome(network, protocol))
        eligibility.append(network.engine.array("policy.eligibility").copy())
    assert_equal_outcomes(*outcomes)
    assert np.any(eligibility[0])
    np.testing.assert_allclose(*eligibility, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("engine", COMPILED)
@pytest.mark.parametrize("case", ["lazy", "delayed", "dendritic", "clock"])
@pytest.mark.parametrize("is_fresh", [False, True])
def test_snapshot_then_continue_equals_never_stopping(engine, case, is_fresh, open_case, protocol):
    network = open_case(case, engine)
    protocol.run(network)
    network.advance(300.0, 13)  # leaves delayed spikes in flight
    saved = network.engine.snapshot()
    expected = outcome(network, protocol)
    if is_fresh:
        network = open_case(case, engine, seeds=(77,))
    network.engine.restore(saved)
    assert network.engine.timestep == saved["timestep"]
    assert_equal_outcomes(expected, outcome(network, protocol), rtol=0)


@pytest.mark.parametrize("engine", COMPILED)
def test_spikes_in_flight_arrive_at_their_time(engine, make_spec, open_network):
    """One input spike at step 0 arrives after exactly 20 ms, and after a restore as well."""
    network = open_network(make_spec(None, low=10.0, high=10.0, delay_ms=20.0), engine)
    network.advance(1e9, 1)
    network.advance(0.0, 10)
    saved = network.engine.snapshot()
    for _ in range(2):
        network.engine.restore(saved)
        v = network.engine.array("actor.v")
        network.advance(0.0, 9)
        assert np.all(np.isclose(v, -0.07))
        network.advance(0.0, 1)
        assert network._spike_counts[1].sum() == 0  # jumps after the threshold test ...
        network.advance(0.0, 1)
        assert network._spike_counts[1].sum() == 4  # ... and spikes in the next step


def test_two_live_compiled_networks_are_independent(open_case, protocol):
    alone = outcome(open_case("reinforce", "compiled", seeds=(1,)), protocol)
    one = open_case("reinforce", "compiled", seeds=(1,))
    two = open_case("reinforce", "compiled", seeds=(2,))
    for network in (one, two):
        network.engine.record(["input", "actor"])
    counts = []
    for _ in range(3):
        one.advance(200.0, 7)
        two.advance(100.0, 9)
    assert one.engine.timestep == 21
    assert two.engine.timestep == 27
    one.engine.restore(open_case("reinforce", "compiled", seeds=(1,)).engine.snapshot())
    counts = outcome(one, protocol)
    assert_equal_outcomes(alone, counts, rtol=0)


def resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


def test_open_and_close_does_not_grow(open_case, make_spec):
    spec = make_spec(RULES["reinforce"](), NEURONS["escape-lif"]())
    plan = assemble(spec)
    maps = []
    for number in range(40):
        engine = open_engine(plan, "compiled")
        engine.advance(5)
        engine.close()
        if number in (9, 39):
            gc.collect()
            maps.append((resident_mib(), _mapped_libraries()))
    assert maps[1][1] <= maps[0][1]
    assert maps[1][0] - maps[0][0] < 3.0


def _mapped_libraries():
    with open("/proc/self/maps") as file:
        return sum("threefactor-" in line for line in file)


def test_runtime_can_be_reopened(make_spec, open_network, protocol):
    spec = make_spec(RULES["rstdp"]())
    results = []
    for _ in range(3):
        network = open_network(spec)
        results.append(outcome(network, protocol))
        network.close()
    assert_equal_outcomes(results[0], results[2], rtol=0)


@pytest.mark.parametrize("engine", COMPILED)
@pytest.mark.parametrize("name", ["actor.v", "policy.w"])
def test_nan_is_reported_with_the_arrays_name(engine, name, open_case):
    network = open_case("lazy", engine)
    network.engine.array(name)[1] = np.nan

    def advance():
        for _ in range(256):
            network.engine.advance(1)

    with pytest.raises(FloatingPointError, match=r"(actor\.v|policy\.w) became NaN by t = "):
        advance()


@pytest.mark.parametrize("engine", COMPILED)
def test_unknown_array_lists_the_known(engine, open_case):
    with pytest.raises(KeyError, match=r"actor\.vv.*actor\.v.*policy\.w"):
        open_case("lazy", engine).engine.array("actor.vv")


@pytest.mark.parametrize("case", CASES)
def test_engines_offer_the_same_state(case, open_case):
    known = [set(open_case(case, engine).engine.arrays()) for engine in COMPILED]
    plan = open_case(case)._plan
    wanted = set(plan.data) | set(plan.resets) | {"policy.w", "actor.spike_count"}
    assert wanted - known[0] <= set(plan.delays)
    assert wanted <= known[1]


def test_unknown_engine_is_named():
    with pytest.raises(ValueError, match="Unknown engine 'gpu'. Known: auto, compiled"):
        open_engine(None, "gpu")


@pytest.mark.parametrize("engine", COMPILED)
def test_recordings(engine, open_case):
    """Spikes have the step they happened in; probes are true values, every third step."""
    network = open_case("lazy", engine)
    network.engine.record(
        ["input"], [("policy.eligibility", 3), ("policy.w", 3), ("actor.v", 0)], every=3
    )
    network.advance(400.0, 30)
    counts = network.replicated("input.spike_count")[0]
    data = network.engine.drain()
    np.testing.assert_array_equal(np.bincount(data["input.neuron"], minlength=6), counts)
    assert data["input.step"].min() >= 0
    assert data["input.step"].max() <= 29
    assert np.all(np.diff(data["input.step"]) >= 0)
    np.testing.assert_array_equal(data["probes.step"], np.arange(3, 31, 3))
    assert data["probes.values"].shape == (10, 3)
    last = [network.engine.array(n)[k] for n, k in (("policy.eligibility", 3), ("policy.w", 3))]
    np.testing.assert_allclose(data["probes.values"][-1, :2], last, rtol=1e-12)
    empty = network.engine.drain()
    assert empty["input.step"].size == 0
    assert empty["probes.values"].shape == (0, 3)
    network.engine.record([], [])
    network.advance(400.0, 30)
    assert network.engine.drain() == {}


def test_probes_agree_between_engines_and_are_not_grown(open_case, make_spec, open_network):
    values = []
    lazy, clocked = RewardModulatedSTDPWithEligibility, ClockDriven
    for kind, engine in ((lazy, "compiled"), (lazy, "runtime-numpy"), (clocked, "runtime-numpy")):
        network = open_network(make_spec(kind(tau_eligibility_ms=10.0)), engine)
        network.engine.record(["actor"], [("policy.eligibility", k) for k in range(4)])
        network.advance(400.0, 60)
        values.append(network.engine.drain()["probes.values"])
    assert np.any(values[0])
    np.testing.assert_allclose(values[0], values[1], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(values[0], values[2], rtol=1e-11, atol=1e-15)


def test_memory_stays_flat_over_many_drains(open_case):
    network = open_case("lazy", "compiled")
    network.engine.record(["input", "actor"], [("policy.w", k) for k in range(6)])
    sizes = []
    for number in range(60):
        network.advance(900.0, 2000)
        network.engine.drain()
        if number in (9, 59):
            sizes.append(resident_mib())
    # What the 50 drains returned is 15 MiB; none of it may stay.
    assert sizes[1] - sizes[0] < 3.0


@pytest.mark.parametrize("engine", COMPILED)
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((["policy"],), ValueError, "'policy' does not spike; these do: input, actor"),
        (([], [("policy.w", 24)]), ValueError, "policy.w has elements 0 to 23, got 24"),
        (([], [("policy.w", -1)]), ValueError, "policy.w has elements 0 to 23, got -1"),
        (([], [("policy.ww", 0)]), KeyError, "policy.ww"),
        (([], [("policy.w", 0)], 0), ValueError, "every must be >= 1 timestep, got 0"),
    ],
)
def test_recording_errors(engine, arguments, error, message, open_case):
    with pytest.raises(error, match=message):
        open_case("lazy", engine).engine.record(*arguments)


@pytest.mark.parametrize("engine", COMPILED)
def test_unknown_blocks_are_ignored(engine, open_case):
    open_case("lazy", engine).engine.run_block("consolidate:nothing")


def test_weight_clock_must_be_a_multiple_of_the_timestep(make_spec, open_network):
    with pytest.raises(ValueError, match=r"multiple of the timestep \(1.0 ms\), got 2.5 ms"):
        open_network(make_spec(RULES["dopamine-stdp"](weight_period_ms=2.5)))


@pytest.mark.parametrize("engine", COMPILED)
def test_close_twice_is_harmless(engine, open_case):
    network = open_case("lazy", engine)
    network.close()
    network.close()
