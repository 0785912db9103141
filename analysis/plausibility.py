"""How plausible a run was: what its spikes and its network's description say, item by item.

Rates, intervals and signs are measured in the recorded episodes of replica 0, over the windows of
its decisions. The limits of rates are wide ones: above them a cortical population would be unusual.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.run_data import EventKind, Run, Spikes

MAX_INPUT_HZ = 100.0
MIN_INTERVAL_CV = 0.8
MAX_MEAN_HZ = 60.0
MAX_WINDOW_HZ = 120.0
DECISION_MS = (50.0, 200.0)
#: Intervals that a coefficient of variation needs.
MIN_INTERVALS = 30
#: Name of the item that says how fast every population fires.
MEAN_RATE = "mean rate"
#: What computes a third factor -> whether it is plausible, and in words.
THIRD_FACTORS: dict[str, tuple[bool | None, str]] = {
    "spikes": (True, "from spikes in the network"),
    "reward": (True, "the reward, or its running mean"),
    "outside": (False, "from a linear critic outside the network"),
    "gradient": (False, "a gradient that is led back through the network"),
    "": (None, "not said"),
}

RATES = "Roxin et al. 2011, J. Neurosci. 31:16217"
IRREGULAR = "Softky & Koch 1993, J. Neurosci. 13:334"
MEMBRANES = "Koch, Rapp & Segev 1996, Cereb. Cortex 6:93"
DECISIONS = "Thorpe, Fize & Marlot 1996, Nature 381:520"
THIRD = "Fremaux & Gerstner 2016, Front. Neural Circuits 9:85"
DALE = "Eccles, Fatt & Koketsu 1954, J. Physiol. 126:524"


@dataclass(frozen=True)
class Item:
    """One thing that is asked.

    Attributes
    ----------
    name : str
    holds : bool or None
        None: it cannot be judged, or was not asked for.
    number : float or None
        What is compared with the threshold.
    found, threshold, source : str
        What was found, what is asked, and why.
    """

    name: str
    holds: bool | None
    number: float | None
    found: str
    threshold: str
    source: str

    @property
    def verdict(self) -> str:
        """Whether it holds, in a word or two."""
        return {True: "holds", False: "does not", None: "-"}[self.holds]


@dataclass(frozen=True)
class Plausibility:
    """The report card of a run."""

    items: tuple[Item, ...]

    @property
    def holds(self) -> bool:
        """Whether every item that can be judged holds."""
        return all(item.holds is not False for item in self.items)

    @property
    def headline(self) -> str:
        """How many items hold."""
        judged = [item.holds for item in self.items if item.holds is not None]
        return f"{sum(judged)} of {len(judged)} hold"

    def lines(self) -> list[str]:
        """Return the card as text: verdict, name, what was found, threshold."""
        column = max(len(item.found) for item in self.items)
        return [
            f"plausibility: {self.headline}",
            *(
                f"  {item.verdict:8}  {item.name:15}  {item.found:{column}}  ({item.threshold})"
                for item in self.items
            ),
        ]

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return item -> what it says, for summary.json."""
        entries = {item.name: asdict(item) for item in self.items}
        return {name: {k: v for k, v in e.items() if k != "name"} for name, e in entries.items()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Mapping[str, Any]]) -> Self:
        """Return what `to_dict` wrote."""
        return cls(tuple(Item(name, **entry) for name, entry in content.items()))


def measure_plausibility(run: Run) -> Plausibility | None:
    """Return the report card of a run; None where its agent says nothing of its regime."""
    regime = run.meta.get("regime")
    if not regime:
        return None
    ends_ms = run.events.select(EventKind.DECISION, 0).time_ms if run.segments else np.zeros(0)
    starts_ms = ends_ms - regime["decision_ms"]
    spikes = {name: run.spikes(name) for name in run.populations} if starts_ms.size else {}
    counts = {
        name: np.bincount(window[window >= 0], minlength=starts_ms.size)
        for name, train in spikes.items()
        for window in [windows_of(train, starts_ms, regime)]
    }
    rates = {
        name: per_window / (run.populations[name] * regime["decision_ms"] * 1e-3)
        for name, per_window in counts.items()
    }
    rate, membranes, decision, third_factor = judge_regime(regime)
    return Plausibility(
        (
            rate, _intervals(spikes.get(regime["input"]), starts_ms, regime),
            _limited(MEAN_RATE, {name: r.mean() for name, r in rates.items()}, MAX_MEAN_HZ),
            _limited("busiest window", {name: r.max() for name, r in rates.items()}, MAX_WINDOW_HZ),
            membranes, decision, third_factor, _signs(run, regime),
        )
    )  # fmt: skip


