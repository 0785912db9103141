"""The oracle: a whole network specification, executed from its strings by an array library.

No Brian2 and no generated code: syntax trees are evaluated with the functions of an `ArrayBackend`,
population by population, projection by projection.
"""

from threefactor.models.interpreter.machine import NUMPY, Interpreter

__all__ = ["NUMPY", "Interpreter"]
