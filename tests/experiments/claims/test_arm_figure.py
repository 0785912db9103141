"""The figure of an experiment that trains agents: every arm, and what is judged."""

import numpy as np
import pytest

from threefactor.experiments.claims.arms import save_arm
from threefactor.experiments.claims.closed_loop import CONTROL_SETTINGS, Score, _draw
from threefactor.experiments.claims.experiment import RANDOM, TRAINED, ArmRequest, ArmResult
from threefactor.experiments.training.run_directory import RunDirectory


@pytest.fixture
def folder(tmp_path):
    """What two arms leave: a run of two seeds, and the scores of the random agent."""
    with RunDirectory.create(tmp_path / TRAINED, {"seed": 0}, {}) as run:
        for replica in range(2):
            for episode in range(3):
                run.append_episode({
                    "replica": replica, "episode": episode, "return": -1.0, "length": 7,
                    "discounted_return": -1.0, "terminated": True, "truncated": False,
                    "simulated_seconds": 1.0,
                })  # fmt: skip
        run.write_summary({"metric": "return", "references": {"optimum": 1.0}})
    request = ArmRequest(RANDOM, tmp_path / RANDOM.replace(" ", "-"), (0, 1), 1.0, "auto", print)
    save_arm(request, ArmResult(np.array([20.0, 22.0])))
    return tmp_path


@pytest.mark.parametrize(
    ("of", "label", "level"), [("return", "Return", -1.0), ("length", "Length", 7.0)]
)
def test_curves_are_of_the_score_and_the_random_agent_has_points(of, label, level, folder):
    left, right = _draw(CONTROL_SETTINGS, Score(of), folder).axes
    assert left.get_ylabel().startswith(label)
    assert left.lines[0].get_ydata().tolist() == [level] * 3
    assert [text.get_text() for text in right.get_xticklabels()] == [TRAINED, RANDOM]
    assert right.lines[-2 if of == "return" else -1].get_ydata().tolist() == [20.0, 22.0]
    assert "mean of the last 3 episodes" in left.get_title()


def test_what_is_evaluated_is_not_compared_with_the_curves(folder):
    axes = _draw(CONTROL_SETTINGS, Score(evaluated=9), folder).axes
    assert [text.get_text() for text in axes[1].get_xticklabels()] == [TRAINED]
