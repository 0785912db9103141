"""Recordings of a run in the making: complete for what is listed, whenever they are written."""

import shutil

import numpy as np
import pytest

from threefactor.analysis.run_data import EventKind, Run
from threefactor.experiments.configuration import resolve
from threefactor.experiments.training import recording, run_directory, segments
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.run import train_agent

SMALL = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 10, "episodes": 6,
    "window_ms": 10.0, "seed": 5, "record_episodes": 6, "probes": 2, "replicas": 2,
    "reference_episodes": 0, "model": {"name": "actor-critic", "neurons_per_action": 3,
                                       "critic_neurons": 4},
}  # fmt: skip


class Copies(Observer):
    """Copies the run after every decision: what would be left if the process were killed there."""

    def __init__(self, path, folder):
        self._path, self._folder = path, folder
        self.runs = []

    def decided(self, loop, outcome):
        copy = self._folder / str(len(self.runs))
        shutil.copytree(self._path, copy)
        self.runs.append(Run(copy))


def until(time_ms, run):
    times_ms = run.spikes("input").time_ms
    return times_ms[times_ms < time_ms]


@pytest.mark.parametrize("interval_s", [0.0, 0.02, 60.0])
def test_what_is_listed_has_its_recordings(tmp_path, monkeypatch, interval_s):
    monkeypatch.setattr(run_directory, "FLUSH_INTERVAL_S", interval_s)
    copies = Copies(tmp_path / "run", tmp_path)
    train_agent(resolve(SMALL), tmp_path / "run", observers=[copies])
    whole, counts = Run(tmp_path / "run"), []
    for run in copies.runs:
        table = run.episodes
        listed = table["episode"][table["replica"] == 0].tolist()
        counts.append(len(listed))
        if listed:
            ends = run.events.select(EventKind.EPISODE_END)
            assert ends.value[: len(listed)].tolist() == listed
            end_ms = ends.time_ms[len(listed) - 1]
            assert run.probes().time_ms[-1] >= end_ms
            assert np.array_equal(until(end_ms, run), until(end_ms, whole))
    assert interval_s or counts[-1] == 5  # states that are kept for an error are written as well
    assert len(whole.episodes["episode"]) == 12


def recorded(path):
    run = Run(path)
    return [
        *vars(run.events).values(), *vars(run.spikes("input")).values(),
        *vars(run.spikes("actor")).values(), run.probes().time_ms, run.probes().values,
        run.weights("policy").episode, run.weights("policy").values,
    ]  # fmt: skip


def test_recordings_do_not_depend_on_when_they_are_written(tmp_path, monkeypatch):
    options = SMALL | {"record_episodes": 2}
    train_agent(resolve(options), tmp_path / "rarely")
    monkeypatch.setattr(run_directory, "FLUSH_INTERVAL_S", 0.0)
    train_agent(resolve(options), tmp_path / "always")
    monkeypatch.setattr(run_directory, "FLUSH_INTERVAL_S", 60.0)
    monkeypatch.setattr(recording, "_DRAIN_DECISIONS", 3)
    monkeypatch.setattr(segments, "_BATCH_BYTES", 200)
    train_agent(resolve(options), tmp_path / "in pieces")
    expected = recorded(tmp_path / "rarely")
    assert len(expected[0]) > 0
    for name in ("always", "in pieces"):
        for one, other in zip(expected, recorded(tmp_path / name), strict=True):
            np.testing.assert_array_equal(one, other)
