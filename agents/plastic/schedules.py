"""Schedules: parameters that move from episode to episode, of the live network and beside it.

Parameters are arrays of the network, or settings that its host reads whenever it needs them, and
not constants of code, so nothing is built again. A parameter that all replicas share (the usual
case) gets the mean of what the schedule says of each replica: replicas then depend on each other.
With ``--model.heterogeneous v_slope --model.heterogeneity 0`` every neuron has its own, and each
replica follows its own episodes.

Meant for learning rates that fall, which holds what was learned, for a temperature that falls, and
for the width of pseudo-derivatives and of escape noise: wide early, narrow late.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from threefactor.rules.contract import check_parameters

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Schedule(ABC):
    """Base of every schedule: how far parameters have come, given the episodes so far.

    Equations
    ---------
    value = start + (end - start)*fraction, or start*(end/start)**fraction if it is geometric
        fraction: 0 to 1, what `fractions` says of each replica; one for all parameters

    Parameters
    ----------
    parameter : tuple of str, default ()
        What is moved: ``<population or projection>.<parameter>`` of the network, such as
        actor.v_slope or policy.learning_rate; ``modulator.<parameter>`` or
        ``decoder.<parameter>`` of what can change there, such as decoder.temperature.
    start, end : tuple of float or None, default None
        Values at fraction 0 and 1, one for all parameters or one for each, in the unit of the
        option that sets it (v_slope_mv: mV). None: what the parameter is set to.
    is_relative : bool, default False
        Whether start and end are multiples of what the parameter is set to.
    is_geometric : bool, default False
        Whether it moves by equal ratios and not by equal differences.
    """

    parameter: tuple[str, ...] = ()
    start: tuple[float, ...] | None = None
    end: tuple[float, ...] | None = None
    is_relative: bool = field(default=False, kw_only=True)
    is_geometric: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        check_parameters(self)
        counts = {1, len(self.parameter)} if self.parameter else set()
        for name in ("start", "end"):
            values, where = getattr(self, name), f"{type(self).__name__}.{name}"
            if values is None:
                continue
            if not np.all(np.isfinite(values)):
                raise ValueError(f"{where} must be finite numbers, got {values}.")
            if counts and len(values) not in counts:
                raise ValueError(
                    f"{where}: expected one value, or one for each of {len(self.parameter)} "
                    f"parameters, got {len(values)}."
                )

    @property
    def memory(self) -> int:
        """Number of last returns that `fractions` looks at."""
        return 0

    def over(self, episodes: int) -> Self:
        """Return the schedule of a run of so many episodes of each replica."""
        return self

    @abstractmethod
    def fractions(self, done: NDArray[np.int_], returns: Floats) -> Floats:
        """Return how far each replica's next episode is from start (0) to end (1).

        Parameters
        ----------
        done : (replicas,)
            Episodes finished.
        returns : (replicas, memory)
            Of the last episodes, the latest last; NaN where there was none.
        """

    def ends(self, own: Sequence[float]) -> tuple[Floats, Floats]:
        """Return start and end of each parameter, given what each is set to; all (parameters,)."""
        settings = np.asarray(own, float)
        unit = settings if self.is_relative else np.ones_like(settings)
        start, end = (
            settings if values is None else np.array(values) * unit
            for values in (self.start, self.end)
        )
        moved = (start != 0) | (end != 0)  # what is set to 0 stays there, as a rate that is off
        if self.is_geometric and np.any((start * end <= 0) & moved):
            raise ValueError(
                f"{type(self).__name__}.is_geometric: expected starts and ends of one sign, other "
                f"than 0, got {start.tolist()} and {end.tolist()}."
            )
        return start, end

    def values(self, own: Sequence[float], done: NDArray[np.int_], returns: Floats) -> Floats:
        """Return the values of each replica's next episode, (replicas, parameters)."""
        start, end = self.ends(own)
        fractions = self.fractions(done, returns)[:, None]
        if self.is_geometric:
            ratio = np.divide(end, start, out=np.ones_like(start), where=start != 0)
            return start * ratio**fractions
        return start + (end - start) * fractions


@dataclass(frozen=True)
class Fixed(Schedule):
    """Start for the whole run; without a parameter, nothing is scheduled.

    Equations
    ---------
    fraction = 0

    Parameters
    ----------
    parameter, start, end, is_relative, is_geometric : as in every schedule
        See `Schedule`; there is no end.

    Source
    ------
    Van den Berghe et al. 2025, as in `RewardAdaptive`: its fixed slopes.
    """

    def __post_init__(self) -> None:
        """Raise ValueError for a value without a parameter or the reverse, or for an end."""
        super().__post_init__()
        if bool(self.parameter) != (self.start is not None):
            raise ValueError(
                f"Fixed needs both parameter and start or neither, got {self.parameter} and "
                f"{self.start}; --schedule.parameter actor.v_slope --schedule.start 4."
            )
        if self.end is not None:
            raise ValueError(
                f"Fixed.end: expected none, got {self.end}; --schedule ramp moves there."
            )

    def fractions(self, done: NDArray[np.int_], returns: Floats) -> Floats:
        """Return 0 for every replica."""
        return np.zeros(done.shape)


