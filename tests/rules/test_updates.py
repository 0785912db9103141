"""Soft bounds, Adam and fixed input sums: against own loops, and the same in a network."""

import numpy as np
import pytest

from threefactor.models.neurons import AdaptiveLIF
from threefactor.rules import RULES
from threefactor.rules.interpreter import Activity, Schedule, Wiring, interpret
from threefactor.rules.updates import (
    Adam,
    SoftBounds,
    WeightUpdate,
    moves_within_windows,
    normalise_incoming,
)


@pytest.fixture
def spikes():
    rng = np.random.default_rng(1)
    return Activity(rng.random((80, 3)) < 0.3, rng.random((80, 2)) < 0.3)


PRE, POST = np.divmod(np.arange(6), 2)
SCHEDULE = Schedule(np.arange(20, 81, 20), np.array([1.0, -2.0, 0.5, 1.0]))


def changes_of(rule, activity, number):
    """The change that the rule alone proposes at one decision."""
    factors = np.where(np.arange(4) == number, SCHEDULE.third_factors, 0.0)
    return interpret(
        rule, activity, Wiring(PRE, POST, 0.0), Schedule(SCHEDULE.decision_ends, factors)
    ).w


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_soft_bounds_scale_each_change_by_the_room_left(exponent, spikes):
    rule, low, high = RULES["rstdp"](learning_rate=0.05), -1.0, 2.0
    wiring = Wiring(PRE, POST, 0.3, low, high, SoftBounds(exponent))
    expected = np.full(6, 0.3)
    for number in range(4):
        change = changes_of(rule, spikes, number)
        room = np.where(change > 0, high - expected, expected - low) / (high - low)
        expected = np.clip(expected + change * room**exponent, low, high)
    np.testing.assert_allclose(interpret(rule, spikes, wiring, SCHEDULE).w, expected, rtol=1e-12)


def test_soft_bounds_hold_for_rules_that_move_weights_at_spikes(spikes):
    rule = RULES["stdp"](learning_rate=0.3)
    w = interpret(rule, spikes, Wiring(PRE, POST, 0.5, 0.0, 1.0, SoftBounds())).w
    assert np.all((w > 0) & (w < 1))
    hard = interpret(rule, spikes, Wiring(PRE, POST, 0.5, 0.0, 1.0)).w
    assert np.any((hard == 0) | (hard == 1))


def test_adam_against_a_loop(spikes):
    rule, expected = RULES["rstdp"](learning_rate=0.05), np.full(6, 0.3)
    first, second = np.zeros(6), np.zeros(6)
    for number in range(4):
        change = changes_of(rule, spikes, number)
        first = 0.9 * first + 0.1 * change
        second = 0.99 * second + 0.01 * change**2
        step = first / (1 - 0.9 ** (number + 1))
        expected += 0.02 * step / (np.sqrt(second / (1 - 0.99 ** (number + 1))) + 1e-8)
    wiring = Wiring(PRE, POST, 0.3, update=Adam(step_size=0.02, second_decay=0.99))
    np.testing.assert_allclose(interpret(rule, spikes, wiring, SCHEDULE).w, expected, rtol=1e-12)


def test_incoming_sums(spikes):
    wiring = Wiring(PRE, POST, np.linspace(0.1, 0.6, 6), incoming_sum=7.8)
    rule = RULES["rstdp"](learning_rate=0.01)
    w = interpret(rule, spikes, wiring, SCHEDULE).w
    np.testing.assert_allclose([w[POST == 0].sum(), w[POST == 1].sum()], 7.8, rtol=1e-14)
    silent = np.zeros((2, 6))
    normalise_incoming(silent, POST, 2, 3.0)
    assert not silent.any()
    balanced = np.array([1.0, 2.0, -1.0, 0.0, 0.0, 1.0])  # sums 0 and 3
    normalise_incoming(balanced, POST, 2, 6.0)
    np.testing.assert_array_equal(balanced, [1.0, 4.0, -1.0, 0.0, 0.0, 2.0])
    single = np.array([1.0, 0.0, 0.0, 0.5, 0.0, 0.0])  # sums 1 and 0.5
    normalise_incoming(single, POST, 2, 3.0)
    np.testing.assert_array_equal(single, [3.0, 0.0, 0.0, 3.0, 0.0, 0.0])


