"""What a block of a rule or neuron may use, and whether it does: names, units, finite constants."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from threefactor.naming import suggest
from threefactor.rules.language.equations import Equation, Equations
from threefactor.rules.language.expressions import (
    FUNCTIONS,
    Call,
    Expression,
    Name,
    Number,
    Operation,
    evaluate,
    names_in,
    walk,
)
from threefactor.rules.language.names import why_reserved
from threefactor.rules.language.source import Source, UnitError
from threefactor.rules.language.statements import Block, Statement
from threefactor.rules.language.units import (
    DIMENSIONLESS,
    Dimension,
    Dimensions,
    find_unit,
    per_second,
    unit_text,
)

#: Functions that a rule may call -> number of their arguments.
ARGUMENTS = {name: 3 if name == "clip" else 1 for name in FUNCTIONS}
#: Unit of a value -> end of the name of a field that holds one.
_SUFFIXES = {
    "second": "_ms", "volt": "_mv", "hertz": "_hz", "farad": "_pf", "siemens": "_ns",
    "amp": "_pa", "ohm": "_mohm",
}  # fmt: skip
#: Flags that no equation here has -> what takes their place.
_SHARED = "what all share is a parameter, a field of the dataclass"
_REFUSED_FLAGS = {
    "summed": "sums over synapses are made by a Modulation of the network, into a variable that "
    "a rule declares in its post_equations",
    "shared": _SHARED,
    "scalar": _SHARED,
}
_KIND_OF_FLAG = {
    "clock-driven": "differential", "event-driven": "differential",
    "unless refractory": "differential", "constant": "plain", "constant over dt": "subexpression",
}  # fmt: skip


@dataclass(frozen=True)
class Scope:
    """What one block may use.

    Attributes
    ----------
    known : mapping of str to Dimension or None
        Names that it may read, and their dimension where that is certain.
    writable : set of str
        Names among them that it may assign.
    functions : mapping of str to int
        Functions that it may call, with their number of arguments.
    constants : mapping of str to float
        Names whose value is known, in SI units: parameters.
    booleans : set of str
        Names that are true or false.
    elsewhere : mapping of str to str
        Names that this block cannot see -> why, for the error message.
    has_units : bool
        Whether units such as mV are values here.
    has_temporaries : bool
        Whether a statement may introduce a name, for the statements after it.
    """

    known: Mapping[str, Dimension | None]
    writable: frozenset[str] = frozenset()
    functions: Mapping[str, int] = field(default_factory=lambda: ARGUMENTS)
    constants: Mapping[str, float] = field(default_factory=dict)
    booleans: frozenset[str] = frozenset()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    has_units: bool = False
    has_temporaries: bool = False


def check_block(block: Block, scope: Scope) -> None:
    """Raise ValueError, with line and column, unless every statement keeps to the scope."""
    for statement in block:
        if statement.target not in scope.writable:
            if not scope.has_temporaries or statement.target in scope.known:
                raise _not_writable(block.source, statement, scope)
            scope = _with_temporary(block.source, statement, scope)
            continue
        dimension = check_expression(block.source, statement.expression, scope)
        expected = scope.known[statement.target]
        if statement.operator in ("*=", "/="):
            expected = DIMENSIONLESS
        _check_unit(block.source, statement.expression, dimension, expected, statement.target)


def check_expression(source: Source, expression: Expression, scope: Scope) -> Dimension | None:
    """Return the dimension of an expression; raise ValueError unless it keeps to the scope."""
    for part in walk(expression):
        if isinstance(part, Name):
            _check_name(source, part, scope)
        elif isinstance(part, Call):
            _check_call(source, part, scope)
    units = {name: find_unit(name) for name in expression.names - set(scope.known)}
    known = {**scope.known, **{name: unit.dimension for name, unit in units.items() if unit}}
    dimension = Dimensions(source, known, scope.booleans).of(expression)
    values = {name: unit.scale for name, unit in units.items() if unit}
    _fold(source, expression, {**values, **scope.constants})
    return dimension


def check_condition(source: Source, expression: Expression, scope: Scope) -> None:
    """Raise ValueError unless an expression keeps to the scope and is true or false."""
    check_expression(source, expression, scope)
    if not Dimensions(source, scope.known, scope.booleans).is_boolean(expression):
        raise source.error(expression.at, "expected a condition such as v > v_threshold.")


def check_equations(equations: Equations, scope: Scope, flags: Mapping[str, str]) -> None:
    """Raise ValueError, with line and column, unless a set of equations keeps to the scope.

    Parameters
    ----------
    equations : Equations
    scope : Scope
    flags : mapping of str to str
        Flags that have no place here -> what to do instead.
    """
    source = equations.source
    seen: set[str] = set()
    for line in equations:
        _check_new_name(source, line.variable, line.at)
        if line.variable in seen:
            raise source.error(line.at, f"{line.variable!r} is defined twice.")
        seen.add(line.variable)
        for flag in line.flags:
            reason = {**_REFUSED_FLAGS, **flags}.get(flag)
            if reason is None and line.kind != _KIND_OF_FLAG[flag]:
                reason = f"it is for {_KIND_OF_FLAG[flag]} equations, and this is a {line.kind} one"
            if reason:
                raise source.error(line.at, f"the flag ({flag}) has no place here: {reason}.")
        if line.expression is None:
            continue
        dimension = check_expression(source, line.expression, scope)
        expected = per_second(line.dimension) if line.is_differential else line.dimension
        what = f"d{line.variable}/dt" if line.is_differential else line.variable
        _check_unit(source, line.expression, dimension, expected, what, line.is_differential)
    _check_cycles(equations)


def check_linear(equations: Equations) -> None:
    """Raise ValueError unless derivatives are linear in the integrated variables."""
    short = {line.variable: line.expression for line in equations if not line.is_stored}
    state = {line.variable for line in equations if line.is_differential}
    for line in equations:
        if line.is_differential and line.expression is not None:
            if _degree(line.expression, state, short) > 1:
                raise equations.source.error(
                    line.expression.at,
                    "expected linear equations, which alone can be integrated exactly; put the "
                    "non-linear part into a block of every timestep, such as a rule's each_step.",
                )


def _check_new_name(source: Source, name: str, at: int) -> None:
    if reason := why_reserved(name):
        raise source.error(
            at, f"a variable cannot be called {name!r}: {reason}. Choose another name."
        )


def _check_name(source: Source, name: Name, scope: Scope) -> None:
    if name.text in scope.known or (scope.has_units and find_unit(name.text)):
        return
    raise source.error(name.at, _unknown(name.text, scope))


def _unknown(name: str, scope: Scope) -> str:
    """Say what is wrong with a name that a block does not know."""
    if name in scope.elsewhere:
        return f"cannot read {name!r} here: {scope.elsewhere[name]}."
    unit = find_unit(name)
    if unit is not None:
        suffix = _SUFFIXES.get(unit.base, "_ms")
        return (
            f"{name!r} is a unit; numbers with a unit are fields of the dataclass with a name that "
            f"ends in it: write a field such as delay{suffix} = 20.0, and delay in the equations."
        )
    for suffix in _SUFFIXES.values():
        bare = name.removesuffix(suffix)
        if bare != name and bare in scope.known:
            return f"unknown name {name!r}; in equations a field goes without its unit: {bare}."
    if name in scope.functions:
        return f"{name!r} is a function; write {name}(...)."
    return (
        f"unknown name {name!r}.{suggest(name, scope.known)} "
        f"Known here: {', '.join(sorted(scope.known))}."
    )


def _check_call(source: Source, call: Call, scope: Scope) -> None:
    name, count = call.function, len(call.parts)
    if name in ("rand", "randn"):
        raise source.error(
            call.at, f"{name}() differs from engine to engine; declare random numbers by name, "
            'noise = ("draw",), ' + (
                "and read uniform(draw_stream, t_in_timesteps) or gaussian(...)."
                if "uniform" in scope.functions else "and read draw, uniform in [0, 1)."
            ),
        )  # fmt: skip
    if name not in scope.functions:
        hint = suggest(name, scope.functions)
        known = ", ".join(sorted(scope.functions))
        what = f"{name!r} is no function" if name in scope.known else f"calls {name!r}"
        raise source.error(call.at, f"{what}.{hint} Known functions: {known}.")
    needed = scope.functions[name]
    if count != needed:
        raise source.error(
            call.at, f"{name} needs {needed} argument{'s' * (needed > 1)}, got {count}."
        )


def _check_unit(
    source: Source,
    expression: Expression,
    found: Dimension | None,
    expected: Dimension | None,
    target: str,
    is_derivative: bool = False,
) -> None:
    if found is None or expected is None or found == expected:
        return
    hint = ""
    if is_derivative and expected == per_second(found):
        hint = " Is there a rate without its /tau, or a field without its unit suffix (_ms)?"
    raise source.error(
        expression.at,
        f"{target} needs the unit {unit_text(expected)}, this has {unit_text(found)}.{hint}",
        UnitError,
    )


def _not_writable(source: Source, statement: Statement, scope: Scope) -> ValueError:
    target = statement.target
    can = ", ".join(sorted(scope.writable)) or "nothing"
    reason = f" ({scope.elsewhere[target]})" if target in scope.elsewhere else ""
    if not reason and target in scope.constants:
        reason = " (a parameter: what changes is declared in the equations)"
    return source.error(
        statement.at,
        f"cannot assign {target!r} here{reason};{suggest(target, scope.writable)} "
        f"it may assign: {can}.",
    )


def _with_temporary(source: Source, statement: Statement, scope: Scope) -> Scope:
    """Return the scope of the statements after one that introduces a name."""
    target = statement.target
    if statement.operator != "=":
        raise source.error(statement.at, _unknown(target, scope))
    _check_new_name(source, target, statement.at)
    dimension = check_expression(source, statement.expression, scope)
    is_condition = Dimensions(source, scope.known, scope.booleans).is_boolean(statement.expression)
    return replace(
        scope,
        known={**scope.known, target: dimension},
        writable=scope.writable | {target},
        booleans=scope.booleans | {target} if is_condition else scope.booleans,
    )


def _check_cycles(equations: Equations) -> None:
    """Raise ValueError for abbreviations that need each other."""
    short = {line.variable: line for line in equations if not line.is_stored}
    done: set[str] = set()

    def follow(line: Equation, path: tuple[str, ...]) -> None:
        if line.variable in path:
            circle = " -> ".join((*path[path.index(line.variable) :], line.variable))
            raise equations.source.error(
                line.at, f"{line.variable!r} is defined by itself: {circle}; "
                "make one of them a variable of its own.",
            )  # fmt: skip
        if line.variable not in done:
            for name in sorted(names_in(line.expression) & short.keys()):
                follow(short[name], (*path, line.variable))
            done.add(line.variable)

    for line in short.values():
        follow(line, ())


def _degree(
    expression: Expression, state: set[str], short: Mapping[str, Expression | None]
) -> float:
    """Return the degree of an expression in the state variables, inf for what is no polynomial."""
    if isinstance(expression, Number):
        return 0
    if isinstance(expression, Name):
        definition = short.get(expression.text)
        if definition is not None:
            return _degree(definition, state, short)
        return float(expression.text in state)
    degrees = [_degree(part, state, short) for part in expression.parts]
    sign = expression.operator if isinstance(expression, Operation) else ""
    if not any(degrees):
        return 0
    if sign in ("+", "-"):
        return max(degrees)
    if sign == "*":
        return sum(degrees)
    return degrees[0] if sign == "/" and not degrees[1] else float("inf")


def _fold(source: Source, expression: Expression, constants: Mapping[str, float]) -> Any:
    """Return the value of a constant expression, None for others.

    Raises
    ------
    ValueError
        If a part made of finite numbers is not finite.
    """
    if isinstance(expression, Number):
        return np.float64(expression.value)
    if isinstance(expression, Name):
        value = constants.get(expression.text)
        return None if value is None else np.float64(value)
    values = [_fold(source, part, constants) for part in expression.parts]
    if any(value is None for value in values):
        return None
    if isinstance(expression, Call) and expression.function not in FUNCTIONS:
        return None
    parts = tuple(Number(value) for value in values)
    with np.errstate(all="ignore"):
        value = np.float64(evaluate(replace(expression, parts=parts), str))
    if not np.isfinite(value) and all(np.isfinite(values)):
        sign = expression.operator if isinstance(expression, Operation) else expression.function
        names = sorted(expression.names & constants.keys())
        used = ", ".join(f"{name} = {constants[name]:g}" for name in names)
        raise source.error(
            expression.at, f"the result of `{sign}` is {value}, not a finite number"
            f"{f', with {used}' if used else ''}.",
        )  # fmt: skip
    return value
