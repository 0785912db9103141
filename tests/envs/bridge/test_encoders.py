"""Encoders: the contract over registry x spaces, then what each one computes."""

from itertools import combinations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete

from threefactor.envs.bridge import ENCODERS
from threefactor.envs.bridge.checks import check_encoder, check_settings
from threefactor.envs.bridge.encoders.gaussian import GaussianPopulation
from threefactor.envs.bridge.encoders.k_of_n import KOfN
from threefactor.envs.bridge.encoders.linear import DirectRate, OnOff
from threefactor.envs.bridge.encoders.one_hot import OneHot
from threefactor.envs.bridge.encoders.tile import TileCoding

CART_POLE = Box(
    np.array([-4.8, -np.inf, -0.42, -np.inf], np.float32),
    np.array([4.8, np.inf, 0.42, np.inf], np.float32),
)
SPACES = {
    "discrete": Discrete(7),
    "discrete from 3": Discrete(5, start=3),
    "discrete from -2": Discrete(5, start=-2),
    "multi-discrete": MultiDiscrete([2, 5, 3]),
    "multi-discrete matrix": MultiDiscrete(
        np.array([[2, 3], [4, 5]]), start=np.array([[1, 0], [0, -1]])
    ),
    "box": Box(np.array([-1.2, -0.07], np.float32), np.array([0.6, 0.07], np.float32)),
    "box scalar": Box(-1.0, 1.0, ()),
    "box matrix": Box(0, 255, (2, 2), np.uint8),
    "box unbounded": CART_POLE,
}
WITH_LIMITS = {"low": (-2.4, -3.0, -0.2, -3.0), "high": (2.4, 3.0, 0.2, 3.0)}
CASES = [
    (encoder, space, normalise)
    for encoder in ENCODERS
    for space in SPACES
    for normalise in (["limits", "running"] if space.startswith("box") else ["limits"])
    if isinstance(SPACES[space], ENCODERS[encoder].spaces)
]


def build(name, space, normalise):
    fields = {} if normalise == "limits" else {"normalise": normalise}
    if space == "box unbounded" and normalise == "limits":
        fields |= WITH_LIMITS
    if name == "tile":
        fields["tiles"] = 4
    return ENCODERS[name](**fields)


@pytest.mark.parametrize(("name", "space", "normalise"), CASES)
def test_encoder_keeps_the_contract(name, space, normalise):
    check_encoder(build(name, space, normalise).bind(SPACES[space]), SPACES[space])


def test_grid_of_place_cells_keeps_the_contract():
    check_encoder(GaussianPopulation(mode="grid", cells=(3, 4)).bind(SPACES["box"]), SPACES["box"])


@pytest.mark.parametrize(
    ("encoder", "space"),
    [
        (GaussianPopulation(cells=(3, 4), copies=3), "box"),
        (GaussianPopulation(cells=(4,), copies=2, normalise="running"), "box"),
        (GaussianPopulation(cells=(3,), groups=((0, 1), (0,))), "box"),
        (TileCoding(tiles=(3,), copies=2), "box"),
        (OneHot(copies=4), "discrete from -2"),
        (OneHot(groups=((2, 0),), copies=2), "multi-discrete"),
        (OneHot(groups=((0, 1, 2, 3),)), "multi-discrete matrix"),
    ],
)  # fmt: skip
def test_copies_and_conjunctions_keep_the_contract(encoder, space):
    check_settings(encoder)
    check_encoder(encoder.bind(SPACES[space]), SPACES[space])


def test_copies_of_a_cell_are_neighbours_with_its_rate():
    space = SPACES["box"]
    observations = np.array([[0.1, 0.0], [-1.0, 0.05]])
    once = GaussianPopulation(mode="grid", cells=3).bind(space).encode(observations)
    thrice = GaussianPopulation(mode="grid", cells=3, copies=3).bind(space)
    assert thrice.n_inputs == 27
    assert np.array_equal(thrice.encode(observations), once.repeat(3, axis=1))
    with pytest.raises(ValueError, match=r"OneHot\.copies must be >= 1, got 0\."):
        OneHot(copies=0)


def test_one_hot_of_a_group_marks_the_combination():
    bound = OneHot(groups=((2, 0),)).bind(MultiDiscrete([2, 5, 3], start=[1, 0, 0]))
    assert bound.n_inputs == 3 * 2 + 5
    active = np.flatnonzero(bound.encode(np.array([[2, 4, 1]])))
    assert active.tolist() == [1 * 2 + 1, 6 + 4]


