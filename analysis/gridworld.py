"""Policy and value maps of a gridworld, from arrays alone.

A run offers them as `policy.npz` with `preferences`, `values`, `shape`, `walls`, `start`, `goal`
and, where the optimum is known, `optimal_policy` and `optimal_values`.
"""

from dataclasses import dataclass, fields

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from threefactor.analysis.style import BLANK, COLOURS, SEQUENTIAL, new_figure, styled

# (row, column) steps of the actions of envs/gridworld.py: up, right, down, left.
_MOVES = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])
_OPTIONAL = ("optimal_policy", "optimal_values", "walls")


@dataclass(frozen=True)
class GridPolicy:
    """A policy on a grid; states are counted row by row from the top left.

    Parameters
    ----------
    preferences : (n_states, 4), the highest is the greedy action (up, right, down, left)
    values : (n_states,), expected discounted return of the learned policy
    shape : (n_rows, n_columns)
    start, goal : state numbers; one or several goals
    walls : state numbers or (n_states,) booleans
    optimal_policy : (n_states,) actions, or (n_states, 4) probabilities where several are optimal
    optimal_values : (n_states,)
    """

    preferences: NDArray
    values: NDArray
    shape: NDArray
    start: NDArray
    goal: NDArray
    walls: NDArray | None = None
    optimal_policy: NDArray | None = None
    optimal_values: NDArray | None = None

    def __post_init__(self) -> None:
        n_states = int(np.prod(self.shape))
        expected = {"preferences": (n_states, len(_MOVES)), "values": (n_states,)}
        for name, shape in expected.items():
            if np.shape(getattr(self, name)) != shape:
                raise ValueError(
                    f"GridPolicy.{name}: expected shape {shape} for a {tuple(self.shape)} grid, "
                    f"got {np.shape(getattr(self, name))}."
                )

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray]) -> "GridPolicy":
        """Build from the arrays of policy.npz."""
        names = [field.name for field in fields(cls)]
        missing = [name for name in names if name not in arrays and name not in _OPTIONAL]
        if missing:
            raise ValueError(
                f"policy.npz: expected the arrays {', '.join(names)}, no {missing[0]}."
            )
        return cls(**{name: arrays[name] for name in names if name in arrays})

    @property
    def is_wall(self) -> NDArray[np.bool_]:
        """Which states are walls, (n_states,)."""
        return self._mask(() if self.walls is None else self.walls)

    @property
    def is_goal(self) -> NDArray[np.bool_]:
        """Which states are goals, (n_states,)."""
        return self._mask(self.goal)

    def _mask(self, states: ArrayLike) -> NDArray[np.bool_]:
        chosen = np.ravel(states)
        if chosen.dtype == bool:
            return chosen
        mask = np.zeros(len(self.values), bool)
        mask[chosen.astype(int)] = True
        return mask


@styled
def draw_gridworld(policy: GridPolicy, title: str = "learned") -> Figure:
    """Draw the greedy arrows on the value map, beside the optimum where it is known."""
    best, best_values = policy.optimal_policy, policy.optimal_values
    has_optimum = best is not None and best_values is not None
    figure = new_figure(height_mm=88) if has_optimum else new_figure(100, 88)
    panels = figure.subplots(1, 1 + has_optimum, squeeze=False)[0]
    maps = [policy.values] if best_values is None else [policy.values, best_values]
    free = ~(policy.is_wall | policy.is_goal)
    shown = np.concatenate([np.asarray(values, float)[free] for values in maps])
    norm = Normalize(min(0.0, float(shown.min())), float(shown.max()) or 1.0)
    greedy = best_actions(policy.preferences)
    agrees = None
    if best is not None and best_values is not None:
        optimal = _optimal_actions(best)
        agrees = (greedy & optimal).any(axis=1) | ~free
        share = f"{np.mean(agrees[free]):.0%} of states optimal"
        _draw_map(panels[1], policy, best_values, optimal, norm, None)
        panels[1].set_title("optimum")
        title = f"{title}, {share} (others orange)"
    image = _draw_map(panels[0], policy, policy.values, greedy, norm, agrees)
    panels[0].set_title(title)
    label = "Value (expected discounted return, reward units)"
    figure.colorbar(image, ax=list(panels), label=label, shrink=0.9, aspect=25)
    return figure


