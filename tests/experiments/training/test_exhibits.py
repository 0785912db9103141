"""What an evaluation leaves for figures, and that it leaves the scores alone."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from threefactor.agents.seeds import spawn_seeds
from threefactor.analysis.before_after import BeforeAfter
from threefactor.analysis.report import draw_run
from threefactor.analysis.run_data import FILMED, TRAINED, UNTRAINED, EventKind, Run
from threefactor.experiments.configuration import read_settings, resolve
from threefactor.experiments.training import exhibits, plane, playing
from threefactor.experiments.training.checkpoint import load_checkpoint
from threefactor.experiments.training.evaluation import evaluate_run
from threefactor.experiments.training.exhibits import Exhibits
from threefactor.experiments.training.run import train_agent
from threefactor.experiments.training.setup import Setup

SMALL = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 5, "episodes": 2,
    "window_ms": 10.0, "reference_episodes": 0, "record_episodes": 0, "weight_snapshots": 1,
    "model": {"name": "feed-forward", "neurons_per_action": 3}, "engine": "runtime-numpy",
    "modulator": "td-linear", "replicas": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train_agent(resolve(SMALL), tmp_path_factory.mktemp("grid") / "run").path


@pytest.fixture(scope="module")
def car(tmp_path_factory):
    """A run whose observations are two numbers."""
    settings = {
        "env": "MountainCar-v0",
        "env_kwargs": {},
        "max_episode_steps": 8,
        "encoder": "gaussian",
    }
    return train_agent(resolve(SMALL, settings), tmp_path_factory.mktemp("car") / "run").path


def test_exhibits_leave_the_scores_alone(trained, tmp_path, capsys):
    plain = evaluate_run(trained, 3)
    numbers = json.loads((trained / "evaluation.json").read_text())
    film = tmp_path / "a.gif"
    shown = evaluate_run(trained, 3, exhibits=Exhibits(record=True, film=film))
    assert json.loads((trained / "evaluation.json").read_text()) == numbers
    assert np.array_equal(shown.returns, plain.returns)
    assert np.array_equal(shown.lengths, plain.lengths)
    assert shown.left == (trained / "evaluation", film)
    assert shown.report().endswith(f"evaluation: {trained / 'evaluation'}\na.gif: {film}")
    with Image.open(film) as frames:
        assert 1 < frames.n_frames <= plain.lengths[0, 0] + 1


def test_before_and_after_are_the_same_episode_in_the_same_noise(car, monkeypatch):
    seeds = []

    def play(agent, environments, episodes, of_environments, observers):
        seeds.extend(of_environments)
        return playing.play(agent, environments, episodes, of_environments, observers)

    monkeypatch.setattr(plane, "POINTS", 2)
    monkeypatch.setattr(exhibits, "play", play)
    evaluated = evaluate_run(car, 2, exhibits=Exhibits(record=True))
    assert seeds == [spawn_seeds(0).evaluation]
    before, after = Run(car / UNTRAINED), Run(car / TRAINED)
    assert after.episodes["length"][after.episodes["replica"] == 0].tolist() == (
        evaluated.lengths[0].tolist()
    )
    assert before.episodes["episode"].tolist() == [1]
    firsts = []
    for run in (before, after):
        assert run.config["control"] == "frozen"
        start_ms = run.events.select(EventKind.EPISODE_START).time_ms[0]
        spikes = run.spikes("input")
        own = spikes.time_ms < start_ms + 10.0  # what follows depends on the actions
        firsts.append((spikes.time_ms[own].tolist(), spikes.neuron[own].tolist()))
    assert firsts[0] == firsts[1]
    assert firsts[0][0]
    shown = BeforeAfter.of(Run(car), "return")
    assert shown.names == ("before: initial weights", "after: trained weights")
    assert (shown.before.n_groups, shown.before.first_action) == (3, 0)
    assert "before-after" in draw_run(Run(car))


def test_a_plane_holds_what_the_trained_agent_says_of_its_points(car, monkeypatch):
    monkeypatch.setattr(plane, "POINTS", 3)
    evaluated = evaluate_run(car, 2, exhibits=Exhibits(record=True))
    arrays = Run(car).plane
    assert arrays["preferences"].shape == (3, 3, 3)
    assert arrays["names"].tolist() == ["position", "velocity"]
    assert len(arrays["visited"]) == evaluated.lengths[0].sum() + 2
    assert arrays["starts"].tolist() == [0, evaluated.lengths[0, 0] + 1]
    setup = Setup.of(resolve(read_settings(car / "config.yaml")))
    with setup.opened() as (environments, agent):
        agent.restore(load_checkpoint(car)["agent"])
        agent.freeze()
        point = np.array([arrays["axes"][0, 0], arrays["axes"][1, 0]])
        preferences, value = agent.appraise(point.astype(environments.observation_space.dtype))
    assert arrays["preferences"][0, 0].tolist() == preferences.tolist()
    assert arrays["values"][0, 0] == value
    assert value != 0.0  # what the critic has learned is the modulator's
    assert "phase-plane" in draw_run(Run(car))


def test_dimensions_can_be_chosen(car, monkeypatch):
    monkeypatch.setattr(plane, "POINTS", 2)
    evaluate_run(car, 1, exhibits=Exhibits(record=True, dimensions=(1, 0)))
    assert Run(car).plane["names"].tolist() == ["velocity", "position"]
    for dimensions in ((0, 2), (1, 1)):
        with pytest.raises(ValueError, match="expected two different numbers from 0 to 1, got"):
            evaluate_run(car, 1, exhibits=Exhibits(record=True, dimensions=dimensions))


def test_a_plane_needs_numbers(trained):
    with pytest.raises(ValueError, match=r"two numbers or more, got 0 and 1 of the space Discrete"):
        evaluate_run(trained, 1, exhibits=Exhibits(record=True, dimensions=(0, 1)))
    with pytest.raises(ValueError, match="expected --record with it"):
        Exhibits(dimensions=(0, 1))


def test_what_draws_no_pictures_is_filmed_without(tmp_path):
    settings = {"env": "Identity-v0", "env_kwargs": {}, "max_episode_steps": 4}
    run, said = train_agent(resolve(SMALL, settings), tmp_path / "run").path, []
    evaluate_run(run, 1, say=said.append, exhibits=Exhibits(film=tmp_path / "a.gif"))
    assert [line for line in said if "draws no pictures" in line] == [
        "Identity-v0 draws no pictures (no render mode rgb_array): the film shows spikes, actions "
        "and rewards alone"
    ]
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames > 1
    assert [entry.name for entry in (run / "evaluation").iterdir()] == ["filmed"]


def test_a_drawing_package_that_lacks_is_named_before_anything_is_done(car, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygame", None)
    (car / "evaluation.json").unlink(missing_ok=True)
    with pytest.raises(ValueError, match=r'pip install "gymnasium\[classic-control\]"'):
        evaluate_run(car, 1, exhibits=Exhibits(film=tmp_path / "a.gif"))
    assert not (car / "evaluation.json").exists()
    assert not (car / FILMED).exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [("a.avi", "ends in .gif or .mp4"), ("nowhere/a.gif", "Film .* expected a place")],
)
def test_a_film_that_cannot_be_written_is_refused_at_once(name, message, tmp_path):
    with pytest.raises((ValueError, OSError), match=message):
        Exhibits(film=tmp_path / name)
