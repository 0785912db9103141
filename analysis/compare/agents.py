"""What is compared: agents that were trained, from run directories or from a sweep's table."""

import csv
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.compare.settings import flat_settings
from threefactor.analysis.pooling import WATCHING, PooledAgent, pool_runs

RESULTS = "results.csv"
LAST = 100
#: Columns of a sweep's table that are no settings.
_NO_SETTINGS = {"cell", "seed", "status", "metric", "score", "path", "replica", "env"}
_SURVIVORS = "If agents that do badly fail more often, the rest looks better than it is."
_RANDOM, _BEST = "random agent", "optimum"


@dataclass(frozen=True, eq=False)
class TrainedAgent:
    """One agent: a replica of a run, or a row of a table.

    Attributes
    ----------
    env : str
    seed : int
    settings : mapping
        What may tell it from others, ``part.field`` -> value.
    metric : str
        What its score is of.
    score : float
        Mean of its last `LAST` episodes.
    curve : (n_episodes,) or None
        The metric of every episode; None: only the score is known.
    references : mapping
        Score of the random agent and of the optimum, where the run knows them.
    source : Path
        Its run directory, or the table.
    version : str
        Of the code that trained it.
    """

    env: str
    seed: int
    settings: Mapping[str, Any]
    metric: str
    score: float
    curve: NDArray[np.float64] | None
    references: Mapping[str, float]
    source: Path
    version: str = ""


@dataclass(frozen=True)
class FoundAgents:
    """Agents, and in sentences what was left out."""

    agents: tuple[TrainedAgent, ...]
    notes: tuple[str, ...]


def find_agents(paths: Iterable[str | Path]) -> FoundAgents:
    """Return the agents of run directories, of folders of them, and of tables of sweeps.

    In a folder all runs below it count, and its results.csv only where there is none.

    Raises
    ------
    ValueError
        For a path that holds no run and no table, or where no agent has ended.
    """
    runs: list[Path] = []
    rows: list[TrainedAgent] = []
    notes: list[str] = []
    for path in map(Path, paths):
        if path.is_file():
            rows += _of_table(path, notes)
        elif not path.is_dir():
            raise ValueError(f"{path}: no such run directory, folder of runs or table.")
        elif found := run_directories(path):
            runs += _in_order(path / RESULTS, found)
        elif (path / RESULTS).is_file():
            rows += _of_table(path / RESULTS, notes)
        else:
            raise ValueError(
                f"{path}: expected a run directory, or a folder of runs, got one without any "
                "(meta.json)."
            )
    pooled = pool_runs(dict.fromkeys(runs))
    if said := pooled.report():
        notes.append(said)
    ended = [agent for agent in pooled.agents if _has_ended(agent)]
    copies = {copy.run.path for copy, _ in pooled.left_out}
    begun = {agent.run.path for agent in pooled.agents} | copies
    unfinished = {agent.run.path for agent in pooled.agents if not _has_ended(agent)}
    notes += _left_out([run for run in runs if run in unfinished or run not in begun])
    agents = (*(_of_run(agent) for agent in ended), *rows)
    if not agents:
        raise ValueError(" ".join(["No agent to compare has ended its training.", *notes]))
    return FoundAgents(agents, tuple(notes))


def run_directories(folder: Path) -> list[Path]:
    """Return the run directories at or below a folder, by their paths; not those within a run."""
    found = []
    for place, folders, files in os.walk(folder):
        if "meta.json" in files:
            found.append(Path(place))
            folders.clear()
        folders.sort()
    return found


def _in_order(table: Path, runs: Sequence[Path]) -> list[Path]:
    """Return runs in the order of a sweep's table, whose folders are named by hashes."""
    if not table.is_file():
        return list(runs)
    with table.open(newline="", errors="replace") as file:
        named = [table.parent / (row.get("path") or "") for row in csv.DictReader(file)]
    places = {path: place for place, path in reversed(list(enumerate(named)))}
    return sorted(runs, key=lambda path: places.get(path, len(named)))


def known_references(agents: Sequence[TrainedAgent]) -> dict[str, float]:
    """Return the mean score of the random agent and of the optimum that some agents' runs know."""
    found = {}
    for name in (_RANDOM, _BEST):
        values = [
            value
            for agent in agents
            for label, value in agent.references.items()
            if label.startswith(name)
        ]
        if values:
            found[name] = float(np.mean(values))
    return found


def _has_ended(agent: PooledAgent) -> bool:
    return agent.column("episode").size >= int(agent.run.config.get("episodes", 1))


def _left_out(runs: Sequence[Path]) -> list[str]:
    if not runs:
        return []
    paths = [str(path) for path in dict.fromkeys(runs)]
    shown = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" * (len(paths) > 3))
    told = "1 run has" if len(paths) == 1 else f"{len(paths)} runs have"
    return [f"{told} not ended, and what has not is left out: {shown}. {_SURVIVORS}"]


def _of_run(agent: PooledAgent) -> TrainedAgent:
    run = agent.run
    summary = run.summary if run.has_summary else {}
    metric = summary.get("metric", "return")
    curve = agent.column(metric).astype(float)
    settings = {
        name: value
        for name, value in flat_settings(run.config, agent.replica).items()
        if name not in {*WATCHING, "env"}
    }
    for name, file in run.meta.get("files", {}).items():
        settings[f"files.{Path(name).name}"] = file["sha256"][:7]
    return TrainedAgent(
        str(run.config.get("env", "-")).rpartition("/")[2], agent.seed, settings, metric,
        float(curve[-LAST:].mean()), curve, summary.get("references", {}), run.path,
        str(run.meta.get("git_commit") or run.meta.get("versions", {}).get("threefactor", "")),
    )  # fmt: skip


def _of_table(path: Path, notes: list[str]) -> list[TrainedAgent]:
    """Return the agents of a table with a row for each; note the rows that have no score."""
    try:
        with path.open(newline="") as file:
            table = csv.DictReader(file)
            rows, columns = list(table), table.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: expected a table (CSV), got {error}.") from None
    if missing := [name for name in ("seed", "score") if name not in columns]:
        raise ValueError(
            f"{path}: expected a table with the columns seed and score, got none called "
            f"{' and '.join(missing)} of {', '.join(columns[:8]) or 'none'}."
        )
    agents = []
    for number, row in enumerate(rows, 2):
        if row.get("score") in ("", None) or row.get("status", "done") != "done":
            continue
        try:
            seed, score = int(row["seed"]), float(row["score"])
        except (TypeError, ValueError):
            raise ValueError(
                f"{path}, line {number}: expected a seed and a score, got "
                f"{row['seed']!r} and {row['score']!r}."
            ) from None
        if not math.isfinite(score):
            raise ValueError(f"{path}, line {number}: expected a finite score, got {score}.")
        settings = {k: v for k, v in row.items() if k is not None and k not in _NO_SETTINGS}
        env, metric = row.get("env") or "scores", row.get("metric") or "score"
        agents.append(TrainedAgent(env, seed, settings, metric, score, None, {}, path))
    if len(agents) < len(rows):
        notes.append(
            f"{len(rows) - len(agents)} of {len(rows)} rows of {path} have no score, and are left "
            f"out. {_SURVIVORS}"
        )
    return agents
