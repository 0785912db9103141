"""What nobody tuned learns by its id alone, and its controls do not."""

import gymnasium as gym
import numpy as np
import pytest

from threefactor.experiments.interface import train


def last(out, control="none", **settings):
    """Return the mean return of each replica over its last 10 episodes."""
    result = train(control=control, reference_episodes=0, quiet=True, out=out, **settings)
    return np.array([returns[-10:].mean() for returns in result.returns])


@pytest.fixture
def cliff():
    """CliffWalking under an id that no preset knows, with episodes of at most 300 decisions."""
    gym.register("Cliff-v0", entry_point=gym.spec("CliffWalking-v1").entry_point)
    yield {"env": "Cliff-v0", "max_episode_steps": 300, "seed": 100, "replicas": 2}
    del gym.registry["Cliff-v0"]


def test_a_cliff_is_walked_along_after_sixty_episodes(cliff, tmp_path):
    """Exact: -13 at best; the random agent falls from it every twelve steps or so."""
    assert np.all(last(tmp_path / "trained", episodes=60, **cliff) > -70)
    for control in ("frozen", "shuffled", "permuted"):
        assert np.all(last(tmp_path / control, control, episodes=6, **cliff) < -200)


class OtherCartPole(gym.ObservationWrapper):
    """CartPole seen in another order and other units, for which nothing was tuned."""

    def __init__(self):
        super().__init__(gym.make("CartPole-v1", max_episode_steps=200))
        low, high = self.observation(self.env.observation_space.low), self.observation(
            self.env.observation_space.high
        )  # fmt: skip
        low, high = np.minimum(low, high), np.maximum(low, high)
        self.observation_space = gym.spaces.Box(low, high, dtype=np.float32)

    def observation(self, observation):
        x, velocity, angle, turn = observation.astype(float)
        scaled = np.array([-20 * angle, x, 0.1 * turn, velocity])
        return np.clip(scaled, -1e30, 1e30).astype(np.float32)


@pytest.mark.slow
def test_a_pole_that_nobody_tuned_for_is_balanced(tmp_path):
    gym.register("OtherCartPole-v0", entry_point=OtherCartPole)
    try:
        settings = {"env": "OtherCartPole-v0", "seed": 100, "replicas": 3}
        trained = last(tmp_path / "trained", episodes=100, **settings)
        assert np.all(trained > 150)
        for control in ("frozen", "shuffled"):
            assert np.all(last(tmp_path / control, control, episodes=100, **settings) < 60)
    finally:
        del gym.registry["OtherCartPole-v0"]
