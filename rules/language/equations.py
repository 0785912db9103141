"""Sets of equations: ``dx/dt = expression : unit``, ``x = expression : unit`` and ``x : unit``."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from typing import Literal

from threefactor.naming import suggest
from threefactor.rules.language.expressions import Expression, Reader, names_in
from threefactor.rules.language.source import Source
from threefactor.rules.language.tokens import Token, printed, tokenize
from threefactor.rules.language.units import DIMENSIONLESS, Dimension, base_units, find_unit

Kind = Literal["differential", "subexpression", "plain"]
FLAGS = (
    "clock-driven", "event-driven", "constant", "constant over dt", "unless refractory", "shared",
    "summed", "scalar",
)  # fmt: skip
_FORMS = "`dx/dt = ... : unit`, `x = ... : unit` or `x : unit`"


@dataclass(frozen=True)
class Equation:
    """One line of a set of equations.

    Attributes
    ----------
    variable : str
    kind : {"differential", "subexpression", "plain"}
    expression : Expression or None
        Derivative or value; None for a plain variable.
    unit : str
    dimension : tuple of 7 numbers
    flags : tuple of str
    at : int
        Position of the variable in the source.
    span : slice
        Its tokens.
    """

    variable: str
    kind: Kind
    expression: Expression | None
    unit: str
    dimension: Dimension
    flags: tuple[str, ...]
    at: int = field(compare=False)
    span: slice = field(compare=False)

    @property
    def names(self) -> frozenset[str]:
        """The variable and the names on its right side."""
        return names_in(self.expression) | {self.variable}

    @property
    def is_differential(self) -> bool:
        """Whether the expression is a derivative."""
        return self.kind == "differential"

    @property
    def is_stored(self) -> bool:
        """Whether the variable has a value of its own, and is no abbreviation."""
        return self.kind != "subexpression"

    @property
    def is_writable(self) -> bool:
        """Whether statements may assign the variable."""
        return self.is_stored and "constant" not in self.flags


@dataclass(frozen=True)
class Equations:
    """Equations of one neuron or synapse; printed, they are the text that they were read from.

    Comments are not printed, and lines that go on within brackets are joined.
    """

    source: Source
    tokens: tuple[Token, ...]
    lines: tuple[Equation, ...]
    #: Numbers of the tokens that name derivatives (``dx``), and of those of units and flags.
    _heads: frozenset[int] = frozenset()
    _fixed: frozenset[int] = frozenset()

    def __iter__(self) -> Iterator[Equation]:
        """Iterate over the equations."""
        return iter(self.lines)

    def __len__(self) -> int:
        """Return the number of equations."""
        return len(self.lines)

    def __str__(self) -> str:
        """Return the text."""
        return printed(self.tokens)

    @cached_property
    def units(self) -> dict[str, str]:
        """Unit of each variable, in order of definition."""
        return {line.variable: line.unit for line in self}

    @cached_property
    def stored(self) -> tuple[str, ...]:
        """Variables with a value of their own, in order of definition."""
        return tuple(line.variable for line in self if line.is_stored)

    @cached_property
    def reads(self) -> frozenset[str]:
        """Names on right sides."""
        return frozenset().union(*(names_in(line.expression) for line in self))

    @property
    def names(self) -> frozenset[str]:
        """All names but those of functions, units and flags."""
        return self.reads | self.units.keys()

    def renamed(self, names: Mapping[str, str]) -> str:
        """Return the text with names replaced, those of derivatives included."""

        def rename(index: int, token: Token) -> Token:
            if token.kind != "name" or index in self._fixed:
                return token
            if index in self._heads:
                variable = token.text[1:]
                return replace(token, text="d" + names.get(variable, variable))
            return replace(token, text=names.get(token.text, token.text))

        return printed(rename(index, token) for index, token in enumerate(self.tokens))

    def with_lines(self, texts: Mapping[Equation, str]) -> str:
        """Return the text with some equations replaced."""
        tokens = list(self.tokens)
        for line in reversed(self.lines):
            if line in texts:
                tokens[line.span] = [replace(tokens[line.span.start], gap="", text=texts[line])]
        return printed(tokens)

    def clock_driven(self) -> str:
        """Return the text with derivatives that have no flag flagged ``(clock-driven)``.

        Empty lines after such an equation are left out.
        """
        bare = {line.span.stop - 1 for line in self if line.is_differential and not line.flags}
        tokens: list[Token] = []
        follows = False
        for index, token in enumerate(self.tokens):
            if follows and token.text == "\n" and self.tokens[index + 1].text == "\n":
                continue
            follows = index in bare
            tokens.append(replace(token, text=f"{token.text} (clock-driven)") if follows else token)
        return printed(tokens)


@lru_cache(maxsize=1024)
def parse_equations(code: str, where: str = "equations") -> Equations:
    """Return a set of equations.

    Raises
    ------
    ValueError
        Naming `where`, line and column.
    """
    source = Source(code, where)
    tokens = tokenize(source)
    reader = _EquationReader(source, tokens)
    while reader.next.kind != "end":
        if reader.next.text == "\n":
            reader.index += 1
            continue
        reader.equation()
    heads, fixed = frozenset(reader.heads), frozenset(reader.fixed)
    return Equations(source, tokens, tuple(reader.lines), heads, fixed)


@cache
def unit_dimension(text: str, where: str = "unit") -> Dimension:
    """Return the dimension of a unit such as ``"volt"``; raise ValueError naming `where`."""
    return parse_equations(f"x : {text}", where).lines[0].dimension


class _EquationReader(Reader):
    """Reads equations and notes which tokens are no names of variables."""

    def __init__(self, source: Source, tokens: tuple[Token, ...]) -> None:
        super().__init__(source, tokens)
        self.lines: list[Equation] = []
        self.heads: set[int] = set()
        self.fixed: set[int] = set()

    def equation(self) -> None:
        """Read one equation."""
        start, head = self.index, self.next
        variable, kind, at = self._head()
        expression = None
        if self.take("="):
            expression = self.expression()
        elif kind == "differential":
            raise self.source.error(
                head.at, f"the derivative of {variable!r} has no right side; write {_FORMS}."
            )
        elif self.next.text != ":":
            self.refuse(f"{_FORMS}: `=` or `:` here")
        if expression is not None and kind == "plain":
            kind = "subexpression"
        colon = self.index
        if not self.take(":"):
            self.refuse(f"an operator, or `:` and a unit ({_FORMS})")
        unit, dimension = self._unit()
        flags = self._flags()
        if self.next.kind not in ("end", "separator") or self.next.text == ";":
            self.refuse("the end of the line")
        self.fixed |= set(range(colon, self.index))
        span = slice(start, self.index)
        self.lines.append(Equation(variable, kind, expression, unit, dimension, flags, at, span))

    def _head(self) -> tuple[str, Kind, int]:
        token = self.next
        if token.kind != "name":
            self.refuse(_FORMS)
        self.index += 1
        if not self.take("/"):
            return token.text, "plain", token.at
        if token.text[0] != "d" or len(token.text) == 1 or not self.take("dt"):
            raise self.source.error(token.at, f"expected {_FORMS}.")
        self.heads.add(self.index - 3)
        self.fixed.add(self.index - 1)
        return token.text[1:], "differential", token.at + 1

    def _unit(self) -> tuple[str, Dimension]:
        start = self.index
        if self.take("integer", "boolean"):
            return self.tokens[start].text, DIMENSIONLESS
        dimension = self._factor()
        while sign := self.take("*", "/"):
            factor, direction = self._factor(), 1 if sign.text == "*" else -1
            dimension = tuple(
                one + direction * other for one, other in zip(dimension, factor, strict=True)
            )
        return "".join(token.text for token in self.tokens[start : self.index]), dimension

    def _factor(self) -> Dimension:
        token = self.next
        if self.take("1"):
            return DIMENSIONLESS
        if token.kind != "name":
            self.refuse("a unit, such as 1, volt or 1/second")
        unit = find_unit(token.text)
        if unit is None:
            raise self.source.error(
                token.at, f"unknown unit {token.text!r}.{suggest(token.text, base_units())} "
                f"Known: 1, {', '.join(base_units())}, and their products.",
            )  # fmt: skip
        if token.text not in base_units():
            raise self.source.error(
                token.at, f"variables have units without a scale: write {unit.base} for "
                f"{token.text}.",
            )  # fmt: skip
        self.index += 1
        power = self._power_of_unit()
        return tuple(power * exponent for exponent in unit.dimension)

    def _power_of_unit(self) -> int:
        if not self.take("**"):
            return 1
        sign = -1 if self.take("-") else 1
        token = self.next
        if token.kind != "number" or not token.text.isdigit():
            self.refuse("a whole number")
        self.index += 1
        return sign * int(token.text)

    def _flags(self) -> tuple[str, ...]:
        found: list[str] = []
        if self.take("("):
            found.append(self._flag())
            while self.take(","):
                found.append(self._flag())
            if not self.take(")"):
                self.refuse("`,` or `)`")
        return tuple(found)

    def _flag(self) -> str:
        first, words = self.next, ""
        while self.next.kind == "name" or self.next.text == "-":
            words += (" " if self.next.gap and words else "") + self.next.text
            self.index += 1
        if words not in FLAGS:
            raise self.source.error(
                first.at, f"unknown flag ({words}).{suggest(words, FLAGS)} "
                f"Known: {', '.join(FLAGS)}.",
            )  # fmt: skip
        return words
