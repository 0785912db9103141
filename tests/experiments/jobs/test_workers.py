"""Runs that are split over processes: what one process would have written, whatever happens."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import threefactor
from threefactor.analysis.pooling import pool_runs
from threefactor.analysis.run_data import Run
from threefactor.experiments.training.checkpoint import load_checkpoint
from threefactor.experiments.training.preconditions import worker_folders

ROOT = Path(__file__).parents[3]
GRID = {
    "preset": "fast", "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 20,
    "episodes": 6,
    "window_ms": 10.0, "seed": 5, "replicas": 3, "record_episodes": 1, "weight_snapshots": 3,
    "probes": 2, "reference_episodes": 2, "rule": {"learning_rate": 2.0},
    "critic_rule": {"learning_rate": 0.2},
    "model": {"name": "actor-critic", "neurons_per_action": 3, "critic_neurons": 4,
              "critic_w_init": 2.0},
}  # fmt: skip
#: One-step episodes that go wrong, in the way that a file says, for one seed.
FRAGILE = """
import os
import signal
from pathlib import Path

import gymnasium as gym
import numpy as np


class Fragile(gym.Env):
    observation_space = gym.spaces.Discrete(4)
    action_space = gym.spaces.Discrete(4)
    steps = 0
    seed = None

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seed = self.seed if seed is None else seed
        self.cue = int(self.np_random.integers(4))
        return self.cue, {}

    def step(self, action):
        self.steps += 1
        trouble = Path(os.environ.get("TROUBLE", "none"))
        if self.steps == 5 and trouble.is_file():
            seed, kind = trouble.read_text().split()
            if int(seed) == self.seed:
                if kind == "raise":
                    raise RuntimeError("the floor is lava")
                os.kill(os.getpid(), signal.SIGKILL)
        return self.cue, float(action == self.cue), True, False, {}
"""
SHORT = {
    "env_kwargs": {}, "window_ms": 5.0, "modulator": "reward", "model": "feed-forward",
    "reference_episodes": 0, "weight_snapshots": 2, "probes": 0,
}  # fmt: skip


def final_weights(run):
    """Return projection -> weights of all replicas, one after another."""
    blocks = [load_checkpoint(folder)["agent"]["network"]["arrays"]
              for folder in worker_folders(run) or (run,)]  # fmt: skip
    return {name: np.concatenate([np.ravel(block[name]) for block in blocks])
            for name in blocks[0] if name.endswith(".w")}  # fmt: skip


def assert_same_run(one, two):
    for name in ("episodes.csv", "health.csv"):
        assert (one / name).read_text() == (two / name).read_text()
    other = final_weights(two)
    for name, values in final_weights(one).items():
        np.testing.assert_array_equal(values, other[name])


EACH = {"rule.learning_rate": [2.0, 0.5, 1.0], "model.resets": ["decision", "episode", "decision"]}


@pytest.mark.parametrize("given", [{"each": EACH}, {"apart": True}], ids=["each", "apart"])
def test_workers_share_replicas_that_are_apart_whatever_is_scheduled(tmp_path, given):
    schedule = {"name": "decay", "parameter": "policy.learning_rate"}
    for workers in (1, 2):
        out = tmp_path / str(workers)
        threefactor.train(
            GRID, out=out, workers=workers, quiet=True, schedule=schedule, **given,
        )  # fmt: skip
    one, two = (threefactor.load_run(tmp_path / str(workers)) for workers in (1, 2))
    for name in ("episodes.csv", "health.csv"):
        assert (one.path / name).read_text() == (two.path / name).read_text()
    states = load_checkpoint(one.path)["agent"]["members"]
    split = [
        member
        for folder in worker_folders(two.path)
        for member in load_checkpoint(folder)["agent"]["members"]
    ]
    for member, other in zip(states, split, strict=True):
        for name, values in member["network"]["arrays"].items():
            np.testing.assert_array_equal(other["network"]["arrays"][name], values, err_msg=name)
    for name in ("scheduled", "mean_return_last_100_by_replica", "twin_return_by_replica"):
        assert two.summary[name] == one.summary[name]
    if "each" in given:
        told = {"rule.learning_rate": 0.5, "model.resets": "episode"}
        assert one.summary["each"][1] == two.summary["each"][1] == told
        assert "  rule.learning_rate 0.5, model.resets episode: " in one.report()
    lengths = threefactor.evaluate(one, episodes=2).lengths
    np.testing.assert_array_equal(threefactor.evaluate(two, episodes=2).lengths, lengths)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Return the same run in one process and in two."""
    folder = tmp_path_factory.mktemp("pair")
    return tuple(
        threefactor.train(GRID, out=folder / name, workers=workers, quiet=True)
        for name, workers in (("one", 1), ("two", 2))
    )


