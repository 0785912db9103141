"""Exact steps of linear differential equations, in NumPy alone."""

from collections.abc import Callable

import numpy as np


def propagator(
    slope: Callable[[np.ndarray], np.ndarray], count: int, size: int, dt: float, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return (count, count, size) and (count, size) with x(t+dt) = first @ x(t) + second.

    Parameters
    ----------
    slope : function of a (count, size) array
        Derivatives of `count` variables of each of `size` elements, 1/s.
    count, size : int
    dt : float
        Timestep, s.
    where : str
        Beginning of the error's text.

    Raises
    ------
    ValueError
        If the slopes are not linear in the variables.
    """
    constant = slope(np.zeros((count, size)))
    system = np.zeros((size, count + 1, count + 1))
    system[:, :count, count] = constant.T
    for column in range(count):
        unit = np.zeros((count, size))
        unit[column] = 1.0
        system[:, :count, column] = (slope(unit) - constant).T
    probe = np.linspace(0.7, 1.9, count)[:, None] * np.ones(size)
    expected = np.einsum("njk,kn->jn", system[:, :count, :count], probe) + constant
    if not np.allclose(slope(probe), expected, rtol=1e-9, atol=1e-9 * np.abs(system).max()):
        raise ValueError(
            f"{where}: expected linear equations, which alone can be integrated exactly; put the "
            f"non-linear part into a block of every timestep, such as a rule's each_step."
        )
    step = matrix_exponential(system * dt)
    return np.moveaxis(step[:, :count, :count], 0, 2), step[:, :count, count].T


def matrix_exponential(matrices: np.ndarray) -> np.ndarray:
    """Return the exponentials of (n, k, k) matrices: scaling and squaring of the Taylor series."""
    norm = float(np.abs(matrices).sum(axis=-1).max(initial=0.0))
    halvings = max(0, int(np.ceil(np.log2(norm / 0.25)))) if norm > 0 else 0
    scaled = matrices / 2.0**halvings
    term = np.broadcast_to(np.eye(matrices.shape[-1]), matrices.shape)
    total = term.copy()
    for order in range(1, 16):  # 0.25**16/16! is below the rounding of doubles
        term = term @ scaled / order
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return total
