"""Every rule and modulator of the tables keeps the contract."""

import inspect
import json
import re
from dataclasses import asdict, dataclass, fields, replace

import numpy as np
import pytest
import yaml

from threefactor.rules import RULES
from threefactor.rules.checks import check_rule_class
from threefactor.rules.contract import EVENT_BLOCKS, Rule, parameter_values, scaled
from threefactor.rules.interpreter import Activity, Schedule, Wiring, interpret
from threefactor.rules.modulators import MODULATORS, Modulator

CONFIGURATIONS = {**RULES, **MODULATORS}
SECTIONS = ("Equations", "Parameters", "Limits", "Source")


def documented_fields(cls):
    doc = inspect.cleandoc(cls.__doc__)
    section = re.search(r"Parameters\n-+\n(.*?)(?:\n\n|\Z)", doc, re.DOTALL)[1]
    entries = re.findall(r"^(\w+) : .*?, default (.+)$", section, re.MULTILINE)
    return dict(entries)


@pytest.fixture
def random_run():
    """Return a function that runs a rule on random spikes."""

    def run(rule, third_factors=None, seed=0, steps=120, w=0.5, spike_probability=0.2, order=None):
        rng = np.random.default_rng(seed)
        n_pre, n_post = 6, 4
        pre, post = np.divmod(np.arange(24), 4)
        variables = {
            name: rng.normal(size=(steps, 24 if name == "sensitivity" else n_post))
            for name in rule.requires
        }
        variables |= {name: rng.random((steps, 24)) for name in rule.noise}
        if "tau_adaptation" in variables:
            variables["tau_adaptation"] = np.full((steps, n_post), 0.1)
        if "v" in variables:
            variables["v"] = 1e-3 * rng.uniform(-80.0, -30.0, (steps, n_post))
        activity = Activity(
            rng.random((steps, n_pre)) < spike_probability,
            rng.random((steps, n_post)) < spike_probability,
            variables,
        )
        weights = np.broadcast_to(w, 24).copy()
        if order is not None:
            pre, post, weights = pre[order], post[order], weights[order]
            for name in {"sensitivity", *rule.noise} & set(variables):
                variables[name] = variables[name][:, order]
        ends = np.arange(10, steps + 1, 10)
        values = rng.normal(size=ends.size) if third_factors is None else third_factors
        written = {
            name: np.ones((ends.size, n_post))
            for name in ("agreement", "learning_signal")
            if name in rule.post_equations
        }
        schedule = Schedule(
            ends, np.broadcast_to(values, ends.size), writes=written,
            episode_ends=(ends.size // 2, ends.size - 1),
        )  # fmt: skip
        return interpret(rule, activity, Wiring(pre, post, weights, 0.0, 1.0), schedule)

    return run


@pytest.mark.parametrize("name", RULES)
def test_strings_fit_the_contract(name):
    check_rule_class(RULES[name])


@pytest.mark.parametrize("cls", [*CONFIGURATIONS.values(), Modulator], ids=lambda cls: cls.__name__)
def test_docstring_names_every_field_and_default(cls):
    """What all modulators have is in the docstring of their base."""
    base = Modulator if issubclass(cls, Modulator) and cls is not Modulator else object
    shared = {field.name for field in fields(base)} if base is Modulator else set()
    own = [field for field in fields(cls) if field.name not in shared]
    documented = documented_fields(cls)
    assert list(documented) == [field.name for field in own]
    for field in own:
        default = field.default if cls is Modulator else getattr(cls(), field.name)
        shown = documented[field.name]
        assert shown == ("empty" if default == {} else str(default).replace("'", '"')) or (
            isinstance(default, str) and shown == f'"{default}"'
        )


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_docstring_has_every_section(name):
    doc = inspect.cleandoc(CONFIGURATIONS[name].__doc__)
    for section in SECTIONS:
        assert re.search(rf"\n{section}\n-+\n", doc), section
    assert doc.splitlines()[0].endswith(".")


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("library", [json, yaml], ids=["json", "yaml"])
def test_survives_a_file(name, library):
    instance = CONFIGURATIONS[name]()
    if library is json:
        back = json.loads(json.dumps(asdict(instance)))
    else:
        record = json.loads(json.dumps(asdict(instance)))
        back = yaml.safe_load(yaml.safe_dump(record))
    assert type(instance)(**back) == instance


def test_negative_time_constant_is_named():
    with pytest.raises(ValueError, match=r"^RewardModulatedSTDP.tau_plus_ms must be > 0 ms, got"):
        RULES["rstdp"](tau_plus_ms=-20.0)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("reinforce", "trace_decay", 1.5),
        ("dopamine-stdp", "weight_period_ms", 0.0),
        ("stdp", "a_plus", float("nan")),
        ("stdp", "learning_rate", -1.0),
        ("stdp", "tau_plus_ms", 0.0),
        ("stdp", "tau_plus_ms", -0.5),
        ("dopamine-stdp", "weight_period_ms", -0.5),
        ("reinforce", "trace_decay", -0.5),
        ("td-linear", "learning_rate", 2.0),
        ("td-linear", "discount", 1.1),
        ("td-linear", "discount", -0.1),
        ("reward-baseline", "scope", "planet"),
        ("reward-baseline", "rate", 0.0),
        ("reward-baseline", "rate", 1.5),
        ("reward", "gain", float("nan")),
        ("dopamine", "delay_ms", -1.0),
        ("feedback", "wraps", "feedback"),
        ("feedback", "n_post", 0),
        ("feedback", "seed", float("inf")),
    ],
)
def test_numbers_out_of_range_are_refused(name, field, value):
    cls = CONFIGURATIONS[name]
    with pytest.raises(ValueError, match=rf"{cls.__name__}\.{field} "):
        cls(**{field: value})


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("learning_rate", [-1e-9, float("nan"), float("inf")])
def test_every_rule_refuses_such_a_learning_rate(name, learning_rate):
    with pytest.raises(ValueError, match=rf"{RULES[name].__name__}\.learning_rate must be"):
        RULES[name](learning_rate=learning_rate)


