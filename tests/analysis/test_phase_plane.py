"""Choices and values over two dimensions of the observations."""

import numpy as np
import pytest

from threefactor.analysis.phase_plane import draw_phase_plane, reason_against


def test_both_panels_name_dimensions_actions_and_what_is_held(plane):
    figure = draw_phase_plane(plane, "linear critic")
    choices, values, *bars = figure.axes
    assert choices.get_xlabel() == "Position (env units)"
    assert choices.get_ylabel() == "Speed (m/s)"
    assert choices.get_title() == "lines: 2 episodes from their dots"
    assert "learning off" in figure.get_suptitle()
    assert "at angle = 0.1" in figure.get_suptitle()
    assert "Value of the linear critic (reward units)" in [bar.get_xlabel() for bar in bars]
    assert [text.get_text() for text in bars[0].get_xticklabels()] == ["left", "none", "right"]
    assert np.unique(choices.collections[0].get_array()).tolist() == [1]
    assert values.collections[0].get_array().ravel().tolist() == list(range(9))


def test_a_tie_has_no_colour(plane):
    tied = plane["preferences"].copy()
    tied[0, 2] = [3.0, 3.0, 1.0]
    shown = draw_phase_plane({**plane, "preferences": tied}).axes[0].collections[0].get_array()
    assert np.argwhere(np.ma.getmaskarray(shown).reshape(3, 3)).tolist() == [[0, 2]]


def test_only_what_is_known_has_a_panel(plane):
    panels = len(draw_phase_plane(plane).axes)
    no_values = draw_phase_plane({**plane, "values": np.zeros((0, 0))})
    no_actions = draw_phase_plane({**plane, "preferences": np.zeros((3, 3, 0))})
    assert len(no_values.axes) == len(no_actions.axes) == panels // 2
    assert no_actions.axes[0].get_ylabel() == "Speed (m/s)"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"axes": np.array([[0.0, 1.0, 2.0], [3.0, 3.0, 3.0]])}, "speed (m/s) never changed"),
        ({"preferences": np.zeros((3, 3, 0)), "values": np.zeros((0, 0))}, "continuous actions"),
    ],
)
def test_what_cannot_be_drawn_has_a_reason(changes, reason, plane):
    assert reason_against({**plane, **changes}).startswith(reason)
    assert bool(reason) == bool(reason_against({**plane, **changes}))
    assert "evaluate --record" in reason_against(None)
