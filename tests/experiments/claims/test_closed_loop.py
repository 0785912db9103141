"""Claims of trained agents: what a score is, and how long the controls run."""

import csv
import json

import numpy as np
import pytest

from threefactor.experiments.claims.closed_loop import Score, closed_loop_experiment, last_scores
from threefactor.experiments.claims.experiment import (
    ORDINARY,
    PERMUTED,
    RANDOM,
    SHUFFLED,
    TRAINED,
    TWIN,
    ZERO,
    ArmRequest,
)
from threefactor.experiments.configuration import read_settings
from threefactor.experiments.layers import configure
from threefactor.experiments.training.setup import Setup

SETTINGS = {"env": "Identity-v0", "preset": "none", "episodes": 3, "encoder": "one-hot"}


@pytest.fixture(scope="module")
def run_arm(tmp_path_factory):
    """Run an arm of a small experiment, once."""
    experiment = closed_loop_experiment(
        "It runs.", SETTINGS, (), Score(evaluated=4, max_episode_steps=5), control_episodes=1
    )
    folder, found = tmp_path_factory.mktemp("arms"), {}

    def run(arm):
        if arm not in found:
            request = ArmRequest(arm, folder / arm, (0, 1), 1.0, "auto", lambda line: None)
            found[arm] = (folder / arm, experiment.run_arm(request).scores)
        return found[arm]

    return run


def episodes_of(path):
    with open(path / "episodes.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_an_evaluated_score_is_that_of_other_episodes_with_their_own_limit(run_arm):
    path, scores = run_arm(TRAINED)
    evaluation = json.loads((path / "evaluation.json").read_text())
    assert scores.tolist() == evaluation["mean_return_by_seed"]
    assert evaluation["episodes"] == 2 * 4
    assert evaluation["mean_length"] == 5
    assert all(int(row["length"]) > 5 for row in episodes_of(path))


@pytest.mark.parametrize(
    ("arm", "episodes"), [(TRAINED, 3), (SHUFFLED, 1), (PERMUTED, 1), (ZERO, 1)]
)
def test_controls_that_learn_may_have_fewer_episodes(run_arm, arm, episodes):
    path, _ = run_arm(arm)
    assert len(episodes_of(path)) == 2 * episodes


def test_an_ordinary_network_learns_as_long_as_the_agent(tmp_path):
    pytest.importorskip("torch")
    experiment = closed_loop_experiment(
        "It runs.", {"env": "Identity-v0", "agent": {"name": "dqn"}, "episodes": 3}, (),
        controls=(), control_episodes=1, variants={ORDINARY: {"neuron": "relu"}},
    )  # fmt: skip
    for arm, neuron in zip(experiment.arms, ("lif-soft-reset", "relu"), strict=True):
        experiment.run_arm(ArmRequest(arm, tmp_path / arm, (0,), 1.0, "auto", lambda line: None))
        assert read_settings(tmp_path / arm / "config.yaml")["neuron"]["name"] == neuron
        assert len(episodes_of(tmp_path / arm)) == 3


def test_the_twin_and_the_random_agent_are_scored_alike(run_arm):
    path, twins = run_arm(TWIN)
    assert len(episodes_of(path)) == 2 * 100
    _, random = run_arm(RANDOM)
    assert twins.shape == random.shape == (2,)
    assert np.all((0 <= random) & (random <= 5))  # a reward of 1 in each of five decisions at most


def test_an_evaluation_is_made_once(run_arm, monkeypatch):
    path, scores = run_arm(TRAINED)
    monkeypatch.setattr(
        "threefactor.experiments.claims.closed_loop.evaluate_run", lambda *given, **named: None
    )
    assert Score(evaluated=4).of_run(path, 1.0).tolist() == scores.tolist()


def test_an_agent_is_put_to_the_test_elsewhere_and_keeps_its_own_score(tmp_path):
    settings = {"env": "GridWorld-v0", "env_kwargs": {"size": 3}, "episodes": 3, "preset": "none"}
    rich, scores = {"goal_reward": 30.0}, {}
    experiment = closed_loop_experiment(
        "It runs.",
        settings,
        (),
        Score(evaluated=4, max_episode_steps=40),
        (),
        elsewhere={"r": rich},
    )
    assert experiment.arms == (TRAINED, "r")
    for arm in (TRAINED, "r", TRAINED):
        request = ArmRequest(arm, tmp_path / arm, (0, 1), 1.0, "auto", lambda line: None)
        scores.setdefault(arm, []).append(experiment.run_arm(request).scores)
    np.testing.assert_allclose(scores["r"][0], 3.0 * scores[TRAINED][0])
    assert scores[TRAINED][0].tolist() == scores[TRAINED][1].tolist()
    assert scores[TRAINED][0].min() > 0


def test_lengths_and_returns_are_told_apart(run_arm):
    path, _ = run_arm(TRAINED)
    rows = episodes_of(path)
    for of, column in (("length", "length"), ("return", "return")):
        first = [float(row[column]) for row in rows if row["replica"] == "0"]
        assert last_scores(path, of)[0] == pytest.approx(np.mean(first))
    setup = Setup.of(configure(SETTINGS, seed=3, replicas=1))
    assert Score("length", evaluated=2, max_episode_steps=6).of_random(setup, 1.0) == 6


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (Score(), "return per episode, mean of the last 100"),
        (Score("length"), "decisions per episode, mean of the last 100"),
        (
            Score(evaluated=50, max_episode_steps=200),
            "return per episode, mean of 50 episodes of at most 200 decisions after training, "
            "learning off",
        ),
    ],
)
def test_a_score_says_what_it_is(score, text):
    assert score.text == text
    experiment = closed_loop_experiment("It runs.", {}, (), score, control_episodes=9)
    assert experiment.score == f"{text} (9 episodes for the controls, which are longer)"
