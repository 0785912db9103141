"""The interpreter against the engines: every spike and every variable of all kinds of networks."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from threefactor.experiments.configuration import resolve
from threefactor.experiments.presets.preset import find_preset
from threefactor.models import MODELS, Parts
from threefactor.models.host import signal_arrays
from threefactor.models.interpreter import Interpreter
from threefactor.models.neurons import LIF, NEURONS, AdaptiveLIF, EscapeLIF, NoisyLIF, TDError
from threefactor.models.neurons.contract import NeuronModel, PoissonInput
from threefactor.models.specification import (
    Modulation,
    NetworkSpec,
    Population,
    Projection,
    Uniform,
    all_to_all,
)
from threefactor.rules import RULES
from threefactor.rules.language import parse_equations
from threefactor.rules.updates import Adam, SoftBounds

N_INPUTS, N_OUTPUTS, SEEDS = 6, 4, (21, 22)
#: Initial weights of a network of many projections, together moderate.
WEIGHTS = {
    "ising": (-0.4, 0.2), "bernoulli-glm": (-0.16, 0.16), "readout": (-0.5, 0.5),
    "lif-conductance": (0.005, 0.05), "lif-current": (0.6, 1.6), "adaptive-lif": (0.2, 0.8),
    "lif-discrete": (-0.12, 0.08), "lif-soft-reset": (-0.06, 0.08),
}  # fmt: skip
KINDS = ("axonal", "dendritic")


def fitting(neuron):
    """Return the names of the rules that work on synapses onto a neuron."""
    units, spikes = parse_equations(neuron.equations).units, bool(neuron.threshold)
    return [
        name
        for name, rule in ((name, kind()) for name, kind in RULES.items())
        if neuron.ports
        and set(rule.requires) <= set(neuron.exposes)
        and all(units.get(n, unit) == unit for n, unit in rule.required_units.items())
        and (spikes or not (rule.on_post or rule.post_on_spike))
    ]


def everything_onto(name):
    """Return a network in which every fitting rule has a projection onto the same neurons."""
    neuron, (low, high) = NEURONS[name](), WEIGHTS.get(name, (0.3, 1.2))
    return NetworkSpec(
        (
            Population("input", N_INPUTS, PoissonInput()),
            Population("actor", N_OUTPUTS, neuron, modules=np.arange(N_OUTPUTS) // 2),
        ),
        tuple(
            Projection(
                rule.replace("-", "_"), "input", "actor", **all_to_all(N_INPUTS, N_OUTPUTS),
                weights=Uniform(low, high), w_min=-20.0, w_max=20.0,
                port=next(iter(neuron.ports)),
                rule=RULES[rule](**{"amplitude": high} if rule == "hedonistic" else {}),
            )
            for rule in fitting(neuron)
        ),
    )  # fmt: skip


def drive(network, windows=8, steps=25, rate_hz=200.0):
    """Simulate windows with random rates, third factors and signals; return all counts."""
    generator, counts = np.random.default_rng(3), []
    listens = "learning_signal" in {signal for signal, _, _ in signal_arrays(network.spec)}
    for window in range(windows):
        rates = generator.uniform(0.1, 1.5, (network.replicas, network.n_inputs)) * rate_hz
        factor, signal = generator.normal(size=(2, network.replicas))
        counts.append(network.advance(rates, steps).copy())
        if listens:
            network.write("learning_signal", signal)
        network.close_decision(np.arange(network.replicas) % 2)
        network.consolidate(factor)
        if window % 3 == 2:
            network.start_episode(np.arange(network.replicas) % 2 == 0)
    return np.array(counts)


def assert_same(spec, network, **options):
    """Compare a fresh network with the interpreter; return the interpreter and all counts."""
    interpreter = Interpreter(spec, SEEDS, [seed + 100 for seed in SEEDS])
    counts, expected = drive(network, **options), drive(interpreter, **options)
    if spec.population(spec.output).neuron.threshold:
        np.testing.assert_array_equal(counts, expected)
    else:
        np.testing.assert_allclose(counts, expected, rtol=1e-9)
    shared = set(network.engine.arrays()) & set(interpreter.arrays())
    assert {f"{p.name}.w" for p in spec.projections} <= shared
    for name in shared:
        values = interpreter.array(name)
        found = network.engine.array(name).reshape(values.shape)
        size = np.abs(values).max()
        np.testing.assert_allclose(found, values, rtol=1e-9, atol=1e-12 * size, err_msg=name)
    return interpreter, counts


def moved(interpreter):
    """Return the names of the projections whose weights have changed."""
    fresh = Interpreter(interpreter.spec, SEEDS, [seed + 100 for seed in SEEDS]).weights()
    return {name for name, w in interpreter.weights().items() if not np.array_equal(w, fresh[name])}


@pytest.fixture
def same_as(open_network):
    def compare(spec, engine="runtime-numpy", **options):
        return assert_same(spec, open_network(spec, engine, SEEDS), **options)

    return compare


@pytest.mark.parametrize(
    "engine", ["runtime-numpy", pytest.param("compiled", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", [name for name in NEURONS if NEURONS[name]().ports])
def test_every_neuron_with_every_rule_that_fits(name, engine, same_as):
    spec = everything_onto(name)
    interpreter, counts = same_as(spec, engine)
    assert len(moved(interpreter)) >= 0.7 * len(spec.projections)
    if NEURONS[name]().threshold:
        per_step = counts.mean() / 25
        assert 0.005 < per_step < 0.9


def preset_spec(name):
    layers = find_preset("fast", "GridWorld-v0", "rstdp-et").layers
    parts = resolve(*layers, {"env": "GridWorld-v0", "rule": "rstdp-et"}).parts
    options = {"neurons_per_action": 3, "lateral_weight": -1.0, "w_init_low": 4.0}
    options |= {"w_init_high": 7.0, "w_max": 8.0}
    model = MODELS[name](**options)
    rules = (parts["rule"], parts["critic_rule"])
    if name == "td-actor-critic":  # what it teaches learns in every timestep
        rules = (RULES["td-ltp-continuous"](),) * 2
    neurons = (parts["neuron"], parts["critic_neuron"])
    return model.build(Parts(6, 2, *neurons, *rules, parts["update"]))


@pytest.mark.parametrize("name", MODELS)
def test_every_architecture_with_parts_of_a_preset(name, same_as):
    interpreter, counts = same_as(preset_spec(name))
    assert counts.any()
    if name != "td-actor-critic":  # here nobody tells its TD neuron of rewards
        assert "policy" in moved(interpreter)
    if interpreter.spec.critic == "critic":
        critic = interpreter.array("critic.spike_count")
        np.testing.assert_array_equal(interpreter.values(), critic.mean(axis=1))


def test_opponents(same_as):
    spec = preset_spec("actor-critic")
    critic = replace(spec.population("critic"), valence=np.repeat([1, -1], 10))
    others = [p for p in spec.populations if p.name != "critic"]
    interpreter, _ = same_as(replace(spec, populations=(*others, critic)))
    assert "value" in moved(interpreter)
    counts = interpreter.array("critic.spike_count")
    expected = counts[:, :10].mean(axis=1) - counts[:, 10:].mean(axis=1)
    np.testing.assert_array_equal(interpreter.values(), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rule", ["rstdp-et", "stdp-triplet", "dopamine-stdp", None])
def test_delays(rule, kind, make_spec, same_as):
    rule = RULES[rule]() if rule else None
    spec = make_spec(rule, delay_ms=3.0, delay=kind)
    _, counts = same_as(spec)
    at_once = drive(Interpreter(make_spec(rule), SEEDS, [seed + 100 for seed in SEEDS]))
    assert not np.array_equal(counts, at_once)


@pytest.mark.parametrize("update", [Adam(step_size=0.05), SoftBounds(0.5)])
@pytest.mark.parametrize("rule", ["eprop", "stdp", "rstdp-et"])
def test_weight_updates(rule, update, make_spec, same_as):
    interpreter, _ = same_as(make_spec(RULES[rule](), AdaptiveLIF(), update=update))
    assert moved(interpreter) == {"policy"}


@pytest.mark.parametrize("rule", ["stdp", "rstdp-et", "eprop"])
def test_incoming_sums(rule, make_spec, same_as):
    interpreter, _ = same_as(make_spec(RULES[rule](), AdaptiveLIF(), incoming_sum=64.0))
    w = interpreter.weights()["policy"]
    assert w.max() == 12.0  # the bound, which keeps some neurons from the sum
    sums = w.reshape(2, N_INPUTS, N_OUTPUTS).sum(axis=1)
    np.testing.assert_allclose(sums, 64.0, rtol=0.15)


@pytest.mark.parametrize("resets", ["keep", "episode", "decision"])
def test_heterogeneous_neurons_and_reset_policies(resets, make_spec, same_as):
    actor = {
        "heterogeneity": {"tau_membrane": 0.3, "v_threshold": 0.1, "v_slope": 0.2},
        "resets": resets,
        "times_first_spike": True,
    }
    spec = make_spec(RULES["reinforce"](), EscapeLIF(), actor=actor)
    interpreter, _ = same_as(spec)
    assert np.ptp(interpreter.array("actor.tau_membrane")) > 0


def test_first_spikes(make_spec, open_network):
    spec = make_spec(RULES["rstdp-et"](), actor={"times_first_spike": True}, low=0.5, high=8.0)
    network = open_network(spec, seeds=SEEDS)
    interpreter = Interpreter(spec, SEEDS, [seed + 100 for seed in SEEDS])
    times = []
    for one in (network, interpreter):
        drive(one)
        one.advance(np.outer([100.0, 5.0], np.ones(N_INPUTS)), 30)
        times.append(one.first_spikes_ms(8 * 25))
    np.testing.assert_allclose(*times)
    assert np.isinf(times[0]).any()
    assert interpreter.array("actor.spike_count").max() > 1


@pytest.mark.parametrize("into", ["third_factor", "second.learning_signal"])
def test_modulations_and_several_rules_on_one_population(into, same_as):
    pairs = all_to_all(N_INPUTS, N_OUTPUTS)
    by_host = into != "third_factor"  # which dopamine-stdp waits for
    first = RULES["dopamine-stdp" if by_host else "rstdp-et"]()
    second = RULES["eprop-reward"]()
    options = {"weights": Uniform(2.0, 8.0), "w_min": -5.0, "w_max": 12.0}
    td = TDError(tau_decay_ms=40.0, tau_rise_ms=10.0, tau_reward_ms=200.0)
    spec = NetworkSpec(
        (
            Population("input", N_INPUTS, PoissonInput()),
            Population("actor", N_OUTPUTS, AdaptiveLIF()),
            Population("td", 2, td),
        ),
        (
            Projection("first", "input", "actor", **pairs, rule=first, **options),
            Projection("second", "input", "actor", **pairs, rule=second, **options),
            Projection("back", "actor", "actor", **all_to_all(4, 4), weights=Uniform(-3, 1)),
            Projection("to_td", "actor", "td", **all_to_all(N_OUTPUTS, 2), weights=Uniform(0, 1)),
        ),
        modulations=(
            Modulation("teach", "td", "actor", "td_error", **all_to_all(2, N_OUTPUTS),
                       weights=np.linspace(-0.01, 0.01, 8), into=into),
        ),
    )  # fmt: skip
    interpreter, _ = same_as(spec)
    assert moved(interpreter) == {"first", "second"}


@dataclass(frozen=True)
class Quadratic(NeuronModel):
    """A neuron for explicit methods of integration, with a threshold that is no distance."""

    tau_ms: float = 10.0
    v_peak_mv: float = 30.0
    v_critical_mv: float = 8.0

    equations = """
    dv/dt = (v*(v - v_critical)/v_critical - pull)/tau : volt
    dadaptation/dt = (0.1*v - adaptation)/tau : volt
    pull = 1.0*adaptation : volt
    """
    threshold = "v >= v_peak or adaptation < -v_peak"
    reset = "v = 0*mV; adaptation += 2*mV"
    ports = {"current": "v += w*mV"}


@pytest.mark.parametrize("method", ["euler", "rk2", "rk4", "heun"])
def test_methods_of_integration(method, make_spec, same_as):
    neuron = dataclass(frozen=True)(type("Neuron", (Quadratic,), {"method": method}))()
    _, counts = same_as(make_spec(RULES["stdp"](), neuron))
    assert counts.any()


def test_exponential_euler(make_spec, same_as):
    @dataclass(frozen=True)
    class Conductance(LIF):
        equations = """
        dv/dt = (v_rest + bias - v - g*v)/tau_membrane : volt
        dg/dt = -g/tau_membrane : 1
        refractory_left : second
        """
        method = "exponential_euler"
        ports = {"current": "g += w/20"}

    _, counts = same_as(make_spec(RULES["stdp"](), Conductance()))
    assert counts.any()


def test_a_frozen_twin_keeps_its_weights_and_spikes_alike(make_spec, open_network):
    spec = make_spec(RULES["dopamine-stdp"](), NoisyLIF(), update=Adam())
    network = open_network(spec, seeds=SEEDS, is_learning=False)
    interpreter = Interpreter(spec, SEEDS, [seed + 100 for seed in SEEDS], is_learning=False)
    np.testing.assert_array_equal(drive(network), drive(interpreter))
    np.testing.assert_array_equal(network.weights()["policy"], interpreter.weights()["policy"])
    assert not moved(interpreter)


@pytest.mark.parametrize(
    ("rule", "neuron", "low", "high"),
    [
        ("reinforce", EscapeLIF(), 0.4, 1.6),
        pytest.param("rstdp-et", NoisyLIF(), 0.5, 3.0, marks=pytest.mark.slow),
        pytest.param("dopamine-stdp", LIF(), 1.0, 4.0, marks=pytest.mark.slow),
    ],
)
def test_every_spike_of_ten_thousand_timesteps(rule, neuron, low, high, make_spec, open_network):
    rule = replace(RULES[rule](), learning_rate=0.01)
    spec = make_spec(rule, neuron, low=low, high=high)
    network = open_network(spec, "compiled", SEEDS)
    interpreter = Interpreter(spec, SEEDS, [seed + 100 for seed in SEEDS])
    network.engine.record(["input", "actor"], [], 1)
    interpreter.record(["input", "actor"])
    drive(network, windows=100, steps=100)
    drive(interpreter, windows=100, steps=100)
    found, expected = network.engine.drain(), interpreter.recorded()
    for name in ("input", "actor"):
        spikes = expected[name].reshape(10_000, -1)
        steps, neurons = np.nonzero(spikes)
        assert len(steps) > 1000
        np.testing.assert_array_equal(found[f"{name}.step"], steps)
        np.testing.assert_array_equal(found[f"{name}.neuron"], neurons)
    w = interpreter.weights()["policy"]
    np.testing.assert_allclose(network.weights()["policy"], w, rtol=1e-9)
