"""Identity: rewards, length and randomness."""

import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import threefactor.envs  # noqa: F401  registers Identity
from threefactor.envs.identity import Identity


def test_gymnasium_checks_it_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make("Identity-v0").unwrapped)


def test_repeating_the_symbol_is_paid_and_anything_else_is_not():
    task = gym.make("Identity-v0", n_symbols=3)
    symbol, _ = task.reset(seed=0)
    for step in range(99):
        said = symbol if step % 2 else (symbol + 1) % 3
        symbol, reward, terminated, truncated, _ = task.step(said)
        assert (reward, terminated, truncated) == (float(step % 2), False, False)


def test_length_is_the_time_limit_and_never_terminates():
    task = gym.make("Identity-v0", max_episode_steps=5)
    task.reset(seed=0)
    flags = [task.step(0)[2:4] for _ in range(5)]
    assert flags == [(False, False)] * 4 + [(False, True)]


def test_symbols_are_uniform_and_seeded():
    def symbols(seed):
        task = Identity(n_symbols=4)
        return [task.reset(seed=seed)[0]] + [task.step(0)[0] for _ in range(4000)]

    assert symbols(1) == symbols(1)
    assert symbols(1) != symbols(2)
    assert np.bincount(symbols(1)) / 4001 == pytest.approx([0.25] * 4, abs=0.03)


def test_bad_arguments_give_one_clear_error():
    with pytest.raises(ValueError, match="n_symbols must be >= 2, got 1"):
        Identity(n_symbols=1)
    with pytest.raises(ValueError, match="nothing to draw"):
        Identity(render_mode="human")
