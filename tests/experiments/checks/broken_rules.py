"""Broken rules for every check, each with one slip in `Sound`, and the message that finds it."""

import itertools
from dataclasses import dataclass
from typing import ClassVar

from threefactor.rules.contract import Rule


@dataclass(frozen=True)
class Sound(Rule):
    """Reward-modulated Hebb, without a fault.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Scale of every weight change, in units of the weight, >= 0.
    tau_trace_ms : float, default 20.0
        Decay of the trace, ms, > 0.

    Source
    ------
    Made for this test.
    """

    learning_rate: float = 0.01
    tau_trace_ms: float = 20.0

    pre_equations: ClassVar[str] = "dpre_trace/dt = -pre_trace/tau_trace : 1"
    pre_on_spike: ClassVar[str] = "pre_trace += 1"
    equations: ClassVar[str] = "eligibility : 1"
    on_post: ClassVar[str] = "eligibility += pre_trace"
    consolidate: ClassVar[str] = "w += learning_rate*third_factor*eligibility"


def spoil(**strings):
    """Return `Sound` with other strings and its docstring."""
    return dataclass(frozen=True)(type("Spoiled", (Sound,), {"__doc__": Sound.__doc__, **strings}))


@dataclass(frozen=True)
class ForeignUnit(Sound):
    tau_eligibility_s: float = 0.5


@dataclass(frozen=True)
class TimeConstantWithoutUnit(Sound):
    tau_eligibility: float = 500.0


@dataclass(frozen=True)
class Undocumented(Sound):
    pass


@dataclass(frozen=True)
class ForgottenField(Sound):
    __doc__ = Sound.__doc__
    gain: float = 1.0


@dataclass(frozen=True)
class OldDefault(Sound):
    __doc__ = Sound.__doc__
    tau_trace_ms: float = 25.0


@dataclass(frozen=True)
class TupleField(Sound):
    delays: tuple = (1.0, 2.0)


class Fickle:
    """A string that is another one each time it is read."""

    def __init__(self):
        self._counter = itertools.count(1)

    def __get__(self, instance, owner):
        return f"w += learning_rate*third_factor*eligibility*{1 + next(self._counter) / 1000}"


class Moody:
    """A string that depends on how many replicas there are, as the test tells it."""

    mood = 1

    def __get__(self, instance, owner):
        return f"w += learning_rate*third_factor*eligibility*{Moody.mood}"


#: Engines on which the slip shows; elsewhere the NumPy runtime.
ENGINES = {"synapse-order": ("compiled",), "engines-agree": ("runtime-numpy", "compiled")}

#: Check -> broken rules, each with a part of the message that names the slip.
BROKEN = {
    "builds": [
        (spoil(on_post="eligibility += pre_trase"), "unknown name 'pre_trase'"),
        (spoil(requires=("charisma",)), "got charisma; neurons expose: "),
        (spoil(equations="deligibility/dt = -eligibility : 1"), "needs the unit 1/second, this "),
    ],
    "units": [
        (spoil(equations="deligibility/dt = -eligibility : 1"), "a rate without its /tau"),
        (ForeignUnit, "tau_eligibility_s: expected a unit suffix of _ms _mv .* got _s"),
        (TimeConstantWithoutUnit, "name it tau_eligibility_ms"),
    ],
    "documentation": [
        (Undocumented, "a docstring with a Parameters section"),
        (ForgottenField, "learning_rate, tau_trace_ms, gain, .* look at gain"),
        (OldDefault, "tau_trace_ms: expected its default 25.0 in the docstring, got 20.0"),
        (spoil(__doc__=str(Sound.__doc__).partition("Source")[0]), "expected a Source section"),
    ],
    "round-trip": [(TupleField, r"JSON: expected .*\(1.0, 2.0\).* got .*\[1.0, 2.0\]")],
    "no-spikes": [
        (spoil(consolidate="w += learning_rate*third_factor"), "declare drifts = True"),
        (spoil(drifts=True), "expected weights that move without spikes"),
    ],
    "zero-third-factor": [
        (spoil(consolidate="w += learning_rate*eligibility"), "multiply the update by third_f"),
        (spoil(modulated=False), "leave modulated out"),
        (spoil(on_post=""), "no change at all; is the eligibility ever written"),
    ],
    "linearity": [
        (
            spoil(consolidate="w += learning_rate*abs(third_factor)*eligibility"),
            "expected -1 times the change with -1 times the third factor",
        ),
    ],
    "zero-learning-rate": [
        (spoil(consolidate="w += 0.001*third_factor*eligibility"), "multiply every change of w by"),
    ],
    "bounds": [
        (spoil(on_post="w += learning_rate*pre_trace", modulated=False), "write w = clip"),
    ],
    "finite": [
        (spoil(on_post="eligibility = exp(10 + eligibility)"), "got (eligibility|w) = inf"),
    ],
    "deterministic": [(spoil(consolidate=Fickle()), "expected the same w in two builds")],
    "synapse-order": [
        (
            spoil(on_pre="eligibility += v/v_rest", requires=("v", "v_rest")),
            "does on_pre or on_post read a neuron variable",
        ),
    ],
    "replicas": [(spoil(consolidate=Moody()), "does the rule hold state that replicas share")],
    "engines-agree": [
        (spoil(on_post="eligibility += int(1e10*pre_trace)"), "expected the same"),
    ],
    "interpreter": [
        (
            spoil(
                equations="deligibility/dt = -eligibility/tau_trace : 1 (event-driven)",
                on_post="eligibility += 1", on_pre="eligibility *= 0.5",
            ),
            "leave \\(event-driven\\) out",
        ),
    ],
    "timestep": [
        (spoil(on_post="", each_step="eligibility += pre_trace"), "multiply by dt/unit_time"),
        (
            spoil(on_post="eligibility += pre_trace*dt/tau_trace"),
            "(?=.*400% at 0.5 ms)expected the same update",
        ),
        (spoil(per_timestep=True), "leave per_timestep out"),
    ],
}  # fmt: skip
