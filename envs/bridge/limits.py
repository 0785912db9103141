"""Limits of unbounded observations, from what a random agent sees in a short rollout."""

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.batch import Environments
from threefactor.envs.bridge.encoders.scaling import BoxSettings, given_limits
from threefactor.envs.bridge.flattening import HUGE

STEPS = 1000
# Learned behaviour goes further than chance: this share of the range seen is added at either end.
_MARGIN = 0.1


@dataclass(frozen=True)
class Limits:
    """Limits of every dimension of a flattened Box, and which of them were found.

    Attributes
    ----------
    low, high : tuple of float
        (n_dimensions,)
    found : tuple of int
        Dimensions whose limits come from the rollout; those of the others were known.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    found: tuple[int, ...]

    def __str__(self) -> str:
        """Say what was found, in one line."""
        several = "s" * (len(self.found) > 1)
        ranges = ", ".join(f"{self.low[d]:g} to {self.high[d]:g}" for d in self.found)
        names = ", ".join(map(str, self.found))
        return f"limits of dimension{several} {names} from {STEPS} random steps: {ranges}"


def find_limits(settings: BoxSettings, environments: Environments, seed: int) -> Limits | None:
    """Return limits for an encoder that lacks some; None if it lacks none.

    Equations        low = smallest value seen - 0.1 * range, high = largest + 0.1 * range,
                     outwards to two digits; a value that never changed gets 1 on either side

    Parameters
    ----------
    settings : BoxSettings
        Limits that it gives are kept, and so are those of the space below 1e6.
    environments : Environments
        Reset and stepped, replica 0 only.
    seed : int
        Of environment and actions; nothing else is drawn from.
    """
    space = environments.observation_space
    if settings.normalise != "limits" or not isinstance(space, gym.spaces.Box):
        return None
    low, high = given_limits(settings, space)
    lacks_low = (low <= -HUGE) & (not settings.low)
    lacks_high = (high >= HUGE) & (not settings.high)
    lacking = lacks_low | lacks_high
    if not lacking.any():
        return None
    lowest, highest = _rollout(environments, seed)
    margin = np.where(highest > lowest, _MARGIN * (highest - lowest), 1.0)
    low = np.where(lacks_low, _round(lowest - margin, np.floor), low)
    high = np.where(lacks_high, _round(highest + margin, np.ceil), high)
    found = tuple(np.flatnonzero(lacking).tolist())
    return Limits(_as_typed(low), _as_typed(high), found)


def _rollout(
    environments: Environments, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the smallest and the largest value of every dimension."""
    env_seed, action_seed = np.random.SeedSequence(seed).generate_state(2) >> 1
    actions = environments.action_space
    actions.seed(int(action_seed))
    seen = [environments.reset([int(env_seed)] * environments.n_replicas)[0]]
    for _ in range(STEPS):
        chosen = np.stack([actions.sample()] * environments.n_replicas)
        seen.append(environments.step(chosen).next_observations[0])
        if not environments.is_running[0]:
            environments.reset_where(~environments.is_running)
    values: NDArray[Any] = np.array(seen, dtype=np.float64).reshape(len(seen), -1)
    if not np.isfinite(values).all():
        dimension = int(np.flatnonzero(~np.isfinite(values).all(axis=0))[0])
        raise ValueError(
            f"{environments.env_id}: expected finite observations to find limits from, got "
            f"{values[~np.isfinite(values[:, dimension]), dimension][0]} in dimension {dimension}; "
            "give --encoder.low and --encoder.high, or repair the environment."
        )
    return values.min(axis=0), values.max(axis=0)


def _as_typed(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Return numbers without the digits that float32 does not have."""
    return tuple(float(f"{value:.7g}") for value in values.tolist())


def _round(values: NDArray[np.float64], outwards: Any) -> NDArray[np.float64]:
    """Round to two digits."""
    digits = 1 - np.floor(np.log10(np.maximum(np.abs(values), 1e-12)))
    scale = 10.0 ** np.abs(digits)  # a power of ten is exact, its inverse is not
    return np.where(digits >= 0, outwards(values * scale) / scale, outwards(values / scale) * scale)
