"""`--update` and `--model.incoming-sum`: what the command line asks for is what weights do."""

import numpy as np
import pytest
import yaml

import run
from threefactor.analysis.run_data import Run
from threefactor.experiments.configuration import PARTS
from threefactor.experiments.training.checkpoint import load_checkpoint
from threefactor.rules.updates import UPDATES

QUICK = [
    "train", "--env", "Identity-v0", "--max-episode-steps", "10", "--window-ms", "10", "--quiet",
    "--no-figures", "--reference-episodes", "0", "--model", "feed-forward", "--modulator",
    "reward-baseline", "--model.neurons-per-action", "2", "--encoder", "one-hot",
    "--encoder.rate-max-hz", "800",
]  # fmt: skip


def arrays(path):
    return load_checkpoint(path)["agent"]["network"]["arrays"]


@pytest.fixture
def train(tmp_path, capsys):
    def call(*options, name="run"):
        path = tmp_path / name
        status = run.main([*QUICK, *options, "--out", str(path)])
        captured = capsys.readouterr()
        assert (status, captured.err) == (0, "")
        return path

    return call


def test_table():
    assert PARTS["update"].table is UPDATES


def test_adams_first_step_has_its_size_and_the_sign_of_the_change(train):
    options = ["--rule.learning-rate", "0.7", "--episodes", "1", "--max-episode-steps", "1"]
    options += ["--seed", "3"]  # its only decision is rewarded
    adam = ["--update", "adam", "--update.step-size", "0.25"]
    start = arrays(train("--control", "frozen", *options, name="start"))["policy.w"]
    plain = arrays(train(*options, name="plain"))["policy.w"] - start
    change = arrays(train(*options, *adam, name="adam"))["policy.w"] - start
    assert 0 < np.count_nonzero(plain) < plain.size
    np.testing.assert_allclose(change, 0.25 * np.sign(plain), atol=1e-5)


def test_soft_bounds_are_never_reached(train):
    options = ["--rule.learning-rate", "1.5", "--episodes", "20", "--model.w-max", "4"]
    hard = arrays(train(*options, name="hard"))["policy.w"]
    soft = arrays(train(*options, "--update", "soft-bounds", name="soft"))["policy.w"]
    assert np.any((hard == 0) | (hard == 4))
    assert np.all((soft > 0) & (soft < 4))


@pytest.mark.parametrize(
    "options",
    [
        ["--rule.learning-rate", "1"],
        ["--rule", "dopamine-stdp", "--rule.learning-rate", "0.1"],  # a weight clock of its own
        ["--rule", "stdp", "--rule.learning-rate", "0.5", "--modulator", "reward"],
        ["--model", "layered", "--model.hidden-neurons", "3"],
    ],
)
def test_columns_keep_their_sum(options, train):
    path = train("--episodes", "3", *options, "--model.incoming-sum", "5")
    run_data = Run(path)
    assert set(run_data.projections) <= {"policy", "features"}
    for name in run_data.projections:
        history = run_data.weights(name)
        for w in history.values:
            sums = np.bincount(history.post, w)
            np.testing.assert_allclose(sums, 5.0, rtol=1e-6)  # snapshots are float32
        assert np.abs(history.values[-1] - history.values[0]).max() > 1e-3


def test_configuration_and_resume(train, capsys):
    options = ["--update", "adam", "--update.step-size", "0.05", "--model.incoming-sum", "5"]
    whole = train(*options, "--episodes", "6", name="whole")
    part = train(*options, "--episodes", "3", name="part")
    written = yaml.safe_load((part / "config.yaml").read_text())
    assert written["update"]["name"] == "adam"
    assert written["update"]["step_size"] == 0.05
    assert written["model"]["incoming_sum"] == 5.0
    assert (
        run.main(["train", "--resume", str(part), "--episodes", "6", "--quiet", "--no-figures"])
        == 0
    )
    capsys.readouterr()
    one, two = arrays(whole), arrays(part)
    for name in ("policy.w", "policy.update_first_moment", "policy.update_updates"):
        np.testing.assert_array_equal(one[name], two[name])
    assert one["policy.update_updates"].max() == 60


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--update", "adm"], "Unknown update 'adm'. Did you mean 'adam'?"),
        (["--model.incoming-sum", "50"], "add up to, 0 to 16, got 50"),
        (["--model.incoming-sum", "5", "--model.inhibitory-fraction", "0.5"], "of its own sign"),
    ],
)
def test_errors_are_one_line(options, message, capsys, tmp_path):
    assert run.main([*QUICK, *options, "--out", str(tmp_path / "run")]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.strip().splitlines()) == 1
