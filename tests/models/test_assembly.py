"""The assembler: replicas, renaming, data apart from structure, when decay may be lazy."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from threefactor.models.assembly import assemble
from threefactor.models.neurons import LIF, EscapeLIF
from threefactor.models.specification import Uniform
from threefactor.rules import RULES
from threefactor.rules.contract import Rule
from threefactor.rules.rstdp_et import RewardModulatedSTDPWithEligibility


@dataclass(frozen=True)
class Decaying(Rule):
    """An eligibility that every variant below reads or writes in one more place."""

    tau_eligibility_ms: float = 10.0
    equations = "deligibility/dt = -eligibility/tau_eligibility : 1"
    on_pre = "eligibility += 1"
    consolidate = "w += learning_rate*third_factor*eligibility"


@dataclass(frozen=True)
class Plain(Decaying):
    on_post = "eligibility -= 0.5"


@dataclass(frozen=True)
class WithFlag(Decaying):
    equations = Decaying.equations + "\nflag : 1"
    on_post = "flag = 1"


@dataclass(frozen=True)
class Commented(Decaying):
    on_pre = "eligibility += 1 - 0.5  # a pair (see [1]\n"
    on_post = "eligibility -= 0.25 # and another"


@dataclass(frozen=True)
class OneLine(Decaying):
    equations = Decaying.equations + "\nflag : 1"
    on_pre = "eligibility += (\n0.5 + 0.5\n); flag = 2; eligibility -= 0.25"


@dataclass(frozen=True)
class OwnGrowth(Decaying):
    equations = Decaying.equations + "\neligibility_growth : 1"


@dataclass(frozen=True)
class Continuous(Decaying):
    """Score-function learning with exponential forgetting: each_step writes the eligibility."""

    on_pre = ""
    each_step = "eligibility += score*sensitivity"
    requires = ("score", "sensitivity")


@dataclass(frozen=True)
class FlaggedContinuous(Decaying):
    equations = Decaying.equations + "\nflag : 1"
    on_post = "flag = 1"
    each_step = "eligibility += 0.125"


@dataclass(frozen=True)
class Multiplied(Decaying):
    on_post = "eligibility *= 0.5"


@dataclass(frozen=True)
class SelfReading(Decaying):
    on_post = "eligibility += 0.5*eligibility"


@dataclass(frozen=True)
class ReadByOther(Decaying):
    equations = Decaying.equations + "\nseen : 1"
    on_post = "seen = eligibility"


@dataclass(frozen=True)
class FeedsOther(Decaying):
    equations = Decaying.equations + "\ndslow/dt = (eligibility - slow)/tau_eligibility : 1"


@dataclass(frozen=True)
class MovesWeights(Decaying):
    on_post = "w = clip(w + eligibility, w_min, w_max)"


@dataclass(frozen=True)
class Clocked(Decaying):
    period_ms: float = 5.0
    weight_clock = "period_ms"


LAZY = [Plain, WithFlag, Commented, OneLine, RewardModulatedSTDPWithEligibility]
EAGER = [
    OwnGrowth, Continuous, FlaggedContinuous, Multiplied, SelfReading, ReadByOther, FeedsOther,
    MovesWeights, Clocked,
]  # fmt: skip


def neuron_for(rule):
    return EscapeLIF(v_threshold_mv=6.0) if "score" in rule.requires else LIF()


@pytest.mark.parametrize("rule", LAZY)
def test_decay_that_only_spikes_touch_is_lazy(rule, make_spec):
    assert list(assemble(make_spec(rule(), neuron_for(rule))).decay) == ["policy.eligibility"]


@pytest.mark.parametrize("rule", EAGER)
def test_decay_that_something_else_reads_or_writes_is_not_lazy(rule, make_spec):
    assert not assemble(make_spec(rule(), neuron_for(rule))).decay


@pytest.mark.parametrize("rule", [*LAZY, *EAGER])
def test_eligibility_decays_as_written(rule, make_spec, open_network):
    """The same strings with a line that is never lazy give the same eligibility and weights."""
    written = rule.equations.replace("= -eligibility/", "= -1.0*eligibility/")
    eager = dataclass(frozen=True)(type("Eager", (rule,), {"equations": written}))
    values = []
    for kind in (rule, eager):
        network = open_network(make_spec(kind(learning_rate=0.1), neuron_for(rule)))
        for _ in range(3):
            network.advance(300.0, 12)
            network.close_decision()
            network.consolidate(np.ones(1))
        values.append([network.engine.array(f"policy.{n}").copy() for n in ("eligibility", "w")])
    assert np.any(values[0][0])
    np.testing.assert_allclose(values[0], values[1], rtol=1e-11, atol=1e-14)


@dataclass(frozen=True)
class Accumulated(Rule):
    """Its variable on the postsynaptic neuron has a name that ends like the third factor's."""

    post_equations = "mean_third_factor : 1"
    post_on_delivery = "mean_third_factor = 0.5*mean_third_factor + third_factor"
    consolidate = "w += learning_rate*mean_third_factor"


def test_a_variable_that_ends_in_third_factor_does_not_hide_it(make_spec, open_network):
    network = open_network(make_spec(Accumulated(learning_rate=0.5)))
    before = network.weights()["policy"]
    for _ in range(2):
        network.consolidate(np.ones(1))
    np.testing.assert_allclose(network.weights()["policy"], before + 0.5 * (1 + 1.5), rtol=1e-12)