def test_episodes_weights_and_summary_are_those_of_one_process(pair):
    one, two = pair
    assert len(worker_folders(two.path)) == 2
    assert Run(one.path).episodes["truncated"].any()
    assert set(Run(two.path).health["replica"]) <= {0, 1, 2}
    assert_same_run(one.path, two.path)
    np.testing.assert_array_equal(one.returns, two.returns)
    np.testing.assert_array_equal(one.lengths, two.lengths)
    expected, got = dict(one.summary), dict(two.summary)
    assert expected.pop("references") == pytest.approx(got.pop("references"))
    for summary in (expected, got):
        assert summary.pop("decisions_per_second") > 0
    assert got == expected
    assert one.config == two.config
    for name in ("seeds", "network", "scheduled", "files"):
        assert one.run.meta[name] == two.run.meta[name]


def test_recordings_are_those_of_one_process(pair):
    one, two = pair
    assert one.populations == two.populations
    for population in one.populations:
        for name, values in vars(one.spikes(population)).items():
            np.testing.assert_array_equal(values, getattr(two.spikes(population), name))
    for name, values in vars(one.weights("policy")).items():
        np.testing.assert_array_equal(values, getattr(two.weights("policy"), name))
    np.testing.assert_array_equal(one.probes.values, two.probes.values)
    np.testing.assert_array_equal(one.events.value, two.events.value)
    for name, values in one.run.policy.items():
        np.testing.assert_array_equal(values, two.run.policy[name])


def test_later_commands_take_the_whole(pair):
    one, two = pair
    for seed in (None, 7):
        expected, got = (threefactor.evaluate(run, 3, seed) for run in pair)
        np.testing.assert_array_equal(expected.returns, got.returns)
        np.testing.assert_array_equal(expected.lengths, got.lengths)
    assert set(one.figures()) == set(two.figures())
    assert one.run.status == two.run.status == "done"
    pooled = pool_runs([one.path, two.path, *worker_folders(two.path)])
    assert [agent.seed for agent in pooled.agents] == [5, 6, 7]
    assert len(pooled.left_out) == 6


def test_resumed_with_more_episodes_equals_one_long_run(tmp_path):
    whole = threefactor.train(GRID, out=tmp_path / "whole", quiet=True)
    threefactor.train(GRID, episodes=3, out=tmp_path / "part", workers=3, quiet=True)
    resumed = threefactor.resume(tmp_path / "part", 6, quiet=True)
    np.testing.assert_array_equal(whole.returns, resumed.returns)
    for name, values in final_weights(whole.path).items():
        np.testing.assert_array_equal(values, final_weights(resumed.path)[name])
    assert resumed.config["episodes"] == resumed.summary["episodes"] / 3 == 6


def test_a_finished_run_is_not_run_again(pair):
    checkpoints = [folder / "checkpoints" / "latest.npz" for folder in
                   worker_folders(pair[1].path)]  # fmt: skip
    before = [path.stat().st_mtime_ns for path in checkpoints]
    again = threefactor.resume(pair[1].path, quiet=True)
    assert [path.stat().st_mtime_ns for path in checkpoints] == before
    assert again.summary == pair[1].summary
    assert_same_run(pair[0].path, again.path)


@pytest.mark.parametrize("workers", [0, -1, 4])
def test_every_worker_needs_a_replica(workers, tmp_path):
    with pytest.raises(ValueError, match=f"from 1 to the number of replicas, 3, got {workers}"):
        threefactor.train(GRID, out=tmp_path / "run", workers=workers)
    assert not (tmp_path / "run").exists()


def test_observers_need_one_process(tmp_path):
    with pytest.raises(ValueError, match="workers must be 1"):
        threefactor.train(GRID, out=tmp_path / "run", workers=2, observers=[threefactor.Observer()])


