"""What an agent says of its populations: what really happened, counted from the last time on."""

import numpy as np
import pytest

GRID = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 40, "episodes": 9,
    "window_ms": 10.0, "model": {"name": "feed-forward", "neurons_per_action": 3},
    "modulator": "td-linear", "seed": 5, "rule": {"name": "reinforce", "learning_rate": 2.0},
}  # fmt: skip


def watched(loop, decisions):
    """Run decisions; return the spikes of each population and replica, counted window by window."""
    network = loop.agent.network
    sums = {name: np.zeros(view.shape) for name, view in network.spike_counts.items()}
    for _ in range(decisions):
        loop.decide()
        for name, view in network.spike_counts.items():
            sums[name] += view
    return sums


def test_counts_are_those_of_the_windows_since_the_last_time(open_loop):
    loop = open_loop(GRID, replicas=2)
    for decisions in (7, 12):
        sums = watched(loop, decisions)
        assert loop.agent.vitals(1, decisions + 1) == {}
        for replica in (0, 1):
            found = loop.agent.vitals(replica, decisions)
            assert set(found) == {"input", "actor"}
            for name, vitals in found.items():
                assert vitals.decisions == decisions
                assert vitals.seconds == pytest.approx(decisions * 0.01)
                np.testing.assert_array_equal(vitals.spikes, sums[name][replica])
                assert vitals.has_fired[vitals.spikes > 0].all()
        assert loop.agent.vitals(0, 1) == {}


def test_who_has_ever_fired_is_remembered(open_loop):
    loop = open_loop(GRID)
    first = watched(loop, 30)["input"][0] > 0
    loop.agent.vitals(0, 1)
    watched(loop, 1)
    has_fired = loop.agent.vitals(0, 1)["input"].has_fired
    assert has_fired[first].all()
    assert not has_fired.all()  # a 3 x 3 world has a goal that is never shown


@pytest.mark.parametrize("kept", [3, 256])
def test_third_factors_are_those_of_the_modulator(open_loop, monkeypatch, kept):
    monkeypatch.setattr("threefactor.agents.pulse._MOST_KEPT", kept)
    loop = open_loop(GRID, replicas=2, modulator="reward")
    rewards = []
    for _ in range(60):
        before = loop.tally.totals.copy()
        done = loop.tally.done.copy()
        loop.decide()
        rewards.append(np.where(loop.tally.done > done, np.nan, loop.tally.totals - before))
    for replica in (0, 1):
        low, high = loop.agent.vitals(replica, 1)["actor"].third_factor
        own = np.array(rewards)[:, replica]
        assert low <= np.nanmin(own)
        assert high >= np.nanmax(own)
        assert {low, high} <= {0.0, 10.0}  # steps and the goal
    watched(loop, 1)
    assert np.isnan(loop.agent.vitals(0, 1)["input"].third_factor).all()


def test_weights_at_bounds_have_come_there(open_loop):
    bounds = {"w_init_low": 1.0, "w_init_high": 1.0, "w_min": 1.0, "w_max": 2.0}
    loop = open_loop(GRID, model=bounds, rule={"learning_rate": 0.0})
    watched(loop, 5)
    assert loop.agent.vitals(0, 1)["actor"].at_bounds == 0.0  # they began at one
    w = loop.agent.network.replicated("policy.w")[0]
    w[: w.size // 2] = 1.995
    w[-1] = 1.5
    watched(loop, 1)
    assert loop.agent.vitals(0, 1)["actor"].at_bounds == pytest.approx((w.size // 2) / w.size)


def test_weights_between_equal_bounds_are_at_them(open_loop):
    tight = {"w_init_low": 2.0, "w_init_high": 2.0, "w_min": 2.0, "w_max": 2.0}
    loop = open_loop(GRID, model=tight)
    watched(loop, 1)
    vitals = loop.agent.vitals(0, 1)
    assert vitals["actor"].at_bounds == 1.0
    assert np.isnan(vitals["input"].at_bounds)


def test_what_is_no_number_is_counted(open_loop):
    loop = open_loop(GRID)
    watched(loop, 1)
    loop.agent.network.replicated("policy.w")[0, :2] = np.nan, np.inf
    assert loop.agent.vitals(0, 1)["actor"].not_finite == 2


def test_it_goes_on_from_a_checkpoint(open_loop):
    one, other = open_loop(GRID, replicas=2), open_loop(GRID, replicas=2)
    watched(one, 25)
    one.agent.vitals(1, 1)
    watched(one, 3)
    other.restore(one.state())
    for loop in (one, other):
        watched(loop, 10)
    for replica in (0, 1):
        mine, its = one.agent.vitals(replica, 1), other.agent.vitals(replica, 1)
        for name, vitals in mine.items():
            np.testing.assert_equal(vars(its[name]), vars(vitals))


def test_replicas_apart_say_the_same(open_loop):
    together, apart = open_loop(GRID, replicas=2), open_loop(GRID, replicas=2, apart=True)
    for loop in (together, apart):
        loop.observers = ()
        for _ in range(20):
            loop.decide()
    for replica in (0, 1):
        mine, its = together.agent.vitals(replica, 1), apart.agent.vitals(replica, 1)
        for name, vitals in mine.items():
            np.testing.assert_equal(vars(its[name]), vars(vitals))
