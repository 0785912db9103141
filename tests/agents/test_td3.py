"""TD3's own arithmetic: scale of actions, targets, noise, what moves when."""

from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='needs PyTorch: pip install "threefactor[deep]"')

from threefactor.agents.contract import AgentOptions  # noqa: E402
from threefactor.agents.gradient.actor_critic import Perceptrons  # noqa: E402
from threefactor.agents.gradient.algorithms import TD3Settings  # noqa: E402
from threefactor.agents.gradient.learner import Place  # noqa: E402
from threefactor.agents.gradient.td3 import TD3Learner  # noqa: E402
from threefactor.agents.seeds import spawn_seeds  # noqa: E402
from threefactor.models.neurons import make_neuron  # noqa: E402

torch.set_num_threads(1)
LOW, HIGH = np.array([-2.0, 0.0, 10.0], np.float32), np.array([2.0, 1.0, 30.0], np.float32)
SEEN = gym.spaces.Box(-1.0, 1.0, (2,), np.float64)


def learner(control="none", **settings):
    """Return the learner of an agent with three dimensions of action of different ranges."""
    chosen = TD3Settings(**{"hidden": (8, 7), "batch": 16, "learning_starts": 1, **settings})
    spaces, coding = (SEEN, gym.spaces.Box(LOW, HIGH)), chosen.number_coding(None, SEEN)
    n_outputs = chosen.n_outputs(spaces[1])
    spec = chosen.specify(make_neuron("lif-soft-reset"), coding.n_numbers, n_outputs)
    options = AgentOptions(window_ms=5.0, timestep_ms=1.0, control=control)
    return TD3Learner(chosen, Place(spec, coding, options, spaces, spawn_seeds(0)))


def lived(learner, decisions, generator=None):
    """Let a learner live so many decisions, in which rewards follow the first action.

    Every tenth is a termination.
    """
    generator = generator or np.random.default_rng(0)
    for number in range(decisions):
        seen, then = generator.uniform(-1, 1, (2, 1, 2))
        action = generator.uniform(LOW, HIGH)[None].astype(np.float32)
        learner.learn(
            SimpleNamespace(
                observations=seen, actions=action, rewards=action[:, 0].astype(float),
                next_observations=then, terminated=np.array([number % 10 == 9]),
                truncated=np.array([False]), acting=np.array([True]),
            ),
            0,
        )  # fmt: skip


def parameters(module):
    return torch.cat([p.detach().ravel() for p in module.parameters()])


def test_actions_are_scaled_once():
    """Membranes 0 and 40 give the middle and the upper limit, and replay gives -1 to 1 back."""
    one = learner()
    one.is_learning = False
    middle, high = one.choose(np.zeros(3)), one.choose(np.full(3, 40.0))
    assert middle.tolist() == ((LOW + HIGH) / 2).tolist()
    assert high.tolist() == HIGH.tolist()
    units = 2 * one.range.fractions(np.array([LOW, middle, HIGH])) - 1
    assert units.tolist() == [[-1.0] * 3, [0.0] * 3, [1.0] * 3]
    assert float(one.actions(torch.ones(4, 5)).detach().abs().max()) <= 1.0


def test_the_critics_are_told_what_was_done_in_the_actors_units(monkeypatch):
    """Stored actions reach the critics as the actor's own do: within -1 and 1, both ends met."""
    one, told = learner(), []
    forward = one.critics.forward
    monkeypatch.setattr(one.critics, "forward", lambda x: told.append(x[:, -3:]) or forward(x))
    lived(one, 60)
    done = torch.cat(told[0::3][-20:]).detach()
    assert torch.all(done.abs() <= 1.0)
    assert torch.all(done.max(0).values > 0.8)
    assert torch.all(done.min(0).values < -0.8)


def test_a_termination_expects_nothing_and_a_truncation_does():
    """The goal is r of what has ended, else r + discount*(the lesser of both critics)."""
    one = learner(smoothing_noise=0.0, discount=0.5)
    then, rewards = torch.ones(2, 5), torch.tensor([1.0, 1.0])
    actions = one.target_actions(then)
    goals = one.goals(rewards, then, actions, torch.tensor([True, False]))
    told = torch.cat([then, actions], 1)
    values = one.target_critics(told).detach()[:, 1, 0]
    assert values[0] != values[1]
    assert goals[0] == 1.0
    assert float(goals[1]) == pytest.approx(1.0 + 0.5 * float(values.min()), rel=1e-6)


def test_a_truncation_is_not_kept_as_an_end():
    one = learner(batch=1)
    outcome = SimpleNamespace(
        observations=np.zeros((1, 2)), actions=LOW[None], rewards=np.zeros(1),
        next_observations=np.ones((1, 2)), terminated=np.array([False]),
        truncated=np.array([True]), acting=np.array([True]),
    )  # fmt: skip
    expected = []
    goals = one.goals
    one.goals = lambda *told: expected.append(told[-1]) or goals(*told)
    one.learn(outcome, 0)
    assert expected[0].tolist() == [False]


def test_noise_is_independent_over_dimensions_and_decisions():
    """Correlations of what smooths, and of what explores, are those of 2000 independent draws."""
    one = learner(exploration_noise=0.1, learning_starts=1)
    one.decisions = 1
    explored = one.range.fractions(np.array([one.choose(np.zeros(3)) for _ in range(2000)]))
    smoothed = one.smoothed(torch.zeros(2000, 3)).numpy()
    for noise, deviation in ((2 * explored - 1, 0.1), (smoothed, 0.2)):
        assert np.allclose(noise.std(axis=0), deviation, rtol=0.1)
        between = np.corrcoef(noise.T)[np.triu_indices(3, 1)]
        after = np.corrcoef(noise[:-1, 0], noise[1:, 0])[0, 1]
        assert np.all(np.abs([*between, after]) < 0.1)


