"""Weights on a grid of powers of two, whose sums are exact in any order, and of a few bits.

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


#: Bits that a weight may be asked to have.
BITS = range(2, 33)


def check_bits(bits: int) -> None:
    """Raise ValueError unless weights can have so many bits."""
    if bits not in BITS:
        raise ValueError(
            f"bits of a weight: expected {BITS[0]} to {BITS[-1]}, one of them for its sign, got "
            f"{bits}."
        )


def step_for(values: Floats, bits: int) -> float:
    """Return the smallest power of two whose multiples of `bits` bits, one for the sign, reach all.

    Raises
    ------
    ValueError
        If weights cannot have so many bits.
    """
    check_bits(bits)
    largest = float(np.max(np.abs(values), initial=0.0))
    if largest == 0.0:
        return STEP
    levels = 2 ** (bits - 1) - 1
    return 2.0 ** math.ceil(math.log2(largest / levels))


def quantise(values: Floats, bits: int) -> Floats:
    """Return the weights of one projection, rounded to a few bits.

    Equations
    ---------
    w <- step*k, |k| <= 2**(bits - 1) - 1, with step the smallest power of two that reaches all w

    Symmetric: 0 stays 0, and +w and -w go to opposite numbers. A step that is a power of two costs
    hardware a shift and no product, and keeps weights that lie on a grid of powers of two on it.

    Parameters
    ----------
    values : (n_synapses,)
    bits : int
        2 to 32, one of them for the sign.
    """
    return on_grid(values, step_for(values, bits))


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
