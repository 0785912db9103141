"""Modulators against closed forms; replicas, episodes and checkpoints."""

from dataclasses import replace

import numpy as np
import pytest

from threefactor.rules.modulators import MODULATORS, Host, Reinforcement, ThirdFactor
from threefactor.rules.modulators.contract import BoundModulator, Modulator
from threefactor.rules.modulators.dopamine import Dopamine
from threefactor.rules.modulators.feedback import Feedback
from threefactor.rules.modulators.reward_baseline import SCOPES, RewardBaseline

STATES = np.eye(3)


def outcome(rewards, terminated=False, truncated=False, active=True, **extra):
    rewards = np.atleast_1d(np.asarray(rewards, float))
    flags = [np.broadcast_to(flag, rewards.shape) for flag in (terminated, truncated, active)]
    return Reinforcement(rewards, *flags, **extra)


def host(n_replicas=1, window_ms=20.0, n_stimuli=3):
    return Host(n_replicas, window_ms, n_stimuli)


def build(name, n_replicas=1, **options):
    return MODULATORS[name](**options).bind(host(n_replicas))


def random_episodes(seed, n_replicas, decisions=40):
    """Return per decision: values, outcome and the replicas whose episode ended."""
    rng = np.random.default_rng(seed)
    history = []
    for _ in range(decisions):
        ends = rng.random(n_replicas) < 0.1
        answer = Reinforcement(
            rng.normal(size=n_replicas), ends, np.zeros(n_replicas, bool),
            rng.random(n_replicas) < 0.8, stimuli=rng.integers(0, 3, n_replicas),
            features=rng.random((n_replicas, 4)), next_features=rng.random((n_replicas, 4)),
        )  # fmt: skip
        history.append((rng.normal(size=n_replicas), answer, ends & answer.active))
    return history


def play(bound, history):
    """Return what a bound modulator delivers, None as zeros."""
    delivered = []
    for values, answer, ended in history:
        for given in (bound.on_window(values, answer.active), bound.on_outcome(answer)):
            if isinstance(given, ThirdFactor):
                last = [7.0 * vector[:, -1] for vector in given.vectors.values()]
                given = given.scalar + sum(last)
            delivered.append(np.zeros(len(values)) if given is None else given)
        bound.reset(ended)
    return np.array(delivered)


def one_replica(history, replica):
    chosen = slice(replica, replica + 1)
    rows = []
    for values, answer, ended in history:
        parts = {name: array[chosen] for name, array in vars(answer).items() if array is not None}
        rows.append((values[chosen], Reinforcement(**parts), ended[chosen]))
    return rows


CASES = {
    "reward": {"gain": 2.0},
    "reward-baseline": {},
    "reward-baseline/stimulus": {"scope": "stimulus"},
    "td": {"value_gain": 0.5, "value_offset": -1.0},
    "td-linear": {},
    "dopamine": {"delay_ms": 40.0, "tonic": 0.1},
    "feedback": {"n_post": 5},
    "feedback/td": {"wraps": "td", "n_post": 2},
}


@pytest.fixture(params=CASES)
def make(request):
    return lambda n: build(request.param.partition("/")[0], n, **CASES[request.param])


def test_replicas_equal_single_runs(make):
    history = random_episodes(0, 4)
    together = play(make(4), history)
    for replica in range(4):
        alone = play(make(1), one_replica(history, replica))[:, 0]
        assert np.array_equal(together[:, replica], alone)


def test_inactive_replicas_get_exactly_zero(make):
    history = random_episodes(1, 3)
    delivered = play(make(3), history).reshape(len(history), 2, 3)
    idle = ~np.array([answer.active for _, answer, _ in history])
    assert idle.any()
    assert np.all(delivered.transpose(0, 2, 1)[idle] == 0)
    assert np.any(delivered != 0)


