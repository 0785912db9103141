"""Eligibilities that decay exponentially and are read only when a window closes.

Such a variable is kept in growing units instead of being multiplied in every timestep: with ``y =
eligibility * exp(k*dt/tau)``, k timesteps into the window, only spikes touch ``y``.
"""

from dataclasses import dataclass

import numpy as np

from threefactor.models.blueprint import Blueprint, Demand, SynapseCode
from threefactor.rules.contract import Rule, parameter_values
from threefactor.rules.language import (
    Block,
    Equation,
    Equations,
    parse_equations,
    parse_expression,
    parse_statements,
)
from threefactor.rules.language.expressions import Name, Operation


@dataclass(frozen=True)
class LazyDecay:
    """A variable that decays lazily, and the parameter that is its time constant."""

    variable: str
    tau: str

    @property
    def growth(self) -> str:
        """Name of the factor that the variable has grown by since the window opened."""
        return f"{self.variable}_growth"


def find_lazy_decays(
    rule: Rule, equations: Equations, on_pre: Block, on_post: Block
) -> tuple[LazyDecay, ...]:
    """Return the variables that decay and that nothing but additions at spikes touches."""
    if rule.weight_clock:
        return ()
    elsewhere = parse_statements(rule.each_step).names | parse_expression(rule.transmitted).names
    found = []
    for line in equations:
        decay = _decay(line)
        if decay is None or decay.tau not in parameter_values(rule):
            continue
        if decay.growth in equations.names | parameter_values(rule).keys():  # the rule's own
            continue
        others = frozenset().union(*(e.names for e in equations if e is not line))
        if decay.variable not in elsewhere | others and all(
            _only_adds(block, decay.variable) for block in (on_pre, on_post)
        ):
            found.append(decay)
    return tuple(found)


def grown(block: Block, decays: tuple[LazyDecay, ...]) -> Block:
    """Return a block of spikes that adds to lazy variables in their present units."""
    growth = {decay.variable: decay.growth for decay in decays}
    return parse_statements(
        block.with_right_sides(
            {
                statement: f"{growth[statement.target]}*({block.right_side(statement)})"
                for statement in block
                if statement.target in growth
            }
        )
    )


def without_decay(equations: Equations, decays: tuple[LazyDecay, ...]) -> Equations:
    """Return equations in which lazy variables and the factors of their growth are stored."""
    stored = {
        decay.variable: f"{decay.variable} : 1\n{decay.growth} : 1 (shared)" for decay in decays
    }
    lines = {line: stored[line.variable] for line in equations if line.variable in stored}
    return parse_equations(equations.with_lines(lines))


def add_growth(plan: Blueprint, code: SynapseCode, decays: tuple[LazyDecay, ...]) -> None:
    """Let the factors grow in every timestep and be settled when a window closes."""
    for decay in decays:
        step = f"{decay.growth} *= exp(dt/{decay.tau})"
        code.every_step.append((f"{code.name}_{decay.growth}_step", step, "groups", 0))
        plan.data[f"{code.name}.{decay.growth}"] = np.array(1.0)
        plan.decay[f"{code.name}.{decay.variable}"] = f"{code.name}.{decay.tau}"
        plan.growth[f"{code.name}.{decay.variable}"] = f"{code.name}.{decay.growth}"
    settle = "\n".join(f"{decay.variable} *= 1/{decay.growth}" for decay in decays)
    settled = "\n".join(f"{decay.growth} = 1" for decay in decays)
    for block, lines in (("settle", settle), ("settled", settled)):  # scalars not after vectors
        plan.demand.append(Demand(block, code.name, code.name, lines))


def _decay(line: Equation) -> LazyDecay | None:
    """Return the decay that an equation is, if ``dx/dt = -x/tau : 1`` is all that it says."""
    if line.is_differential and line.unit == "1" and line.flags in ((), ("clock-driven",)):
        match line.expression:
            case Operation("/", (Operation("-", (Name(line.variable),)), Name(tau))):
                return LazyDecay(line.variable, tau)
    return None


def _only_adds(block: Block, variable: str) -> bool:
    """Return whether a block, where it names a variable, only adds to it."""
    return all(
        variable not in statement.expression.names
        and (statement.target != variable or statement.operator in ("+=", "-="))
        for statement in block
    )
