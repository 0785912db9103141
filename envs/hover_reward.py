"""The reward of hovering: what it costs to be away, fast, tilted or busy, and its curriculum."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.envs.quadrotor import ATTITUDE, POSITION, VELOCITY, Quadrotor

#: Steps in which the curriculum goes from the coefficients of the start to those of the end.
STEPS = 6


@dataclass(frozen=True)
class Coefficients:
    """Costs in the reward of a timestep.

    Attributes
    ----------
    position_per_m2, velocity_per_m2_s2, attitude, throttle : float
    """

    position_per_m2: float
    velocity_per_m2_s2: float
    attitude: float
    throttle: float


#: Van den Berghe et al. 2025, table of reward coefficients.
START = Coefficients(1.0, 0.01, 0.25, 0.14)
END = Coefficients(3.5, 0.10, 0.25, 0.50)
SURVIVAL = 1.0
#: Share of the full rotor speed at which the drone hovers that weighs what it should, 0.667.
HOVER_THROTTLE = (Quadrotor().hover_action + 1) / 2


def level_of(fraction: float) -> float:
    """Return how far the coefficients are, 0 (start) to 1 (end), in `STEPS` equal steps.

    Equations        level = floor(6 fraction) / 6

    Raises
    ------
    ValueError
        Unless 0 <= fraction <= 1.
    """
    if not 0.0 <= fraction <= 1.0:
        raise ValueError(f"Hover.curriculum_fraction must lie in [0, 1], got {fraction}.")
    # 5/6 * 6 is 5 in the reals; a fraction that was divided must not lose its step by rounding.
    return math.floor(STEPS * fraction + 1e-9) / STEPS


def rewards(
    states: NDArray[np.float64], actions: NDArray[Any], levels: float | NDArray[np.float64]
) -> Any:
    """Return the rewards of the states that actions led to.

    Equations
    ---------
    r = 1 - C_p |p|^2 - C_v |v|^2 - C_q min(|q - 1|^2, |q + 1|^2) - C_a |u - u_hover|^2
    u = (a + 1)/2

    each C linear in the level, from `START` to `END`. The quaternions q and -q are one attitude.

    Parameters
    ----------
    states : (17,) or (n, 17)
        As in `envs.quadrotor`; the target is the origin.
    actions : (4,) or (n, 4), in [-1, 1]
    levels : float or (n,)

    Returns
    -------
    float or (n,)

    Source: Van den Berghe et al. 2025. They print u_hover = 0.667 beside actions in [-1, 1]. It is
    the throttle at which a Crazyflie hovers, as a share of the full rotor speed, so throttles it is
    that are compared here.
    """
    px, py, pz = np.moveaxis(states[..., POSITION], -1, 0)
    vx, vy, vz = np.moveaxis(states[..., VELOCITY], -1, 0)
    w = np.moveaxis(states[..., ATTITUDE], -1, 0)[0]
    a, b, c, d = np.moveaxis((actions + 1) / 2 - HOVER_THROTTLE, -1, 0)
    costs = {
        "position_per_m2": px * px + py * py + pz * pz,
        "velocity_per_m2_s2": vx * vx + vy * vy + vz * vz,
        "attitude": 2 - 2 * abs(w),
        "throttle": a * a + b * b + c * c + d * d,
    }
    reward = SURVIVAL
    for name, cost in costs.items():
        start, end = getattr(START, name), getattr(END, name)
        reward = reward - (start + levels * (end - start)) * cost
    return reward
