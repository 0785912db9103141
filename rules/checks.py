"""Check that the strings of a rule fit the contract, without a network: `check_rule_class`."""

from collections.abc import Iterable, Mapping
from dataclasses import fields

from threefactor.naming import suggest
from threefactor.rules.contract import (
    EQUATION_BLOCKS,
    EVENT_BLOCKS,
    OPTIONAL_BLOCKS,
    PLACES,
    RESET_POLICIES,
    STATEMENT_BLOCKS,
    Rule,
    parameter_values,
)
from threefactor.rules.language import (
    Equations,
    parse_equations,
    parse_expression,
    parse_statements,
)
from threefactor.rules.language.classes import (
    check_dataclass,
    check_flags,
    check_mapping,
    check_strings,
    check_tuple_of_names,
    once,
)
from threefactor.rules.language.equations import unit_dimension
from threefactor.rules.language.names import check_name
from threefactor.rules.language.scope import (
    Scope,
    check_block,
    check_equations,
    check_expression,
    check_linear,
)
from threefactor.rules.language.source import Source
from threefactor.rules.language.units import DIMENSIONLESS, SECOND, Dimension

_LATE = "a neuron's equations are integrated in every timestep, leave it out"
_NEVER = "a rule leaves its neuron's equations as they are"
#: Place -> flags that its equations cannot have, and what to do instead.
_MISPLACED_FLAGS = {
    "pre": {"clock-driven": _LATE, "event-driven": _LATE, "unless refractory": _NEVER},
    "post": {"clock-driven": _LATE, "event-driven": _LATE, "unless refractory": _NEVER},
    "synapse": {"unless refractory": _NEVER},
}


def check_rule_class(rule: type[Rule]) -> None:
    """Raise ValueError or TypeError unless the strings of a rule fit the contract.

    Checked: a frozen dataclass derived from `Rule`; each block can be read, uses only names that it
    may see, in units that agree, and assigns only variables of its own place; constants are finite;
    the declared order names every event block once; resets, rates and the weight clock name what
    exists; every postsynaptic variable is assigned by the rule or declared in `host_writes`.
    A class that passed is not looked at again.
    """
    if not (isinstance(rule, type) and issubclass(rule, Rule)):
        raise TypeError(f"{rule!r} must be a class derived from threefactor.Rule.")
    check_dataclass(rule)
    _check_rule_class(rule)


def check_rule_units(rule: Rule, exposed: Mapping[str, str]) -> None:
    """Raise ValueError unless a rule's blocks fit the units of a neuron and are finite.

    Parameters
    ----------
    rule : Rule
    exposed : mapping of str to str
        What the postsynaptic neuron exposes -> its unit.
    """
    required = tuple((name, exposed[name]) for name in rule.requires if name in exposed)
    _check_blocks(type(rule), tuple(parameter_values(rule).items()), required)


