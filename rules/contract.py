"""The rule contract: a plasticity rule is data, a frozen dataclass of floats and equation strings.

A rule names its variables bare (``pre_trace``, ``post_trace``, ``third_factor``, ``score``) and never
says where Brian2 keeps them; the assembler (`models.assembly`) and the NumPy interpreter
(`rules.interpreter`) read the same strings.

One timestep runs: integrate, threshold, then the five event blocks in the order that the rule
declares, then the reset of the spiking neurons. ``at_decision`` runs when a decision window closes,
``consolidate`` when the third factor arrives.
"""

import math
import re
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

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

#: The five event blocks of a timestep, in the default order.
EVENT_BLOCKS = ("each_step", "on_pre", "on_post", "pre_on_spike", "post_on_spike")

#: Names that every rule may use without declaring them.
SYNAPSE_NAMES = frozenset({"w", "w_min", "w_max", "third_factor", "dt", "t"})

#: Functions that equation strings may call, in Brian2 and in the interpreter alike.
FUNCTION_NAMES = frozenset({"exp", "log", "sqrt", "abs", "clip", "int", "sign", "tanh"})

_IDENTIFIER = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_DEFINITION = re.compile(
    r"^\s*(?:d(?P<ode>\w+)/dt|(?P<plain>\w+))\s*(?:=[^:]*)?:\s*(?P<unit>[\w*/]+)"
)


def parameter_values(instance: Any) -> dict[str, tuple[float, str]]:
    """Return the float fields of a rule or neuron as ``{equation name: (SI value, unit)}``.

    ``tau_plus_ms = 20.0`` becomes ``tau_plus = (0.02, "second")``; a field without a unit suffix keeps
    its name and has unit ``"1"``. Fields that are not numbers are not equation parameters.
    """
    values = {}
    for field in fields(instance):
        value = getattr(instance, field.name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        for suffix, (unit, factor) in UNIT_SUFFIXES.items():
            if field.name.endswith(suffix):
                values[field.name.removesuffix(suffix)] = (value * factor, unit)
                break
        else:
            values[field.name] = (float(value), "1")
    return values


def check_parameters(instance: Any) -> None:
    """Raise ValueError unless every number is finite and every time constant positive."""
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
    pre_on_spike: ClassVar[str] = ""
    post_equations: ClassVar[str] = ""
    post_on_spike: ClassVar[str] = ""
    equations: ClassVar[str] = ""
    on_pre: ClassVar[str] = ""
    on_post: ClassVar[str] = ""
    each_step: ClassVar[str] = ""
    at_decision: ClassVar[str] = ""
    consolidate: ClassVar[str] = ""
    #: What the postsynaptic neuron does when the host delivers a third factor.
    post_on_delivery: ClassVar[str] = ""
    #: Variables that the postsynaptic neuron model must expose (``p``, ``z``, ``score``, ...).
    requires: ClassVar[tuple[str, ...]] = ()
    #: Order of the event blocks inside one timestep: the coincidence policy.
    order: ClassVar[tuple[str, ...]] = EVENT_BLOCKS
    #: Variable -> when it returns to zero: "keep", "episode" or "decision". Default: "episode".
    resets: ClassVar[dict[str, str]] = {}
    #: Field naming the period in ms of a weight clock of its own; empty: consolidated by the host.
    weight_clock: ClassVar[str] = ""
    #: Whether weights stay bitwise unchanged while the third factor is zero.
    modulated: ClassVar[bool] = True
    #: Whether the update is linear in the third factor.
    linear: ClassVar[bool] = True

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


def check_rule_class(rule: type[Rule]) -> None:
    """Raise ValueError or TypeError unless the strings of a rule fit the contract.

    Checked: a frozen dataclass derived from `Rule`; each block uses only names that it may see; the
    declared order is a permutation of the five event blocks; resets name known variables.
    """
    owner = rule.__name__
    if not (isinstance(rule, type) and issubclass(rule, Rule)):
        raise TypeError(f"{owner} must be a class derived from rules.contract.Rule.")
    if "__dataclass_fields__" not in rule.__dict__:
        raise TypeError(f"{owner} must be decorated with @dataclass(frozen=True).")
    for field in fields(rule):
        if field.default is MISSING:
            raise TypeError(f"{owner}.{field.name} needs a default value.")
    if sorted(rule.order) != sorted(EVENT_BLOCKS):
        raise ValueError(f"{owner}.order must name each of {EVENT_BLOCKS} once, got {rule.order}.")
    parameters = set(parameter_values(rule()))
    pre, post = (
        set(defined_variables(rule.pre_equations)),
        set(defined_variables(rule.post_equations)),
    )
    synapse = set(defined_variables(rule.equations))
    for one, other in ((pre, post), (pre, synapse), (post, synapse)):
        if one & other:
            raise ValueError(f"{owner}: {sorted(one & other)} defined in two places.")
    everywhere = parameters | pre | post | synapse | set(rule.requires) | SYNAPSE_NAMES
    neuron_side = {
        "pre_equations": pre | parameters, "pre_on_spike": pre | parameters,
        "post_equations": post | parameters | set(rule.requires) | {"third_factor"},
        "post_on_spike": post | parameters | set(rule.requires),
        "post_on_delivery": post | parameters | {"third_factor"},
    }  # fmt: skip
    blocks = ("equations", "on_pre", "on_post", "each_step", "at_decision", "consolidate")
    for block in (*neuron_side, *blocks):
        code = getattr(rule, block)
        allowed = neuron_side.get(block, everywhere) | {"dt", "t"}
        if "equations" in block:
            units = set(UNIT_SUFFIXES_UNITS) | {"clock", "driven", "event", "constant", "shared"}
            unknown = _equation_identifiers(code) - allowed - units
        else:
            unknown = identifiers(code) - allowed
        if unknown:
            raise ValueError(
                f"{owner}.{block}: unknown name {sorted(unknown)[0]!r}; "
                f"known here: {', '.join(sorted(allowed))}."
            )
    for variable, policy in rule.resets.items():
        if variable not in pre | post | synapse:
            raise ValueError(f"{owner}.resets: no variable {variable!r} in its equations.")
        if policy not in RESET_POLICIES:
            raise ValueError(
                f"{owner}.resets[{variable!r}] must be one of {RESET_POLICIES}, got {policy!r}."
            )


UNIT_SUFFIXES_UNITS = tuple(unit for unit, _ in UNIT_SUFFIXES.values())


def _equation_identifiers(equations: str) -> set[str]:
    """Names on the right-hand sides of an equation block."""
    right = []
    for line in equations.splitlines():
        body = re.sub(r"#.*", "", line).rpartition(":")[0]
        right.append(body.partition("=")[2])
    return identifiers("\n".join(right))
