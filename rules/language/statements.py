"""Blocks of statements: ``name = expression`` and ``name += expression``, a line each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from threefactor.rules.language.expressions import Expression, Reader
from threefactor.rules.language.source import Source
from threefactor.rules.language.tokens import ASSIGNMENTS, Token, printed, renamed, tokenize


@dataclass(frozen=True)
class Statement:
    """One assignment: ``target operator expression``, operator one of = += -= *= /=.

    `at` is the position of the target in the source, `right` the tokens of the expression.
    """

    target: str
    operator: str
    expression: Expression
    at: int = field(compare=False)
    right: slice = field(compare=False)


@dataclass(frozen=True)
class Block:
    """Statements that run one after the other; printed, it is the text that it was read from.

    Comments are not printed, and lines that go on within brackets are joined.
    """

    source: Source
    tokens: tuple[Token, ...]
    statements: tuple[Statement, ...]

    def __iter__(self) -> Iterator[Statement]:
        """Iterate over the statements."""
        return iter(self.statements)

    def __len__(self) -> int:
        """Return the number of statements."""
        return len(self.statements)

    def __str__(self) -> str:
        """Return the text."""
        return printed(self.tokens)

    @cached_property
    def writes(self) -> frozenset[str]:
        """Names that are assigned."""
        return frozenset(statement.target for statement in self)

    @cached_property
    def reads(self) -> frozenset[str]:
        """Names on right sides."""
        return frozenset().union(*(statement.expression.names for statement in self))

    @property
    def names(self) -> frozenset[str]:
        """All names but those of functions."""
        return self.reads | self.writes

    def renamed(self, names: Mapping[str, str]) -> str:
        """Return the text with names replaced by other names, or by expressions in brackets."""
        return printed(renamed(self.tokens, names))

    def right_side(self, statement: Statement) -> str:
        """Return the text of a statement's expression."""
        return printed(self.tokens[statement.right]).strip()

    def with_right_sides(self, texts: Mapping[Statement, str]) -> str:
        """Return the text with the right sides of some statements replaced."""
        tokens: list[Token] = list(self.tokens)
        for statement in reversed(self.statements):
            if statement in texts:
                first = tokens[statement.right.start]
                tokens[statement.right] = [replace(first, text=texts[statement])]
        return printed(tokens)


@lru_cache(maxsize=1024)
def parse_statements(code: str, where: str = "statements") -> Block:
    """Return the statements of a block.

    Raises
    ------
    ValueError
        Naming `where`, line and column.
    """
    source = Source(code, where)
    tokens = tokenize(source)
    reader, found = Reader(source, tokens), []
    while reader.next.kind != "end":
        if reader.next.kind == "separator":
            reader.index += 1
            continue
        found.append(_statement(reader))
    return Block(source, tokens, tuple(found))


def _statement(reader: Reader) -> Statement:
    target = reader.next
    if target.kind != "name":
        reader.refuse("`name = ...` or `name += ...`")
    reader.index += 1
    sign = reader.take(*ASSIGNMENTS)
    if sign is None:
        raise reader.source.error(target.at, "expected `name = ...` or `name += ...`.")
    start = reader.index
    expression = reader.expression()
    reader.expect_end()
    right = slice(start, reader.index)
    return Statement(target.text, sign.text, expression, target.at, right)
