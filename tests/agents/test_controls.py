"""Controls: what each keeps of the third factor and what it destroys."""

import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest

from threefactor.agents.plastic.controls import (
    Permuted,
    Shuffled,
    Untouched,
    Zero,
    _others,
    bind_control,
    permutable,
)
from threefactor.experiments.configuration import CONTROLS
from threefactor.models.neurons import NEURONS
from threefactor.rules import RULES, Rule
from threefactor.rules.modulators import ThirdFactor
from threefactor.rules.updates import Adam

EVERYONE = np.ones(2, bool)
EscapeLIF, Reinforce = NEURONS["escape-lif"], RULES["reinforce"]
REINFORCE, DopamineSTDP, STDP = Reinforce(), RULES["dopamine-stdp"], RULES["stdp"]


@dataclass(frozen=True)
class NoEligibility(Rule):
    """Third factor alone."""

    consolidate = "w += learning_rate*third_factor"


@dataclass(frozen=True)
class Abbreviated(Rule):
    """Eligibility as a difference, by way of a name of its own."""

    equations = """rise : 1
    fall : 1
    count : 1
    spare : 1
    unread = 2*spare : 1
    half = difference/2 : 1
    difference = rise - fall : 1"""
    on_pre = """rise += 1
    spare += 1"""
    on_post = "fall += 1"
    consolidate = """count += 1
    w += learning_rate*third_factor*half"""


def run(control, factors, active=EVERYONE):
    return np.array([control(factor, active) for factor in factors])


def test_every_control_has_an_implementation(open_network, make_spec):
    network = open_network(make_spec(REINFORCE, EscapeLIF()))
    kinds = {name: type(bind_control(name, network, [1])) for name in CONTROLS}
    assert kinds == {
        "none": Untouched, "frozen": Untouched, "shuffled": Shuffled, "permuted": Permuted,
        "zero": Zero,
    }  # fmt: skip


def test_untouched_and_zero():
    factors = np.random.default_rng(0).normal(size=(10, 2))
    np.testing.assert_array_equal(run(Untouched(), factors), factors)
    assert not np.any(run(Zero(), factors))


def test_shuffled_keeps_the_distribution_and_destroys_the_pairing():
    factors = np.random.default_rng(1).gamma(2.0, size=(6000, 2))
    shuffled = run(Shuffled([3, 4], size=50), factors)
    late, mixed = factors[1000:], shuffled[1000:]
    for replica in range(2):
        assert abs(np.corrcoef(late[:, replica], mixed[:, replica])[0, 1]) < 0.06
        np.testing.assert_allclose(
            np.quantile(mixed[:, replica], [0.1, 0.5, 0.9]),
            np.quantile(late[:, replica], [0.1, 0.5, 0.9]), rtol=0.06,
        )  # fmt: skip
        # What comes out is what went in, each value at most once.
        assert set(mixed[:, replica]) <= set(factors[:, replica])
        assert len(set(mixed[:, replica])) == len(mixed)


def test_until_the_store_is_full_the_sign_is_random():
    factors = np.random.default_rng(2).normal(size=(500, 1))
    control = Shuffled([5], size=500)
    early = run(control, factors, np.ones(1, bool))
    np.testing.assert_array_equal(np.abs(early), np.abs(factors))
    heads = np.random.default_rng(5).random(500) < 0.5
    np.testing.assert_array_equal(early[:, 0] > 0, (factors[:, 0] > 0) == heads)
    assert 0.4 < np.mean(heads) < 0.6
    late = run(control, factors[:20] + 10.0, np.ones(1, bool))
    assert set(late.ravel()) <= set(np.append(factors, factors[:20] + 10.0))
    assert control.state()["stores"][0].shape == (500,)


def test_inactive_replicas_get_zero_and_shift_nothing():
    factors = np.random.default_rng(3).normal(size=(40, 2))
    alone = Shuffled([7], size=5)
    expected = run(alone, factors[:, :1], np.ones(1, bool))
    both = Shuffled([7, 8], size=5)
    seen = run(both, factors, np.array([True, False]))
    np.testing.assert_array_equal(seen[:, :1], expected)
    assert not np.any(seen[:, 1])


def test_shuffled_per_neuron_swaps_whole_rows():
    factors = np.random.default_rng(4).normal(size=(30, 2, 3))
    shuffled = run(Shuffled([1, 2], size=4), factors)[10:]
    rows = {tuple(row) for row in factors[:, 0]}
    assert all(tuple(row) in rows for row in shuffled[:, 0])


def test_shuffled_restores_exactly():
    factors = np.random.default_rng(5).normal(size=(60, 2))
    control, fresh = Shuffled([1, 2], size=10), Shuffled([8, 9], size=10)
    run(control, factors[:30])
    saved = pickle.dumps(control.state())
    expected = run(control, factors[30:])
    fresh.restore(pickle.loads(saved))
    np.testing.assert_array_equal(run(fresh, factors[30:]), expected)


