"""What one panel of a rule card holds, and the fits that several panels share."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Root mean square of the logarithm's distance from a line, above which a decay is none.
LARGEST_RESIDUAL = 0.1


@dataclass(frozen=True)
class Panel:
    """Numbers of one panel.

    Attributes
    ----------
    title : str
    arrays : dict of str to array
        What is drawn; empty if the panel does not apply.
    numbers : dict of str to float or str
        What the panel says, the unit in the name; NaN: no such number.
    reason : str
        Why the panel does not apply; empty if it does.
    """

    title: str
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    numbers: dict[str, float | str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class Decay:
    """A fitted decay: time constant in ms (NaN: none), its shape, and the curve at all samples.

    Shapes: "exponential"; "alpha", ``t*exp(-t/tau)``; "not exponential" if neither comes close;
    "none" if nothing decays over at least three samples.
    """

    tau_ms: float
    shape: str
    curve: Floats


def fit_decay(time_ms: NDArray[np.floating], values: Floats, below: float = 0.25) -> Decay:
    """Fit what follows the peak, from `below` of it to 1 % or a change of sign: a line of the log.

    An alpha function is tried for values that start near zero.
    """
    nothing = np.full(values.size, np.nan)
    size = np.abs(values)
    if size.size < 3 or not size.max() > 0:
        return Decay(np.nan, "none", nothing)
    peak = int(size.argmax())
    is_over = (size <= 0.01 * size[peak]) | (np.sign(values) != np.sign(values[peak]))
    is_over[: peak + 1] = False
    end = int(is_over.argmax()) if is_over.any() else size.size
    tail = np.arange(peak + 1, end)
    tail = tail[size[tail] <= below * size[peak]]
    if tail.size < 3:
        return Decay(np.nan, "none", nothing)
    t = time_ms - time_ms[0]
    factors = {"exponential": np.ones(t.size)}
    if size[0] < 0.2 * size[peak]:
        factors["alpha"] = t
    found = []
    for shape, factor in factors.items():
        straight = np.log(size[tail] / factor[tail])
        slope, offset = np.polyfit(t[tail], straight, 1)
        residual = float(np.sqrt(np.mean((straight - slope * t[tail] - offset) ** 2)))
        found.append((residual, shape, slope, offset))
    residual, shape, slope, offset = min(found)
    if slope >= 0 or residual > LARGEST_RESIDUAL:
        return Decay(np.nan, "not exponential", nothing)
    curve = np.sign(values[peak]) * factors[shape] * np.exp(slope * t + offset)
    return Decay(float(-1.0 / slope), shape, curve)


def relative(change: float, reference: float) -> float:
    """Return ``change/reference - 1`` in percent, NaN where either is missing."""
    if not (np.isfinite(change) and np.isfinite(reference) and reference):
        return np.nan
    return 100.0 * (change / reference - 1.0)
