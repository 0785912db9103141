"""What `train` prints of several seeds."""

from pathlib import Path

import pytest

from threefactor.experiments.training.result import TrainingResult


def report_of(means):
    summary = {
        "interrupted": False, "mean_return_last_100_by_replica": means, "metric": "return",
        "episodes": 7 * len(means), "replicas": len(means), "discount": 1.0, "references": {},
        "env": "E-v0", "rule": "r", "model": "m", "engine": "compiled", "decisions_per_second": 1.0,
    }  # fmt: skip
    return TrainingResult(Path("run"), summary).report().splitlines()


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ([12.1], ["12.100 (1 seed)"]),
        (
            [12.1, 33.6, 12.4],
            ["interquartile mean 19.367 of 3 seeds (no interval below 5): 12.100, 33.600, 12.400"],
        ),
        (
            [1.0, 2.0, 2.0, 2.0, 3.0],
            [
                "interquartile mean 2.000 [1.333, 2.667] (95 % interval over 5 seeds)",
                "  seeds: 1.000, 2.000, 2.000, 2.000, 3.000",
            ],
        ),
    ],
)
def test_report_says_what_the_seeds_say(means, expected):
    first, *others = expected
    lines = [f"return, mean of the last 7 of 7 episodes: {first}", *others]
    assert report_of(means)[: len(lines)] == lines
