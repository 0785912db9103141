"""Is eligibility correlated with the third factor that meets it? Learning lives on that.

A three-factor rule moves a weight by the product of eligibility e and third factor M. Over many
decisions, mean(e*M) = cov(e, M) + mean(e)*mean(M): the first term is what a synapse has to do with
reward, the second moves it whether it has or not (Fremaux, Sprekeler & Gerstner 2010, J. Neurosci.
30:13326).
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.neural.spans import Span
from threefactor.analysis.run_data import Run

MIN_PAIRS = 20
N_SHIFTS = 999


@dataclass(frozen=True, eq=False)
class Credit:
    """What eligibilities of probed synapses have to do with their third factors.

    Attributes
    ----------
    span : Span
    synapses : tuple of str
        Such as "policy[12]".
    eligibility, third_factor : (n_pairs, n_synapses)
        What met, delivery by delivery; of rules that move weights all the time, sample by sample.
    correlation : (n_synapses,)
        NaN where either does not vary.
    chance : float
        Root mean square of correlations that shifts in time leave: 95 % of them are below.
    p_value : float
        How often such shifts leave as much as there is.
    by_covariance : float
        Share of the drift, |cov| of |cov| + |mean*mean|, over synapses.
    """

    span: Span
    synapses: tuple[str, ...]
    eligibility: NDArray[np.float64]
    third_factor: NDArray[np.float64]
    correlation: NDArray[np.float64]
    chance: float
    p_value: float
    by_covariance: float

    @property
    def strength(self) -> float:
        """Root mean square over synapses of the correlation."""
        return float(np.sqrt(np.nanmean(self.correlation**2)))


def measure_credit(run: Run, span: Span, seed: int = 0) -> Credit:
    """Return eligibility against third factor over a span, with what chance would do.

    Raises
    ------
    ValueError
        If the run did not probe both, or has less than `MIN_PAIRS` deliveries in the span.
    """
    columns = _columns(run)
    eligibility, third_factor = _pairs(run, span, columns)
    if len(eligibility) < MIN_PAIRS:
        raise ValueError(
            f"Eligibility and third factor: expected {MIN_PAIRS} deliveries in {span.text}, got "
            f"{len(eligibility)}. Train with more --record-episodes."
        )
    correlation = _correlation(eligibility, third_factor)
    if not np.isfinite(correlation).any():
        raise ValueError(
            f"Eligibility and third factor: neither varies in {span.text}, nothing to correlate."
        )
    strength = np.sqrt(np.nanmean(correlation**2))
    shifted = _shifted(eligibility, third_factor, np.random.default_rng(seed))
    covariance = ((eligibility - eligibility.mean(0)) * (third_factor - third_factor.mean(0))).mean(
        0
    )
    bias = eligibility.mean(0) * third_factor.mean(0)
    total = np.abs(covariance).sum() + np.abs(bias).sum()
    return Credit(
        span, tuple(columns), eligibility, third_factor, correlation,
        float(np.percentile(shifted, 95)),
        float((1 + np.sum(shifted >= strength - 1e-12)) / (1 + shifted.size)),
        float(np.abs(covariance).sum() / total) if total > 0 else float("nan"),
    )  # fmt: skip


def _columns(run: Run) -> dict[str, tuple[int, int, bool]]:
    """Return synapse -> columns of its eligibility and third factor, and whether it is banked."""
    names = list(run.probe_names) if run.segments else []
    places = {re.sub(r" \(.*\)$", "", name): column for column, name in enumerate(names)}
    found = {}
    for name in places:
        part, _, index = name.partition("[")
        projection, _, variable = part.partition(".")
        if variable != "eligibility":
            continue
        banked = f"{projection}.trace[{index}"
        third = _third_factor(run, projection, int(index[:-1]), places)
        if third is not None:
            column = places.get(banked, places[name])
            found[f"{projection}[{index}"] = (column, third, banked in places)
    if not found:
        raise ValueError(
            f"Run {run.path}: expected probes of eligibility and third factor, got "
            f"{', '.join(sorted({n.partition('[')[0] for n in names})) or 'none'}. Train with "
            "--probes 20 and a three-factor rule."
        )
    return found


def _third_factor(run: Run, projection: str, synapse: int, places: dict[str, int]) -> int | None:
    """Return the column of the third factor of a synapse's postsynaptic neuron."""
    found = {name: column for name, column in places.items() if ".third_factor[" in name}
    if projection in run.projections:
        post = f".third_factor[{run.weights(projection).post[synapse]}]"
        return next((column for name, column in found.items() if name.endswith(post)), None)
    return next(iter(found.values()), None)


def _pairs(
    run: Run, span: Span, columns: dict[str, tuple[int, int, bool]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what met in each delivery of the span, both (n_pairs, n_synapses)."""
    probes = run.probes()
    own, third = (np.array([c[k] for c in columns.values()]) for k in (0, 1))
    if not all(is_banked for _, _, is_banked in columns.values()):
        window = np.searchsorted(span.ends_ms + 1e-6, probes.time_ms)
        inside = window < span.ends_ms.size
        starts = span.ends_ms[np.minimum(window, span.ends_ms.size - 1)] - span.decision_ms
        kept = inside & (probes.time_ms > starts)
        return probes.values[kept][:, own], probes.values[kept][:, third]
    # What was delivered as a window closed stands in the first sample after it. Where the third
    # factor waits for a critic's spikes, it meets what was banked a window before: the last sample.
    after = np.searchsorted(probes.time_ms, span.ends_ms + 1e-6)
    known = (after > 0) & (after < probes.time_ms.size)
    known[known] &= probes.time_ms[after[known]] - span.ends_ms[known] < span.decision_ms
    if run.meta.get("needs_bootstrap"):
        known &= np.concatenate([[False], np.diff(span.episode_of) == 0])
        return probes.values[after[known] - 1][:, own], probes.values[after[known]][:, third]
    return probes.values[after[known]][:, own], probes.values[after[known]][:, third]


def _correlation(eligibility: NDArray, third_factor: NDArray) -> NDArray[np.float64]:
    """Return the correlation of each column with its own, NaN where one is constant."""
    e, m = eligibility - eligibility.mean(0), third_factor - third_factor.mean(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (e * m).sum(0) / np.sqrt((e**2).sum(0) * (m**2).sum(0))


def _shifted(
    eligibility: NDArray, third_factor: NDArray, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the strength of correlations after shifts in time, which keep both as they are."""
    n = len(eligibility)
    shifts = np.unique(rng.integers(1, n, N_SHIFTS))
    return np.array(
        [
            np.sqrt(np.nanmean(_correlation(eligibility, np.roll(third_factor, s, axis=0)) ** 2))
            for s in shifts
        ]
    )
