"""Units that exist, and the dimension of an expression."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import NoReturn

from threefactor.rules.language.expressions import (
    COMPARISONS,
    Call,
    Expression,
    Name,
    Number,
    Operation,
    evaluate,
)
from threefactor.rules.language.source import Source, UnitError

_CONDITIONS = frozenset({*COMPARISONS, "and", "or", "not"})

#: Powers of metre, kilogram, second, ampere, kelvin, mole and candela.
Dimension = tuple[float, ...]
DIMENSIONLESS: Dimension = (0, 0, 0, 0, 0, 0, 0)
SECOND: Dimension = (0, 0, 1, 0, 0, 0, 0)
PER_SECOND: Dimension = (0, 0, -1, 0, 0, 0, 0)

#: What variables may be measured in; other names for a unit follow its first one.
_BASE: dict[str, Dimension] = {
    "volt": (2, 1, -3, -1, 0, 0, 0),
    "second": SECOND,
    "hertz": PER_SECOND,
    "amp": (0, 0, 0, 1, 0, 0, 0),
    "siemens": (-2, -1, 3, 2, 0, 0, 0),
    "ohm": (2, 1, -3, -2, 0, 0, 0),
    "farad": (-2, -1, 4, 2, 0, 0, 0),
    "coulomb": (0, 0, 1, 1, 0, 0, 0),
    "metre": (1, 0, 0, 0, 0, 0, 0),
    "kilogram": (0, 1, 0, 0, 0, 0, 0),
    "kelvin": (0, 0, 0, 0, 1, 0, 0),
    "mole": (0, 0, 0, 0, 0, 1, 0),
    "mmolar": (-3, 0, 0, 0, 0, 1, 0),
    "joule": (2, 1, -2, 0, 0, 0, 0),
    "watt": (2, 1, -3, 0, 0, 0, 0),
    "newton": (1, 1, -2, 0, 0, 0, 0),
    "pascal": (-1, 1, -2, 0, 0, 0, 0),
    "henry": (2, 1, -2, -2, 0, 0, 0),
    "weber": (2, 1, -2, -1, 0, 0, 0),
    "tesla": (0, 1, -2, -1, 0, 0, 0),
    "katal": (0, 0, -1, 0, 0, 1, 0),
    "candle": (0, 0, 0, 0, 0, 0, 1),
    "lux": (-2, 0, 0, 0, 0, 0, 1),
    "klitre": (3, 0, 0, 0, 0, 0, 0),
    "gray": (2, 0, -2, 0, 0, 0, 0),
    "radian": DIMENSIONLESS,
}
_SYNONYMS = {
    "Hz": "hertz", "becquerel": "hertz", "ampere": "amp", "meter": "metre", "mol": "mole",
    "kgram": "kilogram", "kgramme": "kilogram", "kilogramme": "kilogram", "mM": "mmolar",
    "kliter": "klitre", "lumen": "candle", "sievert": "gray", "steradian": "radian",
}  # fmt: skip
_PREFIXES = {
    "": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18, "z": 1e-21,
    "y": 1e-24, "c": 1e-2, "d": 1e-1, "da": 1e1, "h": 1e2, "k": 1e3, "M": 1e6, "G": 1e9,
    "T": 1e12, "P": 1e15, "E": 1e18, "Z": 1e21, "Y": 1e24,
}  # fmt: skip
_SHORT = {
    "ms": ("m", "second"), "us": ("u", "second"), "mV": ("m", "volt"), "kHz": ("k", "hertz"),
    "MHz": ("M", "hertz"), "mA": ("m", "amp"), "uA": ("u", "amp"), "nA": ("n", "amp"),
    "pA": ("p", "amp"), "uF": ("u", "farad"), "nF": ("n", "farad"), "pF": ("p", "farad"),
    "uS": ("u", "siemens"), "nS": ("n", "siemens"), "cm": ("c", "metre"), "mm": ("m", "metre"),
    "um": ("u", "metre"), "uM": ("m", "mmolar"), "nM": ("u", "mmolar"),
}  # fmt: skip


@dataclass(frozen=True)
class Unit:
    """A unit: `base` without its scale, its dimension, and what one of it is in SI units."""

    base: str
    dimension: Dimension
    scale: float


def base_units() -> tuple[str, ...]:
    """Return the names of units that variables may have."""
    return (*_BASE, *_SYNONYMS)


@cache
def find_unit(name: str) -> Unit | None:
    """Return the unit called `name`, ``volt``, ``mvolt`` or ``mV``, or None."""
    if name in _SHORT:
        prefix, stem = _SHORT[name]
    else:
        prefix = next((p for p in _PREFIXES if name.removeprefix(p) in base_units()), "")
        stem = name.removeprefix(prefix)
    base = _SYNONYMS.get(stem, stem)
    return Unit(base, _BASE[base], _PREFIXES[prefix]) if base in _BASE else None


def unit_text(dimension: Dimension) -> str:
    """Return a dimension in words, such as volt or 1/second."""
    if dimension == DIMENSIONLESS:
        return "1"
    if dimension == PER_SECOND:
        return "1/second"
    for name, other in _BASE.items():
        for text, factor in ((name, 1), (f"{name}**2", 2), (f"1/{name}", -1)):
            if dimension == tuple(factor * power for power in other):
                return text
        for second, text in ((1, f"{name}*second"), (-1, f"{name}/second")):
            time = zip(other, SECOND, strict=True)
            if dimension == tuple(one + second * power for one, power in time):
                return text
    names = ("metre", "kilogram", "second", "amp", "kelvin", "mole", "candle")
    powers = zip(names, dimension, strict=True)
    return "*".join(name if p == 1 else f"{name}**{p:g}" for name, p in powers if p)


def per_second(dimension: Dimension) -> Dimension:
    """Return the dimension of a derivative by time."""
    return tuple(one - other for one, other in zip(dimension, SECOND, strict=True))


class Dimensions:
    """The dimensions of the expressions of one block.

    Parameters
    ----------
    source : Source
        For error messages.
    known : mapping of str to Dimension or None
        Dimension of each name; None: not known, and not checked.
    booleans : set of str
        Names that are true or false.
    """

    def __init__(
        self,
        source: Source,
        known: Mapping[str, Dimension | None],
        booleans: frozenset[str] = frozenset(),
    ) -> None:
        self._source, self._known, self._booleans = source, known, booleans

    def of(self, expression: Expression) -> Dimension | None:
        """Return the dimension of an expression, None if it is not known.

        Raises
        ------
        ValueError
            Naming line and column, for terms that cannot be added, compared or passed.
        """
        if isinstance(expression, Number):
            return DIMENSIONLESS
        if isinstance(expression, Name):
            return self._known[expression.text]
        found = [self.of(part) for part in expression.parts]
        if isinstance(expression, Call):
            return self._of_call(expression, found)
        return self._of_operation(expression, found)

    def is_boolean(self, expression: Expression) -> bool:
        """Return whether an expression is a condition: true or false."""
        if isinstance(expression, Name):
            return expression.text in self._booleans
        return isinstance(expression, Operation) and expression.operator in _CONDITIONS

    def _of_operation(
        self, expression: Operation, found: list[Dimension | None]
    ) -> Dimension | None:
        sign = expression.operator
        conditions = [self.is_boolean(part) for part in expression.parts]
        if sign in ("and", "or", "not"):
            if not all(conditions):
                self._refuse(expression, f"`{sign}` joins conditions, such as v > v_threshold")
            return DIMENSIONLESS
        if all(conditions) and sign not in COMPARISONS:
            self._refuse(expression, f"`{sign}` joins numbers; write int(...) around a condition")
        if len(found) == 1:
            return found[0]
        left, right = found
        if sign == "**":
            return self._power(expression, left, right)
        if sign in ("*", "/"):
            if left is None or right is None:
                return None
            direction = 1 if sign == "*" else -1
            return tuple(one + direction * o for one, o in zip(left, right, strict=True))
        self._agree(expression, f"`{sign}`", left, right)
        if sign in COMPARISONS:
            return DIMENSIONLESS
        return right if left is None else left

    def _power(
        self, expression: Operation, base: Dimension | None, exponent: Dimension | None
    ) -> Dimension | None:
        if exponent not in (None, DIMENSIONLESS):
            self._refuse(expression, f"an exponent has the unit {unit_text(exponent)}, expected 1")
        if base == DIMENSIONLESS:
            return DIMENSIONLESS
        power = expression.parts[1]
        if power.names:
            if base is not None:
                self._refuse(
                    expression, f"the exponent of a value in {unit_text(base)} must be a number"
                )
            return None
        if base is None:
            return None
        return tuple(float(evaluate(power, str)) * one for one in base)

    def _of_call(self, call: Call, found: list[Dimension | None]) -> Dimension | None:
        if call.function in ("abs", "sign", "sqrt", "clip"):
            if call.function == "clip":
                for index in (1, 2):
                    self._agree(call.parts[index], "clip", found[0], found[index])
            if call.function == "sign":
                return DIMENSIONLESS
            if call.function == "sqrt" and found[0] is not None:
                return tuple(power / 2 for power in found[0])
            return found[0]
        for part, dimension in zip(call.parts, found, strict=True):
            if dimension not in (None, DIMENSIONLESS):
                self._refuse(
                    part, f"{call.function} needs a plain number, got a value in "
                    f"{unit_text(dimension)}; divide by a value of that unit",
                )  # fmt: skip
        return DIMENSIONLESS

    def _agree(
        self, place: Expression, what: str, one: Dimension | None, other: Dimension | None
    ) -> None:
        if one is not None and other is not None and one != other:
            self._refuse(place, f"{what} joins {unit_text(one)} with {unit_text(other)}")

    def _refuse(self, place: Expression, problem: str) -> NoReturn:
        raise self._source.error(place.at, f"{problem}.", UnitError)
