"""Episodes as they go by: what each has brought so far, which replicas are still at it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.outcome import Outcome
from threefactor.masks import any_of

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Episode:
    """What one finished episode was."""

    replica: int
    number: int
    total: float
    discounted: float
    length: int
    terminated: bool
    truncated: bool


@dataclass
class EpisodeTally:
    """Account of the episodes of R replicas.

    A replica acts, or is shown the last observation of its truncated episode (`closing`: one more
    decision in which it does not act, because truncation is not termination), or rests because its
    episodes are done.

    Parameters
    ----------
    replicas : int
    episodes : int
        Of each replica, >= 1.
    discount : float
        Per decision, of the environment's own metric; 1: it is the plain return.

    Attributes
    ----------
    decisions : int
        Decisions of the loop so far.
    is_discounted : bool
        Whether the metric differs from the plain return.
    acting, closing : (R,) bool
    involved : (R,) bool
        Replicas that take part in the next decision; as the two above never changed, but replaced.
    done : (R,) int
        Episodes finished.
    totals, discounted : (R,) float
        Plain and discounted return of the present episode; the second only if they differ.
    factors : (R,) float
        What the next reward counts in `discounted`.
    began_at, stopped_at : (R,) int
        Decisions of the loop before the present episode, and when the replica last stopped acting.
    terminated, truncated : (R,) bool
        How the present episode stopped, if it has.
    returns : list of R lists of float
        The metric of every finished episode.
    """

    replicas: int
    episodes: int
    discount: float
    decisions: int = field(default=0, init=False)
    is_discounted: bool = field(init=False)

    def __post_init__(self) -> None:
        """Begin the first episode of every replica."""
        self.is_discounted = self.discount < 1.0
        self._follow(np.ones(self.replicas, dtype=bool), np.zeros(self.replicas, dtype=bool))
        self.done = np.zeros(self.replicas, dtype=int)
        self.totals = np.zeros(self.replicas)
        self.discounted = np.zeros(self.replicas)
        self.factors = np.ones(self.replicas)
        self.began_at = np.zeros(self.replicas, dtype=int)
        self.stopped_at = np.zeros(self.replicas, dtype=int)
        self.terminated = np.zeros(self.replicas, dtype=bool)
        self.truncated = np.zeros(self.replicas, dtype=bool)
        self.returns: list[list[float]] = [[] for _ in range(self.replicas)]

    @property
    def metric(self) -> NDArray[np.float64]:
        """What the environment's own metric says of the present episode so far, (R,)."""
        return self.discounted if self.is_discounted else self.totals

    @property
    def lengths(self) -> NDArray[np.int_]:
        """Decisions of the present episode in which the replica acted, (R,)."""
        return np.where(self.acting, self.decisions, self.stopped_at) - self.began_at

    @property
    def is_finished(self) -> bool:
        """Whether every replica has had its episodes."""
        return not any_of(self.involved)

    def _follow(self, acting: Mask, closing: Mask) -> None:
        self.acting, self.closing, self.involved = acting, closing, acting | closing
        self._is_closing = any_of(closing)

    def count(self, outcome: Outcome) -> None:
        """Take a decision into account."""
        self.decisions += 1
        # New arrays: adding to one in place takes twice as long.
        self.totals = self.totals + outcome.rewards
        if self.is_discounted:
            self.discounted = self.discounted + self.factors * outcome.rewards
            self.factors = self.factors * self.discount

    def close(self, outcome: Outcome, needs_bootstrap: bool) -> Mask:
        """Return whose episodes are over, and count them; truncated ones may have to wait."""
        if not (any_of(outcome.terminated) or any_of(outcome.truncated) or self._is_closing):
            return np.zeros(self.replicas, dtype=bool)
        stops = outcome.ends
        waits = outcome.truncated & ~outcome.terminated & needs_bootstrap
        ended = (stops | self.closing) & ~waits
        self.terminated[stops] = outcome.terminated[stops]
        self.truncated[stops] = outcome.truncated[stops]
        self.stopped_at[stops] = self.decisions
        self._follow(self.acting & ~stops, waits)
        self.done[ended] += 1
        for replica in np.flatnonzero(ended).tolist():
            self.returns[replica].append(float(self.metric[replica]))
        return ended

    def episode(self, replica: int) -> Episode:
        """Return the episode of a replica that is over."""
        return Episode(
            replica, int(self.done[replica]), float(self.totals[replica]),
            float(self.metric[replica]), int(self.lengths[replica]),
            bool(self.terminated[replica]), bool(self.truncated[replica]),
        )  # fmt: skip

    def begin(self, ended: Mask) -> Mask:
        """Forget the episodes that are over; return the replicas that begin another one."""
        self.totals[ended] = self.discounted[ended] = 0.0
        self.factors[ended] = 1.0
        self.began_at[ended] = self.stopped_at[ended] = self.decisions
        begins = ended & (self.done < self.episodes)
        self._follow(self.acting | begins, self.closing)
        return begins

    def continue_until(self, episodes: int) -> Mask:
        """Let every replica run on to this number of episodes; return those that begin again."""
        self.episodes = episodes
        return self.begin(~self.involved)

    def state(self) -> dict[str, Any]:
        """Return copies of all counts, as arrays and numbers."""
        arrays = {name: getattr(self, name).copy() for name in _ARRAYS}
        returns = np.concatenate([np.array(row, float) for row in self.returns])
        return {"decisions": self.decisions, "returns": returns, **arrays}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        for name in _ARRAYS:
            setattr(self, name, np.array(state[name]))
        self._follow(self.acting, self.closing)
        self.decisions = int(state["decisions"])
        starts = np.cumsum(self.done)[:-1]
        self.returns = [row.tolist() for row in np.split(state["returns"], starts)]


_ARRAYS = (
    "acting", "closing", "done", "totals", "discounted", "factors", "began_at", "stopped_at",
    "terminated", "truncated",
)  # fmt: skip
