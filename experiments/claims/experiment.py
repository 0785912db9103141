"""What a named experiment is: a claim, arms that must differ, seeds, and bars that decide."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Scores = Mapping[str, NDArray[np.float64]]

TRAINED, TWIN, SHUFFLED = "trained", "untrained twin", "shuffled third factor"


@dataclass(frozen=True)
class Bar:
    """One acceptance bar: its text and what must hold of the scores of the arms."""

    text: str
    holds: Callable[[Scores], bool]


@dataclass(frozen=True)
class ArmRequest:
    """One arm to run.

    Attributes
    ----------
    arm : str
    folder : Path
        Of this arm; whatever is written there lets a later call resume.
    seeds : tuple of int
        One replica each.
    budget : float
        Share of the full length, > 0; the smoke tests use tiny ones.
    engine : str
    say : callable
        Receives progress lines.
    """

    arm: str
    folder: Path
    seeds: tuple[int, ...]
    budget: float
    engine: str
    say: Callable[[str], None]


@dataclass(frozen=True)
class Experiment:
    """A claim and how it is put to the test.

    Attributes
    ----------
    claim : str
        One sentence; `bars` make it precise.
    run_arm : callable
        ArmRequest -> one score for each seed, (n_seeds,).
    score : str
        What a score is, with its unit.
    bars : tuple of Bar
    arms : tuple of str
        The first is the agent itself, the others are its controls.
    published : str
        What the source reports, for the table; empty where it reports no number.
    draw : callable or None
        (folder of the experiment, path stem) -> figure paths, drawn from what the arms wrote.
    seed, n_seeds : int
        Reporting seeds seed to seed + n_seeds - 1; tuning used others (100 and above).
    """

    claim: str
    run_arm: Callable[[ArmRequest], NDArray[np.float64]]
    score: str
    bars: tuple[Bar, ...]
    arms: tuple[str, ...] = (TRAINED, TWIN, SHUFFLED)
    published: str = ""
    draw: Callable[[Path, Path], list[Path]] | None = None
    seed: int = 0
    n_seeds: int = 5


def arm_folder(folder: Path, arm: str) -> Path:
    """Return where an arm of an experiment lies."""
    return folder / arm.replace(" ", "-")


def at_least(arm: str, bar: float, seeds: int) -> Bar:
    """Return the bar that `seeds` seeds of an arm score `bar` or more."""
    return Bar(
        f"{arm}: at least {bar:g} on {seeds} seeds or more",
        lambda scores: int(np.sum(scores[arm] >= bar)) >= seeds,
    )


def at_most(arm: str, bar: float, exceptions: int = 0) -> Bar:
    """Return the bar that every seed of an arm, but for `exceptions`, scores `bar` or less."""
    count = "every seed" if not exceptions else f"all but {exceptions} seed(s)"
    return Bar(
        f"{arm}: at most {bar:g} on {count}",
        lambda scores: int(np.sum(scores[arm] > bar)) <= exceptions,
    )


def halves(arm: str, other: str) -> Bar:
    """Return the bar that the arm's mean is at most half of the other's."""
    return Bar(
        f"{arm}: at most half of {other} (means over seeds)",
        lambda scores: float(np.mean(scores[arm])) <= 0.5 * float(np.mean(scores[other])),
    )


def below(arm: str, other: str) -> Bar:
    """Return the bar that each seed of `arm` scores less than the same seed of `other`."""
    return Bar(
        f"{arm}: less than {other} on every seed",
        lambda scores: bool(np.all(scores[arm] < scores[other])),
    )
