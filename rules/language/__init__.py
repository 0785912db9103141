"""The language of rules and neurons: strings are parsed once, into blocks and equations.

`parse_statements`, `parse_equations` and `parse_expression` read strings; what they return says
which names it reads and writes, can be renamed and prints as it was written. `evaluate` computes an
expression with any library of arrays. `Scope` and its checks say what a block may use.

The language is the part of Brian2's that every code generation target treats alike: ``name =
expression`` or ``name += expression`` (also ``-=``, ``*=``, ``/=``), arithmetic, comparisons and
the functions of `FUNCTIONS`. Open brackets continue a line. Nothing is passed to Python's ``eval``.
"""

from threefactor.rules.language.equations import Equation, Equations, parse_equations
from threefactor.rules.language.expressions import (
    FUNCTIONS,
    Expression,
    evaluate,
    names_in,
    parse_expression,
    rename_expression,
)
from threefactor.rules.language.statements import Block, Statement, parse_statements
from threefactor.rules.language.units import Unit, find_unit

__all__ = [
    "FUNCTIONS", "Block", "Equation", "Equations", "Expression", "Statement", "Unit", "evaluate",
    "find_unit", "names_in", "parse_equations", "parse_expression", "parse_statements",
    "rename_expression",
]  # fmt: skip
