"""How a proposed weight change becomes a weight: soft bounds, Adam, a fixed sum of inputs.

A rule's blocks propose (``w += ...``), the projection's `WeightUpdate` disposes. It is data like a
rule: statements over ``w`` and ``change``, read by the assembler and the interpreter alike. Hard
bounds always hold afterwards.
"""

from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from threefactor.rules.contract import Rule, check_parameters, parameter_values
from threefactor.rules.language import parse_equations, parse_statements
from threefactor.rules.language.classes import (
    check_dataclass,
    check_flags,
    check_strings,
    check_tuple_of_names,
    once,
)
from threefactor.rules.language.equations import unit_dimension
from threefactor.rules.language.names import check_name
from threefactor.rules.language.scope import Scope, check_block, check_equations
from threefactor.rules.language.units import DIMENSIONLESS, SECOND, Dimension

PREFIX = "update_"


@dataclass(frozen=True)
class WeightUpdate:
    """The proposed change as it is; base of every other update."""

    #: Variables of each synapse; they outlive the episode.
    equations: ClassVar[str] = ""
    #: Statements that move ``w`` by ``change``; empty: by the whole of it.
    apply: ClassVar[str] = ""
    #: Whether every synapse needs finite bounds, one below the other.
    needs_bounds: ClassVar[bool] = False
    #: Fields that scale the change of the weights, beside the rule's; zero in the frozen twin.
    rates: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        check_parameters(self)

    @property
    def prefixes(self) -> dict[str, str]:
        """Own names of the update -> what they are called among those of a rule."""
        own = {*parse_equations(self.equations).units, *parameter_values(self)}
        return {name: PREFIX + name for name in own}

    def wrap(self, block: str) -> str:
        """Return a rule's block with the change of ``w`` that it proposes handed to `apply`."""
        if not self.apply or "w" not in parse_statements(block).writes:
            return block
        # clip copies: with Brian2's NumPy target `w_before = w` would be the same array as w
        lines = ["w_before = clip(w, w_min, w_max)", block, "change = w - w_before"]
        own = parse_statements(self.apply).renamed(self.prefixes)
        lines += ["w = clip(w_before, w_min, w_max)", own]
        return "\n".join([*lines, "w = clip(w, w_min, w_max)"])


@dataclass(frozen=True)
class SoftBounds(WeightUpdate):
    """Soft bounds: a change shrinks with the distance to the bound that it heads for.

    Equations
    ---------
    change > 0: w <- w + change*((w_max - w)/(w_max - w_min))**exponent
    change < 0: w <- w + change*((w - w_min)/(w_max - w_min))**exponent

    Parameters
    ----------
    exponent : float, default 1.0
        >= 0; 1: multiplicative; between 0 and 1: towards additive changes.

    Limits
    ------
    Needs finite bounds with w_min < w_max.

    Source
    ------
    Gutig, Aharonov, Rotter & Sompolinsky 2003, J. Neurosci. 23:3697 (exponent mu).
    """

    exponent: float = 1.0

    needs_bounds = True
    apply = """w += change*(
        (int(change > 0)*(w_max - w) + int(change <= 0)*(w - w_min))/(w_max - w_min)
    )**exponent"""

    def __post_init__(self) -> None:
        """Check the exponent."""
        super().__post_init__()
        if self.exponent < 0:
            raise ValueError(f"SoftBounds.exponent must be >= 0, got {self.exponent}.")


