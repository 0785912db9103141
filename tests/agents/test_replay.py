"""Replay buffers: what they keep of episodes of known content, and that they resume bit for bit."""

import json

import gymnasium as gym
import numpy as np
import pytest

from threefactor.agents.gradient.replay import SequenceReplay, TransitionReplay
from threefactor.envs.bridge.outcome import Outcome

SPACES = (gym.spaces.Box(-np.inf, np.inf, (2,), np.float32), gym.spaces.Discrete(9))
BOXES = (SPACES[0], gym.spaces.Box(-1, 1, (3,), np.float32))


def lived(lengths, ends, spaces=SPACES, steps=None):
    """Give the outcomes of replicas whose episodes have these lengths; afterwards they rest.

    Observation t of replica r is (r, t), action and reward of step t are t and 10 r + t, the state
    before it is -t. `ends` says of each whether it ends by termination, truncation, or not at all.
    """
    lengths = np.array(lengths)
    for step in range(max(lengths) if steps is None else steps):
        acting = step < lengths
        is_last = step + 1 == lengths
        replicas = np.arange(len(lengths))
        seen = np.stack([replicas, np.full(len(lengths), step)], axis=1).astype(np.float32)
        actions = np.full(len(lengths), step)
        if isinstance(spaces[1], gym.spaces.Box):
            actions = np.repeat(actions[:, None] / 1000, 3, axis=1)
        yield (
            Outcome(
                seen, actions, 10.0 * replicas + step, seen + [0, 1],
                is_last & (np.array(ends) == "terminated"),
                is_last & (np.array(ends) == "truncated"), acting,
            ),
            np.full((len(lengths), 1), -float(step)),
        )  # fmt: skip


def sequences(**options):
    options = {"length": 10, "stride": 4, "warm_up": 6, "state_shape": (1,), **options}
    return SequenceReplay(100, SPACES, 0, **options)


def fill(buffer, lengths, ends, **options):
    for outcome, states in lived(lengths, ends, **options):
        add(buffer, outcome, states)
    return buffer


def add(buffer, outcome, states, replica=0):
    """Add what one replica did to sequences, and what all did to transitions."""
    if isinstance(buffer, TransitionReplay):
        buffer.add(outcome)
    elif outcome.acting[replica]:
        buffer.add(outcome, replica, states[replica] if buffer._state_shape == (1,) else None)


def windows(buffer):
    """Return one of each window that can be drawn, ordered by replica and beginning."""
    drawn = buffer.sample(40 * len(buffer))
    keys = drawn.observations[:, 0, :]
    _, first = np.unique(keys, axis=0, return_index=True)
    assert len(first) == len(buffer)
    return type(drawn)(**{name: values[first] for name, values in vars(drawn).items()})


# Transitions


def test_only_replicas_that_act_are_kept_with_terminated_and_truncated_apart():
    buffer = fill(TransitionReplay(50, SPACES, 0), [3, 5, 4], ["terminated", "truncated", ""])
    assert len(buffer) == 12
    drawn = buffer.sample(2000)
    replica, step = drawn.observations.T.astype(int)
    assert set(zip(replica.tolist(), step.tolist(), strict=True)) == {
        (r, t) for r, length in enumerate([3, 5, 4]) for t in range(length)
    }
    np.testing.assert_array_equal(drawn.next_observations, drawn.observations + [0, 1])
    np.testing.assert_array_equal(drawn.actions, step)
    np.testing.assert_array_equal(drawn.rewards, 10.0 * replica + step)
    np.testing.assert_array_equal(drawn.terminated, (replica == 0) & (step == 2))
    np.testing.assert_array_equal(drawn.truncated, (replica == 1) & (step == 4))


def test_the_oldest_transitions_are_overwritten():
    buffer = fill(TransitionReplay(7, SPACES, 0), [20], [""])
    assert len(buffer) == 7
    assert set(buffer.sample(300).actions.tolist()) == set(range(13, 20))
    many = fill(TransitionReplay(3, SPACES, 0), [2] * 5, [""] * 5)  # more at once than fit
    assert set(many.sample(300).observations[:, 0].tolist()) == {2.0, 3.0, 4.0}


def test_transitions_are_drawn_uniformly():
    buffer = fill(TransitionReplay(10, SPACES, 3), [10], [""])
    counts = np.bincount(buffer.sample(20_000).actions, minlength=10)
    assert ((counts - 2000) ** 2 / 2000).sum() < 27.9  # chi-square, 9 degrees of freedom, p = 0.001


def test_what_is_drawn_is_a_copy_and_of_the_spaces_kind():
    buffer = fill(TransitionReplay(5, BOXES, 0), [5], [""], spaces=BOXES)
    drawn = buffer.sample(4)
    assert drawn.actions.shape == (4, 3)
    assert drawn.actions.dtype == drawn.observations.dtype == np.float32
    drawn.observations[:] = np.nan
    assert np.isfinite(buffer.sample(50).observations).all()


# Sequences


@pytest.mark.parametrize("end", ["terminated", "truncated"])
def test_an_episode_is_cut_into_overlapping_windows(end):
    found = windows(fill(sequences(), [21], [end]))
    # 0..9, 4..13, 8..17, 12..20 (21 decisions: the last window has one less)
    np.testing.assert_array_equal(found.actions[:, 0], [0, 4, 8, 12])
    np.testing.assert_array_equal(found.is_real.sum(axis=1), [10, 10, 10, 9])
    np.testing.assert_array_equal(found.observations[0, :, 1], np.arange(11))
    np.testing.assert_array_equal(found.observations[3, :, 1], [*range(12, 22), 0])
    np.testing.assert_array_equal(found.rewards[3], [*range(12, 21), 0])
    np.testing.assert_array_equal(found.start_states[:, 0], [0, -4, -8, -12])
    np.testing.assert_array_equal(found.begins, [True, False, False, False])
    last, other = getattr(found, end), {"terminated", "truncated"} - {end}
    np.testing.assert_array_equal(np.argwhere(last), [[3, 8]])
    assert not getattr(found, other.pop()).any()


