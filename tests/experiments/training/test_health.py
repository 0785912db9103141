"""Health of a run: agents that are made ill on purpose, what is written, said and stopped."""

import re
from pathlib import Path

import numpy as np
import pytest

import run as program
from threefactor.analysis.conditions import CONDITIONS, HEALTH_COLUMNS, REGULAR
from threefactor.analysis.health import Anatomy
from threefactor.analysis.health_figure import draw_health
from threefactor.analysis.run_data import EventKind
from threefactor.experiments.command_line.arguments import INTERRUPTED
from threefactor.experiments.configuration import resolve
from threefactor.experiments.layers import configure
from threefactor.experiments.training.health import ROW_DECISIONS
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.progress import Progress
from threefactor.experiments.training.result import TrainingResult
from threefactor.experiments.training.run import resume_agent, train_agent

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "health.md").read_text()
GRID = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 60, "episodes": 30,
    "window_ms": 50.0, "seed": 5, "record_episodes": 0, "weight_snapshots": 0, "probes": 0,
    "reference_episodes": 0, "modulator": "td-linear", "rule": {"learning_rate": 0.1},
    "encoder": {"rate_max_hz": 500.0}, "model": {"name": "feed-forward", "neurons_per_action": 3},
}  # fmt: skip
#: Reward 1 in every decision.
POLE = {
    **GRID, "env": "CartPole-v1", "env_kwargs": {}, "encoder": {"name": "gaussian", "cells": [3],
    "low": [-2.4, -2.5, -0.21, -2.5], "high": [2.4, 2.5, 0.21, 2.5]}, "episodes": 40,
}  # fmt: skip
CAR = {
    **GRID, "env": "MountainCar-v0", "env_kwargs": {}, "episodes": 25, "window_ms": 10.0,
    "encoder": {"name": "tile", "tilings": 2, "tiles": [4], "low": [-100.0], "high": [100.0]},
}  # fmt: skip
GIANT = {"model": {"w_init_low": 150.0, "w_init_high": 200.0, "w_max": 200.0}}
STIFF = {"model": {"w_min": 1.5, "w_init_low": 1.5, "w_init_high": 1.5, "w_max": 1.5}}
ZERO = {"model": {"w_init_low": 0.0, "w_init_high": 0.0}, "rule": {"learning_rate": 0.0}}
#: Condition -> settings of a run that has it.
ILL = {
    "silent": (GRID, ZERO),
    "silent-input": (GRID, {"encoder": {"rate_max_hz": 1e-9}}),
    "saturated": (GRID, GIANT),
    "weights-at-bounds": (GRID, STIFF),
    "dead-inputs": (CAR, {}),
    "constant-third-factor": (POLE, {"modulator": {"name": "td-linear", "learning_rate": 0.0}}),
}  # fmt: skip


def trained(tmp_path, *layers, said=None, observers=(), name="run"):
    say = (lambda line: None) if said is None else said.append
    return train_agent(resolve(*layers), tmp_path / name, observers=observers, say=say)


@pytest.mark.parametrize("name", ILL)
def test_an_agent_that_is_made_ill_is_told_so(tmp_path, name):
    said = []
    result = trained(tmp_path, *ILL[name], said=said)
    assert name in {ailment.condition.name for ailment in result.health.ailments}
    assert not result.health.is_healthy
    (ailment,) = (a for a in result.health.ailments if a.condition.name == name)
    assert ailment.remedy
    assert f"health: {ailment.line(1)}" in result.report()
    told = [line for line in said if line.endswith(ailment.remedy)]
    assert len(told) == 1
    assert told[0].startswith("unhealthy: ")
    kept = {entry["condition"] for entry in result.summary["health"]["ailments"]}
    assert kept == {a.condition.name for a in result.health.ailments}


def test_what_never_brings_a_reward_is_told_so_after_long(tmp_path):
    world = {"env": "Identity-v0", "env_kwargs": {}, "episodes": 500, "max_episode_steps": 10}
    result = trained(
        tmp_path, GRID, {**world, "window_ms": 10.0}, {"modulator": {"gain": 0.0, "name": "reward"}}
    )
    assert "third factor 0 in the last 500 episodes" in result.report()


