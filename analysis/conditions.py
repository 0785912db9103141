"""What is unhealthy in a run: every condition with its threshold, why, and for how long it lasts.

This module is the one place of these numbers, and loads nothing: options are checked against it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

#: Rate below which a neuron is silent, Hz, and share of such neurons from which a population is.
SILENT_HZ, SILENT_SHARE = 2.0, 0.75
#: Rate from which a neuron with a membrane is saturated, Hz, and share of the timesteps in which a
#: unit without one fires (`NeuronModel.has_membrane`).
SATURATED_HZ, SATURATED_STEPS = 250.0, 0.5
#: Share of saturated neurons from which a population is.
SATURATED_SHARE = 0.5
#: Share of the weights that a population learns by which are at their bounds.
BOUNDS_SHARE = 0.9
#: Share of the inputs that have never fired, once so many decisions have passed for each input.
DEAD_SHARE, DECISIONS_PER_INPUT = 0.75, 3
#: Range of a third factor, relative to the largest one so far, up to which it is constant.
FLAT = 1e-6
#: Coefficient of variation of intervals up to which neurons tick like a clock.
CLOCK_CV = 0.2
#: Episodes for which a condition lasts before it is told; in shorter runs all of them.
LASTING = 20
#: The same of a third factor of 0: rewards may be rare.
LASTING_WITHOUT_REWARD = 500

#: What stops a run at any condition (`--stop-when`).
ANY = "unhealthy"


@dataclass(frozen=True)
class HealthRow:
    """One row of health.csv: a population of a replica, in the decisions since the row before.

    Shares are those of its neurons or weights; NaN (an empty field) is what it does not have.

    Attributes
    ----------
    replica, episode : int
        The row is written at this episode's end.
    decisions : int
        Since the row before: those of this episode, or of several short ones.
    population : str
    rate_hz : float
        Mean over neurons.
    silent, saturated, never_fired : float
        Neurons below `SILENT_HZ`, above their ceiling, without a spike since the run began.
    at_bounds : float
        Weights that it learns by which have come to within 1 % of a bound.
    third_factor_low, third_factor_high : float
        The lowest and the highest that it heard.
    not_finite : int
        Weights and third factors that are no numbers.
    """

    replica: int
    episode: int
    decisions: int
    population: str
    rate_hz: float
    silent: float
    saturated: float
    never_fired: float
    at_bounds: float
    third_factor_low: float
    third_factor_high: float
    not_finite: int


#: Column of health.csv -> int, float or str.
HEALTH_COLUMNS: dict[str, Any] = {field.name: field.type for field in fields(HealthRow)}


@dataclass
class Course:
    """How a population of a replica has done so far, row by row.

    Attributes
    ----------
    size : int
        Its neurons.
    episode, decisions : int
        Up to the last row.
    largest : float
        The largest third factor so far, without its sign.
    low, high : float
        Range of the third factor for as long as it has been constant.
    since : dict of str to int
        Condition -> the episode from which on it has held without a break.
    """

    size: int
    episode: int = 0
    decisions: int = 0
    largest: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    since: dict[str, int] = field(default_factory=dict)

    def follow(self, row: HealthRow) -> None:
        """Take a row into account, before any condition is measured."""
        self.decisions += row.decisions
        if math.isnan(row.third_factor_low):
            return
        height = max(abs(row.third_factor_low), abs(row.third_factor_high))
        self.largest = max(self.largest, height)
        low, high = min(self.low, row.third_factor_low), max(self.high, row.third_factor_high)
        if high - low > FLAT * self.largest:  # what was constant has moved
            low, high = row.third_factor_low, row.third_factor_high
            self.since.pop("constant-third-factor", None)
        self.low, self.high = low, high


@dataclass(frozen=True, repr=False)
class Condition:
    """Something unhealthy.

    Attributes
    ----------
    name : str
        As `--stop-when` takes it.
    whose : {"input", "choosing", "others", "all", "agent"}
        The populations that are judged; "choosing": all but input, critic and modulators; "agent":
        what all that learn have in common.
    measure : callable
        Row and course -> a number, NaN where nothing can be said.
    limit : float
        From which on the number is unhealthy (of `REGULAR`: down to which).
    episodes : int
        For so long it lasts before it is told.
    label, text : str
        In two words and in a clause; {who} is the population, {value} the number, {share} in %,
        {lately} since when.
    asked, why, source : str
        The threshold in words, the reason for it, and where that comes from; "": a convention.
    """

    name: str
    whose: str
    measure: Callable[[HealthRow, Course], float]
    limit: float
    episodes: int
    label: str
    text: str
    asked: str
    why: str
    source: str = ""

    def __repr__(self) -> str:
        return f"Condition({self.name!r})"

    def lasting(self, episodes: int) -> int:
        """Return for how many episodes it lasts before it is told, in a run of so many."""
        return self.episodes if self.episodes > LASTING else min(self.episodes, episodes)


def _never_fired(row: HealthRow, course: Course) -> float:
    is_early = course.decisions < DECISIONS_PER_INPUT * course.size
    return math.nan if is_early else row.never_fired


def _is_constant(row: HealthRow, course: Course) -> float:
    """Return 1 if the third factor has been the same, and not 0, in the row and maybe before."""
    if math.isnan(row.third_factor_low):
        return math.nan
    is_flat = course.high - course.low <= FLAT * course.largest
    return float(is_flat and not _is_zero(row, course))


def _is_zero(row: HealthRow, course: Course) -> float:
    """Return 1 if the third factor is 0 beside the largest so far."""
    if math.isnan(row.third_factor_low):
        return math.nan
    return float(max(-row.third_factor_low, row.third_factor_high) <= FLAT * course.largest)


CONDITIONS: dict[str, Condition] = {
    condition.name: condition
    for condition in (
        Condition(
            name="silent", whose="choosing", measure=lambda row, course: row.silent,
            limit=SILENT_SHARE, episodes=LASTING,
            label="{who} silent", text="{share} of the neurons of {who} silent {lately}",
            asked=f"{SILENT_SHARE:.0%} of the neurons below {SILENT_HZ:g} Hz",
            why="rules and decoders need spikes, and more than the membrane's noise makes without "
            "input (escape-lif: 0.9 Hz); of a critic silence is a value",
        ),
        Condition(
            name="silent-input", whose="input", measure=lambda row, course: float(row.rate_hz <= 0),
            limit=1.0, episodes=LASTING,
            label="{who} silent", text="{who} silent {lately}",
            asked="no spike of any input",
            why="nothing of what the environment shows reaches the network",
        ),
        Condition(
            name="saturated", whose="others", measure=lambda row, course: row.saturated,
            limit=SATURATED_SHARE, episodes=LASTING,
            label="{who} saturated", text="{share} of the neurons of {who} saturated {lately}",
            asked=f"{SATURATED_SHARE:.0%} of the neurons above {SATURATED_HZ:g} Hz; of units "
            f"without a membrane: with a spike in {SATURATED_STEPS:.0%} of the timesteps",
            why="near its ceiling a rate no longer follows the input; regular-spiking cortical "
            "cells do not sustain so much",
            source="McCormick et al. 1985, J. Neurophysiol. 54:782",
        ),
        Condition(
            name="weights-at-bounds", whose="all", measure=lambda row, course: row.at_bounds,
            limit=BOUNDS_SHARE, episodes=LASTING,
            label="weights onto {who} at bounds",
            text="{share} of the weights onto {who} at their bounds {lately}",
            asked=f"{BOUNDS_SHARE:.0%} of the learning weights have come to within 1 % of a bound",
            why="additive STDP parts weights between both bounds, which is learning; where nearly "
            "all are there, few are left that can follow the third factor both ways",
            source="Song, Miller & Abbott 2000, Nat. Neurosci. 3:919",
        ),
        Condition(
            name="dead-inputs", whose="input", measure=_never_fired,
            limit=DEAD_SHARE, episodes=LASTING,
            label="dead inputs", text="{share} of the neurons of {who} have never fired",
            asked=f"{DEAD_SHARE:.0%} of the inputs, after {DECISIONS_PER_INPUT} decisions for each",
            why="the task does not go where they would fire, and too few are left to tell its "
            "states apart; two thirds are usual where few of the states that a space allows occur",
        ),
        Condition(
            name="constant-third-factor", whose="agent", measure=_is_constant,
            limit=1.0, episodes=LASTING,
            label="third factor constant", text="third factor constant, and not 0, {lately}",
            asked=f"a range of at most {FLAT:g} of the largest so far",
            why="reward enters learning by its covariance with activity: what never varies says "
            "nothing of what was done",
            source="Fremaux & Gerstner 2016, Front. Neural Circuits 9:85",
        ),
        Condition(
            name="no-third-factor", whose="agent", measure=_is_zero,
            limit=1.0, episodes=LASTING_WITHOUT_REWARD,
            label="third factor 0", text="third factor 0 {lately}",
            asked=f"at most {FLAT:g} of the largest so far",
            why="no reward comes, or all of it is expected; rewards may be rare: this waits longer",
            source="Fremaux & Gerstner 2016, Front. Neural Circuits 9:85",
        ),
        Condition(
            name="not-finite", whose="all", measure=lambda row, course: float(row.not_finite),
            limit=1.0, episodes=1,
            label="{who}: NaN",
            text="{value:g} weights or third factors of {who} infinite or NaN",
            asked="a single one",
            why="nothing can be learned from what is no number; at NaN in a state variable the "
            "engine ends the run",
        ),
    )
}  # fmt: skip

#: The condition that is judged by recorded spikes, when the run has ended; it stops no run.
REGULAR = Condition(
    name="regular", whose="others", measure=lambda row, course: math.nan,
    limit=CLOCK_CV, episodes=1,
    label="{who} regular", text="{who} fires like a clock (CV of intervals {value:.2f})",
    asked=f"a coefficient of variation of intervals of at most {CLOCK_CV:g}, in the last recorded "
    "episode",
    why="rules that explore by noise need it; intervals of cortical cells vary about as those of a "
    "Poisson process, CV 1",
    source="Softky & Koch 1993, J. Neurosci. 13:334",
)  # fmt: skip
