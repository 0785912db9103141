"""Read the strings of a rule: statements, equations and expressions, evaluated with NumPy.

The accepted language is the part of Brian2's that every code generation target treats alike:
``name = expression`` or ``name += expression`` (also ``-=``, ``*=``, ``/=``), arithmetic,
comparisons and the functions of `FUNCTIONS`. Nothing is passed to Python's ``eval``.
"""

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

#: Functions that expressions may call, with their NumPy meaning.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "clip": np.clip,
    "int": np.trunc,
    "sign": np.sign,
    "tanh": np.tanh,
}

OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.And: np.logical_and,
    ast.Or: np.logical_or,
    ast.Not: np.logical_not,
}

_ASSIGNMENT = re.compile(r"^\s*(?P<target>[A-Za-z_]\w*)\s*(?P<operator>[-+*/]?=)(?!=)(?P<body>.+)$")
_EQUATION = re.compile(
    r"^\s*(?:d(?P<ode>[A-Za-z_]\w*)/dt|(?P<plain>[A-Za-z_]\w*))\s*(?:=(?P<body>[^:]+))?"
    r":\s*(?P<unit>[\w*/]+)\s*(?:\((?P<flags>[^)]*)\))?\s*$"
)


@dataclass(frozen=True)
class Statement:
    """One assignment: ``target operator expression``, operator one of = += -= *= /=."""

    target: str
    operator: str
    expression: ast.expr


@dataclass(frozen=True)
class Equation:
    """One line of an equation block.

    Attributes
    ----------
    variable : str
    is_differential : bool
        Whether the line is ``dvariable/dt = expression : unit``.
    expression : ast.expr or None
        None for a plain variable ``variable : unit``; otherwise a subexpression or a derivative.
    """

    variable: str
    is_differential: bool
    expression: ast.expr | None


@lru_cache(maxsize=1024)
def parse_statements(code: str, where: str = "statements") -> tuple[Statement, ...]:
    """Return the assignments of a block; raise ValueError naming `where` and the line."""
    found = []
    for line in _lines(code):
        match = _ASSIGNMENT.match(line)
        if not match:
            raise ValueError(f"{where}: expected `name = ...` or `name += ...`, got {line!r}.")
        expression = parse_expression(match["body"], where)
        found.append(Statement(match["target"], match["operator"], expression))
    return tuple(found)


@lru_cache(maxsize=1024)
def parse_equations(code: str, where: str = "equations") -> tuple[Equation, ...]:
    """Return the lines of an equation block; raise ValueError naming `where` and the line."""
    found = []
    for line in _lines(code):
        match = _EQUATION.match(line)
        if not match or (match["ode"] and not match["body"]):
            raise ValueError(
                f"{where}: expected `dx/dt = ... : unit`, `x = ... : unit` or `x : unit`, "
                f"got {line!r}."
            )
        body = match["body"]
        expression = parse_expression(body, where) if body else None
        found.append(Equation(match["ode"] or match["plain"], bool(match["ode"]), expression))
    return tuple(found)


def parse_expression(text: str, where: str = "expression") -> ast.expr:
    """Return the syntax tree of an expression; raise ValueError for anything not accepted."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"{where}: cannot read {text.strip()!r} ({error.msg}).") from None
    for node in ast.walk(tree):
        _check_node(node, text.strip(), where)
    return tree


def evaluate(expression: ast.expr, read: Callable[[str], Any]) -> Any:
    """Return the value of an expression, names looked up with `read`."""
    if isinstance(expression, ast.Constant):
        return expression.value
    if isinstance(expression, ast.Name):
        return read(expression.id)
    if isinstance(expression, ast.BinOp):
        left, right = evaluate(expression.left, read), evaluate(expression.right, read)
        return OPERATORS[type(expression.op)](left, right)
    if isinstance(expression, ast.UnaryOp):
        return OPERATORS[type(expression.op)](evaluate(expression.operand, read))
    if isinstance(expression, ast.Compare):
        left = evaluate(expression.left, read)
        return OPERATORS[type(expression.ops[0])](left, evaluate(expression.comparators[0], read))
    if isinstance(expression, ast.BoolOp):
        result = evaluate(expression.values[0], read)
        for value in expression.values[1:]:
            result = OPERATORS[type(expression.op)](result, evaluate(value, read))
        return result
    if isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name):
        arguments = [evaluate(argument, read) for argument in expression.args]
        return FUNCTIONS[expression.func.id](*arguments)
    raise TypeError(f"evaluate: cannot handle {type(expression).__name__}.")


@cache
def names_in(expression: ast.expr | None) -> frozenset[str]:
    """Return the variables and parameters that an expression reads."""
    if expression is None:
        return frozenset()
    names = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
    return frozenset(names - set(FUNCTIONS))


def _lines(code: str) -> list[str]:
    stripped = (re.sub(r"#.*", "", line).strip() for line in code.splitlines())
    return [line for line in stripped if line]


def _check_node(node: ast.AST, text: str, where: str) -> None:
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else "?"
        if name not in FUNCTIONS or node.keywords:
            raise ValueError(
                f"{where}: {text!r} calls {name!r}; "
                f"known functions: {', '.join(sorted(FUNCTIONS))}."
            )
    elif isinstance(node, ast.Compare) and len(node.ops) > 1:
        raise ValueError(f"{where}: write the chained comparison in {text!r} as `a < b and b < c`.")
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
            raise ValueError(f"{where}: expected a number in {text!r}, got {node.value!r}.")
    elif not isinstance(
        node, (ast.Name, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Load, *OPERATORS)
    ):
        raise ValueError(f"{where}: {text!r} uses {type(node).__name__}, which rules cannot.")
