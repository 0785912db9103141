"""Runs that are ended, damaged, filled up or fought over: nothing is lost, nothing is run."""

import errno
import json
import os
import pickle
import shutil
import signal

import numpy as np
import pytest

import run as program
from threefactor.analysis.run_data import Run
from threefactor.experiments import atomic
from threefactor.experiments.archive import read_archive, write_archive
from threefactor.experiments.configuration import resolve
from threefactor.experiments.training import checkpoint
from threefactor.experiments.training import run as training
from threefactor.experiments.training.checkpoint import load_checkpoint
from threefactor.experiments.training.evaluation import evaluate_run
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.run import resume_agent, train_agent
from threefactor.experiments.training.run_lock import LOCK, RunLock, is_locked

SMALL = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 20, "episodes": 6,
    "window_ms": 10.0, "seed": 5, "record_episodes": 1, "weight_snapshots": 3, "probes": 2,
    "reference_episodes": 0,
    "model": {"name": "actor-critic", "neurons_per_action": 3, "critic_neurons": 4},
}  # fmt: skip


def train(path, *observers, **options):
    return train_agent(resolve(SMALL, options), path, observers=observers, say=lambda line: None)


def outcome(path):
    arrays = load_checkpoint(path)["agent"]["network"]["arrays"]
    return (path / "episodes.csv").read_text(), {n: a.tobytes() for n, a in arrays.items()}


