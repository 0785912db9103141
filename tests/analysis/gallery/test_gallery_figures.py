"""Figures of the gallery: a few seeds are drawn one by one, five or more with an interval."""

import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from threefactor.analysis.gallery.figures import (
    draw_chain_values,
    draw_rate_xor,
    draw_regression_learning,
)
from threefactor.analysis.gallery.patterns import draw_bias, draw_spike_patterns


def rate_xor(rng, n_seeds):
    rates = rng.random((30, n_seeds, 4))
    return draw_rate_xor({"rule": rates}, {"frozen": rates}), 4


def bias(rng, n_seeds):
    right, stimuli = rng.integers(2, size=(2, 400, n_seeds)).astype(bool)
    learning = {f"arm {k}": (right, stimuli) for k in range(5)}
    return draw_bias(learning, {"rule": rng.random((2, 2, n_seeds))}), 10


def spike_patterns(rng, n_seeds):
    training = {arm: rng.random((100, n_seeds)) for arm in ("rule", "twin")}
    potentials = {arm: rng.random((2, 50)) for arm in ("before", "after")}
    return draw_spike_patterns(training, {"rule": rng.random((n_seeds, 2))}, potentials), 4


def regression(rng, n_seeds):
    signals = {name: rng.random((50, n_seeds)) for name in ("targets", "first_outputs", "outputs")}
    arms = {
        "rule": {"losses": 1 + rng.random((20, n_seeds)), **signals},
        "twin": {"losses": 1 + rng.random((1, n_seeds))},
    }
    return draw_regression_learning(arms), 1


def texts(figure):
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes)]
    titles = [legend.get_title().get_text() for legend in legends if legend is not None]
    return " ".join([*titles, *(axes.get_ylabel() for axes in figure.axes)])


@pytest.mark.parametrize("draw", [rate_xor, bias, spike_patterns, regression])
@pytest.mark.parametrize(("n_seeds", "has_bands"), [(4, False), (5, True)])
def test_bands_are_drawn_from_five_seeds_on(draw, n_seeds, has_bands):
    figure, n_bands = draw(np.random.default_rng(0), n_seeds)
    bands = [c for axes in figure.axes for c in axes.collections if isinstance(c, PolyCollection)]
    assert len(bands) == n_bands * has_bands
    assert ("IQM of 5 seeds, 95 % CI" if has_bands else "each of 4 seeds") in texts(figure)
    figure.canvas.draw()


def test_states_are_numbered_by_whole_ticks():
    truths = {"short": np.array([1.0, 2.0, 3.0]), "longer": np.arange(1.0, 6.0)}
    values = {name: np.zeros((4, 2, truth.size)) for name, truth in truths.items()}
    figure = draw_chain_values(truths, values)
    figure.canvas.draw()
    for axes in figure.axes[:2]:
        assert axes.get_xlabel() == "State"
        ticks = axes.get_xticks()
        assert len(ticks) > 1
        np.testing.assert_array_equal(ticks, np.round(ticks))
