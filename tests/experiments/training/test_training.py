"""Training: reproducible runs, checkpoints, resume, summary, recordings, references, evaluation."""

import csv
import dataclasses
import json
import os
import signal

import numpy as np
import pytest
import yaml

from threefactor.analysis.plausibility import measure_plausibility
from threefactor.analysis.run_data import EventKind, Run
from threefactor.experiments.configuration import read_settings, resolve
from threefactor.experiments.training import checkpoint, evaluation
from threefactor.experiments.training import run as training
from threefactor.experiments.training.checkpoint import load_checkpoint
from threefactor.experiments.training.evaluation import evaluate_run
from threefactor.experiments.training.run import resume_agent, train_agent

SMALL = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 20, "episodes": 6,
    "window_ms": 10.0, "seed": 5, "record_episodes": 1, "weight_snapshots": 3, "probes": 2,
    "reference_episodes": 0, "rule": {"learning_rate": 2.0}, "critic_rule": {"learning_rate": 0.2},
    "model": {"name": "actor-critic", "neurons_per_action": 3, "critic_neurons": 4,
              "critic_w_init": 2.0},
}  # fmt: skip


def rows(path):
    with open(path / "episodes.csv") as file:
        return list(csv.DictReader(file))


def train(tmp_path, name="run", **options):
    config = resolve(SMALL, options)
    return train_agent(config, tmp_path / name)


def final_weights(path):
    arrays = load_checkpoint(path)["agent"]["network"]["arrays"]
    return {name: value for name, value in arrays.items() if name.endswith(".w")}


def assert_same_run(one, two):
    assert rows(one) == rows(two)
    other = final_weights(two)
    for name, values in final_weights(one).items():
        np.testing.assert_array_equal(values, other[name])


def test_two_trainings_are_identical_and_other_seeds_differ(tmp_path):
    one, two = train(tmp_path, "a"), train(tmp_path, "b")
    assert_same_run(one.path, two.path)
    assert len(rows(one.path)) == 6
    assert rows(train(tmp_path, "c", seed=6).path) != rows(one.path)


def test_a_run_says_how_plausible_it_was(tmp_path):
    result = train(tmp_path)
    items = {item.name: item for item in result.plausibility.items}
    assert (items["decision"].number, items["decision"].holds) == (10.0, False)
    assert items["third factor"].holds
    assert items["mean rate"].found.startswith("input ")
    assert result.plausibility == measure_plausibility(Run(result.path))
    assert result.plausibility.lines()[0] in result.report()
    assert json.loads((result.path / "summary.json").read_text())["plausibility"] == (
        result.plausibility.to_dict()
    )


def test_written_configuration_repeats_the_run(tmp_path):
    first = train(tmp_path, "a")
    config = resolve(read_settings(first.path / "config.yaml"))
    assert config == resolve(SMALL)
    assert_same_run(first.path, train_agent(config, tmp_path / "b").path)


@pytest.mark.parametrize("engine", ["compiled", "runtime-numpy"])
def test_resumed_with_more_episodes_equals_one_long_run(engine, tmp_path, monkeypatch):
    if engine == "runtime-numpy":
        monkeypatch.setattr(training, "policy_arrays", lambda *arguments: None)  # slow there
    whole = train(tmp_path, "whole", episodes=4, engine=engine)
    part = train(tmp_path, "part", episodes=2, engine=engine)
    resumed = resume_agent(part.path, 4)
    assert_same_run(whole.path, resumed.path)
    assert resumed.summary["mean_return_last_100"] == whole.summary["mean_return_last_100"]
    assert resumed.summary["episodes"] == 4
    assert resolve(read_settings(part.path / "config.yaml")).options.episodes == 4


@pytest.mark.parametrize("when", [(0, 3), (1, 3), (2, 3), (2, 1)])
def test_resumed_within_an_episode_equals_never_interrupted(when, tmp_path, monkeypatch):
    """A checkpoint after every decision; Ctrl-C after some decisions of some episode."""
    whole = train(tmp_path, "whole", record_episodes=2)
    monkeypatch.setattr(checkpoint, "WRITTEN_PART", np.inf)
    often = {"record_episodes": 2, "checkpoint_every": 1e-9}
    decide = training.ClosedLoop.decide

    def interrupt(loop):
        decide(loop)
        if loop.tally.done[0] == when[0] and loop.tally.lengths[0] == when[1]:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training.ClosedLoop, "decide", interrupt)
        stopped = train(tmp_path, "part", **often)
    assert stopped.summary["interrupted"] is True
    assert len(rows(stopped.path)) == when[0]
    resumed = resume_agent(stopped.path)
    assert resumed.summary["interrupted"] is False
    assert_same_run(whole.path, resumed.path)
    one, two = Run(whole.path), Run(resumed.path)
    for kind in (EventKind.EPISODE_START, EventKind.DECISION, EventKind.EPISODE_END):
        assert event_times(one, kind) == event_times(two, kind), kind
    assert one.weights("policy").episode.tolist() == two.weights("policy").episode.tolist()
    assert one.probes().names == two.probes().names
    np.testing.assert_array_equal(one.probes().time_ms, two.probes().time_ms)
    np.testing.assert_array_equal(one.probes().values, two.probes().values)


