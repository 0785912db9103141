"""The modulator contract: what happened to the agent -> third factor.

A modulator is a frozen dataclass of plain values; ``bind(host)`` returns the object that keeps the
running quantities. In every decision the loop calls ``on_window`` when the window has
been simulated and ``on_outcome`` when the environment has answered, and delivers what comes back,
unless None:

    advance window -> on_window -> choose action -> decision block -> env.step -> on_outcome

Replicas are independent unless the class says otherwise: replica r equals a single run.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from threefactor.masks import all_of
from threefactor.naming import check_choice
from threefactor.rules.contract import check_parameters

#: What may compute a third factor: the reward or its running mean, spikes in the network, numbers
#: outside of it (a linear critic); "": the modulator does not say.
COMPUTED_BY = ("reward", "spikes", "outside", "")
NORMALISATIONS = ("none", "rms", "returns")


@dataclass(frozen=True)
class Host:
    """What a modulator is told of where it works; durations are in ms of simulated time.

    Attributes
    ----------
    n_replicas : int
    window_ms : float
        Simulated time of a decision.
    n_stimuli : int or None
        How many stimuli there are to tell apart; None: what is shown has no number.
    """

    n_replicas: int
    window_ms: float
    n_stimuli: int | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be."""
        if self.n_replicas < 1 or not 0 < self.window_ms < math.inf:
            raise ValueError(
                f"Host: expected n_replicas >= 1 and window_ms > 0, got {self.n_replicas} and "
                f"{self.window_ms}."
            )