def test_groups_of_dimensions_are_small_grids():
    box, cells = Box(0.0, 1.0, (4,)), (3, 4, 2, 5)
    observations = np.array([[0.2, 0.3, 0.9, 0.5]])
    grouped = GaussianPopulation(cells=cells, groups=((1, 3),), rate_max_hz=1.0).bind(box)
    one, two, three, four = (
        GaussianPopulation(cells=n, rate_max_hz=1.0).bind(Box(0.0, 1.0, (1,))).encode(column)
        for n, column in zip(cells, observations.T[:, :, None], strict=True)
    )
    pair = np.outer(two, four).ravel()
    expected = np.concatenate([pair, one[0], three[0]])
    assert grouped.encode(observations)[0] == pytest.approx(expected)
    rest = GaussianPopulation("grid", cells, groups=((1, 3),), rate_max_hz=1.0).bind(box)
    joined = np.concatenate([pair, np.outer(one, three).ravel()])
    assert rest.encode(observations)[0] == pytest.approx(joined)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (((0, 0),), "different dimensions"),
        (((-1,),), "counted from 0"),
        (((),), "different dimensions"),
        ((0, 1), "groups of dimensions such as"),
        (((0, 2),), "expected dimensions below 2, the size of the space, got 2"),
    ],
)
def test_groups_that_fit_no_space_are_refused(groups, message):
    with pytest.raises(ValueError, match=message):
        GaussianPopulation(groups=groups).bind(SPACES["box"])


def test_a_width_for_each_dimension_makes_one_of_them_symbols():
    box = Box(np.zeros(2, np.float32), np.array([1, 3], np.float32))
    bound = GaussianPopulation(cells=(3, 4), width=(1.0, 0.2), rate_max_hz=1.0).bind(box)
    assert bound.encode(np.array([[0.5, 2.0]]))[0, 3:] == pytest.approx([0, 0, 1, 0], abs=1e-5)


@pytest.mark.parametrize("name", ENCODERS)
def test_settings_survive_json_and_are_documented(name):
    check_settings(ENCODERS[name]())
    check_settings(ENCODERS[name](rate_min_hz=1.0, rate_max_hz=50.0))


@pytest.mark.parametrize("name", ENCODERS)
def test_rates_range_reaches_both_ends_as_set(name):
    space = next(s for s in SPACES.values() if isinstance(s, ENCODERS[name].spaces))
    bound = ENCODERS[name](rate_min_hz=2.0, rate_max_hz=30.0).bind(space)
    assert bound.rates_range_hz == (2.0, 30.0)
    check_encoder(bound, space)
    samples = np.array([space.sample() for _ in range(50)])
    assert bound.encode(samples).min() < 5.0


@pytest.mark.parametrize("name", ENCODERS)
def test_wrong_space_names_the_encoders_that_fit(name):
    fits_box = Box in ENCODERS[name].spaces
    space = Discrete(3) if fits_box else SPACES["box"]
    if isinstance(space, ENCODERS[name].spaces):
        space = Dict({"a": Discrete(2)})
    with pytest.raises(ValueError, match="fit"):
        ENCODERS[name]().bind(space)


def test_wrong_space_error_reads_well():
    with pytest.raises(ValueError, match=r"OneHot\.bind: ") as error:
        OneHot().bind(SPACES["box"])
    assert str(error.value) == (
        "OneHot.bind: expected a Discrete or MultiDiscrete observation space, got "
        f"{SPACES['box']}. Encoders that fit: gaussian, on-off, tile, k-of-n, rate."
    )


def test_unbounded_box_error_shows_limits_that_work():
    with pytest.raises(ValueError, match="expected finite limits") as error:
        DirectRate().bind(CART_POLE)
    written = str(error.value).split("for example --encoder.")[1].split(", or ")[0]
    limits = {}
    for option in written.split(" --encoder."):
        name, *numbers = option.split()
        limits[name] = tuple(map(float, numbers))
    assert set(limits) == {"low", "high"}
    assert DirectRate(**limits).bind(CART_POLE).n_inputs == 4
    assert str(error.value).endswith(" or --encoder.normalise running.")


