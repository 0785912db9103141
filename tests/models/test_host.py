"""What the host delivers: declared signals, scalar third factors beside vectors, declared rates."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from threefactor.models.addresses import rate_arrays
from threefactor.models.host import (
    check_third_factor,
    listeners,
    mean_value,
    third_factor_populations,
)
from threefactor.models.neurons import AdaptiveLIF, EscapeLIF, PoissonInput, TDError
from threefactor.models.specification import (
    Modulation,
    NetworkSpec,
    Population,
    Projection,
    Uniform,
    all_to_all,
)
from threefactor.rules import RULES
from threefactor.rules.contract import Rule, scaled
from threefactor.rules.updates import Adam


@dataclass(frozen=True)
class Phases(Rule):
    """Keeps a number of its own whose name ends as the host's does."""

    post_equations = "phase_agreement : 1"
    post_on_spike = "phase_agreement += 2"
    consolidate = "w += learning_rate*third_factor*phase_agreement"


def test_a_name_is_no_signal(make_spec, open_network):
    network = open_network(make_spec(Phases(), weights=np.full(24, 50.0), w_max=60.0))
    network.advance(1e9, 20)
    own = network.replicated("actor.policy_phase_agreement")
    counted = 2 * network.replicated("actor.spike_count")
    assert counted.any()
    network.close_decision(np.array([0]))
    np.testing.assert_array_equal(own, counted)
    assert not network.reads_choice


@dataclass(frozen=True)
class Attentive(Rule):
    """Waits for signals under names of its own."""

    post_equations = """vote : 1
    focus : 1"""
    equations = "trace : 1"
    at_decision = "trace = vote + 10*focus"
    host_writes = {"vote": "agreement", "focus": "attention"}


def test_signals_reach_the_variables_that_are_declared_for_them(make_spec, open_network):
    network = open_network(make_spec(Attentive(), weights=np.full(24, 50.0), w_max=60.0))
    assert network.reads_choice
    assert listeners(network.spec, "attention") == ["actor"]
    assert listeners(network.spec, "vote") == []
    network.advance(1e9, 20)
    network.write("attention", np.array([[1.0, 2.0, 3.0, 4.0]]))
    network.close_decision(np.array([0]))
    trace = network.replicated("policy.trace").reshape(6, 4)
    np.testing.assert_array_equal(trace, np.tile([11.0, 21.0, 29.0, 39.0], (6, 1)))
    with pytest.raises(ValueError, match=r"waits for the signal 'focus'; .* agreement, attention"):
        network.write("focus", np.ones(1))


@dataclass(frozen=True)
class Baseline(Rule):
    """Two numbers end in learning_rate; one of them scales weight changes."""

    slow_gain: float = 0.5
    baseline_learning_rate: float = 0.25

    post_equations = "baseline : 1"
    post_each_step = "baseline += baseline_learning_rate"
    consolidate = "w += (learning_rate + slow_gain)*third_factor"
    rates = ("learning_rate", "slow_gain")


def test_the_frozen_twin_is_the_same_network_without_its_rates(make_spec, open_network, protocol):
    spec = make_spec(Baseline())
    learning, frozen = open_network(spec), open_network(spec, is_learning=False)
    for network in (learning, frozen):
        network.advance(200.0, 10)
        np.testing.assert_array_equal(network.replicated("actor.policy_baseline"), 2.5)
    assert set(rate_arrays(spec.projections[0])) >= {"policy.learning_rate", "policy.slow_gain"}
    for name in ("policy.learning_rate", "policy.slow_gain"):
        assert learning.engine.array(name) > 0
        assert frozen.engine.array(name) == 0
    start = frozen.weights()["policy"]
    frozen.is_learning = True  # blocks run; nothing but the rates keeps the weights
    protocol.run(frozen)
    np.testing.assert_array_equal(frozen.weights()["policy"], start)


def test_rates_of_weight_updates_are_frozen_too(make_spec, open_network):
    network = open_network(make_spec(RULES["rstdp"](), update=Adam()), is_learning=False)
    assert network.engine.array("policy.update_step_size") == 0
    assert network.engine.array("policy.update_first_decay") == 0.9


def test_rates_are_scaled_together():
    rule = scaled(Baseline(learning_rate=0.1), 2.0)
    assert (rule.learning_rate, rule.slow_gain) == (0.2, 1.0)
    assert rule.baseline_learning_rate == 0.25


@dataclass(frozen=True)
class Push(Rule):
    """Moves every weight by the third factor of its neuron."""

    learning_rate: float = 1.0
    consolidate = "w += learning_rate*third_factor"


def agent_spec(critic_rule=Push(), **changes):
    """Return eyes -> hands, four neurons, and eyes -> judge, two; names are free."""
    eyes = Population("eyes", 3, PoissonInput())
    hands = Population("hands", 4, EscapeLIF(), modules=np.array([0, 0, 1, 1]))
    judge = Population("judge", 2, EscapeLIF())
    start = {"weights": np.zeros(12), "w_min": -10.0, "w_max": 10.0}
    projections = (
        Projection("grip", "eyes", "hands", **all_to_all(3, 4), rule=Push(), **start),
        Projection(
            "verdict", "eyes", "judge", **all_to_all(3, 2), rule=critic_rule,
            **{**start, "weights": np.zeros(6)},
        ),
    )  # fmt: skip
    roles = {"input": "eyes", "output": "hands", "critic": "judge"}
    return NetworkSpec((eyes, hands, judge), projections, **{**roles, **changes})