def test_inactive_replicas_keep_their_state(make):
    history = random_episodes(3, 3)
    bound = make(3)
    play(bound, history)
    before = bound.state()
    idle = np.zeros(3, bool)
    for values, answer, _ in history:
        bound.on_window(values, idle)
        bound.on_outcome(Reinforcement(**{**vars(answer), "active": idle}))
    assert all(np.array_equal(before[name], array) for name, array in bound.state().items())


def test_continuing_from_a_state_equals_never_having_stopped(make):
    history = random_episodes(2, 3)
    straight, stopped = make(3), make(3)
    play(straight, history[:20])
    play(stopped, history[:20])
    resumed, state = make(3), stopped.state()
    play(stopped, history[:3])  # what happens to the original does not reach the copy
    resumed.restore(state)
    assert np.array_equal(play(resumed, history[20:]), play(straight, history[20:]))


def test_a_foreign_state_is_refused():
    with pytest.raises(KeyError, match="BoundDopamine.restore: expected"):
        build("dopamine").restore(build("td").state())
    with pytest.raises(KeyError, match=r"expected \['in_flight', 'level'\], got \['a', 'z'\]"):
        build("dopamine").restore({"z": np.zeros(1), "a": np.zeros(1)})


def test_a_reset_forgets_what_waits_for_its_next_window():
    bound, fresh = build("td", 3), build("td", 3).state()
    bound.on_window(np.array([1.0, 2.0, 3.0]), np.ones(3, bool))
    bound.on_outcome(outcome([4.0, 5.0, 6.0]))
    bound.reset(np.array([True, False, True]))
    for name, kept in (("previous", 2.0), ("pending", 5.0), ("is_open", True)):
        fresh[name][1] = kept
        np.testing.assert_array_equal(bound.state()[name], fresh[name])


def test_who_predicts_says_so():
    expected = {
        "reward": False, "reward-baseline": True, "td": False, "td-linear": True,
        "dopamine": False, "feedback": True,
    }  # fmt: skip
    assert {name: kind().predicts for name, kind in MODULATORS.items()} == expected
    assert not Feedback("reward").predicts


def test_who_looks_ahead_says_so():
    bound = {name: build(name) for name in MODULATORS}
    assert {name for name in bound if bound[name].needs_bootstrap} == {"td"}
    assert {name for name in bound if bound[name].estimates_values} == {"td", "td-linear"}
    assert Feedback("td-linear").bind(host()).estimates_values


@pytest.mark.parametrize("scope", ["replica", "stimulus", "global"])
def test_constant_reward_is_predicted(scope):
    bound = build("reward-baseline", 2, scope=scope)
    stimuli = np.zeros(2, int)
    errors = [bound.on_outcome(outcome([3.0, 3.0], stimuli=stimuli)) for _ in range(5)]
    assert np.all(errors[0] == 3.0)
    assert np.all(errors[-1] == 0.0)


def test_baseline_per_stimulus_separates_offsets():
    rng = np.random.default_rng(0)
    for scope, expected in (("stimulus", 0.0), ("replica", 1.0)):
        bound = build("reward-baseline", scope=scope)
        errors = []
        for _ in range(400):
            stimulus = rng.integers(0, 2, 1)
            errors.append(
                (stimulus[0], bound.on_outcome(outcome(2.0 * stimulus, stimuli=stimulus)))
            )
        late = [error[0] for stimulus, error in errors[200:] if stimulus == 1]
        assert np.mean(late) == pytest.approx(expected, abs=0.15)


def test_baseline_starts_as_the_plain_mean_of_the_rewards_before():
    bound = build("reward-baseline", rate=0.01)
    rewards = [1.0, 2.0, 6.0, 0.0]
    errors = [bound.on_outcome(outcome(reward))[0] for reward in rewards]
    np.testing.assert_allclose(errors, [1.0, 1.0, 4.5, -3.0])


