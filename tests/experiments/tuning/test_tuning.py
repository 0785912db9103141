"""Tuning: what is looked for, on which seeds, and what comes of it."""

import os
import re
import signal
import threading
import time

import pytest
import yaml

import threefactor
from threefactor.experiments.command_line.main import main
from threefactor.experiments.command_line.tuning import parse_tune
from threefactor.experiments.layers import configure
from threefactor.experiments.sweeps.ranges import Choice, Integers
from threefactor.experiments.tuning.study import open_tuning, run_tuning
from threefactor.experiments.tuning.tuning import Tuning
from threefactor.search_range import SearchRange, search_ranges

BASE = {
    "env": "Identity-v0", "preset": "none", "episodes": 20, "window_ms": 20.0,
    "encoder": "one-hot", "modulator": "reward-baseline", "decoder": "argmax",
    "model": {"name": "feed-forward", "neurons_per_action": 3}, "reference_episodes": 0,
    "record_episodes": 0, "weight_snapshots": 0, "probes": 0,
    "rule": {"name": "reinforce", "learning_rate": 0.2},
}  # fmt: skip


def test_without_a_search_rule_and_modulator_say_where_to_look():
    tuning = Tuning.of({"base": {**BASE, "modulator": "td-linear"}})
    assert set(tuning.space) == {
        "rule.learning_rate", "rule.trace_decay", "modulator.discount", "modulator.trace_decay",
        "modulator.learning_rate",
    }  # fmt: skip
    assert tuning.space["rule.learning_rate"] == SearchRange(0.001, 10.0, is_log=True)
    with_critic = {**BASE, "modulator": "td", "model": {"name": "actor-critic"}}
    assert "critic_rule.learning_rate" in Tuning.of({"base": with_critic}).space


def test_a_file_says_its_own_ranges_and_none_is_the_declared_one():
    space = Tuning.of({"base": BASE, "search": {
        "rule.learning-rate": None, "model.neurons_per_action": {"integers": [3, 6]},
        "decoder": {"choice": ["argmax", "softmax"]},
        "neuron.v_slope_mv": {"uniform": [1, 4]},
    }}).space  # fmt: skip
    assert space == {
        "rule.learning_rate": SearchRange(0.001, 10.0, is_log=True),
        "model.neurons_per_action": Integers(3, 6),
        "decoder": Choice(("argmax", "softmax")),
        "neuron.v_slope_mv": SearchRange(1.0, 4.0),
    }


def test_declared_ranges_hold_the_defaults_of_their_fields():
    for table in (threefactor.RULES, threefactor.MODULATORS):
        for name, kind in table.items():
            for field, wanted in search_ranges(kind).items():
                assert wanted.low <= getattr(kind(), field) <= wanted.high, (name, field)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"serch": {}}, "Did you mean 'search'?"),
        ({"seeds": 4}, "seeds: expected 5 or more, got 4."),
        ({"seeds": [0, 1, 2, 3, 4]}, "seeds: those below 100 are for reporting, got 0"),
        ({"seeds": [100, 101, 102, 103, 110]}, "seeds: expected neighbours"),
        ({"trials": 0}, "trials must be >= 1, got 0."),
        ({"search": {"rule.learning_rat": {"uniform": [0, 1]}}}, "Did you mean 'learning_rate'?"),
        ({"search": {"window_ms": None}}, "search.window_ms: it declares no range"),
        ({"search": {"window_ms": {"uniform": [2, 1]}}}, "expected low < high"),
        ({"search": [1]}, "search: expected names with values"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(content, message):
    with pytest.raises(ValueError, match=re.escape(message)) as found:
        Tuning.of({"base": BASE, **content})
    assert "\n" not in str(found.value)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuning") / "out"
    content = {"base": BASE, "search": {"rule.learning_rate": None}, "trials": 4}
    return threefactor.tune(content, folder, workers=2, quiet=True)


def test_the_best_trial_is_written_with_where_it_comes_from(tuned):
    assert tuned.tried == 4
    text = (tuned.path / "tuned.yaml").read_text()
    assert "# tuning_seeds: 100-104" in text
    assert "# budget: 4 of 4 trials" in text
    config = configure(tuned.path / "tuned.yaml")
    assert config.parts["rule"].learning_rate == tuned.values["rule.learning_rate"]
    assert config.options.episodes == BASE["episodes"]
    assert "report it on other seeds" in tuned.report()


def test_the_score_is_the_interquartile_mean_of_runs_that_anyone_can_repeat(tuned, tmp_path):
    run = threefactor.train(
        tuned.path / "tuned.yaml", seed=100, replicas=5, out=tmp_path / "again", quiet=True
    )
    middle = sorted(run.summary["mean_return_last_100_by_replica"])[1:4]
    assert tuned.score == pytest.approx(sum(middle) / 3)


def test_the_first_trial_is_what_there_is_and_the_best_is_no_worse(tuned):
    first = yaml.safe_load((tuned.path / "trials" / "0000" / "config.yaml").read_text())
    assert first["rule"]["learning_rate"] == BASE["rule"]["learning_rate"]


def test_a_tuning_goes_on_with_more_trials(tuned):
    again = threefactor.tune(tuned.path, tuned.path, workers=2, quiet=True)
    assert (again.tried, again.score) == (4, tuned.score)
    content = {**tuned.tuning.content, "trials": 5}
    assert threefactor.tune(content, tuned.path, workers=2, quiet=True).tried == 5
    other = {**content, "search": {"rule.trace_decay": None}}
    with pytest.raises(ValueError, match="expected the search that was begun there"):
        threefactor.tune(other, tuned.path, quiet=True)


def test_hopeless_trials_are_ended_early(tmp_path):
    base = {**BASE, "episodes": 100}
    search = {"rule.learning_rate": {"choice": [0.2, 1e-9, 1e-8, 1e-7]}}
    content = {"base": base, "search": search, "trials": 11}
    result = threefactor.tune(content, tmp_path / "out", workers=2, quiet=True)
    assert result.pruned >= 1
    assert result.values == {"rule.learning_rate": 0.2}


def test_interrupted_trials_are_tried_again(tmp_path):
    base = {**BASE, "episodes": 100_000}
    folder, tuning = open_tuning(Tuning.of({"base": base, "trials": 2}), tmp_path / "out")

    def press():
        while not list(folder.rglob("episodes.csv")):
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    result = run_tuning(folder, tuning, 1, print)
    assert (result.is_interrupted, result.tried) == (True, 0)
    assert not list((folder / "claims").iterdir())
    assert "no trial has come to its end" in result.report()


def test_options_of_train_are_what_is_tuned():
    words = ["--env", "Identity-v0", "--rule", "rstdp", "--trials", "7", "--episodes", "9"]
    request = parse_tune(words)
    assert request.source is None
    tuning = Tuning.of(request.content)
    assert (tuning.trials, tuning.config.options.episodes) == (7, 9)
    assert tuning.config.names["rule"] == "rstdp"
    with pytest.raises(ValueError, match="--seed is for train"):
        parse_tune(["--env", "Identity-v0", "--seed", "3"])
    with pytest.raises(ValueError, match="--trials: f.yaml says it"):
        parse_tune(["f.yaml", "--trials", "3"])


def test_without_optuna_it_is_said_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    (tmp_path / "t.yaml").write_text(yaml.safe_dump({"base": BASE}))
    assert main(["tune", str(tmp_path / "t.yaml"), "--out", str(tmp_path / "out")]) == 2
    assert "pip install 'threefactor[tune]'" in capsys.readouterr().err