@pytest.mark.parametrize("settings", [
    {"env": "GridWorld-v0", "episodes": 25}, {"env": "CartPole-v1", "episodes": 25},
    {"env": "FrozenLake-v1", "episodes": 150}, {"env": "Blackjack-v1", "episodes": 150},
    {"env": "GridWorld-v0", "preset": "fast", "episodes": 25},
])  # fmt: skip
def test_a_healthy_default_agent_reports_nothing(tmp_path, settings):
    said = []
    config = configure(settings, reference_episodes=0)
    result = train_agent(config, tmp_path / "run", say=said.append)
    assert result.health.columns["episode"].size
    assert result.health.is_healthy
    assert "health:" not in result.report()
    assert [line for line in said if "healthy" in line] == []


def test_rows_hold_what_the_recordings_hold(tmp_path):
    result = trained(tmp_path, GRID, {"record_episodes": 30})
    columns, run = result.health.columns, result.run
    assert set(columns) == set(HEALTH_COLUMNS)
    assert (columns["decisions"] >= ROW_DECISIONS).all()
    ends = run.events.select(EventKind.EPISODE_END)
    lengths = run.episodes["length"]
    for population, size in run.populations.items():
        own = columns["population"] == population
        begin = 0
        spikes = run.spikes(population)
        for episode, decisions, rate_hz in zip(
            columns["episode"][own], columns["decisions"][own], columns["rate_hz"][own], strict=True
        ):
            assert decisions >= lengths[begin:episode].sum()
            begin_ms = ends.time_ms[begin - 1] if begin else 0.0
            is_own = (spikes.time_ms >= begin_ms) & (spikes.time_ms < ends.time_ms[episode - 1])
            assert rate_hz == pytest.approx(is_own.sum() / size / (decisions * 0.05))
            begin = episode


class StopAt(Observer):
    def __init__(self, episode):
        self._episode = episode

    def finished(self, loop, episode):
        if episode.number == self._episode:
            loop.stop("enough")


def test_a_resumed_run_writes_the_same_rows_and_tells_nothing_twice(tmp_path):
    said, later = [], []
    whole = trained(tmp_path, GRID, GIANT, said=said)
    for stop in (11, 26):  # before and after it is told
        part = trained(tmp_path, GRID, GIANT, observers=[StopAt(stop)], name=f"part{stop}")
        with (part.path / "health.csv").open("a") as file:
            file.write("0,99,100,actor,1,1")  # a row that a kill has cut
        resumed = resume_agent(part.path, say=later.append)
        text = (whole.path / "health.csv").read_text()
        assert (resumed.path / "health.csv").read_text() == text
        assert resumed.health.ailments == whole.health.ailments
    told = [line for line in said if "saturated" in line]
    assert [line for line in later if "saturated" in line] == told
    assert len(told) == 1


@pytest.mark.parametrize(
    ("asked", "stops"),
    [(["unhealthy"], True), (["silent", "saturated"], True), (["silent"], False), ([], False)],
)
def test_a_run_stops_when_it_is_told_to(tmp_path, asked, stops):
    said = []
    result = trained(tmp_path, GRID, GIANT, {"stop_when": asked}, said=said)
    assert result.is_interrupted == stops
    assert ("stopped as unhealthy (actor saturated): keeping what was done" in said) == stops
    assert (result.path / "checkpoints").is_dir()
    if stops:
        assert 20 <= result.returns.size < 30
        resumed = resume_agent(result.path, say=said.append)  # stops no second time
        assert not resumed.is_interrupted
        assert resumed.returns.size == 30