@pytest.mark.parametrize("decisions", [1, 7])
def test_ctrl_c_leaves_a_checkpoint_however_early_it_comes(decisions, tmp_path, monkeypatch):
    whole = train(tmp_path, "whole")
    decide = training.ClosedLoop.decide

    def press(loop):
        decide(loop)
        if loop.tally.decisions == decisions:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(training.ClosedLoop, "decide", press)
        stopped = train(tmp_path, "part")
    assert signal.getsignal(signal.SIGINT) is before
    assert stopped.summary["interrupted"] is True
    assert Run(stopped.path).status == "unfinished"
    resumed = resume_agent(stopped.path)
    assert Run(resumed.path).status == "done"
    assert_same_run(whole.path, resumed.path)


def test_ctrl_c_while_references_run_keeps_the_training(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "compare", interrupted)
        stopped = train(tmp_path, reference_episodes=2)
    assert stopped.summary["interrupted"] is True
    assert stopped.summary["references"] == {}
    assert len(rows(stopped.path)) == 6
    resumed = resume_agent(stopped.path)
    assert resumed.summary["interrupted"] is False
    assert resumed.summary["references"]
    assert len(rows(stopped.path)) == 6


def event_times(run, kind):
    return run.events.select(kind).time_ms.tolist()


@pytest.mark.parametrize("record", [1, 6])
def test_recorded_episodes(record, tmp_path):
    """Every decision, and no other window, is an event; episodes start and end once each."""
    result = train(tmp_path, record_episodes=record)
    run, table = Run(result.path), rows(result.path)
    recorded = table if record == 6 else [table[0], table[-1]]
    assert any(row["truncated"] == "1" for row in recorded)
    n_decisions = sum(int(row["length"]) for row in recorded)
    assert len(event_times(run, EventKind.DECISION)) == n_decisions
    assert len(event_times(run, EventKind.REWARD)) == n_decisions
    for kind in (EventKind.EPISODE_START, EventKind.EPISODE_END):
        assert len(event_times(run, kind)) == len(recorded)
    spikes = run.spikes("input")
    assert spikes.time_ms.size > 0
    assert spikes.neuron.max() < 9


def test_weight_snapshots(tmp_path):
    result = train(tmp_path)
    final = final_weights(result.path)
    for name in ("policy", "value"):
        history = Run(result.path).weights(name)
        assert history.episode.tolist() == [0, 2, 4, 6]
        np.testing.assert_array_equal(history.values[-1], final[f"{name}.w"])
        assert not np.array_equal(history.values[0], history.values[-1])


def test_directory_says_what_ran(tmp_path):
    result = train(tmp_path, replicas=2)
    meta = json.loads((result.path / "meta.json").read_text())
    assert meta["engine"] == "compiled"
    assert len(meta["seeds"]) == 2
    assert set(meta["versions"]) >= {"python", "numpy", "brian2", "gymnasium"}
    assert meta["network"]["populations"] == {"input": 9, "actor": 12, "critic": 4}
    assert (result.path / "DONE").exists()
    assert result.summary == Run(result.path).summary
    assert result.summary["episodes"] == 12
    assert len(result.summary["mean_return_last_100_by_replica"]) == 2


def test_references(tmp_path):
    """The untrained twin has plasticity off; a frozen run compares with chance only."""
    result = train(tmp_path, reference_episodes=5)
    references = result.summary["references"]
    assert set(references) == {"random agent (exact)", "untrained twin", "optimum"}
    assert 0 < references["random agent (exact)"] < references["optimum"]
    frozen = train(tmp_path, "frozen", reference_episodes=5, control="frozen")
    assert "untrained twin" not in frozen.summary["references"]
    assert "untrained twin" in result.report()


def test_references_do_not_change_the_run(tmp_path):
    assert_same_run(train(tmp_path, "a").path, train(tmp_path, "b", reference_episodes=3).path)


@pytest.mark.parametrize("control", ["frozen", "zero"])
def test_controls_leave_the_initial_weights(control, tmp_path):
    final = final_weights(train(tmp_path, control=control).path)
    for name in ("policy", "value"):
        start = Run(tmp_path / "run").weights(name).values[0]
        np.testing.assert_array_equal(final[f"{name}.w"], start)


