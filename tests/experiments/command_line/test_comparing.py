"""The commands `compare` and `analyse`: what they leave behind, and one line where they cannot."""

import csv
import json

import numpy as np
import pytest

import run
from tests.analysis.conftest import episode_row, write_run
from threefactor.experiments.configuration import resolve
from threefactor.experiments.training.run_directory import RunDirectory


@pytest.fixture
def cli(capsys, tmp_path, monkeypatch):
    """Run a command line below an empty folder; give (status, output, errors)."""
    monkeypatch.chdir(tmp_path)

    def call(text):
        status = run.main(text.split())
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def runs(tmp_path):
    """Two rules of two seeds each, and a run with recordings."""
    for rule in ("reinforce", "rstdp-et"):
        config = resolve({"rule": rule, "replicas": 2, "episodes": 6}).to_dict()
        with RunDirectory.create(tmp_path / "runs" / rule, config, {}) as written:
            for replica, episode in np.ndindex(2, 6):
                written.append_episode(episode_row(replica, episode, float(episode)))
            written.write_summary({"metric": "return", "references": {}})
    (tmp_path / "empty").mkdir()
    with write_run(tmp_path / "recorded", n_episodes=4):
        pass
    return tmp_path / "runs"


def test_compare_prints_and_saves(runs, cli, tmp_path):
    status, out, err = cli(f"compare {runs} --out figures --csv a.csv --json a.json")
    assert (status, err) == (0, "")
    assert out.startswith("2 groups, told apart by rule\n")
    assert "NOTE: No intervals for reinforce; rstdp-et" in out
    assert sorted(p.name for p in (tmp_path / "figures").iterdir()) == [
        "comparison.pdf", "comparison.png"
    ]  # fmt: skip
    with (tmp_path / "a.csv").open() as file:
        assert [row["group"] for row in csv.DictReader(file)] == ["reinforce", "rstdp-et"]
    assert json.loads((tmp_path / "a.json").read_text())["told_apart_by"] == ["rule"]


def test_analyse_prints_and_saves_in_the_run(runs, cli, tmp_path):
    status, out, err = cli("analyse recorded --json a.json")
    assert (status, err) == (0, "")
    assert "spikes (means over neurons)" in out
    assert "neural.png" in out
    assert (tmp_path / "recorded" / "figures" / "neural.pdf").is_file()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("compare", "the following arguments are required: RUN"),
        ("compare nowhere", "nowhere: no such run directory, folder of runs or table."),
        ("compare empty", "expected a run directory, or a folder of runs"),
        ("compare {runs} --by rul", "Did you mean 'rule'?"),
        ("compare {runs} --by rule,rule.lerning-rate", "Did you mean 'rule.learning_rate'?"),
        ("compare {runs} --baseline renforce", "Did you mean 'reinforce'?"),
        ("compare {runs} --env GridWrld-v0", "Did you mean 'GridWorld-v0'?"),
        ("compare {runs} --reference GridWorld-v0=1", "expected ENV=RANDOM,BEST"),
        ("compare {runs} --reference GridWorld-v0=1,1", "reference other than the random score"),
        ("compare {runs} --window 7", "expected 1 to 6 episodes"),
        ("compare {runs} --csv none/a.csv", "place that can be written to"),
        ("analyse nowhere", "nowhere: no such run directory."),
        ("analyse .", "expected a run directory, got a folder without meta.json"),
        ("analyse recorded --bin-ms 0", "bin: expected more than 0"),
        ("analyse {runs}/reinforce", "expected recorded episodes, got none"),
    ],
)
def test_what_cannot_be_done_is_one_line(command, message, runs, cli):
    status, out, err = cli(command.format(runs=runs))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ")
    assert message in err
