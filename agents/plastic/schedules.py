"""Schedules: a parameter of the live network that moves from episode to episode.

Parameters are arrays of the network and not constants of its code, so nothing is built again. A
parameter that all replicas share (the usual case) gets the mean of what the schedule says of each
replica: replicas then depend on each other. With ``--model.heterogeneous v_slope
--model.heterogeneity 0`` every neuron has its own, and each replica follows its own episodes.

Meant for the width of pseudo-derivatives and of escape noise: wide early, narrow late.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threefactor.rules.contract import check_parameters

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Schedule(ABC):
    """Base of every schedule: what a parameter is, given the episodes so far.

    Parameters
    ----------
    parameter : tuple of str, default ()
        What is written: ``<population or projection>.<parameter>``, such as actor.v_slope or
        policy.learning_rate. Values are in the unit of the option that sets it (v_slope_mv: mV).
    """

    parameter: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        check_parameters(self)

    @property
    def memory(self) -> int:
        """Number of last returns that `values` looks at."""
        return 0

    @abstractmethod
    def values(self, done: NDArray[np.int_], returns: Floats) -> Floats:
        """Return the value of each replica's next episode.

        Parameters
        ----------
        done : (replicas,)
            Episodes finished.
        returns : (replicas, memory)
            Of the last episodes, the latest last; NaN where there was none.
        """

    @abstractmethod
    def extremes(self) -> tuple[float, ...]:
        """Return the lowest and highest values that it may give."""


@dataclass(frozen=True)
class Fixed(Schedule):
    """One value for the whole run; without a parameter, nothing is scheduled.

    Equations
    ---------
    value = start

    Parameters
    ----------
    parameter : tuple of str, default ()
        See `Schedule`.
    start : float or None, default None
        The value.

    Source
    ------
    Van den Berghe et al. 2025, as in `RewardAdaptive`: its fixed slopes.
    """

    start: float | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a value without a parameter or the reverse."""
        super().__post_init__()
        if bool(self.parameter) != (self.start is not None):
            raise ValueError(
                f"Fixed needs both parameter and start or neither, got {self.parameter} and "
                f"{self.start}; --schedule.parameter actor.v_slope --schedule.start 4."
            )

    def values(self, done: NDArray[np.int_], returns: Floats) -> Floats:
        """Return start for every replica."""
        return np.full(done.shape, self.start, float)

    def extremes(self) -> tuple[float, ...]:
        """Return start, if there is one."""
        return () if self.start is None else (self.start,)


@dataclass(frozen=True)
class Interval(Schedule):
    """Equal steps from start to end, one every so many episodes.

    Equations
    ---------
    value = start + (end - start)*min(floor(n/episodes_per_step), steps)/steps
        n: episodes that the replica has finished

    Parameters
    ----------
    parameter : tuple of str, default ()
        See `Schedule`.
    start : float, default 1.0
        Value of the first episode.
    end : float, default 100.0
        Value after the last step.
    episodes_per_step : int, default 100
        Episodes between two steps, >= 1.
    steps : int, default 10
        Number of steps, >= 1.

    Source
    ------
    Van den Berghe et al. 2025, as in `RewardAdaptive`: steeper at fixed times, 1 to 100.
    """

    start: float = 1.0
    end: float = 100.0
    episodes_per_step: int = 100
    steps: int = 10

    def __post_init__(self) -> None:
        """Check the counts."""
        super().__post_init__()
        for name in ("episodes_per_step", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"Interval.{name} must be >= 1, got {getattr(self, name)}.")

    def values(self, done: NDArray[np.int_], returns: Floats) -> Floats:
        """Return the value after the steps that are due."""
        taken = np.minimum(done // self.episodes_per_step, self.steps)
        return self.start + (self.end - self.start) * (taken / self.steps)

    def extremes(self) -> tuple[float, ...]:
        """Return start and end."""
        return (self.start, self.end)


@dataclass(frozen=True)
class RewardAdaptive(Schedule):
    """From start to end as returns rise: by their level and by how much they improve.

    Equations
    ---------
    score = mean over the last memory_episodes episodes of
        (1 - difference_weight)*return + difference_weight*(return - return of the one before)
    fraction = clip((score - return_at_start)/(return_at_end - return_at_start), 0, 1)
    value = start + (end - start)*fraction

    The return is the environment's declared metric; the first episode has difference 0, and as long
    as there are fewer episodes the mean is over those. The defaults are the printed formula, k_t =
    1/10 sum_{i=0..9} (r_{t-i}/2 + r'_{t-i}/2) in [1, 100], for the slope k of the surrogate
    1/(1 + k*|x|)**2. Our parameters are widths (1/k): start wide, end narrow.

    Parameters
    ----------
    parameter : tuple of str, default ()
        See `Schedule`.
    start : float, default 1.0
        Value while the score is return_at_start or less.
    end : float, default 100.0
        Value once the score is return_at_end or more.
    return_at_start, return_at_end : float, default 1.0, 100.0
        Scores between which the value moves, in units of the return, the first below the second.
    memory_episodes : int, default 10
        Episodes that the score is the mean of, >= 1.
    difference_weight : float, default 0.5
        Share of the improvement in the score, 0 to 1.

    Source
    ------
    Van den Berghe, Stroobants, Reddi & de Croon 2025, NeurIPS (adaptive surrogate gradients), its
    equation for k_t. Deviation: the mean over those there are while episodes are fewer than ten, or
    the first bad returns would count as better than they are.
    """

    start: float = 1.0
    end: float = 100.0
    return_at_start: float = 1.0
    return_at_end: float = 100.0
    memory_episodes: int = 10
    difference_weight: float = 0.5

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        if not self.return_at_start < self.return_at_end:
            raise ValueError(
                f"RewardAdaptive.return_at_start must be < return_at_end = {self.return_at_end}, "
                f"got {self.return_at_start}."
            )
        if self.memory_episodes < 1:
            raise ValueError(
                f"RewardAdaptive.memory_episodes must be >= 1, got {self.memory_episodes}."
            )
        if not 0 <= self.difference_weight <= 1:
            raise ValueError(
                f"RewardAdaptive.difference_weight must be in [0, 1], got {self.difference_weight}."
            )

    @property
    def memory(self) -> int:
        """The averaged returns and the one before them."""
        return self.memory_episodes + 1

    def values(self, done: NDArray[np.int_], returns: Floats) -> Floats:
        """Return the value at the present score."""
        differences = np.nan_to_num(np.diff(returns, axis=1))
        latest = returns[:, 1:]
        weight = self.difference_weight
        scores = np.where(np.isnan(latest), 0.0, (1 - weight) * latest + weight * differences).sum(
            axis=1
        ) / np.clip(done, 1, self.memory_episodes)
        scores = np.where(done > 0, scores, self.return_at_start)
        span = self.return_at_end - self.return_at_start
        fraction = np.clip((scores - self.return_at_start) / span, 0.0, 1.0)
        return self.start + (self.end - self.start) * fraction

    def extremes(self) -> tuple[float, ...]:
        """Return start and end."""
        return (self.start, self.end)


SCHEDULES: dict[str, type[Schedule]] = {
    "fixed": Fixed,
    "interval": Interval,
    "reward-adaptive": RewardAdaptive,
}
