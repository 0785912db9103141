"""Places where variables live, and blocks of statements that run there.

A place is a set of elements with the same variables: the neurons of a population, the synapses of a
projection, the traces that a rule keeps on either side. A block runs at one place and may read
others: a synapse sees its two neurons.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from threefactor.rules.interpreter.arrays import Array, ArrayBackend, Chosen
from threefactor.rules.language import (
    Expression,
    Statement,
    evaluate,
    find_unit,
    parse_equations,
)


class Place:
    """Elements that share their variables.

    Parameters
    ----------
    where : str
        Beginning of error texts about the equations.
    shape : (replicas, elements)
    arrays : ArrayBackend
    equations : str
        Each variable of them starts at zero.
    constants : mapping of str to float
        Parameters, one number for all elements.

    Attributes
    ----------
    values : dict of str to array
        Variables, (replicas, elements).
    constants : dict of str to array
        Parameters, (1,).
    derived, slopes : dict of str to expression
        Subexpressions and derivatives.
    resets : dict of str to str
        Variable -> when it returns to its initial value, "episode" or "decision".
    """

    def __init__(
        self,
        where: str,
        shape: tuple[int, int],
        arrays: ArrayBackend,
        equations: str = "",
        constants: Mapping[str, float] | None = None,
    ) -> None:
        self.where, self.shape, self.arrays = where, shape, arrays
        self.constants = {n: arrays.array([value]) for n, value in (constants or {}).items()}
        self.values: dict[str, Array] = {}
        self.derived: dict[str, Expression] = {}
        self.slopes: dict[str, Expression] = {}
        self.resets: dict[str, str] = {}
        self._initial: dict[str, Array] = {}
        for line in parse_equations(equations, where):
            if line.is_stored:
                self.add(line.variable)
            if line.expression is not None:
                kept = self.slopes if line.is_differential else self.derived
                kept[line.variable] = line.expression

    def add(self, name: str, value: Any = 0.0) -> None:
        """Add a variable that starts from `value`."""
        self._initial[name] = self.arrays.array(np.broadcast_to(value, self.shape))
        self.values[name] = self.arrays.array(self._initial[name])

    def put(self, name: str, value: Any, chosen: Chosen = None) -> None:
        """Give a variable of the chosen elements a value."""
        self.values[name] = self.arrays.put(self.values[name], chosen, value)

    def reset(self, policies: Iterable[str], replicas: Array) -> None:
        """Return the variables with one of these reset policies to their initial values."""
        for name, policy in self.resets.items():
            if policy in policies:
                old, initial = self.values[name], self._initial[name]
                self.put(name, self.arrays.where(replicas[:, None], initial, old))


@dataclass(frozen=True)
class Sight:
    """A place as the elements of a block see it.

    Attributes
    ----------
    place : Place
    index : (elements of the block,) int array or None
        Which element of `place` each of them sees; None: its own.
    suffix : str
        What names of this place end in.
    """

    place: Place
    index: Array = None
    suffix: str = ""


class Executor:
    """Executes statements and expressions for the elements of a place.

    Parameters
    ----------
    sights : sequence of Sight
        In the order in which names are looked up; a block assigns to the variables of those
        without an index, and to names of its own that are forgotten when it ends.
    clock : mapping of str to float
        ``dt``, ``t`` and whatever else is equal everywhere, but for units.
    functions : mapping of str to callable, optional
        What expressions may call; default: the functions of the place's arrays.
    """

    def __init__(
        self,
        sights: Iterable[Sight],
        clock: Mapping[str, Any],
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        self._sights, self._clock = tuple(sights), clock
        self.place = self._sights[0].place
        self._arrays = self.place.arrays
        self._functions = functions or self._arrays.functions
        self._found: dict[str, tuple[Mapping[str, Any], str, Sight | None]] = {}

    def run(
        self,
        statements: Iterable[Statement],
        chosen: Chosen = None,
        temporary: Mapping[str, Any] | None = None,
    ) -> None:
        """Execute statements one after the other; `temporary` are names of the block alone."""
        own = dict(temporary or {})
        for statement in statements:
            value = self.evaluate(statement.expression, chosen, own)
            if statement.operator != "=":
                value = _combine(
                    statement.operator, self._read(statement.target, chosen, own), value
                )
            home = self._home(statement.target)
            if home is not None:
                home.put(statement.target, value, chosen)
            else:  # a copy: the variable that it was read from may change in place
                own[statement.target] = self._arrays.array(value)

    def evaluate(
        self,
        expression: Expression,
        chosen: Chosen = None,
        temporary: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the value of an expression for the chosen elements."""
        own = temporary or {}
        return evaluate(expression, lambda name: self._read(name, chosen, own), self._functions)

    def read(self, name: str, chosen: Chosen = None) -> Any:
        """Return the value of a name for the chosen elements."""
        return self._read(name, chosen, {})

    def owns(self, name: str) -> bool:
        """Return whether a name belongs to the block's own place, or is equal everywhere."""
        place = self.place
        own = (place.values, place.constants, place.derived, self._clock)
        return any(name in names for names in own) or find_unit(name) is not None

    def _home(self, name: str) -> Place | None:
        for sight in self._sights:
            if sight.index is None and name in sight.place.values:
                return sight.place
        return None

    def _read(self, name: str, chosen: Chosen, own: Mapping[str, Any]) -> Any:
        if name in own:
            return own[name]
        if name not in self._found:
            self._found[name] = self._find(name)
        kept, bare, sight = self._found[name]
        if sight is None:
            return kept[bare]
        if kept is sight.place.derived:
            return self._derive(sight, bare, chosen, own)
        return _select(kept[bare], sight.index, chosen)

    def _find(self, name: str) -> tuple[Mapping[str, Any], str, Sight | None]:
        """Return where a name is kept, what it is called there, and how its place is seen."""
        for sight in self._sights:
            bare = name.removesuffix(sight.suffix)
            if name.endswith(sight.suffix):
                for kept in (sight.place.values, sight.place.constants, sight.place.derived):
                    if bare in kept:
                        return kept, bare, sight
        if name in self._clock:
            return self._clock, name, None
        unit = find_unit(name)
        if unit is not None:
            return {name: unit.scale}, name, None
        raise KeyError(f"{self.place.where}: nothing here is called {name!r}.")

    def _derive(self, sight: Sight, name: str, chosen: Chosen, own: Mapping[str, Any]) -> Any:
        """Return a subexpression, which speaks the names of its own place."""
        if sight.place is self.place:
            return self.evaluate(sight.place.derived[name], chosen, own)
        beside = (s for s in self._sights if s.index is sight.index and s is not sight)
        executor = Executor([Sight(sight.place), *(Sight(s.place) for s in beside)], self._clock)
        return _select(executor.evaluate(sight.place.derived[name]), sight.index, chosen)


def _select(values: Array, index: Array, chosen: Chosen) -> Array:
    if (index is None and chosen is None) or values.ndim < 2:
        return values
    if chosen is None:
        return values[:, index]
    rows, columns = chosen
    return values[rows, columns if index is None else index[columns]]


def _combine(operator: str, old: Any, value: Any) -> Any:
    if operator == "+=":
        return old + value
    if operator == "-=":
        return old - value
    return old * value if operator == "*=" else old / value
