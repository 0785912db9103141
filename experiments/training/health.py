"""The health of a run as it goes: rows for health.csv, a word to the user, a stop if asked for."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from threefactor.agents.contract import Vitals
from threefactor.analysis.conditions import (
    ANY,
    SATURATED_HZ,
    SATURATED_STEPS,
    SILENT_HZ,
    HealthRow,
)
from threefactor.analysis.health import Ailment, Anatomy, Judge, labels, rows_of
from threefactor.analysis.run_data import Run
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.progress import Say
from threefactor.experiments.training.run_directory import RunDirectory
from threefactor.experiments.training.tally import Episode

#: A row is written when an episode ends and so many decisions have passed since the row before:
#: looking at a replica costs as much as one decision, however short its episodes are.
ROW_DECISIONS = 100
#: How a line about who has fallen ill begins.
MARK = "unhealthy: "


class HealthWatch(Observer):
    """Observer that judges every population when an episode ends, and says who falls ill.

    Parameters
    ----------
    directory : RunDirectory
        Receives the rows of health.csv; what it has of them is where a resumed run goes on.
    description : dict
        `Agent.describe`.
    config : dict
        Of the run, as plain data.
    say : callable
        Receives a line for every ailment that begins.
    """

    def __init__(
        self,
        directory: RunDirectory,
        description: Mapping[str, Any],
        config: Mapping[str, Any],
        say: Say,
    ) -> None:
        self._directory, self._say = directory, say
        self._judge = Judge(Anatomy.of(description), config)
        self._stop_when: Sequence[str] = config["stop_when"]
        self._replicas = int(config["replicas"])
        regime = description.get("regime", {})
        self._without_membrane = set(regime.get("without_membrane", ()))
        self._unit_ceiling_hz = SATURATED_STEPS * 1e3 / config["timestep_ms"]
        self._told: set[tuple[str, str]] = set()

    def began(self, loop: ClosedLoop) -> None:
        """Take up what was written before a resume; who was ill then stops nothing now."""
        for row in rows_of(Run(self._directory.path).health):
            self._judge.add(row)
        self._follow(loop)
        self._stopping = stopping(self._stop_when, self._judge.ailments(), self._replicas)

    def finished(self, loop: ClosedLoop, episode: Episode) -> None:
        """Write down what the populations of the replica did, if there is enough of it."""
        has_changed = False
        for name, vitals in loop.agent.vitals(episode.replica, ROW_DECISIONS).items():
            row = self._row(episode, name, vitals)
            self._directory.append_health(row)
            has_changed |= self._judge.add(row)
        if has_changed:
            for ailment in self._follow(loop):
                self._say(f"{MARK}{ailment.line(self._replicas)}")
            reason = stopping(self._stop_when, self._judge.ailments(), self._replicas)
            if reason and not self._stopping:
                loop.stop(reason)
            self._stopping = reason

    def _follow(self, loop: ClosedLoop) -> list[Ailment]:
        """Let progress show who is ill; return what has not been told before."""
        ailments = self._judge.ailments()
        loop.notices = labels(ailments, self._replicas)
        keys = {(ailment.condition.name, ailment.population): ailment for ailment in ailments}
        news = [ailment for key, ailment in keys.items() if key not in self._told]
        self._told |= set(keys)
        return news

    def _row(self, episode: Episode, name: str, vitals: Vitals) -> HealthRow:
        rate_hz = silent = saturated = never = math.nan
        if count := vitals.spikes.size:
            ceiling_hz = self._unit_ceiling_hz if name in self._without_membrane else SATURATED_HZ
            spikes = vitals.spikes
            rate_hz = float(spikes.sum()) / (count * vitals.seconds)
            silent = np.count_nonzero(spikes < SILENT_HZ * vitals.seconds) / count
            saturated = np.count_nonzero(spikes > ceiling_hz * vitals.seconds) / count
            never = 1 - np.count_nonzero(vitals.has_fired) / count
        return HealthRow(
            episode.replica, episode.number, vitals.decisions, name, rate_hz, silent, saturated,
            never, vitals.at_bounds, *vitals.third_factor, vitals.not_finite,
        )  # fmt: skip


def stopping(asked: Sequence[str], ailments: Sequence[Ailment], replicas: int) -> str:
    """Return what stops a run in which half of the replicas have what was asked for; "": nothing.

    Parameters
    ----------
    asked : sequence of str
        Names of conditions; `ANY` stands for all of them.
    """
    found = [
        ailment.label(replicas)
        for ailment in ailments
        if (ANY in asked or ailment.condition.name in asked)
        and 2 * len(ailment.replicas) >= replicas
    ]
    return f"stopped as unhealthy ({', '.join(found)})" if found else ""
