"""TD error from a linear critic outside the network."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from threefactor.rules.modulators.contract import (
    BoundModulator,
    Host,
    Modulator,
    Reinforcement,
    where_active,
)
from threefactor.search_range import searched


@dataclass(frozen=True)
class LinearTemporalDifference(Modulator):
    """TD error from a linear critic over the encoder's features, which learns by TD(lambda).

    Equations
    ---------
    V(x) = weights . x
    third_factor = reward + discount*V(next_features)*(not terminated) - V(features)
    trace <- discount*trace_decay*trace + features
    weights <- weights + learning_rate*third_factor*trace / max(1, features . features)

    Parameters
    ----------
    discount : float, default 0.95
        gamma, per decision, 0 to 1.
    trace_decay : float, default 0.8
        lambda of TD(lambda), 0 to 1.
    learning_rate : float, default 0.1
        Step of the critic, 0 to 1.
    initial_value : float, default 0.0
        Weight that every feature starts with: the value of a state with one active feature.

    State
    -----
    weights : (R, n_features), kept over episodes
    trace : (R, n_features), zeroed at episode start

    Limits
    ------
    The critic is a table or a linear function, not a network of neurons. Bootstraps on truncation.

    Source
    ------
    Sutton & Barto 2018, eqs 12.5-12.7; the division by the squared length of dense features is ours
    (one-hot features are not affected).
    """

    requires: ClassVar[tuple[str, ...]] = ("features", "next_features")
    predicts: ClassVar[bool] = True
    computed_by: ClassVar[str] = "outside"
    adjustable: ClassVar[tuple[str, ...]] = ("discount", "trace_decay", "learning_rate")

    discount: float = searched(0.95, 0.9, 0.999)
    trace_decay: float = searched(0.8, 0.0, 0.95)
    learning_rate: float = searched(0.1, 0.01, 0.5, is_log=True)
    initial_value: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        if not 0 <= self.learning_rate <= 1:
            raise ValueError(
                f"LinearTemporalDifference.learning_rate must be in [0, 1], "
                f"got {self.learning_rate}."
            )

    def bind(self, host: Host) -> "BoundLinearTemporalDifference":
        """Return the modulator at work."""
        return BoundLinearTemporalDifference(self, host.n_replicas)


class BoundLinearTemporalDifference(BoundModulator):
    """`LinearTemporalDifference` at work; the number of features is that of the first outcome."""

    settings: LinearTemporalDifference
    estimates_values = True

    def __init__(self, config: LinearTemporalDifference, n_replicas: int) -> None:
        self.settings = config
        self.weights = np.zeros((n_replicas, 0))
        self.trace = np.zeros((n_replicas, 0))

    def value(self, values: np.ndarray | None, features: np.ndarray | None) -> np.ndarray:
        """Return weights . features."""
        if features is None:
            raise ValueError("LinearTemporalDifference needs the encoder's features, got None.")
        self._size(features)
        return np.einsum("rf,rf->r", self.weights, features)

    def on_outcome(self, reinforcement: Reinforcement) -> np.ndarray:
        """Return the TD error and learn from it."""
        if reinforcement.features is None or reinforcement.next_features is None:
            raise ValueError(
                "LinearTemporalDifference needs Reinforcement.features and next_features, got None."
            )
        active = np.asarray(reinforcement.active, bool)
        features = np.where(active[:, None], reinforcement.features, 0.0)
        next_features = np.where(active[:, None], reinforcement.next_features, 0.0)
        bootstrap = np.where(reinforcement.terminated, 0.0, self.settings.discount)
        error = np.where(active, reinforcement.rewards, 0.0) + bootstrap * self.value(
            None, next_features
        )
        error = where_active(error - self.value(None, features), active)
        decay = self.settings.discount * self.settings.trace_decay
        self.trace = np.where(active[:, None], decay * self.trace + features, self.trace)
        length = np.maximum(1.0, np.einsum("rf,rf->r", features, features))
        step = self.settings.learning_rate * error / length
        self.weights = self.weights + step[:, None] * self.trace
        return error

    def reset(self, mask: np.ndarray) -> None:
        """Zero the trace of the replicas that start an episode."""
        self.trace[np.asarray(mask, bool)] = 0.0

    def _size(self, features: np.ndarray) -> None:
        if self.weights.shape[1] == 0:
            self.weights = np.full(np.shape(features), float(self.settings.initial_value))
            self.trace = np.zeros(np.shape(features))
        if np.shape(features) != self.weights.shape:
            raise ValueError(
                f"LinearTemporalDifference: features must be {self.weights.shape}, "
                f"got {np.shape(features)}."
            )
