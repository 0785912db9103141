"""Pool the agents of several runs, each agent once.

Replica r of a run with seed s is the agent of seed s + r: five replicas from seed 0 and five from
seed 1 are six agents. Counted as ten seeds, four of them twice, they would make every interval too
narrow, so whatever pools runs takes its agents from `pool_runs`.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.run_data import Run

#: Settings that change how long an agent is watched, and from where, but not what it does.
WATCHING = (
    "seed", "replicas", "episodes", "engine", "record_episodes", "probes", "weight_snapshots",
    "reference_episodes", "stop_when", "checkpoint_every",
)  # fmt: skip


@dataclass(frozen=True)
class PooledAgent:
    """One agent of a run; two with the same `digest` and `seed` are the same agent.

    Attributes
    ----------
    run : Run
    replica : int
        Which of the run's.
    seed : int
        The one with which it would run alone.
    digest : str
        Of its configuration and of the users' files in it.
    """

    run: Run
    replica: int
    seed: int
    digest: str

    def column(self, name: str) -> NDArray:
        """Return a column of episodes.csv, (n_episodes,) of this agent."""
        episodes = self.run.episodes
        return episodes[name][episodes["replica"] == self.replica]


@dataclass(frozen=True)
class PooledRuns:
    """The agents of several runs, each once.

    Attributes
    ----------
    agents : tuple of PooledAgent
    left_out : tuple of (PooledAgent, PooledAgent)
        Copies of agents, each with the one that was kept.
    """

    agents: tuple[PooledAgent, ...]
    left_out: tuple[tuple[PooledAgent, PooledAgent], ...]

    def report(self) -> str:
        """Return in one line which copies were left out; "" where there were none."""
        seeds: dict[tuple[Path, Path], list[int]] = {}
        for copy, kept in self.left_out:
            seeds.setdefault((copy.run.path, kept.run.path), []).append(kept.seed)
        told = [
            f"{', '.join(map(str, numbers))} of {path} (in {kept_in})"
            for (path, kept_in), numbers in seeds.items()
        ]
        return f"Same agents, counted once: left out seeds {'; '.join(told)}." if told else ""


def pool_runs(paths: Iterable[str | Path]) -> PooledRuns:
    """Return every agent with a finished episode, once; of copies the one with most episodes.

    Raises
    ------
    ValueError
        If a path is no run directory, or its run does not say its seed.
    """
    copies: dict[tuple[str, int], list[PooledAgent]] = {}
    for path in paths:
        for agent in agents_of(Run(path)):
            copies.setdefault((agent.digest, agent.seed), []).append(agent)
    kept = [max(same, key=lambda agent: agent.column("episode").size) for same in copies.values()]
    left_out = [
        (copy, one)
        for same, one in zip(copies.values(), kept, strict=True)
        for copy in same
        if copy is not one
    ]
    return PooledRuns(tuple(kept), tuple(left_out))


def agents_of(run: Run) -> list[PooledAgent]:
    """Return the agents of a run that finished an episode, in the order of their replicas."""
    if "seed" not in run.config:
        raise ValueError(f"Run {run.path}: expected a configuration with its seed, got none.")
    digest, first = _digest(run), int(run.config["seed"])
    replicas = np.unique(run.episodes["replica"]).tolist()
    return [PooledAgent(run, replica, first + replica, digest) for replica in replicas]


def _digest(run: Run) -> str:
    settings = {name: value for name, value in run.config.items() if name not in WATCHING}
    files = {name: file["sha256"] for name, file in run.meta.get("files", {}).items()}
    text = json.dumps([settings, files], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
