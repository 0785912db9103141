"""Exact integration by Brian2, one independent block of equations at a time.

Brian2 solves all equations of a group together, in time that grows steeply with their number, and
again for every group of another name or size. Blocks that do not read each other (a membrane, each
trace of a rule) have the same solutions alone, and most come up again and again.
"""

from collections.abc import Iterable
from typing import Any

from brian2.core.variables import Constant, Variable
from brian2.equations.codestrings import Expression
from brian2.equations.equations import DIFFERENTIAL_EQUATION, Equations, SingleEquation
from brian2.stateupdaters.exact import linear, sp
from brian2.utils.stringtools import get_identifiers, word_substitute

#: What is solved -> name of each variable and its expression one timestep later.
_solved: dict[Any, dict[str, str]] = {}


def integrate_exactly(
    equations: Equations, variables: dict[str, Any], method_options: Any = None
) -> str:
    """Return the abstract code that Brian2's method ``exact`` gives for `equations`.

    For use as ``NeuronGroup(method=integrate_exactly)``.

    Raises
    ------
    brian2.stateupdaters.base.UnsupportedEquationsException
        If the equations are stochastic or not linear.
    """
    slopes = {name: code.code for name, code in equations.get_substituted_expressions(variables)}
    updates: dict[str, str] = {}
    for block in _independent_blocks(slopes):
        key = tuple((name, slopes[name]) for name in block), _essence(block, slopes, variables)
        if key not in _solved:
            others = set(slopes) - set(block)
            alone = [
                equation
                for name, equation in equations.items()
                if equation.type != DIFFERENTIAL_EQUATION or name not in others
            ]
            _solved[key] = _solve(block, alone, variables, method_options)
        updates |= _solved[key]
    # Nothing is overwritten before everything is computed.
    lines = [f"_{name} = {updates[name]}" for name in slopes]
    return "\n".join([*lines, *(f"{name} = _{name}" for name in slopes)])


def _independent_blocks(slopes: dict[str, str]) -> Iterable[tuple[str, ...]]:
    """Return the variables in groups that do not read each other, in their order."""
    blocks: list[set[str]] = []
    for name, slope in slopes.items():
        block = {name} | (get_identifiers(slope) & slopes.keys())
        for other in [other for other in blocks if other & block]:
            blocks.remove(other)
            block |= other
        blocks.append(block)
    return [tuple(name for name in slopes if name in block) for block in blocks]


def _solve(
    block: tuple[str, ...],
    equations: list[SingleEquation],
    variables: dict[str, Any],
    method_options: Any,
) -> dict[str, str]:
    """Return each variable's expression one timestep later.

    Brian2 hands SymPy the names of variables as text, where those that SymPy itself defines, such
    as beta, mean something else: they get another name meanwhile.
    """
    apart = {name: f"{name}_variable" for name in block if hasattr(sp, name)}
    back = {other: name for name, other in apart.items()}
    renamed = [_renamed(equation, apart) for equation in equations] if apart else equations
    known = {**variables, **{other: variables[name] for name, other in apart.items()}}
    code = linear(Equations(renamed), known, method_options)
    lines = [line.partition(" = ") for line in code.splitlines() if line.startswith("_")]
    updates = {left.removeprefix("_"): right for left, _, right in lines}
    return {back.get(name, name): word_substitute(text, back) for name, text in updates.items()}


def _renamed(equation: SingleEquation, names: dict[str, str]) -> SingleEquation:
    expression = equation.expr and Expression(word_substitute(equation.expr.code, names))
    return SingleEquation(
        equation.type, names.get(equation.varname, equation.varname), equation.dim,
        equation.var_type, expression, equation.flags,
    )  # fmt: skip


def _essence(block: tuple[str, ...], slopes: dict[str, str], variables: dict[str, Any]) -> Any:
    """Return what the solution of a block can depend on of the variables that it names."""
    names = set().union(*(get_identifiers(slopes[name]) for name in block))
    found: list[tuple] = []
    for name in sorted(names & variables.keys()):
        variable = variables[name]
        if isinstance(variable, Constant):
            found.append((name, float(variable.get_value()), variable.dim))
        elif isinstance(variable, Variable):
            found.append((name, variable.dim, variable.constant, variable.scalar))
        else:
            found.append((name, variable))
    return tuple(found), float(variables["dt"].get_value()[0])
