"""Evaluation asks the seeds, not the episodes."""

import json
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from threefactor.agents import AgentSettings
from threefactor.agents.contract import Agent
from threefactor.agents.plastic.agent import PlasticAgent
from threefactor.agents.plastic.settings import PlasticSettings
from threefactor.analysis.operations import measure_operations
from threefactor.analysis.run_data import TRAINED, Run
from threefactor.envs.bridge import Decoder
from threefactor.envs.bridge.decoders.discrete import Softmax
from threefactor.experiments.configuration import read_settings, resolve
from threefactor.experiments.training.checkpoint import load_checkpoint
from threefactor.experiments.training.evaluation import EvaluationResult, evaluate_run
from threefactor.experiments.training.exhibits import Exhibits
from threefactor.experiments.training.playing import play
from threefactor.experiments.training.run import train_agent
from threefactor.experiments.training.setup import Setup
from threefactor.models.grid import quantise

SMALL = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 5, "episodes": 1,
    "window_ms": 10.0, "reference_episodes": 0, "record_episodes": 0, "weight_snapshots": 1,
    "model": {"name": "feed-forward", "neurons_per_action": 3}, "modulator": "reward",
    "engine": "runtime-numpy",
}  # fmt: skip


def test_every_seed_has_its_own_mean():
    """What an audit found pooled: replicas of mean 12.1, 33.6 and 12.4, as 16.4 to 22.6."""
    levels = [12.1, 33.6, 12.4]
    deviations = np.random.default_rng(0).normal(0, 5, (3, 100))
    returns = np.array(levels)[:, None] + deviations - deviations.mean(axis=1, keepdims=True)
    result = EvaluationResult(Path("run"), "E-v0", returns, np.ones((3, 100)))
    assert result.over_seeds.values == pytest.approx(levels)
    assert result.over_seeds.bounds is None
    assert result.report().splitlines() == [
        "E-v0: return, mean of 100 episodes, learning off: interquartile mean 19.367 of 3 seeds "
        "(no interval below 5): 12.100, 33.600, 12.400",
        "  mean length 1.0 decisions",
    ]


@pytest.fixture(scope="module")
def soft(tmp_path_factory):
    """A run of two replicas with a soft choice, and room for longer episodes."""
    settings = {"decoder": {"name": "softmax", "temperature": 50.0}, "replicas": 2}
    return train_agent(resolve(SMALL, settings), tmp_path_factory.mktemp("soft") / "run").path


def test_another_time_limit(soft):
    usual, short = evaluate_run(soft, 3), evaluate_run(soft, 3, max_episode_steps=2)
    assert 2 < usual.lengths.max() <= 5
    assert short.lengths.max() <= 2
    assert "at most 2 decisions" in short.report()
    saved = json.loads((soft / "evaluation.json").read_text())
    assert (saved["max_episode_steps"], saved["greedy"]) == (2, False)
    assert saved["mean_length_by_seed"] == short.lengths.mean(axis=1).tolist()


def test_greedy_is_the_choice_of_most_spikes(soft):
    """As the same weights behind an argmax decoder decide."""
    greedy = evaluate_run(soft, 2, greedy=True, max_episode_steps=40)
    assert greedy.is_greedy
    assert ", greedy" in greedy.report()
    changes = {"decoder": "argmax", "max_episode_steps": 40}
    config = resolve(read_settings(soft / "config.yaml"), changes)
    setup = Setup.of(config).frozen
    with setup.opened() as (environments, agent):
        agent.adopt(load_checkpoint(soft)["agent"])
        episodes = play(agent, environments, 2, [seeds.evaluation for seeds in setup.seeds])
    expected = [[e.length for e in episodes if e.replica == r] for r in range(2)]
    assert greedy.lengths.tolist() == expected
    assert evaluate_run(soft, 2, max_episode_steps=40).lengths.tolist() != expected


