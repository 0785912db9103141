"""Surrogate slopes: gradients against closed forms, the task, what the bars ask for."""

import sys

import numpy as np
import pytest

import run
from threefactor.experiments.claims.reproduction import reproduce
from threefactor.experiments.gallery.slope_gradients import (
    BY_LAYER,
    BY_SLOPE,
    CONTROLS,
    COSINES,
    MEASURES,
    SLOPE_GRADIENTS,
    measure_seed,
)
from threefactor.experiments.gallery.slope_learning import (
    ARMS,
    SLOPE_LEARNING_SUPERVISED,
    TUNING_SEEDS,
    WARM_UP,
    Imitation,
    Training,
    train,
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


def failing(scores, experiment=SLOPE_GRADIENTS):
    return [k for k, bar in enumerate(experiment.bars) if not bar.holds(scores)]


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


def test_sequences_have_variance_one_and_change_slowly():
    told, _ = Imitation(0, 2).draw(np.random.default_rng(0), 400)
    assert told.var(axis=(1, 2)) == pytest.approx(np.ones(30), abs=0.1)
    products = (told[1:] * told[:-1]).mean(axis=(1, 2))
    assert products == pytest.approx(np.full(29, 0.9), abs=0.1)


def test_answers_are_those_of_one_teacher_and_as_late_as_spikes():
    at_once, late = (Imitation(0, delay) for delay in (0, 2))
    told, answers = at_once.draw(np.random.default_rng(0), 3)
    same, delayed = late.draw(np.random.default_rng(0), 3)
    assert np.array_equal(told, same)
    assert np.array_equal(delayed[2:], answers[:-2])
    assert np.abs(answers).max() < 1.0
    assert not np.allclose(Imitation(1, 0).draw(np.random.default_rng(0), 3)[1], answers)
    assert max(training.hidden_layers for training in ARMS.values()) <= WARM_UP


def test_training_lowers_the_error_and_without_it_nothing_changes(torch):
    iterations, losses = train(100, Training(2), 1e-2, 40)
    assert iterations[[0, -1]].tolist() == [0, 40]
    assert losses[-1] < 0.5 * losses[0]
    stops, untrained = train(100, Training(2, is_trained=False), 1e-2, 0)
    assert stops.tolist() == [0]
    assert untrained.tolist() == [losses[0]]


def test_without_a_derivative_of_spikes_only_the_readout_learns(torch, monkeypatch):
    networks, adam = [], torch.optim.Adam

    def optimiser(trained, rate):
        networks.append(trained)
        return adam(trained, rate)

    monkeypatch.setattr(torch.optim, "Adam", optimiser)
    train(100, Training(2, is_readout_alone=True), 1e-2, 1)
    train(100, Training(2), 1e-2, 1)
    assert [[p.numel() for p in trained] for trained in networks] == [
        [64 * 4], [64 * 64, 64 * 4, 18 * 64],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arm", "value", "fails"),
    [
        ("2 layers, slope 100", 0.25, [0]),
        ("2 layers, readout alone", 0.39, [1]),
        ("2 layers, untrained", 0.39, [2]),
        ("4 layers, slope 2", 0.1, [3]),
        ("4 layers, readout alone", 0.39, [4]),
        ("4 layers, untrained", 0.39, [5]),
    ],
)
def test_every_bar_of_learning_can_fail(arm, value, fails):
    scores = {name: np.full(3, 0.2 if "slope" in name else 0.9) for name in ARMS}
    assert failing(scores, SLOPE_LEARNING_SUPERVISED) == []
    assert failing({**scores, arm: np.full(3, value)}, SLOPE_LEARNING_SUPERVISED) == fails


def test_rates_are_chosen_on_seeds_that_are_not_reported():
    experiment = SLOPE_LEARNING_SUPERVISED
    assert min(TUNING_SEEDS) >= 100 > experiment.seed + experiment.n_seeds


def test_without_torch_one_line_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.chdir(tmp_path)
    for name in ("slope_gradients", "slope_learning_supervised"):
        with pytest.raises(ImportError, match=r'pip install "threefactor\[deep\]"'):
            reproduce(name, tmp_path, say=lambda text: None)
        assert run.main(["reproduce", name, "--budget", "0.001"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert 'pip install "threefactor[deep]"' in line
    assert list(tmp_path.iterdir()) == []
    only = {"slope_gradients": SLOPE_GRADIENTS}
    monkeypatch.setattr("threefactor.experiments.claims.registry.EXPERIMENTS", only)
    assert run.main(["reproduce", "--all", "--budget", "0.001"]) == 0
    assert "slope_gradients: left out. Networks are trained" in capsys.readouterr().out
