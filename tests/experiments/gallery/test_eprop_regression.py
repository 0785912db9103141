"""The regression of Bellec et al. 2020 in our network: published losses, and what the arms do."""

import numpy as np
import pytest

from threefactor.experiments.checks.rules import check_rule
from threefactor.experiments.gallery import eprop_regression as experiment
from threefactor.experiments.gallery.regression_network import (
    ComparingReadout,
    ReadoutGradient,
    draw_regression,
    regression_spec,
    show_pattern,
    write_draws,
)
from threefactor.models.neurons.checks import check_neuron


@pytest.fixture
def open_regression(open_network):
    """Return a factory of the compiled network for seeds 0 and 1, and their draws."""

    def build(is_learning=True):
        draws = [draw_regression(seed) for seed in (0, 1)]
        network = open_network(regression_spec(), "compiled", (0, 1), is_learning=is_learning)
        write_draws(network, draws)
        return network, draws

    return build


def test_first_five_losses_are_those_of_bellec_2020(open_regression):
    network, draws = open_regression()
    losses, outputs = zip(*(show_pattern(network, draws) for _ in range(5)), strict=True)
    np.testing.assert_allclose(np.array(losses)[:, 0], experiment.PUBLISHED, rtol=1e-7)
    for loss, output in zip(losses, outputs, strict=True):
        errors = output - np.stack([draw.target for draw in draws], axis=1)
        np.testing.assert_allclose(loss, 0.5 * (errors**2).sum(axis=0), rtol=1e-12)


def test_frozen_network_repeats_itself(open_regression):
    network, draws = open_regression(is_learning=False)
    first, second = (show_pattern(network, draws) for _ in range(2))
    assert first[0][0] == pytest.approx(experiment.PUBLISHED[0], rel=1e-7)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_parts_keep_their_promises():
    check_neuron(ComparingReadout())
    checks = ("documentation", "units", "zero-third-factor", "interpreter")
    report = check_rule(ReadoutGradient, ("runtime-numpy",), checks=checks)
    assert report.is_passed, report


def test_shuffled_feedback_keeps_each_seed_its_own_values():
    feedback = np.random.default_rng(0).normal(size=(2, 100))
    shuffle = experiment._Shuffle((0, 1), feedback)
    draws = [shuffle.draw() for _ in range(3)]
    for draw in draws:
        np.testing.assert_array_equal(np.sort(draw), np.sort(feedback))
        assert not np.array_equal(draw, feedback)
    assert not np.array_equal(draws[0], draws[1])
    assert not np.array_equal(np.argsort(draws[0][0]), np.argsort(draws[0][1]))