def test_opponents_hear_the_scalar_with_opposite_signs_and_count_against_each_other(open_network):
    spec, seeds = agent_spec(), (11, 12)
    judge = replace(spec.population("judge"), valence=np.array([1, -1]))
    network = open_network(replace(spec, populations=(*spec.populations[:2], judge)), seeds=seeds)
    network.consolidate(np.array([2.0, -3.0]))
    np.testing.assert_array_equal(network.weights()["verdict"], np.outer([2.0, -3.0], [1, -1] * 3))
    np.testing.assert_array_equal(network.weights()["grip"], np.outer([2.0, -3.0], np.ones(12)))
    network.consolidate(np.zeros(2), {"judge": np.array([[1.0, 5.0], [0.0, 0.0]])})
    np.testing.assert_array_equal(network.weights()["verdict"][0, :2], [3.0, 3.0])
    network.replicated("judge.spike_count")[...] = [[3.0, 5.0], [4.0, 0.0]]
    np.testing.assert_array_equal(network.values(), [-2.0, 4.0])


def test_opponents_may_be_divided_by_their_sum():
    judge = Population("judge", 4, EscapeLIF(), valence=np.array([1, 1, -1, -1]), is_divisive=True)
    activity = np.array([[4.0, 2.0, 1.0, 1.0], [0.0, 0.0, 3.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(mean_value(activity, judge), [0.5, -1.0, 0.0])
    np.testing.assert_array_equal(mean_value(7 * activity, judge), [0.5, -1.0, 0.0])
    with pytest.raises(ValueError, match="Population 'judge': is_divisive needs a valence"):
        replace(judge, valence=None)


SIGNS = np.array([[1.0, -1.0, 1.0, -1.0]])


@pytest.mark.parametrize("vector", [SIGNS, np.array([[-0.7, -1.9, 0.1, -0.4]])])
def test_a_population_without_a_vector_of_its_own_gets_the_scalar(vector, open_network):
    network = open_network(agent_spec())
    network.consolidate(np.array([0.5]), {"hands": 0.5 * vector})
    np.testing.assert_array_equal(network.weights()["verdict"], 0.5)
    np.testing.assert_array_equal(
        network.weights()["grip"].reshape(3, 4), np.tile(0.5 * vector, (3, 1))
    )
    network.consolidate(np.array([0.5]), {"": 0.5 * vector, "judge": np.array([[1.0, 2.0]])})
    np.testing.assert_array_equal(
        network.weights()["verdict"].reshape(3, 2), np.tile([1.5, 2.5], (3, 1))
    )
    np.testing.assert_array_equal(network.weights()["grip"].reshape(3, 4), np.tile(vector, (3, 1)))


def test_a_vector_is_never_averaged(open_network):
    network = open_network(agent_spec())
    with pytest.raises(
        ValueError, match=r"expected a scalar for 'judge' beside the vector of 'hands', got none"
    ):
        network.consolidate(SIGNS)
    assert not np.any(network.weights()["verdict"])
    alone = open_network(agent_spec(critic_rule=None))
    alone.consolidate(SIGNS)
    np.testing.assert_array_equal(alone.weights()["grip"].reshape(3, 4), np.tile(SIGNS, (3, 1)))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"hands": 1}, r"third factor of 'hands': expected one number for each of its 4 .* got 1"),
        ({"": 5}, r"third factor of 'hands': expected .* 4 neurons, got 5"),
        ({"eyes": 3}, r"expected a population that learns .* got 'eyes'; these do: hands, judge"),
        ({"hnads": 4}, r"Unknown population 'hnads'. Did you mean 'hands'"),
    ],
)
def test_third_factors_that_cannot_be_meant_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        check_third_factor(agent_spec(), sizes)


def test_neurons_that_modulate_take_the_hosts_place():
    teacher = Population("teacher", 1, TDError())
    spec = agent_spec()
    links = {"pre": np.zeros(2, int), "post": np.arange(2)}
    broadcast = Modulation("broadcast", "teacher", "judge", "td_error", **links)
    fed = replace(spec, populations=(*spec.populations, teacher), modulations=(broadcast,))
    assert third_factor_populations(spec) == ["hands", "judge"]
    assert third_factor_populations(fed) == ["hands"]
    check_third_factor(fed, {"hands": 4}, has_scalar=False)


def test_a_signal_is_sent_to_one_projection_by_a_modulation(make_spec):
    """Of two rules at one population, one hears the neurons and the other waits for the host."""
    rule = RULES["eprop-reward"]()
    spec = make_spec(rule, AdaptiveLIF())
    extra = Projection(
        "extra", "input", "actor", **all_to_all(6, 4), weights=Uniform(0.0, 1.0), rule=rule
    )
    links = {"pre": np.zeros(4, int), "post": np.arange(4)}
    sent = Modulation(
        "sent", "teacher", "actor", "td_error", **links, into="policy.learning_signal"
    )
    teacher = Population("teacher", 1, TDError())
    spec = replace(
        spec, populations=(*spec.populations, teacher), projections=(*spec.projections, extra)
    )
    assert listeners(replace(spec, modulations=(sent,)), "learning_signal") == ["actor"]
    both = (sent, replace(sent, name="other", into="extra.learning_signal"))
    assert listeners(replace(spec, modulations=both), "learning_signal") == []
