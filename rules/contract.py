"""The rule contract: a plasticity rule is data, a frozen dataclass of floats and strings.

A rule names its variables bare (``pre_trace``, ``post_trace``, ``third_factor``, ``score``) and
never says where Brian2 keeps them; the assembler (`models.assembly`) and the NumPy interpreter
(`rules.interpreter`) read the same strings.

One timestep runs: integrate, threshold, then the event blocks in the order that the rule declares,
then the reset of the spiking neurons. ``at_decision`` runs when a decision window closes,
``consolidate`` when the third factor arrives, ``at_episode`` when an episode ends, before its
resets.
"""

import math
import re
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, ClassVar

from threefactor.rules.language.statements import (
    FUNCTIONS,
    names_in,
    parse_equations,
    parse_expression,
    parse_statements,
)

#: Unit suffix of a field name -> (Brian2 unit name, factor to SI).
UNIT_SUFFIXES = {
    "_ms": ("second", 1e-3),
    "_mv": ("volt", 1e-3),
    "_hz": ("hertz", 1.0),
    "_pf": ("farad", 1e-12),
    "_ns": ("siemens", 1e-9),
    "_pa": ("amp", 1e-12),
    "_mohm": ("ohm", 1e6),
}

#: What may happen to a variable when an episode starts or a decision closes.
RESET_POLICIES = ("keep", "episode", "decision")

#: The event blocks of a timestep, in the default order. A rule's order may leave out the first two
#: if it does not use them.
EVENT_BLOCKS = (
    "pre_each_step", "post_each_step", "each_step", "on_pre", "on_post", "pre_on_spike",
    "post_on_spike",
)  # fmt: skip
OPTIONAL_BLOCKS = EVENT_BLOCKS[:2]

#: Signal that networks write: +1 where a neuron's activity agrees with the action taken, else -1.
AGREEMENT = "agreement"
#: Signal that agents write: minus each neuron's error (e-prop).
LEARNING_SIGNAL = "learning_signal"

#: Names that every rule may use without declaring them.
SYNAPSE_NAMES = frozenset({"w", "w_min", "w_max", "third_factor", "dt", "t"})

#: Functions that equation strings may call, in Brian2 and in the interpreter alike.
FUNCTION_NAMES = frozenset(FUNCTIONS)

#: Names that SymPy or Brian2 give a meaning of their own; a rule may not define them.
RESERVED_NAMES = frozenset(
    {"e", "pi", "inf", "xi", "i", "j", "t", "dt", "N", "E", "I", "O", "Q", "S", "C", "lastspike",
     "lastupdate", "not_refractory", "rand", "randn", "w", "w_min", "w_max", "w_before",
     "change", "third_factor"}
)  # fmt: skip

_IDENTIFIER = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_DEFINITION = re.compile(
    r"^\s*(?:d(?P<ode>\w+)/dt|(?P<plain>\w+))\s*(?:=[^:]*)?:\s*(?P<unit>[\w*/]+)"
)


def split_unit(field: str) -> tuple[str, str, float]:
    """Return a field's name in equations, its Brian2 unit ("1": none) and the factor to SI."""
    for suffix, (unit, factor) in UNIT_SUFFIXES.items():
        if field.endswith(suffix):
            return field.removesuffix(suffix), unit, factor
    return field, "1", 1.0


