"""The tally: what episodes bring, who acts, waits and rests, and its state."""

import numpy as np
import pytest

from threefactor.envs.bridge.outcome import Outcome
from threefactor.experiments.training.tally import EpisodeTally


def outcome(rewards, terminated=(), truncated=(), acting=None):
    """The outcome of one decision of two replicas; the flags name the replicas."""
    flags = [np.isin(np.arange(2), list(which)) for which in (terminated, truncated)]
    acting = np.ones(2, bool) if acting is None else np.array(acting)
    nothing = np.zeros(2)
    return Outcome(nothing, nothing, np.array(rewards, float), nothing, *flags, acting)


def advance(tally, *arguments, needs_bootstrap=False, **options):
    """Count a decision and return the episodes that it ended, and who begins another one."""
    result = outcome(*arguments, **options)
    tally.count(result)
    ended = tally.close(result, needs_bootstrap)
    episodes = [tally.episode(replica) for replica in np.flatnonzero(ended).tolist()]
    return episodes, tally.begin(ended).tolist()


def test_an_episode_is_the_sum_of_its_decisions():
    tally = EpisodeTally(2, 2, 0.5)
    assert advance(tally, [1, 2]) == ([], [False, False])
    (episode,), begins = advance(tally, [4, 8], terminated=[1])
    assert vars(episode) == {
        "replica": 1, "number": 1, "total": 10.0, "discounted": 6.0, "length": 2,
        "terminated": True, "truncated": False,
    }  # fmt: skip
    assert begins == [False, True]
    (first, second), _ = advance(tally, [16, 32], truncated=[0, 1])
    assert (first.total, first.discounted, first.length, first.number) == (21.0, 7.0, 3, 1)
    assert (second.total, second.discounted, second.length, second.number) == (32.0, 32.0, 1, 2)
    assert (second.terminated, second.truncated) == (False, True)
    assert tally.returns == [[7.0], [6.0, 32.0]]
    assert tally.decisions == 3


def test_a_truncated_replica_waits_for_one_decision_in_which_it_does_not_act():
    tally = EpisodeTally(2, 1, 1.0)
    assert advance(tally, [1, 1], truncated=[0], needs_bootstrap=True)[0] == []
    assert tally.acting.tolist() == [False, True]
    assert tally.involved.tolist() == [True, True]
    (episode,), begins = advance(tally, [0, 1], acting=[False, True], needs_bootstrap=True)
    assert (episode.replica, episode.length, episode.total, episode.truncated) == (0, 1, 1.0, True)
    assert begins == [False, False]
    assert tally.involved.tolist() == [False, True]
    assert not tally.is_finished


@pytest.mark.parametrize("both", [True, False])
def test_a_termination_does_not_wait_even_if_it_is_a_truncation_too(both):
    tally = EpisodeTally(2, 1, 1.0)
    truncated = [0, 1] if both else []
    episodes, _ = advance(
        tally, [1, 1], terminated=[0, 1], truncated=truncated, needs_bootstrap=True
    )
    assert [episode.truncated for episode in episodes] == [both, both]
    assert tally.is_finished


def test_further_episodes_begin_where_there_are_some():
    tally = EpisodeTally(2, 1, 1.0)
    advance(tally, [1, 1], terminated=[0, 1])
    assert tally.continue_until(1).tolist() == [False, False]
    assert tally.is_finished
    assert tally.continue_until(2).tolist() == [True, True]
    assert tally.acting.all()
    assert tally.lengths.tolist() == [0, 0]


def test_a_restored_tally_counts_on_as_if_it_had_never_stopped():
    def play(tally):
        rows = []
        for number in range(10):
            ends = {"terminated": [0]} if number % 4 == 3 else {"truncated": [1]}
            rows.append(advance(tally, [number, 2 * number], **ends, needs_bootstrap=True))
        return rows, tally.returns

    tally, fresh = EpisodeTally(2, 9, 0.9), EpisodeTally(2, 9, 0.9)
    play(tally)
    saved = tally.state()
    assert all(isinstance(value, (int, np.ndarray)) for value in saved.values())
    expected = play(tally)
    fresh.restore(saved)
    assert play(fresh) == expected
