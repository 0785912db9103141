"""The network facade: replicas, resets, frozen twin, bounds, heterogeneity, readouts."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from threefactor.models.grid import quantise
from threefactor.models.network import Network
from threefactor.models.neurons import LIF, NEURONS, EscapeLIF, make_neuron
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import (
    NetworkSpec,
    Normal,
    Population,
    Projection,
    Uniform,
    all_to_all,
    dale_bounds,
)
from threefactor.rules import RULES
from threefactor.rules.contract import Rule

SEEDS = (21, 22, 23)
#: rule, neuron
PAIRS = [
    ("reinforce", "escape-lif"), ("rstdp-et", "lif"), ("stdp", "noisy-lif"),
    ("dopamine-stdp", "lif"), ("reinforce-sign", "ising"), ("td-critic", "bernoulli-glm"),
]  # fmt: skip
MODULATED = [pair for pair in PAIRS if RULES[pair[0]].modulated]


@pytest.fixture
def open_pair(make_spec, open_network):
    def build(pair, engine="compiled", seeds=(21,), **options):
        low, high = (-1.0, 1.0) if pair[1] in ("ising", "bernoulli-glm") else (3.0, 9.0)
        spec = make_spec(
            RULES[pair[0]](), NEURONS[pair[1]](), low=low, high=high, w_min=-20.0, w_max=20.0
        )
        return open_network(spec, engine, seeds, **options)

    return build


@pytest.mark.parametrize("pair", PAIRS)
def test_replicas_equal_single_runs_bit_for_bit(pair, open_pair, protocol):
    together = open_pair(pair, seeds=SEEDS)
    counts = protocol.run(together)
    for replica, seed in enumerate(SEEDS):
        alone = open_pair(pair, seeds=(seed,))
        start = alone.weights()["policy"]
        np.testing.assert_array_equal(protocol.run(alone)[:, 0], counts[:, replica])
        weights = alone.weights()["policy"]
        np.testing.assert_array_equal(weights[0], together.weights()["policy"][replica])
        assert not np.array_equal(start, weights)
    assert not np.array_equal(counts[:, 0], counts[:, 1])


def test_third_factors_reach_their_own_replica(open_pair, protocol):
    network = open_pair(("reinforce", "escape-lif"), seeds=SEEDS)
    before = network.weights()["policy"]
    network.advance(300.0, 20)
    network.close_decision()
    network.consolidate(np.array([0.0, 1.0, -2.0]))
    change = network.weights()["policy"] - before
    assert not np.any(change[0])
    assert np.any(change[1])
    assert np.any(change[2])
    np.testing.assert_array_equal(network.engine.array("actor.third_factor")[:4], 0.0)
    np.testing.assert_array_equal(network.engine.array("actor.third_factor")[8:], -2.0)


def test_third_factor_per_neuron(open_pair):
    network = open_pair(("reinforce", "escape-lif"))
    before = network.weights()["policy"]
    network.advance(300.0, 20)
    network.close_decision()
    network.consolidate(np.array([[0.0, 1.0, 0.0, 0.0]]))
    moved = (network.weights()["policy"] != before).reshape(6, 4)
    assert np.any(moved[:, 1])
    assert not np.any(moved[:, [0, 2, 3]])


def state_arrays(network):
    """Every array but indices, clock, and what the next window overwrites."""
    ignored = {
        "i", "N", "t", "dt", "_spikespace", "N_incoming", "N_outgoing", "_synaptic_pre",
        "_synaptic_post", "spike_count", "rates", "lastupdate", "timestep", "sources", "targets",
    }  # fmt: skip
    return {
        name: network.engine.array(name).copy()
        for name in network.engine.arrays()
        if name.split(".")[1] not in ignored
    }


@pytest.mark.parametrize(
    ("pair", "engine"), [*((pair, "compiled") for pair in PAIRS), (PAIRS[0], "runtime-numpy")]
)
def test_start_episode_leaves_only_weights_and_what_the_rule_keeps(
    pair, engine, open_pair, protocol
):
    network = open_pair(pair, engine)
    fresh = state_arrays(network)
    protocol.run(network)
    network.advance(300.0, 7)
    network.start_episode(np.ones(1, bool))
    keeps = {n for n, policy in RULES[pair[0]].resets.items() if policy == "keep"} | {"w"}
    changed = {
        name for name, value in state_arrays(network).items()
        if not np.array_equal(value, fresh[name])
    }  # fmt: skip
    assert "policy.w" in changed
    assert {name.split(".")[1].removeprefix("policy_") for name in changed} <= keeps


def test_start_episode_touches_only_the_marked_replicas(open_pair, protocol):
    network = open_pair(("rstdp-et", "lif"), seeds=SEEDS)
    fresh = network.replicated("actor.v").copy()
    network.advance(150.0, 30)
    before = network.replicated("actor.v").copy()
    eligibility = network.replicated("policy.eligibility").copy()
    network.start_episode(np.array([False, True, False]))
    np.testing.assert_array_equal(network.replicated("actor.v")[1], fresh[1])
    np.testing.assert_array_equal(network.replicated("actor.v")[[0, 2]], before[[0, 2]])
    assert not np.any(network.replicated("policy.eligibility")[1])
    np.testing.assert_array_equal(network.replicated("policy.eligibility")[0], eligibility[0])
    assert np.any(eligibility)


@pytest.mark.parametrize("policy", ["keep", "episode", "decision"])
def test_neurons_reset_when_asked(policy, make_spec, open_network):
    network = open_network(make_spec(RULES["rstdp"](), LIF(), actor={"resets": policy}))
    v = network.engine.array("actor.v")
    rest = v.copy()
    network.advance(400.0, 30)
    assert not np.array_equal(v, rest)
    network.close_decision()
    assert np.array_equal(v, rest) == (policy == "decision")
    network.start_episode(np.ones(1, bool))
    assert np.array_equal(v, rest) == (policy != "keep")


@pytest.mark.parametrize("pair", PAIRS)
def test_frozen_twin_sees_the_same_input_and_never_changes(pair, open_pair, protocol):
    learning, frozen = open_pair(pair), open_pair(pair, is_learning=False)
    start = frozen.weights()["policy"]
    np.testing.assert_array_equal(start, learning.weights()["policy"])
    for network in (learning, frozen):
        network.engine.record(["input"])
        protocol.run(network)
    np.testing.assert_array_equal(frozen.weights()["policy"], start)
    assert not np.array_equal(learning.weights()["policy"], start)
    one, two = (network.engine.drain() for network in (learning, frozen))
    np.testing.assert_array_equal(one["input.neuron"], two["input.neuron"])


@pytest.mark.parametrize("pair", MODULATED)
def test_zero_third_factor_leaves_weights_bitwise(pair, open_pair, protocol):
    network = open_pair(pair)
    start = network.weights()["policy"]
    for _ in range(5):
        network.advance(300.0, 20)
        network.close_decision(np.zeros(1, int))
        network.consolidate(np.zeros(1))
    np.testing.assert_array_equal(network.weights()["policy"], start)


def test_heterogeneous_parameters(make_spec, open_network):
    spec = make_spec(
        None, LIF(), n_outputs=200, actor={"heterogeneity": {"tau_membrane": 0.2, "bias": 0.1}}
    )
    network = open_network(spec, seeds=(1, 2))
    tau = network.replicated("actor.tau_membrane")
    assert tau.shape == (2, 200)
    assert abs(tau.mean() / 0.02 - 1) < 0.05
    assert abs(tau.std() / 0.02 - 0.2) < 0.03
    assert not np.array_equal(tau[0], tau[1])
    assert np.all(network.replicated("actor.bias") == 0)
    np.testing.assert_array_equal(
        open_network(spec, seeds=(2,)).replicated("actor.tau_membrane")[0], tau[1]
    )


def test_heterogeneous_parameters_keep_their_sign(make_spec, open_network):
    spec = make_spec(None, LIF(), n_outputs=300, actor={"heterogeneity": {"tau_membrane": 2.0}})
    network = open_network(spec)
    assert np.min(network.engine.array("actor.tau_membrane")) >= 0.05 * 0.02 * (1 - 1e-12)


def test_heterogeneous_neurons_use_their_own_value(make_spec, open_network):
    """With a drive of 20 mV above rest, v after 10 ms tells each neuron's time constant."""
    spec = make_spec(None, LIF(bias_mv=10.0), actor={"heterogeneity": {"tau_membrane": 0.3}})
    network = open_network(spec)
    network.advance(0.0, 10)
    tau = network.engine.array("actor.tau_membrane")
    expected = -0.07 + 0.01 * (1 - np.exp(-0.01 / tau))
    np.testing.assert_allclose(network.engine.array("actor.v"), expected, rtol=1e-9)


