"""The guide: it hovers from nearly every start, and knows how fast the rotors turn."""

import numpy as np
import pytest

from threefactor.envs.bridge.batch import Environments
from threefactor.envs.hover_guide import GeometricController, HoverGuide

N = 256


def fly(controller=None, **kwargs):
    """Return returns, whether flights lasted, and how far from the target they ended (m)."""
    flights, guide = Environments("Hover-v0", N, env_kwargs=kwargs), HoverGuide(N, controller)
    seen, returns, lasted = flights.reset(range(N)), np.zeros(N), np.zeros(N, bool)
    while flights.is_running.any():
        actions = guide.act(seen)
        outcome = flights.step(actions)
        guide.executed(actions)
        seen, returns = outcome.next_observations, returns + outcome.rewards
        lasted |= outcome.truncated & ~outcome.terminated
    return returns, lasted, np.linalg.norm(seen[:, :3], axis=1)


@pytest.mark.parametrize(
    ("kwargs", "least_share", "least_return"),
    [
        ({"start_tilt_deg": 45}, 1.0, 489),
        ({"start_tilt_deg": 45, "curriculum_fraction": 1}, 1.0, 470),
        ({}, 0.97, 470),
        ({"curriculum_fraction": 1}, 0.97, 445),
    ],
)
def test_it_flies_to_the_target_and_stays(kwargs, least_share, least_return):
    returns, lasted, distances_m = fly(**kwargs)
    assert lasted.mean() >= least_share
    assert returns.mean() >= least_return
    assert distances_m[lasted].max() < 0.002


@pytest.mark.parametrize("mass_factor", [0.8, 1.2])
def test_it_bears_noise_disturbances_and_another_mass(mass_factor):
    _, lasted, distances_m = fly(
        noise_factor=1, disturbance_factor=1, mass_factor=mass_factor, start_tilt_deg=45
    )
    assert lasted.mean() > 0.95
    assert distances_m[lasted].mean() < 0.4  # it has no integrator


def test_what_it_rests_on_is_needed():
    _, plain, _ = fly()
    _, slow, _ = fly(GeometricController(lag_gain=1.0))
    assert slow.mean() < plain.mean() - 0.2


def test_it_knows_the_rotors_speeds_of_whoever_flies():
    generator = np.random.default_rng(0)
    flights, guide = Environments("Hover-v0", 9), HoverGuide(9)
    flights.reset(range(9))
    for _ in range(120):
        actions = generator.uniform(-1.5, 1.5, (9, 4))
        acting = flights.step(actions).acting
        guide.executed(actions)
        assert acting.all()
        flights._give_back()
        states = np.array([copy.unwrapped._state for copy in flights._envs])
        running = flights.is_running
        np.testing.assert_allclose(guide.rotors_rpm[running], states[running, 13:], rtol=1e-9)
        flights.reset_where(~running)
        guide.begin(~running)