def parameter_values(instance: Any) -> dict[str, tuple[float, str]]:
    """Return the float fields of a rule or neuron as ``{equation name: (SI value, unit)}``.

    ``tau_plus_ms = 20.0`` becomes ``tau_plus = (0.02, "second")``; a field without a unit suffix
    keeps its name and has unit ``"1"``. Fields that are not numbers are not equation parameters.
    """
    values = {}
    for field in fields(instance):
        value = getattr(instance, field.name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        name, unit, factor = split_unit(field.name)
        values[name] = (value * factor, unit)
    return values


def check_parameters(instance: Any) -> None:
    """Raise ValueError unless every number is finite and in the range that its name implies.

    ``tau_*`` and ``*_period_ms`` are > 0; ``*_decay`` is a factor per decision in [0, 1].
    """
    owner = type(instance).__name__
    for field in fields(instance):
        value = getattr(instance, field.name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        unit = next((s[1:] for s in UNIT_SUFFIXES if field.name.endswith(s)), "")
        if not math.isfinite(value):
            raise ValueError(f"{owner}.{field.name} must be a finite number, got {value}.")
        if field.name.startswith("tau_") and value <= 0:
            raise ValueError(f"{owner}.{field.name} must be > 0 {unit}, got {value}.")
        if field.name.endswith("_period_ms") and value <= 0:
            raise ValueError(f"{owner}.{field.name} must be > 0 ms, got {value}.")
        if field.name.endswith("_decay") and not 0 <= value <= 1:
            raise ValueError(f"{owner}.{field.name} must be in [0, 1], got {value}.")


def identifiers(code: str) -> set[str]:
    """Return the names that a block of statements or equations mentions, functions left out."""
    without_comments = re.sub(r"#.*", "", code)
    return set(_IDENTIFIER.findall(without_comments)) - FUNCTION_NAMES


def defined_variables(equations: str) -> dict[str, str]:
    """Return ``{variable: unit}`` of an equation block, in order of definition."""
    found = {}
    for line in equations.splitlines():
        match = _DEFINITION.match(re.sub(r"#.*", "", line))
        if match:
            found[match["ode"] or match["plain"]] = match["unit"]
    return found


@dataclass(frozen=True)
class Rule:
    """Base of every plasticity rule; see the module docstring for the meaning of the blocks.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Scale of every weight change, in units of the weight, >= 0.
    """

    learning_rate: float = 0.01

    pre_equations: ClassVar[str] = ""
    pre_each_step: ClassVar[str] = ""
    pre_on_spike: ClassVar[str] = ""
    post_equations: ClassVar[str] = ""
    post_each_step: ClassVar[str] = ""
    post_on_spike: ClassVar[str] = ""
    equations: ClassVar[str] = ""
    on_pre: ClassVar[str] = ""
    on_post: ClassVar[str] = ""
    each_step: ClassVar[str] = ""
    at_decision: ClassVar[str] = ""
    consolidate: ClassVar[str] = ""
    #: The update at the end of a trial, for rules that collect it over an episode.
    at_episode: ClassVar[str] = ""
    #: What the postsynaptic neuron does when the host delivers a third factor.
    post_on_delivery: ClassVar[str] = ""
    #: Variables that the postsynaptic neuron model must expose (``p``, ``z``, ``score``, ...).
    requires: ClassVar[tuple[str, ...]] = ()
    #: Units of required variables, where models differ in them: ``{"v": "volt"}``.
    required_units: ClassVar[dict[str, str]] = {}
    #: Random numbers of each synapse, uniform in [0, 1), fresh in every timestep, read by name.
    noise: ClassVar[tuple[str, ...]] = ()
    #: What a presynaptic spike carries into the port, in place of the weight.
    transmitted: ClassVar[str] = "w"
    #: Order of the event blocks inside one timestep: the coincidence policy.
    order: ClassVar[tuple[str, ...]] = EVENT_BLOCKS
    #: Variable -> when it returns to zero: "keep", "episode" or "decision". Default: "episode".
    resets: ClassVar[dict[str, str]] = {}
    #: Postsynaptic variable -> the signal that the host writes into it before ``at_decision``:
    #: `AGREEMENT`, `LEARNING_SIGNAL`, or one of your own that you pass to `Network.write`.
    host_writes: ClassVar[dict[str, str]] = {}
    #: Fields that scale every change of the weights: all of them zero is the frozen twin.
    rates: ClassVar[tuple[str, ...]] = ("learning_rate",)
    #: Field naming the period in ms of a weight clock of its own; empty: consolidated by the host.
    weight_clock: ClassVar[str] = ""
    #: Whether weights stay bitwise unchanged while the third factor is zero.
    modulated: ClassVar[bool] = True
    #: Whether the update is linear in the third factor.
    linear: ClassVar[bool] = True
    #: Whether weights move without any spike (homeostasis, decay).
    drifts: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        check_parameters(self)
        if self.learning_rate < 0:
            raise ValueError(
                f"{type(self).__name__}.learning_rate must be >= 0, got {self.learning_rate}."
            )

    @property
    def consolidation_period_ms(self) -> float | None:
        """Period of the rule's own weight clock in ms, or None when the host consolidates."""
        return float(getattr(self, self.weight_clock)) if self.weight_clock else None


def scaled(rule: Rule, factor: float) -> Rule:
    """Return `rule` with each of its rates multiplied by `factor`."""
    return replace(rule, **{name: getattr(rule, name) * factor for name in rule.rates})


def check_rule_class(rule: type[Rule]) -> None:
    """Raise ValueError or TypeError unless the strings of a rule fit the contract.

    Checked: a frozen dataclass derived from `Rule`; each block can be read, uses only names that it
    may see and assigns only variables of its own place; the declared order names every event block
    once; resets, rates and the weight clock name what exists; every postsynaptic variable is
    assigned by the rule or declared in `host_writes`.
    """
    if not (isinstance(rule, type) and issubclass(rule, Rule)):
        raise TypeError(f"{rule!r} must be a class derived from threefactor.Rule.")
    owner = rule.__name__
    if "__dataclass_fields__" not in rule.__dict__:
        raise TypeError(f"{owner} must be decorated with @dataclass(frozen=True).")
    if not rule.__dict__["__dataclass_params__"].frozen:
        raise TypeError(f"{owner} must be frozen: decorate it with @dataclass(frozen=True).")
    for field in fields(rule):
        if field.default is MISSING:
            raise TypeError(f"{owner}.{field.name} needs a default value.")
    needed = {b for b in EVENT_BLOCKS if b not in OPTIONAL_BLOCKS or getattr(rule, b)}
    if len(set(rule.order)) < len(rule.order) or not needed <= set(rule.order) <= set(EVENT_BLOCKS):
        raise ValueError(f"{owner}.order must name each of {EVENT_BLOCKS} once, got {rule.order}.")
    places = _places(rule)
    _check_names(rule, places)
    _check_blocks(rule, places)
    for variable, policy in rule.resets.items():
        if not any(variable in defined for defined in places.values()):
            raise ValueError(f"{owner}.resets: no variable {variable!r} in its equations.")
        if policy not in RESET_POLICIES:
            raise ValueError(
                f"{owner}.resets[{variable!r}] must be one of {RESET_POLICIES}, got {policy!r}."
            )
    if rule.weight_clock and rule.weight_clock not in {f.name for f in fields(rule)}:
        raise ValueError(
            f"{owner}.weight_clock must name a field that holds a period in ms, "
            f"got {rule.weight_clock!r}."
        )
    _check_rates(rule)
    _check_host_writes(rule)


def _check_rates(rule: type[Rule]) -> None:
    """Raise ValueError unless `rates` names fields that scale weight changes, at least one."""
    numbers = [
        field.name for field in fields(rule)
        if isinstance(field.default, (int, float)) and not isinstance(field.default, bool)
    ]  # fmt: skip
    strange = [name for name in rule.rates if name not in numbers]
    if isinstance(rule.rates, str) or strange or not rule.rates:
        raise ValueError(
            f"{rule.__name__}.rates must be a tuple of fields that are numbers "
            f"({', '.join(numbers)}), at least one, got {rule.rates!r}."
        )


def _check_host_writes(rule: type[Rule]) -> None:
    """Raise ValueError unless someone writes every postsynaptic variable: the rule or the host."""
    owner = rule.__name__
    lines = parse_equations(rule.post_equations, f"{owner}.post_equations")
    stored = [line.variable for line in lines if line.is_differential or line.expression is None]
    for variable in rule.host_writes:
        if variable not in stored:
            raise ValueError(
                f"{owner}.host_writes: no variable {variable!r} is kept in post_equations; "
                f"it has: {', '.join(stored) or 'none'}."
            )
    blocks = ("post_each_step", "post_on_spike", "post_on_delivery")
    assigned = {
        statement.target for block in blocks for statement in parse_statements(getattr(rule, block))
    }
    constant = {line.variable for line in lines if line.expression is None}
    for variable in sorted(constant - assigned - set(rule.host_writes)):
        raise ValueError(
            f"{owner}.post_equations: nothing assigns {variable!r}; assign it in "
            f"{', '.join(blocks)}, or declare which signal the host writes into it: "
            f'host_writes = {{"{variable}": "agreement"}}.'
        )


def _places(rule: type[Rule]) -> dict[str, set[str]]:
    """Return the variables that a rule keeps on the pre neuron, the post neuron and the synapse."""
    blocks = {"pre": "pre_equations", "post": "post_equations", "synapse": "equations"}
    return {
        place: {
            line.variable
            for line in parse_equations(getattr(rule, block), f"{rule.__name__}.{block}")
        }
        for place, block in blocks.items()
    }


def _check_names(rule: type[Rule], places: dict[str, set[str]]) -> None:
    """Raise ValueError for names defined twice or that Brian2 would read as something else."""
    owner, parameters = rule.__name__, set(parameter_values(rule()))
    kinds = [parameters, *places.values(), set(rule.noise)]
    for index, one in enumerate(kinds):
        for other in kinds[index + 1 :]:
            if one & other:
                raise ValueError(f"{owner}: {sorted(one & other)} defined in two places.")
    for name in sorted(set().union(*kinds)):
        if name in RESERVED_NAMES | FUNCTION_NAMES or name.endswith(("_pre", "_post")):
            raise ValueError(
                f"{owner}: {name!r} has a meaning of its own in equations; choose another name, "
                f"a whole word that does not end in _pre or _post."
            )


def _check_blocks(rule: type[Rule], places: dict[str, set[str]]) -> None:
    """Raise ValueError if a block reads a name it cannot see or writes outside its place."""
    owner, parameters = rule.__name__, set(parameter_values(rule()))
    required, own = set(rule.requires), {k: v | parameters for k, v in places.items()}
    everywhere = own["pre"] | own["post"] | own["synapse"] | required | SYNAPSE_NAMES
    required -= {"sensitivity"}
    neuron_side = {
        "pre_equations": own["pre"], "pre_each_step": own["pre"], "pre_on_spike": own["pre"],
        "post_equations": own["post"] | required | {"third_factor"},
        "post_each_step": own["post"] | required | {"third_factor"},
        "post_on_spike": own["post"] | required,
        "post_on_delivery": own["post"] | {"third_factor"},
    }  # fmt: skip
    blocks = (
        "equations", "on_pre", "on_post", "each_step", "at_decision", "consolidate", "at_episode",
    )  # fmt: skip
    for block in (*neuron_side, *blocks):
        code, where = getattr(rule, block), f"{owner}.{block}"
        allowed = neuron_side.get(block, everywhere) | {"dt", "t"}
        if block in ("on_pre", "on_post", "each_step"):
            allowed |= set(rule.noise)
        is_equation = block.endswith("equations")
        statements = () if is_equation else parse_statements(code, where)
        if is_equation:
            unknown = _equation_identifiers(code) - allowed - set(UNIT_NAMES)
        else:
            unknown = identifiers(code) - allowed
        if unknown:
            raise ValueError(
                f"{where}: unknown name {sorted(unknown)[0]!r}; "
                f"known here: {', '.join(sorted(allowed))}."
            )
        place = block.partition("_")[0] if block in neuron_side else "synapse"
        writable = places[place] | ({"w"} if place == "synapse" else set())
        for statement in statements:
            if statement.target not in writable:
                raise ValueError(
                    f"{where}: cannot assign {statement.target!r} here; "
                    f"it may assign: {', '.join(sorted(writable)) or 'nothing'}."
                )
    strange = names_in(parse_expression(rule.transmitted)) - everywhere - set(rule.noise)
    if strange:
        raise ValueError(f"{owner}.transmitted: unknown name {sorted(strange)[0]!r}.")


UNIT_NAMES = tuple(unit for unit, _ in UNIT_SUFFIXES.values())


def _equation_identifiers(equations: str) -> set[str]:
    """Names on the right-hand sides of an equation block."""
    right = []
    for line in equations.splitlines():
        body = re.sub(r"#.*", "", line).rpartition(":")[0]
        right.append(body.partition("=")[2])
    return identifiers("\n".join(right))