@pytest.mark.parametrize("shape", [(6,), (2, 6), (1, 3, 6)])
def test_incoming_sums_of_any_number_of_replicas(shape):
    w = np.random.default_rng(0).uniform(0.1, 1.0, shape)
    shares = w.copy()
    normalise_incoming(w, POST, 2, 3.0)
    for neuron in range(2):
        mine = shares[..., POST == neuron]
        expected = 3.0 * mine / mine.sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(w[..., POST == neuron], expected, rtol=1e-14)


def test_a_negative_memory_is_refused():
    with pytest.raises(ValueError, match=r"Adam.first_decay must be in \[0, 1\]"):
        Adam(first_decay=-0.1)


@pytest.mark.parametrize("update", [WeightUpdate(), SoftBounds(0.5), Adam()])
def test_networks_apply_the_update_to_the_proposed_change(update, make_spec, open_network):
    rule = RULES["eprop"](learning_rate=1e-3)
    network = open_network(make_spec(rule, AdaptiveLIF(), update=update), seeds=(11, 12))
    everyone, w = np.ones(2, bool), network.weights()["policy"]
    first, second = np.zeros_like(w), np.zeros_like(w)
    for number in range(1, 4):
        network.advance(np.full(6, 300.0), 20)
        network.close_decision()
        network.consolidate(np.array([1.0, -1.0]))
        change = 1e-3 * network.replicated("policy.gradient")
        network.start_episode(everyone)
        if isinstance(update, SoftBounds):
            change = change * (np.where(change > 0, 12.0 - w, w) / 12.0) ** 0.5
        elif isinstance(update, Adam):
            first, second = 0.9 * first + 0.1 * change, 0.999 * second + 0.001 * change**2
            root = np.sqrt(second / (1 - 0.999**number)) + 1e-8
            change = 1e-3 * first / (1 - 0.9**number) / root
        w = np.clip(w + change, 0.0, 12.0)
        np.testing.assert_allclose(network.weights()["policy"], w, rtol=1e-10)


def test_networks_keep_incoming_sums(make_spec, open_network):
    network = open_network(make_spec(RULES["stdp"](), incoming_sum=20.0), seeds=(11, 12))
    network.advance(np.full(6, 300.0), 20)
    network.close_decision()
    network.consolidate(np.zeros(2))
    sums = network.weights()["policy"].reshape(2, 6, 4).sum(axis=1)
    np.testing.assert_allclose(sums, 20.0, rtol=1e-12)


def test_a_second_modulator_is_written_by_name(make_spec, open_network):
    rule = RULES["eprop-reward"](learning_rate=1e-3)
    network = open_network(make_spec(rule, AdaptiveLIF()), seeds=(11, 12))
    signals = np.array([[1.0, -1.0, 0.0, 2.0], [0.5, 0.0, 1.0, 1.0]])
    network.advance(np.full(6, 300.0), 20)
    window = network.replicated("policy.window_sum").reshape(2, 6, 4).copy()
    network.write("learning_signal", signals)
    network.close_decision()
    trace = network.replicated("policy.trace").reshape(2, 6, 4)
    np.testing.assert_allclose(trace, signals[:, None, :] * window, rtol=1e-12)
    with pytest.raises(
        ValueError,
        match="no rule waits for the signal 'attention'; rules wait for: learning_signal",
    ):
        network.write("attention", signals)


def drive(network, windows=4, steps=20):
    """Run windows with third factors; give the weights after each, and the spikes of all."""
    network.engine.record(["input", "actor"])
    begin, history = network.engine.timestep, []
    for third_factor in SCHEDULE.third_factors[:windows]:
        network.advance(np.full(6, 300.0), steps)
        history.append(network.weights()["policy"])
        network.close_decision()
        network.consolidate(np.full(network.replicas, third_factor))
        history.append(network.weights()["policy"])
    data, trains = network.engine.drain(), []
    for name, size in (("input", 6), ("actor", 4)):
        spikes = np.zeros((windows * steps, size), bool)
        mine = data[f"{name}.neuron"] < size
        spikes[data[f"{name}.step"][mine] - begin, data[f"{name}.neuron"][mine]] = True
        trains.append(spikes)
    return np.array(history), Activity(*trains)


#: A weight clock of its own, weights that move at spikes, consolidation by the host.
MOVERS = {
    "dopamine-stdp": {"learning_rate": 0.5}, "stdp": {"learning_rate": 0.05},
    "rstdp": {"learning_rate": 0.05},
}  # fmt: skip


