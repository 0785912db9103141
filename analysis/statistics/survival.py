"""How long seeds take to reach a threshold, when some never do within what they were given."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from threefactor.analysis.statistics.intervals import student_interval, wilson_interval
from threefactor.analysis.statistics.summaries import INTERVAL_SEEDS


@dataclass(frozen=True)
class TimeSummary:
    """Times to a threshold; those of seeds that did not reach it are known to be longer.

    Attributes
    ----------
    median : float
        Of Kaplan and Meier: when half of the seeds are there; inf: fewer ever were.
    bounds : (low, high), or None below `INTERVAL_SEEDS` seeds
        95 % interval of the median; an end is inf where the data do not say.
    mean : float
        Restricted: of the times, each cut at `horizon`. It uses what the median does not.
    mean_bounds : (low, high), or None below `INTERVAL_SEEDS` seeds
    horizon : float
    n_reached, n_seeds : int
    """

    median: float
    bounds: tuple[float, float] | None
    mean: float
    mean_bounds: tuple[float, float] | None
    horizon: float
    n_reached: int
    n_seeds: int

    @property
    def brief(self) -> str:
        """The median with its interval, and how many seeds are there: a table's cell."""
        interval = ""
        if self.bounds is not None and np.isfinite(self.bounds[0]):
            low, high = (self._shown(end) for end in self.bounds)
            interval = f" [{low}, {high}]"
        return f"{self._shown(self.median)}{interval}, {self.n_reached}/{self.n_seeds}"

    def _shown(self, time: float) -> str:
        return f"{time:g}" if np.isfinite(time) else f">{self.horizon:g}"


def time_to_threshold(returns: ArrayLike, threshold: float, window: int) -> tuple[float, bool]:
    """Return the first episode, from 1, whose last `window` episodes have a mean of `threshold`.

    Returns
    -------
    time : float
        The number of that episode; of all there are, if none is good enough.
    reached : bool
        Whether one was. If not, the time is censored: it is longer than `time`.
    """
    curve = np.asarray(returns, float)
    if not 1 <= window <= curve.size:
        raise ValueError(
            f"time_to_threshold: expected a window of 1 to {curve.size} episodes, got {window}."
        )
    sums = np.cumsum(np.concatenate([[0.0], curve]))
    means = (sums[window:] - sums[:-window]) / window
    # Sums of many returns are off by their last bits; a threshold of 1 is reached by returns of 1.
    tolerance = 1e-9 * max(1.0, float(np.abs(curve).max()))
    there = np.flatnonzero(means >= threshold - tolerance)
    if not there.size:
        return float(curve.size), False
    return float(there[0] + window), True


