"""Whether training was worth it: the rule of the seeds, and what the report says."""

from pathlib import Path

import numpy as np
import pytest

from threefactor.experiments.training.result import TrainingResult
from threefactor.experiments.training.twin import (
    is_better_than_twin,
    standard_error,
    twin_warning,
)

SCATTER = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])


@pytest.mark.parametrize(
    ("trained", "twin", "is_better"),
    [
        ([11.0], [23.0], False),
        ([23.0], [11.0], True),
        ([5.0], [5.0], False),
        ([5.0, 1.0], [4.0, 1.5], True),
        (SCATTER + 0.5, SCATTER * 0, False),  # the interval of the mean is [-1.5, 2.5]
        (SCATTER + 3.0, SCATTER * 0, True),
        (SCATTER + 0.1, SCATTER, True),  # seed by seed there is no scatter
    ],
)
def test_few_seeds_by_their_mean_and_more_by_its_interval(trained, twin, is_better):
    assert is_better_than_twin(trained, twin) == is_better
    assert bool(twin_warning(trained, twin)) != is_better


def test_warning_is_a_plain_sentence():
    assert twin_warning([11.0], [23.0]) == (
        "WARNING: training ended no better than the untrained twin: 11.000 against 23.000, "
        "difference -12.000 (1 seed)."
    )
    assert "(95 % interval over 5 seeds)" in twin_warning(SCATTER, SCATTER * 0)


@pytest.mark.parametrize(("twin", "is_better"), [([23.0, 24.0], False), ([3.0, 2.0], True)])
def test_report_warns(twin, is_better):
    summary = {
        "interrupted": False, "mean_return_last_100_by_replica": [11.0, 12.0], "metric": "return",
        "episodes": 14, "replicas": 2, "discount": 1.0, "references": {},
        "twin_return_by_replica": twin, "env": "E-v0", "rule": "r", "model": "m",
        "engine": "compiled", "decisions_per_second": 1.0,
    }  # fmt: skip
    result = TrainingResult(Path("run"), summary)
    assert ("WARNING" in result.report()) != is_better
    assert result.is_better_than_twin == is_better
    for few in ([], [99.0]):  # no references, or those of a part of the workers
        result = TrainingResult(Path("run"), {**summary, "twin_return_by_replica": few})
        assert result.is_better_than_twin is None
        assert "WARNING" not in result.report()


@pytest.mark.parametrize(
    ("errors", "is_better", "words"),
    [
        ([0.1, 0.1], True, ""),
        ([0.6, 0.8], False, "difference 1.000 (1 seed), within the scatter of episodes "
         "(standard error 1.000)."),
        ([None, 0.1], False, "difference 1.000 (1 seed); a single episode cannot tell."),
        ([], True, ""),  # of before
    ],
)  # fmt: skip
def test_a_difference_of_few_seeds_must_exceed_the_scatter_of_episodes(errors, is_better, words):
    assert is_better_than_twin([3.0], [2.0], errors) == is_better
    assert twin_warning([3.0], [2.0], errors).endswith(words)
    assert twin_warning([2.0], [3.0], errors).endswith("difference -1.000 (1 seed).")


def test_the_scatter_of_a_mean_of_seeds():
    errors = [0.5] * 4  # two seeds, trained and twin: 0.5 together
    assert not is_better_than_twin([1.0, 1.0], [0.2, 0.2], errors)
    assert is_better_than_twin([1.0, 1.0], [0.1, 0.1], errors)
    assert is_better_than_twin(SCATTER + 0.1, SCATTER, [100.0] * 10)  # seeds enough


def test_standard_errors_of_episodes():
    assert standard_error([1.0]) is None
    assert standard_error([1.0, 3.0]) == pytest.approx(1.0)
    assert standard_error([2.0] * 10) == 0.0
