"""Dynamics of a small quadrotor, one or many at once: rotors with lag under a rigid body.

A state is 17 numbers: position (3, m, world), attitude (4, unit quaternion w x y z, body to world),
velocity (3, m/s, world), angular velocity (3, rad/s, body), rotor speeds (4, rpm). x points
forward, y to the left, z up.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

GRAVITY_M_S2 = 9.81
POSITION, ATTITUDE, VELOCITY = slice(0, 3), slice(3, 7), slice(7, 10)
ANGULAR_VELOCITY, ROTORS = slice(10, 13), slice(13, 17)
STATE_SIZE = 17

#: A number of one drone, or the same number of many drones, (n,): both go through the same
#: operations, each of which IEEE 754 rounds alike, so that many drones fly as each alone, bit for
#: bit, and one drone is not slowed down by arrays of one element.
Row = Any


@dataclass(frozen=True)
class Quadrotor:
    """A quadrotor in X configuration; as given, the Crazyflie.

    Equations
    ---------
    dp/dt = v;  dq/dt = q * (0, omega) / 2
    m dv/dt = R(q) (0, 0, sum_i f_i) - (0, 0, m g) + force
    J domega/dt = sum_i (y_i f_i, -x_i f_i, s_i k f_i) - omega x J omega + torque
    dn_i/dt = (set_i - n_i) / tau;  f_i = c n_i^2;  set_i = (action_i + 1)/2 n_max

    Integrated by the classical Runge-Kutta method of fourth order, the quaternion normalised after
    each step.

    Parameters
    ----------
    mass_kg : float
    inertia_kg_m2 : (float, float, float)
        Principal moments, J.
    rotor_x_m, rotor_y_m : (float, float, float, float)
        Places of the rotors: front right, back right, back left, front left.
    yaw_signs : (float, float, float, float)
        s, sense of the torque of each rotor about z.
    thrust_n_per_rpm2 : float
        c.
    torque_per_thrust_m : float
        k.
    rotor_lag_s : float
        tau, time constant of the rotors.
    max_rpm : float
        n_max.
    timestep_s : float

    Raises
    ------
    ValueError
        Unless mass, moments, lag, largest speed and timestep are > 0.

    Source: Eschmann et al. 2024, Learning to fly in seconds (IEEE RA-L 9:6336), constants as in
    arplaboratory/learning-to-fly d07592d (`crazy_flie_old_reduced_inertia`).
    """

    mass_kg: float = 0.027
    inertia_kg_m2: tuple[float, float, float] = (3.85e-6, 3.85e-6, 5.9675e-6)
    rotor_x_m: tuple[float, float, float, float] = (0.028, -0.028, -0.028, 0.028)
    rotor_y_m: tuple[float, float, float, float] = (-0.028, -0.028, 0.028, 0.028)
    yaw_signs: tuple[float, float, float, float] = (-1.0, 1.0, -1.0, 1.0)
    thrust_n_per_rpm2: float = 3.16e-10
    torque_per_thrust_m: float = 0.005964552
    rotor_lag_s: float = 0.15
    max_rpm: float = 21702.0
    timestep_s: float = 0.01

    def __post_init__(self) -> None:
        """Check that it can fly through time."""
        for name in ("mass_kg", "inertia_kg_m2", "rotor_lag_s", "max_rpm", "timestep_s"):
            value = getattr(self, name)
            if not np.all(np.isfinite(value) & (np.array(value) > 0.0)):
                raise ValueError(f"Quadrotor.{name} must be > 0, got {value}.")

    @property
    def hover_rpm(self) -> float:
        """Rotor speed at which four rotors carry the weight: sqrt(m g / (4 c))."""
        return math.sqrt(self.mass_kg * GRAVITY_M_S2 / (4 * self.thrust_n_per_rpm2))

    @property
    def hover_action(self) -> float:
        """Action that keeps the rotors at `hover_rpm`, in [-1, 1]."""
        return 2 * self.hover_rpm / self.max_rpm - 1

    def step(
        self,
        states: NDArray[np.float64],
        actions: NDArray[Any],
        forces_n: NDArray[np.float64] | None = None,
        torques_n_m: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Return where drones are one timestep later.

        Parameters
        ----------
        states : (17,) or (n, 17)
        actions : (4,) or (n, 4)
            Set points of the rotors in [-1, 1]; what is beyond is as the bound.
        forces_n, torques_n_m : (3,) or (n, 3), optional
            From outside, in the world and about the body's axes, constant in this timestep.

        Returns
        -------
        As `states`
        """
        clipped = np.clip(np.asarray(actions, np.float64), -1.0, 1.0)
        nothing = np.zeros((*states.shape[:-1], 3))
        outside = np.concatenate(
            [
                nothing if forces_n is None else forces_n,
                nothing if torques_n_m is None else torques_n_m,
            ],
            axis=-1,
        )
        is_single = states.ndim == 1
        moved = self._runge_kutta(
            _rows(states), _rows((clipped + 1) / 2 * self.max_rpm), _rows(outside),
            math.sqrt if is_single else np.sqrt,
        )  # fmt: skip
        return np.array(moved) if is_single else np.stack(moved, axis=1)

    def _runge_kutta(
        self,
        state: Sequence[Row],
        set_points: Sequence[Row],
        outside: Sequence[Row],
        sqrt: Callable[[Row], Row],
    ) -> list[Row]:
        h = self.timestep_s
        first = self._change(state, set_points, outside)
        second = self._change(_ahead(state, first, h / 2), set_points, outside)
        third = self._change(_ahead(state, second, h / 2), set_points, outside)
        fourth = self._change(_ahead(state, third, h), set_points, outside)
        moved = [
            s + h / 6 * (a + 2 * (b + c) + d)
            for s, a, b, c, d in zip(state, first, second, third, fourth, strict=True)
        ]
        w, x, y, z = moved[ATTITUDE]
        norm = sqrt(w * w + x * x + y * y + z * z)
        moved[ATTITUDE] = [w / norm, x / norm, y / norm, z / norm]
        return moved

    def _change(
        self, state: Sequence[Row], set_points: Sequence[Row], outside: Sequence[Row]
    ) -> list[Row]:
        """Return the time derivative of every number of a state."""
        _, _, _, w, x, y, z, vx, vy, vz, p, q, r, n0, n1, n2, n3 = state
        fx, fy, fz, tx, ty, tz = outside
        jx, jy, jz = self.inertia_kg_m2
        c = self.thrust_n_per_rpm2
        f0, f1, f2, f3 = c * n0 * n0, c * n1 * n1, c * n2 * n2, c * n3 * n3
        lift = (f0 + f1 + f2 + f3) / self.mass_kg
        roll = _weighted(self.rotor_y_m, f0, f1, f2, f3)
        pitch = -_weighted(self.rotor_x_m, f0, f1, f2, f3)
        yaw = self.torque_per_thrust_m * _weighted(self.yaw_signs, f0, f1, f2, f3)
        return [
            vx, vy, vz,
            -0.5 * (x * p + y * q + z * r), 0.5 * (w * p + y * r - z * q),
            0.5 * (w * q + z * p - x * r), 0.5 * (w * r + x * q - y * p),
            2 * (x * z + w * y) * lift + fx / self.mass_kg,
            2 * (y * z - w * x) * lift + fy / self.mass_kg,
            (1 - 2 * (x * x + y * y)) * lift - GRAVITY_M_S2 + fz / self.mass_kg,
            (roll - (jz - jy) * q * r + tx) / jx,
            (pitch - (jx - jz) * p * r + ty) / jy,
            (yaw - (jy - jx) * p * q + tz) / jz,
            *[(to - n) / self.rotor_lag_s for to, n in zip(set_points, state[ROTORS], strict=True)],
        ]  # fmt: skip


def rotation_matrices(attitudes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation matrices, body to world, of unit quaternions.

    Parameters
    ----------
    attitudes : (4,) or (n, 4), w x y z

    Returns
    -------
    (9,) or (n, 9), row by row
    """
    w, x, y, z = np.moveaxis(attitudes, -1, 0)
    return np.stack(
        [
            1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
            2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
            2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
        ],
        axis=-1,
    )  # fmt: skip


def _rows(values: NDArray[np.float64]) -> list[Row]:
    return values.tolist() if values.ndim == 1 else list(np.ascontiguousarray(values.T))


def _ahead(state: Sequence[Row], change: Sequence[Row], time_s: float) -> list[Row]:
    return [s + time_s * d for s, d in zip(state, change, strict=True)]


def _weighted(weights: Sequence[float], f0: Row, f1: Row, f2: Row, f3: Row) -> Row:
    return weights[0] * f0 + weights[1] * f1 + weights[2] * f2 + weights[3] * f3
