"""Films: a picture for each decision beside the spikes of the same decisions."""

import numpy as np
import pytest
from matplotlib.animation import FFMpegWriter
from PIL import Image

from threefactor.analysis.excerpts import Excerpt
from threefactor.analysis.film import _SPAN, _Stage, require_film, save_film
from threefactor.analysis.run_data import Run


@pytest.fixture
def excerpt(run_path):
    return Excerpt.of(Run(run_path), "return", 3)


def pictures(count):
    return [np.full((6, 8, 3), 60 * k, np.uint8) for k in range(count)]


@pytest.mark.parametrize("with_pictures", [True, False])
def test_a_film_shows_every_decision_and_what_came_of_the_last(with_pictures, excerpt, tmp_path):
    path = tmp_path / "a.gif"
    save_film(path, excerpt, pictures(4) if with_pictures else [], "Env-v0")
    with Image.open(path) as film:
        # Without pictures nothing changes after the last decision: one frame, held.
        assert film.n_frames == 3 + with_pictures
        assert film.info["duration"] == 100


def test_time_moves_and_spikes_to_come_are_not_shown(excerpt):
    stage = _Stage(excerpt, pictures(4), "Env-v0")
    for number, shown in ((0, 1), (2, 3), (3, 3)):
        stage.show(number)
        low, high = stage.figure.axes[0].get_xlim()
        assert high == pytest.approx(shown * excerpt.decision_s)
        assert high - low == pytest.approx(_SPAN * excerpt.decision_s)
        assert stage.figure.get_suptitle() == f"Env-v0, decision {shown} of 3"
        assert stage.figure.axes[-1].images[0].get_array()[0, 0, 0] == 60 * number


def test_names_and_programs_that_do_not_fit_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"ends in .gif or .mp4, got 'a.avi'"):
        require_film(tmp_path / "a.avi")
    monkeypatch.setattr(FFMpegWriter, "isAvailable", classmethod(lambda cls: False))
    with pytest.raises(ValueError, match=r"a.mp4 needs the program ffmpeg.* the film a.gif"):
        require_film(tmp_path / "a.mp4")
    monkeypatch.setattr(FFMpegWriter, "isAvailable", classmethod(lambda cls: True))
    require_film(tmp_path / "a.mp4")
    require_film(tmp_path / "a.GIF")
