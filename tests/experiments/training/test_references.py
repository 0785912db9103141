"""What a learning curve is compared with: uniformly random actions."""

from contextlib import closing

import gymnasium as gym
import numpy as np
import pytest

from threefactor.experiments.configuration import resolve
from threefactor.experiments.training import references
from threefactor.experiments.training.references import play_randomly
from threefactor.experiments.training.setup import Setup

STEPS, N_ACTIONS, EPISODES = 50, 4, 40


class Guess(gym.Env):
    """Pays 1 for the number that the environment draws."""

    observation_space = gym.spaces.Discrete(2)
    action_space = gym.spaces.Discrete(N_ACTIONS)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}

    def step(self, action):
        return 0, float(action == self.np_random.integers(N_ACTIONS)), False, False, {}


@pytest.fixture
def guess():
    gym.register("Guess-v0", Guess, max_episode_steps=STEPS)
    yield "Guess-v0"
    del gym.registry["Guess-v0"]


def test_the_random_agent_draws_nothing_that_the_environment_draws(guess):
    chance = STEPS / N_ACTIONS
    means = [
        np.mean(
            [
                r
                for r, _ in play_randomly(
                    Setup.of(resolve({"env": guess}, {"seed": seed})), EPISODES
                )
            ]
        )
        for seed in range(5)
    ]
    error = np.sqrt(STEPS / N_ACTIONS * (1 - 1 / N_ACTIONS) / (EPISODES * len(means)))
    assert abs(np.mean(means) - chance) < 3 * error


class Endless(Guess):
    """Never ends, and has no time limit."""


@pytest.fixture
def endless():
    gym.register("Endless-v0", Endless)
    yield Setup.of(
        resolve({"env": "Endless-v0", "model": "feed-forward", "modulator": "reward",
                 "engine": "runtime-numpy"})
    )  # fmt: skip
    del gym.registry["Endless-v0"]


def test_references_that_do_not_end_are_given_up_and_named(endless, monkeypatch):
    monkeypatch.setattr(references, "PATIENCE_S", 0.05)
    said = []
    with closing(endless.open_environments()) as environments:
        found, twins = references.compare(endless, environments, 3, said.append)
    assert (found, twins) == ({}, [])
    for agent in ("untrained twin", "random agent"):
        about, outcome = (line for line in said if line.startswith(agent))
        assert "for at most 0.05 s" in about
        assert "none of its episodes ended within 0.05 s" in outcome
        assert "--max-episode-steps" in outcome


def test_an_environment_that_fails_after_training_leaves_references_out(endless, monkeypatch):
    monkeypatch.setattr(Endless, "reset", lambda self, **_: (9, {}))
    said = []
    with closing(endless.open_environments()) as environments:
        assert references.compare(endless, environments, 3, said.append) == ({}, [])
    assert len(said) == 1
    assert said[0].startswith("WARNING: with nothing to compare with: Endless-v0, episode 1, reset")


def test_references_of_blocks_without_a_twin_have_none():
    blocks = [{"random agent": 1.0, "untrained twin": 2.0}, {"random agent": 3.0}]
    assert references.join_references(blocks, [1, 1]) == {"random agent": 1.0}
    assert references.join_references(blocks[::-1], [1, 1]) == {"random agent": 3.0}
