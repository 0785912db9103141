"""Normalised third factors: closed forms, no task's unit is left, every promise of modulators."""

import numpy as np
import pytest

from threefactor.experiments.checks.modulators import PROMISES
from threefactor.experiments.checks.report import NotApplicable
from threefactor.rules.modulators import (
    MODULATORS,
    Host,
    Reinforcement,
    ThirdFactor,
    bind_normalised,
)
from threefactor.rules.modulators.contract import NORMALISATIONS

NONE, EVERYONE = np.zeros(1, bool), np.ones(1, bool)
#: Settings with which a modulator is linear in rewards.
LINEAR = {
    "td": {"value_gain": 0.0},
    "td-linear": {"discount": 0.5, "trace_decay": 0.5},
    "feedback": {"n_post": 3},
}


def build(name, replicas=1, window_ms=20.0, **options):
    return bind_normalised(MODULATORS[name](**options), Host(replicas, window_ms, 3))


def outcome(reward, terminated=False, active=True):
    rewards = np.atleast_1d(np.asarray(reward, float))
    flags = [np.broadcast_to(flag, rewards.shape) for flag in (terminated, False, active)]
    shown = np.broadcast_to(np.eye(3)[0], (rewards.size, 3))
    return Reinforcement(rewards, *flags, np.zeros(rewards.size), shown, shown)


def scalar(given):
    return 0.0 if given is None else float(np.ravel(getattr(given, "scalar", given))[0])


def heard(bound, rewards):
    """What a single replica is given for these rewards, episodes of five decisions."""
    found = []
    for number, reward in enumerate(rewards):
        late = scalar(bound.on_window(np.zeros(1), EVERYONE))
        found.append(late + scalar(bound.on_outcome(outcome(reward, number % 5 == 4))))
        if number % 5 == 4:
            bound.reset(EVERYONE)
    return np.array(found)


@pytest.mark.parametrize("normalise", NORMALISATIONS)
@pytest.mark.parametrize("name", MODULATORS)
def test_normalised_or_not_every_modulator_keeps_its_promises(name, normalise):
    for promise in PROMISES:
        try:
            promise(MODULATORS[name](normalise=normalise))
        except NotApplicable:
            assert not MODULATORS[name]().predicts


@pytest.mark.parametrize("normalise", NORMALISATIONS[1:])
@pytest.mark.parametrize("name", MODULATORS)
def test_no_unit_of_rewards_is_left(name, normalise):
    rewards = np.random.default_rng(0).normal(size=200)
    options = {**LINEAR.get(name, {}), "normalise": normalise}
    one, other = (heard(build(name, **options), unit * rewards) for unit in (1.0, 1e3))
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    assert 0.1 < np.sqrt(np.mean(one**2)) < 3.0
    plain = heard(build(name, **LINEAR.get(name, {})), 1e3 * rewards)
    assert np.sqrt(np.mean(plain**2)) > 30.0


def test_root_mean_square_in_closed_form():
    """A plain mean of squares at first, zeros left out, then one that forgets."""
    bound = build("reward", normalise="rms", tau_normalise_ms=100.0)
    rate = 1 - np.exp(-0.2)
    rewards = [4.0, 0.0, 3.0, -5.0, 1.0, 1.0, 1.0, 1.0]
    expected, squares, mean = [], [], 0.0
    for reward in rewards:
        if reward:
            squares.append(reward**2)
            mean += max(rate, 1 / len(squares)) * (squares[-1] - mean)
            if 1 / len(squares) > rate:
                assert mean == pytest.approx(np.mean(squares))
        expected.append(reward / np.sqrt(mean))
    np.testing.assert_allclose(heard(bound, rewards), expected, rtol=1e-12)


def test_nothing_blows_up():
    bound = build("reward", normalise="rms", window_ms=100.0, tau_normalise_ms=1e4)
    assert scalar(bound.on_outcome(outcome(-1e-9))) == pytest.approx(-1.0)
    assert scalar(bound.on_outcome(outcome(1e9))) == pytest.approx(np.sqrt(2.0))
    for _ in range(2000):
        bound.on_outcome(outcome(1e-3))
    assert scalar(bound.on_outcome(outcome(1e12))) < np.sqrt(1 / (1 - np.exp(-0.01))) + 1e-9


