"""What a network's neurons and synapses did since somebody asked: counts, for the health of a run.

A decision costs one addition for each population; everything else waits until it is asked for.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.agents.contract import Vitals
from threefactor.masks import any_of
from threefactor.models.host import third_factor_populations
from threefactor.models.network import Network
from threefactor.models.specification import Projection
from threefactor.rules.modulators import ThirdFactor

#: A weight this near to a bound, as a share of the distance between both, is at it.
EDGE = 0.01
#: Third factors that are kept before they are summed up.
_MOST_KEPT = 256

Mask = NDArray[np.bool_]


class Pulse:
    """Spikes, third factors and weights of every replica, population by population."""

    def __init__(self, network: Network, window_ms: float) -> None:
        self._network, self._window_s = network, window_ms * 1e-3
        counts = network.spike_counts
        self._spikes = {name: np.zeros(view.shape) for name, view in counts.items()}
        self._fired = {name: np.zeros(view.shape, bool) for name, view in counts.items()}
        sums = [(self._spikes[name], view) for name, view in counts.items()]
        self._additions = [partial(np.add, total, view, total) for total, view in sums]
        self._windows, self._asked = 0, [0] * network.replicas
        self._hearing = set(third_factor_populations(network.spec))
        self._learning: dict[str, list[Projection]] = {}
        for projection in network.spec.projections:
            if projection.rule is not None:
                self._learning.setdefault(projection.target, []).append(projection)
        self._initial = {
            projection.name: network.replicated(f"{projection.name}.w").copy()
            for projections in self._learning.values()
            for projection in projections
        }
        self._low = np.full(network.replicas, np.inf)
        self._high = np.full(network.replicas, -np.inf)
        self._not_finite = np.zeros(network.replicas, int)
        self._forget_delivered()

    def _forget_delivered(self) -> None:
        self._delivered: list[Any] = []
        self._heard: list[list[bool]] = []

    def count(self) -> None:
        """Count the spikes of the window that has ended."""
        for add in self._additions:
            add()
        self._windows += 1

    def hear(self, third_factor: ThirdFactor, active: Mask) -> None:
        """Keep a third factor, of the replicas that hear it."""
        heard = active if third_factor.delivers is None else third_factor.delivers
        self._delivered.append(third_factor.scalar.tolist())  # a copy, faster than of the array
        self._heard.append(heard.tolist())
        if len(self._heard) >= _MOST_KEPT:
            self._sum_up()

    def _sum_up(self) -> None:
        """Take what was delivered into account and forget it."""
        if not self._heard:
            return
        heard, values = np.array(self._heard), np.array(self._delivered)
        self._forget_delivered()
        rows = values.reshape(*heard.shape, -1)  # a number for each neuron, or one for all
        heard = heard[..., None]
        is_finite = np.isfinite(rows)
        self._not_finite += (heard & ~is_finite).sum(axis=(0, 2))
        known = heard & is_finite
        low, high = np.where(known, rows, np.inf), np.where(known, rows, -np.inf)
        np.minimum(self._low, low.min(axis=(0, 2)), self._low)
        np.maximum(self._high, high.max(axis=(0, 2)), self._high)

    def take(self, replica: int, decisions: int) -> dict[str, Vitals]:
        """Return what the populations of a replica did since the last time, and begin anew.

        Empty, and nothing begins, before so many decisions have passed.
        """
        passed = self._windows - self._asked[replica]
        if passed < decisions:
            return {}
        self._sum_up()
        found = {
            population.name: self._examine(population.name, replica, passed)
            for population in self._network.spec.populations
        }
        self._begin(replica)
        return found

    def _examine(self, population: str, replica: int, decisions: int) -> Vitals:
        spikes, fired = np.zeros(0), np.zeros(0, bool)
        if population in self._spikes:
            spikes = self._spikes[population][replica].copy()
            self._fired[population][replica] |= spikes > 0
            fired = self._fired[population][replica].copy()
        low, high = np.nan, np.nan
        not_finite = 0
        if population in self._hearing:
            not_finite = int(self._not_finite[replica])
            if self._low[replica] <= self._high[replica]:
                low, high = float(self._low[replica]), float(self._high[replica])
        at_bounds, strange = self._weights(population, replica)
        return Vitals(
            decisions, decisions * self._window_s, spikes, fired, (low, high), at_bounds,
            not_finite + strange,
        )  # fmt: skip

    def _weights(self, population: str, replica: int) -> tuple[float, int]:
        """Return the share of learning weights at their bounds, and how many are no numbers."""
        learning = self._learning.get(population, [])
        count = at_bounds = strange = 0
        for projection in learning:
            name = projection.name
            w, low, high = (
                self._network.replicated(f"{name}.{v}")[replica] for v in ("w", "w_min", "w_max")
            )
            span = high - low
            edge = EDGE * np.where(np.isfinite(span), span, 0.0)
            is_near = (w <= low + edge) | (w >= high - edge)
            has_come = (w != self._initial[name][replica]) | (span == 0)
            at_bounds += int(np.count_nonzero(is_near & has_come))
            if not np.isfinite(w.sum()):
                strange += int(np.count_nonzero(~np.isfinite(w)))
            count += w.size
        return at_bounds / count if count else np.nan, strange

    def _begin(self, replica: int) -> None:
        self._asked[replica] = self._windows
        for total in self._spikes.values():
            total[replica] = 0.0
        self._low[replica], self._high[replica] = np.inf, -np.inf
        self._not_finite[replica] = 0

    def begin(self, mask: Mask) -> None:
        """Forget what the marked replicas did since the last time."""
        if any_of(mask):
            self._sum_up()
            for replica in np.flatnonzero(mask).tolist():
                self._begin(replica)

    def state(self) -> dict[str, Any]:
        """Return what was counted, for a checkpoint."""
        self._sum_up()
        return {
            "windows": self._windows,
            "asked": list(self._asked),
            "spikes": {name: total.copy() for name, total in self._spikes.items()},
            "fired": {name: fired.copy() for name, fired in self._fired.items()},
            "low": self._low.copy(),
            "high": self._high.copy(),
            "not_finite": self._not_finite.copy(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self._forget_delivered()
        self._windows, self._asked = state["windows"], list(state["asked"])
        for name in self._spikes:
            self._spikes[name][...] = state["spikes"][name]
            self._fired[name][...] = state["fired"][name]
        self._low[...], self._high[...] = state["low"], state["high"]
        self._not_finite[...] = state["not_finite"]
