"""Spaces as the bridge shows them: Box, Discrete or MultiDiscrete, whatever the environment has."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

_SYMBOLS = (gym.spaces.Discrete, gym.spaces.MultiDiscrete, gym.spaces.MultiBinary)
#: A bound beyond it says nothing of what is seen: "unbounded", written with a large number.
HUGE = 1e6
#: Observation -> the components of it.
_Find = Callable[[Any], Any]


@dataclass(frozen=True)
class FlatSpace:
    """A space of observations or actions, and what an encoder or decoder is bound to.

    MultiBinary is a MultiDiscrete of twos. A Dict (its keys in order) or Tuple of symbols is a
    MultiDiscrete, any other a Box in which a symbol is its number, one component after the other.

    Attributes
    ----------
    space : Box, Discrete or MultiDiscrete
    n_values : tuple of int
        For each of its dimensions the number of symbols; 0: it is a number.
    find : tuple of callable
        Takes one observation to its components; empty: it is as the space says already.
    shapes : list of tuple of int
        Of the components.
    """

    space: gym.Space
    n_values: tuple[int, ...]
    find: tuple[_Find, ...] = ()
    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def __call__(self, observation: Any) -> Any:
        """Return an observation as an element of the space; ValueError if it has other shapes."""
        if not self.find:
            return observation
        found = [np.asarray(component(observation)) for component in self.find]
        if [component.shape for component in found] != self.shapes:
            raise ValueError(f"expected components of shapes {self.shapes}, got {observation!r}")
        return np.concatenate([component.ravel() for component in found])


def flat_observations(space: gym.Space) -> FlatSpace:
    """Return how observations are shown; ValueError for a space that has no numbers."""
    if isinstance(space, (gym.spaces.Dict, gym.spaces.Tuple)):
        return _joined(space)
    return _plain(space)


def flat_actions(space: gym.Space) -> FlatSpace:
    """Return how actions are decided on; ValueError for spaces that no decoder fits."""
    return _plain(space)


def named_space(
    env_id: str, what: str, flatten: Callable[[Any], FlatSpace], space: gym.Space | None
) -> FlatSpace:
    """Return how a space of an environment is shown; the ValueError for others names both."""
    try:
        return flatten(space)
    except ValueError as error:
        kinds = "Box, Discrete, MultiDiscrete or MultiBinary"
        if what == "observation":
            kinds += ", or a Dict or Tuple of them"
        shown = " ".join(str(space).split())
        raise ValueError(
            f"Environments: {env_id} has {what} space {shown}, expected {kinds} ({error}); "
            f"register it wrapped with gymnasium.wrappers.Transform{what.capitalize()}."
        ) from error


def _plain(space: gym.Space) -> FlatSpace:
    if 0 in (getattr(space, "shape", None) or ()):
        raise ValueError("it holds no number at all")
    if isinstance(space, gym.spaces.Box):
        return FlatSpace(space, (0,) * int(np.prod(space.shape)))
    if isinstance(space, gym.spaces.Discrete):
        return FlatSpace(space, (int(space.n),))
    if isinstance(space, gym.spaces.MultiBinary):
        space = gym.spaces.MultiDiscrete(np.full(space.shape, 2))
    if isinstance(space, gym.spaces.MultiDiscrete):
        return FlatSpace(space, tuple(space.nvec.ravel().tolist()))
    raise ValueError(f"{type(space).__name__} has no fixed number of numbers or symbols")


def _joined(space: gym.Space) -> FlatSpace:
    leaves = list(_leaves(space, lambda observation: observation))
    parts = [_plain(leaf) for leaf, _ in leaves]
    spaces = [part.space for part in parts]
    find = tuple(found for _, found in leaves)
    shapes = [leaf.shape or () for leaf, _ in leaves]
    n_values = tuple(n for part in parts for n in part.n_values)
    if all(isinstance(leaf, _SYMBOLS) for leaf, _ in leaves):
        start = np.concatenate([bounds_of(space)[0] for space in spaces])
        joined: gym.Space = gym.spaces.MultiDiscrete(np.array(n_values), start=start)
        return FlatSpace(joined, n_values, find, shapes)
    low, high = map(np.concatenate, zip(*map(bounds_of, spaces), strict=True))
    return FlatSpace(gym.spaces.Box(low, high, dtype=low.dtype.type), n_values, find, shapes)


def _leaves(space: gym.Space, find: _Find) -> Iterator[tuple[gym.Space, _Find]]:
    """Yield the components of a space, and how each is found in an observation."""
    inner: Any = ()
    if isinstance(space, gym.spaces.Dict):
        inner = space.spaces.items()
    elif isinstance(space, gym.spaces.Tuple):
        inner = enumerate(space.spaces)
    else:
        yield space, find
    for key, component in inner:
        yield from _leaves(component, _within(find, key))


def _within(find: _Find, key: Any) -> _Find:
    return lambda observation: find(observation)[key]


def bounds_of(space: gym.Space) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the smallest and the largest value of every dimension."""
    if isinstance(space, gym.spaces.Box):
        return space.low.ravel(), space.high.ravel()
    n_values, first = choice_offsets(space)
    return first, first + n_values - 1


def choice_offsets(space: gym.Space) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the number of values and the first value of every component of a discrete space."""
    if isinstance(space, gym.spaces.Discrete):
        return np.array([space.n], dtype=np.int64), np.array([space.start], dtype=np.int64)
    if isinstance(space, gym.spaces.MultiDiscrete):
        return space.nvec.ravel().astype(np.int64), space.start.ravel().astype(np.int64)
    raise TypeError(f"choice_offsets: expected Discrete or MultiDiscrete, got {space}.")