def test_global_baseline_is_shared():
    bound = build("reward-baseline", 2, scope="global")
    bound.on_outcome(outcome([4.0, 0.0]))
    np.testing.assert_allclose(bound.on_outcome(outcome([4.0, 0.0])), [2.0, -2.0])
    bound.on_outcome(outcome([5.0, 0.0], active=[True, False]))
    np.testing.assert_allclose(bound.mean, 3.0)


def test_stimulus_numbers_are_checked():
    bound = build("reward-baseline", 2, scope="stimulus")
    for stimuli in ([3, 3], [0, 3], [-1, -1], [-1, 2]):
        with pytest.raises(ValueError, match=r"stimuli must be 0 to 2"):
            bound.on_outcome(outcome([1.0, 1.0], stimuli=np.array(stimuli)))
    one = RewardBaseline(scope="stimulus").bind(host(2, n_stimuli=1))
    resting = outcome([1.0, 0.0], active=[True, False], stimuli=np.array([0, 9]))
    np.testing.assert_array_equal(one.on_outcome(resting), [1.0, 0.0])
    bound = build("reward-baseline", scope="stimulus")
    with pytest.raises(ValueError, match=r"needs Reinforcement.stimuli"):
        bound.on_outcome(outcome(1.0))
    assert RewardBaseline(scope="stimulus").requires == ("stimuli",)
    with pytest.raises(ValueError, match="scope 'stimulus' needs stimuli with numbers"):
        RewardBaseline(scope="stimulus").bind(host(n_stimuli=None))


def test_td_error_comes_one_window_late_and_at_once_on_termination():
    bound = build("td", discount=0.9)
    active = np.array([True])
    assert bound.needs_bootstrap
    assert bound.on_window(np.array([2.0]), active) is None
    assert bound.on_outcome(outcome(0.5)) is None
    assert bound.on_window(np.array([3.0]), active).scalar[0] == pytest.approx(
        0.5 + 0.9 * 3.0 - 2.0
    )
    assert bound.on_outcome(outcome(1.0, terminated=True)).scalar[0] == -2.0
    assert bound.on_window(np.array([7.0]), active) is None


def test_td_bootstraps_on_truncation_from_one_more_window():
    bound = build("td", 2, discount=0.9)
    both, second = np.array([True, True]), np.array([False, True])
    bound.on_window(np.array([1.0, 2.0]), both)
    assert bound.on_outcome(outcome([0.5, 0.5], truncated=[False, True])) is None
    extra = bound.on_window(np.array([9.0, 4.0]), second)
    np.testing.assert_allclose(extra.scalar, [0.0, 0.5 + 0.9 * 4.0 - 2.0])
    np.testing.assert_array_equal(extra.delivers, [False, True])
    bound.reset(second)
    following = bound.on_window(np.array([3.0, 8.0]), both)
    np.testing.assert_allclose(following.scalar, [0.5 + 0.9 * 3.0 - 1.0, 0.0])
    np.testing.assert_array_equal(following.delivers, [True, False])


def test_td_needs_a_window_before_an_outcome():
    with pytest.raises(ValueError, match="call on_window after every window"):
        build("td").on_outcome(outcome(1.0))
    half = build("td", 2)
    half.on_window(np.zeros(2), np.array([True, False]))
    with pytest.raises(ValueError, match="call on_window after every window"):
        half.on_outcome(outcome([1.0, 1.0]))
    with pytest.raises(ValueError, match="needs the critic's values"):
        build("td").on_window(None, np.array([True]))


def test_td_values_are_a_line_over_the_activity():
    bound = build("td", 2, value_gain=0.5, value_offset=-3.0)
    np.testing.assert_array_equal(bound.value(np.array([0.0, 8.0]), None), [-3.0, 1.0])


