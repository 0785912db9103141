"""Gradients by slope: against closed forms, and what the bars of the experiments ask for."""

import numpy as np
import pytest

from threefactor.experiments.gallery.slope_gradients import (
    BY_LAYER,
    BY_SLOPE,
    CONTROLS,
    COSINES,
    MEASURES,
    SLOPE_GRADIENTS,
    measure_seed,
)
from threefactor.experiments.gallery.slope_network import (
    cosine,
    layer_gradients,
    slope_spec,
    square_error,
    weight_names,
)

REASON = 'needs PyTorch: pip install "threefactor[deep]"'


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason=REASON)


@pytest.fixture
def network(torch):
    from threefactor.models.differentiable import DifferentiableNetwork

    return DifferentiableNetwork(slope_spec(1), weight_seed=3, dtype=torch.float64)


@pytest.mark.parametrize("slope", [1.0, 10.0, 100.0])
def test_gradients_of_one_layer_are_those_of_the_formula(torch, network, slope):
    """What is told in the first timestep is a spike or none, and read in the second."""
    told, targets = torch.randn(2, 5, 18).double(), torch.randn(2, 5, 4).double()
    told = torch.round(told * 2**20) / 2**20  # as the input does
    network.slope = slope
    first, readout = layer_gradients(network, told, targets, warm_up=1)
    w, u = (network.parameter(name).detach().numpy() for name in weight_names(network.spec))
    w, u, x = w.reshape(18, 64), u.reshape(64, 4), told[0].numpy()
    distance = x @ w - network.parameter("layer1.v_threshold").detach().numpy()
    spikes = (distance > 0).astype(float)
    error = 2.0 * (spikes @ u - targets[1].numpy()) / (5 * 4)
    assert readout == pytest.approx((spikes.T @ error).ravel(), abs=1e-12)
    expected = x.T @ ((error @ u.T) / (1.0 + slope * np.abs(distance)) ** 2)
    assert first == pytest.approx(expected.ravel(), abs=1e-12)


def test_the_error_leaves_out_the_warm_up(torch, network):
    told, targets = torch.zeros(3, 2, 18).double(), torch.zeros(3, 2, 4).double()
    targets[0], targets[1], targets[2] = 9.0, 1.0, 3.0
    assert square_error(network, told, targets, 1).item() == pytest.approx((1.0 + 9.0) / 2)


def test_cosines():
    x, y = np.array([1.0, 0.0]), np.array([0.0, -2.0])
    assert cosine(x, 3 * x) == pytest.approx(1.0)
    assert cosine(x, -x) == pytest.approx(-1.0)
    assert cosine(x, y) == 0.0
    assert cosine(x, x - y) == pytest.approx(1 / 5**0.5)
    assert cosine(x, np.zeros(2)) == 0.0


def test_weights_are_named_from_the_input_to_the_readout():
    names = ["to_layer1.weight", "to_layer2.w", "to_output.w"]
    assert weight_names(slope_spec(2)) == names


def test_the_steepest_slope_is_its_own_reference_and_the_readout_knows_no_slope(torch):
    magnitudes, cosines, rates = measure_seed(0, 100, 2, batch=4)
    assert cosines == pytest.approx(np.ones(3))
    assert rates.shape == (2,)
    shallow, others, same_rates = measure_seed(0, 1, 2, batch=4)
    assert shallow[-1] == magnitudes[-1]
    assert (same_rates == rates).all()
    assert np.all(shallow[:2] > 10 * magnitudes[:2])
    assert np.all(others[:2] < 0.99)
    assert not np.array_equal(measure_seed(1, 1, 2, batch=4)[0], shallow)


def paper_like():
    """Return scores of which every bar holds."""
    scores = {arm: np.full(3, -2.0 - 0.6 * k) for k, arm in enumerate(BY_SLOPE)}
    scores |= {arm: np.full(3, -6.2 + k) for k, arm in enumerate(BY_LAYER)}
    scores |= {arm: np.full(3, 0.1) for arm in COSINES}
    controls = {"slope 1, readout": scores["slope 100, readout"]}
    return {**scores, **dict.fromkeys(CONTROLS, np.full(3, -3.0)), **controls}


def failing(scores):
    return [k for k, bar in enumerate(SLOPE_GRADIENTS.bars) if not bar.holds(scores)]


@pytest.mark.parametrize(
    ("arm", "value", "fails"),
    [
        ("slope 1", -2.3, [0]),
        ("cosine, slope 1", 0.3, [1]),
        ("slope 25", -2.5, [2]),
        ("slope 100, layer 3", -6.0, [3]),
        ("slope 1, readout", -1.8, [4]),
        ("slope 1, readout", -2.6, [4]),
        ("one hidden layer, slope 1", -0.9, [5]),
    ],
)
def test_every_bar_can_fail(arm, value, fails):
    assert set(paper_like()) == set(MEASURES)
    assert failing(paper_like()) == []
    assert failing({**paper_like(), arm: np.full(3, value)}) == fails


def test_sizes_are_averaged_and_not_their_logarithms():
    """One seed of two has all of the gradient: half of it is the mean."""
    scores = paper_like()
    for log_size, holds in ((-1.91, False), (-1.89, True)):
        scores["slope 1"] = np.array([log_size, -20.0])
        assert (0 not in failing(scores)) == holds
