"""The index of runs, and what can be asked of it."""

import json
import os
import sqlite3

import pytest

from threefactor.experiments.command_line.main import main
from threefactor.experiments.runs.index import INDEX, read_runs
from threefactor.experiments.runs.selection import ordered, select


def make_run(path, rule, rate, scores, seed=0, done=True):
    """Write what the index reads of a run."""
    path.mkdir(parents=True)
    config = {
        "env": "CartPole-v1", "episodes": 9, "seed": seed, "replicas": len(scores) or 1,
        "rule": {"name": rule, "learning_rate": rate}, "model": {"name": "feed-forward"},
        "apart": False,
    }  # fmt: skip
    (path / "meta.json").write_text(json.dumps({"config": config}))
    (path / "config.yaml").write_text("")
    (path / "episodes.csv").write_text("")
    if scores:
        summary = {"mean_return_last_100_by_replica": scores, "metric": "return",
                   "interrupted": not done}  # fmt: skip
        (path / "summary.json").write_text(json.dumps(summary))
    if done:
        (path / "DONE").touch()
    return path


@pytest.fixture
def folder(tmp_path):
    make_run(tmp_path / "a", "rstdp-et", 0.5, [10.0, 20.0])
    make_run(tmp_path / "deep" / "er" / "b", "reinforce", 0.1, [30.0], seed=3)
    split = make_run(tmp_path / "c", "reinforce", 2.0, [], done=False)
    make_run(split / "workers" / "0", "reinforce", 2.0, [])
    return tmp_path


def names(records):
    return [record["path"].rpartition("/")[2] for record in records]


def test_runs_are_found_at_any_depth_and_workers_are_part_of_theirs(folder):
    found = read_runs(folder)
    assert names(found) == ["a", "c", "b"]
    assert [record["status"] for record in found] == ["done", "unfinished", "done"]
    assert [record["score"] for record in found] == [15.0, None, 30.0]
    assert [record["rule.learning_rate"] for record in found] == [0.5, 2.0, 0.1]


def test_the_index_is_read_where_nothing_changed_and_made_anew_where_something_did(folder):
    first = read_runs(folder)
    with sqlite3.connect(folder / INDEX) as index:  # what only the index says shows that it is read
        record = index.execute("SELECT record FROM runs WHERE path = 'a'").fetchone()[0]
        index.execute(
            "UPDATE runs SET record = ? WHERE path = 'a'", (record.replace("15.0", "99.0"),)
        )
    assert read_runs(folder)[0]["score"] == 99.0
    summary = folder / "a" / "summary.json"
    os.utime(summary, (1.0, 1.0))
    assert read_runs(folder) == first


@pytest.mark.parametrize("content", [b"", b"garbage" * 99])
def test_a_damaged_index_is_made_again(folder, content):
    expected = read_runs(folder)
    (folder / INDEX).write_bytes(content)
    assert read_runs(folder) == expected
    assert read_runs(folder) == expected


def test_a_damaged_run_is_listed_with_what_can_be_read(folder):
    (folder / "a" / "summary.json").write_text("{")
    (folder / "c" / "meta.json").write_text("[]")
    found = read_runs(folder)
    assert [record["score"] for record in found] == [None, None, 30.0]
    assert found[0]["rule"] == "rstdp-et"


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (["rule=reinforce"], ["c", "b"]),
        (["rule!=reinforce"], ["a"]),
        (["score>10"], ["a", "b"]),
        (["score > 10", "rule.learning-rate<=0.1"], ["b"]),
        (["path~deep"], ["b"]),
        (["status=unfinished"], ["c"]),
        (["score!=15"], ["c", "b"]),
        (["apart=False"], ["a", "c", "b"]),
        (["seed=3"], ["b"]),
        (["seed=three"], []),
    ],
)
def test_conditions(folder, conditions, expected):
    assert names(select(read_runs(folder), conditions)) == expected


def test_order(folder):
    found = read_runs(folder)
    assert names(ordered(found, ["-score"])) == ["b", "a", "c"]
    assert names(ordered(found, ["rule", "-rule.learning_rate"])) == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--where", "rul=x"], "--where rul: no run has it. Did you mean 'rule'?"),
        (["--where", "rule"], "expected NAME, one of"),
        (["--sort", "scor"], "Did you mean 'score'?"),
        (["--columns", "sed"], "Did you mean 'seed'?"),
        (["--delete"], "expected --where as well"),
        (["--delete", "--where", "rule=reinforce"], "say --yes"),
    ],
)
def test_what_means_nothing_is_refused(folder, words, message, capsys):
    assert main(["runs", str(folder), *words]) == 2
    assert message in capsys.readouterr().err
    assert len(read_runs(folder)) == 3


def test_a_table_a_csv_and_paths(folder, capsys):
    columns = ["--columns", "rule", "score"]
    assert main(["runs", str(folder), "--where", "rule=reinforce", *columns]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "rule       score", "reinforce  -", "reinforce  30", "2 of 3 runs",
    ]  # fmt: skip
    main(["runs", str(folder), "--csv", "--columns", "rule", "score", "--sort=-score"])
    assert capsys.readouterr().out.splitlines()[:2] == ["rule,score", "reinforce,30"]
    main(["runs", str(folder), "--paths", "--where", "score>20"])
    assert capsys.readouterr().out == f"{folder}/deep/er/b\n"


def test_deleting_takes_what_meets_the_conditions_and_nothing_else(folder, capsys):
    assert main(["runs", str(folder), "--delete", "--yes", "--where", "status!=done"]) == 0
    assert names(read_runs(folder)) == ["a", "b"]
    assert main(["runs", str(folder), "--delete", "--yes", "--where", "score>100"]) == 0
    assert "no run meets the conditions" in capsys.readouterr().out
