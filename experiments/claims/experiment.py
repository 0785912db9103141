"""What a named experiment is: a claim, arms that must differ, seeds, and bars that decide."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from threefactor.models.network import Network
from threefactor.models.specification import NetworkSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Scores = Mapping[str, NDArray[np.float64]]

TRAINED, TWIN, SHUFFLED = "trained", "untrained twin", "shuffled third factor"
PERMUTED, RANDOM = "permuted eligibility", "random agent"
#: Of agents that are trained by gradients: no gradient passes a spike, so readouts alone learn.
ZERO = "zero gradient"
#: No control: what rectified units reach in place of spiking neurons, all else equal.
ORDINARY = "ordinary network"
#: Between the noise seeds of training and those of the test of what was learned.
TEST_NOISE = 10_000


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
    workers : int
        Processes that share the seeds.
    """

    arm: str
    folder: Path
    seeds: tuple[int, ...]
    budget: float
    engine: str
    say: Callable[[str], None]
    workers: int = 1

    def alone(self, seed: int) -> "ArmRequest":
        """Return the request of one of the seeds, with a folder of its own in the arm's."""
        return replace(self, seeds=(seed,), folder=self.folder / f"seed-{seed}")

    def open_network(self, spec: NetworkSpec, is_learning: bool = True) -> Network:
        """Return the arm's network, a replica for each seed."""
        return Network(spec, self.seeds, self.seeds, self.engine, is_learning, self.say)

    def open_test(self, spec: NetworkSpec) -> Network:
        """Return the arm's network without learning, and with noise that training never saw."""
        noise = [seed + TEST_NOISE for seed in self.seeds]
        return Network(spec, noise, self.seeds, self.engine, False, self.say)


@dataclass(frozen=True)
class ArmResult:
    """What an arm found.

    Attributes
    ----------
    scores : (n_seeds,)
    arrays : dict of arrays, or None
        What figures and other arms need; `reproduce` keeps it. None: the arm keeps its data itself.
    """

    scores: NDArray[np.float64]
    arrays: dict[str, NDArray] | None = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """A claim and how it is put to the test.

    Attributes
    ----------
    claim : str
        One sentence; `bars` make it precise.
    run_arm : callable
        ArmRequest -> ArmResult.
    score : str
        What a score is, with its unit.
    bars : tuple of Bar
    arms : tuple of str
        The first is the agent itself, the others are its controls.
    published : str
        What the source reports, for the table; empty where it reports no number.
    draw : callable or None
        Folder of the experiment -> figure, drawn from what the arms wrote.
    describe : callable or None
        Folder of the experiment -> what else is to be known of the agent, by name: rates, speed.
    measure : callable or None
        Folder of the experiment -> numbers of the agent by name, which tables and figures of
        several experiments are made of.
    seed, n_seeds : int
        Reporting seeds seed to seed + n_seeds - 1; tuning used others (100 and above).
    takes_workers : bool
        Whether processes can share the seeds.
    settings : mapping or None
        Of the run that is trained; None: it trains no agent in an environment.
    needs : callable or None
        Raises ImportError where a package that the arms need is missing.
    """

    claim: str
    run_arm: Callable[[ArmRequest], ArmResult]
    score: str
    bars: tuple[Bar, ...]
    arms: tuple[str, ...] = (TRAINED, TWIN, SHUFFLED)
    published: str = ""
    draw: "Callable[[Path], Figure] | None" = None
    describe: Callable[[Path], dict[str, str]] | None = None
    measure: Callable[[Path], dict[str, Any]] | None = None
    seed: int = 0
    n_seeds: int = 10
    takes_workers: bool = False
    settings: Mapping[str, Any] | None = None
    needs: Callable[[], object] | None = None


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


def share_above(arm: str, bar: float, low: float, high: float = 1.0) -> Bar:
    """Return the bar that the share of seeds scoring more than `bar` is from `low` to `high`."""
    limits = [f"at least {low:.0%}"] * (low > 0) + [f"at most {high:.0%}"] * (high < 1)
    return Bar(
        f"{arm}: above {bar:g} on {' and '.join(limits)} of the seeds",
        lambda scores: low <= float(np.mean(scores[arm] > bar)) <= high,
    )
