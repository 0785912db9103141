"""Pictures of a hovering drone: from the side, from above, and how fast its rotors turn."""

import numpy as np
from numpy.typing import NDArray

from threefactor.envs.quadrotor import ATTITUDE, POSITION, ROTORS, Quadrotor, rotation_matrices

PANEL, BARS = 192, 36
#: Half of the side that a panel shows.
_REACH_M = 0.68
#: The drone is drawn so much larger than it is, or it could hardly be seen.
_ENLARGED = 3.0
_PAPER, _INK = (250, 250, 247), (70, 70, 75)
_BORDER, _TARGET = (205, 205, 200), (110, 180, 110)
_FRONT, _BACK, _BAR = (205, 85, 60), (70, 70, 75), (120, 150, 190)
#: World axes across and up: of the view from the side, of that from above.
_VIEWS = (((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))


class _Panel:
    """A square picture in metres, onto which anti-aliased lines and discs are laid."""

    def __init__(self) -> None:
        self.pixels = np.empty((PANEL, PANEL, 3))
        self.pixels[:] = _PAPER
        centres = (np.arange(PANEL) + 0.5) / PANEL * 2 * _REACH_M - _REACH_M
        self._across, self._up = centres, -centres[:, None]

    def line(
        self, begin: NDArray, end: NDArray, width_m: float, colour: tuple[int, int, int]
    ) -> None:
        """Draw a line with round ends; from a point to itself it is a disc."""
        (x, y), (dx, dy) = begin, end - begin
        length2 = dx * dx + dy * dy
        along = ((self._across - x) * dx + (self._up - y) * dy) / length2 if length2 > 0 else 0.0
        along = np.clip(along, 0.0, 1.0)
        away = np.hypot(self._across - x - along * dx, self._up - y - along * dy)
        cover = np.clip((width_m / 2 - away) * PANEL / (2 * _REACH_M) + 0.5, 0.0, 1.0)[..., None]
        self.pixels += cover * (np.array(colour) - self.pixels)


def draw_hover(state: NDArray[np.float64], limit_m: float, drone: Quadrotor) -> NDArray[np.uint8]:
    """Return the picture of a state: from the side, below it from above, at the bottom rotors.

    x goes to the right in both views. The square is where an episode ends, the cross the target;
    the arms to the front are red. The bars are the rotors' speeds, from the top front right, back
    right, back left, front left, and the line the speed at which they carry the drone.

    Parameters
    ----------
    state : (17,)
        As in `envs.quadrotor`.
    limit_m : float
    drone : Quadrotor

    Returns
    -------
    (420, 192, 3)
    """
    rotation = rotation_matrices(state[ATTITUDE]).reshape(3, 3)
    arms = np.stack([drone.rotor_x_m, drone.rotor_y_m, np.zeros(4)])
    rotors = state[POSITION][:, None] + _ENLARGED * rotation @ arms
    views = [
        _draw_view(np.array(axes) @ np.column_stack([state[POSITION], rotors]), limit_m)
        for axes in _VIEWS
    ]
    bars = _draw_bars(state[ROTORS] / drone.max_rpm, drone.hover_rpm / drone.max_rpm)
    return np.concatenate([*views, bars]).round().astype(np.uint8)


def _draw_view(points: NDArray[np.float64], limit_m: float) -> NDArray[np.float64]:
    """Return a panel with the drone's centre and its four rotors, (2, 5)."""
    panel = _Panel()
    corners = limit_m * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    for begin, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        panel.line(begin, end, 0.008, _BORDER)
    for arm in np.array([[0.04, 0.0], [0.0, 0.04]]):
        panel.line(-arm, arm, 0.012, _TARGET)
    centre, *rotors = points.T
    for rotor, colour in zip(rotors, (_FRONT, _BACK, _BACK, _FRONT), strict=True):
        panel.line(centre, rotor, 0.016, colour)
        panel.line(rotor, rotor, 0.05, colour)
    panel.pixels[-1:] = _BORDER
    return panel.pixels


def _draw_bars(shares: NDArray[np.float64], hover: float) -> NDArray[np.float64]:
    pixels = np.empty((BARS, PANEL, 3))
    pixels[:] = _PAPER
    for number, share in enumerate(shares):
        top = 4 + number * 8
        pixels[top : top + 6, : round(PANEL * share)] = _BAR
    pixels[:, round(PANEL * hover)] = _INK
    return pixels
