"""Spike trains of a population: rate, irregularity, variability of counts, what neurons share.

Irregularity, correlations and synchrony are Elephant's (`pip install "threefactor[neuro]"`);
without it they are left out.
"""

import importlib.util
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.neural.spans import Span
from threefactor.analysis.run_data import Run

BIN_MS = 10.0
#: Intervals that a neuron must have for its coefficient of variation to mean something.
MIN_INTERVALS = 10
#: Spikes that a neuron must have to be correlated with others.
MIN_SPIKES = 5
#: More neurons than these are sampled for what is measured pair by pair.
_MOST_PAIRED, _MOST_SYNCHRONY_MS = 300, 20_000.0
HOW_TO_GET_ELEPHANT = (
    'CV, CV2, LV, correlation and synchrony need Elephant: pip install "elephant>=1.1" "neo>=0.14"'
)


@dataclass(frozen=True, eq=False)
class SpikeStatistics:
    """What the spikes of one population say over one span; means over its neurons.

    Attributes
    ----------
    population : str
    span : Span
    rates_hz : (n_neurons,)
    cv, cv2, lv : float or None
        Of intervals between spikes: 1 for a Poisson process, 0 for a clock. CV2 and LV compare
        neighbouring intervals, so that a rate that changes slowly does not count as irregular.
        None: no neuron has `MIN_INTERVALS`, or Elephant is not installed.
    fano : float or None
        Variance over mean of spike counts in decisions.
    correlations : (n_pairs,) or None
        Of counts in bins, neuron by neuron.
    synchrony : float or None
        SPIKE-contrast, 0 to 1 (Ciba et al. 2018, J. Neurosci. Methods 293:136).
    """

    population: str
    span: Span
    rates_hz: NDArray[np.float64]
    cv: float | None
    cv2: float | None
    lv: float | None
    fano: float | None
    correlations: NDArray[np.float64] | None
    synchrony: float | None

    @property
    def correlation(self) -> float | None:
        """Mean correlation over pairs."""
        found = self.correlations
        return None if found is None or not found.size else float(found.mean())


def has_elephant() -> bool:
    """Whether Elephant is installed."""
    return importlib.util.find_spec("elephant") is not None


def measure_spikes(run: Run, span: Span, bin_ms: float = BIN_MS) -> tuple[SpikeStatistics, ...]:
    """Return the statistics of every recorded population over a span.

    Parameters
    ----------
    bin_ms : of the counts that are correlated, > 0
    """
    if not 0 < bin_ms <= span.duration_s * 1e3:
        raise ValueError(
            f"bin: expected more than 0 and at most {span.duration_s * 1e3:g} ms, got {bin_ms:g}."
        )
    found = []
    for name, size in run.populations.items():
        time_ms, neuron, decision = span.inside(run.spikes(name))
        counts = np.bincount(neuron, minlength=size)
        cv = cv2 = lv = correlations = synchrony = None
        if has_elephant():
            cv, cv2, lv = _irregularity(time_ms, neuron, span, decision)
            whole_ms = span.duration_s * 1e3
            trains = _trains(time_ms, neuron, counts, whole_ms)
            correlations = _correlations(trains, span, bin_ms)
            if whole_ms > _MOST_SYNCHRONY_MS:
                trains = _trains(time_ms, neuron, counts, _MOST_SYNCHRONY_MS)
            synchrony = _synchrony(trains)
        found.append(
            SpikeStatistics(
                name, span, counts / span.duration_s, cv, cv2, lv,
                _fano(neuron, decision, size, span.ends_ms.size), correlations, synchrony,
            )
        )  # fmt: skip
    return tuple(found)


def _fano(neuron: NDArray, decision: NDArray, size: int, n_decisions: int) -> float | None:
    """Return the mean over neurons of variance over mean of their counts in decisions."""
    if n_decisions < 2:
        return None
    occupied, per_cell = np.unique(
        neuron.astype(np.int64) * n_decisions + decision, return_counts=True
    )
    owner = occupied // n_decisions
    total = np.bincount(owner, per_cell, minlength=size)
    squares = np.bincount(owner, per_cell.astype(float) ** 2, minlength=size)
    active = total > 0
    if not active.any():
        return None
    mean = total[active] / n_decisions
    variance = (squares[active] - n_decisions * mean**2) / (n_decisions - 1)
    return float(np.mean(variance / mean))


def _irregularity(
    time_ms: NDArray, neuron: NDArray, span: Span, decision: NDArray
) -> tuple[float | None, float | None, float | None]:
    """Return CV, CV2 and LV, means over neurons; intervals do not reach from episode to episode."""
    from elephant.statistics import cv, cv2, lv

    order = np.lexsort((time_ms, neuron))
    time_ms, neuron, episode = time_ms[order], neuron[order], span.episode_of[decision[order]]
    follows = (np.diff(neuron) == 0) & (np.diff(episode) == 0)
    intervals, owner = np.diff(time_ms)[follows], neuron[1:][follows]
    values = [
        (cv(own), cv2(own), lv(own))
        for own in np.split(intervals, np.flatnonzero(np.diff(owner)) + 1)
        if own.size >= MIN_INTERVALS
    ]
    if not values:
        return None, None, None
    means = np.mean(np.array(values, float), axis=0)
    return float(means[0]), float(means[1]), float(means[2])


def _chosen(counts: NDArray) -> NDArray[np.int64]:
    """Return the neurons that spike enough, evenly thinned where they are many."""
    active = np.flatnonzero(counts >= MIN_SPIKES)
    if active.size <= _MOST_PAIRED:
        return active
    return active[np.linspace(0, active.size - 1, _MOST_PAIRED).astype(int)]


def _trains(time_ms: NDArray, neuron: NDArray, counts: NDArray, stop_ms: float) -> list[Any]:
    """Return the spikes of active neurons as Neo has them, each in order of time."""
    import quantities
    from neo import SpikeTrain

    stop = stop_ms * quantities.ms
    within = time_ms <= stop_ms
    return [
        SpikeTrain(np.sort(time_ms[within & (neuron == index)]) * quantities.ms, t_stop=stop)
        for index in _chosen(counts)
    ]


def _correlations(trains: list[Any], span: Span, bin_ms: float) -> NDArray[np.float64] | None:
    """Return the correlation of each pair of active neurons, (n_pairs,)."""
    import quantities
    from elephant.conversion import BinnedSpikeTrain
    from elephant.spike_train_correlation import correlation_coefficient

    n_bins = int(span.duration_s * 1e3 // bin_ms)
    if len(trains) < 2 or n_bins < 2:
        return None
    with warnings.catch_warnings():  # spikes behind the last whole bin, and neurons with no others
        warnings.simplefilter("ignore")
        binned = BinnedSpikeTrain(
            trains,
            bin_size=bin_ms * quantities.ms,
            t_start=0 * quantities.ms,
            n_bins=n_bins,
        )
        found = np.asarray(correlation_coefficient(binned))
    values = found[np.triu_indices(len(trains), 1)]
    return values[np.isfinite(values)]


def _synchrony(trains: list[Any]) -> float | None:
    """Return SPIKE-contrast of the trains that have two spikes or more."""
    from elephant.spike_train_synchrony import spike_contrast

    several = [train for train in trains if len(train) > 1]
    return float(spike_contrast(several)) if len(several) > 1 else None