def test_a_full_rate_is_a_value_of_1_whatever_the_window():
    for window_ms in (20.0, 100.0):
        bound = MODULATORS["td"](full_rate_hz=50.0, value_offset=-0.5).bind(host(1, window_ms))
        spikes = np.array([50.0 * window_ms * 1e-3])
        assert bound.value(spikes, None)[0] == pytest.approx(0.5)
    for rate in (0.0, -1.0):
        with pytest.raises(ValueError, match=r"TemporalDifference.full_rate_hz must be > 0 Hz"):
            MODULATORS["td"](full_rate_hz=rate)


@pytest.mark.parametrize("trace_decay", [0.0, 0.8, 1.0])
def test_linear_critic_finds_the_value_of_a_chain(trace_decay):
    bound = build("td-linear", discount=0.9, trace_decay=trace_decay)
    for _ in range(400):
        for state in range(3):
            error = bound.on_outcome(
                outcome(
                    float(state == 2),
                    terminated=state == 2,
                    features=STATES[[state]],
                    next_features=STATES[[min(state + 1, 2)]],
                )  # fmt: skip
            )
        bound.reset(np.array([True]))
    np.testing.assert_allclose(bound.weights[0], [0.81, 0.9, 1.0], rtol=0, atol=1e-6)
    assert abs(error[0]) < 1e-6


def test_linear_critic_bootstraps_on_truncation_and_not_on_termination():
    errors = {}
    for end in ("terminated", "truncated"):
        bound = build("td-linear", discount=0.9, initial_value=2.0)
        errors[end] = bound.on_outcome(
            outcome(1.0, **{end: True}, features=STATES[[0]], next_features=STATES[[1]])
        )[0]
        np.testing.assert_allclose(bound.weights[0], [2.0 + 0.1 * errors[end], 2.0, 2.0])
    assert errors == pytest.approx({"terminated": 1.0 - 2.0, "truncated": 1.0 + 1.8 - 2.0})


def test_a_trace_of_the_linear_critic_ends_with_its_episode():
    bound = build("td-linear", 2, discount=0.5, trace_decay=0.8, learning_rate=0.1)
    first, second, last = (np.repeat(STATES[[state]], 2, axis=0) for state in range(3))
    bound.on_outcome(outcome([0.0, 0.0], features=first, next_features=second))
    bound.reset(np.array([True, False]))
    bound.on_outcome(outcome([1.0, 1.0], features=second, next_features=last))
    np.testing.assert_allclose(bound.weights, [[0.0, 0.1, 0.0], [0.04, 0.1, 0.0]], atol=1e-15)


def test_linear_critic_is_stable_with_dense_features():
    rng = np.random.default_rng(0)
    bound = build("td-linear", discount=0.9)
    features = rng.random((1, 200))
    for _ in range(3000):
        next_features = rng.random((1, 200))
        bound.on_outcome(outcome(1.0, features=features, next_features=next_features))
        features = next_features
    assert bound.value(None, np.full((1, 200), 0.5))[0] == pytest.approx(10.0, rel=0.05)


def test_linear_critic_checks_its_features():
    bound = build("td-linear")
    with pytest.raises(ValueError, match=r"needs Reinforcement.features"):
        bound.on_outcome(outcome(1.0))
    for given in ("features", "next_features"):
        with pytest.raises(ValueError, match=r"needs Reinforcement.features"):
            bound.on_outcome(outcome(1.0, **{given: STATES[[0]]}))
    bound.on_outcome(outcome(1.0, features=STATES[[0]], next_features=STATES[[1]]))
    with pytest.raises(ValueError, match=r"features must be \(1, 3\), got \(1, 4\)"):
        bound.on_outcome(outcome(1.0, features=np.ones((1, 4)), next_features=np.ones((1, 4))))


