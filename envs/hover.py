"""Hover: a Crazyflie that has to find the point above which it was let go, and stay there."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.hover_picture import draw_hover
from threefactor.envs.hover_reward import level_of, rewards
from threefactor.envs.quadrotor import (
    ANGULAR_VELOCITY,
    ATTITUDE,
    GRAVITY_M_S2,
    POSITION,
    ROTORS,
    STATE_SIZE,
    VELOCITY,
    Quadrotor,
    rotation_matrices,
)
from threefactor.envs.vector_form import Answers, VectorForm, none_of

#: Where an episode ends. No flight of use spins so fast, and beyond it the timestep is too long.
LIMIT_M, SPIN_LIMIT_RAD_S = 0.6, 500.0
#: Largest beginnings, along each axis; the share of episodes that begin at the target.
START_M, START_M_S, START_RAD_S, AT_TARGET = 0.2, 1.0, 1.0, 0.1
NOMINAL = Quadrotor()
#: Standard deviations along each axis at `disturbance_factor` 1, for a whole episode.
FORCE_N = NOMINAL.mass_kg * GRAVITY_M_S2 / 20
TORQUE_N_M = NOMINAL.mass_kg * GRAVITY_M_S2 / 1e4
#: Standard deviations of what is seen at `noise_factor` 1: m, 1, m/s, rad/s.
NOISE = np.repeat([0.001, 0.001, 0.002, 0.002], [3, 9, 3, 3])
N_OBSERVED = len(NOISE)
#: Noise beyond so many deviations is not to be met: bounds of the observations.
_FAR = 10.0
_NAMES = (
    *(f"{axis} (m)" for axis in "xyz"),
    *(f"rotation {row}{column}" for row in "xyz" for column in "xyz"),
    *(f"velocity {axis} (m/s)" for axis in "xyz"),
    *(f"angular velocity {axis} (rad/s)" for axis in "xyz"),
)


class Hovers(VectorForm):
    """Hover, many at once."""

    def __init__(self, environments: Sequence["Hover"]) -> None:
        self._environments, first = environments, environments[0]
        n_copies = len(environments)
        self._drone, self._noise = first.drone, first._noise
        self._states = np.zeros((n_copies, STATE_SIZE))
        self._forces_n, self._torques_n_m = np.zeros((n_copies, 3)), np.zeros((n_copies, 3))
        self._last_actions = np.zeros((n_copies, *first._last_actions.shape))
        self._levels = np.zeros(n_copies)

    def take(self, copy: int) -> None:
        """Take over a flight."""
        one = self._environments[copy]
        self._states[copy], self._levels[copy] = one._state, one._level
        self._forces_n[copy], self._torques_n_m[copy] = one._force_n, one._torque_n_m
        self._last_actions[copy] = one._last_actions

    def step(self, actions: NDArray[Any], copies: NDArray[np.int_]) -> Answers:
        """Fly on; see `VectorForm.step`."""
        clipped = _executed(actions)
        states = self._drone.step(
            self._states[copies], clipped, self._forces_n[copies], self._torques_n_m[copies]
        )
        self._states[copies] = states
        last_actions = _remembered(self._last_actions[copies], clipped)
        self._last_actions[copies] = last_actions
        noise = None
        if self._noise is not None:
            draws = [self._environments[copy]._draw_noise() for copy in copies.tolist()]
            noise = np.array(draws)
        return Answers(
            _shown(states, last_actions, noise), rewards(states, clipped, self._levels[copies]),
            _is_over(states), none_of(copies),
        )  # fmt: skip

    def give_back(self) -> None:
        """Write the flights."""
        for copy, environment in enumerate(self._environments):
            environment._state = self._states[copy].copy()
            environment._last_actions = self._last_actions[copy].copy()


class Hover(gym.Env):
    """Hover-v0: fly a Crazyflie back to the point where it should be, and stay there.

    ## Description
    A quadrotor of 27 g (`envs.quadrotor`: rotors with a lag of 0.15 s under a rigid body) begins
    tilted and moving up to 0.2 m from the target. Who does nothing of use is out of bounds after
    half a second. A decision is 10 ms.

    ## Action space
    `Box(-1, 1, (4,))`: set points of the rotors, front right, back right, back left, front left,
    from standing (-1) to 21 702 rpm (+1). It hovers at +0.334, two thirds of the full speed. What
    is beyond the bounds is executed as the bound.

    ## Observation space
    `Box((18,))`, float32, and 4 numbers more for each remembered action

    | numbers | what | unit |
    |---|---|---|
    | 0 to 2 | position; the target is the origin | m |
    | 3 to 11 | rotation matrix, body to world, row by row | 1 |
    | 12 to 14 | velocity, in the world | m/s |
    | 15 to 17 | angular velocity, about the body's axes | rad/s |
    | 18 ... | last actions, the latest last | 1 |

    The rotors' speeds are not seen.

    ## Rewards
    1 for each timestep, less what it costs to be away, fast, tilted, or away from the throttle that
    hovers: `envs.hover_reward`. From the coefficients of the start (`curriculum_fraction` 0) to
    those of the end (1) they go in six equal steps. The attribute `curriculum_fraction` may be set
    at any time and holds from the next reset on. At most 500.

    ## Starting state
    Position within 0.2 m and velocities within 1 m/s and 1 rad/s along each axis, uniform; turned
    from level about any axis by an angle up to `start_tilt_deg`, uniform as well; rotors at half of
    their full speed. One start in ten is level at the target.

    ## Episode end
    Terminated beyond 0.6 m along any axis, and beyond 500 rad/s about one; truncated after 500
    steps (`max_episode_steps`), which is no failure.

    ## Arguments

    | argument | type | default | meaning |
    |---|---|---|---|
    | `curriculum_fraction` | float | 0.0 | see Rewards, in [0, 1] |
    | `n_last_actions` | int | 0 | actions seen beside the 18 numbers, 32 in the source |
    | `start_tilt_deg` | float | 90.0 | see Starting state, in [0, 180] |
    | `mass_factor` | float | 1.0 | weight in units of 27 g; moments of inertia stay |
    | `disturbance_factor` | float | 0.0 | 1: a force N(0, 0.0132 N) and a torque \