def best_actions(preferences: NDArray) -> NDArray[np.bool_]:
    """Mark the actions of highest preference, (n_states, n_actions); none where all are equal."""
    best = np.isclose(preferences, preferences.max(axis=1, keepdims=True), rtol=0, atol=1e-12)
    return best & ~best.all(axis=1, keepdims=True)


def _optimal_actions(optimal_policy: NDArray) -> NDArray[np.bool_]:
    if np.ndim(optimal_policy) == 1:
        return np.eye(len(_MOVES), dtype=bool)[np.asarray(optimal_policy, int)]
    return np.asarray(optimal_policy) > 0


def _draw_map(
    axes: Axes,
    policy: GridPolicy,
    values: NDArray,
    actions: NDArray[np.bool_],
    norm: Normalize,
    agrees: NDArray[np.bool_] | None,
) -> AxesImage:
    n_rows, n_columns = (int(n) for n in policy.shape)
    is_free = ~(policy.is_wall | policy.is_goal)
    shown = np.where(is_free, np.asarray(values, float), np.nan).reshape(n_rows, n_columns)
    axes.set_facecolor(BLANK)
    image = axes.imshow(shown, cmap=SEQUENTIAL, norm=norm, interpolation="nearest")
    for wall in np.flatnonzero(policy.is_wall):
        row, column = divmod(int(wall), n_columns)
        corner = (column - 0.5, row - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, color="#404040", linewidth=0))
    _draw_arrows(axes, actions & is_free[:, None], n_columns, agrees)
    for state, letter in [(int(np.ravel(policy.start)[0]), "S")] + [
        (int(goal), "G") for goal in np.flatnonzero(policy.is_goal)
    ]:
        row, column = divmod(state, n_columns)
        _draw_letter(axes, row, column, letter)
    axes.set(xlabel="Column (cells)", ylabel="Row (cells)")
    for axis, count in ((axes.xaxis, n_columns), (axes.yaxis, n_rows)):
        axis.set_ticks(range(0, count, max(1, count // 5)))
    return image


def _draw_arrows(
    axes: Axes, actions: NDArray[np.bool_], n_columns: int, agrees: NDArray[np.bool_] | None
) -> None:
    states, chosen = np.nonzero(actions)
    rows, columns = np.divmod(states, n_columns)
    is_wrong = np.zeros(states.size, int) if agrees is None else (~agrees[states]).astype(int)
    colours = np.array(["#FFFFFF", COLOURS[1]])[is_wrong]
    is_single = actions.sum(axis=1)[states] == 1
    # One arrow is centred on its cell; several are smaller and point away from the centre.
    for group, tail, length, width in (
        (is_single, -0.31, 0.62, 0.12),
        (~is_single, 0.1, 0.36, 0.08),
    ):
        moves = _MOVES[chosen[group]]
        axes.quiver(
            columns[group] + tail * moves[:, 1],
            rows[group] + tail * moves[:, 0],
            length * moves[:, 1],
            length * moves[:, 0],
            angles="xy",
            scale_units="xy",
            scale=1,
            color=colours[group],
            edgecolor="#202020",
            linewidth=0.4,
            units="x",
            width=width,
            headwidth=3.5,
            headlength=3.5,
            headaxislength=3.2,
            zorder=3,
        )


def _draw_letter(axes: Axes, row: int, column: int, letter: str) -> None:
    box = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    text = axes.text(column - 0.42, row - 0.42, letter, ha="left", va="top", fontsize=7, bbox=box)
    text.set(fontweight="bold", zorder=4)
