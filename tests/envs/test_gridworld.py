"""GridWorld: the published world, its optimum, its drawings and its errors."""

import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import threefactor.envs  # noqa: F401  registers GridWorld
from threefactor.envs.gridworld import GridWorld

UP, RIGHT, DOWN, LEFT = range(4)
UNIFORM = np.full((100, 4), 0.25)


@pytest.mark.parametrize("kwargs", [{}, {"layout": "S.#/..G"}, {"render_mode": "rgb_array"}])
def test_gymnasium_checks_it_without_a_warning(kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make("GridWorld-v0", **kwargs).unwrapped, skip_render_check=not kwargs)


def rollout(seed, n_steps=2000):
    world = gym.make("GridWorld-v0")
    world.reset(seed=seed)
    actions = np.random.default_rng(seed).integers(0, 4, n_steps).tolist()
    trace = []
    for action in actions:
        *seen, _ = world.step(action)
        trace.append(seen)
        if seen[2] or seen[3]:
            world.reset()
    return trace


def test_twin_rollouts_are_identical_and_seeds_matter():
    assert rollout(3) == rollout(3)
    assert rollout(3) != rollout(4)


def test_known_returns_of_three_policies():
    world = GridWorld()
    coin_toss = np.zeros((100, 4))
    coin_toss[:, [RIGHT, DOWN]] = 0.5
    assert world.optimal_return == pytest.approx(1.1207, abs=1e-4)
    assert world.policy_return(coin_toss) == pytest.approx(0.7555, abs=1e-4)
    assert world.policy_return(UNIFORM) == pytest.approx(0.0010, abs=1e-4)


def test_optimal_policy_earns_the_optimal_return():
    world = GridWorld(layout="S..#/.#.G/....", step_reward=-0.1)
    assert world.policy_return(world.optimal_policy()) == pytest.approx(world.optimal_return)
    assert world.optimal_values()[world.start_state] == world.optimal_return


def test_sampled_returns_agree_with_the_exact_return():
    world = GridWorld(size=3)
    returns = np.zeros(2000)
    world.reset(seed=0)
    actions = np.random.default_rng(0).integers(0, 4, 100_000).tolist()
    for episode in range(len(returns)):
        world.reset()
        discount, terminated = 1.0, False
        while not terminated and discount > 1e-6:
            _, reward, terminated, _, _ = world.step(actions.pop())
            returns[episode] += discount * reward
            discount *= 0.9
    standard_error = returns.std() / np.sqrt(len(returns))
    assert abs(returns.mean() - world.policy_return(UNIFORM[:9])) < 4 * standard_error


def test_slips_happen_as_often_as_stated():
    world = GridWorld(layout="...../.G.S./.....")
    world.reset(seed=1)
    counts = dict.fromkeys(range(15), 0)
    for _ in range(20_000):
        world.reset()
        counts[world.step(UP)[0]] += 1
    shares = np.array([counts[3], counts[7], counts[9], counts[8]]) / 20_000
    assert shares[0] == pytest.approx(0.8, abs=0.015)
    # Up at column 3: left of up is column 2 of the same row, right of up column 4, stay column 3.
    assert shares[1:] == pytest.approx([0.05, 0.05, 0.1], abs=0.01)


@pytest.mark.parametrize(
    ("action", "ahead", "veer_left", "veer_right"),
    [(UP, 1, 3, 5), (RIGHT, 5, 1, 7), (DOWN, 7, 5, 3), (LEFT, 3, 7, 1)],
)
def test_moves_and_veers_go_where_the_table_says(action, ahead, veer_left, veer_right):
    for slip, target in [((0, 0, 0), ahead), ((1, 0, 0), veer_left), ((0, 1, 0), veer_right)]:
        world = GridWorld("unused", ".../.S./..G", *slip)
        world.reset(seed=0)
        assert world.step(action)[0] == target


def test_walls_and_edges_stop_a_move():
    world = GridWorld(layout="S#./..G", veer_left_probability=0, veer_right_probability=0)
    world.reset(seed=0)
    for action in (UP, LEFT, RIGHT):
        assert world.step(action)[:3] == (0, 0.0, False)


def test_reward_comes_once_on_entering_the_goal():
    world = GridWorld(2, None, 0, 0, 0, goal_reward=7.0, step_reward=-1.0)
    world.reset(seed=0)
    assert world.step(RIGHT)[:4] == (1, -1.0, False, False)
    assert world.step(DOWN)[:4] == (3, 7.0, True, False)
    assert world.step(DOWN)[:3] == (3, 0.0, True)


def test_episode_is_truncated_after_300_steps():
    world = gym.make("GridWorld-v0", size=50)
    world.reset(seed=0)
    flags = [world.step(UP)[2:4] for _ in range(300)]
    assert flags[-2:] == [(False, False), (False, True)]


def test_discount_is_declared_and_optimum_is_told_at_reset():
    world = gym.make("GridWorld-v0", return_discount=0.5)
    assert GridWorld.metadata["return_discount"] == 0.9
    assert world.unwrapped.return_discount == world.unwrapped.metadata["return_discount"] == 0.5
    _, info = world.reset(seed=0)
    assert info == {"optimal_return": world.unwrapped.optimal_return}


def test_drawings_show_the_agent_where_it_is():
    text = GridWorld(layout="S.#/..G", render_mode="ansi", veer_left_probability=0)
    text.reset(seed=0)
    assert text.render() == "A.#\n..G"
    picture = GridWorld(layout="S.#/..G", render_mode="rgb_array")
    picture.reset(seed=0)
    pixels = picture.render()
    assert pixels.shape == (32, 48, 3)
    assert pixels.dtype == np.uint8
    reds = np.argwhere((pixels == (205, 85, 60)).all(axis=2))
    assert reds.min() >= 0
    assert reds.max() < 16


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"size": 1}, "size must be >= 2, got 1"),
        ({"stay_probability": -0.1}, "must each lie in"),
        ({"veer_left_probability": 0.7, "stay_probability": 0.5}, "sum to at most 1"),
        ({"return_discount": 1.0}, "return_discount must lie in"),
        ({"goal_reward": np.nan}, "rewards must be finite"),
        ({"render_mode": "human"}, "render_mode must be one of"),
        ({"layout": "S./..."}, "equally long"),
        ({"layout": "S.x/..G"}, "got \\['x'\\]"),
        ({"layout": "../.G"}, "got 0 'S' and 1 'G'"),
        ({"layout": "S#G"}, "no goal 'G' can be reached"),
    ],
)
def test_bad_arguments_give_one_clear_error(kwargs, message):
    with pytest.raises(ValueError, match=message):
        GridWorld(**kwargs)


def test_bad_actions_and_policies_are_refused():
    world = GridWorld()
    world.reset(seed=0)
    with pytest.raises(ValueError, match="action must be 0 .. 3"):
        world.step(-1)
    with pytest.raises(ValueError, match=r"shape \(100, 4\), got \(4,\)"):
        world.policy_return(np.ones(4))
    with pytest.raises(ValueError, match="sum to 1"):
        world.policy_return(UNIFORM * 2)