@pytest.mark.parametrize("engine", ["compiled", "runtime-numpy"])
@pytest.mark.parametrize("name", MOVERS)
def test_columns_stay_normalised_wherever_weights_move(name, engine, make_spec, open_network):
    rule = RULES[name](**MOVERS[name])
    network = open_network(make_spec(rule, incoming_sum=36.0), engine, seeds=(11, 12))
    start = network.weights()["policy"]
    history, activity = drive(network)
    for w in (start, *history):
        np.testing.assert_allclose(w.reshape(2, 6, 4).sum(axis=1), 36.0, rtol=1e-12)
    within = np.abs(history[0] - start).max()
    assert (within > 1e-4) == (name != "rstdp")
    wiring = Wiring(*np.divmod(np.arange(24), 4), start[0], 0.0, 12.0, incoming_sum=36.0)
    w = interpret(rule, activity, wiring, SCHEDULE).w
    np.testing.assert_allclose(history[-1][0], w, rtol=1e-10)
    assert np.abs(w - start[0]).max() > 0.1


def test_a_frozen_network_has_the_same_columns_and_keeps_them(make_spec, open_network):
    spec = make_spec(RULES["stdp"](learning_rate=0.5), incoming_sum=36.0)
    network = open_network(spec, is_learning=False)
    start = network.weights()["policy"]
    np.testing.assert_array_equal(start, open_network(spec).weights()["policy"])
    history, _ = drive(network)
    np.testing.assert_array_equal(history[-1], start)


@pytest.mark.parametrize("name", ["stdp", "dopamine-stdp"])
def test_a_network_that_is_frozen_later_has_no_momentum_left(name, make_spec, open_network):
    spec = make_spec(RULES[name](**MOVERS[name]), update=Adam(step_size=0.05))
    network = open_network(spec)
    history, _ = drive(network)
    assert np.abs(history[-1] - history[0]).max() > 0.05
    network.freeze()
    np.testing.assert_array_equal(drive(network)[0][-1], history[-1])


def test_bounds_are_stronger_than_sums(make_spec, open_network):
    weights = np.where(np.arange(24) < 4, 12.0, 1.0)  # scaled, the first input would pass 12
    spec = make_spec(RULES["rstdp"](), weights=weights, incoming_sum=40.0)
    w = open_network(spec).weights()["policy"].reshape(6, 4)
    np.testing.assert_array_equal(w[0], 12.0)
    np.testing.assert_allclose(w[1:], 40.0 / 17.0, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"incoming_sum": 0.0}, "must be finite and not 0, got 0.0"),
        ({"incoming_sum": np.inf}, "must be finite and not 0, got inf"),
        ({"incoming_sum": 80.0}, "add up to, 0 to 72, got 80.0"),
        ({"incoming_sum": 5.0, "w_min": 1.0}, "add up to, 6 to 72, got 5.0"),
        ({"incoming_sum": -5.0}, "needs weights of its own sign"),
        ({"incoming_sum": 5.0, "w_min": -1.0}, "needs weights of its own sign"),
        ({"update": SoftBounds(), "w_max": np.inf}, "SoftBounds needs finite bounds"),
        ({"update": SoftBounds(), "w_min": 12.0}, "SoftBounds needs finite bounds"),
    ],
)
def test_sums_and_bounds_that_cannot_be(options, message, make_spec):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        make_spec(RULES["rstdp"](), **options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (SoftBounds, {"exponent": -1.0}, "SoftBounds.exponent must be >= 0"),
        (SoftBounds, {"exponent": np.nan}, "SoftBounds.exponent must be a finite"),
        (Adam, {"step_size": -1.0}, "Adam.step_size must be >= 0"),
        (Adam, {"epsilon": 0.0}, "Adam.epsilon must be > 0"),
        (Adam, {"second_decay": 1.0}, "Adam.second_decay must be < 1"),
    ],
)
def test_updates_check_their_numbers(kind, options, message):
    with pytest.raises(ValueError, match=message):
        kind(**options)


def test_what_an_update_allows(make_spec):
    make_spec(RULES["rstdp"](), update=Adam(step_size=0.0), w_max=np.inf)
    assert SoftBounds() == SoftBounds(exponent=1.0)


def test_rules_that_move_weights_within_windows():
    moving = {name for name, rule in RULES.items() if moves_within_windows(rule())}
    assert {"stdp", "stdp-voltage", "dopamine-stdp"} <= moving
    assert not moving & {"rstdp", "rstdp-et", "reinforce", "eprop", "td-critic"}