@pytest.mark.parametrize("encoder", ["gaussian", "on-off", "tile", "k-of-n", "rate"])
def test_bad_limits_give_one_clear_error(encoder):
    kind = ENCODERS[encoder]
    with pytest.raises(ValueError, match="expected 1 number or 2, one per dimension"):
        kind(low=(0, 0, 0)).bind(SPACES["box"])
    with pytest.raises(ValueError, match="low < high"):
        kind(low=1.0, high=0.0).bind(SPACES["box"])
    with pytest.raises(ValueError, match="normalise: expected one of"):
        kind(normalise="runing")
    with pytest.raises(ValueError, match="not used with normalise='running'"):
        kind(normalise="running", low=1.0)
    with pytest.raises(ValueError, match="0 <= rate_min_hz < rate_max_hz"):
        kind(rate_max_hz=0.0)


def test_one_hot_marks_the_symbol_counted_from_start():
    bound = OneHot().bind(Discrete(3, start=5))
    assert bound.encode(np.array([6])).tolist() == [[0, 100, 0]]
    pair = OneHot().bind(MultiDiscrete([2, 3]))
    assert pair.encode(np.array([[1, 2], [0, 0]])).tolist() == [
        [0, 100, 0, 0, 100],
        [100, 0, 100, 0, 0],
    ]


def test_k_of_n_gives_the_published_code_of_gridworld():
    rates = KOfN(rate_max_hz=1.0).bind(Discrete(100)).encode(np.arange(100))
    patterns = [[float(i in on) for i in range(5)] for on in combinations(range(5), 2)]
    expected = [sum(words, []) for words in combinations(patterns, 3)][:100]
    assert rates.tolist() == expected
    assert len(np.unique(rates, axis=0)) == 100


def test_k_of_n_gives_the_published_code_of_mountain_car():
    car = KOfN(n=10, k=5, bins=10, low=(-1.2, -0.07), high=(1.2, 0.07), rate_max_hz=1.0)
    position, speed = car.bind(SPACES["box"]).encode(np.array([[-0.6, 0.07]])).reshape(2, 10)
    words = list(combinations(range(10), 5))
    assert np.flatnonzero(position).tolist() == list(words[2])
    assert np.flatnonzero(speed).tolist() == list(words[9])


def test_k_of_n_refuses_more_values_than_codes():
    with pytest.raises(ValueError, match="121 values need as many codes.* = 120"):
        KOfN().bind(Discrete(121))
    with pytest.raises(ValueError, match="11 values.* = 10 "):
        KOfN(bins=11).bind(SPACES["box"])
    with pytest.raises(ValueError, match="1 <= k < n"):
        KOfN(n=3, k=3)


def test_direct_rate_is_linear_and_clipped():
    bound = DirectRate(low=-1.0, high=1.0, rate_min_hz=10.0, rate_max_hz=30.0).bind(CART_POLE)
    assert bound.encode(np.array([[-1.0, 0.0, 0.5, 9.0]])).tolist() == [[10.0, 20.0, 25.0, 30.0]]


def test_on_off_pairs_split_the_sign():
    bound = OnOff(low=-2.0, high=2.0).bind(SPACES["box"])
    assert bound.encode(np.array([[1.0, -0.5]])).tolist() == [[50.0, 0.0, 0.0, 25.0]]


def test_gaussian_curves_follow_the_formula():
    bound = GaussianPopulation(cells=(4, 3), width=0.5).bind(Box(0.0, 2.0, (2,)))
    first = np.exp(-((0.5 - np.linspace(0, 1, 4)) ** 2) / (2 * (0.5 / 3) ** 2))
    second = np.exp(-((0.25 - np.linspace(0, 1, 3)) ** 2) / (2 * (0.5 / 2) ** 2))
    observation = np.array([[1.0, 0.5]])
    assert bound.encode(observation)[0] == pytest.approx(100 * np.concatenate([first, second]))
    grid = GaussianPopulation("grid", (4, 3), width=0.5).bind(Box(0.0, 2.0, (2,)))
    assert grid.encode(observation)[0] == pytest.approx(100 * np.outer(first, second).ravel())


def test_grid_of_too_many_cells_points_to_independent():
    with pytest.raises(ValueError, match=r"at most 20000 grid cells, got 50625 .*'independent'"):
        GaussianPopulation(mode="grid", cells=15, **WITH_LIMITS).bind(CART_POLE)


