"""Learning on sequences: warm-up, hand-over, what is imitated, what critics are told."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='needs PyTorch: pip install "threefactor[deep]"')

from threefactor.agents.contract import AgentOptions  # noqa: E402
from threefactor.agents.gradient.algorithms import SequenceTD3BCSettings  # noqa: E402
from threefactor.agents.gradient.guides import HoverPilot  # noqa: E402
from threefactor.agents.gradient.learner import Place  # noqa: E402
from threefactor.agents.gradient.sequence_td3bc import SequenceLearner  # noqa: E402
from threefactor.agents.plastic.schedules import Fixed, Interval, RewardAdaptive  # noqa: E402
from threefactor.agents.seeds import spawn_seeds  # noqa: E402
from threefactor.envs.bridge.batch import Environments  # noqa: E402
from threefactor.envs.bridge.outcome import Outcome  # noqa: E402
from threefactor.models.neurons import make_neuron  # noqa: E402

torch.set_num_threads(1)
LOW, HIGH = np.array([-2.0, 10.0], np.float32), np.array([2.0, 30.0], np.float32)
SPACES = (gym.spaces.Box(-1.0, 1.0, (3,), np.float64), gym.spaces.Box(LOW, HIGH))
SIZES = {"length": 8, "stride": 4, "warm_up": 3, "critic_history": 2}


def learner(control="none", spaces=SPACES, episodes=10, schedule=None, **settings):
    chosen = SequenceTD3BCSettings(**{
        "hidden": (12,), "batch": 16, "learning_starts": 1, "update_every": 1, "policy_delay": 1,
        **SIZES, **settings,
    })  # fmt: skip
    coding = chosen.number_coding(None, spaces[0])
    spec = chosen.specify(
        make_neuron("lif-soft-reset"), coding.n_numbers, chosen.n_outputs(spaces[1])
    )
    options = AgentOptions(window_ms=2.0, timestep_ms=1.0, control=control, episodes=episodes)
    place = Place(spec, coding, options, spaces, spawn_seeds(0), schedule or Fixed())
    return SequenceLearner(chosen, place)


def live(one, episodes, length, generator=None, answer=None, is_truncated=False):
    """Let a learner live through episodes; what is done follows what is seen if it is told how."""
    generator = generator or np.random.default_rng(0)
    for _ in range(episodes):
        seen = generator.uniform(-1, 1, (length + 1, 3))
        for t in range(length):
            done = generator.uniform(LOW, HIGH) if answer is None else answer(seen[: t + 1])
            ends = t + 1 == length
            one.learn(
                Outcome(
                    seen[t : t + 1], done[None].astype(np.float32),
                    np.array([float(done[0])]), seen[t + 1 : t + 2],
                    np.array([ends and not is_truncated]), np.array([ends and is_truncated]),
                    np.array([True]),
                ),
                0,
            )  # fmt: skip
        one.end_episode(0.0)


def parameters(module):
    return torch.cat([p.detach().ravel() for p in module.parameters()])


def test_no_gradient_reaches_into_the_warm_up():
    """Behind it what was told earlier counts for the actions, without a gradient; later with."""
    one = learner()
    told = torch.rand(8, 5, one.coding.n_numbers, requires_grad=True)
    actions = one.run(one.online, told)
    assert actions.shape == (5, 5, 2)
    actions.sum().backward()
    assert torch.all(told.grad[:3] == 0)
    assert torch.any(told.grad[3] != 0)
    other = told.detach().clone()
    other[2] += 5.0
    assert torch.any(one.run(one.online, other)[0] != actions[0])


@pytest.mark.parametrize("where", ["rewards", "actions"])
def test_what_was_done_and_earned_in_the_warm_up_teaches_nothing(where, monkeypatch):
    """Other rewards and imitated actions there leave all weights as they are; behind it not."""
    moved = []
    for first, last in ((0, 0), (0, 1), (3, 4)):  # nothing, one warm-up decision, one behind it
        one = learner(critic_history=0)
        live(one, 1, 8, is_truncated=True)
        sample = one.replay.sample

        def changed(size, sample=sample, part=slice(first, last)):
            drawn = sample(size)
            getattr(drawn, where)[:, part] += 1.0
            return drawn

        monkeypatch.setattr(one.replay, "sample", changed)
        for _ in range(3):
            one.update()
        moved.append(torch.cat([parameters(one.online), parameters(one.critics)]))
    assert torch.equal(moved[0], moved[1])
    assert not torch.equal(moved[0], moved[2])


def test_episodes_within_the_warm_up_teach_nothing():
    one = learner()
    before = parameters(one.online), parameters(one.critics)
    live(one, 5, 3)
    assert one.updates == 0
    assert torch.equal(before[0], parameters(one.online))
    assert torch.equal(before[1], parameters(one.critics))


def test_critics_are_told_the_actions_before_each_decision():
    one = learner()
    told, done = torch.zeros(9, 1, 4), torch.arange(16.0).reshape(8, 1, 2)
    known = one.privileged(told, done)
    assert known.shape == (6, 1, 8)
    for row, t in enumerate(range(3, 9)):
        assert known[row, 0, 4:].tolist() == done[t - 2 : t].ravel().tolist()


def test_the_actor_follows_what_the_critic_likes():
    """The gradient of Q reaches the actor: the first action is rewarded, and grows."""
    one = learner(imitation=0.0, discount=0.0, learning_rate=3e-3, critic_learning_rate=3e-3)
    told, means = np.random.default_rng(1).uniform(-1, 1, (20, 8, 3)), []
    for episodes in (0, 50):
        live(one, episodes, 8)
        actions = one.run(one.online, one.told_of(told)).detach()
        means.append(float(actions[..., 0].mean()))
    assert means[0] < 0.3
    assert means[1] > 0.6


def remembering(seen):
    """Return an action that depends on what was seen a decision ago."""
    before = seen[-2, 0] if len(seen) > 1 else 0.0
    return np.array([2.0 * 0.8 * before, 20.0])


def error(one):
    generator = np.random.default_rng(1)
    seen = generator.uniform(-1, 1, (40, 8, 3))
    actions = one.run(one.online, one.told_of(seen)).detach().numpy()
    return np.square(actions[..., 0] - 0.8 * seen[:, 2:7, 0].T).mean()


@pytest.mark.parametrize(("control", "low", "high"), [("none", 0, 0.12), ("shuffled", 0.15, 9)])
def test_imitation_needs_memory_and_what_was_done(control, low, high):
    """An action that answers to the last observation is imitated; shuffled ones are not."""
    one = learner(
        control, value_weight=0.0, imitation=1.0, imitation_decay=1.0, learning_rate=1e-2,
        hidden=(64,), learning_rate_end=1.0,
    )  # fmt: skip
    live(one, 60, 8, answer=remembering)
    assert low <= error(one) < high


def test_imitation_fades():
    one = learner(imitation=0.4, imitation_decay=0.5)
    weights = []
    for _ in range(3):
        weights.append(one.imitation)
        one.end_episode(0.0)
    assert weights == [0.4, 0.2, 0.1]


def test_a_termination_expects_nothing_and_a_truncation_does():
    goals = []
    for is_truncated in (False, True):
        one = learner(discount=0.9)
        given = one.goals
        one.goals = lambda *told, given=given: goals.append((told, given(*told))) or goals[-1][1]
        live(one, 1, 8, is_truncated=is_truncated)
    for (told, goal), is_truncated in zip(goals, (False, True), strict=True):
        rewards, terminated = told[0], told[3]
        assert bool(terminated.any()) is not is_truncated
        assert torch.equal((goal == rewards), terminated)


# The guide

FLIGHT = Environments("Hover-v0", 1)
HOVER = (FLIGHT.observation_space, FLIGHT.action_space)


def flown(one, decisions):
    """Return what was done, and what the membranes 0 would have done, in units of the actions."""
    guide, seen = HoverPilot(HOVER), FLIGHT.reset([0])
    rows = []
    for _ in range(decisions):
        one.observed = seen[0]
        done, wanted = one.choose(np.zeros(4)), guide.act(seen[0])
        guide.executed(done)
        rows.append((done, wanted))
        seen = FLIGHT.step(done[None]).next_observations
    return rows


def hands_over(one, decisions=8):
    """Return after how many decisions the membranes act."""
    is_guide = [np.allclose(done, wanted, atol=1e-6) for done, wanted in flown(one, decisions)]
    assert is_guide == sorted(is_guide, reverse=True)
    return sum(is_guide)


def test_the_guide_flies_fewer_decisions_from_episode_to_episode():
    """From 6 to 2 over the first half of ten episodes; with learning off as many as told."""
    one = learner(
        spaces=HOVER,
        guide="hover",
        guided_first=6,
        guided_last=2,
        guided_tested=5,
        exploration_noise=0.0,
    )
    counts = []
    for _ in range(8):
        counts.append(hands_over(one))
        one.end_episode(0.0)
    assert counts == [6, 5, 4, 4, 3, 2, 2, 2]
    one.is_learning = False
    assert hands_over(one) == 5


def test_the_guide_is_explored_around_too():
    one = learner(spaces=HOVER, guide="hover", guided_first=99, exploration_noise=0.1)
    apart = np.array([done - wanted for done, wanted in flown(one, 20)])
    assert 0.05 < apart.std() < 0.2


def test_what_the_guide_would_have_done_is_what_it_says_in_flight():
    """In windows of a flight of the actor, whose rotors turn as it made them to."""
    one = learner(
        spaces=HOVER, guide="hover", guided_first=3, imitates="guide", learning_starts=99,
        exploration_noise=0.5,
    )  # fmt: skip
    guide, seen, said = HoverPilot(HOVER), FLIGHT.reset([0]), []
    for t in range(20):
        one.observed = seen[0]
        said.append(guide.act(seen[0]))
        done = one.choose(np.full(4, 0.3))
        guide.executed(done)
        outcome = replace(FLIGHT.step(done[None]), truncated=np.array([t == 19]))
        one.learn(outcome, 0)
        seen = outcome.next_observations
    drawn = one.replay.sample(50)
    wanted = one.wanted(drawn).transpose(0, 1).numpy()
    done = np.array(said)
    for window, is_real in zip(wanted, drawn.is_real, strict=True):
        n = int(is_real.sum())
        apart = [np.abs(window[:n] - done[t : t + n]).max() for t in range(0, 21 - n)]
        assert min(apart) < 1e-5


def test_without_a_guide_the_actor_acts_from_the_first_decision():
    assert hands_over(learner(spaces=HOVER, exploration_noise=0.0)) == 0


def test_a_guide_is_refused_where_it_cannot_fly():
    with pytest.raises(ValueError, match=r"--agent.guide hover: expected .* Hover-v0"):
        learner(guide="hover")
    with pytest.raises(ValueError, match=r"expected a --agent.guide to imitate"):
        SequenceTD3BCSettings(imitates="guide")
    with pytest.raises(ValueError, match=r"Did you mean 'hover'"):
        SequenceTD3BCSettings(guide="hovr")


# Schedules of the slope


def slopes(schedule, returns=(0.0,) * 4, **settings):
    one, found = learner(schedule=schedule, episodes=len(returns), **settings), []
    for earned in returns:
        found.append(one.online.slope)
        one.end_episode(earned)
    return found


def test_the_slope_follows_its_schedule():
    moved = ("agent.slope",)
    assert slopes(Fixed(), slope=7.0) == [7.0] * 4
    interval = Interval(moved, (1.0,), (100.0,), episodes_per_step=1, steps=3)
    assert slopes(interval) == [1.0, 34.0, 67.0, 100.0]
    adaptive = RewardAdaptive(
        moved, (1.0,), (100.0,), memory_episodes=1, difference_weight=0.0, return_at_start=1.0,
        return_at_end=100.0,
    )  # fmt: skip
    assert slopes(adaptive, (50.0, 100.0, 10.0, 0.0)) == [1.0, 50.0, 100.0, 10.0]
    assert set(slopes(interval, control="zero")) == {1e30}


@pytest.mark.parametrize(
    ("name", "value"),
    [("stride", 0), ("stride", 101), ("warm_up", 100), ("critic_history", 51), ("handover", 1.1),
     ("imitation", -1.0), ("imitation_decay", 0.0), ("guided_last", -1), ("guided_tested", -1),
     ("value_weight", -0.1)],
)  # fmt: skip
def test_settings_out_of_range_are_named(name, value):
    with pytest.raises(ValueError, match=rf"SequenceTD3BCSettings\.{name}"):
        SequenceTD3BCSettings(**{name: value})
