"""Expressions: syntax trees, and their value with any library of arrays."""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NoReturn

import numpy as np

from threefactor.rules.language.source import Source
from threefactor.rules.language.tokens import Token, printed, renamed, tokenize

#: Functions that expressions of rules may call, with their NumPy meaning.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "clip": np.clip,
    "int": lambda value: np.trunc(np.asarray(value, float)),
    "sign": np.sign,
    "tanh": np.tanh,
}

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "**": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "and": lambda one, other: (one != 0) & (other != 0),
    "or": lambda one, other: (one != 0) | (other != 0),
}
_UNARY: dict[str, Callable[[Any], Any]] = {
    "-": operator.neg, "+": operator.pos, "not": lambda value: value == 0,
}  # fmt: skip

COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
#: How tightly operators bind; those of one operand stand between.
_BINDING = {"or": 0, "and": 1, **dict.fromkeys(COMPARISONS, 3), "+": 4, "-": 4, "*": 5, "/": 5,
            "%": 5, "**": 7}  # fmt: skip
_NOT, _SIGN = 2, 6
_DEEPEST = 60
#: Words of Python -> what to write here.
_WORDS = {
    "if": "write int(condition)*one + int(not condition)*other",
    "else": "write int(condition)*one + int(not condition)*other",
    "is": "write ==",
    "in": "compare with each value",
    "for": "a block runs for every neuron or synapse by itself",
    "lambda": "write the expression itself",
}


@dataclass(frozen=True)
class Number:
    """A number."""

    value: float
    at: int = field(compare=False, default=0)
    names = frozenset[str]()
    parts = ()


@dataclass(frozen=True)
class Name:
    """A variable, a parameter or a unit."""

    text: str
    at: int = field(compare=False, default=0)
    parts = ()

    @property
    def names(self) -> frozenset[str]:
        """The names in it."""
        return frozenset({self.text})


@dataclass(frozen=True)
class Operation:
    """An operator with one operand (``-``, ``+``, ``not``) or two."""

    operator: str
    parts: "tuple[Expression, ...]"
    at: int = field(compare=False, default=0)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names in it."""
        return frozenset().union(*(part.names for part in self.parts))


@dataclass(frozen=True)
class Call:
    """A function of arguments."""

    function: str
    parts: "tuple[Expression, ...]"
    at: int = field(compare=False, default=0)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names in its arguments."""
        return frozenset().union(*(part.names for part in self.parts))


Expression = Number | Name | Operation | Call


def evaluate(
    expression: Expression,
    read: Callable[[str], Any],
    functions: Mapping[str, Callable[..., Any]] = FUNCTIONS,
) -> Any:
    """Return the value of an expression.

    Parameters
    ----------
    expression : Expression
    read : function of a name
        Returns the value of a variable, parameter or unit, of any type with Python's operators.
    functions : mapping of str to function, default `FUNCTIONS`
        What the names of functions mean; another library of arrays brings its own.
    """
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Name):
        return read(expression.text)
    values = [evaluate(part, read, functions) for part in expression.parts]
    if isinstance(expression, Call):
        return functions[expression.function](*values)
    table: Mapping[str, Callable[..., Any]] = _UNARY if len(values) == 1 else _OPERATIONS
    return table[expression.operator](*values)


def names_in(expression: Expression | None) -> frozenset[str]:
    """Return the variables, parameters and units that an expression reads."""
    return frozenset() if expression is None else expression.names


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and all that it is made of, from left to right."""
    yield expression
    for part in expression.parts:
        yield from walk(part)


@lru_cache(maxsize=1024)
def parse_expression(text: str, where: str = "expression") -> Expression:
    """Return the syntax tree of an expression.

    Raises
    ------
    ValueError
        Naming `where`, line and column.
    """
    source = Source(text, where)
    reader = Reader(source, tuple(t for t in tokenize(source) if t.kind != "separator"))
    expression = reader.expression()
    reader.expect_end()
    return expression


def rename_expression(text: str, names: Mapping[str, str]) -> str:
    """Return the text of an expression with names replaced."""
    return printed(renamed(tokenize(Source(text, "expression")), names))


class Reader:
    """Reads expressions from tokens, one after the other.

    Attributes
    ----------
    index : int
        Number of the next token.
    """

    def __init__(self, source: Source, tokens: tuple[Token, ...]) -> None:
        self.source, self.tokens, self.index = source, tokens, 0
        self._depth = 0

    @property
    def next(self) -> Token:
        """The next token."""
        return self.tokens[self.index]

    def _step(self) -> Token:
        """Return the next token and step on."""
        token = self.next
        self.index += 1
        return token

    def take(self, *texts: str) -> Token | None:
        """Return the next token and step on, if it is one of `texts`."""
        return self._step() if self.next.text in texts else None

    def expect_end(self) -> None:
        """Raise ValueError unless a statement ends here."""
        if self.next.kind not in ("end", "separator"):
            self.refuse("the end of the line")

    def refuse(self, expected: str) -> NoReturn:
        """Raise ValueError for the next token."""
        token = self.next
        got = f"`{token.text}`" if token.text.strip() else "the end of the line"
        hint = f" ({_WORDS[token.text]})" if token.text in _WORDS else ""
        raise self.source.error(token.at, f"expected {expected}, got {got}{hint}.")

    def expression(self, least: int = 0) -> Expression:
        """Read an expression of operators that bind at least as tightly as `least`."""
        left = self._operand(least)
        while (binding := _BINDING.get(self.next.text, -1)) >= least:
            sign = self._step()
            is_power = sign.text == "**"
            right = self._nested(sign, binding if is_power else binding + 1)
            left = Operation(sign.text, (left, right), sign.at)
            if sign.text in COMPARISONS and self.next.text in COMPARISONS:
                raise self.source.error(
                    self.next.at, "write a chained comparison as `a < b and b < c`."
                )
        return left

    def _operand(self, least: int) -> Expression:
        if least <= _NOT and (sign := self.take("not")):
            return Operation("not", (self._nested(sign, _NOT),), sign.at)
        if sign := self.take("-", "+"):
            return Operation(sign.text, (self._nested(sign, _SIGN),), sign.at)
        return self._value()

    def _nested(self, token: Token, least: int = 0) -> Expression:
        """Read an expression inside another one."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.source.error(token.at, f"more than {_DEEPEST} levels within each other.")
        inner = self.expression(least)
        self._depth -= 1
        return inner

    def _value(self) -> Expression:
        token = self.next
        if token.kind == "number":
            return Number(self._number(self._step()), token.at)
        if token.kind == "name" and token.text not in ("and", "or", "not"):
            self._step()
            return self._call(token) if self.take("(") else Name(token.text, token.at)
        if self.take("("):
            inner = self._nested(token)
            self._close()
            return inner
        self.refuse("a name, a number or a bracket")

    def _call(self, function: Token) -> Expression:
        arguments: list[Expression] = []
        if self.next.text != ")":
            arguments.append(self._nested(function))
            while self.take(","):
                arguments.append(self._nested(function))
        self._close()
        return Call(function.text, tuple(arguments), function.at)

    def _close(self) -> None:
        if not self.take(")"):
            self.refuse("an operator or `)`")

    def _number(self, token: Token) -> float:
        value = float(token.text)
        if not np.isfinite(value):
            raise self.source.error(token.at, f"the number {token.text[:20]} is too large.")
        return value
