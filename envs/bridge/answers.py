"""What an environment may answer. Anything else ends a run in one line: where, what, expected."""

import inspect
import re
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.blame import described, is_installed, user_place
from threefactor.envs.bridge.flattening import HUGE, FlatSpace, bounds_of

#: An observation may lie outside of a bound by so much of its size: float32 rounds, and so do the
#: sums that it comes from. Spaces of integers have no such margin.
ROUNDING = 1e-5
_STEP = "(observation, reward, terminated, truncated, info)"
_OLD_GYM = "the old Gym interface; in place of `done` return `terminated, truncated`, of which the "
_OLD_GYM += "second is True where only a time limit ends the episode"
_RESET = "`def reset(self, *, seed=None, options=None)` must return (observation, info)"
_TRUTH = (bool, np.bool_)
_MANY = 50  # from so many numbers on NumPy answers faster than a list


class EnvironmentFault(ValueError):  # noqa: N818  (EnvironmentError is Python's own)
    """An environment has raised, or answered what its spaces do not allow; told in one line."""


class Unexpected(Exception):  # noqa: N818  (told to nobody without its episode and step)
    """An answer that is none; the text says what came and what was expected."""


class ExpectedAnswers:
    """What copies of one environment may answer.

    Parameters
    ----------
    environment : gym.Env
        One of the copies.
    shown : FlatSpace
        How its observations are shown.
    """

    # Every decision passes here: a comparison of types for each copy, two of arrays for all.

    def __init__(self, environment: gym.Env, shown: FlatSpace) -> None:
        self._space = environment.observation_space
        self._class = type(environment.unwrapped)
        self._show = shown
        self._shape = shown.space.shape or ()
        self._dtype = np.dtype(shown.space.dtype)
        self._is_integer = self._dtype.kind in "iu"
        self._is_choice = not isinstance(shown.space, gym.spaces.Box)
        low, high = bounds_of(shown.space)
        margin = 0 if self._is_integer else ROUNDING * _scale(low, high)
        self._bound(low - margin, high + margin)
        self._is_bounded = not (self._is_integer and _is_whole(low, high, self._dtype))
        self._is_flat = len(self._shape) == 1
        #: What was met outside of the bounds of an environment that its user cannot mend.
        self.excess = ""

    def _bound(self, low: NDArray[Any], high: NDArray[Any]) -> None:
        self._low, self._high = low, high
        self._bounds = list(zip(low.tolist(), high.tolist(), strict=True))

    def element(self, observation: Any) -> Any:
        """Return an observation as it is shown; Unexpected if it is of another shape or type."""
        try:
            shown = self._show(observation)
            if type(shown) is np.ndarray:
                if shown.shape == self._shape and shown.dtype == self._dtype:
                    return shown
            elif self._is_choice and isinstance(shown, (int, np.integer)) and not self._shape:
                lowest, highest = self._bounds[0]
                if lowest <= shown <= highest:
                    return shown
                raise self._unexpected(int(shown), "")
            return self._converted(shown)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError):
            raise self._unexpected(observation, "") from None

    def _converted(self, shown: Any) -> NDArray[Any]:
        """Return what is shown as an array of the space's type, or raise ValueError."""
        array = np.asarray(shown)
        if array.shape != self._shape or array.dtype.kind not in "biuf":
            raise ValueError
        if not self._is_integer:
            return array
        if array.dtype.kind == "f" or not np.array_equal(array.astype(self._dtype), array):
            raise ValueError
        return array

    def check(self, observations: NDArray[Any]) -> int | None:
        """Return the first copy whose observation lies outside of the space, None if none does."""
        if not self._is_bounded:
            return None
        rows = observations if self._is_flat else observations.reshape(len(observations), -1)
        if observations.size < _MANY:
            if self._holds_few(rows.tolist()):
                return None
        elif (rows >= self._low).all() and (rows <= self._high).all():
            return None
        rows = observations.reshape(len(observations), -1)
        within = ((rows >= self._low) & (rows <= self._high)).all(axis=1)
        return None if self._is_tolerated(rows) else int(np.flatnonzero(~within)[0])

    def _holds_few(self, rows: list[Any]) -> bool:
        """Whether rows are within the bounds; in plain numbers, which are the quickest for few."""
        bounds = self._bounds
        for row in rows:
            for (low, high), value in zip(bounds, row, strict=True):
                if not low <= value <= high:
                    return False
        return True

    def _is_tolerated(self, rows: NDArray[Any]) -> bool:
        """Let finite numbers of an installed environment pass from now on; encoders clip them."""
        source = inspect.getsourcefile(self._class)
        if self._is_integer or source is None or not is_installed(Path(source)):
            return False
        largest = np.finfo(self._dtype).max
        low = np.where(np.isfinite(self._low), -largest, self._low)
        high = np.where(np.isfinite(self._high), largest, self._high)
        if not ((rows >= low) & (rows <= high)).all():
            return False
        outside = (rows < self._low) | (rows > self._high)
        copy, dimension = (int(index[0]) for index in np.nonzero(outside))
        self.excess = (
            f"shows {rows[copy, dimension]:g} in dimension {dimension}, outside of its own space "
            f"({self._low[dimension]:g} to {self._high[dimension]:g}); such values are clipped"
        )
        self._bound(low, high)
        return True

    def outside(self, observation: NDArray[Any]) -> Unexpected:
        """Return the error for an observation that lies outside of the space."""
        row = observation.ravel()
        wrong = np.flatnonzero(~((row >= self._low) & (row <= self._high)))
        dimension = int(wrong[0])
        value = row[dimension].item()
        if row.size == 1:
            return self._unexpected(value, "")
        return self._unexpected(observation, f" ({value} in dimension {dimension})")

    def _unexpected(self, observation: Any, what: str) -> Unexpected:
        return Unexpected(
            f"gave the observation {_short(observation)}{what}, expected an element of "
            f"{_short(self._space)}; correct the environment's observation_space or what it shows"
        )

    def of_reset(self, answer: Any) -> Any:
        """Return the observation of a reset, as it is shown."""
        if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], Mapping):
            raise Unexpected(f"reset returned {_short(answer)}; {_RESET}")
        return self.element(answer[0])

    def of_step(self, answer: Any) -> tuple[Any, Any, bool | np.bool_, bool | np.bool_]:
        """Return what a step gives: the observation as it is shown, reward, how it ended."""
        if not isinstance(answer, tuple) or len(answer) != 5:
            raise Unexpected(self._number_of(answer))
        observation, reward, terminated, truncated, _ = answer
        if not isinstance(reward, float) or not isfinite(reward):
            reward = finite_reward(reward)
        if not isinstance(terminated, _TRUTH):
            raise Unexpected(f"gave {_short(terminated)} as terminated, expected True or False")
        if not isinstance(truncated, _TRUTH):
            raise Unexpected(f"gave {_short(truncated)} as truncated, expected True or False")
        return self.element(observation), reward, terminated, truncated

    def _number_of(self, answer: Any) -> str:
        if isinstance(answer, tuple) and len(answer) == 4:
            return f"step returned 4 values, expected 5, {_STEP}: {_OLD_GYM}"
        what = f"{len(answer)} values" if isinstance(answer, tuple) else _short(answer)
        return f"step returned {what}, expected 5 values, {_STEP}"

    def _place(self, method: str) -> str:
        """Return where a method is written, in brackets; "" for what users cannot mend."""
        code = getattr(getattr(self._class, method, None), "__code__", None)
        if code is None or is_installed(file := Path(code.co_filename)):
            return ""
        return f" ({file.name}, line {code.co_firstlineno})"

    def told(self, error: BaseException, method: str) -> str:
        """Return in one line what has gone wrong in a method, whoever found it."""
        if isinstance(error, Unexpected):
            return f"{error}{self._place(method)}."
        text = str(error)
        if user_place(error) is None:  # found by Gymnasium's wrappers, or on the way into a method
            counted = re.search(r"values to unpack \(expected 5(?:, got (\d+))?\)", text)
            if counted:
                return f"{self._number_of((None,) * int(counted[1] or 6))}{self._place(method)}."
            if method == "step" and "cannot unpack non-iterable" in text:
                given = None if "NoneType" in text else text
                return f"{self._number_of(given)}{self._place(method)}."
            if method == "reset" and re.search(
                r"unexpected keyword argument '(seed|options)'", text
            ):
                return f"{text}; {_RESET}{self._place('reset')}: without seed it is the old Gym's."
        if isinstance(error, SystemExit):
            return f"{described(error)}: the environment ended the program."
        return f"{described(error)}."