@dataclass
class Reinforcement:
    """What reinforces one decision: the environment's answer and the agent's own estimates.

    Every array has one row per replica.

    Not to be changed; a frozen dataclass takes four times as long to make, once per decision.

    Attributes
    ----------
    rewards : (R,) float
        0 for replicas that are not active.
    terminated, truncated : (R,) bool
    active : (R,) bool
        Replicas that took this decision; the others keep their state and get third factor 0.
    values : (R,) float, optional
        Critic activity of the window that led to the decision.
    features, next_features : (R, n_features) float, optional
        Encoder rates / maximal rate of the observation before and after the decision; after a
        truncation of the final observation, not of the one that the reset returned.
    stimuli : (R,) int, optional
        What was shown, from 0, for modulators that require it: the index of a Discrete observation.
    """

    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    active: np.ndarray
    values: np.ndarray | None = None
    features: np.ndarray | None = None
    next_features: np.ndarray | None = None
    stimuli: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for rewards that are not finite or arrays of unequal length."""
        shape = self.active.shape
        if not self.rewards.shape == self.terminated.shape == self.truncated.shape == shape:
            self._refuse_shapes(shape)
        if not all(map(math.isfinite, self.rewards.tolist())):  # a fifth of the time of `np.all`
            raise ValueError(f"Reinforcement.rewards must be finite, got {self.rewards}.")

    def _refuse_shapes(self, shape: tuple[int, ...]) -> None:
        for name in ("rewards", "terminated", "truncated"):
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f"Reinforcement.{name} must have one entry per replica {shape}, "
                    f"got {getattr(self, name).shape}."
                )


@dataclass
class ThirdFactor:
    """A scalar for every neuron that learns, but for populations with numbers of their own.

    Attributes
    ----------
    scalar : (R,) float
    vectors : mapping of population to (R, neurons) float
        The population "" is the network's output.
    delivers : (R,) bool, optional
        Replicas that hear it, for the others nothing happens; None: all that are active.
    """

    scalar: np.ndarray
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)
    delivers: np.ndarray | None = None

    def through(self, change: Callable[[np.ndarray], np.ndarray]) -> "ThirdFactor":
        """Return what `change` makes of rows (R, 1 + neurons): all that belongs to a replica."""
        parts = [self.scalar[:, None], *self.vectors.values()]
        rows = change(np.concatenate(parts, axis=1))
        ends = np.cumsum([part.shape[1] for part in parts])[:-1]
        scalar, *vectors = np.split(rows, ends, axis=1)
        own = dict(zip(self.vectors, vectors, strict=True))
        return ThirdFactor(scalar[:, 0], own, self.delivers)


class BoundModulator(ABC):
    """A modulator at work for R replicas; its arrays are its whole state."""

    #: Whether a truncated replica needs one more window, with the final observation, to end.
    needs_bootstrap: bool = False
    #: Whether what is expected of the next state counts; then truncation differs from termination.
    estimates_values: bool = False
    #: What all replicas have in common, in words; empty: nothing.
    shared: str = ""
    #: What it reads the `adjustable` fields from whenever it needs them; may be replaced at work.
    settings: "Modulator | None" = None

    def on_window(
        self, values: np.ndarray | None, active: np.ndarray
    ) -> np.ndarray | ThirdFactor | None:
        """Close the previous decision with what the critic did in the window just simulated.

        Parameters
        ----------
        values : (R,) float or None
            Critic activity of the window; only modulators that require "values" look at it.
        active : (R,) bool
            Replicas that ran the window.

        Returns
        -------
        (R,) array for all of `active`, a ThirdFactor, or None if nothing is to be delivered
        """
        return None

    @abstractmethod
    def on_outcome(self, reinforcement: Reinforcement) -> np.ndarray | ThirdFactor | None:
        """Return the third factor of the decision just taken, (R,) or a ThirdFactor, or None."""

    def value(self, values: np.ndarray | None, features: np.ndarray | None) -> np.ndarray | None:
        """Return what is expected of the present state, (R,), or None: nothing is estimated.

        Parameters
        ----------
        values, features : see `Reinforcement`
        """
        return None

    def reset(self, mask: np.ndarray) -> None:  # noqa: B027
        """Start an episode in the replicas of `mask` (R,) bool."""

    def state(self) -> dict[str, Any]:
        """Return a copy of every array, for checkpoints."""
        return {k: v.copy() for k, v in vars(self).items() if isinstance(v, np.ndarray)}

    def restore(self, state: dict[str, Any]) -> None:
        """Return to a `state`."""
        expected = {k for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        if set(state) != expected:
            raise KeyError(
                f"{type(self).__name__}.restore: expected {sorted(expected)}, got {sorted(state)}."
            )
        for name, value in state.items():
            setattr(self, name, np.array(value))


@dataclass(frozen=True)
class Modulator(ABC):
    """Base of every modulator's configuration.

    Parameters
    ----------
    normalise : str, default "none"
        What third factors are divided by, so that learning rates carry over between tasks. "rms":
        their own running root mean square. "returns": a running scale of returns. See
        docs/scales.md.
    tau_normalise_ms : float, default 300000.0
        Time constant of either, ms of simulated time, > 0.
    """

    normalise: str = field(default="none", kw_only=True)
    tau_normalise_ms: float = field(default=300_000.0, kw_only=True)

    #: Fields of `Reinforcement` (or "values" of ``on_window``) that the agent must supply.
    requires: ClassVar[tuple[str, ...]] = ()
    #: Whether it learns what to expect, so that a constant reward becomes a third factor of 0.
    predicts: ClassVar[bool] = False
    #: What computes the third factor, one of `COMPUTED_BY`.
    computed_by: ClassVar[str] = ""
    #: Fields that may change at work: what is bound reads them from its `settings`.
    adjustable: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        check_parameters(self)
        discount = getattr(self, "discount", 0.0)
        if not 0 <= discount <= 1:
            raise ValueError(f"{type(self).__name__}.discount must be in [0, 1], got {discount}.")
        check_choice(f"{type(self).__name__}.normalise", self.normalise, NORMALISATIONS)

    @property
    def return_discount(self) -> float:
        """Discount of the returns that it predicts; 0: it looks at single rewards."""
        return getattr(self, "discount", 0.0)

    @property
    def vectors(self) -> Mapping[str, int]:
        """Whose neurons it gives third factors of their own, and how many; "" is the output."""
        return {}

    @abstractmethod
    def bind(self, host: Host) -> BoundModulator:
        """Return the object that keeps the state of the host's replicas.

        Raises
        ------
        ValueError
            If the host lacks what the modulator needs.
        """


def where_active(values: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Return `values` with exact zeros for inactive replicas."""
    return values if all_of(active) else np.where(active, values, 0.0)