@dataclass(frozen=True)
class Adam(WeightUpdate):
    """Adam: steps of a size of their own along the smoothed sign of the proposed changes.

    Equations
    ---------
    first_moment <- first_decay*first_moment + (1 - first_decay)*change
    second_moment <- second_decay*second_moment + (1 - second_decay)*change**2
    w <- w + step_size*(first_moment/(1 - first_decay**n)) /
        (sqrt(second_moment/(1 - second_decay**n)) + epsilon)         n: number of updates so far

    Parameters
    ----------
    step_size : float, default 0.001
        Size of a step, in units of the weight, >= 0.
    first_decay : float, default 0.9
        Memory of the mean change, 0 to 1.
    second_decay : float, default 0.999
        Memory of the mean squared change, 0 to 1.
    epsilon : float, default 1e-08
        Added to the root of the mean square, in units of the change, > 0.

    Limits
    ------
    For rules that update at the end of a trial (e-prop). The rule's learning rate cancels, except
    against epsilon; a rule without modulation keeps moving weights for a while.

    Source
    ------
    Kingma & Ba 2015, ICLR, algorithm 1.
    """

    step_size: float = 1e-3
    first_decay: float = 0.9
    second_decay: float = 0.999
    epsilon: float = 1e-8

    rates = ("step_size",)
    equations = """first_moment : 1
    second_moment : 1
    updates : 1"""
    apply = """updates += 1
    first_moment = first_decay*first_moment + (1 - first_decay)*change
    second_moment = second_decay*second_moment + (1 - second_decay)*change**2
    w += step_size*first_moment/(1 - first_decay**updates)/(
        sqrt(second_moment/(1 - second_decay**updates)) + epsilon
    )"""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        if self.step_size < 0:
            raise ValueError(f"Adam.step_size must be >= 0, got {self.step_size}.")
        if self.epsilon <= 0:
            raise ValueError(f"Adam.epsilon must be > 0, got {self.epsilon}.")
        for name in ("first_decay", "second_decay"):
            if getattr(self, name) == 1:
                raise ValueError(f"Adam.{name} must be < 1, got 1: it would never learn.")


UPDATES: dict[str, type[WeightUpdate]] = {
    "plain": WeightUpdate,
    "soft-bounds": SoftBounds,
    "adam": Adam,
}


def check_update_class(update: type[WeightUpdate]) -> None:
    """Raise ValueError or TypeError unless the strings of a weight update fit the contract.

    Checked: a frozen dataclass derived from `WeightUpdate`; its statements use ``w``, ``change``,
    the bounds and names of its own, without units, and assign ``w`` and its own variables;
    constants are finite; rates name its fields. A class that passed is not looked at again.
    """
    if not (isinstance(update, type) and issubclass(update, WeightUpdate)):
        raise TypeError(f"{update!r} must be a class derived from threefactor.WeightUpdate.")
    check_dataclass(update)
    _check_strings(update)


@once
def _check_strings(update: type[WeightUpdate]) -> None:
    owner, parameters = update.__name__, parameter_values(update())
    check_strings(update, "equations", "apply")
    check_tuple_of_names(update, "rates")
    check_flags(update, "needs_bounds")
    for name in update.rates:
        if name not in {field.name for field in fields(update)}:
            raise ValueError(f"{owner}.rates names {name!r}, which is no field.")
    for name in parameters:
        check_name(name, f"{owner}: the parameter")
    equations = parse_equations(update.equations, f"{owner}.equations")
    known: dict[str, Dimension | None] = {n: unit_dimension(u) for n, (_, u) in parameters.items()}
    known |= dict.fromkeys(("w", "w_min", "w_max", "change"), DIMENSIONLESS)
    known |= {"dt": SECOND, "t": SECOND} | {line.variable: line.dimension for line in equations}
    constants = {name: value for name, (value, _) in parameters.items()}
    stored = frozenset(line.variable for line in equations if line.is_stored)
    scope = Scope(known, stored | {"w"}, constants=constants)
    check_equations(equations, scope, {})
    check_block(parse_statements(update.apply, f"{owner}.apply"), scope)


def moves_within_windows(rule: Rule) -> bool:
    """Return whether a rule changes weights while a decision window is simulated.

    It has a weight clock of its own, or assigns ``w`` at spikes or in every timestep.
    """
    blocks = (rule.on_pre, rule.on_post, rule.each_step)
    return bool(rule.weight_clock) or any("w" in parse_statements(b).writes for b in blocks)


def normalise_incoming(w: np.ndarray, post: np.ndarray, n_post: int, total: float) -> None:
    """Scale weights (..., n_synapses) in place so that each postsynaptic neuron's sum to `total`.

    Column normalisation: at once, after every update, and without regard to bounds.

    Neurons whose weights sum to zero are left alone.
    """
    for row in w.reshape(-1, w.shape[-1]):
        sums = np.bincount(post, weights=row, minlength=n_post)
        row *= np.where(sums == 0, 1.0, total / np.where(sums == 0, 1.0, sums))[post]
