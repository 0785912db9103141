"""The architectures: sizes, wiring, bounds, learning rates, errors."""

from dataclasses import fields, replace

import numpy as np
import pytest

from threefactor.models import MODELS, Parts
from threefactor.models.neurons import LIF, NEURONS, EscapeLIF
from threefactor.rules import RULES

PARTS = Parts(
    n_inputs=5, n_actions=3, neuron=EscapeLIF(), critic_neuron=EscapeLIF(bias_mv=1.0),
    rule=RULES["reinforce"](learning_rate=0.5), critic_rule=RULES["td-critic"](),
)  # fmt: skip
CLOCKED = RULES["td-ltp-continuous"](learning_rate=0.01)
#: Lets weights move at once, and without a reward.
OPTIONS = {"td-actor-critic": {"silent_ms": 0.0, "value_offset": 1.0}}


def build(name, parts=PARTS, **options):
    model = MODELS[name](neurons_per_action=2, **{**OPTIONS.get(name, {}), **options})
    if model.needs_weight_clock:
        clocked = replace(CLOCKED, weight_period_ms=parts.timestep_ms)
        parts = replace(parts, rule=clocked, critic_rule=clocked)
    return model.build(parts)


def projection(spec, name):
    return next(p for p in spec.projections if p.name == name)


@pytest.mark.parametrize("name", MODELS)
def test_output_neurons_stand_action_by_action(name):
    spec = build(name)
    actor = spec.population(spec.output)
    assert actor.size == 6
    np.testing.assert_array_equal(actor.modules, [0, 0, 1, 1, 2, 2])
    assert spec.population(spec.input).size == 5
    assert actor.neuron == PARTS.neuron


@pytest.mark.parametrize("name", MODELS)
def test_network_runs_learns_and_repeats_itself(name, open_network, protocol):
    weights = []
    for _ in range(2):
        spec = build(name, w_init_low=4.0, w_init_high=8.0, lateral_weight=-1.0)
        network = open_network(spec, "compiled")
        start = network.weights()["policy"]
        assert protocol.run(network).shape == (6, 1, 6)
        weights.append(network.weights())
        assert not np.array_equal(weights[-1]["policy"], start)
    for projection_name, values in weights[0].items():
        np.testing.assert_array_equal(values, weights[1][projection_name])
        assert np.all(np.isfinite(values))


@pytest.mark.parametrize("name", MODELS)
def test_options_reach_the_network(name):
    spec = build(
        name, resets="decision", heterogeneous=("tau_membrane",), heterogeneity=0.3,
        w_init_low=1.0, w_init_high=1.5, w_max=2.0,
    )  # fmt: skip
    assert spec.population("actor").resets == "decision"
    assert spec.population("actor").heterogeneity == {"tau_membrane": 0.3}
    policy = projection(spec, "policy")
    assert (policy.weights.low, policy.weights.high) == (1.0, 1.5)
    assert np.max(policy.w_max) == 2.0
    assert np.min(policy.w_min) == (-2.0 if name == "recurrent" else 0.0)
    timed = build(name, replace(PARTS, times_first_spike=True, timestep_ms=0.5))
    assert timed.timestep_ms == 0.5
    assert timed.population("actor").times_first_spike
    assert sum(p.times_first_spike for p in timed.populations) == 1


@pytest.mark.parametrize("name", MODELS)
def test_lateral_inhibition_joins_different_actions_only(name):
    assert not [p for p in build(name).projections if p.name == "lateral"]
    lateral = projection(build(name, lateral_weight=-3.0), "lateral")
    modules = np.arange(6) // 2
    assert np.all(modules[lateral.pre] != modules[lateral.post])
    assert lateral.n_synapses == 6 * 4
    assert np.all(lateral.weights == -3.0)
    assert lateral.rule is None


@pytest.mark.parametrize("name", ["feed-forward", "actor-critic", "layered"])
def test_inhibitory_fraction_obeys_dale(name, open_network):
    network = open_network(
        build(name, inhibitory_fraction=0.4, w_init_low=1.0, w_init_high=3.0, w_max=5.0)
    )
    spec = network.spec
    first = spec.projections[0]
    n_source = spec.population(first.source).size
    is_inhibitory = first.pre < round(0.4 * n_source)
    weights = network.weights()[first.name][0]
    assert is_inhibitory.any()
    np.testing.assert_array_equal(np.sign(weights), np.where(is_inhibitory, -1, 1))
    np.testing.assert_array_equal(first.w_max, np.where(is_inhibitory, 0.0, 5.0))
    np.testing.assert_array_equal(first.w_min, np.where(is_inhibitory, -5.0, 0.0))