@dataclass(frozen=True)
class Push(Rule):
    """Moves every weight by learning_rate*third_factor."""

    learning_rate: float = 1.0
    consolidate = "w += learning_rate*third_factor"


def test_dale_bounds_hold_while_learning(make_spec, open_network):
    spec = make_spec(Push())
    policy = spec.projections[0]
    signs = np.array([1, -1, 1, -1, 1, 1])
    policy = replace(policy, weights=Uniform(-1.0, 1.0), **dale_bounds(signs, policy.pre, 4.0))
    network = open_network(replace(spec, projections=(policy,)))
    sign = signs[policy.pre]
    weights = network.engine.array("policy.w")
    assert np.all(weights * sign >= 0)
    assert np.any(weights == 0)
    for third_factor in (100.0, -100.0):
        network.consolidate(np.array([third_factor]))
        assert np.all(weights * sign >= 0)
        assert np.all(np.abs(weights) <= 4.0)
        np.testing.assert_array_equal(weights == 0, sign != np.sign(third_factor))


def test_bounds_may_differ_per_synapse_and_replica_blocks_share_them(make_spec, open_network):
    spec = make_spec(Push())
    low, high = np.linspace(-2, -1, 24), np.linspace(1, 2, 24)
    policy = replace(spec.projections[0], weights=Normal(0.0, 0.1), w_min=low, w_max=high)
    network = open_network(replace(spec, projections=(policy,)), seeds=(1, 2))
    network.consolidate(np.array([50.0, -50.0]))
    weights = network.replicated("policy.w")
    np.testing.assert_array_equal(weights[0], high)
    np.testing.assert_array_equal(weights[1], low)