def test_another_environment_is_the_one_that_is_played(soft):
    """As agents with the same weights play where it was told from the beginning."""
    rewards = {"goal_reward": 3.0}
    changed = evaluate_run(soft, 3, max_episode_steps=40, env_kwargs=rewards)
    assert "goal_reward 3.0" in changed.report()
    assert json.loads((soft / "evaluation.json").read_text())["env_kwargs"] == rewards
    told = {"env_kwargs": {"size": 3, **rewards}, "max_episode_steps": 40}
    setup = Setup.of(resolve(read_settings(soft / "config.yaml"), told)).frozen
    with setup.opened() as (environments, agent):
        agent.adopt(load_checkpoint(soft)["agent"])
        episodes = play(agent, environments, 3, [seeds.evaluation for seeds in setup.seeds])
    expected = [[e.discounted for e in episodes if e.replica == r] for r in range(2)]
    assert changed.returns.tolist() == expected
    usual = evaluate_run(soft, 3, max_episode_steps=40)
    assert usual.returns.max() > changed.returns.max() > 0


class Bounded(gym.Env):
    """Shows a number between bounds that an argument sets."""

    action_space = gym.spaces.Discrete(2)

    def __init__(self, bound=1.0):
        self.observation_space = gym.spaces.Box(-bound, bound, (1,))


def test_the_agent_is_built_for_the_bounds_of_its_training():
    """Cells stay where they were when an argument moves the bounds of what is seen."""
    gym.register("Bounded-v0", Bounded)
    try:
        setup = Setup.of(
            resolve({"env": "Bounded-v0", "encoder": "gaussian", "engine": "runtime-numpy"})
        )
        moved = replace(setup, changed_kwargs={"bound": 5.0})
        with setup.opened() as (_, own), moved.opened() as (environments, agent):
            assert environments.observation_space.high[0] == 5.0
            seen = np.full((1, 1), 0.3)
            np.testing.assert_array_equal(agent.encoder.encode(seen), own.encoder.encode(seen))
    finally:
        del gym.registry["Bounded-v0"]


def test_an_environment_of_another_form_is_refused(soft):
    with pytest.raises(ValueError, match=r"env_kwargs size=4: .* Discrete\(9\), these are"):
        evaluate_run(soft, 1, env_kwargs={"size": 4})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_episode_steps": 0}, "max_episode_steps must be >= 1, got 0."),
        ({"episodes": 0}, "episodes must be >= 1, got 0."),
    ],
)
def test_impossible_evaluations_are_refused(options, message, soft):
    with pytest.raises(ValueError, match=message):
        evaluate_run(soft, **options)


def test_an_agent_that_cannot_be_greedy_is_refused(soft, monkeypatch):
    monkeypatch.setattr(Softmax, "greedy", Decoder.greedy)
    with pytest.raises(ValueError, match="Softmax.greedy: this decoder does not say how"):
        evaluate_run(soft, 1, greedy=True)
    monkeypatch.setattr(PlasticSettings, "greedy", AgentSettings.greedy)
    with pytest.raises(ValueError, match="PlasticSettings.greedy: this agent does not say how"):
        evaluate_run(soft, 1, greedy=True)


@pytest.mark.parametrize(("replicas", "is_interval"), [(3, False), (5, True)])
def test_evaluation_is_of_seeds(replicas, is_interval, tmp_path):
    result = train_agent(resolve(SMALL, {"replicas": replicas}), tmp_path / "run")
    evaluated = evaluate_run(result.path, 2)
    saved = json.loads((result.path / "evaluation.json").read_text())
    assert saved == evaluated.to_dict()
    assert saved["episodes"] == 2 * replicas
    assert saved["mean_return_by_seed"] == evaluated.returns.mean(axis=1).tolist()
    assert (saved["interval_95"] is not None) == is_interval
    assert ("[" in evaluated.report()) == is_interval
    assert ", ".join(f"{value:.3f}" for value in saved["mean_return_by_seed"]) in evaluated.report()


