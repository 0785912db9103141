"""The named experiments and the claim each makes; `run.py reproduce NAME` puts it to the test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = Mapping[str, NDArray[np.float64]]

#: Arms that every learning claim is held against; the first is the agent itself.
TRAINED, TWIN, SHUFFLED = "trained", "untrained twin", "shuffled third factor"
CONTROL_ARMS: dict[str, dict[str, Any]] = {
    TRAINED: {},
    TWIN: {"control": "frozen"},
    SHUFFLED: {"control": "shuffled"},
}


@dataclass(frozen=True)
class Bar:
    """One acceptance bar: its text and what must hold of the scores of the arms."""

    text: str
    holds: Callable[[Scores], bool]


@dataclass(frozen=True)
class Experiment:
    """An environment, an agent, seeds and a claim.

    Attributes
    ----------
    claim : str
        One sentence; `bars` make it precise.
    settings : dict
        Layer over the tuned settings of the environment.
    seed, n_seeds : int
        Reporting seeds seed to seed + n_seeds - 1; tuning used others (100 and above).
    score : {"metric", "length"}
        What is averaged over the last 100 episodes of each seed.
    arms : dict of str to dict
        Variants and the settings they change.
    """

    claim: str
    settings: dict[str, Any]
    bars: tuple[Bar, ...]
    seed: int = 0
    n_seeds: int = 5
    score: str = "metric"
    arms: Mapping[str, dict[str, Any]] = field(default_factory=lambda: CONTROL_ARMS)


OPEN_LOOP = 0.7555  # random {down, right} in GridWorld-v0, exact by policy evaluation


def at_least(arm: str, bar: float, seeds: int) -> Bar:
    """Return the bar that `seeds` seeds of an arm score `bar` or more."""
    return Bar(
        f"{arm}: at least {bar:g} on {seeds} seeds or more",
        lambda scores: int(np.sum(scores[arm] >= bar)) >= seeds,
    )


def at_most(arm: str, bar: float) -> Bar:
    """Return the bar that every seed of an arm scores `bar` or less."""
    return Bar(f"{arm}: at most {bar:g} on every seed", lambda s: bool(np.all(s[arm] <= bar)))


def halves(arm: str, other: str) -> Bar:
    """Return the bar that the arm's mean is at most half of the other's."""
    return Bar(
        f"{arm}: at most half of {other} (means over seeds)",
        lambda scores: float(np.mean(scores[arm])) <= 0.5 * float(np.mean(scores[other])),
    )


EXPERIMENTS: dict[str, Experiment] = {
    "gridworld_reinforce": Experiment(
        "Neuron-as-agent REINFORCE with a spiking critic nears the optimum (1.1207) in GridWorld.",
        {"env": "GridWorld-v0", "rule": "reinforce", "episodes": 1000},
        (at_least(TRAINED, 0.90, 4), at_most(TWIN, 0.1), at_most(SHUFFLED, 0.3)),
    ),
    "gridworld_rstdp-et": Experiment(
        "R-STDP with eligibility and TD error beats the open-loop agent (0.7555) in GridWorld.",
        {"env": "GridWorld-v0", "rule": "rstdp-et", "episodes": 1000},
        (at_least(TRAINED, OPEN_LOOP + 0.05, 4), at_most(TWIN, 0.1), at_most(SHUFFLED, 0.3)),
    ),
    "mountaincar_reinforce": Experiment(
        "Neuron-as-agent REINFORCE at least halves the steps to the goal of MountainCar.",
        {"env": "MountainCar-v0", "rule": "reinforce"},
        (halves(TRAINED, TWIN), Bar(
            "shuffled third factor: more steps than trained on every seed",
            lambda scores: bool(np.all(scores[SHUFFLED] > scores[TRAINED])),
        )),
        score="length",
    ),
}  # fmt: skip
