"""What neurons send to others without spikes, against the equations in NumPy."""

from dataclasses import replace

import numpy as np
import pytest

from threefactor.models.interpreter import Interpreter
from threefactor.models.network import Network
from threefactor.models.neurons import make_neuron
from threefactor.models.neurons.contract import AnalogInput, PoissonInput
from threefactor.models.neurons.td_error import TDError
from threefactor.models.specification import (
    Modulation,
    NetworkSpec,
    Population,
    Projection,
    Uniform,
    all_to_all,
)
from threefactor.rules import RULES

N_INPUTS, N_CRITICS = 6, 4
TD = TDError(tau_decay_ms=40.0, tau_rise_ms=10.0, tau_reward_ms=200.0)
ENGINES = ("runtime-numpy", "compiled")


def critic_spec(**changes):
    """Return inputs -> plastic critic -> TD error -> the critic's third factor."""
    settings = {
        "name": "delta", "source": "td", "target": "critic", "variable": "td_error",
        **all_to_all(1, N_CRITICS),
    }  # fmt: skip
    return NetworkSpec(
        (
            Population("input", N_INPUTS, PoissonInput()),
            Population("critic", N_CRITICS, make_neuron("srm0", v_threshold_mv=4.0)),
            Population("td", 1, TD),
        ),
        (
            Projection(
                "value", "input", "critic", **all_to_all(N_INPUTS, N_CRITICS),
                weights=Uniform(1.0, 3.0), w_min=0.0, w_max=6.0,
                rule=RULES["td-ltp-continuous"](learning_rate=1e-5),
            ),
            Projection(
                "to_td", "critic", "td", **all_to_all(N_CRITICS, 1),
                weights=np.full(N_CRITICS, 1 / N_CRITICS),
            ),
        ),
        output="critic",
        modulations=(Modulation(**{**settings, **changes}),),
    )  # fmt: skip


def run(engine, seeds=(0,), **changes):
    """Return spikes of critics, TD errors, third factors, weights of 400 timesteps."""
    network = Network(critic_spec(**changes), seeds, seeds, engine)
    network.engine.record(["critic"], [("td.td_error", 0), ("critic.third_factor", 1)], 1)
    network.replicated("td.reward")[:] = 0.5
    network.advance(np.full((len(seeds), N_INPUTS), 300.0), 400)
    recorded, weights = network.engine.drain(), network.weights()["value"]
    network.close()
    return recorded, weights


@pytest.mark.parametrize("engine", ENGINES)
def test_td_error_of_neurons_follows_its_equations(engine):
    recorded, weights = run(engine)
    steps = recorded["critic.step"]
    counts = np.bincount(steps, minlength=400) / N_CRITICS
    assert counts.sum() > 10
    slow = fast = 0.0
    expected = []
    for step in range(400):
        slow, fast = slow * np.exp(-1 / 40), fast * np.exp(-1 / 10)
        value = 2.0 * (slow - fast) / 0.030 - 40.0
        slope = 2.0 * (fast / 0.010 - slow / 0.040) / 0.030
        expected.append(slope - value / 0.200 + 0.5)
        slow, fast = slow + counts[step], fast + counts[step]
    np.testing.assert_allclose(recorded["probes.values"][:, 0], expected, rtol=1e-9)
    np.testing.assert_array_equal(*recorded["probes.values"].T)
    assert np.ptp(weights) > 0


def test_end_and_silence_of_the_td_error():
    """What it adds up to over the last timestep is reward less value; it is 0 for 20 ms."""
    spec = critic_spec()
    td = replace(spec.population("td"), neuron=replace(TD, silent_ms=20.0))
    network = Network(replace(spec, populations=(*spec.populations[:2], td)), [0], [0])
    network.engine.record([], [("td.td_error", 0)], 1)
    network.advance(np.full((1, N_INPUTS), 300.0), 60)
    network.reinforce(np.array([3.0]), np.array([True]))
    value = network.replicated("td.value")[0, 0]
    network.advance(np.full((1, N_INPUTS), 300.0), 10)
    errors = network.engine.drain()["probes.values"][:, 0]
    assert not errors[:20].any()
    assert errors[20:].all()
    assert value > TD.value_offset
    assert errors[60] * 1e-3 == pytest.approx(3.0 - value, rel=1e-12)
    assert errors[61] < 1000.0
    network.close()


def test_engines_agree_bit_for_bit():
    (first, w_first), (second, w_second) = (run(engine) for engine in ENGINES)
    np.testing.assert_array_equal(first["critic.step"], second["critic.step"])
    np.testing.assert_array_equal(w_first, w_second)


def test_replicas_are_modulated_by_their_own_neurons():
    _, weights = run("compiled", seeds=(3, 4))
    for row, seed in zip(weights, (3, 4), strict=True):
        np.testing.assert_array_equal(row, run("compiled", seeds=(seed,))[1][0])


