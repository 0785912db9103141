"""What one panel of a rule card holds, and the fits that several panels share."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


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


def fit_decay(time_ms: Floats, values: Floats) -> tuple[float, str]:
    """Return the time constant of a decay in ms and its shape.

    Fitted is what follows the peak from 25 % of it down to 1 %, as a line of the logarithm.
    Shape: "exponential", "alpha" (``t*exp(-t/tau)``, for values that start near zero and fit that
    better) or "none" (NaN) if nothing decays over at least three samples.
    """
    size = np.abs(values)
    if size.size < 3 or not size.max() > 0:
        return np.nan, "none"
    peak = int(size.argmax())
    tail = np.flatnonzero((size <= 0.25 * size[peak]) & (size > 0.01 * size[peak]))
    tail = tail[(tail > peak) & (np.sign(values[tail]) == np.sign(values[peak]))]
    if size[peak + 1 :].size and size[peak + 1] <= 0.01 * size[peak]:
        return np.nan, "none"
    if tail.size < 3:
        return np.nan, "none"
    t, logarithm = time_ms[tail] - time_ms[0], np.log(size[tail])
    found = []
    shapes = [("exponential", logarithm)]
    if peak > 0 and size[0] < 0.2 * size[peak]:
        shapes.append(("alpha", logarithm - np.log(t)))
    for shape, straight in shapes:
        slope, offset = np.polyfit(t, straight, 1)
        residual = float(np.mean((straight - slope * t - offset) ** 2))
        found.append((residual, shape, -1.0 / slope if slope < 0 else np.nan))
    _, shape, tau = min(found)
    return (float(tau), shape) if np.isfinite(tau) else (np.nan, "none")


def relative(change: float, reference: float) -> float:
    """Return ``change/reference - 1`` in percent, NaN where either is missing."""
    if not (np.isfinite(change) and np.isfinite(reference) and reference):
        return np.nan
    return 100.0 * (change / reference - 1.0)