@pytest.mark.parametrize("window_ms", [10.0, 20.0])
@pytest.mark.parametrize("delay_ms", [0.0, 60.0, 55.0, 3.0])
def test_dopamine_follows_simulated_time_whatever_the_window(window_ms, delay_ms):
    dopamine = Dopamine(gain=0.5, tonic=0.1, tau_dopamine_ms=80.0, delay_ms=delay_ms)
    bound, rewards = dopamine.bind(host(window_ms=window_ms)), [1.0, 0.0, -2.0] + 9 * [0.0]
    levels = [bound.on_outcome(outcome(reward))[0] for reward in rewards]
    ages = window_ms * np.subtract.outer(np.arange(12), np.arange(12)) - delay_ms
    pulses = np.where(ages >= 0, np.exp(-np.maximum(ages, 0.0) / 80.0), 0.0)
    np.testing.assert_allclose(levels, 0.1 + 0.5 * pulses @ rewards, rtol=0, atol=1e-14)


def test_a_host_that_cannot_be_is_refused():
    for values in ((0, 20.0), (1, 0.0), (1, np.inf)):
        with pytest.raises(ValueError, match="expected n_replicas >= 1 and window_ms > 0"):
            Host(*values)
    assert Host(1, 0.1).window_ms == 0.1


def test_dopamine_in_flight_is_lost_at_the_end_of_an_episode():
    bound = build("dopamine", delay_ms=40.0)
    bound.on_outcome(outcome(1.0))
    bound.reset(np.array([True]))
    assert [bound.on_outcome(outcome(0.0))[0] for _ in range(4)] == [0.0] * 4
    level = build("dopamine", 2)
    level.on_outcome(outcome([1.0, 1.0]))
    level.reset(np.array([True, False]))
    np.testing.assert_allclose(level.on_outcome(outcome([0.0, 0.0])), [0.0, np.exp(-0.1)])


def test_feedback_spreads_a_scalar_over_neurons():
    given = Feedback("reward", {"gain": 3.0}, weights=(1.0, -2.0)).bind(host(2))
    delivered = given.on_outcome(outcome([1.0, 2.0]))
    np.testing.assert_array_equal(delivered.scalar, [3.0, 6.0])
    np.testing.assert_array_equal(delivered.vectors[""], [[3.0, -6.0], [6.0, -12.0]])
    drawn = [Feedback("reward", n_post=4, seed=seed).bind(host()) for seed in (1, 1, 2)]
    rows = [bound.on_outcome(outcome(1.0)).vectors[""] for bound in drawn]
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])
    # A stream of its own: no other part that is given the same integer draws these numbers.
    assert not np.array_equal(rows[0][0], np.random.default_rng(1).standard_normal(4))


def test_feedback_says_whose_neurons_it_teaches():
    assert Feedback("reward", n_post=4).vectors == {"": 4}
    assert Feedback("reward", weights=(1.0, 2.0), population="hidden").vectors == {"hidden": 2}
    delivered = (
        Feedback("reward", n_post=2, population="hidden").bind(host()).on_outcome(outcome(1.0))
    )
    assert list(delivered.vectors) == ["hidden"]
    assert MODULATORS["reward"]().vectors == {}


def test_what_changes_a_third_factor_sees_all_that_belongs_to_a_replica():
    vectors = {"a": np.array([[2.0, 3.0], [5.0, 6.0]]), "b": np.array([[7.0], [8.0]])}
    given = ThirdFactor(np.array([1.0, 4.0]), vectors)
    swapped = given.through(lambda rows: rows[::-1])
    np.testing.assert_array_equal(swapped.scalar, [4.0, 1.0])
    np.testing.assert_array_equal(swapped.vectors["a"], [[5.0, 6.0], [2.0, 3.0]])
    np.testing.assert_array_equal(swapped.vectors["b"], [[8.0], [7.0]])


def test_feedback_wraps_nothing_that_has_vectors_itself(monkeypatch):
    vectors = property(lambda self: {"": 2})
    monkeypatch.setitem(
        MODULATORS, "vector", type("Vector", (MODULATORS["reward"],), {"vectors": vectors})
    )
    with pytest.raises(ValueError, match="'vector' gives neurons third factors of their own"):
        Feedback("vector")


