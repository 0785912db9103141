"""Sweeps as they are run: rows, resuming, failures, several processes, job arrays."""

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

import threefactor
from threefactor.experiments.command_line.main import main
from threefactor.experiments.sweeps.plan import Plan
from threefactor.experiments.sweeps.sweep import SWEEP, in_processes, open_sweep, run_sweep

ROOT = Path(__file__).parents[3]
BASE = {
    "env": "Identity-v0", "preset": "none", "episodes": 6, "window_ms": 5.0,
    "encoder": "one-hot", "modulator": "reward", "decoder": "argmax",
    "model": {"name": "feed-forward", "neurons_per_action": 3}, "reference_episodes": 0,
    "record_episodes": 1, "weight_snapshots": 2, "probes": 0,
}  # fmt: skip
CONTENT = {"base": BASE, "grid": {"rule": ["reinforce", "rstdp-et"]}, "seeds": 3, "chunk": 2}
FRAGILE = """
import gymnasium as gym


class Fragile(gym.Env):
    observation_space = gym.spaces.Discrete(2)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, is_broken=False):
        self.is_broken = is_broken

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}

    def step(self, action):
        if self.is_broken:
            raise RuntimeError("the floor is lava")
        return 0, 1.0, True, False, {}
"""


def rows(folder):
    with (folder / "results.csv").open() as file:
        return list(csv.DictReader(file))


def sweep(folder, content, workers=2, **settings):
    folder.mkdir(parents=True, exist_ok=True)
    return run_sweep(folder, Plan.of(content), in_processes(workers, print, None), **settings)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep") / "out"
    return sweep(folder, CONTENT)


def test_each_cell_and_seed_has_a_row_with_the_score_of_an_ordinary_run(done, tmp_path):
    found = rows(done.path)
    assert [(row["rule"], row["seed"], row["status"]) for row in found] == [
        (rule, str(seed), "done") for rule in ("reinforce", "rstdp-et") for seed in range(3)
    ]
    assert "6 of 6 runs done (2 cells, 3 seeds)" in done.report()
    alone = threefactor.train(BASE, rule="rstdp-et", seed=1, out=tmp_path / "alone", quiet=True)
    row = found[4]
    assert float(row["score"]) == alone.summary["mean_return_last_100"]
    assert (done.path / row["path"] / "DONE").is_file()


def test_what_is_done_is_not_done_again_and_seeds_can_be_added(done):
    times = {path: path.stat().st_mtime_ns for path in done.path.rglob("episodes.csv")}
    again = sweep(done.path, CONTENT)
    assert {path: path.stat().st_mtime_ns for path in done.path.rglob("episodes.csv")} == times
    assert not again.has_failures
    more = sweep(done.path, {**CONTENT, "seeds": 4})
    assert len(rows(more.path)) == 8
    sweep(done.path, CONTENT)


def test_a_cell_that_fails_is_listed_and_stops_no_other(tmp_path):
    (tmp_path / "mine.py").write_text(FRAGILE)
    base = {**BASE, "env": f"{tmp_path / 'mine.py'}:Fragile"}
    content = {"base": base, "grid": {"env_kwargs.is_broken": [True, False]}, "seeds": 2}
    result = sweep(tmp_path / "out", content)
    assert [row["status"] for row in rows(tmp_path / "out")] == ["failed"] * 2 + ["done"] * 2
    assert "2 of 4 runs done, 2 failed" in result.report()
    assert "the floor is lava" in result.report()
    before = (tmp_path / "out" / "failures").stat().st_mtime_ns
    assert sweep(tmp_path / "out", content).has_failures  # told, and not tried again
    assert (tmp_path / "out" / "failures").stat().st_mtime_ns == before
    (tmp_path / "mine.py").write_text(FRAGILE.replace("if self.is_broken", "if False"))
    assert not sweep(tmp_path / "out", content, is_retrying=True).has_failures


def test_a_killed_process_takes_one_job_with_it(tmp_path):
    code = FRAGILE.replace(
        'raise RuntimeError("the floor is lava")', "import os; os.kill(os.getpid(), 9)"
    )
    (tmp_path / "mine.py").write_text(code)
    base = {**BASE, "env": f"{tmp_path / 'mine.py'}:Fragile"}
    content = {
        "base": base,
        "grid": {"env_kwargs.is_broken": [True, False]},
        "seeds": 2,
        "chunk": 1,
    }
    result = sweep(tmp_path / "out", content, workers=1)
    assert [row["status"] for row in rows(tmp_path / "out")] == ["failed"] * 2 + ["done"] * 2
    assert "killed by SIGKILL" in result.report()


def test_two_commands_share_one_folder(tmp_path):
    content = {**CONTENT, "base": {**BASE, "episodes": 40}, "chunk": 1}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(content))
    words = [sys.executable, "run.py", "sweep", str(tmp_path / "s.yaml"), "--workers", "1",
             "--out", str(tmp_path / "out")]  # fmt: skip
    both = [
        subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [process.communicate()[0].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    sweep(tmp_path / "out", content)
    assert [row["status"] for row in rows(tmp_path / "out")] == ["done"] * 6
    assert not list((tmp_path / "out" / "claims").iterdir())


def test_interrupting_keeps_what_was_done(tmp_path):
    content = {**CONTENT, "base": {**BASE, "episodes": 100_000}, "seeds": 1}

    def press():
        while not list((tmp_path / "out").rglob("episodes.csv")):
            time.sleep(0.1)
        time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    result = sweep(tmp_path / "out", content)
    assert result.is_interrupted
    assert [row["status"] for row in rows(tmp_path / "out")] == ["interrupted"] * 2
    assert not list((tmp_path / "out" / "claims").iterdir())


def test_the_script_of_a_job_array_runs_the_same_command(tmp_path, capsys):
    (tmp_path / "s.yaml").write_text(yaml.safe_dump({**CONTENT, "seeds": 1}))
    folder = tmp_path / "out"
    words = ["sweep", str(tmp_path / "s.yaml"), "--out", str(folder)]
    assert main([*words, "--slurm", "3"]) == 0
    script = folder / "slurm.sh"
    assert capsys.readouterr().out == f"sbatch {script}\n"
    assert "#SBATCH --array=1-3" in script.read_text()
    subprocess.run(["bash", str(script)], check=True, capture_output=True)
    assert [row["status"] for row in rows(folder)] == ["done"] * 2


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(CONTENT))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("")
    with pytest.raises(ValueError, match="expected a new or empty folder, or one of a sweep"):
        open_sweep(tmp_path / "s.yaml", tmp_path / "full")
    with pytest.raises(ValueError, match=f"or its folder with {SWEEP}"):
        open_sweep(tmp_path / "full", None)
    with pytest.raises(ValueError, match="no such configuration file"):
        open_sweep(tmp_path / "absent.yaml", None)


def test_printing_writes_nothing(tmp_path, capsys):
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(CONTENT))
    assert main(["sweep", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "o"), "--print"]) == 0
    assert "2 cells, 3 seeds, 4 jobs, 0 of them done" in capsys.readouterr().out
    assert not (tmp_path / "o").exists()
