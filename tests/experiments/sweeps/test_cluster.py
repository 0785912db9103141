"""Sweeps on a Dask cluster: a real one of two workers on this machine."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from threefactor.experiments.command_line.main import main
from threefactor.experiments.sweeps.cluster import on_dask
from threefactor.experiments.sweeps.plan import Plan
from threefactor.experiments.sweeps.sweep import in_processes, run_sweep

ROOT = Path(__file__).parents[3]
BASE = {
    "preset": "none", "episodes": 200, "window_ms": 5.0, "max_episode_steps": 50,
    "encoder": "one-hot", "modulator": "reward", "decoder": "argmax",
    "model": {"name": "feed-forward", "neurons_per_action": 3}, "reference_episodes": 0,
    "record_episodes": 1, "weight_snapshots": 2, "probes": 0,
}  # fmt: skip
PLAN = {
    "base": BASE, "seeds": 8, "chunk": 2,
    "grid": {"env": ["Identity-v0", "GridWorld-v0"], "rule": ["reinforce", "rstdp-et"]},
}  # fmt: skip

pytest.importorskip("distributed")


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers, each a process: address and the workers' processes."""
    address = tmp_path / "scheduler.json"
    words = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1",
             "--port", "0", "--no-dashboard", "--scheduler-file", str(address)]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    scheduler = subprocess.Popen(words, cwd=tmp_path, **quiet)
    while not address.exists():
        time.sleep(0.1)
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file",
              str(address), "--nthreads", "1", "--no-nanny", "--no-dashboard"]  # fmt: skip
    workers = [subprocess.Popen(worker, cwd=tmp_path, **quiet) for _ in range(2)]
    try:
        yield json.loads(address.read_text())["address"], workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def rows(folder):
    with (folder / "results.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_cluster_a_job_array_and_processes_here_give_the_same(tmp_path, cluster):
    address, workers = cluster
    killed = []

    def when_first_begins():
        while not list((tmp_path / "dask").rglob("episodes.csv")):
            time.sleep(0.05)
        workers[0].send_signal(signal.SIGKILL)
        killed.append(workers[0])

    threading.Thread(target=when_first_begins, daemon=True).start()
    far = run_sweep(tmp_path / "dask", Plan.of(PLAN), on_dask(address, print))
    assert killed
    assert not far.has_failures, far.report()
    run_sweep(tmp_path / "here", Plan.of(PLAN), in_processes(2, print, None))
    assert rows(tmp_path / "dask") == rows(tmp_path / "here")
    assert [row["status"] for row in rows(tmp_path / "here")] == ["done"] * 32
    (tmp_path / "plan.yaml").write_text(json.dumps(PLAN))  # YAML holds JSON
    array = ["sweep", str(tmp_path / "plan.yaml"), "--out", str(tmp_path / "array")]
    assert main([*array, "--slurm", "2"]) == 0
    task = ["bash", str(tmp_path / "array" / "slurm.sh")]
    tasks = [subprocess.Popen(task, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [each.wait() for each in tasks] == [0, 0]
    assert rows(tmp_path / "array") == rows(tmp_path / "here")


def test_where_no_scheduler_answers_it_is_said():
    with pytest.raises(OSError, match="no Dask scheduler answers there"):
        on_dask("tcp://127.0.0.1:1", print)