@dataclass(frozen=True)
class Ramp(Schedule):
    """From start to end over the run, a little after every episode.

    Equations
    ---------
    fraction = min(n/(episodes - 1), 1)
        n: episodes that the replica has finished

    Parameters
    ----------
    parameter, start, end, is_relative, is_geometric : as in every schedule
        See `Schedule`.
    episodes : int or None, default None
        The end is reached in this episode, >= 1, and kept. None: in the last one of the run; if
        that is resumed with more, in the last one of those.

    Source
    ------
    Robbins & Monro 1951, Ann. Math. Stat. 22:400: steps must fall for noise to be averaged out. A
    ramp over a known number of episodes is common practice, with no source of its own.
    """

    episodes: int | None = None

    def __post_init__(self) -> None:
        """Check the count."""
        super().__post_init__()
        if self.episodes is not None and self.episodes < 1:
            raise ValueError(
                f"{type(self).__name__}.episodes must be >= 1 or none, got {self.episodes}."
            )

    def over(self, episodes: int) -> Self:
        """Return the schedule with the episodes of the run, unless it has its own."""
        return self if self.episodes is not None else replace(self, episodes=episodes)

    def fractions(self, done: NDArray[np.int_], returns: Floats) -> Floats:
        """Return the share of the episodes that is over."""
        if self.episodes is None:
            raise ValueError(
                f"{type(self).__name__}.episodes: expected the length of the run, got none; "
                "call over(episodes)."
            )
        return np.minimum(done / max(self.episodes - 1, 1), 1.0)


@dataclass(frozen=True)
class Decay(Ramp):
    """A ramp from what parameters are set to down to a part of it, by equal ratios.

    Parameters
    ----------
    parameter, start, is_relative, is_geometric, episodes : as in a ramp
        See `Ramp`.
    end : tuple of float or None, default (0.1,)
        Part that is left in the last episode, > 0 as long as it is geometric.
    """

    end: tuple[float, ...] | None = (0.1,)
    is_relative: bool = field(default=True, kw_only=True)
    is_geometric: bool = field(default=True, kw_only=True)


@dataclass(frozen=True)
class Interval(Schedule):
    """Equal steps from start to end, one every so many episodes.

    Equations
    ---------
    fraction = min(floor(n/episodes_per_step), steps)/steps
        n: episodes that the replica has finished

    Parameters
    ----------
    parameter, is_relative, is_geometric : as in every schedule
        See `Schedule`.
    start : tuple of float or None, default (1.0,)
        Value of the first episode.
    end : tuple of float or None, default (100.0,)
        Value after the last step.
    episodes_per_step : int, default 100
        Episodes between two steps, >= 1.
    steps : int, default 10
        Number of steps, >= 1.

    Source
    ------
    Van den Berghe et al. 2025, as in `RewardAdaptive`: steeper at fixed times, 1 to 100.
    """

    start: tuple[float, ...] | None = (1.0,)
    end: tuple[float, ...] | None = (100.0,)
    episodes_per_step: int = 100
    steps: int = 10

    def __post_init__(self) -> None:
        """Check the counts."""
        super().__post_init__()
        for name in ("episodes_per_step", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"Interval.{name} must be >= 1, got {getattr(self, name)}.")

    def fractions(self, done: NDArray[np.int_], returns: Floats) -> Floats:
        """Return the share of the steps that are due."""
        return np.minimum(done // self.episodes_per_step, self.steps) / self.steps


@dataclass(frozen=True)
class RewardAdaptive(Schedule):
    """From start to end as returns rise: by their level and by how much they improve.

    Equations
    ---------
    score = mean over the last memory_episodes episodes of
        (1 - difference_weight)*return + difference_weight*(return - return of the one before)
    fraction = clip((score - return_at_start)/(return_at_end - return_at_start), 0, 1)

    The return is the environment's declared metric; the first episode has difference 0, and as long
    as there are fewer episodes the mean is over those. The defaults are the printed formula, k_t =
    1/10 sum_{i=0..9} (r_{t-i}/2 + r'_{t-i}/2) in [1, 100], for the slope k of the surrogate
    1/(1 + k*|x|)**2. Our parameters are widths (1/k): start wide, end narrow.

    Parameters
    ----------
    parameter, is_relative, is_geometric : as in every schedule
        See `Schedule`.
    start : tuple of float or None, default (1.0,)
        Value while the score is return_at_start or less.
    end : tuple of float or None, default (100.0,)
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

    start: tuple[float, ...] | None = (1.0,)
    end: tuple[float, ...] | None = (100.0,)
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

    def fractions(self, done: NDArray[np.int_], returns: Floats) -> Floats:
        """Return where the present score is."""
        differences = np.nan_to_num(np.diff(returns, axis=1))
        latest = returns[:, 1:]
        weight = self.difference_weight
        scores = np.where(np.isnan(latest), 0.0, (1 - weight) * latest + weight * differences).sum(
            axis=1
        ) / np.clip(done, 1, self.memory_episodes)
        scores = np.where(done > 0, scores, self.return_at_start)
        span = self.return_at_end - self.return_at_start
        return np.clip((scores - self.return_at_start) / span, 0.0, 1.0)


SCHEDULES: dict[str, type[Schedule]] = {
    "fixed": Fixed,
    "ramp": Ramp,
    "decay": Decay,
    "interval": Interval,
    "reward-adaptive": RewardAdaptive,
}