def deliver(network, kind, third_factor, seeds=(1, 2)):
    """Return eligibilities before a delivery and what it did to the weights, (2, synapses) each."""
    eligibility, before = network.replicated("policy.trace"), network.weights()["policy"]
    values = np.random.default_rng(0).normal(size=eligibility.shape)
    eligibility[...] = values
    bind_control(kind, network, seeds).deliver(network, third_factor, EVERYONE)
    np.testing.assert_array_equal(eligibility, values)
    return values, network.weights()["policy"] - before


def test_permuted_gives_each_synapse_the_eligibility_of_another(open_network, make_spec):
    rates = {"learning_rate": 0.001}
    moved = {}
    for kind in ("none", "permuted"):
        network = open_network(make_spec(Reinforce(**rates), EscapeLIF()), seeds=(1, 2))
        values, moved[kind] = deliver(network, kind, ThirdFactor(np.array([2.0, -1.0])))
    changes = 0.001 * np.array([[2.0], [-1.0]]) * values
    np.testing.assert_allclose(moved["none"], changes, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        np.sort(moved["permuted"], axis=1), np.sort(changes, axis=1), rtol=0, atol=1e-12
    )
    assert np.all(np.abs(moved["permuted"] - changes) > 1e-9)


@pytest.mark.parametrize("size", [2, 3, 8, 24])
def test_others_are_one_cycle_through_all_synapses(size):
    others, seen = _others(np.random.default_rng(0), size), [0]
    while (following := others[seen[-1]]) != 0:
        seen.append(following)
    assert sorted(seen) == list(range(size))


def test_two_synapses_are_enough_to_permute(make_spec):
    spec = make_spec(REINFORCE, EscapeLIF(), n_inputs=1, n_outputs=2)
    assert permutable(spec) == {"policy": ["trace"]}
    (projection,) = spec.projections
    alone = replace(projection, pre=projection.pre[:1], post=projection.post[:1])
    with pytest.raises(ValueError, match="of two synapses or more, got none"):
        permutable(replace(spec, projections=(alone,)))


def test_a_delivery_reaches_those_that_it_is_for(open_network, make_spec):
    spec = make_spec(REINFORCE, EscapeLIF(), update=Adam())
    network = open_network(spec, seeds=(1, 2))
    third_factor = ThirdFactor(np.array([1.0, 0.0]), delivers=np.array([True, False]))
    network.replicated("actor.third_factor")[...] = 0.5
    _, moved = deliver(network, "none", third_factor)
    assert np.any(moved[0])
    assert not np.any(moved[1])
    assert not np.any(network.replicated("policy.update_updates")[1])
    assert np.all(network.replicated("actor.third_factor")[1] == 0.5)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (DopamineSTDP(), r"control 'permuted': DopamineSTDP at 'policy' moves weights while"),
        (STDP(), r"control 'permuted': PairSTDP at 'policy' moves weights while a window"),
        (NoEligibility(), r"expected an eligibility that `consolidate` reads"),
    ],
)
def test_permuted_refuses_what_has_no_eligibility(rule, message, make_spec):
    with pytest.raises(ValueError, match=message):
        permutable(make_spec(rule, EscapeLIF()))


def test_permuted_finds_eligibilities_behind_abbreviations(make_spec):
    assert permutable(make_spec(Abbreviated(), EscapeLIF())) == {"policy": ["rise", "fall"]}


class Listener:
    """Stands for a network, and keeps what it is given."""

    def consolidate(self, third_factor, vectors, delivers):
        self.heard, self.vectors, self.delivers = third_factor, vectors, delivers


def test_deliveries_are_changed_on_their_way_or_left_alone():
    third_factor = ThirdFactor(np.array([1.0, -2.0]), {"": np.array([[3.0], [4.0]])})
    heard = {}
    for kind in ("none", "zero", "shuffled"):
        listener = Listener()
        bind_control(kind, listener, (1, 2)).deliver(listener, third_factor, EVERYONE)
        heard[kind] = listener
    assert heard["none"].heard is third_factor.scalar
    assert not np.any(heard["zero"].heard)
    assert not np.any(heard["zero"].vectors[""])
    signs = [1.0 if np.random.default_rng(seed).random() < 0.5 else -1.0 for seed in (1, 2)]
    assert -1.0 in signs
    np.testing.assert_array_equal(heard["shuffled"].heard, third_factor.scalar * signs)


def test_permuted_looks_past_projections_that_do_not_learn(make_spec):
    spec = make_spec(REINFORCE, EscapeLIF())
    (projection,) = spec.projections
    fixed = replace(projection, name="fixed", rule=None)
    assert permutable(replace(spec, projections=(fixed, projection))) == {"policy": ["trace"]}
