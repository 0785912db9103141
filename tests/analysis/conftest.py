"""Synthetic run directories that look like a rule learning a small gridworld."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from threefactor.agents.contract import Connection
from threefactor.analysis.conditions import HealthRow
from threefactor.analysis.run_data import EventKind
from threefactor.experiments.training.run_directory import RunDirectory

WINDOW_MS = 50.0
N_HIDDEN, N_OUTPUT = 60, 4
REGIME = {
    "decision_ms": WINDOW_MS, "timestep_ms": 1.0, "input": "hidden", "input_rate_max_hz": 100.0,
    "neurons": {"output": "LIF"}, "without_membrane": [], "third_factor": "reward",
    "asks_signs": False, "sources": {"plastic": "hidden"},
}  # fmt: skip

#: What an evaluation leaves of an agent that sees a position and a speed.
PLANE = {
    "axes": np.array([[0.0, 1.0, 2.0], [-1.0, 0.0, 1.0]]),
    "preferences": np.tile([1.0, 3.0, 2.0], (3, 3, 1)),
    "values": np.arange(9.0).reshape(3, 3),
    "visited": np.array([[0.0, 0.0], [1.0, 0.5], [2.0, 1.0], [0.0, -1.0], [1.0, -0.5]]),
    "starts": np.array([0, 3]),
    "names": np.array(["position", "speed (m/s)"]),
    "actions": np.array(["left", "none", "right"]),
    "others": np.array("angle = 0.1"),
}


def episode_row(replica=0, episode=0, value=1.0, length=5):
    return {
        "replica": replica,
        "episode": episode,
        "return": value,
        "discounted_return": 0.9**length * value,
        "length": length,
        "terminated": True,
        "truncated": False,
        "simulated_seconds": length * WINDOW_MS / 1e3,
    }


def write_run(path: Path, n_episodes=30, replicas=1, seed=0) -> RunDirectory:
    """Write episodes, spikes, events, probes, weights and a policy; return the open writer."""
    rng = np.random.default_rng(seed)
    run = RunDirectory.create(
        path, {"rule": {"name": "rstdp"}, "seed": seed}, {"engine": "test", "regime": REGIME}
    )
    run.write_summary({"metric": "return", "references": {"random": 0.1, "optimum": 1.0}})
    pre, post = np.nonzero(rng.random((N_HIDDEN, N_OUTPUT)) < 0.7)
    synapses = {"plastic": Connection(pre, post, N_HIDDEN, N_OUTPUT)}
    names = ["plastic.eligibility[3]", "plastic.eligibility[8]", "output.third_factor[1]"]
    names += ["plastic.w[3]", "plastic.w[8]", "output.v[1] (mV)"]
    run.start_recording({"hidden": N_HIDDEN, "output": N_OUTPUT}, names, synapses)
    w = rng.normal(0.5, 0.1, pre.size)
    drift = rng.normal(0, 0.3, pre.size) + 0.4 * (post == 1)
    time_ms, eligibility, third_factor = 0.0, np.zeros(2), 0.0
    run.append_weights(0, {"plastic": w})
    for episode in range(n_episodes):
        skill = 1 - np.exp(-episode / (0.3 * n_episodes))
        length = int(rng.integers(4, 8) + 15 * (1 - skill))
        run.append_events(time_ms, EventKind.EPISODE_START, episode)
        for step in range(length):
            for name, n, rate in (("hidden", N_HIDDEN, 20.0), ("output", N_OUTPUT, 40.0)):
                count = rng.poisson(rate * n * WINDOW_MS / 1e3)
                times = np.sort(time_ms + rng.random(count) * WINDOW_MS)
                run.append_spikes(name, times, rng.integers(n, size=count))
            for offset in range(0, int(WINDOW_MS), 5):
                eligibility = 0.97 * eligibility + (rng.random(2) < 0.08) * rng.normal(0.6, 0.5, 2)
                third_factor *= 0.95
                sample = [*eligibility, third_factor, *w[[3, 8]], -65 + 5 * rng.random()]
                run.append_probes(time_ms + offset, sample)
            time_ms += WINDOW_MS
            run.append_events(time_ms, EventKind.DECISION, int(rng.integers(4)))
            reward = float(step == length - 1) - 0.5 * (rng.random() < 0.06)
            run.append_events(time_ms, EventKind.REWARD, reward)
            third_factor += reward
        w[[3, 8]] += np.array([0.01, 0.004]) * third_factor * eligibility * (reward != 0)
        run.append_events(time_ms, EventKind.EPISODE_END, episode)
        w = np.clip(w + drift * skill / n_episodes, 0, 1.5)
        run.append_weights(episode + 1, {"plastic": w})
        for replica in range(replicas):
            value = skill * rng.normal(0.9, 0.15) + (1 - skill) * rng.normal(0.15, 0.2)
            run.append_episode(episode_row(replica, episode, float(value), length))
            for name, rate_hz in (("hidden", 20.0), ("output", 40.0)):
                factors = (-0.5, 1.0) if name == "output" else (math.nan, math.nan)
                run.append_health(
                    HealthRow(replica, episode, 100, name, rate_hz, 0.0, 0.0, 0.0, 0.1, *factors, 0)
                )
    return run


def write_policy(path: Path, n=10, seed=0) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = np.divmod(np.arange(n * n), n)
    distance = (n - 1 - rows) + (n - 1 - columns)
    optimal_values = 10 * 0.87**distance
    optimal = np.stack([rows < 0, columns < n - 1, rows < n - 1, rows < 0], axis=1).astype(float)
    preferences = optimal + rng.normal(0, 0.55, optimal.shape)
    preferences[[9, 90]] = 0.0
    arrays: dict[str, Any] = {
        "shape": np.array([n, n]),
        "start": np.array(0),
        "goal": np.array([n * n - 1]),
    }
    arrays |= {"preferences": preferences, "values": optimal_values * rng.uniform(0.5, 1, n * n)}
    arrays |= {"optimal_policy": optimal, "optimal_values": optimal_values}
    arrays |= {"walls": np.array([34, 44, 54, 55])}
    np.savez(path / "policy.npz", **arrays)


@pytest.fixture
def run_path(tmp_path):
    with write_run(tmp_path / "run"):
        pass
    write_policy(tmp_path / "run")
    (tmp_path / "run" / "evaluation").mkdir()
    np.savez(tmp_path / "run" / "evaluation" / "plane.npz", **PLANE)
    return tmp_path / "run"


@pytest.fixture
def killed_path(tmp_path):
    """Return a run that was killed while it wrote the last of its spikes."""
    with write_run(tmp_path / "killed") as run:
        run.flush()
        (journal,) = (run.path / "recordings").iterdir()
        content = journal.read_bytes()
    journal.with_suffix(".h5").unlink()
    journal.write_bytes(content[:-7])
    return run.path


@pytest.fixture
def plane():
    return dict(PLANE)