def judge_regime(regime: Mapping[str, Any]) -> tuple[Item, Item, Item, Item]:
    """Return what can be said before any spike: input rate, membranes, decision, third factor."""
    rate, threshold = regime["input_rate_max_hz"], f"Poisson, at most {MAX_INPUT_HZ:g} Hz"
    if rate is None:
        found = regime.get("input_kind", "timed spikes")
        input_rate = Item("input rate", False, None, found, threshold, RATES)
    else:
        found = f"Poisson, up to {rate:g} Hz"
        input_rate = Item("input rate", rate <= MAX_INPUT_HZ, rate, found, threshold, RATES)
    without = regime["without_membrane"]
    kinds = [f"{name} ({regime['neurons'][name]}) has none" for name in without]
    membranes = Item(
        "membranes", not without, len(without), ", ".join(kinds) or "every neuron",
        "every neuron has one", MEMBRANES,
    )  # fmt: skip
    low, high = DECISION_MS
    window = regime["decision_ms"]
    decision = Item(
        "decision", low <= window <= high, window, f"{window:g} ms", f"{low:g} to {high:g} ms",
        DECISIONS,
    )  # fmt: skip
    holds, found = THIRD_FACTORS[regime["third_factor"]]
    asked = "spikes, or a mean of reward"
    return input_rate, membranes, decision, Item("third factor", holds, None, found, asked, THIRD)


def interval_cv(step: NDArray, neuron: NDArray, window: NDArray, n_steps: int) -> tuple[float, int]:
    """Return the coefficient of variation of intervals within windows, and how many there are.

    Equations
    ---------
    cv**2 = sum (interval - mean)**2 / sum variance, over neighbouring spikes of a neuron within a
    window of N timesteps that holds n of its spikes, where a Poisson train with n has
    mean = (N + 1)/(n + 1), variance = N**2*n/((n + 1)**2*(n + 2))

    1 for a Poisson train however short its windows, 0 for a regular one, and sqrt(1 - p) for one
    that spikes with probability p in each timestep. Rates may change from window to window.

    Parameters
    ----------
    step, neuron, window : (n_spikes,)
        Timestep, neuron and number of the window of each spike.
    n_steps : int
        Of a window.
    """
    order = np.lexsort((step, window, neuron))
    step, neuron, window = step[order], neuron[order], window[order]
    is_first = np.ones(step.size, bool)
    is_first[1:] = (np.diff(neuron) != 0) | (np.diff(window) != 0)
    group = np.cumsum(is_first) - 1
    n = np.bincount(group, minlength=1)[group[1:]][~is_first[1:]].astype(float)
    if not n.size:
        return math.nan, 0
    deviation = np.diff(step)[~is_first[1:]] - (n_steps + 1) / (n + 1)
    variance = n_steps**2 * n / ((n + 1) ** 2 * (n + 2))
    return float(np.sqrt(np.sum(deviation**2) / np.sum(variance))), n.size


def windows_of(train: Spikes, starts_ms: NDArray, regime: Mapping[str, Any]) -> NDArray[np.int_]:
    """Return the number of the decision window of each spike; -1: within none."""
    half = regime["timestep_ms"] / 2
    window = np.searchsorted(starts_ms - half, train.time_ms, side="right") - 1
    inside = train.time_ms - starts_ms[window] < regime["decision_ms"] - half
    return np.where((window >= 0) & inside & (train.replica == 0), window, -1)


def _intervals(train: Spikes | None, starts_ms: NDArray, regime: Mapping[str, Any]) -> Item:
    threshold = f"CV at least {MIN_INTERVAL_CV:g}"
    if train is None:
        return Item("input intervals", None, None, "not recorded", threshold, IRREGULAR)
    window = windows_of(train, starts_ms, regime)
    kept = window >= 0
    timestep_ms = regime["timestep_ms"]
    cv, count = interval_cv(
        np.rint(train.time_ms[kept] / timestep_ms).astype(int), train.neuron[kept], window[kept],
        round(regime["decision_ms"] / timestep_ms),
    )  # fmt: skip
    if count < MIN_INTERVALS:
        found = f"too few spikes ({count} intervals within decisions)"
        return Item("input intervals", None, None, found, threshold, IRREGULAR)
    holds = cv >= MIN_INTERVAL_CV
    return Item("input intervals", holds, cv, f"CV {cv:.2f}", threshold, IRREGULAR)


def _limited(name: str, rates_hz: Mapping[str, float], limit_hz: float) -> Item:
    """Return the item that no population fires faster than a limit."""
    threshold = f"at most {limit_hz:g} Hz"
    if not rates_hz:
        return Item(name, None, None, "not recorded", threshold, RATES)
    fastest = float(max(rates_hz.values()))
    told = [f"{p} {f'{hz:.1f}' if hz else 'silent'}" for p, hz in rates_hz.items()]
    return Item(name, fastest <= limit_hz, fastest, f"{', '.join(told)} Hz", threshold, RATES)


def _signs(run: Run, regime: Mapping[str, Any]) -> Item:
    """Return the item that all synapses of a neuron have one sign, in the last snapshot."""
    threshold = "one sign, where asked"
    signs: dict[tuple[str, int], set[float]] = {}
    for name in run.projections:
        history = run.weights(name)
        for weights in history.values[-1:]:
            for pre, sign in {*zip(history.pre.tolist(), np.sign(weights).tolist(), strict=True)}:
                signs.setdefault((regime["sources"][name], pre), set()).add(sign)
    if not signs:
        return Item("signs", None, None, "not recorded", threshold, DALE)
    share = float(np.mean([not {-1.0, 1.0} <= found for found in signs.values()]))
    asked = regime["asks_signs"]
    found = f"{share:.0%} of the neurons" + ("" if asked else " (not asked)")
    return Item("signs", share == 1.0 if asked else None, share, found, threshold, DALE)