def test_two_rules_meet_on_one_population_without_mixing(make_spec, open_network, protocol):
    """A second projection with a rule of its own leaves the first one's weights as they were."""
    from threefactor.models.specification import Population, Projection, all_to_all

    spec = make_spec(RULES["rstdp"]())
    silent = Population("extra", 3, spec.populations[0].neuron)
    second = Projection(
        "second", "extra", "actor", **all_to_all(3, 4), weights=Uniform(1, 2),
        rule=RULES["rstdp"](tau_plus_ms=5.0, learning_rate=0.7),
    )  # fmt: skip
    both = replace(
        spec, populations=(*spec.populations, silent), projections=(*spec.projections, second)
    )
    one, two = open_network(spec), open_network(both)
    np.testing.assert_array_equal(protocol.run(one), protocol.run(two))
    np.testing.assert_array_equal(one.weights()["policy"], two.weights()["policy"])
    assert two.engine.array("second.tau_plus")[0] == 0.005
    assert two.engine.array("policy.tau_plus")[0] == 0.02


def test_replicas_are_block_diagonal(make_spec):
    spec = make_spec(RULES["reinforce"](), EscapeLIF())
    one, three = assemble(spec), assemble(spec, 3)
    pre, post = three.connections["policy"]
    assert [group.size for group in three.groups] == [18, 12]
    for replica in range(3):
        block = slice(24 * replica, 24 * (replica + 1))
        np.testing.assert_array_equal(pre[block], one.connections["policy"][0] + 6 * replica)
        np.testing.assert_array_equal(post[block], one.connections["policy"][1] + 4 * replica)


def structure(spec):
    return assemble(spec).structure()


def test_numbers_are_data_and_not_structure(make_spec):
    base = make_spec(RULES["rstdp-et"](), LIF())
    for other in (
        make_spec(RULES["rstdp-et"](tau_eligibility_ms=7.0, learning_rate=0.3), LIF()),
        make_spec(RULES["rstdp-et"](), LIF(v_threshold_mv=-50.0)),
        make_spec(RULES["rstdp-et"](), LIF(), low=0.0, high=1.0, w_max=5.0),
    ):
        assert structure(other) == structure(base)
    for other in (
        make_spec(RULES["rstdp"](), LIF()),
        make_spec(RULES["rstdp-et"](), EscapeLIF()),
        make_spec(RULES["rstdp-et"](), LIF(), n_inputs=7),
        make_spec(RULES["rstdp-et"](), LIF(), delay_ms=2.0),
        replace(base, timestep_ms=0.5),
    ):
        assert structure(other) != structure(base)


def test_parameters_are_in_si_units(make_spec):
    data = assemble(make_spec(RULES["rstdp-et"](tau_plus_ms=30.0), LIF(v_rest_mv=-65.0))).data
    assert data["policy.tau_plus"] == pytest.approx(0.03)
    assert data["input.policy_tau_plus"] == pytest.approx(0.03)
    assert data["actor.v_rest"] == pytest.approx(-0.065)
    assert data["actor.v"] == pytest.approx(-0.065)


def test_unknown_heterogeneous_parameter_is_named(make_spec):
    spec = make_spec(None, LIF(), actor={"heterogeneity": {"tau_membran": 0.1}})
    with pytest.raises(ValueError, match=r"'actor'.*'tau_membran'; LIF has: tau_membrane"):
        assemble(spec)


@dataclass(frozen=True)
class Bloody(Rule):
    """A variable is no random stream because of how its name ends, nor a unit of growth."""

    tau_eligibility_ms: float = 20.0

    post_equations = "blood_stream : 1"
    post_each_step = "blood_stream += 0.25"
    equations = """deligibility/dt = -eligibility/tau_eligibility : 1
    flow_stream : 1
    flow_growth : 1"""
    on_pre = "eligibility += 1"
    each_step = """flow_stream += 0.25
    flow_growth += 0.5"""
    consolidate = "w += learning_rate*third_factor*eligibility*flow_stream"


@pytest.mark.parametrize("engine", ["runtime-numpy", "compiled"])
def test_endings_of_names_mean_nothing(engine, make_spec, open_network):
    spec = make_spec(Bloody())
    plan = assemble(spec)
    assert plan.growth == {"policy.eligibility": "policy.eligibility_growth"}
    assert plan.streams("actor") == []
    assert plan.streams("input") == ["spike_stream"]
    network = open_network(spec, engine)
    network.engine.record([], [("policy.flow_growth", 0)], 1)
    network.advance(0.0, 3)
    assert np.all(network.engine.array("actor.policy_blood_stream") == 0.75)
    assert np.all(network.engine.array("policy.flow_stream") == 0.75)
    np.testing.assert_array_equal(network.engine.drain()["probes.values"][:, 0], [0.5, 1.0, 1.5])


def test_subexpressions_are_no_state_that_could_be_reset(make_spec, open_network):
    @dataclass(frozen=True)
    class Abbreviated(Rule):
        pre_equations = "dmark/dt = -pace*mark : 1\npace = 1/tau : hertz"
        pre_on_spike = "mark += 1"
        equations = "total : 1\ntwice = 2*mark : 1"
        each_step = "total += twice"
        consolidate = "w += learning_rate*third_factor*total"
        tau_ms: float = 5.0

    @dataclass(frozen=True)
    class Driven(LIF):
        equations = LIF.equations + "distance = v - v_rest : volt\n"

    spec = make_spec(Abbreviated(), Driven())
    assert {name for name in assemble(spec).resets if "total" in name or "twice" in name} == {
        "policy.total"
    }
    network = open_network(spec)
    network.advance(np.full((1, 6), 400.0), 10)
    network.start_episode(np.ones(1, bool))