def test_scale_of_returns_in_closed_form():
    """The largest discounted trace of reward, which is forgotten slowly."""
    bound = build("td", normalise="returns", discount=0.9, value_gain=0.0, tau_normalise_ms=400.0)
    trace, scale, kept = 0.0, 0.0, np.exp(-20.0 / 400.0)
    for reward in [0.0, 0.0, -1.0, -1.0, -1.0, 0.0, 0.0, 5.0]:
        bound.on_window(np.zeros(1), EVERYONE)
        bound.on_outcome(outcome(reward))
        trace = 0.9 * trace + reward
        scale = max(abs(trace), kept * scale)
        assert bound.scale[0] == pytest.approx(scale, rel=1e-12)
    bound.reset(EVERYONE)
    assert bound.trace[0] == 0.0
    assert bound.scale[0] == pytest.approx(scale)


def test_values_come_in_the_unit_of_rewards():
    bound = build("td", normalise="returns", discount=0.5, value_gain=0.1)
    bound.on_window(np.array([7.0]), EVERYONE)
    assert bound.value(np.array([7.0]), None)[0] == 0.0
    bound.on_outcome(outcome(-20.0))
    assert bound.value(np.array([7.0]), None)[0] == pytest.approx(14.0)
    assert build("reward", normalise="returns").value(None, None) is None


def test_before_the_first_reward_noise_of_a_critic_teaches_nothing():
    bound = build("td", 2, normalise="returns")
    both = np.ones(2, bool)
    bound.on_window(np.array([1.0, 2.0]), both)
    bound.on_outcome(outcome([0.0, 0.0]))
    assert np.all(bound.on_window(np.array([3.0, 5.0]), both).scalar == 0.0)
    bound.on_outcome(outcome([0.0, 4.0]))
    given = bound.on_window(np.array([6.0, 6.0]), both)
    np.testing.assert_allclose(given.scalar, [0.0, 1.0 + 0.95 * 6.0 - 5.0])


def test_all_that_belongs_to_a_replica_is_divided_alike():
    bound = build("feedback", 2, wraps="reward", weights=(1.0, -2.0), normalise="rms")
    given = bound.on_outcome(outcome([3.0, -0.5]))
    assert isinstance(given, ThirdFactor)
    np.testing.assert_allclose(given.scalar, [1.0, -1.0])
    np.testing.assert_allclose(given.vectors[""], [[1.0, -2.0], [-1.0, 2.0]])
    inner = build("feedback", wraps="td", options={"normalise": "returns", "discount": 0.5})
    inner.on_window(np.zeros(1), EVERYONE)
    assert inner.on_outcome(outcome(-9.0, terminated=True)).scalar[0] == -1.0


def test_an_inactive_replica_keeps_its_scale():
    for normalise in ("rms", "returns"):
        bound = build("reward", 2, normalise=normalise)
        bound.on_outcome(outcome([2.0, 3.0]))
        before = bound.state()["normalisation"]
        bound.on_outcome(outcome([5.0, 0.0], active=np.array([True, False])))
        for name, array in bound.state()["normalisation"].items():
            assert array[1] == before[name][1]


def test_what_is_wrapped_shows():
    for normalise in ("rms", "returns"):
        td = build("td", normalise=normalise)
        assert td.needs_bootstrap
        assert td.estimates_values
        assert not build("dopamine", normalise=normalise).needs_bootstrap
        assert "mean" in build("reward-baseline", scope="global", normalise=normalise).shared


def test_errors():
    with pytest.raises(ValueError, match=r"Unknown Reward.normalise 'rsm'. Did you mean 'rms'"):
        MODULATORS["reward"](normalise="rsm")
    with pytest.raises(ValueError, match=r"Reward.tau_normalise_ms must be > 0 ms, got 0"):
        MODULATORS["reward"](tau_normalise_ms=0.0)
