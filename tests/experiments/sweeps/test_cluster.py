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

from threefactor.experiments.sweeps.cluster import on_dask
from threefactor.experiments.sweeps.plan import Plan
from threefactor.experiments.sweeps.sweep import in_processes, run_sweep

ROOT = Path(__file__).parents[3]
BASE = {
    "env": "Identity-v0", "preset": "none", "episodes": 400, "window_ms": 5.0,
    "encoder": "one-hot", "modulator": "reward", "decoder": "argmax",
    "model": {"name": "feed-forward", "neurons_per_action": 3}, "reference_episodes": 0,
    "record_episodes": 1, "weight_snapshots": 2, "probes": 0,
}  # fmt: skip
PLAN = {
    "base": BASE, "grid": {"rule": ["reinforce", "rstdp-et"]}, "seeds": 3, "chunk": 1,
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
def test_a_cluster_gives_what_processes_here_give_though_a_worker_is_killed(tmp_path, cluster):
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
    assert all(row["status"] == "done" for row in rows(tmp_path / "here"))


def test_where_no_scheduler_answers_it_is_said():
    with pytest.raises(OSError, match="no Dask scheduler answers there"):
        on_dask("tcp://127.0.0.1:1", print)