def test_signed_weights_give_each_neuron_its_own_third_factor():
    signs = np.array([1.0, -2.0, 0.5, 0.0])
    recorded, _ = run("compiled", weights=signs)
    error, second_neuron = recorded["probes.values"].T
    np.testing.assert_array_equal(second_neuron, -2.0 * error)


def test_host_does_not_overwrite_what_neurons_deliver():
    network = Network(critic_spec(), [0], [0], "runtime-numpy")
    network.advance(np.full((1, N_INPUTS), 300.0), 50)
    before = network.replicated("critic.third_factor").copy()
    network.consolidate(np.array([7.0]))
    np.testing.assert_array_equal(network.replicated("critic.third_factor"), before)
    network.close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variable": "td_eror"}, "no dimensionless variable 'td_eror'"),
        ({"into": "value.score"}, "rules there have: third_factor"),
        ({"weights": np.ones(3)}, "one number or one for each of the 4 links"),
        ({"source": "dt"}, "Unknown population 'dt'"),
        ({"post": np.array([0, 1, 2, 4])}, "must index 0 to 3"),
        ({"target": "td", "post": np.zeros(4, int)}, "no plastic projection ends there"),
    ],
)
def test_impossible_modulations_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        critic_spec(**changes)


def test_a_rule_that_waits_for_the_host_is_refused():
    spec = critic_spec()
    value = replace(spec.projections[0], rule=RULES["dopamine-stdp"]())
    with pytest.raises(ValueError, match="'delta': DopamineSTDP at 'value' waits for deliveries"):
        replace(spec, projections=(value, spec.projections[1]))


def test_one_destination_has_one_source():
    spec = critic_spec()
    twin = replace(spec.modulations[0], name="twin")
    with pytest.raises(ValueError, match="has two sources"):
        replace(spec, modulations=(*spec.modulations, twin))


def driven_spec(**changes):
    """Return numbers that drive two discrete neurons, which read a third one's membrane."""
    settings = {
        "name": "feed", "source": "input", "target": "layer1", "variable": "currents",
        **all_to_all(3, 2), "weights": np.arange(6) / 4, "into": "drive",
    }  # fmt: skip
    neuron = make_neuron("lif-discrete", v_threshold=2.0)
    return NetworkSpec(
        (
            Population("input", 3, AnalogInput()),
            Population("layer1", 2, neuron),
            Population("layer2", 1, neuron),
        ),
        (),
        output="layer2",
        modulations=(
            Modulation(**{**settings, **changes}),
            Modulation("graded", "layer1", "layer2", "v", **all_to_all(2, 1), into="drive"),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
def test_neurons_integrate_a_drive_in_the_timestep_that_it_is_told(engine, open_network):
    network = open_network(driven_spec(), engine, (0, 1))
    network.engine.record([], [("layer1.v", k) for k in range(4)] + [("layer2.v", 0)], 1)
    told = np.array([[1.0, 0.0, -1.0], [0.0, 0.5, 0.0]])
    network.advance(told, 3)
    drive = told @ (np.arange(6) / 4).reshape(3, 2)
    values = network.engine.drain()["probes.values"]
    np.testing.assert_array_equal(values[0, :4], drive.ravel())
    np.testing.assert_array_equal(values[1, :4], 2 * drive.ravel())
    # What it reads of neurons is what the timestep before has left.
    np.testing.assert_array_equal(values[:2, 4], [0.0, drive[0].sum()])


def test_interpreter_and_engine_draw_and_integrate_the_same_drive(open_network):
    spec = driven_spec(weights=Uniform(-1.0, 1.0))
    network, interpreter = (
        open_network(spec, "compiled", (3, 4)),
        Interpreter(spec, (3, 4), (103, 104)),
    )
    np.testing.assert_array_equal(
        network.replicated("feed.weight"), interpreter.array("feed.weight")
    )
    assert np.ptp(network.replicated("feed.weight"), axis=0).all()
    told = np.random.default_rng(0).normal(size=(20, 2, 3))
    for window in told:
        network.advance(window, 5)
        interpreter.advance(window, 5)
        for name in ("layer1.v", "layer2.v", "layer2.drive", "layer2.spike_count"):
            np.testing.assert_array_equal(network.replicated(name), interpreter.array(name), name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"into": "v"}, "cannot write 'v' at 'layer1'; .* of its own DiscreteLIF has: drive"),
        ({"into": "arriving"}, "of its own DiscreteLIF has: drive"),
        ({"source": "layer2", "variable": "drive", **all_to_all(1, 2), "weights": 1.0},
         "'drive' of 'layer2' is written by a modulation itself"),
    ],
)  # fmt: skip
def test_drives_that_something_else_writes_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        driven_spec(**changes)