def test_it_stops_when_half_of_the_replicas_are_ill(tmp_path):
    each = {"each": {"model.w_init_low": [150.0, 2.0, 2.0]}, "stop_when": ["saturated"]}
    model = {"model": {"w_init_high": 200.0, "w_max": 200.0}}
    for high, stops in (([200.0, 2.5, 2.5], False), ([200.0, 200.0, 2.5], True)):
        own = {"each": {**each["each"], "model.w_init_high": high}, "seed": 0}
        own["each"]["model.w_init_low"] = [150.0, 150.0 if stops else 2.0, 2.0]
        result = trained(tmp_path, GRID, model, {**each, **own}, name=str(stops))
        assert result.is_interrupted == stops


def test_an_unknown_condition_is_refused_with_the_closest():
    with pytest.raises(ValueError, match="Did you mean 'unhealthy'"):
        resolve({"stop_when": ["unhealty"]})
    with pytest.raises(ValueError, match="regular"):  # known when the run has ended
        resolve({"stop_when": [REGULAR.name]})


def test_progress_shows_who_is_ill(tmp_path):
    lines = []
    trained(tmp_path, GRID, GIANT, observers=[Progress(lines.append)])
    assert re.fullmatch(r"episode 30/30: mean of the last 100: [\d.]+; actor saturated", lines[-1])
    assert "saturated" not in lines[0]


def test_a_run_without_a_summary_has_its_health(tmp_path):
    result = trained(tmp_path, GRID, GIANT)
    (result.path / "summary.json").unlink()
    assert "health: actor saturated" in TrainingResult.load(result.path).report()
    (result.path / "health.csv").unlink()  # of before
    assert TrainingResult.load(result.path).health.is_healthy


def test_the_figure_shows_thresholds_and_who_is_ill(tmp_path):
    result = trained(tmp_path, GRID, GIANT, {"replicas": 2})
    figure = draw_health(result.health, Anatomy.of(result.run.meta))
    assert figure.get_suptitle() == "Health: actor saturated (2 of 2 replicas)"
    assert [axes.get_ylabel() for axes in figure.axes][:2] == ["Rate (Hz)", "Share of neurons"]
    saturated = figure.axes[1].lines
    assert max(np.max(line.get_ydata()) for line in saturated) == 1.0
    assert "health" in result.figures()
    short = trained(tmp_path, GRID, {"episodes": 1}, name="short")
    assert "health" not in short.figures()


def rows_of_page():
    return re.findall(
        r"^\| `([-a-z]+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE
    )


def test_the_page_has_the_table():
    table = [*CONDITIONS.values(), REGULAR]
    assert [row[0] for row in rows_of_page()] == [condition.name for condition in table]
    for condition, (_, asked, lasts, why, source) in zip(table, rows_of_page(), strict=True):
        assert asked == condition.asked
        assert lasts == (str(condition.episodes) if condition is not REGULAR else "")
        assert why == condition.why
        assert source == condition.source


def test_the_page_names_the_columns():
    named = re.findall(r"^- `([a-z_`, ]+)`:", PAGE, re.MULTILINE)
    assert ", ".join(named).replace("`", "").split(", ") == list(HEALTH_COLUMNS)


def typed(subcommand, capsys):
    """Type the page's commands of a kind; return their statuses and what they print."""
    commands = re.findall(rf"^    \$ python run\.py ({subcommand} .*)$", PAGE, re.MULTILINE)
    statuses = []
    for command in commands:
        extra = ["--no-figures", "--quiet"] if subcommand == "train" else []
        statuses.append(program.main([*command.split(), *extra]))
    captured = capsys.readouterr()
    return statuses, captured.out + captured.err


def test_the_page_prints_what_it_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    statuses, printed = typed("train", capsys)
    assert statuses == [INTERRUPTED, 0]
    shown = re.findall(r"^    ((?:unhealthy|stopped|health)\b.*)$", PAGE, re.MULTILINE)
    assert len(shown) == 3
    for line in shown:
        assert line in printed
    assert {path.name for path in Path("runs/ill").glob("*.csv")} == {"episodes.csv", "health.csv"}


@pytest.mark.slow
def test_the_page_draws_its_figure(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    typed("train", capsys)
    statuses, printed = typed("plot", capsys)
    assert statuses == [0]
    assert "runs/ill/figures/health.png" in printed