@once
def _check_rule_class(rule: type[Rule]) -> None:
    owner = rule.__name__
    check_strings(rule, *EQUATION_BLOCKS, *STATEMENT_BLOCKS, "transmitted", "weight_clock")
    for attribute in ("requires", "noise", "order", "rates"):
        check_tuple_of_names(rule, attribute)
    check_mapping(rule, "required_units", "{'v': 'volt'}", str)
    check_mapping(rule, "resets", "{'trace': 'keep'}", str)
    check_mapping(rule, "host_writes", "{'agreement': 'agreement'}", str)
    check_flags(rule, "modulated", "linear", "drifts", "per_timestep")
    needed = {b for b in EVENT_BLOCKS if b not in OPTIONAL_BLOCKS or getattr(rule, b)}
    if not needed <= set(rule.order) <= set(EVENT_BLOCKS):
        raise ValueError(f"{owner}.order must name each of {EVENT_BLOCKS} once, got {rule.order}.")
    _check_blocks(rule, tuple(parameter_values(rule()).items()), tuple(rule.required_units.items()))
    variables = {v for equations in _equations(rule).values() for v in equations.units}
    for variable, policy in rule.resets.items():
        if variable not in variables:
            raise ValueError(
                f"{owner}.resets: no variable {variable!r} in its equations."
                f"{suggest(variable, variables)}"
            )
        if policy not in RESET_POLICIES:
            raise ValueError(
                f"{owner}.resets[{variable!r}] must be one of {RESET_POLICIES}, got {policy!r}."
                f"{suggest(policy, RESET_POLICIES)}"
            )
    numbers = {
        field.name
        for field in fields(rule)
        if isinstance(field.default, (int, float)) and not isinstance(field.default, bool)
    }
    if rule.weight_clock and not (
        rule.weight_clock in numbers and rule.weight_clock.endswith("_ms")
    ):
        raise ValueError(
            f"{owner}.weight_clock must name a field that holds a period in ms, "
            f"got {rule.weight_clock!r}."
        )
    if not rule.rates or not set(rule.rates) <= numbers:
        raise ValueError(
            f"{owner}.rates must name fields that are numbers ({', '.join(sorted(numbers))}), at "
            f"least one, got {rule.rates!r}."
        )
    _check_host_writes(rule)
    for variable in set(rule.required_units) - set(rule.requires):
        raise ValueError(
            f"{owner}.required_units: {variable!r} is not in requires, {rule.requires}."
        )


def _check_host_writes(rule: type[Rule]) -> None:
    """Raise ValueError unless someone writes every postsynaptic variable: the rule or the host."""
    owner = rule.__name__
    stored = [line for line in _equations(rule)["post"] if line.is_stored]
    names = [line.variable for line in stored]
    for variable in rule.host_writes:
        if variable not in names:
            raise ValueError(
                f"{owner}.host_writes: no variable {variable!r} is kept in post_equations; "
                f"it has: {', '.join(names) or 'none'}."
            )
    blocks = ("post_each_step", "post_on_spike", "post_on_delivery")
    assigned = frozenset(rule.host_writes).union(
        *(parse_statements(getattr(rule, block)).writes for block in blocks)
    )
    for line in stored:
        if not line.is_differential and line.variable not in assigned:
            raise ValueError(
                f"{owner}.post_equations: nothing assigns {line.variable!r}; assign it in "
                f"{', '.join(blocks)}, or declare which signal the host writes into it: "
                f'host_writes = {{"{line.variable}": "agreement"}}.'
            )


def _equations(rule: type[Rule]) -> dict[str, Equations]:
    """Return the equations of each place."""
    return {
        place: parse_equations(getattr(rule, block), f"{rule.__name__}.{block}")
        for place, block in PLACES.items()
    }


@once
def _check_blocks(
    rule: type[Rule],
    parameters: tuple[tuple[str, tuple[float, str]], ...],
    required: tuple[tuple[str, str], ...],
) -> None:
    """Raise ValueError for what the blocks cannot use; `required` are variables with a unit."""
    owner, places = rule.__name__, _equations(rule)
    _check_names(rule, places, dict(parameters))
    scopes = _scopes(rule, places, dict(parameters), dict(required))
    for place, equations in places.items():
        check_equations(equations, scopes[PLACES[place]], _MISPLACED_FLAGS[place])
        check_linear(equations)
    for block in STATEMENT_BLOCKS:
        check_block(parse_statements(getattr(rule, block), f"{owner}.{block}"), scopes[block])
    source = Source(rule.transmitted, f"{owner}.transmitted")
    expression = parse_expression(source.text, source.where)
    check_expression(source, expression, scopes["on_pre"])


