"""Small slips in the strings of rules, where the science stands."""

import re
from collections.abc import Iterator
from itertools import pairwise

#: Attributes of a class that hold strings of the language of rules.
EQUATIONS = ("pre_equations", "post_equations", "equations")
STATEMENTS = (
    "pre_each_step", "post_each_step", "each_step", "on_pre", "on_post", "pre_on_spike",
    "post_on_spike", "post_on_delivery", "at_decision", "consolidate", "at_episode", "apply",
)  # fmt: skip
EXPRESSIONS = ("transmitted",)

RESETS = ("keep", "episode", "decision")

_TOKEN = re.compile(
    r"\d+\.?\d*(?:e[+-]?\d+)?|[A-Za-z_]\w*|\*\*|[-+*/]=|[<>=!]=|[-+*/<>=]", re.ASCII
)
_SIGNS = {
    "+": "-", "-": "+", "*": "/", "/": "*", "**": "*", "+=": "-=", "-=": "+=", "*=": "/=",
    "/=": "*=", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
}  # fmt: skip
_SIBLINGS = [
    ("plus", "minus"), ("pre", "post"), ("min", "max"), ("rise", "decay"), ("fast", "slow"),
    ("potentiation", "depression"),
]  # fmt: skip

Slip = tuple[int, int, str]


def slips(text: str, kind: str, known: str = "") -> Iterator[Slip]:
    """Yield (start, end, replacement) for every slip in a string of the language of rules.

    Signs are exchanged, numbers raised by one, names exchanged for their siblings (``a_plus`` for
    ``a_minus``) and statements left out.

    Parameters
    ----------
    kind : "equations", "statements" or "expression"
    known : source in which the sibling of a name has to occur
    """
    for start, end in _parts(text, kind):
        for token in _TOKEN.finditer(text, start, end):
            for replacement in _replacements(token[0], known):
                yield token.start(), token.end(), replacement
    if kind == "statements":
        yield from ((start, end, "") for start, end in _lines(text) if text[start:end].strip())


def swapped_neighbours(names: list[str], used: set[str]) -> Iterator[tuple[str, str]]:
    """Yield neighbours of an order of blocks that are both used, so that their order tells."""
    yield from (pair for pair in pairwise(names) if used.issuperset(pair))


def _parts(text: str, kind: str) -> Iterator[tuple[int, int]]:
    """Yield what may be changed: of an equation its right side, without unit and flags."""
    if kind != "equations":
        yield 0, len(text)
        return
    for start, end in _lines(text):
        line = text[start:end]
        if "=" in line:
            yield start + line.index("=") + 1, start + line.rindex(":")


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of lines, which do not end inside of brackets."""
    start = depth = 0
    for position, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign == "\n" and not depth:
            yield start, position
            start = position + 1
    yield start, len(text)


def _replacements(token: str, known: str) -> Iterator[str]:
    if token in _SIGNS:
        yield _SIGNS[token]
    elif token[0].isdigit():
        yield str(float(token) + 1 if "." in token or "e" in token else int(token) + 1)
    else:
        for pair in _SIBLINGS:
            for one, other in (pair, pair[::-1]):
                sibling = re.sub(rf"(?<![^_]){one}(?![^_])", other, token)
                if sibling != token and re.search(rf"\b{sibling}(_ms|_mv)?\b", known):
                    yield sibling
