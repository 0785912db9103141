"""GridWorld: the slippery "687" gridworld, its optimum and the exact return of any policy."""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.vector_form import Answers, UniformDraws, VectorForm, none_of

ACTIONS = ("up", "right", "down", "left")
# Clockwise, so that veering left is the previous action and veering right the next one.
_MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
_COLOURS = {
    "S": (190, 210, 235),
    ".": (245, 245, 240),
    "G": (110, 180, 110),
    "#": (70, 70, 75),
    "A": (205, 85, 60),
}
_CELL_PIXELS = 16


class GridWorlds(VectorForm):
    """GridWorld, many at once: one look into the table of outcomes."""

    def __init__(self, environments: Sequence["GridWorld"]) -> None:
        self._environments, first = environments, environments[0]
        self._next_states, self._rewards = first._next_states, first._rewards
        self._is_goal, self._thresholds = first._is_goal, np.array(first._thresholds)
        self._states = np.zeros(len(environments), dtype=np.int64)
        self._draws = UniformDraws(environments)

    def take(self, copy: int) -> None:
        """Take over the cell."""
        self._draws.take(copy)
        self._states[copy] = self._environments[copy]._state

    def step(self, actions: NDArray[np.int_], copies: NDArray[np.int_]) -> Answers:
        """Attempt one move each; see `VectorForm.step`."""
        if wrong := actions[(actions < 0) | (actions >= len(ACTIONS))].tolist():
            raise _no_action(wrong[0])
        draws = self._draws.of(copies)
        outcomes = (draws[:, None] >= self._thresholds).sum(axis=1)
        move = (self._states[copies], actions, outcomes)
        states = self._next_states[move]
        self._states[copies] = states
        return Answers(states, self._rewards[move], self._is_goal[states], none_of(copies))

    def give_back(self) -> None:
        """Write the cells."""
        for environment, state in zip(self._environments, self._states.tolist(), strict=True):
            environment._state = state


def _no_action(action: int) -> ValueError:
    return ValueError(f"GridWorld.step: action must be 0 .. 3 {ACTIONS}, got {action}.")