def test_initial_weights_are_the_seeds_own_and_as_specified(make_spec, open_network):
    given = np.linspace(0, 1, 24)
    network = open_network(make_spec(None, weights=given), seeds=(1, 2))
    np.testing.assert_array_equal(network.weights()["policy"], [given, given])
    drawn = open_network(make_spec(None, low=2.0, high=3.0), seeds=(1, 2)).weights()["policy"]
    assert drawn.min() >= 2
    assert drawn.max() <= 3
    assert not np.array_equal(drawn[0], drawn[1])
    clipped = open_network(make_spec(None, low=-5.0, high=30.0)).weights()["policy"]
    assert clipped.min() == 0
    assert clipped.max() == 12


def test_a_new_projection_does_not_shift_other_weights(make_spec, open_network):
    from threefactor.models.specification import Projection, all_to_all

    spec = make_spec(None)
    extra = Projection("extra", "input", "actor", **all_to_all(6, 4), weights=Uniform(2.0, 8.0))
    more = open_network(replace(spec, projections=(extra, *spec.projections))).weights()
    np.testing.assert_array_equal(open_network(spec).weights()["policy"], more["policy"])
    assert not np.array_equal(more["extra"], more["policy"])


def test_first_spikes(make_spec, open_network):
    """10 input spikes in every step: 1 mV each lift v to threshold at known times."""
    spec = make_spec(
        None, LIF(tau_membrane_ms=1e9), actor={"times_first_spike": True},
        weights=np.tile([4.0, 2.0, 1.0, 0.0], 6),
    )  # fmt: skip
    network = open_network(spec)
    network.advance(1e9, 10)
    # 6 inputs: 24, 12 and 6 mV per step; threshold is 16 mV above rest, tested in the next step.
    np.testing.assert_allclose(network.first_spikes_ms(0)[0], [1, 2, 3, np.inf], atol=1e-9)
    start = network.engine.timestep
    network.start_episode(np.ones(1, bool))
    network.advance(0.0, 10)
    np.testing.assert_array_equal(network.first_spikes_ms(start)[0], np.inf)
    start = network.engine.timestep
    network.advance(1e9, 10)
    np.testing.assert_allclose(network.first_spikes_ms(start)[0], [1, 2, 3, np.inf], atol=1e-9)