def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="Discrete or MultiDiscrete"):
        threefactor.train(
            {**GRID, "env": "MountainCar-v0", "env_kwargs": {}}, encoder="one-hot",
            out=tmp_path / "run", workers=2,
        )  # fmt: skip
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "shared"),
    [
        ({"modulator": {"name": "reward-baseline", "scope": "global"}}, "the mean of scope"),
        (
            {"schedule": {"name": "interval", "parameter": "policy.learning_rate", "start": 2.0,
                          "end": 1.0}},
            "the scheduled parameter policy.learning_rate",
        ),
    ],
)  # fmt: skip
def test_replicas_that_share_something_stay_in_one_process(settings, shared, tmp_path):
    with pytest.raises(
        ValueError, match=f"the replicas share {shared}.*: workers must be 1, got 2"
    ):
        threefactor.train(GRID, settings, out=tmp_path / "run", workers=2)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("raise", "the floor is lava"), ("kill", "killed by SIGKILL")],
)
def test_a_worker_that_dies_costs_no_other_its_work(kind, reason, write, tmp_path, monkeypatch):
    settings = {**SHORT, "env": f"{write(FRAGILE)}:Fragile", "episodes": 12, "replicas": 3}
    whole = threefactor.train(settings, out=tmp_path / "whole", quiet=True)
    last = whole.run.meta["seeds"][2]["env"]
    trouble, said = tmp_path / "trouble", []
    trouble.write_text(f"{last} {kind}")
    monkeypatch.setenv("TROUBLE", str(trouble))
    with pytest.raises(RuntimeError) as caught:
        threefactor.train(settings, out=tmp_path / "run", workers=3, quiet=True, say=said.append)
    told = str(caught.value)
    assert "no time limit is known" in said.pop(0)
    assert all(line.startswith("worker 2 (replica 2) failed") for line in said)
    assert told.startswith("worker 2 (replica 2) failed: ")
    assert reason in told
    assert f"train --resume {tmp_path / 'run'}" in told
    assert "\n" not in told
    broken = Run(tmp_path / "run")
    assert broken.status == "failed"
    counts = np.bincount(broken.episodes["replica"], minlength=3)
    assert counts[:2].tolist() == [12, 12]
    assert counts[2] < 12
    trouble.unlink()
    assert_same_run(whole.path, threefactor.resume(broken.path, quiet=True).path)
    assert broken.status == "done"


def command(*arguments):
    return [sys.executable, str(ROOT / "run.py"), *map(str, arguments)]


@pytest.fixture
def endless(tmp_path):
    """Return a run in two processes that goes on until it is stopped, and who waits for it."""
    out = tmp_path / "run"
    process = subprocess.Popen(
        command(
            "train", "--env", "Identity-v0", "--model", "feed-forward", "--modulator", "reward",
            "--window-ms", 5, "--max-episode-steps", 5, "--episodes", 10**7, "--replicas", 3,
            "--workers", 2, "--quiet", "--no-figures", "--reference-episodes", 0, "--out", out,
        ),
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: all((out / "workers" / str(n) / "episodes.csv").is_file()
                           and len(read(out, n)) > 500 for n in (0, 1)))  # fmt: skip
    yield out, process
    process.kill()
    process.communicate()


def read(out, worker):
    return (out / "workers" / str(worker) / "episodes.csv").read_text()


def wait_until(is_so, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def assert_it_goes_on_as_if_never_stopped(out):
    counts = np.bincount(Run(out).episodes["replica"])
    total = int(counts.max()) + 3
    resumed = threefactor.resume(out, total, quiet=True)
    assert resumed.returns.shape == (3, total)
    config = threefactor.configure(resumed.config)
    whole = threefactor.train(config, out=out.with_name("whole"), quiet=True)
    np.testing.assert_array_equal(whole.returns, resumed.returns)
    other = final_weights(resumed.path)
    for name, values in final_weights(whole.path).items():
        np.testing.assert_array_equal(values, other[name])


def test_ctrl_c_stops_every_worker_with_its_checkpoint(endless):
    out, process = endless
    process.send_signal(signal.SIGINT)
    printed, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "interrupted: keeping what was done"
    assert f"To go on: python run.py train --resume {out}" in printed
    run = Run(out)
    assert run.status == "unfinished"
    assert run.summary["interrupted"] is True
    assert run.summary["episodes"] == len(run.episodes["episode"])
    for folder in worker_folders(out):
        summary = json.loads((folder / "summary.json").read_text())
        table = Run(folder).episodes
        assert summary["episodes"] == len(table["episode"]) == load_episode_rows(folder)
    assert_it_goes_on_as_if_never_stopped(out)


def load_episode_rows(folder):
    return load_checkpoint(folder)["mark"]["episodes"]["rows"]


def test_workers_stop_when_who_started_them_is_killed(endless):
    out, process = endless
    process.kill()
    process.wait()
    wait_until(lambda: all((folder / "summary.json").is_file() for folder in worker_folders(out)))
    assert Run(out).episodes["episode"].size > 0  # at any moment
    assert_it_goes_on_as_if_never_stopped(out)


def test_command_line(tmp_path):
    given = ["--replicas", 2, "--episodes", 2, "--max-episode-steps", 5, "--window-ms", 5]
    for workers in (0, 3):
        done = subprocess.run(
            command("train", *given, "--workers", workers), cwd=tmp_path, capture_output=True,
            text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 2
        assert (
            done.stderr
            == f"error: workers must be from 1 to the number of replicas, 2, got {workers}.\n"
        )
    assert os.listdir(tmp_path) == []