@pytest.mark.parametrize("rule", ["reinforce", "dopamine-stdp"])
def test_policy_is_read_without_learning(rule, tmp_path, monkeypatch):
    """Also under a rule that drifts by itself the weights are those that were trained."""
    seen = []
    policy_arrays = training.policy_arrays

    def note(agent, environments):
        before = agent.network.weights()
        arrays = policy_arrays(agent, environments)
        seen.append((before, agent.network.weights()))
        return arrays

    monkeypatch.setattr(training, "policy_arrays", note)
    result = train(tmp_path, rule=rule, episodes=1, model={**SMALL["model"], "w_init_low": 2.5})
    ((before, after),) = seen
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])
    arrays = np.load(result.path / "policy.npz")
    assert arrays["preferences"].shape == (9, 4)
    assert np.any(arrays["preferences"])


def test_failure_is_marked(tmp_path, monkeypatch):
    def fail(loop):
        raise FloatingPointError("policy.w became NaN")

    monkeypatch.setattr(training.ClosedLoop, "decide", fail)
    with pytest.raises(FloatingPointError):
        train(tmp_path)
    assert "became NaN" in (tmp_path / "run" / "FAILED").read_text()
    assert not (tmp_path / "run" / "DONE").exists()


def test_nan_in_a_short_run_is_noticed(tmp_path, monkeypatch):
    """The compiled engine looks for NaN every 200 windows; a shorter run must not miss it."""
    decide = training.ClosedLoop.decide

    def poison(loop):
        loop.agent.network.engine.array("policy.w")[0] = np.nan
        decide(loop)

    monkeypatch.setattr(training.ClosedLoop, "decide", poison)
    monkeypatch.setattr(training, "policy_arrays", lambda *arguments: None)
    with pytest.raises(FloatingPointError, match="became NaN"):
        train(tmp_path, episodes=1)


def test_non_empty_directory_is_refused_without_damage(tmp_path):
    first = train(tmp_path)
    before = {p: p.read_bytes() for p in first.path.rglob("*") if p.is_file()}
    with pytest.raises(ValueError, match="expected a new or empty directory"):
        train(tmp_path)
    assert {p: p.read_bytes() for p in first.path.rglob("*") if p.is_file()} == before


def test_resume_without_a_checkpoint_is_an_error(tmp_path):
    first = train(tmp_path)
    (first.path / "checkpoints" / "latest.npz").unlink()
    with pytest.raises(ValueError, match="no checkpoint"):
        resume_agent(first.path)


def test_a_checkpoint_of_another_version_is_an_error_in_one_line(tmp_path):
    first = train(tmp_path)
    saved = load_checkpoint(first.path)
    older = {name: value for name, value in saved.items() if name != "format"}
    for other in ({"loop": saved}, older, {**saved, "format": 99}):
        checkpoint.save_checkpoint(first.path, other)
        for use in (resume_agent, evaluate_run):
            with pytest.raises(ValueError, match=r"latest\.npz: a checkpoint of another versi"):
                use(first.path)


def test_evaluation_leaves_the_run_and_is_reproducible(tmp_path):
    result = train(tmp_path, replicas=2)
    before = {p: p.read_bytes() for p in result.path.rglob("*") if p.is_file()}
    one, two = (evaluate_run(result.path, 4) for _ in range(2))
    assert one.returns.shape == one.lengths.shape == (2, 4)
    np.testing.assert_array_equal(one.returns, two.returns)
    assert "mean of 4 episodes, learning off" in one.report()
    assert np.any(evaluate_run(result.path, 4, seed=123).lengths != one.lengths)
    after = {p: p.read_bytes() for p in result.path.rglob("*") if p.is_file()}
    evaluation = after.pop(result.path / "evaluation.json")
    assert after == before
    assert json.loads(evaluation)["episodes"] == 8


def test_evaluation_uses_the_trained_weights(tmp_path, monkeypatch):
    result, used = train(tmp_path), []

    def note(agent, *rest):
        episodes = play(agent, *rest)
        used.append(agent.weights())
        return episodes

    play = evaluation.play
    monkeypatch.setattr(evaluation, "play", note)
    evaluate_run(result.path, 3)
    final = final_weights(result.path)
    for name, values in used[0].items():
        np.testing.assert_array_equal(values.ravel(), final[f"{name}.w"])


def test_mean_is_over_replicas(tmp_path):
    summary = train(tmp_path, replicas=3).summary
    expected = [
        np.mean([float(r["discounted_return"]) for r in rows(tmp_path / "run")
                 if int(r["replica"]) == replica]) for replica in range(3)
    ]  # fmt: skip
    np.testing.assert_allclose(summary["mean_return_last_100_by_replica"], expected)
    assert summary["mean_return_last_100"] == pytest.approx(np.mean(expected))


def test_config_file_is_complete(tmp_path):
    content = yaml.safe_load((train(tmp_path).path / "config.yaml").read_text())
    assert content == resolve(SMALL).to_dict()
    assert set(content) >= {f.name for f in dataclasses.fields(resolve(SMALL).options)}
