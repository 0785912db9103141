import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

import threefactor.experiments.training.segments as segments
from threefactor.agents.contract import Connection
from threefactor.analysis.run_data import EPISODE_COLUMNS, EventKind, Run
from threefactor.experiments.training.run_directory import RunDirectory

ROOT = Path(segments.__file__).parents[2]


@dataclass(frozen=True)
class Rule:
    tau_ms: float = 20.0
    sizes: tuple[int, ...] = (3, 2)


def row(episode=0, replica=0):
    return dict(
        zip(EPISODE_COLUMNS, (replica, episode, 0.1, 0.05, 7, True, False, 0.35), strict=True)
    )


def started(path, **layout):
    run = RunDirectory.create(path, {"rule": Rule()}, {"engine": "numpy"})
    run.start_recording({"output": 4}, **layout)
    return run


def test_config_meta_and_summary_survive_a_round_trip(tmp_path):
    config = {"rule": Rule(), "eta": 1e-5, "env": "GridWorld-v0", "seeds": np.arange(2)}
    expected = {"rule": {"tau_ms": 20.0, "sizes": [3, 2]}, "eta": 1e-5, "env": "GridWorld-v0"}
    expected["seeds"] = [0, 1]
    with RunDirectory.create(tmp_path / "run", config, {"host": "here"}) as run:
        run.write_summary({"mean_return_last_100": np.float64(0.5), "interrupted": False})
    read = Run(tmp_path / "run")
    assert read.config == expected
    assert yaml.safe_load((read.path / "config.yaml").read_text()) == expected
    assert read.meta["host"] == "here"
    assert read.summary == {"mean_return_last_100": 0.5, "interrupted": False}
    assert read.status == "done"


def test_recordings_survive_a_round_trip(tmp_path):
    synapses = {"plastic": Connection([0, 2], [1, 0], 3, 2)}
    with started(tmp_path / "run", probes=["plastic.w[0]"], connections=synapses) as run:
        run.append_spikes("output", [1.5, 2.5], [3, 0], replica=[0, 1])
        run.append_spikes("output", [3.5], [2])
        run.append_events(10.0, EventKind.REWARD, 1.0)
        run.append_events([20.0, 20.0], EventKind.DECISION, [2, 3], replica=[0, 1])
        run.append_probes(1.0, [0.25])
        run.append_probes([2.0, 3.0], [[0.5], [0.75]])
        run.append_weights(0, {"plastic": [0.1, 0.2]})
        run.append_episode(row())
    read = Run(tmp_path / "run")
    spikes, events, weights = read.spikes("output"), read.events, read.weights("plastic")
    assert (spikes.time_ms.tolist(), spikes.neuron.tolist()) == ([1.5, 2.5, 3.5], [3, 0, 2])
    assert spikes.replica.tolist() == [0, 1, 0]
    assert events.kind.tolist() == [1, 0, 0]
    assert events.select(EventKind.DECISION, replica=1).value.tolist() == [3.0]
    assert read.probes().values.ravel().tolist() == [0.25, 0.5, 0.75]
    assert read.probes().names == ("plastic.w[0]",)
    assert (weights.values.tolist(), weights.n_pre, weights.n_post) == ([[0.1, 0.2]], 3, 2)
    assert read.episodes["terminated"].tolist() == [True]
    assert read.episodes["return"].tolist() == [0.1]


KILLED = """
import sys, time
from threefactor.experiments.training.run_directory import RunDirectory
from tests_row import row
run = RunDirectory.create(sys.argv[1], {}, {})
run.start_recording({"output": 4})
for episode in range(20):
    run.append_spikes("output", [episode + 0.5] * 100, [1] * 100)
    run.append_episode(row(episode))
run.flush()
run.append_spikes("output", [20.5] * 100_000, [1] * 100_000)
run.append_episode(row(20))
print("ready", flush=True)
time.sleep(60)
"""


def test_kill_9_costs_what_followed_the_flush_and_the_run_resumes(tmp_path):
    (tmp_path / "tests_row.py").write_text(
        "from threefactor.analysis.run_data import EPISODE_COLUMNS\n"
        "row = lambda episode: dict.fromkeys(EPISODE_COLUMNS, 0) | {'episode': episode}\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    command = [sys.executable, "-c", KILLED, str(tmp_path / "run")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        assert Run(tmp_path / "run").spikes("output").time_ms.size >= 2000, "live reading"
        os.kill(process.pid, signal.SIGKILL)
    killed = Run(tmp_path / "run")
    assert killed.status == "unfinished"
    assert killed.episodes["episode"].tolist() == list(range(20))
    times_ms = killed.spikes("output").time_ms
    np.testing.assert_array_equal(times_ms[:2000], np.repeat(np.arange(20) + 0.5, 100))
    with RunDirectory.reopen(tmp_path / "run") as run:
        run.start_recording({"output": 4})
        run.append_spikes("output", [20.5], [0])
        run.append_episode(row(20))
    assert Run(tmp_path / "run").spikes("output").time_ms.size == times_ms.size + 1


def test_resume_from_a_mark_drops_what_followed_the_checkpoint(tmp_path):
    run = started(tmp_path / "run")
    run.append_spikes("output", [1.0, 2.0], [0, 0])
    run.append_episode(row(0))
    mark = run.mark()
    run.append_spikes("output", [3.0, 4.0], [1, 1])
    run.append_episode(row(1))
    run.close()
    with RunDirectory.reopen(tmp_path / "run", mark) as resumed:
        resumed.start_recording({"output": 4})
        resumed.append_spikes("output", [3.5], [2])
        resumed.append_episode(row(1))
        assert resumed.mark()["recordings"]["output"] == 3
    read = Run(tmp_path / "run")
    assert read.spikes("output").time_ms.tolist() == [1.0, 2.0, 3.5]
    assert read.episodes["episode"].tolist() == [0, 1]
    assert len(read.segments) == 2


def test_full_segments_are_rotated_without_losing_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 100)
    with started(tmp_path / "run") as run:
        for episode in range(5):
            run.append_spikes("output", np.full(20, float(episode)), np.zeros(20))
            run.append_episode(row(episode))
            run.flush()
    read = Run(tmp_path / "run")
    assert len(read.segments) == 6
    assert np.array_equal(read.spikes("output").time_ms, np.repeat(np.arange(5.0), 20))


