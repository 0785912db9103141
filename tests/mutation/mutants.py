"""All mutants of a file: what differs, where, and the source that holds it."""

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from tests.mutation.operators import operators


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    Attributes
    ----------
    path : str
        From the root of the checkout.
    line : int
    operator : str
    before, after : str
        The lines that differ, stripped.
    source : str
        The whole file, mutated.
    """

    path: str
    line: int
    operator: str
    before: str
    after: str
    source: str


def mutants_of(path: str, source: str) -> Iterator[Mutant]:
    """Yield the mutants of a file that compile and are other programs than it, each once.

    Left out: annotations, which nothing executes, and what asks for ``__name__``.
    """
    seen, left_out = {ast.dump(ast.parse(source))}, _left_out(source)
    for name, operator in operators().items():
        positions = [
            p for node in ast_nodes(get_ast(source)) for p in operator.mutation_positions(node)
        ]
        for occurrence, (start, _) in enumerate(positions):
            if any(begin <= start < end for begin, end in left_out):
                continue
            mutated = mutate_code(source, operator, occurrence)
            try:
                program = ast.dump(ast.parse(mutated))
            except SyntaxError:
                continue
            if program not in seen:
                seen.add(program)
                yield Mutant(path, *_difference(source, mutated, name), mutated)


def _difference(source: str, mutated: str, name: str) -> tuple[int, str, str, str]:
    old, new = source.splitlines(), mutated.splitlines()
    opcodes = difflib.SequenceMatcher(None, old, new, False).get_opcodes()
    changes = [spans for tag, *spans in opcodes if tag != "equal"]
    before = [line.strip() for start, end, _, _ in changes for line in old[start:end]]
    after = [line.strip() for _, _, start, end in changes for line in new[start:end]]
    return changes[0][0] + 1, name, " / ".join(before), " / ".join(after)


def _left_out(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    nodes: list[ast.expr | ast.stmt] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            nodes.append(node.annotation)
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            nodes.append(node.returns)
        elif isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            nodes.append(node)
    return [
        ((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))
        for node in nodes
    ]