@pytest.mark.parametrize("name", MODELS)
def test_ring_excites_neighbours_and_inhibits_the_rest(name):
    ring = projection(
        build(name, ring_excitation=90.0, ring_inhibition=-60.0, ring_sharpness=2.0), "ring"
    )
    assert np.all(ring.pre != ring.post)
    weights = np.full((6, 6), np.nan)
    weights[ring.pre, ring.post] = ring.weights
    nearness = np.exp(2.0 * np.cos(2 * np.pi * np.arange(6) / 6))
    expected = -10.0 + 90.0 * nearness / nearness.sum()
    for neuron in range(6):
        around = np.roll(weights[neuron], -neuron)
        np.testing.assert_allclose(around[1:], expected[1:], rtol=1e-12)
    assert expected[1] > 0 > expected[2]
    assert ring.rule is None


def test_ring_gathers_spikes_on_one_side(open_network):
    """A bump: the same even input, with and without lateral weights."""
    lengths = []
    ring = {"ring_excitation": 60.0, "ring_inhibition": -90.0}
    parts = replace(PARTS, n_actions=30)
    for lateral in ({}, ring):
        spec = build("feed-forward", parts, w_init_low=4.0, w_init_high=4.0, **lateral)
        network = open_network(spec, "runtime-numpy", seeds=(1, 2, 3, 4))
        counts = network.advance(np.full((4, 5), 60.0), 200)
        directions = np.exp(2j * np.pi * np.arange(60) / 60)
        lengths.append(np.mean(np.abs(counts @ directions) / counts.sum(axis=1)))
    assert lengths[1] > 3 * lengths[0]


def test_feed_forward_is_one_full_layer():
    spec = build("feed-forward")
    (policy,) = spec.projections
    assert (policy.source, policy.target, policy.rule) == ("input", "actor", PARTS.rule)
    assert set(zip(policy.pre, policy.post, strict=True)) == {
        (i, j) for i in range(5) for j in range(6)
    }


def test_actor_critic_has_a_critic_with_its_own_rule_neuron_and_bounds():
    spec = build("actor-critic", critic_neurons=4, critic_w_init=1.0, critic_w_min=-1.0)
    assert spec.critic == "critic"
    assert spec.population("critic").neuron == PARTS.critic_neuron
    value = projection(spec, "value")
    assert value.n_synapses == 20
    assert value.rule == PARTS.critic_rule
    assert (value.w_min, value.w_max, value.weights.low) == (-1.0, 8.0, 1.0)
    assert projection(spec, "policy").rule == PARTS.rule


def test_td_neuron_hears_the_critic_and_speaks_to_both():
    spec = build("td-actor-critic", critic_neurons=4, tau_reward_ms=500.0, silent_ms=7.0)
    assert spec.critic == "td"
    td = spec.population("td").neuron
    assert (td.tau_reward_ms, td.silent_ms, td.value_gain) == (500.0, 7.0, 0.05)
    readout = projection(spec, "readout")
    np.testing.assert_array_equal(readout.weights, np.full(4, 0.25))
    targets = {m.target: (m.source, m.variable, len(m.post)) for m in spec.modulations}
    assert targets == {"critic": ("td", "td_error", 4), "actor": ("td", "td_error", 6)}


def test_opponents_are_half_of_the_critic():
    critic = build("actor-critic", critic_neurons=6, has_opponents=True).population("critic")
    np.testing.assert_array_equal(critic.valence, [1, 1, 1, -1, -1, -1])
    assert build("actor-critic").population("critic").valence is None
    with pytest.raises(ValueError, match="critic_neurons must be even to have opponents, got 5"):
        build("actor-critic", critic_neurons=5, has_opponents=True)
    with pytest.raises(ValueError, match="is_divisive divides by opponents; set has_opponents"):
        build("actor-critic", is_divisive=True)
    assert (
        build("actor-critic", has_opponents=True, is_divisive=True).population("critic").is_divisive
    )