def test_interrupted_flush_writes_every_row_once(tmp_path, monkeypatch):
    run = started(tmp_path / "run")
    run.append_spikes("output", [1.0, 2.0], [0, 1])
    write_at, calls = segments.write_at, []

    def interrupted(file, content, place):
        write_at(file, content, place)
        calls.append(place)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(segments, "write_at", interrupted)
    with pytest.raises(KeyboardInterrupt), run:
        run.flush()
    assert calls[0] == calls[1]
    read = Run(tmp_path / "run")
    assert read.spikes("output").time_ms.tolist() == [1.0, 2.0]
    assert read.status == "unfinished"


def test_marker_files_say_how_the_run_ended(tmp_path):
    with pytest.raises(ZeroDivisionError), started(tmp_path / "failed"):
        _ = 1 / 0
    with started(tmp_path / "interrupted") as run:
        run.write_summary({"interrupted": True})
    assert Run(tmp_path / "failed").status == "failed"
    told = (tmp_path / "failed" / "FAILED").read_text()
    assert told.startswith("ZeroDivisionError: ")
    assert "test_run_directory.py" in told  # the traceback
    assert Run(tmp_path / "interrupted").status == "unfinished"


def test_half_a_line_in_episodes_csv_is_not_read(tmp_path):
    with RunDirectory.create(tmp_path / "run", {}, {}) as run:
        run.append_episode(row(0))
    with (tmp_path / "run" / "episodes.csv").open("a") as file:
        file.write("0,1,0.")
    assert Run(tmp_path / "run").episodes["episode"].tolist() == [0]
    RunDirectory.reopen(tmp_path / "run").close()
    assert (tmp_path / "run" / "episodes.csv").read_text().endswith("0.35\n")


def test_segment_lost_while_it_was_created_is_reported_not_read(tmp_path):
    with started(tmp_path / "run") as run:
        run.append_spikes("output", [1.0], [0])
    (tmp_path / "run" / "recordings" / "segment-00001.journal").write_bytes(b"half a frame")
    read = Run(tmp_path / "run")
    assert read.spikes("output").time_ms.tolist() == [1.0]
    assert read.damage == {"segment-00001.journal": "lost, killed while created"}


def test_directories_that_hold_something_are_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ValueError, match=r"expected a new or empty directory.*thesis\.tex"):
        RunDirectory.create(tmp_path, {}, {})
    RunDirectory.create(tmp_path / "run", {}, {}).close()
    with pytest.raises(ValueError, match="Resume it or choose"):
        RunDirectory.create(tmp_path / "run", {}, {})


def test_unwritable_places_are_refused_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="expected a place that can be written to") as error:
        RunDirectory.create(tmp_path / "file" / "run", {}, {})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.append_spikes("hidden", [1.0], [0]), "expected one of output, events"),
        (lambda run: run.append_spikes("output", [1.0], [4]), r"neurons of 'output' in \[0, 4\)"),
        (lambda run: run.append_spikes("output", [1.0], [0, 1]), r"expected shape \(1,\)"),
        (lambda run: run.append_episode({"episode": 1}), "expected the keys replica, episode"),
        (lambda run: run.append_weights(0, {"plastic": [1.0]}), "expected the projections"),
        (lambda run: run.start_recording({}), "already been started"),
    ],
)
def test_wrong_rows_are_refused(tmp_path, call, message):
    with started(tmp_path / "run") as run, pytest.raises(ValueError, match=message):
        call(run)


def test_appending_before_start_recording_and_reserved_names_are_refused(tmp_path):
    with RunDirectory.create(tmp_path / "run", {}, {}) as run:
        with pytest.raises(ValueError, match="expected start_recording"):
            run.append_events(1.0, EventKind.REWARD, 1.0)
        with pytest.raises(ValueError, match="Rename it"):
            run.start_recording({"events": 3})


def test_populations_keep_the_order_they_were_declared_in(tmp_path):
    with RunDirectory.create(tmp_path / "run", {}, {}) as run:
        run.start_recording({"input": 9, "actor": 4})
    assert list(Run(tmp_path / "run").populations.items()) == [("input", 9), ("actor", 4)]


def test_config_that_yaml_cannot_hold_is_refused(tmp_path):
    with pytest.raises(TypeError, match="Convert it first"):
        RunDirectory.create(tmp_path / "run", {"rule": object()}, {})