@pytest.mark.parametrize("n_steps", [1, 5, 6, 7, 9, 10, 11, 13, 14, 15, 30])
def test_every_decision_behind_the_warm_up_is_learned_from_once(n_steps):
    found = windows(fill(sequences(), [n_steps], ["terminated"]))
    assert sorted(found.actions[found.learns].tolist()) == list(range(6, n_steps))
    assert not found.learns[:, :6].any()
    assert (found.learns <= found.is_real).all()
    assert found.is_real.any(axis=1).all()


def test_full_flights_of_the_published_sizes_make_nine_windows():
    buffer = SequenceReplay(50, SPACES, 0)
    assert (buffer.length, buffer.stride, buffer.warm_up) == (100, 50, 50)
    for outcome, _ in lived([500], ["truncated"]):
        buffer.add(outcome, 0)
    found = windows(buffer)
    assert len(buffer) == 9
    assert found.is_real.all()
    assert found.learns.sum() == 450


def test_no_window_reaches_across_an_end():
    buffer = sequences()
    told = [13, 8, 25], ["terminated", "truncated", "terminated"]
    for replica in (0, 1, 2, 0, 1, 2):  # a second episode of each, of the same content
        for outcome, states in lived(*told):
            add(buffer, outcome, states, replica)
    drawn = buffer.sample(500)
    real = drawn.is_real
    replica = drawn.observations[:, :1, 0]
    assert (drawn.observations[:, :-1, 0] == replica)[real].all()
    steps = drawn.observations[:, :-1, 1]
    assert (np.diff(steps, axis=1) == 1)[real[:, 1:]].all()
    ends = drawn.terminated | drawn.truncated
    lengths = np.array([13, 8, 25])[replica[:, 0].astype(int)]
    np.testing.assert_array_equal(ends, real & (steps == lengths[:, None] - 1))


def test_an_episode_that_goes_on_is_not_drawn_from_yet():
    buffer = fill(sequences(), [30], [""], steps=29)
    assert len(buffer) == 0
    with pytest.raises(ValueError, match=r"Replay.sample: nothing has been added yet"):
        buffer.sample(1)


def test_the_oldest_windows_are_overwritten():
    buffer = SequenceReplay(2, SPACES, 0, length=10, stride=4, warm_up=6)
    for outcome, _ in lived([21], ["terminated"]):
        buffer.add(outcome, 0)
    assert set(buffer.sample(60).actions[:, 0].tolist()) == {8, 12}


# Checkpoints


def through_text(state):
    """Return a state once numbers and words have been through JSON, as in a checkpoint."""
    if isinstance(state, dict):
        return {name: through_text(value) for name, value in state.items()}
    if isinstance(state, list):
        return [through_text(value) for value in state]
    return state if isinstance(state, np.ndarray) else json.loads(json.dumps(state))


def assert_same(one, other):
    for name, values in vars(one).items():
        np.testing.assert_array_equal(values, getattr(other, name))
        assert values.dtype == getattr(other, name).dtype


MAKERS = {
    "transitions": lambda: TransitionReplay(30, BOXES, 5),
    "sequences": lambda: SequenceReplay(
        6, BOXES, 5, length=10, stride=4, warm_up=6, state_shape=(1,)
    ),
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("steps", [0, 3, 25])
def test_a_restored_buffer_goes_on_bit_for_bit(kind, steps):
    outcomes = list(lived([17, 40], ["truncated", "terminated"], spaces=BOXES))
    buffer, other = MAKERS[kind](), MAKERS[kind]()

    def live(to, part):
        for outcome, states in part:
            add(to, outcome, states)

    live(buffer, outcomes[:steps])
    if len(buffer):
        buffer.sample(3)
    state = buffer.state()
    kept = through_text(state)
    live(buffer, outcomes[steps:])
    expected = buffer.sample(50)
    other.restore(kept)
    live(other, outcomes[steps:])
    assert_same(other.sample(50), expected)
    other.restore(state)  # nothing that happened since has reached into it
    live(other, outcomes[steps:])
    assert_same(other.sample(50), expected)


def test_states_of_other_buffers_are_refused():
    small, large = TransitionReplay(5, SPACES, 0), fill(TransitionReplay(9, SPACES, 0), [9], [""])
    with pytest.raises(ValueError, match=r"at most 5 rows of shape \(2,\), got \(9, 2\)"):
        small.restore(large.state())
    with pytest.raises(ValueError, match=r"Replay.restore: expected \['observations'"):
        small.restore(sequences().state())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stride": 0}, "stride must be 1 to 10, got 0"),
        ({"stride": 11}, "stride must be 1 to 10, got 11"),
        ({"warm_up": 10}, "warm_up must be 0 to 9, got 10"),
        ({"length": 0}, "length must be >= 1, got 0"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        sequences(**options)


def test_missing_states_are_refused():
    (outcome, _), *_ = lived([3], [""])
    with pytest.raises(ValueError, match=r"expected a state of shape \(1,\), got \(\)"):
        sequences().add(outcome, 0)
