"""Expressions and statements as functions of a frame: strings are read once, not every timestep.

A frame is what a population holds: names -> tensors (batch, neurons), or numbers where all are
equal. What is constant is computed when the string is read; zeros and ones cost nothing.
"""

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from threefactor.models.differentiable.surrogate import Draw, Spike, log_probability
from threefactor.rules.language import (
    Expression,
    Statement,
    evaluate,
    find_unit,
    parse_expression,
)
from threefactor.rules.language.expressions import COMPARISONS, Call, Name, Number, Operation

Frame = dict[str, Any]
Part = Callable[[Frame], Any]
#: Key of a frame's `Surrogate`: no name of the language.
SURROGATE = "surrogate of spikes"
_LOGICAL = (*COMPARISONS, "and", "or", "not")


class Surrogate:
    """How sharp spikes are for gradients; both may change at any time.

    Attributes
    ----------
    slope : float
        k of the derivative 1/(1 + k*|x|)**2 at a distance x from threshold.
    temperature : float
        Of relaxed draws.
    log_probabilities : list of (batch, neurons) tensors, or None
        Of all draws of a forward pass, which then pass no gradient themselves; None: they do.
    """

    def __init__(self, slope: float, temperature: float) -> None:
        self.slope, self.temperature = slope, temperature
        self.log_probabilities: list[Tensor] | None = None


class Reader:
    """Reads the strings of one population.

    Parameters
    ----------
    constants : mapping of str to float
        Names that are equal numbers for all neurons, for ever.
    derived : mapping of str to Expression
        Subexpressions.
    """

    def __init__(
        self, constants: Mapping[str, float], derived: Mapping[str, Expression] | None = None
    ) -> None:
        self.constants, self.derived = dict(constants), derived or {}

    def block(self, statements: Iterable[Statement]) -> list[Part]:
        """Return the statements of a block."""
        return [self._statement(statement) for statement in statements]

    def assignments(self, statements: Iterable[Statement]) -> list[tuple[str, Part]]:
        """Return target and new value of each statement."""
        found = []
        for statement in statements:
            value = self.part(statement.expression)
            if statement.operator != "=":
                value = _combined(statement.operator, statement.target, value)
            found.append((statement.target, value))
        return found

    def part(self, expression: Expression) -> Part:
        """Return an expression as a function of the frame."""
        read = self._read(expression)
        return _constant(read) if isinstance(read, float) else read

    def threshold(self, text: str, where: str, indicators: frozenset[str]) -> Part:
        """Return a threshold as a function that returns spikes, as numbers and as bool.

        Parameters
        ----------
        indicators : set of str
            Variables that the neuron sets to 0 or 1 itself: ``z > 0.5`` is z, and its gradient.
        """
        expression = parse_expression(text, where)
        if isinstance(expression, Operation) and expression.operator in _REACHED:
            left, right = expression.parts
            if isinstance(left, Name) and left.text in indicators and right == Number(0.5):
                name = left.text
                return lambda frame: (frame[name], frame[name] > 0.5)
            return self._distance(expression)
        value = self.part(expression)

        def spikes(frame: Frame) -> tuple[Tensor, Tensor]:
            z = value(frame)
            return z, z > 0.5

        return spikes

    def _statement(self, statement: Statement) -> Part:
        ((target, value),) = self.assignments([statement])

        def assign(frame: Frame) -> None:
            frame[target] = value(frame)

        return assign

    def _read(self, expression: Expression) -> Part | float:
        """Return a number where it is one already."""
        if isinstance(expression, Number):
            return float(expression.value)
        if isinstance(expression, Name):
            return self._name(expression.text)
        if isinstance(expression, Call) and expression.function in _DRAWS:
            return self._drawn(expression)
        parts = [self._read(part) for part in expression.parts]
        if all(isinstance(part, float) for part in parts):
            return float(evaluate(expression, self._constant))
        if isinstance(expression, Call):
            return self._call(expression, parts)
        if expression.operator in _REACHED:
            return self._compared(expression)
        if len(parts) == 1:
            return _unary(expression.operator, parts[0])
        return _binary(expression.operator, *parts)

    def _constant(self, name: str) -> float:
        value = self._name(name)
        assert isinstance(value, float)
        return value

    def _name(self, name: str) -> Part | float:
        if name in self.constants:
            return float(self.constants[name])
        if name in self.derived:
            return self._read(self.derived[name])
        unit = find_unit(name)
        return operator.itemgetter(name) if unit is None else float(unit.scale)

    def _call(self, call: Call, parts: list[Part | float]) -> Part:
        if call.function == "int" and _is_logical(call.parts[0]):
            (inner,) = parts
            assert not isinstance(inner, float)
            return inner
        function = FUNCTIONS[call.function]
        if len(parts) == 1:
            (only,) = parts
            assert not isinstance(only, float)
            return lambda frame: function(only(frame))
        arguments = [_constant(part) if isinstance(part, float) else part for part in parts]
        return lambda frame: function(*[argument(frame) for argument in arguments])

    def _drawn(self, call: Call) -> Part:
        stream, *rest = call.parts
        assert isinstance(stream, Name)
        name, method = stream.text, call.function
        arguments = [self.part(part) for part in rest]
        return lambda frame: getattr(frame[name], method)(*[a(frame) for a in arguments])

    def _compared(self, expression: Operation) -> Part:
        """Return a comparison as 0 or 1, with the gradient of a spike or of a draw."""
        left, right = expression.parts
        if expression.operator == "<" and isinstance(left, Call) and left.function == "uniform":
            drawn, p = self._drawn(left), self.part(right)

            def draw(frame: Frame) -> Tensor:
                surrogate, chance = frame[SURROGATE], p(frame)
                draws = Draw.apply(chance, drawn(frame), surrogate.temperature)
                if surrogate.log_probabilities is None:
                    return draws
                surrogate.log_probabilities.append(log_probability(chance, draws))
                return draws.detach()

            return draw
        distance = self._distance(expression)
        return lambda frame: distance(frame)[0]

    def _distance(self, expression: Operation) -> Part:
        left, right = (self.part(part) for part in expression.parts)
        is_less, is_inclusive = _REACHED[expression.operator]
        if is_less:
            left, right = right, left

        def spikes(frame: Frame) -> tuple[Tensor, Tensor]:
            return Spike.apply(left(frame) - right(frame), frame[SURROGATE].slope, is_inclusive)

        return spikes