def test_each_tiling_has_one_active_tile_and_near_states_share_most():
    bound = TileCoding(tilings=8, tiles=(5, 3)).bind(Box(0.0, 1.0, (2,)))
    assert bound.n_inputs == 8 * 15
    rates = bound.encode(np.array([[0.3, 0.3], [0.31, 0.3], [0.9, 0.9]]))
    active = rates.reshape(3, 8, 15) > 0
    assert (active.sum(axis=2) == 1).all()
    assert (active[0] & active[1]).sum() >= 6
    assert (active[0] & active[2]).sum() == 0


def test_tilings_are_displaced_by_odd_fractions_of_a_tile():
    bound = TileCoding(tilings=4, tiles=(3, 3)).bind(Box(0.0, 2.0, (2,)))
    borders = []
    for dimension in (0, 1):
        along = np.zeros((201, 2))
        along[:, dimension] = np.linspace(0.0, 1.0, 201)
        active = bound.encode(along).reshape(201, 4, 9).argmax(axis=2)
        borders.append([along[row.argmax(), dimension] for row in (active != active[0]).T])
    # A tile is 1 wide here: the first border of tiling t lies where u + offset reaches 1.
    assert borders[0] == pytest.approx([1.0, 0.75, 0.5, 0.25])
    assert borders[1] == pytest.approx([1.0, 0.25, 0.5, 0.75])


def test_tiles_reach_both_edges_of_every_dimension():
    bound = TileCoding(tilings=4, tiles=(3, 4)).bind(Box(0.0, 1.0, (2,)))
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 61), np.linspace(0, 1, 61)), -1).reshape(-1, 2)
    active = (bound.encode(grid) > 0).reshape(-1, 4, 3, 4)
    assert active[:, 1:].any(axis=0).all()
    assert active[:, 0].any(axis=0)[0, 0]


def test_running_normalisation_centres_each_replica_on_its_own_history():
    bound = DirectRate(normalise="running").bind(Box(-np.inf, np.inf, (1,)))
    generator = np.random.default_rng(0)
    history = np.array([5.0, -100.0]) + generator.normal(size=(500, 2)) * np.array([0.1, 30.0])
    for values in history:
        bound.encode(values[:, None], learn=True)
    mean, deviation = history.mean(axis=0), history.std(axis=0)
    assert bound.encode(mean[:, None]).ravel() == pytest.approx([50.0, 50.0])
    assert bound.encode((mean + 1.5 * deviation)[:, None]).ravel() == pytest.approx([75.0, 75.0])


def test_running_normalisation_resumes_bit_for_bit():
    space, generator = Box(-np.inf, np.inf, (3,)), np.random.default_rng(0)
    bound, other = (GaussianPopulation(normalise="running").bind(space) for _ in range(2))
    for _ in range(5):
        bound.encode(generator.normal(size=(2, 3)), learn=True)
    other.restore(bound.state())
    observations = generator.normal(size=(2, 3))
    rates = bound.encode(observations, learn=True)
    assert np.array_equal(rates, other.encode(observations, learn=True))


def test_state_of_another_kind_of_normalisation_is_refused():
    space = Box(-1.0, 1.0, (1,))
    running = DirectRate(normalise="running").bind(space)
    running.encode(np.zeros((1, 1)), learn=True)
    with pytest.raises(ValueError, match="another `normalise`"):
        DirectRate().bind(space).restore(running.state())
    with pytest.raises(ValueError, match="expected 1 replicas"):
        running.encode(np.zeros((2, 1)))
    with pytest.raises(ValueError, match="expected no state"):
        OneHot().bind(Discrete(2)).restore(running.state())


@pytest.mark.parametrize("env_id", ["CartPole-v1", "MountainCar-v0", "Acrobot-v1", "Pendulum-v1"])
def test_limits_are_only_asked_for_where_gymnasium_gives_none(env_id):
    space = gym.make(env_id).observation_space
    limits = WITH_LIMITS if env_id == "CartPole-v1" else {}
    assert GaussianPopulation(**limits).bind(space).n_inputs == 10 * space.shape[0]


def test_running_moments_of_infinity_are_refused():
    space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float64)
    encoder = DirectRate(normalise="running").bind(space)
    encoder.encode(np.zeros((2, 2)), learn=True)
    with pytest.raises(ValueError, match="got inf in dimension 1 of replica 0; give --encoder.low"):
        encoder.encode(np.array([[0.0, np.inf], [0.0, 0.0]]), learn=True)
