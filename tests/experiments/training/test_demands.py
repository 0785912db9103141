"""What a run will take is told, or refused, before anything is built."""

import resource

import gymnasium as gym
import pytest

from threefactor.experiments.configuration import resolve
from threefactor.experiments.training import demands
from threefactor.experiments.training.demands import Demands, check_demands
from threefactor.experiments.training.run import train_agent

FEED_FORWARD = {"env": "GridWorld-v0", "model": "feed-forward", "modulator": "reward"}


def check(tmp_path, **settings):
    """Return what is said of a run, or raise."""
    said = []
    check_demands(resolve(FEED_FORWARD, settings), tmp_path / "run", said.append)
    assert list(tmp_path.iterdir()) == []
    return said


def test_of_an_ordinary_run_nothing_is_said(tmp_path):
    assert check(tmp_path, replicas=10, episodes=10_000) == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"replicas": 100_000}, "100000 x .* need about .* GB of memory, and this machine has"),
        ({"episodes": 10**12}, "this run takes up to .* years; lower --episodes"),
        ({"model": {"name": "feed-forward", "neurons_per_action": 10**9}}, "needs more memory"),
        ({"model": {"name": "feed-forward", "neurons_per_action": 10**6}}, "needs more memory"),
        (
            {"model": {"name": "layered", "hidden_neurons": 10**9}, "modulator": "td-linear"},
            "needs more memory than this machine has",
        ),
        ({"encoder": {"name": "one-hot", "rate_max_hz": 1001.0}}, "more than one spike in each"),
    ],
)
def test_what_cannot_be_is_refused(settings, told, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(ValueError, match=told) as raised:
        train_agent(resolve(FEED_FORWARD, settings), tmp_path / "run", say=lambda line: None)
    assert "\n" not in str(raised.value)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert list(tmp_path.iterdir()) == []


def test_days_and_a_full_disk_are_warned_of(tmp_path, monkeypatch):
    (said,) = check(tmp_path, episodes=100_000_000)
    assert said.startswith("this run takes up to ")
    assert " days, " in said
    assert said.endswith(" of disk")
    monkeypatch.setattr(demands, "free_bytes", lambda path: 1000.0)
    (said,) = check(tmp_path)
    assert said.endswith(" of disk, where 0.001 MB are free")


def test_demands_grow_with_what_asks_for_them():
    options = resolve(FEED_FORWARD, {"max_episode_steps": 10}).options
    small = Demands.of(options, 100, 1000, 1)
    assert Demands.of(options, 200, 1000, 1).seconds > small.seconds
    assert Demands.of(options, 100, 2000, 1).memory_bytes > small.memory_bytes
    assert Demands.of(options, 100, 2000, 1).disk_bytes > small.disk_bytes


class Endless(gym.Env):
    observation_space = action_space = gym.spaces.Discrete(2)


@pytest.mark.parametrize("limit", [None, 1000, 5])
def test_an_unknown_time_limit_is_said(limit, tmp_path):
    gym.register("Endless-v0", Endless)
    try:
        said = check(tmp_path, env="Endless-v0", max_episode_steps=limit)
    finally:
        del gym.registry["Endless-v0"]
    expected = {None: "an episode must end by itself", 1000: "episodes end after 1000 steps"}
    assert [expected[limit] in line and "--max-episode-steps" in line for line in said] == [
        True
    ] * (limit in expected)