def test_numbers_at_the_end_of_their_range_are_not():
    for name, options in (
        ("reinforce", {"trace_decay": 1.0}), ("reinforce", {"trace_decay": 0.0}),
        ("td-linear", {"learning_rate": 1.0, "discount": 1.0}),
        ("td-linear", {"learning_rate": 0.0, "discount": 0.0}), ("stdp", {"learning_rate": 0.0}),
        ("reward-baseline", {"rate": 1.0}), ("dopamine", {"delay_ms": 0.0}),
        ("dopamine-stdp", {"tau_plus_ms": 0.5, "weight_period_ms": 0.5}),
    ):  # fmt: skip
        assert asdict(CONFIGURATIONS[name](**options)).items() >= options.items()


@pytest.mark.parametrize("name", RULES)
def test_zero_third_factor_leaves_weights_bitwise_unchanged(name, random_run):
    rule = RULES[name]()
    w = np.random.default_rng(1).uniform(0.2, 0.8, 24)
    changed = not np.array_equal(random_run(rule, third_factors=0.0, w=w).w, w)
    assert changed is not rule.modulated


def test_dopamine_stdp_without_tonic_level_needs_a_third_factor(random_run):
    rule = RULES["dopamine-stdp"](tonic=0.0)
    assert np.array_equal(random_run(rule, third_factors=0.0).w, np.full(24, 0.5))
    assert not np.array_equal(random_run(rule, third_factors=0.1).w, np.full(24, 0.5))


@pytest.mark.parametrize("name", [n for n, r in RULES.items() if "sensitivity" not in r.requires])
def test_no_spikes_leave_weights_unchanged_unless_the_rule_drifts(name, random_run):
    w = random_run(RULES[name](), third_factors=1.0, spike_probability=0.0).w
    assert np.array_equal(w, np.full(24, 0.5)) != RULES[name].drifts


@pytest.mark.parametrize("name", RULES)
def test_bounds_hold_under_extreme_input(name, random_run):
    rule = replace(RULES[name](), learning_rate=1e6)
    w = random_run(rule, spike_probability=0.9).w
    assert np.all((w >= 0) & (w <= 1))
    assert np.any((w == 0) | (w == 1))


@pytest.mark.parametrize("name", RULES)
def test_order_of_synapses_does_not_matter(name, random_run):
    rule = replace(RULES[name](), learning_rate=1e-3)
    order = np.random.default_rng(2).permutation(24)
    assert np.array_equal(random_run(rule, order=order).w, random_run(rule).w[order])


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.linear])
def test_update_is_linear_in_the_third_factor(name, random_run):
    rule = replace(RULES[name](), learning_rate=1e-8)
    one = random_run(rule, third_factors=1.0).w - 0.5
    two = random_run(rule, third_factors=2.0).w - 0.5
    assert np.any(one)
    np.testing.assert_allclose(two, 2 * one, rtol=0, atol=1e-14)


