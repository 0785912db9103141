"""Limits found for a run are settings of it: resumed, evaluated and split runs have the same."""

import pytest

from threefactor.experiments.configuration import read_settings
from threefactor.experiments.interface import evaluate, resume, train
from threefactor.experiments.layers import configure
from threefactor.experiments.training.limits import with_limits

SETTINGS = {
    "preset": "none", "env": "CartPole-v1", "encoder": "gaussian", "model": "feed-forward",
    "modulator": "td-linear", "episodes": 1, "engine": "runtime-numpy", "reference_episodes": 0,
}  # fmt: skip


def kept(path):
    encoder = read_settings(path / "config.yaml")["encoder"]
    return encoder["low"], encoder["high"]


def test_limits_are_settings_of_the_run(tmp_path):
    said = []
    config = with_limits(configure(SETTINGS), said.append)
    assert len(said) == 1
    assert with_limits(config, said.append) == config
    assert len(said) == 1
    result = train(SETTINGS, out=tmp_path / "run", quiet=True, say=said.append)
    assert said[0] == said[1]
    limits = list(config.parts["encoder"].low), list(config.parts["encoder"].high)
    assert kept(result.path) == limits
    resume(result.path, 2, quiet=True, say=said.append)
    assert kept(result.path) == limits
    evaluate(result.path, 1)
    assert len([line for line in said if line.startswith("encoder: ")]) == 2


@pytest.mark.slow
def test_workers_have_the_limits_of_the_whole(tmp_path):
    result = train(SETTINGS, replicas=2, workers=2, out=tmp_path / "run", quiet=True)
    blocks = [kept(tmp_path / "run" / "workers" / str(number)) for number in range(2)]
    assert blocks == [kept(result.path)] * 2