def contents(path):
    return {
        p: (p.read_bytes(), p.stat().st_mtime_ns)
        for p in path.rglob("*")
        if p.is_file() and p.name != LOCK
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a run of six episodes, and one that stopped after four and was evaluated."""
    folder = tmp_path_factory.mktemp("made")
    train(folder / "whole")
    train(folder / "part", At(4, lambda loop: loop.stop("enough")))
    evaluate_run(folder / "part", 1, say=lambda line: None)
    train(folder / "other", seed=9, model={**SMALL["model"], "critic_neurons": 5})
    return folder


@pytest.fixture
def part(made, tmp_path):
    return shutil.copytree(made / "part", tmp_path / "part")


class At(Observer):
    """Does something when an episode has ended."""

    def __init__(self, episode, do):
        self.episode, self.do = episode, do

    def finished(self, loop, episode):
        if episode.number == self.episode:
            self.do(loop)


# Ends that nobody chose


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_leave_what_goes_on_exactly(number, made, tmp_path):
    before = signal.getsignal(number)
    stopped = train(tmp_path / "run", At(2, lambda loop: os.kill(os.getpid(), number)))
    assert stopped.is_interrupted
    assert signal.getsignal(number) is before
    resume_agent(tmp_path / "run")
    assert outcome(tmp_path / "run") == outcome(made / "whole")


def test_an_error_leaves_the_last_episode_end(made, tmp_path):
    def fail(loop):
        raise RuntimeError("motor broke")

    class Breaks(Observer):
        def decided(self, loop, outcome):
            if loop.tally.done[0] == 3:
                fail(loop)

    with pytest.raises(RuntimeError, match="motor broke"):
        train(tmp_path / "run", Breaks())
    assert load_checkpoint(tmp_path / "run")["tally"]["done"].tolist() == [3]
    assert "motor broke" in (tmp_path / "run" / "FAILED").read_text()
    resume_agent(tmp_path / "run")
    assert outcome(tmp_path / "run") == outcome(made / "whole")


def test_a_run_can_be_resumed_before_its_first_decision(made, tmp_path, monkeypatch):
    def fail(loop):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training.ClosedLoop, "decide", fail)
        train(tmp_path / "run")
    resume_agent(tmp_path / "run")
    assert outcome(tmp_path / "run") == outcome(made / "whole")


def test_checkpoints_follow_each_other_ever_more_slowly(tmp_path, monkeypatch):
    now, saved = [0.0], []
    monkeypatch.setattr(checkpoint.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(checkpoint, "save_checkpoint", lambda run, state: saved.append(now[0]))

    class Clock(Observer):
        def decided(self, loop, outcome):
            now[0] += 0.5

    train(tmp_path / "run", Clock(), episodes=30, checkpoint_every=4.0)
    assert saved[:6] == [0.0, 1.5, 4.0, 8.5, 13.0, 17.5]


@pytest.mark.parametrize("room", [1000, 120_000, 250_000])
def test_a_full_disk_ends_a_run_in_one_line_and_it_goes_on(room, made, tmp_path, monkeypatch):
    left, pwrite, write = [room], os.pwrite, atomic.Path.write_bytes

    def take(size):
        if size > left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left[0] -= size

    def limited_pwrite(file, content, place):
        take(len(content))
        return pwrite(file, content, place)

    def limited_write(path, content):
        take(len(content))
        return write(path, content)

    path = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "WRITTEN_PART", np.inf)  # one after every decision
        patch.setattr(os, "pwrite", limited_pwrite)
        patch.setattr(atomic.Path, "write_bytes", limited_write)
        with pytest.raises(OSError, match="No space left on device") as told:
            train(path, record_episodes=6, checkpoint_every=1e-9)
    assert len(str(told.value).splitlines()) == 1
    assert not list(path.rglob("*.tmp"))
    if room > 1000:  # there was room to begin
        resume_agent(path)
        assert outcome(path) == outcome(made / "whole")
        assert Run(path).damage == {}


# Two at once, and nothing to do


def test_a_second_writer_is_refused_and_changes_nothing(part):
    lock = RunLock(part)
    before = contents(part)
    assert is_locked(part)
    with pytest.raises(ValueError, match=rf"process {os.getpid()} of host .* is writing this run"):
        resume_agent(part)
    assert contents(part) == before
    lock.release()
    assert not is_locked(part)
    resume_agent(part)


def test_the_lock_of_a_dead_process_is_stale(part, made):
    (part / LOCK).write_text(json.dumps({"host": "elsewhere", "pid": 1, "since": "long ago"}))
    resume_agent(part)
    assert outcome(part) == outcome(made / "whole")


@pytest.mark.parametrize("holder", ["here", "dead", "elsewhere", "silent", "garbage"])
def test_without_locks_of_the_system_the_file_decides(part, monkeypatch, holder):
    import fcntl
    import platform

    def unsupported(file, operation):
        raise OSError(errno.ENOLCK, "no locks here")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    host = platform.node() if holder in ("here", "dead") else "elsewhere"
    pid = {"here": os.getpid(), "dead": 2**22 + 1}.get(holder, 7)
    (part / LOCK).write_text(json.dumps({"host": host, "pid": pid, "since": "x"}))
    if holder == "silent":
        os.utime(part / LOCK, (0, 0))
    if holder == "garbage":
        (part / LOCK).write_text("{")
    if holder in ("here", "elsewhere"):
        with pytest.raises(ValueError, match=f"process {pid} of host {host}"):
            RunLock(part)
    else:
        RunLock(part).release()


@pytest.mark.parametrize("words", [[], ["--episodes", "6"], ["--episodes", "3"]])
def test_a_resume_with_nothing_to_do_touches_no_file(made, words, capsys):
    before = contents(made / "whole")
    status = program.main(["train", "--resume", str(made / "whole"), "--quiet", *words])
    said = capsys.readouterr().err
    assert contents(made / "whole") == before
    if "3" in words:
        assert status == 2
        assert "must be at least 6, which this run has had, got 3" in said
    else:
        assert status == 0
        assert "nothing is left to be done" in said


def test_what_was_evaluated_before_a_resume_is_set_aside(part):
    evaluation = (part / "evaluation.json").read_bytes()
    said = []
    resume_agent(part, say=said.append)
    assert (part / "evaluation-of-episode-4.json").read_bytes() == evaluation
    assert not (part / "evaluation.json").exists()
    assert "evaluation.json -> evaluation-of-episode-4.json" in " ".join(said)


# Damage, and what is not this run's


def evil(path):
    path.write_bytes(pickle.dumps(Trap()))


class Trap:
    def __reduce__(self):
        return pytest.fail, ("it was run",)


def swap(name):
    return lambda run, made: shutil.copy(made / "other" / name, run / name)


def cut(name):
    def do(run, made):
        content = (run / name).read_bytes()
        (run / name).write_bytes(content[: len(content) // 2])

    return do


def text(name, content):
    return lambda run, made: (run / name).write_text(content)


DAMAGE = {
    "a pickle": (lambda run, made: evil(run / "checkpoints/latest.npz"), "damaged", "lrl"),
    "an old pickle": (
        lambda run, made: [
            (run / "checkpoints/latest.npz").unlink(), evil(run / "checkpoints/latest.pickle")
        ], "could run code", "lrl",
    ),
    "half a checkpoint": (cut("checkpoints/latest.npz"), "damaged", "lrl"),
    "a checkpoint of another run": (swap("checkpoints/latest.npz"), "another run", "lrl"),
    "meta.json of another run": (swap("meta.json"), "another run", "lrl"),
    "meta.json is no JSON": (text("meta.json", "{"), "meta.json: damaged", "lll"),
    "meta.json is a list": (text("meta.json", "[]"), "meta.json: damaged", "lll"),
    "settings of another run": (swap("config.yaml"), "does not agree with meta.json", "lrl"),
    "half the settings": (text("config.yaml", "env: ["), "copy in meta.json is used", "rrr"),
    "episodes of another run": (swap("episodes.csv"), "are not those that this run had", "rrl"),
    "a column missing": (
        lambda run, made: (run / "episodes.csv").write_text("replica,episode\n0,1\n"),
        "no column 'return'", "rll",
    ),
    "half the episodes": (cut("episodes.csv"), "expected at least the 4 episodes", "rrl"),
    "half a recording": (cut("recordings/segment-00000.h5"), "rows are read", "rrr"),
    "recordings of another run": (swap("recordings/segment-00000.h5"), "of another run", "rrr"),
    "an empty policy": (text("policy.npz", ""), "policy.npz (damaged)", "rrr"),
    "the policy of another run": (swap("policy.npz"), "policy.npz (of another run)", "rrr"),
    "half a summary": (cut("summary.json"), "summary.json (damaged)", "rrr"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_one_line_or_the_rest_is_read(name, part, made, capsys):
    do, reason, expected = DAMAGE[name]
    do(part, made)
    told = []
    for letter, words in zip(
        expected,
        (["evaluate", part, "--episodes", "1"], ["plot", part],
         ["train", "--quiet", "--no-figures", "--resume", part]), strict=True,
    ):  # fmt: skip
        before = contents(part)
        status = program.main([str(word) for word in words])
        out, err = capsys.readouterr()
        told += [out, err]
        assert status == (2 if letter == "l" else 0), (words, err)
        if letter == "l":
            assert len([line for line in err.splitlines() if line.startswith("error: ")]) == 1
            assert contents(part) == before
    assert reason in "".join(told)
    if expected[2] == "r":
        assert outcome(part) == outcome(made / "whole")


def test_a_checkpoint_of_another_network_is_one_line(part, made):
    """Whoever gives it the name of this run."""
    state = read_archive(made / "other" / "checkpoints" / "latest.npz")
    write_archive(part / "checkpoints" / "latest.npz", {**state, "run": Run(part).id})
    for use in (resume_agent, evaluate_run):
        with pytest.raises(ValueError, match=r"latest\.npz: not what this run's agent"):
            use(part)


def test_no_checkpoint_holds_what_numpy_would_have_to_unpickle(made):
    with np.load(made / "whole" / "checkpoints" / "latest.npz", allow_pickle=False) as arrays:
        assert len([arrays[name] for name in arrays.files]) > 5


# Environments that cannot be brought back


def test_an_environment_without_a_way_back_goes_on_with_the_next_episode(tmp_path, monkeypatch):
    from threefactor.envs.bridge.resuming import FoundWay

    monkeypatch.setattr(training, "find_way", lambda *_: FoundWay("episode", {"replay": "why"}))
    said, path = [], tmp_path / "run"

    class Stops(Observer):
        def decided(self, loop, outcome):
            if loop.tally.done[0] == 2 and loop.tally.lengths[0] == 2:
                loop.stop("enough")

    train_agent(resolve(SMALL), path, observers=[Stops()], say=said.append)
    assert len([line for line in said if "cannot be brought back" in line and "why" in line]) == 1
    assert json.loads((path / "meta.json").read_text())["resumes"]["way"] == "episode"
    result = resume_agent(path, say=said.append)
    assert any("going on with the next episode" in line for line in said)
    table = Run(result.path).episodes
    assert table["episode"].tolist() == [1, 2, 3, 4, 5, 6]
    assert table["length"].min() > 0
    again = shutil.copytree(path, tmp_path / "again")
    assert resume_agent(again, 7).summary["episodes"] == 7
