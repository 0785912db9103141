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
from dataclasses import dataclass, fields, replace
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

#: Where a variable lives -> the block of its equations.
PLACES = {"pre": "pre_equations", "post": "post_equations", "synapse": "equations"}
EQUATION_BLOCKS = tuple(PLACES.values())
STATEMENT_BLOCKS = (
    *EVENT_BLOCKS, "post_on_delivery", "at_decision", "consolidate", "at_episode",
)  # fmt: skip


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

    ``tau_*`` and ``*_period_ms`` are > 0; ``*_decay`` is a factor in [0, 1], per decision or, of a
    neuron, per timestep.
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
    #: Whether the update is a sum over timesteps that depends on their length; the docstring then
    #: says what the learning rate means.
    per_timestep: ClassVar[bool] = False

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
