"""What executing the strings of rules and neurons needs of an array library; NumPy's is `NUMPY`.

Arrays have shape (replicas, elements) and hold SI values. Whatever changes an array returns it, so
that a library without changes in place can stand behind the same names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any
#: Elements of an array: their replicas and their numbers; None: all.
Chosen = tuple[Array, Array] | None


@dataclass(frozen=True)
class ArrayBackend:
    """The functions of an array library.

    Attributes
    ----------
    functions : mapping of str to callable
        What expressions may call: ``exp``, ``clip``, ...; for neurons also ``uniform(stream,
        timestep)`` and ``gaussian(stream, timestep)``.
    array : callable
        ``array(values)``: a new array of floats.
    where : callable
        ``where(condition, one, other)``.
    put : callable
        ``put(array, chosen, values)``: `array` with `values` at the chosen elements.
    add_at : callable
        ``add_at(array, chosen, values)``: `array` with `values` added one after the other, also
        where an element is chosen several times.
    find : callable
        ``find(condition)``: replicas and numbers of the elements that fulfil it, in order.
    reaches : callable
        ``reaches(distance, is_inclusive)``: whether a distance from threshold is > 0 (or >= 0), the
        only place where a spike depends on a number: a surrogate derivative belongs here.
    """

    functions: Mapping[str, Callable[..., Any]]
    array: Callable[[Any], Array]
    where: Callable[[Any, Any, Any], Array]
    put: Callable[[Array, Chosen, Any], Array]
    add_at: Callable[[Array, Chosen, Any], Array]
    find: Callable[[Array], tuple[Array, Array]]
    reaches: Callable[[Array, bool], Array]


def exprel(x: Any) -> Any:
    """Return ``(exp(x) - 1)/x``, 1 at zero."""
    x = np.asarray(x, float)
    is_small = np.abs(x) < 1e-8  # the next term of the series, x**2/6, is below the rounding
    return np.where(is_small, 1.0 + 0.5 * x, np.expm1(x) / np.where(is_small, 1.0, x))


def _put(array: np.ndarray, chosen: Chosen, values: Any) -> np.ndarray:
    array[... if chosen is None else chosen] = values
    return array


def _add_at(array: np.ndarray, chosen: Chosen, values: Any) -> np.ndarray:
    if chosen is None:
        array += values
    else:  # NumPy is several times faster at adding along one axis
        rows, columns = chosen
        np.add.at(array.reshape(-1), rows * array.shape[1] + columns, values)
    return array


def _find(condition: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.nonzero(condition)
    return rows, columns


def _reaches(distance: Any, is_inclusive: bool) -> np.ndarray:
    return distance >= 0 if is_inclusive else distance > 0


NUMPY = ArrayBackend(
    functions={
        "exp": np.exp, "expm1": np.expm1, "exprel": exprel, "log": np.log, "sqrt": np.sqrt,
        "abs": np.abs, "clip": np.clip, "int": lambda x: np.trunc(np.asarray(x, float)),
        "sign": np.sign, "tanh": np.tanh,
    },
    array=lambda values: np.array(values, float),
    where=np.where,
    put=_put,
    add_at=_add_at,
    find=_find,
    reaches=_reaches,
)  # fmt: skip