def test_smoothing_stays_within_its_limit_and_the_range():
    one = learner(smoothing_noise=10.0, smoothing_limit=0.3)
    assert float(one.smoothed(torch.zeros(100, 3)).abs().max()) == pytest.approx(0.3)
    assert float(one.smoothed(torch.ones(100, 3)).max()) == 1.0


def test_the_first_actions_are_uniform_whatever_the_membranes():
    one = learner(learning_starts=500)
    drawn = one.range.fractions(np.array([one.choose(np.full(3, 40.0)) for _ in range(2000)]))
    assert np.allclose(
        np.quantile(drawn, [0.25, 0.5, 0.75], axis=0).T, [0.25, 0.5, 0.75], atol=0.05
    )
    assert np.all(np.abs(np.corrcoef(drawn.T)[np.triu_indices(3, 1)]) < 0.1)


def test_without_learning_there_is_no_noise():
    one = learner("frozen")
    assert len({tuple(one.choose(np.array([0.1, 0.2, 0.3]))) for _ in range(10)}) == 1


def test_the_actor_moves_at_every_third_update_of_the_critics():
    one = learner(policy_delay=3)
    moved = []
    for _ in range(9):
        before = parameters(one.online), parameters(one.critics), parameters(one.target)
        lived(one, 1)
        after = parameters(one.online), parameters(one.critics), parameters(one.target)
        moved.append([not torch.equal(b, a) for b, a in zip(before, after, strict=True)])
    assert moved == [[False, True, False], [False, True, False], [True, True, True]] * 3


def test_targets_follow_at_their_rate():
    one = learner(policy_delay=1, target_rate=0.25)
    before = parameters(one.target), parameters(one.target_critics)
    lived(one, 1)
    for old, new, source in (
        (before[0], one.target, one.online), (before[1], one.target_critics, one.critics),
    ):  # fmt: skip
        assert torch.allclose(parameters(new), 0.75 * old + 0.25 * parameters(source), atol=1e-7)


def test_with_the_gradient_of_spikes_zero_the_readout_alone_learns():
    one = learner("zero")
    before = one.online.arrays()
    lived(one, 20)
    after = one.online.arrays()
    assert {n for n in before if np.any(before[n] != after[n])} == {"to_output.w"}


def test_every_learning_rate_falls_from_its_own():
    one = learner(
        has_proxy=True, learning_rate=0.1, critic_learning_rate=0.2, learning_rate_end=0.5
    )
    one.end_episode(0.0)  # the only one of the run
    rates = {name: o.param_groups[0]["lr"] for name, o in one.optimisers.items()}
    assert rates == pytest.approx({"online": 0.05, "critics": 0.1, "target": 0.0015})


def test_the_proxy_approaches_the_actor():
    """Of a policy that stands still the proxy's mean square error falls below a fifth."""
    one = learner(has_proxy=True, proxy_learning_rate=1e-2, policy_delay=10**9, hidden=(32, 32))
    told = one.told(np.random.default_rng(1).uniform(-1, 1, (500, 2)))

    def error():
        with torch.no_grad():
            return float((one.target_actions(told) - one.actions(told)).square().mean())

    at_first = error()
    lived(one, 400)
    assert isinstance(one.target, Perceptrons)
    assert error() < 0.2 * at_first


@pytest.mark.parametrize("has_proxy", [False, True])
def test_an_actor_that_is_rewarded_for_its_action_takes_it(has_proxy):
    """Where the reward is the first action, the actor comes to its upper limit."""
    one = learner(has_proxy=has_proxy, discount=0.0, learning_rate=3e-3)
    lived(one, 300)
    told = one.told(np.random.default_rng(1).uniform(-1, 1, (100, 2)))
    assert float(one.actions(told)[:, 0].detach().mean()) > 0.9


@pytest.mark.parametrize("control", ["none", "shuffled"])
def test_the_shuffled_control_permutes_the_rewards_of_a_batch_with_their_terminations(control):
    one = learner(control)
    lived(one, 100)
    found, sample = [], one.replay.sample
    one.replay.sample = lambda size: found.append(sample(size)) or found[-1]
    used = one.drawn()
    pairs = [list(zip(some.rewards, some.terminated, strict=True)) for some in (found[0], used)]
    assert {ended for _, ended in pairs[0]} == {False, True}
    assert sorted(pairs[0]) == sorted(pairs[1])
    assert (pairs[0] == pairs[1]) == (control == "none")
    np.testing.assert_array_equal(found[0].next_observations, used.next_observations)


@pytest.mark.parametrize(
    "space",
    [gym.spaces.Discrete(2), gym.spaces.Box(-np.inf, np.inf, (1,)), gym.spaces.Box(0, np.inf)],
)
def test_only_a_bounded_box_can_be_acted_in(space):
    with pytest.raises(ValueError, match=r"--agent td3: expected a Box .* finite bounds"):
        TD3Settings().n_outputs(space)


@pytest.mark.parametrize(
    ("name", "value"),
    [("policy_delay", 0), ("exploration_noise", -0.1), ("target_rate", 0.0), ("batch", 0),
     ("critic_hidden", (3, 0)), ("proxy_learning_rate", 0.0)],
)  # fmt: skip
def test_settings_out_of_range_are_named(name, value):
    with pytest.raises(ValueError, match=rf"TD3Settings\.{name}"):
        TD3Settings(**{name: value})