N(0, 2.65e-5 N m) along each axis, drawn once for each episode |
    | `noise_factor` | float | 0.0 | 1: what is seen has normal noise of 0.001 m, 0.001, 0.002 m/s \
and 0.002 rad/s |
    | `render_mode` | str | None | `"rgb_array"` |

    Source: Van den Berghe et al. 2025 (the task and its rewards); Eschmann et al. 2024, Learning to
    fly in seconds (starts, disturbances, noise), where attitudes are uniform among all that are
    allowed, so that nearly all starts are tilted most. The six steps are taken as increments, and
    rewards as those of the state that an action leads to; the papers say neither.
    """

    metadata = {
        "render_modes": ["rgb_array"], "render_fps": 100, "observation_names": _NAMES,
    }  # fmt: skip
    vector_form = Hovers

    def __init__(
        self,
        curriculum_fraction: float = 0.0,
        n_last_actions: int = 0,
        start_tilt_deg: float = 90.0,
        mass_factor: float = 1.0,
        disturbance_factor: float = 0.0,
        noise_factor: float = 0.0,
        render_mode: str | None = None,
    ):
        if not 0.0 <= start_tilt_deg <= 180.0:
            raise ValueError(f"Hover.start_tilt_deg must lie in [0, 180], got {start_tilt_deg}.")
        if n_last_actions < 0 or int(n_last_actions) != n_last_actions:
            raise ValueError(f"Hover.n_last_actions must be an integer >= 0, got {n_last_actions}.")
        if not 0.0 < mass_factor < math.inf:
            raise ValueError(f"Hover.mass_factor must be > 0 and finite, got {mass_factor}.")
        for name, factor in [("disturbance", disturbance_factor), ("noise", noise_factor)]:
            if not 0.0 <= factor < math.inf:
                raise ValueError(f"Hover.{name}_factor must be >= 0 and finite, got {factor}.")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"Hover.render_mode must be 'rgb_array' or None, got {render_mode!r}.")
        self.curriculum_fraction = curriculum_fraction
        self.drone = Quadrotor(mass_kg=NOMINAL.mass_kg * mass_factor)
        self.render_mode = render_mode
        self._start_tilt_rad = math.radians(start_tilt_deg)
        self._disturbance_factor = float(disturbance_factor)
        self._noise = NOISE * noise_factor if noise_factor > 0 else None
        seen = np.repeat([1.0, 1.0, np.inf, np.inf], [3, 9, 3, 3]) + _FAR * NOISE * noise_factor
        high = np.concatenate([seen, np.ones(4 * int(n_last_actions))]).astype(np.float32)
        self.observation_space = gym.spaces.Box(-high, high)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (4,), np.float32)
        self._last_actions = np.zeros((int(n_last_actions), 4))
        self._state = np.zeros(STATE_SIZE)
        self._force_n, self._torque_n_m = np.zeros(3), np.zeros(3)
        self._level = level_of(self.curriculum_fraction)

    @property
    def curriculum_fraction(self) -> float:
        """How far the curriculum is, from the next reset on, in [0, 1]."""
        return self._curriculum_fraction

    @curriculum_fraction.setter
    def curriculum_fraction(self, fraction: float) -> None:
        level_of(fraction)
        self._curriculum_fraction = float(fraction)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Let go of the drone somewhere near the target."""
        super().reset(seed=seed)
        draw = self.np_random
        state = np.zeros(STATE_SIZE)
        state[ATTITUDE.start] = 1.0
        if draw.random() >= AT_TARGET:
            state[POSITION] = draw.uniform(-START_M, START_M, 3)
            state[ATTITUDE] = random_attitude(draw, self._start_tilt_rad)
        state[VELOCITY] = draw.uniform(-START_M_S, START_M_S, 3)
        state[ANGULAR_VELOCITY] = draw.uniform(-START_RAD_S, START_RAD_S, 3)
        state[ROTORS] = self.drone.max_rpm / 2
        outside = draw.standard_normal((2, 3)) * self._disturbance_factor
        self._state = state
        self._force_n, self._torque_n_m = outside * [[FORCE_N], [TORQUE_N_M]]
        self._last_actions = np.zeros_like(self._last_actions)  # what the rotors turn at
        self._level = level_of(self.curriculum_fraction)
        return _shown(state, self._last_actions, self._draw_noise()), {}

    def step(
        self, action: NDArray[Any]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Fly for 10 ms."""
        clipped = _executed(action)
        state = self.drone.step(self._state, clipped, self._force_n, self._torque_n_m)
        self._state = state
        self._last_actions = _remembered(self._last_actions, clipped)
        shown = _shown(state, self._last_actions, self._draw_noise())
        reward = float(rewards(state, clipped, self._level))
        return shown, reward, bool(_is_over(state)), False, {}

    def _draw_noise(self) -> NDArray[np.float64] | None:
        if self._noise is None:
            return None
        return self._noise * self.np_random.standard_normal(N_OBSERVED)

    def render(self) -> NDArray[np.uint8] | None:
        """Draw the drone from the side and from above, and its rotors' speeds."""
        if self.render_mode is None:
            gym.logger.warn("Hover.render: no render_mode was given, nothing is drawn.")
            return None
        return draw_hover(self._state, LIMIT_M, self.drone)

    def get_state(self) -> dict[str, Any]:
        """Return the flight, for a checkpoint; the generator is kept by who asks."""
        return {
            "state": self._state.copy(),
            "force_n": self._force_n.copy(),
            "torque_n_m": self._torque_n_m.copy(),
            "last_actions": self._last_actions.copy(),
            "level": self._level,
            "curriculum_fraction": self.curriculum_fraction,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go back to what `get_state` returned."""
        self._state = np.array(state["state"])
        self._force_n = np.array(state["force_n"])
        self._torque_n_m = np.array(state["torque_n_m"])
        self._last_actions = np.array(state["last_actions"])
        self._level = float(state["level"])
        self.curriculum_fraction = state["curriculum_fraction"]


def random_attitude(generator: np.random.Generator, most_rad: float) -> NDArray[np.float64]:
    """Draw an attitude: an angle in [0, most_rad] and an axis on the sphere, both uniform.

    Returns
    -------
    (4,), w x y z
    """
    angle, axis = most_rad * generator.random(), generator.standard_normal(3)
    return np.concatenate(
        [[math.cos(angle / 2)], math.sin(angle / 2) * axis / math.sqrt(float(axis @ axis))]
    )


def _executed(actions: NDArray[Any]) -> NDArray[np.float64]:
    return np.clip(np.asarray(actions, np.float64), -1.0, 1.0)


def _remembered(last_actions: NDArray[np.float64], actions: NDArray[Any]) -> NDArray[np.float64]:
    """Return the last actions, (..., n_last_actions, 4), once these have been executed."""
    kept = np.roll(last_actions, -1, axis=-2)
    kept[..., -1:, :] = actions[..., None, :]
    return kept


def _shown(
    states: NDArray[np.float64], last_actions: NDArray[np.float64], noise: NDArray | None
) -> NDArray[np.float32]:
    """Return what is seen of states, (..., 18 + 4 n_last_actions)."""
    seen = np.concatenate(
        [
            states[..., POSITION],
            rotation_matrices(states[..., ATTITUDE]),
            states[..., VELOCITY],
            states[..., ANGULAR_VELOCITY],
        ],
        axis=-1,
    )
    if noise is not None:
        seen += noise
    flat = last_actions.reshape(*seen.shape[:-1], 4 * last_actions.shape[-2])
    return np.concatenate([seen, flat], axis=-1).astype(np.float32)


def _is_over(states: NDArray[np.float64]) -> Any:
    is_away = (np.abs(states[..., POSITION]) > LIMIT_M).any(axis=-1)
    return is_away | (np.abs(states[..., ANGULAR_VELOCITY]) > SPIN_LIMIT_RAD_S).any(axis=-1)
