"""Evaluate a trained run: its final weights, plasticity off, fresh episodes."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from threefactor.analysis.statistics import bootstrap_interval
from threefactor.experiments.configuration import read_settings, resolve
from threefactor.experiments.training.checkpoint import load_checkpoint
from threefactor.experiments.training.references import frozen_returns


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
    config = resolve(read_settings(run / "config.yaml"))
    options = dataclasses.replace(config.options, reference_episodes=episodes)
    config = dataclasses.replace(config, options=options)
    agent = saved["loop"]["agent"]
    weights = {k: v for k, v in agent["network"]["arrays"].items() if k.endswith(".w")}
    returns = frozen_returns(config, weights, agent["encoder"], agent["schedule"], seed)
    values = np.array(returns.values)
    _, low, high = bootstrap_interval(values, np.mean)
    result = {
        "episodes": len(values), "mean_return": float(values.mean()),
        "interval_95": [float(low), float(high)], "mean_length": float(np.mean(returns.lengths)),
    }  # fmt: skip
    (run / "evaluation.json").write_text(json.dumps(result, indent=2) + "\n")
    return (
        f"{options.env}: mean return {values.mean():.3f} "
        f"(95 % interval {low:.3f} to {high:.3f}, {len(values)} episodes, learning off), "
        f"mean length {np.mean(returns.lengths):.1f} decisions"
    )
