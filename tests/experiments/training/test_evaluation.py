"""Evaluation asks the seeds, not the episodes."""

import json
from pathlib import Path

import numpy as np
import pytest

from threefactor.experiments.configuration import resolve
from threefactor.experiments.training.evaluation import EvaluationResult, evaluate_run
from threefactor.experiments.training.run import train_agent

SMALL = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 5, "episodes": 1,
    "window_ms": 10.0, "reference_episodes": 0, "record_episodes": 0, "weight_snapshots": 1,
    "model": {"name": "feed-forward", "neurons_per_action": 3}, "modulator": "reward",
    "engine": "runtime-numpy",
}  # fmt: skip


def test_every_seed_has_its_own_mean():
    """What an audit found pooled: replicas of mean 12.1, 33.6 and 12.4, as 16.4 to 22.6."""
    levels = [12.1, 33.6, 12.4]
    deviations = np.random.default_rng(0).normal(0, 5, (3, 100))
    returns = np.array(levels)[:, None] + deviations - deviations.mean(axis=1, keepdims=True)
    result = EvaluationResult(Path("run"), "E-v0", returns, np.ones((3, 100)))
    assert result.over_seeds.values == pytest.approx(levels)
    assert result.over_seeds.bounds is None
    assert result.report().splitlines() == [
        "E-v0: return, mean of 100 episodes, learning off: interquartile mean 19.367 of 3 seeds "
        "(no interval below 5): 12.100, 33.600, 12.400",
        "  mean length 1.0 decisions",
    ]


@pytest.mark.parametrize(("replicas", "is_interval"), [(3, False), (5, True)])
def test_evaluation_is_of_seeds(replicas, is_interval, tmp_path):
    result = train_agent(resolve(SMALL, {"replicas": replicas}), tmp_path / "run")
    evaluated = evaluate_run(result.path, 2)
    saved = json.loads((result.path / "evaluation.json").read_text())
    assert saved == evaluated.to_dict()
    assert saved["episodes"] == 2 * replicas
    assert saved["mean_return_by_seed"] == evaluated.returns.mean(axis=1).tolist()
    assert (saved["interval_95"] is not None) == is_interval
    assert ("[" in evaluated.report()) == is_interval
    assert ", ".join(f"{value:.3f}" for value in saved["mean_return_by_seed"]) in evaluated.report()
