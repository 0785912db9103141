"""Observers: what they are told and when, that they can stop a run, that one can be attached."""

import json

import numpy as np
import pytest

from threefactor.analysis.run_data import Run
from threefactor.experiments.configuration import resolve
from threefactor.experiments.training import checkpoint
from threefactor.experiments.training.observers import EpisodeLog, Observer, Stopwatch
from threefactor.experiments.training.progress import Progress
from threefactor.experiments.training.run import resume_agent, train_agent

SMALL = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 8, "episodes": 4,
    "window_ms": 10.0, "seed": 5, "record_episodes": 1, "weight_snapshots": 2, "probes": 1,
    "reference_episodes": 0, "modulator": "td-linear",
    "rule": {"learning_rate": 2.0}, "model": {"name": "feed-forward", "neurons_per_action": 3},
}  # fmt: skip


class Diary(Observer):
    """Notes what it is told."""

    def __init__(self):
        self.notes = []

    def began(self, loop):
        self.notes.append("began")

    def decided(self, loop, outcome):
        assert np.array_equal(outcome.next_observations, loop.environments.observations)
        assert outcome.acting.all()
        self.notes.append("decided")

    def finished(self, loop, episode):
        assert loop.tally.lengths[0] == episode.length
        self.notes.append(f"finished {episode.number}")

    def checkpointed(self, loop):
        assert loop.tally.lengths[0] in (0, self.since("finished"))
        self.notes.append("checkpointed")

    def ended(self, loop):
        self.notes.append("ended")

    def since(self, word):
        """Decisions since the last note that starts with a word."""
        latest = max((i for i, note in enumerate(self.notes) if note.startswith(word)), default=0)
        return self.notes[latest:].count("decided")


def test_an_observer_is_told_everything_in_order(tmp_path):
    diary, log = Diary(), EpisodeLog()
    train_agent(resolve(SMALL), tmp_path / "run", observers=[diary, log])
    expected = ["began", "checkpointed"]
    for episode in log.episodes:
        expected += ["decided"] * episode.length + [f"finished {episode.number}"]
    assert diary.notes == [*expected, "checkpointed", "ended"]
    table = Run(tmp_path / "run").episodes
    assert [episode.total for episode in log.episodes] == table["return"].tolist()
    assert [episode.length for episode in log.episodes] == table["length"].tolist()


class Stop(Observer):
    """Asks for a stop after so many decisions."""

    def __init__(self, decisions):
        self.decisions = decisions

    def decided(self, loop, outcome):
        if loop.tally.decisions == self.decisions:
            loop.stop("good enough")


@pytest.mark.parametrize("decisions", [3, 8])
def test_an_observer_can_stop_a_run_which_can_then_be_resumed(decisions, tmp_path):
    whole = train_agent(resolve(SMALL), tmp_path / "whole")
    said, diary = [], Diary()
    stopped = train_agent(
        resolve(SMALL), tmp_path / "part", observers=[Stop(decisions), diary], say=said.append
    )
    assert said == ["good enough: keeping what was done"]
    assert diary.notes.count("decided") == decisions
    assert diary.notes[-2:] == ["checkpointed", "ended"]
    assert stopped.summary["interrupted"] is True
    assert Run(stopped.path).status == "unfinished"
    resumed = resume_agent(stopped.path, say=said.append)
    assert said == ["good enough: keeping what was done"]
    for name in ("episodes.csv", "policy.npz"):
        assert (resumed.path / name).read_bytes() == (whole.path / name).read_bytes()


def test_a_stop_at_the_last_decision_is_an_end(tmp_path):
    log = EpisodeLog()
    train_agent(resolve(SMALL), tmp_path / "whole", observers=[log])
    last = sum(episode.length for episode in log.episodes)
    result = train_agent(resolve(SMALL), tmp_path / "part", observers=[Stop(last)])
    assert result.summary["interrupted"] is False
    assert (result.path / "DONE").exists()


class Ask(Observer):
    """Asks for a checkpoint in every third decision; notes what the latest one knows."""

    def __init__(self):
        self.seen = []

    def decided(self, loop, outcome):
        if loop.tally.decisions % 3 == 0:
            loop.checkpoint()

    def checkpointed(self, loop):
        self.seen.append(loop.tally.decisions)


def test_an_observer_can_ask_for_checkpoints(tmp_path, monkeypatch):
    ask, saved = Ask(), []
    save = checkpoint.save_checkpoint
    monkeypatch.setattr(
        checkpoint, "save_checkpoint",
        lambda run, state: saved.append(int(state["tally"]["decisions"])) or save(run, state),
    )  # fmt: skip
    train_agent(resolve(SMALL), tmp_path / "run", observers=[ask])
    assert saved == ask.seen
    assert saved[:3] == [0, 3, 6]


def test_observers_are_told_of_the_end_whatever_ends_it(tmp_path):
    class Breaks(Observer):
        def decided(self, loop, outcome):
            raise ZeroDivisionError("by an observer")

    diary = Diary()
    with pytest.raises(ZeroDivisionError):
        train_agent(resolve(SMALL), tmp_path / "run", observers=[diary, Breaks()])
    assert diary.notes == ["began", "checkpointed", "decided", "ended"]
    assert "by an observer" in (tmp_path / "run" / "FAILED").read_text()


def test_observers_change_nothing(tmp_path):
    plain = train_agent(resolve(SMALL), tmp_path / "plain")
    seen = train_agent(resolve(SMALL), tmp_path / "seen", observers=[Diary(), Ask(), Progress()])
    for name in ("episodes.csv", "policy.npz"):
        assert (plain.path / name).read_bytes() == (seen.path / name).read_bytes()


def test_progress_says_ten_lines_and_goes_on_where_a_run_was(tmp_path):
    lines = []
    options = {**SMALL, "episodes": 20, "max_episode_steps": 2}
    first = train_agent(resolve(options), tmp_path / "run", observers=[Progress(lines.append)])
    assert len(lines) == 10
    assert lines[-1].startswith("episode 20/20: mean of the last 100: ")
    mean = json.loads((first.path / "summary.json").read_text())["mean_return_last_100"]
    assert lines[-1].endswith(f" {mean:.3f}")
    lines.clear()
    resume_agent(first.path, 24, observers=[Progress(lines.append)])
    assert [line.partition(":")[0] for line in lines] == ["episode 22/24", "episode 24/24"]


def test_stopwatch_counts_the_decisions_of_all_replicas(open_loop):
    watch = Stopwatch()
    assert watch.decisions_per_second == 0.0
    loop = open_loop(SMALL, replicas=2, episodes=1)
    loop.observers = (*loop.observers, watch)
    loop.run()
    assert watch._decisions == 2 * loop.tally.decisions
    assert watch.decisions_per_second > 0


def test_library_code_prints_nothing(tmp_path, capsys):
    train_agent(resolve(SMALL), tmp_path / "run")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")
