"""What has been lived, kept to be learned from again: transitions, and sequences of decisions.

Arrays only, whatever learns from them. A termination is never mixed up with a truncation: after a
termination there is nothing to expect, after a truncation there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.outcome import Outcome

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Transitions:
    """Decisions drawn from a buffer, B of them.

    Attributes
    ----------
    observations, next_observations : (B, ...)
    actions : (B,) or (B, n_dimensions)
    rewards : (B,) float
    terminated : (B,) bool
        Whether nothing is to be expected of `next_observations`.
    truncated : (B,) bool
        Whether the episode was cut off there, which is no reason to expect nothing.
    """

    observations: NDArray[Any]
    actions: NDArray[Any]
    rewards: NDArray[np.float64]
    next_observations: NDArray[Any]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]

    def shuffled(self, generator: np.random.Generator) -> "Transitions":
        """Return them with what came of them permuted.

        A termination goes with its reward: where all rewards are equal it says everything.
        """
        order = generator.permutation(len(self.rewards))
        return replace(self, rewards=self.rewards[order], terminated=self.terminated[order])


@dataclass(frozen=True)
class Sequences:
    """Windows of single episodes drawn from a buffer, B of them, L decisions each.

    Attributes
    ----------
    observations : (B, L + 1, ...)
        With what the last decision led to; zeros behind it where a window is not full.
    actions : (B, L) or (B, L, n_dimensions)
    rewards : (B, L) float
    terminated, truncated : (B, L) bool
    is_real : (B, L) bool
        Decisions that were taken; the others fill a window behind the end of its episode.
    learns : (B, L) bool
        Real decisions behind the warm-up, from which is learned.
    begins : (B,) bool
        Windows that begin with their episode, so that no state precedes them.
    start_states : (B, *state shape)
        State of what acted before the first decision.
    """

    observations: NDArray[Any]
    actions: NDArray[Any]
    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    is_real: NDArray[np.bool_]
    learns: NDArray[np.bool_]
    begins: NDArray[np.bool_]
    start_states: NDArray[Any]

    def shuffled(self, generator: np.random.Generator) -> "Sequences":
        """Return them with rewards, and actions, permuted among the decisions that were taken."""
        rewards, actions = self.rewards.copy(), self.actions.copy()
        for values in (rewards, actions):
            values[self.is_real] = generator.permutation(values[self.is_real])
        return replace(self, rewards=rewards, actions=actions)


class _Ring:
    """Rows in arrays of one length, the oldest overwritten, drawn uniformly with repetition."""

    def __init__(self, capacity: int, seed: int, rows: Mapping[str, NDArray[Any]]) -> None:
        self.capacity = capacity
        self._rows: Arrays = {
            name: np.zeros((capacity, *like.shape), like.dtype) for name, like in rows.items()
        }
        self._generator = np.random.default_rng(seed)
        self._n_added = 0

    def __len__(self) -> int:
        return min(self._n_added, self.capacity)

    def add(self, rows: Mapping[str, NDArray[Any]]) -> None:
        """Append rows; of more than fit the last ones stay."""
        count = len(next(iter(rows.values())))
        first = max(0, count - self.capacity)
        places = (self._n_added + np.arange(first, count)) % self.capacity
        for name, values in rows.items():
            self._rows[name][places] = values[first:]
        self._n_added += count

    def draw(self, size: int) -> Arrays:
        """Return copies of rows."""
        if not len(self):
            raise ValueError("Replay.sample: nothing has been added yet.")
        chosen = self._generator.integers(0, len(self), size)
        return {name: values[chosen] for name, values in self._rows.items()}

    def state(self) -> dict[str, Any]:
        return {
            "rows": {name: values[: len(self)].copy() for name, values in self._rows.items()},
            "n_added": self._n_added,
            "generator": dict(self._generator.bit_generator.state),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        saved = state["rows"]
        if list(saved) != list(self._rows):
            raise ValueError(f"Replay.restore: expected {list(self._rows)}, got {list(saved)}.")
        for name, values in self._rows.items():
            kept = np.asarray(saved[name])
            if kept.shape[1:] != values.shape[1:] or len(kept) > self.capacity:
                raise ValueError(
                    f"Replay.restore: {name} expected at most {self.capacity} rows of shape "
                    f"{values.shape[1:]}, got {kept.shape}; use the saved run's settings."
                )
        for name, values in self._rows.items():
            values[: len(saved[name])] = saved[name]
        self._n_added = int(state["n_added"])
        self._generator.bit_generator.state = state["generator"]


class TransitionReplay:
    """The last decisions of all replicas, drawn uniformly.

    Parameters
    ----------
    capacity : int
        Decisions.
    spaces : (observation space, action space)
        Of a single environment, flat: Box, Discrete or MultiDiscrete.
    seed : int
        Of the draws.

    Raises
    ------
    ValueError
        If the capacity is below 1, or nothing is there to be drawn.
    """

    def __init__(self, capacity: int, spaces: tuple[gym.Space, gym.Space], seed: int) -> None:
        _at_least("TransitionReplay.capacity", capacity, 1)
        seen, done = (_like(space) for space in spaces)
        flag = np.zeros((), bool)
        self._ring = _Ring(capacity, seed, {
            "observations": seen, "actions": done, "rewards": np.zeros(()),
            "next_observations": seen, "terminated": flag, "truncated": flag,
        })  # fmt: skip

    def __len__(self) -> int:
        """Return how many decisions can be drawn."""
        return len(self._ring)

    def add(self, outcome: Outcome, replica: int | None = None) -> None:
        """Append what the replicas that acted did, in their order, or what one of them did."""
        names = Transitions.__dataclass_fields__
        rows: Any = outcome.acting if replica is None else slice(replica, replica + 1)
        self._ring.add({name: getattr(outcome, name)[rows] for name in names})

    def sample(self, size: int) -> Transitions:
        """Draw so many decisions, with repetition."""
        return Transitions(**self._ring.draw(size))

    def state(self) -> dict[str, Any]:
        """Return everything, for a checkpoint."""
        return self._ring.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self._ring.restore(state)


class SequenceReplay:
    """Windows of the last episodes of one replica, drawn uniformly.

    An episode is cut up when it ends, by termination or truncation: windows begin at 0, stride,
    2 stride, ... as long as a window has a decision that the one before has not. None reaches
    across an end; the last one may be shorter. With stride = length - warm_up every decision behind
    the first `warm_up` of its episode is learned from in exactly one window.

    Parameters
    ----------
    capacity : int
        Windows.
    spaces : (observation space, action space)
        Of a single environment, flat.
    seed : int
        Of the draws.
    length, stride, warm_up : int
        Decisions of a window; from one beginning to the next, 1 to length; from which nothing is
        learned because the state settles there, 0 to length - 1.
    state_shape : tuple of int
        Of what `add` is given of the state of what acts; (0,): nothing.

    Raises
    ------
    ValueError
        For numbers out of range, missing states, or if nothing is there to be drawn.
    """

    def __init__(
        self,
        capacity: int,
        spaces: tuple[gym.Space, gym.Space],
        seed: int,
        *,
        length: int = 100,
        stride: int = 50,
        warm_up: int = 50,
        state_shape: tuple[int, ...] = (0,),
    ) -> None:
        _at_least("SequenceReplay.capacity", capacity, 1)
        _at_least("SequenceReplay.length", length, 1)
        _at_least("SequenceReplay.stride", stride, 1, length)
        _at_least("SequenceReplay.warm_up", warm_up, 0, length - 1)
        self.length, self.stride, self.warm_up = length, stride, warm_up
        seen, done = (_like(space) for space in spaces)
        self._of_step: Arrays = {
            "observations": seen, "actions": done, "rewards": np.zeros(()),
            "terminated": np.zeros((), bool), "truncated": np.zeros((), bool),
        }  # fmt: skip
        rows = {
            name: np.zeros((length + (name == "observations"), *like.shape), like.dtype)
            for name, like in self._of_step.items()
        }
        rows["n_real"], rows["begins"] = np.zeros((), np.int64), np.zeros((), bool)
        rows["start_states"] = np.zeros(state_shape)
        self._ring = _Ring(capacity, seed, rows)
        self._state_shape = tuple(state_shape)
        self._flown = _Flown(self._of_step, state_shape)

    def __len__(self) -> int:
        """Return how many windows can be drawn."""
        return len(self._ring)

    def add(self, outcome: Outcome, replica: int, state: NDArray[Any] | None = None) -> None:
        """Append what a replica did; an episode that ends is cut up.

        Parameters
        ----------
        outcome : Outcome
        replica : int
        state : array, optional
            Of what acted, before it saw `outcome.observations`.
        """
        is_needed = 0 not in self._state_shape
        given = np.asarray(state) if is_needed or state is not None else np.zeros(self._state_shape)
        if given.shape != self._state_shape:
            raise ValueError(
                f"SequenceReplay.add: expected a state of shape {self._state_shape}, got "
                f"{given.shape}."
            )
        keeps_state = len(self._flown) % self.stride == 0
        self._flown.append(outcome, replica, given if keeps_state else None)
        if outcome.terminated[replica] or outcome.truncated[replica]:
            self._ring.add(self._cut(self._flown, outcome.next_observations[replica]))
            self._flown = _Flown(self._of_step, self._state_shape)

    def _cut(self, flown: "_Flown", last_observation: NDArray[Any]) -> Arrays:
        """Return the windows of an episode that has ended."""
        steps, states = flown.arrays()
        n_steps = len(flown)
        steps["observations"] = np.concatenate([steps["observations"], [last_observation]])
        n_windows = 1 + max(0, -((self.length - n_steps) // self.stride))
        starts = self.stride * np.arange(n_windows)
        cut: Arrays = {}
        for name, values in steps.items():
            size = self.length + (name == "observations")
            windows = np.zeros((n_windows, size, *values.shape[1:]), values.dtype)
            for window, start in zip(windows, starts.tolist(), strict=True):
                part = values[start : start + size]
                window[: len(part)] = part
            cut[name] = windows
        cut["n_real"] = np.minimum(n_steps - starts, self.length)
        cut["begins"] = starts == 0
        cut["start_states"] = states[:n_windows]
        return cut

    def sample(self, size: int) -> Sequences:
        """Draw so many windows, with repetition."""
        drawn = self._ring.draw(size)
        numbers = np.arange(self.length)
        is_real = numbers < drawn.pop("n_real")[:, None]
        return Sequences(**drawn, is_real=is_real, learns=is_real & (numbers >= self.warm_up))

    def state(self) -> dict[str, Any]:
        """Return everything, the episode that is not over included, for a checkpoint."""
        return {**self._ring.state(), "flown": self._flown.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self._ring.restore(state)
        self._flown.restore(state["flown"])


class _Flown:
    """The decisions of an episode that is not over."""

    def __init__(self, of_step: Mapping[str, NDArray[Any]], state_shape: tuple[int, ...]) -> None:
        self._like = of_step
        self._state_shape = state_shape
        self._steps: dict[str, list[Any]] = {name: [] for name in of_step}
        self._states: list[NDArray[Any]] = []

    def __len__(self) -> int:
        return len(self._steps["rewards"])

    def append(self, outcome: Outcome, replica: int, state: NDArray[Any] | None) -> None:
        """Append a decision, and the state before it where a window may begin."""
        for name, values in self._steps.items():
            values.append(getattr(outcome, name)[replica].copy())
        if state is not None:
            self._states.append(np.array(state, np.float64))

    def arrays(self) -> tuple[Arrays, NDArray[np.float64]]:
        """Return what was done, each (n_steps, ...), and the states, (n, *state shape)."""
        steps = {
            name: np.array(values, self._like[name].dtype).reshape(
                len(self), *self._like[name].shape
            )
            for name, values in self._steps.items()
        }
        return steps, np.array(self._states).reshape(len(self._states), *self._state_shape)

    def state(self) -> dict[str, Any]:
        steps, states = self.arrays()
        return {"steps": steps, "states": states}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._steps = {name: list(np.asarray(state["steps"][name])) for name in self._like}
        self._states = list(np.asarray(state["states"]))


def _like(space: gym.Space) -> NDArray[Any]:
    """Return an array like one element of a flat space."""
    dtype: Any = space.dtype
    return np.zeros(space.shape or (), dtype)


def _at_least(name: str, value: int, least: int, most: int | None = None) -> None:
    if value < least or (most is not None and value > most):
        reach = f">= {least}" if most is None else f"{least} to {most}"
        raise ValueError(f"{name} must be {reach}, got {value}.")
