"""The table of a reproduction: what the seeds say, the verdict, and what the verdict lacks."""

import time
from pathlib import Path

import numpy as np
import pytest

from threefactor.experiments.claims import reproduction
from threefactor.experiments.claims.reproduction import SECONDS, Reproduction, _seconds, _timed


def report_of(*values):
    seeds, scores = tuple(range(len(values))), {"trained": np.array(values)}
    result = Reproduction(
        "gridworld_reinforce", "It works.", Path("run"), 1.0, seeds, scores, {"works": True}
    )
    return result.report().splitlines()


@pytest.mark.parametrize("n_seeds", [1, 2, 4])
def test_table_lists_a_few_seeds_without_interval(n_seeds):
    values = [12.1, 33.6, 12.4, 9.0][:n_seeds]
    head, row, *_ = report_of(*values)
    assert "[95 % interval]" in head
    assert "[" not in row
    assert row.endswith(" ".join(f"{value:.3f}" for value in values))


def test_table_states_mean_and_interquartile_mean_with_its_interval():
    """Nine seeds at 0 and one at 10: mean 1, interquartile mean 0."""
    row = report_of(*[0.0] * 9, 10.0)[1]
    assert row.split()[:3] == ["trained", "1.000", "0.000"]
    assert row.split()[3:5] == ["[0.000,", "1.667]"]


@pytest.mark.parametrize(("n_seeds", "said"), [(1, True), (9, True), (10, False), (20, False)])
def test_a_verdict_on_fewer_than_ten_seeds_says_so(n_seeds, said):
    *_, verdict, last = report_of(*np.arange(float(n_seeds)))
    assert ("a claim needs 10 or more" in last) == said
    assert ("holds: works" in verdict) == said


def test_minutes_add_up_over_interruptions(tmp_path):
    for seconds in (30.0, 60.0):
        with _timed(tmp_path):
            pass
        assert _seconds(tmp_path) < seconds
        (tmp_path / SECONDS).write_text(f"{seconds}\n")
    with pytest.raises(KeyboardInterrupt), _timed(tmp_path):
        raise KeyboardInterrupt
    assert 60.0 <= _seconds(tmp_path) < 90.0


def test_minutes_are_counted_while_an_arm_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(reproduction, "KEEP_TIME_S", 0.01)
    with _timed(tmp_path):
        deadline = time.monotonic() + 30
        while not (tmp_path / SECONDS).exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (tmp_path / SECONDS).exists()
