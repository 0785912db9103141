"""A scalar modulator sent to every neuron through weights of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from threefactor.naming import check_choice
from threefactor.rules.modulators.contract import (
    BoundModulator,
    Host,
    Modulator,
    Reinforcement,
    ThirdFactor,
)
from threefactor.rules.modulators.normalisation import bind_normalised
from threefactor.rules.streams import named_generator


@dataclass(frozen=True)
class Feedback(Modulator):
    """Feedback weights: a scalar modulator times one fixed number per neuron of a population.

    Equations
    ---------
    third_factor_j = weights_j*scalar in the population, scalar everywhere else (critic, hidden)

    Parameters
    ----------
    wraps : str, default "reward-baseline"
        Registry name of the scalar modulator.
    options : mapping of str to value, default empty
        Its fields.
    n_post : int, default 1
        Number of neurons of the population, >= 1; ignored if weights are given.
    weights : tuple of float, default ()
        One number per neuron; empty: drawn from N(0, 1), the same for all replicas.
    seed : int, default 0
        Seed of the drawn weights.
    population : str, default ""
        Whose neurons have feedback weights; empty: the output's.

    State
    -----
    that of the scalar modulator

    Limits
    ------
    One vector for one population; it does not learn.

    Source
    ------
    Lillicrap et al. 2016, Nat. Commun. 7:13276 (random feedback); signs per population as in lane
    keeping robots (Bing et al. 2018).
    """

    wraps: str = "reward-baseline"
    options: Mapping[str, Any] = field(default_factory=dict)
    n_post: int = 1
    weights: tuple[float, ...] = ()
    seed: int = 0
    population: str = ""

    def __post_init__(self) -> None:
        """Check sizes and the wrapped modulator; tuples may come back from JSON as lists."""
        super().__post_init__()
        object.__setattr__(self, "weights", tuple(float(weight) for weight in self.weights))
        if not np.all(np.isfinite(self.weights)):
            raise ValueError(f"Feedback.weights must be finite, got {self.weights}.")
        if self.seed < 0:
            raise ValueError(f"Feedback.seed must be >= 0, got {self.seed}.")
        if self.n_post < 1:
            raise ValueError(f"Feedback.n_post must be >= 1, got {self.n_post}.")
        if self.wraps == "feedback":
            raise ValueError("Feedback.wraps must name a scalar modulator, got 'feedback'.")
        if self._scalar().vectors:
            raise ValueError(
                f"Feedback.wraps must name a scalar modulator, and {self.wraps!r} gives neurons "
                "third factors of their own."
            )

    def _scalar(self) -> Modulator:
        from threefactor.rules.modulators import MODULATORS  # the table needs this class first

        check_choice("modulator", self.wraps, MODULATORS)
        try:
            return MODULATORS[self.wraps](**self.options)
        except TypeError as error:
            raise ValueError(f"Feedback.options do not fit {self.wraps!r}: {error}.") from None

    @property
    def requires(self) -> tuple[str, ...]:  # type: ignore[override]
        """What the wrapped modulator requires."""
        return self._scalar().requires

    @property
    def predicts(self) -> bool:  # type: ignore[override]
        """Whether the wrapped modulator learns what to expect."""
        return self._scalar().predicts

    @property
    def computed_by(self) -> str:  # type: ignore[override]
        """What computes the wrapped modulator."""
        return self._scalar().computed_by

    @property
    def return_discount(self) -> float:
        """That of the wrapped modulator."""
        return self._scalar().return_discount

    @property
    def vectors(self) -> Mapping[str, int]:
        """One population, and a weight for each of its neurons."""
        return {self.population: len(self.weights) or self.n_post}

    def bind(self, host: Host) -> "BoundFeedback":
        """Return the modulator at work."""
        drawn = named_generator(self.seed, "feedback").standard_normal(self.n_post)
        weights = np.array(self.weights) if self.weights else drawn
        return BoundFeedback(bind_normalised(self._scalar(), host), self.population, weights)


class BoundFeedback(BoundModulator):
    """`Feedback` at work: the wrapped modulator's answers, spread over the neurons."""

    def __init__(self, scalar: BoundModulator, population: str, weights: np.ndarray) -> None:
        self._scalar, self._population, self._weights = scalar, population, weights
        self.needs_bootstrap = scalar.needs_bootstrap
        self.estimates_values = scalar.estimates_values

    def on_window(self, values: np.ndarray | None, active: np.ndarray) -> ThirdFactor | None:
        """Spread the wrapped modulator's answer."""
        return self._spread(self._scalar.on_window(values, active))

    def on_outcome(self, reinforcement: Reinforcement) -> ThirdFactor | None:
        """Spread the wrapped modulator's answer."""
        return self._spread(self._scalar.on_outcome(reinforcement))

    def value(self, values: np.ndarray | None, features: np.ndarray | None) -> np.ndarray | None:
        """Return the wrapped modulator's estimate."""
        return self._scalar.value(values, features)

    def _spread(self, given: np.ndarray | ThirdFactor | None) -> ThirdFactor | None:
        if given is None:
            return None
        scalar = given if isinstance(given, ThirdFactor) else ThirdFactor(given)
        vector = scalar.scalar[:, None] * self._weights[None, :]
        return replace(scalar, vectors={self._population: vector})

    def reset(self, mask: np.ndarray) -> None:
        """Start an episode of the wrapped modulator."""
        self._scalar.reset(mask)

    def state(self) -> dict[str, Any]:
        """Return the wrapped modulator's state."""
        return self._scalar.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the wrapped modulator's state."""
        self._scalar.restore(state)