@dataclass(frozen=True)
class Measured(Rule):
    """A rule with a number of every unit, and what is no number."""

    is_open: bool = True
    kind: str = "any"
    tau_ms: float = 2.0
    threshold_mv: float = -3.0
    rate_hz: float = 4.0
    capacitance_pf: float = 5.0
    conductance_ns: float = 2.0
    current_pa: float = 7.0
    resistance_mohm: float = 8.0


def test_numbers_reach_equations_in_units_of_the_si():
    assert parameter_values(Measured()) == {
        "learning_rate": (0.01, "1"), "tau": (0.002, "second"), "threshold": (-0.003, "volt"),
        "rate": (4.0, "hertz"), "capacitance": (5e-12, "farad"), "conductance": (2e-9, "siemens"),
        "current": (7e-12, "amp"), "resistance": (8e6, "ohm"),
    }  # fmt: skip
    assert f"default {Rule().learning_rate}" in (Rule.__doc__ or "")


def test_what_a_rule_that_says_nothing_promises():
    assert (Rule.modulated, Rule.linear, Rule.drifts, Rule.per_timestep) == (
        True,
        True,
        False,
        False,
    )


def test_an_order_may_leave_out_the_steps_of_neurons_that_it_does_not_use():
    def ordered(order):
        return dataclass(frozen=True)(type("Ordered", (Sound,), {"order": order}))

    check_rule_class(ordered(EVENT_BLOCKS[2:]))
    with pytest.raises(ValueError, match="Ordered.order must name each of"):
        check_rule_class(ordered(EVENT_BLOCKS[3:]))


def test_rates_are_scaled_and_nothing_else():
    rule = RULES["stdp"](learning_rate=0.3, a_plus=2.0)
    assert scaled(rule, 0.5) == replace(rule, learning_rate=0.15)


@dataclass(frozen=True)
class Sound(Rule):
    """A rule to spoil."""

    tau_ms: float = 10.0
    equations = "dmark/dt = -mark/tau : 1"
    on_pre = "mark += 1"
    consolidate = "w += learning_rate*third_factor*mark"


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("on_pre", "mark += trase", "unknown name 'trase'"),
        ("on_pre", "third_factor = 1", "cannot assign 'third_factor'"),
        ("on_pre", "if mark: w = 0", "expected `name ="),
        ("on_pre", "mark += floor(w)", "calls 'floor'. Known functions"),
        ("on_pre", "mark += w[0]", "'[' is no sign of this language"),
        ("equations", "mark 1", "expected `dx/dt"),
        ("equations", "mark : 1\nQ : 1", "cannot be called 'Q': it is a name that SymPy keeps"),
        ("equations", "mark : 1\ntau : 1", "defined in two places"),
        ("equations", "mark : 1\nx_pre : 1", "by an ending in _pre"),
        ("order", EVENT_BLOCKS[:5], "must name each of"),
        ("order", (*EVENT_BLOCKS, "on_pre"), "must name each once"),
        ("order", (*EVENT_BLOCKS, "on_spike"), "must name each of"),
        ("noise", ("mark",), "defined in two places"),
        ("transmitted", "w*relese", "transmitted, line 1, column 3: unknown name 'relese'"),
        ("equations", "mark : 1\nsign : 1", "cannot be called 'sign': it is a function"),
        ("at_episode", "w += mork", "unknown name 'mork'"),
        ("resets", {"mork": "keep"}, "no variable 'mork'"),
        ("resets", {"mark": "never"}, "must be one of"),
        ("weight_clock", "period_ms", "weight_clock must name a field"),
        ("pre_on_spike", "mark += 1", "cannot assign 'mark' here (it lives on the synapse)"),
    ],
)
def test_a_broken_rule_is_refused(attribute, value, message):
    check_rule_class(Sound)
    spoiled = dataclass(frozen=True)(type("Spoiled", (Sound,), {attribute: value}))
    with pytest.raises(ValueError, match=re.escape(message)):
        check_rule_class(spoiled)


def test_a_rule_must_be_a_frozen_dataclass():
    with pytest.raises(TypeError, match="dataclass"):
        check_rule_class(type("Bare", (Sound,), {}))
    with pytest.raises(TypeError, match="derived from"):
        check_rule_class(3)
