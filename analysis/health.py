"""The health of a run: which populations are ill, since when, and what may be tried.

`Judge` follows rows of health.csv as they are written, and as they are read from a run that lies on
disk: both say the same. Conditions and thresholds are `analysis.conditions`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.conditions import CONDITIONS, REGULAR, Condition, Course, HealthRow
from threefactor.analysis.plausibility import MIN_INTERVALS, interval_cv, windows_of
from threefactor.analysis.remedies import remedy
from threefactor.analysis.run_data import EventKind, Run


@dataclass(frozen=True)
class Anatomy:
    """The populations of an agent, as its description (`Agent.describe`, meta.json) has them.

    Attributes
    ----------
    sizes : dict of str to int
    input, output, critic : str
        Names of populations; "": there is none.
    modulators : tuple of str
        Those whose neurons make a third factor, maybe without a spike.
    """

    sizes: Mapping[str, int] = field(default_factory=dict)
    input: str = ""
    output: str = ""
    critic: str = ""
    modulators: tuple[str, ...] = ()

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> Self:
        """Return what a description says; of an agent that says nothing, no population."""
        network = description.get("network", {})
        return cls(
            network.get("populations", {}), description.get("regime", {}).get("input", ""),
            network.get("output", ""), network.get("critic") or "",
            tuple(network.get("modulators", ())),
        )  # fmt: skip

    def role(self, population: str) -> str:
        """Return input, output, critic, modulator or hidden; of what all share "agent"."""
        if population in self.modulators:
            return "modulator"
        roles = {self.critic: "critic", self.output: "output", self.input: "input", "": "agent"}
        return roles.get(population, "hidden")


@dataclass(frozen=True)
class Ailment:
    """A condition that holds of a population, in some of the replicas.

    Attributes
    ----------
    condition : Condition
    population : str
        "": of what all populations that learn have in common.
    replicas : tuple of int
    episodes : int
        For how long it has held, in the replica where it has held longest.
    value : float
        What was measured last, mean over replicas.
    remedy : str
        What to try, with options and their present values; "": nothing is known.
    """

    condition: Condition
    population: str
    replicas: tuple[int, ...]
    episodes: int
    value: float
    remedy: str

    def label(self, n_replicas: int) -> str:
        """Return it in a few words, for the progress line."""
        return self._fill(self.condition.label) + self._whose(n_replicas)

    def line(self, n_replicas: int) -> str:
        """Return it in a sentence: what, since when, what to try."""
        is_all = self.value >= 1 and self.condition.name in ("silent", "saturated")
        told = self.condition.label + " {lately}" if is_all else self.condition.text
        text = self._fill(told) + self._whose(n_replicas)
        return f"{text}: {self.remedy}" if self.remedy else text

    def _fill(self, text: str) -> str:
        n = self.episodes
        lately = "in the last episode" if n == 1 else f"in the last {n} episodes"
        share = f"{self.value:.0%}"
        return text.format(who=self.population, value=self.value, share=share, lately=lately)

    def _whose(self, n_replicas: int) -> str:
        if n_replicas == 1:
            return ""
        return f" ({len(self.replicas)} of {n_replicas} replicas)"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "condition": self.condition.name, "population": self.population,
            "replicas": list(self.replicas), "episodes": self.episodes, "value": self.value,
            "remedy": self.remedy,
        }  # fmt: skip


class Judge:
    """Says of every row whether somebody has fallen ill.

    Parameters
    ----------
    anatomy : Anatomy
    config : dict
        Of the run, as plain data.
    """

    def __init__(self, anatomy: Anatomy, config: Mapping[str, Any]) -> None:
        self._anatomy, self._config = anatomy, config
        self._episodes = int(config.get("episodes", 1))
        self._lasting = {name: c.lasting(self._episodes) for name, c in CONDITIONS.items()}
        self._courses: dict[tuple[int, str], Course] = {}
        self._speakers: dict[int, str] = {}  # whose third factor stands for that of the agent
        self._ill: dict[tuple[str, str], dict[int, tuple[int, float, int]]] = {}

    def add(self, row: HealthRow) -> bool:
        """Take a row into account; return whether somebody has fallen ill or recovered."""
        key = (row.replica, row.population)
        course = self._courses.get(key)
        if course is None:
            size = self._anatomy.sizes.get(row.population, 0)
            course = self._courses[key] = Course(size)
        course.follow(row)
        begin, has_changed = course.episode + 1, False
        course.episode = row.episode
        for name, condition in CONDITIONS.items():
            if not self._concerns(condition, row):
                continue
            value = condition.measure(row, course)
            if value != value:  # NaN: nothing can be said
                continue
            if value >= condition.limit:
                since = course.since.setdefault(name, begin)
            else:
                course.since.pop(name, None)
                since = row.episode + 1
            has_changed |= self._note(condition, row, since, value)
        return has_changed

    def _concerns(self, condition: Condition, row: HealthRow) -> bool:
        """Return whether a condition is judged by this population."""
        match condition.whose:
            case "input":
                return row.population == self._anatomy.input
            case "others":
                return row.population != self._anatomy.input
            case "choosing":
                return self._anatomy.role(row.population) in ("output", "hidden")
            case "agent":
                if row.third_factor_low == row.third_factor_low:  # no NaN
                    self._speakers.setdefault(row.replica, row.population)
                return self._speakers.get(row.replica) == row.population
        return True

    def _note(self, condition: Condition, row: HealthRow, since: int, value: float) -> bool:
        """Note that a condition has held since an episode; return whether that is news."""
        key = (condition.name, "" if condition.whose == "agent" else row.population)
        was_ill = row.replica in self._ill.get(key, ())
        lasts = row.episode - since + 1
        if lasts >= self._lasting[condition.name]:
            self._ill.setdefault(key, {})[row.replica] = (lasts, value, since)
            return not was_ill
        if was_ill:
            del self._ill[key][row.replica]
        return was_ill

    def ailments(self) -> tuple[Ailment, ...]:
        """Return who is ill at present, in the order of the table."""
        found = []
        for (name, population), replicas in self._ill.items():
            if not replicas:
                continue
            lasts, values, sinces = zip(*replicas.values(), strict=True)
            role, is_late = self._anatomy.role(population), min(sinces) > 1
            tried = remedy(name, role, self._config, is_late)
            found.append(
                Ailment(
                    CONDITIONS[name], population, tuple(sorted(replicas)), max(lasts),
                    float(np.mean(values)), tried,
                )
            )  # fmt: skip
        order = list(CONDITIONS)
        return tuple(sorted(found, key=lambda ailment: order.index(ailment.condition.name)))


@dataclass(frozen=True)
class Health:
    """The health of a run.

    Attributes
    ----------
    ailments : tuple of Ailment
        At the run's end, or at present.
    interval_cv : dict of str to dict of int to float
        Population -> recorded episode of replica 0 -> coefficient of variation of intervals within
        decisions, of neurons that spike twice or more in one.
    columns : dict of str to array
        health.csv: one row for each replica, population and episode (or several short ones).
    n_replicas : int
    """

    ailments: tuple[Ailment, ...]
    interval_cv: Mapping[str, Mapping[int, float]]
    columns: Mapping[str, NDArray[Any]]
    n_replicas: int

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not self.ailments

    def lines(self) -> list[str]:
        """Return a line for each ailment."""
        return [f"health: {ailment.line(self.n_replicas)}" for ailment in self.ailments]

    def to_dict(self) -> dict[str, Any]:
        """Return what is wrong, in sentences and as data, and intervals, for summary.json."""
        return {
            "lines": self.lines(),
            "ailments": [ailment.to_dict() for ailment in self.ailments],
            "interval_cv": {
                name: {str(neuron): cv for neuron, cv in cvs.items()}
                for name, cvs in self.interval_cv.items()
            },
        }


def measure_health(run: Run) -> Health:
    """Return the health of a run that has ended, or of one so far."""
    anatomy, columns = Anatomy.of(run.meta), run.health
    judge = Judge(anatomy, run.config)
    for row in rows_of(columns):
        judge.add(row)
    cvs = interval_cvs(run)
    regular = [
        Ailment(
            REGULAR, name, (0,), 1, cv, remedy("regular", anatomy.role(name), run.config, False)
        )
        for name, by_episode in cvs.items()
        for cv in list(by_episode.values())[-1:]
        if name != anatomy.input and cv <= REGULAR.limit
    ]
    n_replicas = int(run.config.get("replicas", 1))
    return Health((*judge.ailments(), *regular), cvs, columns, n_replicas)


def rows_of(columns: Mapping[str, NDArray[Any]]) -> Iterator[HealthRow]:
    """Yield the rows of the columns of health.csv."""
    yield from map(HealthRow, *(values.tolist() for values in columns.values()))


def interval_cvs(run: Run) -> dict[str, dict[int, float]]:
    """Return population -> recorded episode -> CV of intervals, where there are enough of them."""
    regime = run.meta.get("regime")
    if not regime or not run.segments:
        return {}
    events = run.events.select(replica=0)
    starts_ms = events.select(EventKind.DECISION).time_ms - regime["decision_ms"]
    ends = events.select(EventKind.EPISODE_END)
    if not starts_ms.size:
        return {}
    timestep_ms = regime["timestep_ms"]
    n_steps = round(regime["decision_ms"] / timestep_ms)
    found: dict[str, dict[int, float]] = {}
    for name in run.populations:
        train = run.spikes(name)
        window = windows_of(train, starts_ms, regime)
        step = np.rint(train.time_ms / timestep_ms).astype(int)
        begin_ms = -np.inf
        for end_ms, number in zip(ends.time_ms, ends.value, strict=True):
            own = (window >= 0) & (train.time_ms >= begin_ms) & (train.time_ms < end_ms)
            cv, count = interval_cv(step[own], train.neuron[own], window[own], n_steps)
            if count >= MIN_INTERVALS:
                found.setdefault(name, {})[int(number)] = cv
            begin_ms = end_ms
    return found


def labels(ailments: Iterable[Ailment], n_replicas: int) -> tuple[str, ...]:
    """Return ailments in a few words each."""
    return tuple(ailment.label(n_replicas) for ailment in ailments)