def test_feedback_passes_on_what_it_wraps():
    td = Feedback("td")
    assert td.requires == ("values",)
    assert td.bind(host()).needs_bootstrap
    dopamine = Feedback("dopamine").bind(host(2))
    dopamine.on_outcome(outcome([1.0, 1.0]))
    dopamine.reset(np.array([True, False]))
    np.testing.assert_array_equal(dopamine.state()["level"], [0.0, 1.0])
    assert Feedback("reward-baseline", {"scope": "stimulus"}).requires == ("stimuli",)
    with pytest.raises(ValueError, match="Feedback.weights must be finite"):
        Feedback("reward", weights=(1.0, np.inf))
    with pytest.raises(ValueError, match="options do not fit 'reward'"):
        Feedback("reward", {"gian": 1.0})
    with pytest.raises(ValueError, match="Unknown modulator 'rewrad'"):
        Feedback("rewrad")


def test_rewards_that_are_not_finite_are_refused():
    for rewards in (np.nan, [np.nan, 1.0], [1.0, np.inf]):
        with pytest.raises(ValueError, match=r"Reinforcement.rewards must be finite"):
            outcome(rewards)
    with pytest.raises(ValueError, match=r"Reinforcement.terminated must have one entry"):
        Reinforcement(np.zeros(2), np.zeros(3), np.zeros(2), np.ones(2))


@pytest.mark.parametrize("name", ["rewards", "terminated", "truncated"])
def test_arrays_of_unequal_length_are_named(name):
    lengths = {each: 2 for each in ("rewards", "terminated", "truncated")} | {name: 3}
    arrays = {each: np.zeros(length) for each, length in lengths.items()}
    with pytest.raises(ValueError, match=rf"Reinforcement.{name} must have one entry per replica"):
        Reinforcement(**arrays, active=np.ones(2))


@pytest.mark.parametrize("truncated", [2, 3])
def test_replicas_that_are_active_count(truncated):
    with pytest.raises(ValueError, match=r"Reinforcement.rewards must have one entry per replica"):
        Reinforcement(np.zeros(2), np.zeros(2), np.zeros(truncated), np.ones(3))


def test_what_modulators_must_have():
    class Silent(BoundModulator):
        """Says nothing."""

    class Unbound(Modulator):
        """Cannot be bound."""

    for kind in (Silent, Unbound):
        with pytest.raises(TypeError, match="abstract"):
            kind()


def test_numbers_that_cannot_be():
    with pytest.raises(ValueError, match=r"Dopamine.gain must be a finite"):
        Dopamine(gain=np.nan)
    with pytest.raises(ValueError, match=r"learning_rate must be in \[0, 1\], got -0.5"):
        MODULATORS["td-linear"](learning_rate=-0.5)
    with pytest.raises(ValueError, match="needs the encoder's features, got None"):
        build("td-linear").value(None, None)


def test_only_the_global_baseline_is_shared_by_the_replicas():
    shared = {scope: build("reward-baseline", scope=scope).shared for scope in SCOPES}
    assert shared.pop("global") == "the mean of scope 'global'"
    assert not any(shared.values())


ADJUSTABLE = [(name, field) for name, kind in MODULATORS.items() for field in kind.adjustable]


@pytest.mark.parametrize(("name", "field"), ADJUSTABLE)
def test_what_is_adjustable_takes_effect_at_once(name, field):
    history = random_episodes(4, 2)
    kept, changed, other = (build(name, 2) for _ in range(3))
    for bound in (kept, changed):
        play(bound, history[:20])
    other.restore(changed.state())
    settings = replace(changed.settings, **{field: 0.25})
    changed.settings = other.settings = settings
    late = [play(bound, history[20:]) for bound in (kept, changed, other)]
    assert not np.array_equal(late[0], late[1])
    np.testing.assert_array_equal(late[1], late[2])