class GridWorld(gym.Env):
    """GridWorld-v0: walk from the top left to the bottom right on slippery ground.

    ## Description
    The 10 x 10 "687" gridworld. Moves slip, nothing else is hidden; because the model is known,
    the optimum and the exact return of any policy are too (`optimal_return`, `optimal_values`,
    `optimal_policy`, `policy_return`).

    ## Action space
    `Discrete(4)`

    | number | action | on success | veers left to | veers right to |
    |---|---|---|---|---|
    | 0 | up | up | left | right |
    | 1 | right | right | up | down |
    | 2 | down | down | right | left |
    | 3 | left | left | down | up |

    ## Observation space
    `Discrete(rows * columns)`: the cell, counted row by row from 0 at the top left. Walls of a
    layout are counted too but never visited.

    ## Dynamics

    | outcome of a move | probability |
    |---|---|
    | one cell ahead | the rest: 0.8 |
    | one cell to the left of ahead | `veer_left_probability` = 0.05 |
    | one cell to the right of ahead | `veer_right_probability` = 0.05 |
    | stay | `stay_probability` = 0.1 |

    A move into a wall or off the grid stays. The goal is absorbing and pays nothing more.

    ## Rewards
    `goal_reward` = 10 on entering a goal, `step_reward` = 0 on any other step. The metric is the
    return discounted by `return_discount` = 0.9 (also in `metadata`): from the start 1.1207 at
    best, 0.7555 for coin-tossing between down and right, 0.0010 for the uniform policy.

    ## Starting state
    The cell `S` (top left). `info["optimal_return"]` of `reset` is the best return from it.

    ## Episode end
    Terminated on entering a goal, truncated after 300 steps (`max_episode_steps`).

    ## Arguments

    | argument | type | default | meaning |
    |---|---|---|---|
    | `size` | int | 10 | side of the open square, >= 2; not read when `layout` is given |
    | `layout` | str or rows | None | map of `S` start, `G` goal, `#` wall, `.` free; rows split \
by newlines or `/`, as in `"S.#/..G"` |
    | `veer_left_probability` | float | 0.05 | see Dynamics |
    | `veer_right_probability` | float | 0.05 | see Dynamics |
    | `stay_probability` | float | 0.1 | see Dynamics |
    | `goal_reward` | float | 10.0 | reward on entering a goal |
    | `step_reward` | float | 0.0 | reward of every other step |
    | `return_discount` | float | 0.9 | discount per step of the metric and the optimum, in [0, 1) |
    | `render_mode` | str | None | `"ansi"` or `"rgb_array"` |

    Source: CMPSCI 687 (Thomas) as used by Aenugu et al., arXiv 1910.06489, whose states count from
    1. The 300-step cap is left out of the optimum and of `policy_return`: with the default
    discount what it cuts off is below 1e-12.
    """

    metadata = {"render_modes": ["ansi", "rgb_array"], "render_fps": 10, "return_discount": 0.9}
    vector_form = GridWorlds

    def __init__(
        self,
        size: int = 10,
        layout: str | Sequence[str] | None = None,
        veer_left_probability: float = 0.05,
        veer_right_probability: float = 0.05,
        stay_probability: float = 0.1,
        goal_reward: float = 10.0,
        step_reward: float = 0.0,
        return_discount: float = 0.9,
        render_mode: str | None = None,
    ):
        slips = (veer_left_probability, veer_right_probability, stay_probability)
        if not all(0.0 <= slip <= 1.0 for slip in slips) or sum(slips) > 1.0:
            raise ValueError(
                "GridWorld: veer_left, veer_right and stay probabilities must each lie in [0, 1] "
                f"and sum to at most 1, got {slips}."
            )
        if not (np.isfinite(goal_reward) and np.isfinite(step_reward)):
            raise ValueError(
                f"GridWorld: rewards must be finite, got goal_reward={goal_reward}, "
                f"step_reward={step_reward}."
            )
        if not 0.0 <= return_discount < 1.0:
            raise ValueError(
                f"GridWorld.return_discount must lie in [0, 1), got {return_discount}."
            )
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(
                f"GridWorld.render_mode must be one of {self.metadata['render_modes']}, "
                f"got {render_mode!r}."
            )
        self.rows = _parse_layout(size, layout)
        self.goal_reward, self.step_reward = float(goal_reward), float(step_reward)
        self.return_discount = float(return_discount)
        self.metadata = {**self.metadata, "return_discount": self.return_discount}
        self.render_mode = render_mode
        cells = "".join(self.rows)
        self.start_state = cells.index("S")
        self.observation_space: gym.spaces.Discrete = gym.spaces.Discrete(len(cells))
        self.action_space: gym.spaces.Discrete = gym.spaces.Discrete(len(ACTIONS))
        self._probabilities = np.array([1.0 - sum(slips), *slips])
        self._build_tables(cells)
        self._values: NDArray[np.float64] | None = None
        self._state = self.start_state

    def _build_tables(self, cells: str) -> None:
        """Tabulate all that can happen: four outcomes for every state and action."""
        self._is_goal = np.array([cell == "G" for cell in cells])
        ahead = np.array([_neighbours(self.rows, state) for state in range(len(cells))])
        stay = np.repeat(np.arange(len(cells))[:, None], len(ACTIONS), axis=1)
        left, right = np.roll(ahead, 1, axis=1), np.roll(ahead, -1, axis=1)
        self._next_states = np.stack([ahead, left, right, stay], axis=2)
        self._next_states[self._is_goal] = np.flatnonzero(self._is_goal)[:, None, None]
        self._rewards = np.where(
            self._is_goal[self._next_states], self.goal_reward, self.step_reward
        )
        self._rewards[self._is_goal] = 0.0
        reachable, frontier = {self.start_state}, [self.start_state]
        while frontier:
            found = set(ahead[frontier].ravel().tolist()) - reachable
            reachable |= found
            frontier = list(found)
        if not self._is_goal[list(reachable)].any():
            raise ValueError("GridWorld.layout: no goal 'G' can be reached from 'S', open a wall.")
        # Nested lists of plain Python numbers: reading them in step is faster than from arrays.
        self._outcomes = [
            [
                [
                    (int(state), float(reward), bool(self._is_goal[state]))
                    for state, reward in zip(states, rewards, strict=True)
                ]
                for states, rewards in zip(*of_state, strict=True)
            ]
            for of_state in zip(self._next_states, self._rewards, strict=True)
        ]
        self._thresholds = tuple(float(edge) for edge in np.cumsum(self._probabilities)[:3])

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Go back to the start; info holds the best discounted return from there."""
        super().reset(seed=seed)
        self._state = self.start_state
        return self._state, {"optimal_return": self.optimal_return}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """Attempt one move."""
        if not 0 <= action < 4:
            raise _no_action(action)
        draw = self.np_random.random()
        ahead, left, right = self._thresholds
        outcome = 0 if draw < ahead else 1 if draw < left else 2 if draw < right else 3
        self._state, reward, terminated = self._outcomes[self._state][action][outcome]
        return self._state, reward, terminated, False, {}

    def _action_values(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        targets = self._rewards + self.return_discount * values[self._next_states]
        return targets @ self._probabilities

    def optimal_values(self) -> NDArray[np.float64]:
        """Compute the best discounted return from every state, (n_states,), by value iteration."""
        if self._values is None:
            values, change = np.zeros(len(self._is_goal)), np.inf
            while change > 1e-13 * max(1.0, float(np.abs(values).max())):
                updated = self._action_values(values).max(axis=1)
                change = float(np.abs(updated - values).max())
                values = updated
            self._values = values
        return self._values.copy()

    def optimal_policy(self) -> NDArray[np.float64]:
        """Give the optimal policy, (n_states, n_actions); equally good actions share evenly."""
        action_values = self._action_values(self.optimal_values())
        is_best = action_values >= action_values.max(axis=1, keepdims=True) - 1e-9
        return is_best / is_best.sum(axis=1, keepdims=True)

    @property
    def optimal_return(self) -> float:
        """Best expected discounted return from the start."""
        return float(self.optimal_values()[self.start_state])

    def policy_return(self, policy: NDArray[np.float64]) -> float:
        """Compute the exact expected discounted return of a policy from the start.

        Parameters
        ----------
        policy : (n_states, n_actions), probabilities
            Each row sums to 1; rows of goals and walls are not used but must be there.
        """
        policy = np.asarray(policy, dtype=np.float64)
        n_states = len(self._is_goal)
        if policy.shape != (n_states, len(ACTIONS)):
            raise ValueError(
                f"GridWorld.policy_return: expected a policy of shape {(n_states, len(ACTIONS))}, "
                f"got {policy.shape}."
            )
        if not (np.all(policy >= 0.0) and np.allclose(policy.sum(axis=1), 1.0)):
            raise ValueError(
                "GridWorld.policy_return: every row must hold probabilities >= 0 that sum to 1."
            )
        weights = policy[:, :, None] * self._probabilities
        transitions = np.zeros((n_states, n_states))
        np.add.at(transitions, (np.arange(n_states)[:, None, None], self._next_states), weights)
        values = np.linalg.solve(
            np.eye(n_states) - self.return_discount * transitions,
            (weights * self._rewards).sum(axis=(1, 2)),
        )
        return float(values[self.start_state])

    def render(self) -> str | NDArray[np.uint8] | None:
        """Draw the map with the agent, `A` in text and a red square in the picture."""
        if self.render_mode is None:
            gym.logger.warn("GridWorld.render: no render_mode was given, nothing is drawn.")
            return None
        row, column = divmod(self._state, len(self.rows[0]))
        if self.render_mode == "ansi":
            lines = list(self.rows)
            lines[row] = lines[row][:column] + "A" + lines[row][column + 1 :]
            return "\n".join(lines)
        cells = np.array([[_COLOURS[cell] for cell in line] for line in self.rows], np.uint8)
        picture = cells.repeat(_CELL_PIXELS, axis=0).repeat(_CELL_PIXELS, axis=1)
        picture[::_CELL_PIXELS] = picture[:, ::_CELL_PIXELS] = (215, 215, 210)
        top, left, margin = row * _CELL_PIXELS, column * _CELL_PIXELS, _CELL_PIXELS // 4
        inside = slice(margin, _CELL_PIXELS - margin)
        picture[top:, left:][inside, inside] = _COLOURS["A"]
        return picture


def _parse_layout(size: int, layout: str | Sequence[str] | None) -> tuple[str, ...]:
    """Turn either argument into rows of the map, or say what is wrong with it."""
    if layout is None:
        if size < 2:
            raise ValueError(f"GridWorld.size must be >= 2, got {size}.")
        cells = "S" + "." * (size * size - 2) + "G"
        return tuple(cells[row * size : (row + 1) * size] for row in range(size))
    if isinstance(layout, str):
        layout = layout.replace("/", "\n").strip().split("\n")
    rows = tuple(row.strip() for row in layout)
    if len({len(row) for row in rows}) != 1 or not rows[0]:
        raise ValueError(
            f"GridWorld.layout: all rows must be equally long, got {[len(row) for row in rows]}."
        )
    cells = "".join(rows)
    if unknown := sorted(set(cells) - set("SG#.")):
        raise ValueError(
            f"GridWorld.layout: expected 'S' start, 'G' goal, '#' wall, '.' free, got {unknown}."
        )
    if cells.count("S") != 1 or "G" not in cells:
        raise ValueError(
            "GridWorld.layout: expected one 'S' and at least one 'G', got "
            f"{cells.count('S')} 'S' and {cells.count('G')} 'G'."
        )
    return rows


def _neighbours(rows: tuple[str, ...], state: int) -> list[int]:
    """List the states one move up, right, down and left; a blocked move stays."""
    row, column = divmod(state, len(rows[0]))
    states = []
    for down, right in _MOVES:
        r, c = row + down, column + right
        is_free = 0 <= r < len(rows) and 0 <= c < len(rows[0]) and rows[r][c] != "#"
        states.append(r * len(rows[0]) + c if is_free else state)
    return states