def _check_names(
    rule: type[Rule], places: dict[str, Equations], parameters: dict[str, tuple[float, str]]
) -> None:
    """Raise ValueError for names that mean something already or are used twice."""
    owner = rule.__name__
    for kind, names in (("parameter", parameters), ("random number", rule.noise)):
        for name in names:
            check_name(name, f"{owner}: the {kind}")
    kinds = [set(parameters), *(set(e.units) for e in places.values()), set(rule.noise)]
    kinds += [set(rule.requires), {f"{name}_stream" for name in rule.noise}]
    for index, one in enumerate(kinds):
        for other in kinds[index + 1 :]:
            if one & other:
                raise ValueError(f"{owner}: {sorted(one & other)[0]!r} is defined in two places.")


def _scopes(
    rule: type[Rule],
    places: dict[str, Equations],
    parameters: dict[str, tuple[float, str]],
    required: dict[str, str],
) -> dict[str, Scope]:
    """Return what each block may use."""
    where = f"{rule.__name__}.required_units"
    known = {name: unit_dimension(unit, where) for name, (_, unit) in parameters.items()}
    known |= {"dt": SECOND, "t": SECOND}
    own = {
        place: {line.variable: line.dimension for line in equations}
        for place, equations in places.items()
    }
    neuron: dict[str, Dimension | None] = dict.fromkeys(rule.requires)
    neuron |= {name: unit_dimension(unit, where) for name, unit in required.items()}
    third_factor = {"third_factor": DIMENSIONLESS}
    noise = dict.fromkeys(rule.noise, DIMENSIONLESS)
    weights = dict.fromkeys(("w", "w_min", "w_max"), DIMENSIONLESS)
    of_post = own["post"] | {n: d for n, d in neuron.items() if n != "sensitivity"}
    synapse = own["pre"] | own["post"] | own["synapse"] | neuron | weights | third_factor
    visible: dict[str, Mapping[str, Dimension | None]] = {
        **dict.fromkeys(("pre_equations", "pre_each_step", "pre_on_spike"), own["pre"]),
        **dict.fromkeys(("post_equations", "post_each_step"), of_post | third_factor),
        "post_on_spike": of_post,
        "post_on_delivery": own["post"] | third_factor,
        **dict.fromkeys(("on_pre", "on_post", "each_step"), synapse | noise),
        **dict.fromkeys(("equations", "at_decision", "consolidate", "at_episode"), synapse),
    }
    booleans = {n for e in places.values() for n, unit in e.units.items() if unit == "boolean"}
    booleans |= {name for name, unit in required.items() if unit == "boolean"}
    constants = {name: value for name, (value, _) in parameters.items()}
    scopes = {}
    for block, names in visible.items():
        place = "synapse" if names.keys() >= weights.keys() else block.partition("_")[0]
        writable = {line.variable for line in places[place] if line.is_writable}
        scopes[block] = Scope(
            known={**names, **known},
            writable=frozenset(writable | ({"w"} if place == "synapse" else set())),
            constants=constants,
            booleans=frozenset(booleans),
            elsewhere=_elsewhere(block, synapse.keys() | noise.keys(), places, rule)
        )  # fmt: skip
    return scopes


def _elsewhere(
    block: str, names: Iterable[str], places: dict[str, Equations], rule: type[Rule]
) -> dict[str, str]:
    """Return why a block cannot use names of the rule; asked only for those that it cannot."""
    found = {}
    sides = {"pre": "presynaptic neuron", "post": "postsynaptic neuron", "synapse": "synapse"}
    for name in names:
        home = next((place for place in places if name in places[place].units), "")
        if name in rule.noise:
            found[name] = "random numbers are fresh in on_pre, on_post and each_step only"
        elif home:
            line = next(line for line in places[home] if line.variable == name)
            found[name] = f"it lives on the {sides[home]}"
            if not line.is_writable:
                found[name] = f"its value is given in {PLACES[home]}"
        elif name == "third_factor":
            found[name] = "the third factor is delivered to the synapse and its postsynaptic neuron"
        else:
            found[name] = "it belongs to the " + (
                "postsynaptic neuron"
                if name in rule.requires and name != "sensitivity"
                else "synapse"
            )
    return found