def test_agreement_of_reinforce_sign(make_spec, open_network):
    """Neurons 0, 1 stand for action 0; agreement is +1 if (fired == belongs), else -1."""
    weights = np.tile([50.0, 0.0, 50.0, 0.0], 6)
    spec = make_spec(RULES["reinforce-sign"](), EscapeLIF(), weights=weights, w_max=60.0)
    network = open_network(spec, seeds=(1, 2))
    seen = []
    run_block = network.engine.run_block
    network.advance(1e9, 5)
    network.engine.run_block = lambda block: (
        seen.append(network.replicated("actor.policy_agreement").copy()), run_block(block)
    )  # fmt: skip
    fired = network.replicated("actor.spike_count") > 0
    np.testing.assert_array_equal(fired, [[True, False, True, False]] * 2)
    network.close_decision(np.array([0, 1]))
    np.testing.assert_array_equal(seen[0], [[1, -1, -1, 1], [-1, 1, 1, -1]])
    assert not np.any(network.replicated("actor.policy_agreement"))


def test_silent_neurons_are_read_by_their_membrane(make_spec, open_network):
    spec = make_spec(None, NEURONS["readout"](tau_membrane_ms=1e9), weights=np.arange(24.0))
    network = open_network(replace(spec, critic="actor"))
    counts = network.advance(1e9, 3)
    v = 3 * np.arange(24.0).reshape(6, 4).clip(max=12.0).sum(axis=0)
    np.testing.assert_allclose(counts[0], v, rtol=1e-6)
    # Neurons 0, 1 and 2, 3 stand for an action each: the larger value, or that of the one taken.
    np.testing.assert_allclose(network.values(), [v[2:].mean()], rtol=1e-6)
    np.testing.assert_allclose(network.values(np.array([0])), [v[:2].mean()], rtol=1e-6)


def test_counts_are_of_one_window(open_pair):
    network = open_pair(("rstdp", "lif"))
    network.engine.record(["actor"])
    for _ in range(3):
        counts = network.advance(400.0, 25)[0].copy()
        neurons = network.engine.drain()["actor.neuron"]
        np.testing.assert_array_equal(counts, np.bincount(neurons, minlength=4))


def test_numbers_of_seeds_must_agree(make_spec):
    with pytest.raises(ValueError, match="zip"):
        Network(make_spec(None), [1, 2], [1], "runtime-numpy")


def test_a_membrane_without_volts_is_refused_where_a_rule_needs_volts():
    populations = (
        Population("input", 2, PoissonInput()), Population("actor", 1, make_neuron("readout")),
    )  # fmt: skip
    projection = Projection(
        "policy", "input", "actor", **all_to_all(2, 1), weights=Uniform(0.0, 1.0),
        rule=RULES["exploratory-hebb"](),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"needs v in volt; that of Readout has unit 1"):
        NetworkSpec(populations, (projection,))


def test_quantising_rounds_each_projection_of_each_replica(make_spec, open_network):
    """The largest weight says how coarse; what the network then does is what the weights do."""
    spec = make_spec(RULES["reinforce"](), NEURONS["escape-lif"](), low=-8.0, high=8.0)
    network, other = (open_network(spec, seeds=SEEDS) for _ in range(2))
    network.replicated("policy.w")[1] *= 100.0
    before = network.weights()["policy"]
    network.quantise(4)
    after = network.weights()["policy"]
    for row, found in zip(before, after, strict=True):
        np.testing.assert_array_equal(found, quantise(row, 4))
        assert len(np.unique(found)) <= 15
    assert after[1].max() > 10 * after[0].max()
    other.load({"policy.w": after})
    told = np.full((len(SEEDS), network.n_inputs), 300.0)
    np.testing.assert_array_equal(network.advance(told, 200), other.advance(told, 200))
    with pytest.raises(ValueError, match="expected 2 to 32"):
        network.quantise(1)
