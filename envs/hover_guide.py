"""A guide that hovers: a geometric controller, which shows others how a Crazyflie is flown."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.envs.quadrotor import GRAVITY_M_S2, Quadrotor


@dataclass(frozen=True)
class GeometricController:
    """Lean such that the thrust points where it is needed; turn the rotors ahead of their lag.

    Equations
    ---------
    a = g e_z - position_gain p - velocity_gain v, its vertical part at least `least_lift` g, and
    from level at most `most_tilt` (tangent)
    thrust = m a . b;  turn (axis angle) from the body's axis b to a
    alpha = rate_gain (attitude_gain turn - omega); about z: -yaw_gain omega_z
    torque = J alpha + omega x J omega
    set = n + lag_gain (n_wanted - n), n the rotors' speeds

    Where rotors cannot give both, thrust yields to torque.

    Parameters
    ----------
    position_gain_per_s2, velocity_gain_per_s : float
    attitude_gain_per_s, rate_gain_per_s, yaw_gain_per_s : float
    lag_gain : float
        1: rotors are left to their lag.
    least_lift, most_tilt : float

    Source: Lee et al. 2010, Geometric tracking control of a quadrotor UAV on SE(3), without yaw;
    lead for the rotors' lag added.
    """

    position_gain_per_s2: float = 9.4
    velocity_gain_per_s: float = 4.5
    attitude_gain_per_s: float = 6.7
    rate_gain_per_s: float = 83.0
    yaw_gain_per_s: float = 5.2
    lag_gain: float = 4.1
    least_lift: float = 0.37
    most_tilt: float = 1.5

    def actions(
        self, observations: NDArray[Any], rotors_rpm: NDArray[np.float64], drone: Quadrotor
    ) -> NDArray[np.float64]:
        """Return what to do.

        Parameters
        ----------
        observations : (n, 18 or more)
            Of `Hover-v0`.
        rotors_rpm : (n, 4)
        drone : Quadrotor

        Returns
        -------
        (n, 4), in [-1, 1]
        """
        seen = np.asarray(observations, np.float64)
        rotation, omega = seen[:, 3:12].reshape(-1, 3, 3), seen[:, 15:18]
        wanted = self._wanted(seen[:, :3], seen[:, 12:15])
        lift = np.einsum("ni,nij->nj", wanted, rotation)  # in the body's axes
        thrust = drone.mass_kg * np.maximum(lift[:, 2], 0.0)
        across = np.hypot(lift[:, 0], lift[:, 1])
        turn = np.arctan2(across, lift[:, 2]) / np.maximum(across, 1e-9)
        alpha = np.stack(
            [
                self.rate_gain_per_s
                * (-self.attitude_gain_per_s * turn * lift[:, 1] - omega[:, 0]),
                self.rate_gain_per_s * (self.attitude_gain_per_s * turn * lift[:, 0] - omega[:, 1]),
                -self.yaw_gain_per_s * omega[:, 2],
            ],
            axis=1,
        )
        inertia = np.array(drone.inertia_kg_m2)
        torque = inertia * alpha + np.cross(omega, inertia * omega)
        rpm = np.sqrt(_rotor_thrusts(thrust, torque, drone) / drone.thrust_n_per_rpm2)
        ahead = rotors_rpm + self.lag_gain * (rpm - rotors_rpm)
        return np.clip(2 * ahead / drone.max_rpm - 1, -1.0, 1.0)

    def _wanted(
        self, position: NDArray[np.float64], velocity: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the acceleration that rotors should give, in the world, (n, 3), m/s^2."""
        wanted = -self.position_gain_per_s2 * position - self.velocity_gain_per_s * velocity
        wanted[:, 2] = np.maximum(wanted[:, 2] + GRAVITY_M_S2, self.least_lift * GRAVITY_M_S2)
        level = np.hypot(wanted[:, 0], wanted[:, 1])
        most = self.most_tilt * wanted[:, 2]
        wanted[:, :2] *= np.minimum(1.0, most / np.maximum(level, 1e-9))[:, None]
        return wanted


def _rotor_thrusts(
    thrust: NDArray[np.float64], torque: NDArray[np.float64], drone: Quadrotor
) -> NDArray[np.float64]:
    """Share thrust, (n,), and torque, (n, 3), among the rotors, (n, 4), N, as far as they can."""
    x, y, signs = (np.array(v) for v in (drone.rotor_x_m, drone.rotor_y_m, drone.yaw_signs))
    most = drone.thrust_n_per_rpm2 * drone.max_rpm**2
    turning = torque[:, :1] * y / (y @ y) - torque[:, 1:2] * x / (x @ x)
    turning += np.clip(torque[:, 2:] / (4 * drone.torque_per_thrust_m), -most / 8, most / 8) * signs
    spread = turning.max(axis=1) - turning.min(axis=1)
    turning *= np.minimum(1.0, most / np.maximum(spread, 1e-12))[:, None]
    lowest, highest = -turning.min(axis=1), most - turning.max(axis=1)
    shared = turning + np.clip(thrust / 4, lowest, highest)[:, None]
    return np.clip(shared, 0.0, most)  # of what rounding left beyond


class HoverGuide:
    """The controller in flight: it knows the rotors' speeds from what has been executed.

    It may watch another pilot and say what it would do: `executed` is told what was done.

    Parameters
    ----------
    n_copies : int
    controller : GeometricController, optional
    """

    def __init__(self, n_copies: int, controller: GeometricController | None = None) -> None:
        self.controller = controller or GeometricController()
        self.drone = Quadrotor()
        share = self.drone.timestep_s / self.drone.rotor_lag_s
        # What a Runge-Kutta step of fourth order makes of exp(-share).
        self._kept = 1 - share + share**2 / 2 - share**3 / 6 + share**4 / 24
        self.rotors_rpm = np.zeros((n_copies, 4))
        self.begin(np.ones(n_copies, dtype=bool))

    def begin(self, mask: NDArray[np.bool_]) -> None:
        """Take note that flights begin, in copies that are marked."""
        self.rotors_rpm[mask] = self.drone.max_rpm / 2

    def act(self, observations: NDArray[Any]) -> NDArray[np.float64]:
        """Return what to do, (n_copies, 4); it has yet to be told what is `executed`."""
        return self.controller.actions(observations, self.rotors_rpm, self.drone)

    def executed(self, actions: NDArray[Any]) -> None:
        """Take note of what was done, (n_copies, 4)."""
        set_rpm = (np.clip(actions, -1.0, 1.0) + 1) / 2 * self.drone.max_rpm
        self.rotors_rpm = set_rpm + self._kept * (self.rotors_rpm - set_rpm)