@pytest.mark.parametrize("is_modular", [False, True])
def test_layered_wiring(is_modular):
    """2 sub-networks; each has 4 hidden neurons, or 4 for each of 3 actions."""
    spec = build("layered", hidden_neurons=4, is_modular=is_modular)
    hidden = spec.population("hidden")
    assert hidden.size == (24 if is_modular else 8)
    features, policy = projection(spec, "features"), projection(spec, "policy")
    assert features.n_synapses == 5 * hidden.size
    assert policy.n_synapses == 24
    action, owner = policy.post // 2, policy.post % 2
    if is_modular:
        np.testing.assert_array_equal(hidden.modules[policy.pre], action)
        assert np.all(np.bincount(policy.pre) == 1)
    else:
        assert hidden.modules is None
        assert np.all(np.bincount(policy.pre) == 3)
    np.testing.assert_array_equal(policy.pre // (hidden.size // 2), owner)
    assert np.all(np.bincount(policy.post) == 4)


def test_layered_hidden_layer_learns_slower():
    spec = build("layered", hidden_rate_scale=0.1)
    assert projection(spec, "features").rule.learning_rate == pytest.approx(0.05)
    assert projection(spec, "policy").rule == PARTS.rule


def test_recurrent_wiring():
    spec = build("recurrent", recurrent_neurons=60, recurrent_weight=0.5, balance=4.0)
    recurrence = projection(spec, "recurrence")
    assert np.all(recurrence.pre != recurrence.post)
    assert abs(recurrence.n_synapses / (60 * 59) - 0.1) < 0.03
    is_inhibitory = recurrence.pre < 12
    assert np.all(recurrence.weights[is_inhibitory] <= 0)
    assert np.all(recurrence.weights[~is_inhibitory] >= 0)
    assert np.mean(recurrence.weights[~is_inhibitory]) == pytest.approx(0.5, abs=0.1)
    assert np.mean(recurrence.weights[is_inhibitory]) == pytest.approx(-2.0, abs=0.4)
    np.testing.assert_array_equal(recurrence.w_max <= 0, is_inhibitory)
    np.testing.assert_array_equal(recurrence.w_min >= 0, ~is_inhibitory)
    assert recurrence.rule is None
    assert projection(spec, "feed").n_synapses == 300
    other = projection(build("recurrent", recurrent_neurons=60, wiring_seed=1), "recurrence")
    assert not np.array_equal(other.pre, recurrence.pre)


def test_every_recurrent_neuron_keeps_one_sign_onto_all_targets(open_network):
    """Dale's law: an inhibitory neuron is so in the recurrence and towards the actor."""
    network = open_network(build("recurrent", recurrent_neurons=30, connection_probability=0.3))
    network.consolidate(np.array([1.0]))
    weights = network.weights()
    for name in ("recurrence", "policy"):
        pre = projection(network.spec, name).pre
        np.testing.assert_array_equal(weights[name][0] < 0, pre < 6, err_msg=name)


def test_recurrent_synapses_may_learn():
    recurrence = projection(build("recurrent", recurrent_rate_scale=0.5), "recurrence")
    assert recurrence.rule.learning_rate == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"neurons_per_action": 0}, "neurons_per_action must be >= 1, got 0"),
        ({"w_init_low": 9.0}, "expected w_min <= w_init_low <= w_init_high <= w_max"),
        ({"lateral_weight": 1.0}, "lateral_weight is inhibition and must be <= 0, got 1.0"),
        ({"ring_inhibition": 1.0}, "expected ring_excitation >= 0, ring_inhibition <= 0"),
        ({"inhibitory_fraction": 1.0}, r"inhibitory_fraction must be in \[0, 1\), got 1.0"),
        ({"resets": "never"}, "resets must be one of .*, got 'never'"),
    ],
)
@pytest.mark.parametrize("name", MODELS)
def test_impossible_numbers_are_named(name, options, message):
    with pytest.raises(ValueError, match=f"{MODELS[name].__name__}.*{message}"):
        MODELS[name](**options)


def test_recurrent_without_connections_is_an_error():
    with pytest.raises(ValueError, match="no pair connected at probability 0.0 among 100"):
        build("recurrent", connection_probability=0.0)


def test_neuron_without_ports_cannot_be_wired():
    with pytest.raises(ValueError, match="PoissonInput has no port"):
        build("feed-forward", replace(PARTS, neuron=NEURONS["poisson"]()))


def test_rule_that_needs_what_the_neuron_lacks_is_an_error():
    with pytest.raises(ValueError, match=r"'policy': Reinforce needs .*'score'.*LIF exposes"):
        build("feed-forward", replace(PARTS, neuron=LIF()))


@pytest.mark.parametrize("name", MODELS)
def test_docstring_names_every_field(name):
    cls = MODELS[name]
    text = "\n".join(base.__doc__ or "" for base in cls.__mro__)
    for field in fields(cls):
        assert field.name in text
