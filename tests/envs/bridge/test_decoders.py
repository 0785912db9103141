"""Decoders: the contract over registry x spaces, then what each one computes."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

from threefactor.envs.bridge import DECODERS
from threefactor.envs.bridge.checks import check_decoder, check_settings
from threefactor.envs.bridge.decoders.choices import pick_largest
from threefactor.envs.bridge.decoders.continuous import PopulationVector, WeightedMean
from threefactor.envs.bridge.decoders.discrete import Argmax, FirstToSpike, Softmax
from threefactor.envs.bridge.decoders.membrane import Membrane
from threefactor.envs.bridge.decoders.ring import Ring

SPACES = {
    "discrete": Discrete(4),
    "discrete from 3": Discrete(3, start=3),
    "multi-discrete": MultiDiscrete([2, 3], start=[0, -1]),
    "multi-discrete matrix": MultiDiscrete(np.array([[2, 3], [4, 2]])),
    "box": Box(-2.0, 2.0, (1,)),
    "box uneven": Box(np.array([-0.1, 0.3], np.float32), np.array([0.1, 0.7], np.float32)),
    "box float64": Box(-0.1, 0.1, (3,), np.float64),
    "box scalar": Box(-1.0, 1.0, ()),
    "box matrix": Box(-1.0, 1.0, (2, 2)),
}
CASES = [
    (name, space, neurons)
    for name in DECODERS
    for space in SPACES
    for neurons in (1, 3)
    if isinstance(SPACES[space], DECODERS[name].spaces)
    and not (neurons == 1 and name in ("weighted-mean", "population-vector"))
    and not (name == "ring" and space in ("box float64", "box matrix"))
]


def generators(n_replicas=1, seed=0):
    return [np.random.default_rng([seed, replica]) for replica in range(n_replicas)]


@pytest.mark.parametrize(("name", "space", "neurons"), CASES)
def test_decoder_keeps_the_contract(name, space, neurons):
    check_decoder(DECODERS[name](), SPACES[space], neurons)


@pytest.mark.parametrize("name", DECODERS)
def test_settings_survive_json_and_are_documented(name):
    check_settings(DECODERS[name]())


@pytest.mark.parametrize("name", DECODERS)
def test_wrong_bindings_give_one_clear_error(name):
    decoder = DECODERS[name]()
    with pytest.raises(ValueError, match=r"\.bind: expected a .* action space, got MultiBinary"):
        decoder.bind(MultiBinary(2), 2, generators())
    space = Discrete(2) if Discrete in decoder.spaces else SPACES["box"]
    with pytest.raises(ValueError, match="neurons_per_action must be >= 1, got 0"):
        decoder.bind(space, 0, generators())
    with pytest.raises(ValueError, match="one per replica"):
        decoder.bind(space, 2, np.random.default_rng(0))


def test_wrong_space_error_names_the_decoders_that_fit():
    fitting = "fit: population-vector, weighted-mean, membrane"
    with pytest.raises(ValueError, match=fitting):
        Argmax().bind(SPACES["box"], 1, generators())


def test_unbounded_action_boxes_are_refused():
    with pytest.raises(ValueError, match="expected finite bounds"):
        WeightedMean().bind(Box(-np.inf, 1.0, (1,)), 2, generators())
    with pytest.raises(ValueError, match="Box of floats"):
        WeightedMean().bind(Box(0, 9, (1,), np.int64), 2, generators())
    with pytest.raises(ValueError, match="must be >= 2"):
        PopulationVector().bind(SPACES["box"], 1, generators())


def test_argmax_sums_the_neurons_of_each_action():
    bound = Argmax().bind(Discrete(3, start=10), 2, generators(2))
    counts = np.array([[0, 3, 2, 2, 1, 0], [0, 0, 0, 0, 0, 1]])
    assert bound.decode(counts).tolist() == [11, 12]
    assert bound.decode(counts).dtype == np.int64


def test_untied_decisions_draw_nothing():
    bound = Argmax().bind(Discrete(2), 1, generators(2))
    before = bound.state()
    bound.decode(np.array([[1, 2], [3, 0]]))
    assert bound.state() == before
    bound.decode(np.array([[1, 2], [3, 3]]))
    assert bound.state()[0] == before[0]
    assert bound.state()[1] != before[1]


@pytest.mark.parametrize("n_replicas", [1, 3])
def test_ties_are_broken_evenly_and_only_among_the_tied(n_replicas):
    values, drawn = np.tile([5, 1, 5, 5], (n_replicas, 1)), generators(n_replicas)
    picks = np.concatenate([pick_largest(values, drawn) for _ in range(6000 // n_replicas)])
    assert np.bincount(picks) / 6000 == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3], abs=0.03)


def test_softmax_chooses_as_often_as_its_probabilities_say():
    bound = Softmax(temperature=2.0).bind(Discrete(3), 2, generators(4000))
    counts = np.tile([1, 0, 2, 1, 4, 1], (4000, 1))
    expected = np.exp(np.array([1, 3, 5]) / 2.0)
    expected /= expected.sum()
    assert bound.probabilities(counts)[0] == pytest.approx(expected)
    assert np.bincount(bound.decode(counts)) / 4000 == pytest.approx(expected, abs=0.03)
    with pytest.raises(ValueError, match="temperature must be > 0"):
        Softmax(temperature=0.0)


def test_first_to_spike_takes_the_earliest_neuron():
    bound = FirstToSpike().bind(Discrete(2), 2, generators())
    assert bound.reads == "first_spike_times_ms"
    assert bound.decode(np.array([[9.0, np.inf, 30.0, 8.5]])).tolist() == [1]


def test_weighted_mean_is_the_centre_of_the_votes_whatever_their_number():
    bound = WeightedMean().bind(Box(0.0, 4.0, (2,)), 3, generators())
    counts = np.array([[0, 1, 1, 2, 0, 0]])
    for scale in (1, 10):
        assert bound.decode(counts * scale).tolist() == [[3.0, 0.0]]
    assert bound.decode(counts * 0).tolist() == [[2.0, 2.0]]
    assert bound.decode(counts).dtype == np.float32


def test_population_vector_grows_with_the_votes_up_to_the_bound():
    bound = PopulationVector(full_count=10.0).bind(Box(-2.0, 2.0, (1,)), 3, generators())
    actions = [bound.decode(np.array([[1, 7, 1 + n]])).item() for n in (0, 5, 10, 50)]
    assert actions == [0.0, 1.0, 2.0, 2.0]


def test_membrane_chooses_the_largest_mean_or_scales_it():
    choice = Membrane().bind(Discrete(2), 2, generators())
    assert choice.decode(np.array([[0.9, 0.0, 0.5, 0.6]])).tolist() == [1]
    scaled = Membrane(membrane_low=10.0, membrane_high=20.0).bind(SPACES["box"], 2, generators())
    actions = [scaled.decode(np.array([[v, v]])).item() for v in (-5.0, 12.5, 15.0, 30.0)]
    assert actions == [-2.0, -1.0, 0.0, 2.0]


def test_membrane_says_when_the_network_diverged():
    for space in (Discrete(2), SPACES["box"]):
        bound = Membrane().bind(space, 1, generators())
        with pytest.raises(ValueError, match="network has diverged"):
            bound.decode(np.full((1, bound.n_outputs), np.nan))
    with pytest.raises(ValueError, match="membrane_low < membrane_high"):
        Membrane(membrane_low=1.0)


def test_greedy_decoders_decide_without_drawing():
    """Given the same outputs, and none of them tied, every replica decides the same."""
    outputs = np.array([[3.0, 2.0, 1.0, 4.0, 5.0, 6.0]])
    for name, kind in DECODERS.items():
        decoder = kind().greedy()
        space = Discrete(3) if Discrete in decoder.spaces else Box(-1.0, 1.0, (3,))
        bound = [decoder.bind(space, 2, [np.random.default_rng(seed)]) for seed in range(20)]
        assert len({np.asarray(one.decode(outputs)).tobytes() for one in bound}) == 1, name


@pytest.mark.parametrize("name", ["argmax", "softmax", "first-to-spike", "membrane"])
def test_components_are_decided_one_by_one(name):
    space = MultiDiscrete([2, 3], start=[5, 0])
    bound = DECODERS[name]().bind(space, 1, generators())
    strong = np.array([[0.0, 90.0, 0.0, 0.0, 80.0]])
    outputs = np.where(strong > 0, 1.0, np.inf) if name == "first-to-spike" else strong
    assert bound.decode(outputs).tolist() == [[6, 2]]
    assert bound.choices.populations(np.array([[6, 2]])).tolist() == [[1, 4]]


def test_ring_points_where_its_neurons_do_and_remembers():
    """Eight neurons at 22.5, 67.5, ... degrees; the second window is silent."""
    bound = Ring(memory=0.25, full_count=6.0).bind(Box(-2.0, 2.0, (2,)), 4, generators(2))
    counts = np.zeros((2, 8))
    counts[0, 0], counts[1, 2:4] = 4, 4
    first, second = bound.decode(counts), bound.decode(np.zeros((2, 8)))
    angle = np.pi / 8
    expected = [[np.cos(angle), np.sin(angle)], [-np.sin(angle) - np.cos(angle)] * 2]
    expected[1][1] *= -1
    np.testing.assert_allclose(first, np.array(expected) * 2.0 * 0.75 * 4 / 6, rtol=1e-6)
    np.testing.assert_allclose(second, first / 4, rtol=1e-6)
    bound.reset(np.array([True, False]))
    third = bound.decode(np.zeros((2, 8)))
    np.testing.assert_allclose(third, [[0, 0], first[1] / 16], rtol=1e-6)


def test_ring_of_one_dimension_reads_the_first_component():
    bound = Ring(memory=0.0, full_count=2.0).bind(Box(0.0, 1.0, (1,)), 6, generators(3))
    counts = np.zeros((3, 6))
    counts[0, 0], counts[1, 1], counts[2, [2, 3]] = 1, 9, 3
    expected = [0.5 + np.cos(np.pi / 6) / 4, 0.5, 0.0]
    np.testing.assert_allclose(bound.decode(counts)[:, 0], expected, atol=1e-7)


@pytest.mark.parametrize("n_actions", [2, 3, 5])
def test_ring_chooses_the_sector_of_the_vector(n_actions):
    """A single population wins its sector; neighbours at equal strength meet in between."""
    bound = Ring(memory=0.0).bind(Discrete(n_actions), 4, generators(n_actions))
    counts = np.repeat(np.eye(n_actions), 4, axis=1)
    assert bound.decode(counts).tolist() == list(range(n_actions))
    even = Ring().bind(Discrete(n_actions), 4, generators(40))
    assert {*even.decode(np.ones((40, 4 * n_actions))).tolist()} == set(range(n_actions))


def test_ring_restores_its_vector():
    bound, other = (Ring(memory=0.5).bind(SPACES["box"], 3, generators()) for _ in range(2))
    bound.decode(np.array([[3, 0, 0]]))
    other.restore(bound.state())
    silence = np.zeros((1, 3))
    np.testing.assert_array_equal(other.decode(silence), bound.decode(silence))
    assert bound.decode(silence) > 0.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"memory": 1.0}, "Ring.memory must be >= 0 and < 1, got 1.0"),
        ({"full_count": 0.0}, "Ring.full_count must be > 0 spikes, got 0.0"),
    ],
)
def test_ring_names_impossible_numbers(settings, message):
    with pytest.raises(ValueError, match=message):
        Ring(**settings)


def test_ring_has_two_dimensions():
    with pytest.raises(ValueError, match="expected an action of 1 or 2 dimensions, got Box"):
        Ring().bind(SPACES["box float64"], 2, generators())