def finite_reward(reward: Any) -> Any:
    """Return a reward, if it is a finite number; Unexpected if it is anything else."""
    try:
        is_number = isinstance(reward, int | float | np.number | np.bool_) or (
            isinstance(reward, np.ndarray) and not reward.shape
        )
        if is_number and isfinite(reward):
            return reward
    except (TypeError, OverflowError):
        pass
    fix = "repair the environment or wrap it with gymnasium.wrappers.TransformReward"
    raise Unexpected(f"gave the reward {_short(reward)}, expected a finite number; {fix}")


def _scale(low: NDArray[Any], high: NDArray[Any]) -> NDArray[Any]:
    """Return the size of the numbers between bounds, as far as they tell; else 1."""
    sizes = np.abs([low, high])
    largest = np.where(np.isfinite(sizes) & (sizes < HUGE), sizes, 0).max(axis=0)
    return np.where(largest > 0, largest, 1).astype(low.dtype)


def _is_whole(low: NDArray[Any], high: NDArray[Any], dtype: np.dtype) -> bool:
    """Whether bounds allow all that a type of integers can hold."""
    info = np.iinfo(dtype)
    return bool((low == info.min).all() and (high == info.max).all())


def _short(value: Any) -> str:
    """Return a value in one line of at most a hundred letters."""
    text = " ".join((str(value) if isinstance(value, gym.Space) else repr(value)).split())
    return text if len(text) <= 100 else f"{text[:97]}..."
