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
    position_per_m2, velocity_per_m2_s2, attitude, action : float
    """

    position_per_m2: float
    velocity_per_m2_s2: float
    attitude: float
    action: float


#: Van den Berghe et al. 2025, table of reward coefficients.
START = Coefficients(1.0, 0.01, 0.25, 0.14)
END = Coefficients(3.5, 0.10, 0.25, 0.50)
SURVIVAL = 1.0
#: That of the undisturbed drone, whatever it weighs.
HOVER_ACTION = Quadrotor().hover_action


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
    r = 1 - C_p |p|^2 - C_v |v|^2 - C_q min(|q - 1|^2, |q + 1|^2) - C_a |a - a_hover|^2

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

    Source: Van den Berghe et al. 2025. They print a_hover = 0.667 for actions in [-1, 1]; that is
    the share of the full rotor speed at which a Crazyflie hovers, as an action 2*0.667 - 1 = 0.334.
    """
    px, py, pz = np.moveaxis(states[..., POSITION], -1, 0)
    vx, vy, vz = np.moveaxis(states[..., VELOCITY], -1, 0)
    w = np.moveaxis(states[..., ATTITUDE], -1, 0)[0]
    a, b, c, d = np.moveaxis(actions - HOVER_ACTION, -1, 0)
    costs = {
        "position_per_m2": px * px + py * py + pz * pz,
        "velocity_per_m2_s2": vx * vx + vy * vy + vz * vz,
        "attitude": 2 - 2 * abs(w),
        "action": a * a + b * b + c * c + d * d,
    }
    reward = SURVIVAL
    for name, cost in costs.items():
        start, end = getattr(START, name), getattr(END, name)
        reward = reward - (start + levels * (end - start)) * cost
    return reward
