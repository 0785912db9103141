import math

import numpy as np
import pytest

from threefactor.analysis.conditions import HealthRow
from threefactor.analysis.run_data import EPISODE_COLUMNS, EventKind, Run
from threefactor.experiments.training.run_directory import RunDirectory


def test_run_lists_what_was_recorded(run_path):
    run = Run(run_path)
    assert run.populations == {"hidden": 60, "output": 4}
    assert run.projections == ("plastic",)
    assert run.probe_names[-1] == "output.v[1] (mV)"
    assert run.status == "done"
    assert run.policy["preferences"].shape == (100, 4)
    assert len(run.episodes["return"]) == 30


def test_events_and_spikes_agree_in_time(run_path):
    run = Run(run_path)
    ends = run.events.select(EventKind.EPISODE_END).time_ms
    assert ends.size == 30
    assert run.spikes("hidden").time_ms.max() <= ends[-1]
    assert run.spikes("hidden").neuron.max() < 60


def test_weights_have_one_row_per_snapshot(run_path):
    history = Run(run_path).weights("plastic")
    assert history.values.shape == (31, history.pre.size)
    assert np.array_equal(history.episode, np.arange(31))


def test_episodes_of_workers_wait_for_a_bootstrap_only_after_a_truncation(tmp_path):
    """One that reaches its goal in the last step allowed is both, and ends at once."""
    meta = {"workers": 2, "needs_bootstrap": True}
    with RunDirectory.create(tmp_path, {"seed": 0}, meta):
        pass
    ends = {1: [(6, True, False)], 0: [(5, True, True), (1, True, False)]}
    for replica, episodes in ends.items():
        config = {"seed": replica}
        with RunDirectory.create(tmp_path / "workers" / str(replica), config, {}) as worker:
            for number, (length, terminated, truncated) in enumerate(episodes):
                row = {**dict.fromkeys(EPISODE_COLUMNS, 0), "episode": number, "length": length}
                worker.append_episode({**row, "terminated": terminated, "truncated": truncated})
                worker.append_health(HealthRow(0, number, 1, "a", *[math.nan] * 7, 0))
    joined = Run(tmp_path).episodes
    assert list(zip(joined["replica"], joined["episode"], strict=True)) == [
        (0, 0), (0, 1), (1, 0)
    ]  # fmt: skip
    health = Run(tmp_path).health  # in the same order
    assert np.array_equal(health["replica"], joined["replica"])
    assert np.array_equal(health["episode"], joined["episode"])
    assert np.isnan(health["rate_hz"]).all()


def test_missing_run_file_and_name_are_named(tmp_path, run_path):
    with pytest.raises(ValueError, match="got no such directory"):
        Run(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"meta\.json: expected a file of a run"):
        Run(tmp_path)
    with pytest.raises(ValueError, match=r"population \(hidden, output\), got 'input'"):
        Run(run_path).spikes("input")
    (run_path / "summary.json").unlink()
    with pytest.raises(ValueError, match="The run has not ended"):
        _ = Run(run_path).summary
