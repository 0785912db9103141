"""Evaluate a trained run: its final weights, plasticity off, fresh episodes."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from threefactor.agents.contract import Agent
from threefactor.analysis.statistics import bootstrap_interval
from threefactor.envs.bridge.batch import Environments
from threefactor.experiments.configuration import read_settings, resolve
from threefactor.experiments.training.checkpoint import load_checkpoint
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.observers import EpisodeLog
from threefactor.experiments.training.setup import Setup
from threefactor.experiments.training.tally import Episode


def evaluate_run(run: Path, episodes: int = 100, seed: int | None = None) -> str:
    """Return the report of `episodes` episodes per replica with learning off.

    The environment runs on the seeds' evaluation stream, which training never used (or on `seed`);
    the result is also written to ``evaluation.json`` in the run directory.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be >= 1, got {episodes}.")
    if seed is not None and seed < 0:
        raise ValueError(f"seed must be >= 0, got {seed}.")
    saved = load_checkpoint(run)
    setup = Setup.of(resolve(read_settings(run / "config.yaml"))).frozen
    seeds = [s.evaluation if seed is None else seed + r for r, s in enumerate(setup.seeds)]
    with setup.opened() as (environments, agent):
        agent.adopt(saved["agent"])
        played = play(agent, environments, episodes, seeds)
    returns = np.array([episode.discounted for episode in played])
    mean_length = float(np.mean([episode.length for episode in played]))
    _, low, high = bootstrap_interval(returns, np.mean)
    result = {
        "episodes": len(played), "mean_return": float(returns.mean()),
        "interval_95": [float(low), float(high)], "mean_length": mean_length,
    }  # fmt: skip
    (run / "evaluation.json").write_text(json.dumps(result, indent=2) + "\n")
    return (
        f"{setup.env}: mean return {returns.mean():.3f} "
        f"(95 % interval {low:.3f} to {high:.3f}, {len(played)} episodes, learning off), "
        f"mean length {mean_length:.1f} decisions"
    )


def play(
    agent: Agent, environments: Environments, episodes: int, seeds: Sequence[int]
) -> list[Episode]:
    """Return the episodes that an agent plays, in the order in which they end.

    Parameters
    ----------
    episodes : int
        Of each replica.
    seeds : one for each replica's environment
    """
    log = EpisodeLog()
    ClosedLoop.begin(agent, environments, episodes, seeds, [log]).run()
    return log.episodes