@pytest.mark.parametrize(
    "settings",
    [{"replicas": 2}, {"replicas": 2, "each": {"rule.learning_rate": [0.1, 0.2]}}],
    ids=["together", "apart"],
)
def test_quantised_weights_are_what_the_engine_executes(settings, tmp_path):
    """Returns are those of an agent whose weights were rounded by hand, and others are not."""
    config = resolve(SMALL, settings, {"max_episode_steps": 40})
    path = train_agent(config, tmp_path / "run").path
    found = evaluate_run(path, 3, bits=(2, 8, 2))
    setup = Setup.of(resolve(read_settings(path / "config.yaml"))).frozen
    assert list(found.quantised) == [2, 8]
    for bits, result in found.quantised.items():
        with setup.opened() as (environments, agent):
            agent.adopt(load_checkpoint(path)["agent"])
            learned = agent.weights()
            rounded = {n: np.stack([quantise(row, bits) for row in w]) for n, w in learned.items()}
            agent.begin_with(rounded)
            seeds = [seeds.evaluation for seeds in setup.seeds]
            episodes = play(agent, environments, 3, seeds)
        expected = [[e.length for e in episodes if e.replica == r] for r in range(2)]
        assert result.lengths.tolist() == expected
        assert result.bits == bits
        assert result.operations.weight_bits == bits
        assert max(len(np.unique(row)) for row in rounded["policy"]) <= 2**bits - 1
    assert found.quantised[2].lengths.tolist() != found.lengths.tolist()
    costs = [result.operations for result in (found, found.quantised[8], found.quantised[2])]
    assert [c.parameter_bytes for c in costs] == [9 * 12 * 8, 9 * 12 + 1, 9 * 12 * 2 // 8 + 1]
    assert costs[0].connection_sparsity <= costs[2].connection_sparsity
    rows = found.report().splitlines()[-3:]
    assert [row.split()[0] for row in rows] == ["full", "2", "8"]
    assert [row.split()[-1] for row in rows] == [str(c.parameter_bytes) for c in
                                                 (costs[0], costs[2], costs[1])]  # fmt: skip


def test_full_precision_is_the_same_beside_others(soft):
    plain = evaluate_run(soft, 3)
    assert "quantised" not in json.loads((soft / "evaluation.json").read_text())
    assert "full" not in plain.report()
    beside = evaluate_run(soft, 3, bits=[4])
    assert np.array_equal(beside.returns, plain.returns)
    saved = json.loads((soft / "evaluation.json").read_text())
    assert saved == beside.to_dict()
    few = saved.pop("quantised")
    assert saved == plain.to_dict()
    assert few == {"4": beside.quantised[4].to_dict()}


@pytest.mark.parametrize("bits", [0, 1, 33, "x"])
def test_odd_precisions_are_refused_before_anything_is_played(bits, soft, monkeypatch):
    monkeypatch.setattr(Setup, "opened", None)
    with pytest.raises(ValueError, match=f"bits of a weight: expected 2 to 32.* got {bits}"):
        evaluate_run(soft, 1, bits=[8, bits])


def test_an_agent_without_weights_is_refused(soft, monkeypatch):
    monkeypatch.setattr(PlasticAgent, "quantise", Agent.quantise)
    with pytest.raises(ValueError, match="PlasticAgent has no weights to quantise"):
        evaluate_run(soft, 1, bits=[8])


def test_costs_are_those_of_what_was_recorded(soft):
    """The same with exhibits, whose recordings stay; nothing else stays in the run."""
    plain = evaluate_run(soft, 12)
    assert not (soft / "evaluation").exists()
    shown = evaluate_run(soft, 12, exhibits=Exhibits(record=True))
    assert shown.operations == plain.operations == measure_operations(Run(soft / TRAINED))
    assert plain.operations.decisions == plain.lengths[0, -5:].sum()
    assert plain.report().count("operations per decision") == 1