def survival_curve(times: ArrayLike, reached: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return the times at which seeds get there, and the share that has not yet, from each on.

    Kaplan & Meier 1958, J. Am. Stat. Assoc. 53:457. The first time is 0, the first share 1.
    """
    waited, is_there = _checked(times, reached)
    ends = np.unique(waited[is_there])
    at_risk = np.array([np.sum(waited >= end) for end in ends], float)
    arrived = np.array([np.sum((waited == end) & is_there) for end in ends], float)
    share = np.cumprod(1 - arrived / at_risk) if ends.size else np.zeros(0)
    return np.concatenate([[0.0], ends]), np.concatenate([[1.0], share])


def survival_band(times: ArrayLike, reached: ArrayLike) -> tuple[NDArray, NDArray, NDArray]:
    """Return the times of `survival_curve` with the ends of a pointwise 95 % band.

    Equations
    ---------
    Wilson's interval of the share of n seeds, n = (1 - share)/(share*sum d/(r*(r - d))) with d that
    arrive of r that were still waiting (Rothman 1978, J. Chronic Dis. 31:557): all seeds, as long
    as none was censored.
    """
    waited, is_there = _checked(times, reached)
    ends, share = survival_curve(waited, is_there)
    counts, greenwood, effective = [], 0.0, float(waited.size)
    for end, left in zip(ends, share, strict=True):
        at_risk, arrived = np.sum(waited >= end), np.sum((waited == end) & is_there)
        if 0 < left < 1:
            greenwood += arrived / (at_risk * (at_risk - arrived))
            effective = (1 - left) / (left * greenwood)
        counts.append(effective)
    bands = [wilson_interval(left * n, n) for left, n in zip(share, counts, strict=True)]
    return ends, np.array([b.low for b in bands]), np.array([b.high for b in bands])


def summarise_times(
    times: ArrayLike, reached: ArrayLike, horizon: float | None = None
) -> TimeSummary:
    """Summarise times to a threshold, some of them censored.

    The interval of the median is read off `survival_band` (Brookmeyer & Crowley 1982, Biometrics
    38:29); that of the mean is Student's t of pseudo-values (Andersen et al. 2004, Lifetime Data
    Anal. 10:335), which are the times, cut at the horizon, where all seeds had as long.

    Parameters
    ----------
    times : (n_seeds,), > 0
    reached : (n_seeds,) of bool
        Whether the time is that of reaching the threshold; else it is how long that was waited for.
    horizon : float, optional
        Where the mean cuts, at most the longest time; default: the longest time.
    """
    waited, is_there = _checked(times, reached)
    horizon = float(waited.max()) if horizon is None else float(horizon)
    if not 0 < horizon <= waited.max():
        raise ValueError(
            f"summarise_times: expected a horizon of 0 to the longest time, {waited.max():g}, got "
            f"{horizon:g}."
        )
    mean = _restricted_mean(waited, is_there, horizon)
    bounds = mean_bounds = None
    if waited.size >= INTERVAL_SEEDS:
        bounds = _median_bounds(waited, is_there)
        low, high = student_interval(_pseudo_values(waited, is_there, horizon))[1:]
        mean_bounds = max(0.0, low), min(horizon, high)
    ends, share = survival_curve(waited, is_there)
    median = float(min(ends[share <= 0.5 + 1e-12], default=np.inf))
    return TimeSummary(median, bounds, mean, mean_bounds, horizon, int(is_there.sum()), waited.size)


def log_rank_p_value(
    times: ArrayLike, reached: ArrayLike, other_times: ArrayLike, other_reached: ArrayLike
) -> float:
    """Return the two-sided p of the log-rank test that two agents take equally long.

    1 where no seed of either got there.
    """
    from scipy import stats

    ours, theirs = _checked(times, reached), _checked(other_times, other_reached)
    if not (ours[1].any() or theirs[1].any()):
        return 1.0
    return float(stats.logrank(_censored(*ours), _censored(*theirs)).pvalue)


def _censored(times: NDArray, reached: NDArray) -> object:
    from scipy import stats

    return stats.CensoredData.right_censored(times, ~reached)


def _restricted_mean(times: NDArray, reached: NDArray, horizon: float) -> float:
    """Return the area under the survival curve up to the horizon."""
    ends, share = survival_curve(times, reached)
    edges = np.minimum(np.append(ends, horizon), horizon)
    return float(np.sum(share * np.diff(edges)))


def _pseudo_values(times: NDArray, reached: NDArray, horizon: float) -> NDArray:
    """Return what each seed adds to the restricted mean, (n_seeds,)."""
    n, whole = times.size, _restricted_mean(times, reached, horizon)
    without = [
        _restricted_mean(np.delete(times, i), np.delete(reached, i), horizon) for i in range(n)
    ]
    return n * whole - (n - 1) * np.array(without)


def _median_bounds(times: NDArray, reached: NDArray) -> tuple[float, float]:
    """Return the first times at which the ends of the survival curve's band are half or less."""
    ends, low, high = survival_band(times, reached)
    first_low, first_high = (float(min(ends[end <= 0.5], default=np.inf)) for end in (low, high))
    return first_low, first_high


def _checked(times: ArrayLike, reached: ArrayLike) -> tuple[NDArray, NDArray]:
    waited, is_there = np.asarray(times, float), np.asarray(reached, bool)
    if waited.ndim != 1 or waited.shape != is_there.shape or not waited.size:
        raise ValueError(
            "Times to a threshold: expected (n_seeds,) times and whether each was reached, got "
            f"shapes {waited.shape} and {is_there.shape}."
        )
    if not (np.isfinite(waited).all() and waited.min() > 0):
        raise ValueError(f"Times to a threshold: expected finite times > 0, got {waited}.")
    return waited, is_there