def _constant(value: float) -> Part:
    return lambda frame: value


def _is_logical(expression: Expression) -> bool:
    return isinstance(expression, Operation) and expression.operator in _LOGICAL


def add(one: Any, other: Any) -> Any:
    """Return a sum; one of a number 0 is the other."""
    if one.__class__ is float and one == 0.0:
        return other
    if other.__class__ is float and other == 0.0:
        return one
    return one + other


def _subtract(one: Any, other: Any) -> Any:
    return one if other.__class__ is float and other == 0.0 else one - other


def _multiply(one: Any, other: Any) -> Any:
    for factor, rest in ((one, other), (other, one)):
        if factor.__class__ is float and factor in (0.0, 1.0):
            return rest if factor == 1.0 else 0.0
    return one * other


def _binary(sign: str, one: Part | float, other: Part | float) -> Part:
    """Return an operation of two parts, at least one of which is no number."""
    function = _BINARY[sign]
    if isinstance(one, float):
        assert not isinstance(other, float)
        return _scaled(one, other) if sign == "*" else lambda f: function(one, other(f))
    if isinstance(other, float):
        return _scaled(other, one) if sign == "*" else lambda f: function(one(f), other)
    return lambda f: function(one(f), other(f))


def _scaled(factor: float, part: Part) -> Part:
    """Return a product with a number."""
    if factor == 0.0:
        return _constant(0.0)
    return part if factor == 1.0 else lambda f: _multiply(factor, part(f))


def _unary(sign: str, part: Part | float) -> Part:
    assert not isinstance(part, float)
    if sign == "+":
        return part
    return (lambda f: -part(f)) if sign == "-" else (lambda f: 1.0 - part(f))


def _combined(sign: str, target: str, value: Part) -> Part:
    function = _BINARY[sign[0]]
    return lambda frame: function(frame[target], value(frame))


def _elementwise(
    tensors: Callable[[Tensor], Tensor], numbers: Callable[[float], float]
) -> Callable[[Any], Any]:
    return lambda x: tensors(x) if isinstance(x, Tensor) else numbers(x)


def _clip(x: Any, low: Any, high: Any) -> Any:
    for limit, numbers, tensors in ((low, "min", torch.maximum), (high, "max", torch.minimum)):
        if isinstance(limit, Tensor):
            x = tensors(torch.as_tensor(x, dtype=limit.dtype, device=limit.device), limit)
        elif isinstance(x, Tensor):
            x = torch.clamp(x, **{numbers: limit})
        else:
            x = max(x, limit) if numbers == "min" else min(x, limit)
    return x


def _exprel(x: Tensor) -> Tensor:
    is_small = x.abs() < 1e-8
    return torch.where(is_small, 1.0 + 0.5 * x, torch.expm1(x) / torch.where(is_small, 1.0, x))


def _truth(sign: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a comparison that no gradient passes, as a number."""

    def compared(one: Any, other: Any) -> Any:
        result = sign(one, other)
        if not isinstance(result, Tensor):
            return float(result)
        return result.to(one.dtype if isinstance(one, Tensor) else other.dtype)

    return compared


_DRAWS = ("uniform", "gaussian", "geometric")
#: Comparison -> whether right minus left is the distance, and whether equality reaches it.
_REACHED = {">": (False, False), ">=": (False, True), "<": (True, False), "<=": (True, True)}
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": add, "-": _subtract, "*": _multiply, "/": operator.truediv, "%": operator.mod,
    "**": operator.pow, "==": _truth(operator.eq), "!=": _truth(operator.ne),
    "and": operator.mul, "or": lambda one, other: one + other - one * other,
}  # fmt: skip
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": _elementwise(torch.exp, math.exp), "log": _elementwise(torch.log, math.log),
    "expm1": _elementwise(torch.expm1, math.expm1), "sqrt": _elementwise(torch.sqrt, math.sqrt),
    "abs": abs, "tanh": _elementwise(torch.tanh, math.tanh), "exprel": _exprel, "clip": _clip,
    "sign": torch.sign, "int": _elementwise(torch.trunc, math.trunc),
}  # fmt: skip
