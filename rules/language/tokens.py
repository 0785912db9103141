"""Cut a string into words, numbers and signs, and print it again."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from threefactor.rules.language.source import Source

_TOKEN = re.compile(
    r"(?P<gap>[ \t\r\f\v]+)|(?P<comment>\#[^\n]*)|(?P<separator>[\n;])"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>\*\*=|//=|\*\*|//|&&|\|\||<=|>=|==|!=|[-+*/%]=|[-+*/%<>=(),:])"
)
#: Signs of other languages -> what to write here.
_FOREIGN = {
    "^": "write a power as a**b", "&&": "write `and`", "||": "write `or`", "&": "write `and`",
    "|": "write `or`", "!": "write `not`, or != to compare", "[": "variables have no elements to "
    "choose from: a block runs for every neuron or synapse by itself", "\\": "a line goes on "
    "inside open brackets", "'": "strings are no values here", '"': "strings are no values here",
    "{": "use round brackets", ".": "expressions know no attributes; use the function by its name",
    "//": "write int(a/b)", "//=": "write x = int(x/b)", "**=": "write x = x**b",
    "%=": "write x = x % b",
}  # fmt: skip
#: Signs between the two sides of a statement.
ASSIGNMENTS = ("=", "+=", "-=", "*=", "/=")
#: Around these no space is printed where a line was broken: ``a`` and ``*b`` become ``a*b``.
_TIGHT = frozenset({"*", "/", "**"})


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a number, a sign or a separator of statements.

    Attributes
    ----------
    kind : {"name", "number", "sign", "separator", "end"}
    text : str
    at : int
        Position in the source.
    gap : str
        White space to be printed before it.
    """

    kind: str
    text: str
    at: int
    gap: str


def tokenize(source: Source) -> tuple[Token, ...]:
    """Return the tokens of a source, an ``end`` last; a line goes on while brackets are open.

    Raises
    ------
    ValueError
        Naming line and column, for signs that the language does not have and for brackets that do
        not match.
    """
    found: list[Token] = []
    open_brackets: list[int] = []
    gap, position, is_continued = "", 0, False
    text = source.text
    while position < len(text):
        match = _TOKEN.match(text, position)
        kind = match.lastgroup if match else None
        if match is None or kind is None or match[0] in _FOREIGN:
            raise source.error(position, _strange(text, position, match))
        if kind == "gap":
            gap += match[0].replace("\t", " ")
        elif kind == "comment":
            gap = ""
        elif kind == "separator" and open_brackets:
            if match[0] == ";":
                raise source.error(open_brackets[-1], "this bracket is never closed.")
            is_continued, gap = True, ""
        else:
            if kind == "number" and text[match.end() :][:1].isidentifier():
                raise source.error(position, "a number ends in a letter; write 2*x for 2x.")
            if is_continued:
                gap, is_continued = _gap(found[-1].text, match[0]), False
            found.append(Token(kind, match[0], position, gap))
            gap = ""
            if match[0] == "(":
                open_brackets.append(position)
            elif match[0] == ")":
                if not open_brackets:
                    raise source.error(position, "this bracket closes none that is open.")
                open_brackets.pop()
        position = match.end()
    if open_brackets:
        raise source.error(open_brackets[-1], "this bracket is never closed.")
    found.append(Token("end", "", position, gap))
    return _without_wrappings(source, found)


def printed(tokens: Iterable[Token]) -> str:
    """Return tokens as text."""
    return "".join(token.gap + token.text for token in tokens)


def renamed(tokens: Iterable[Token], names: Mapping[str, str]) -> tuple[Token, ...]:
    """Return tokens with names replaced, by other names or by expressions in brackets."""
    return tuple(
        replace(token, text=names[token.text])
        if token.kind == "name" and token.text in names
        else token
        for token in tokens
    )


def _gap(before: str, after: str) -> str:
    """Return what is printed between two tokens where a line was continued."""
    is_tight = before == "(" or after in ("(", ")", ",") or {before, after} & _TIGHT
    return "" if is_tight else " "


def _strange(text: str, position: int, match: re.Match | None) -> str:
    """Say what is wrong with a sign that no token begins with."""
    sign = match[0] if match else text[position]
    if not sign.isascii():
        return (
            f"{sign!r} (U+{ord(sign):04X}) is none of the letters and signs of this language, "
            "which are those of ASCII; write names out, such as tau."
        )
    return f"{sign!r} is no sign of this language; {_FOREIGN.get(sign, 'leave it out')}."


def _without_wrappings(source: Source, tokens: list[Token]) -> tuple[Token, ...]:
    """Return tokens less the brackets around a right side that only carry it over lines."""
    for index in range(len(tokens) - 3, -1, -1):
        if tokens[index].text not in ASSIGNMENTS or tokens[index + 1].text != "(":
            continue
        closing = _closing(tokens, index + 1)
        opening, after = tokens[index + 1], tokens[closing + 1]
        is_whole = after.kind in ("separator", "end") or after.text == ":"
        if is_whole and "\n" in source.text[opening.at : tokens[closing].at]:
            del tokens[closing], tokens[index + 1]
            tokens[index + 1] = replace(tokens[index + 1], gap=opening.gap)
    return tuple(tokens)


def _closing(tokens: list[Token], opening: int) -> int:
    """Return the index of the bracket that closes the one at `opening`."""
    depth, index = 1, opening
    while depth:
        index += 1
        depth += {"(": 1, ")": -1}.get(tokens[index].text, 0)
    return index
