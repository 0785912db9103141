"""Weights on a grid of powers of two, whose sums are exact in any order.

A double has 53 bits. Multiples of 2**-20 add up without rounding while sums stay below 2**33, and
products of two of them (a weight times a told number) while sums stay below 2**13. So engines,
which add one spike after the other, and matrix products, which add in whatever order is fastest,
give the same sum, bit for bit; nothing else in a timestep depends on an order.
"""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: The grid of weights that are handed to an engine; 2e-5 of a weight of 0.05.
STEP = 2.0**-20


def step_for(values: Floats, bits: int) -> float:
    """Return the smallest power of two whose multiples of `bits` bits, one for the sign, reach all.

    Raises
    ------
    ValueError
        If bits < 2.
    """
    if bits < 2:
        raise ValueError(f"bits of a weight must be >= 2, one of them for its sign, got {bits}.")
    largest = float(np.max(np.abs(values), initial=0.0))
    if largest == 0.0:
        return STEP
    levels = 2 ** (bits - 1) - 1
    step = 2.0 ** math.ceil(math.log2(largest / levels))
    return max(step, STEP)


def on_grid(values: Floats, step: float = STEP) -> Floats:
    """Return the nearest multiples of a power of two; halves go to the even one."""
    return np.rint(np.asarray(values, np.float64) / step) * step


def check_exact(name: str, weights: Floats) -> None:
    """Raise ValueError unless sums of such weights times spikes are exact."""
    total = float(np.sum(np.abs(weights)))
    if not total < 2.0**33:
        raise ValueError(
            f"{name}: weights of this size ({total:.3g} together) have no exact sums on a grid of "
            f"{STEP:.3g}; training diverged, or scale the weights down."
        )
