"""Every benchmark runs at toy size; what they measure is no matter for tests."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def load(name):
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def closed_loop(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return load("closed_loop")


def run(script, *arguments):
    command = [sys.executable, str(BENCHMARKS / script), "--budget", "1", "--repeats", "1"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_closed_loop_at_toy_size(tmp_path):
    out = tmp_path / "out.json"
    skip = ["cython", "standalone", "annarchy", "nest", "start"]
    text = run("closed_loop.py", "--json", str(out), "--skip", *skip)
    found = json.loads(out.read_text())
    rows = {row["name"]: row for row in found["cartpole"]}
    assert all(time > 0 for row in rows.values() for time in row["cpu_s"])
    assert rows["net.run per decision (numpy)"]["ratios"]
    assert "network_operation" in text
    assert found["memory"]["decisions"] == 1000
    for row in found["engine"]:
        assert len(row["engine_us"]) == len(row["floor_us"]) == len(row["ratios"])
    assert "hand-written C++, floor" in text


@pytest.mark.slow
def test_closed_loop_with_compilers_at_toy_size():
    text = run("closed_loop.py", "--skip", "annarchy", "nest", "memory")
    assert "C++ standalone, plain" in text
    assert "nothing compiled yet" in text


def test_scaling_at_toy_size(tmp_path):
    out = tmp_path / "out.json"
    text = run("scaling.py", "--json", str(out), "--only", "window, ms", "recorded")
    found = json.loads(out.read_text())
    windows = [point["setting"]["window_ms"] for point in found["axes"]["window, ms"]]
    assert windows == sorted(windows)
    for points in found["axes"].values():
        assert all(us > 0 for point in points for us in point["step_us"])
    assert "everything" in text
    assert [row["bytes"] for row in found["memory_limits"]] == [96, 56]


def test_a_worker_that_dies_says_why(closed_loop):
    with pytest.raises(RuntimeError, match=r"our_loop\.py nonsense died: KeyError"):
        closed_loop.Worker("our_loop.py", "nonsense")


@pytest.mark.parametrize(
    ("bar", "ratios", "verdict"),
    [
        (">= 20", [10.0, 25.0, 40.0], "met"),
        (">= 20", [10.0, 15.0, 40.0], "MISSED"),
        ("<= 1.5 (ours / theirs)", [1.0, 1.4, 9.0], "met"),
        ("<= 1.5 (ours / theirs)", [1.6], "MISSED"),
        ("", [1.0], ""),
    ],
)
def test_verdict_is_that_of_the_median(closed_loop, bar, ratios, verdict):
    assert closed_loop.Row("way", ratios=ratios, bar=bar).verdict == verdict


def test_spread_shows_median_and_extremes(closed_loop):
    assert closed_loop.spread([3.0, 1.0, 2.0]) == "2 (1 to 3)"
    assert closed_loop.spread([123456.0]) == "123000 (123000 to 123000)"


def test_workers_at_toy_size(tmp_path):
    file = tmp_path / "found.json"
    text = run("workers.py", "--json", str(file))
    assert "speed-up of decisions" in text
    for runs in json.loads(file.read_text())["workers"].values():
        assert all(value > 0 for value in runs[0].values())


def test_parts_of_a_decision_at_toy_size(tmp_path):
    file = tmp_path / "found.json"
    size = ["--budget", "2", "--repeats", "2", "--replicas", "1", "9"]
    text = run("decision.py", *size, "--json", str(file))
    assert "| **decision** |" in text
    for parts in json.loads(file.read_text())["us"].values():
        assert min(parts["decision"]) > min(parts["  encode"]) > 0.0


def test_sweep_at_toy_size(tmp_path):
    out = tmp_path / "out.json"
    text = run("sweep.py", "--runs", "2", "--many", "3", "--json", str(out))
    found = json.loads(out.read_text())
    sweeps = [found["many"], *(run for runs in found["processes"].values() for run in runs)]
    assert all(0 < sweep["outside"] < 1 for sweep in sweeps)
    assert "outside training" in text


def test_training_at_toy_size(tmp_path):
    pytest.importorskip("torch", reason='needs PyTorch: pip install "threefactor[deep]"')
    out = tmp_path / "out.json"
    text = run("training.py", "--json", str(out), "--batch", "2", "--steps", "3")
    (rows,) = json.loads(out.read_text())["updates"].values()
    assert [row["name"] for row in rows] == ["ours", "by hand"]
    assert all(time > 0 for row in rows for time in row["cpu_s"])
    assert rows[1]["ratios"]
    assert "theirs / ours" in text


def test_learning_step_at_toy_size(tmp_path):
    pytest.importorskip("torch", reason='needs PyTorch: pip install "threefactor[deep]"')
    out = tmp_path / "out.json"
    text = run("learning_step.py", "--json", str(out))
    found = json.loads(out.read_text())["steps"]
    assert list(found) == ["dqn", "td3"]
    for rows in found.values():
        names = [row["name"] for row in rows]
        assert names == ["ours", "spiking network alone", "ordinary network alone"]
        assert all(row["cpu_s"][0] > 0 for row in rows)
        assert all(row["ratios"] for row in rows[1:])
    assert "relative to ours" in text


def test_our_training_and_that_by_hand_have_the_same_loss(monkeypatch):
    """What is compared computes the same, a timestep of each layer apart."""
    torch = pytest.importorskip("torch", reason='needs PyTorch: pip install "threefactor[deep]"')
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    loop = load("training_loop")
    (network, ours), (other, by_hand) = loop.ours(), loop.by_hand()
    torch.manual_seed(0)
    network.double()
    other.double()
    names = ("to_layer1.weight", "to_layer2.w", "to_output.w")
    with torch.no_grad():
        for name, weight in zip(names, other.weights, strict=True):
            weight.copy_(network.parameter(name).view(weight.shape))
        x = torch.floor(torch.randn(20, 4, 18, dtype=torch.float64) * 2**20) / 2**20
        late, early = ours(x), by_hand(x)
    assert early.abs().max() > 0.1
    torch.testing.assert_close(late[2:], early[:-2], rtol=1e-9, atol=1e-9)


def test_hover_at_toy_size():
    command = [sys.executable, str(BENCHMARKS / "hover.py"), "--flights", "8", "--steps", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| guide")]
    assert [row[3] for row in rows[:4]] == ["8/8"] * 4  # tilts of 20 and 45 degrees
