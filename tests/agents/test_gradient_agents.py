"""Agents that are trained by gradients: the agent contract, and the algorithms' own arithmetic."""

from contextlib import closing

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='needs PyTorch: pip install "threefactor[deep]"')

from threefactor.agents import AGENTS  # noqa: E402
from threefactor.agents.gradient.settings import GradientSettings  # noqa: E402
from threefactor.experiments.checks.agents import check_agent  # noqa: E402
from threefactor.experiments.layers import configure  # noqa: E402
from threefactor.experiments.training.setup import Setup  # noqa: E402

GRADIENT = [name for name, kind in AGENTS.items() if issubclass(kind, GradientSettings)]
REPLAYED = {"hidden": (6, 5), "batch": 4, "learning_starts": 2, "update_every": 1}
#: Settings with which an agent learns within a few decisions.
SMALL = {
    "dqn": {**REPLAYED, "coding": "two-neurons"},
    "reparameterised": {"hidden": (5,)},
    "sequence-td3bc": {
        **REPLAYED,
        "length": 4,
        "stride": 2,
        "warm_up": 2,
        "critic_history": 1,
        "policy_delay": 1,
    },
    "td3": REPLAYED,
}
PENDULUM = {"env": "Pendulum-v1"}
HOVER = {"env": "Hover-v0", "window_ms": 3.0}
GUIDED = {"guide": "hover", "guided_first": 3, "guided_last": 1}
SYMBOLS = {"env": "GridWorld-v0", "env_kwargs": {"size": 3}}
CASES = {
    "numbers": ("dqn", {"env": "CartPole-v1"}),
    "symbols": ("dqn", SYMBOLS),
    "ordinary": ("dqn", {"env": "CartPole-v1", "neuron": "relu"}),
    "cells": ("dqn", {**SYMBOLS, "agent": {"coding": "cells"}}),
    "paper": ("dqn", {"env": "CartPole-v1", "neuron": "lif-discrete"}),
    "actions": ("td3", PENDULUM),
    "actions, ordinary": ("td3", {**PENDULUM, "neuron": "relu"}),
    "actions, paper": ("td3", {**PENDULUM, "neuron": "lif-discrete"}),
    "actions, proxy": ("td3", {**PENDULUM, "agent": {"has_proxy": True}}),
    "sequences": ("sequence-td3bc", HOVER),
    "sequences, own decays": (
        "sequence-td3bc",
        {**HOVER, "agent": {"heterogeneous": ["membrane_decay", "v_threshold"]}},
    ),
    "sequences, guided": ("sequence-td3bc", {**HOVER, "agent": GUIDED}),
    "sequences, corrected": ("sequence-td3bc", {**HOVER, "agent": {**GUIDED, "imitates": "guide"}}),
    "policy": ("reparameterised", SYMBOLS),
    "policy, shuffled": ("reparameterised", {**SYMBOLS, "control": "shuffled"}),
    "policy, score": ("reparameterised", {**SYMBOLS, "agent": {"estimator": "score"}}),
}


def small(agent, /, **settings):
    own = {"name": agent, **SMALL[agent], **settings.pop("agent", {})}
    return configure({"engine": "runtime-numpy", **settings, "agent": own})


def test_every_gradient_agent_is_tried():
    assert set(GRADIENT) == {agent for agent, _ in CASES.values()} == set(SMALL)


@pytest.mark.parametrize("case", CASES)
def test_every_gradient_agent_keeps_the_promises_of_agents(case):
    agent, settings = CASES[case]
    report = check_agent(small(agent, **settings))
    assert report.is_passed, report.report()
    assert not [result for result in report.results if result.status == "skipped"]


@pytest.mark.parametrize("engine", ["runtime-numpy", "compiled"])
def test_an_engine_decides_as_pytorch_does(engine):
    """Every membrane of 2000 decisions is that of the exact twin, after training."""
    config = small("dqn", env="CartPole-v1", engine=engine)
    setup = Setup.of(config)
    with setup.opened() as (environments, agent):
        loop = setup.begin_loop(environments, agent, 10)
        loop.run()
        learner = agent._learners[0]
        twin = learner.online.exact()
        generator = np.random.default_rng(0)
        for seen in generator.normal(size=(2000, 1, 4)):
            told = learner.coding.numbers(learner.scale, seen)
            expected, _ = twin(torch.as_tensor(told), learner.steps)
            found = agent._actor.outputs(told)
            assert np.array_equal(found, expected.detach().numpy())


@pytest.mark.parametrize("engine", ["runtime-numpy", "compiled"])
def test_an_engine_remembers_as_pytorch_does(engine):
    """Every membrane of a long episode is that of the exact twin, and a new one begins afresh."""
    own = {"heterogeneous": ["membrane_decay", "v_threshold"], "learning_rate": 0.3, **GUIDED}
    setup = Setup.of(small("sequence-td3bc", **HOVER, engine=engine, agent=own))
    with setup.opened() as (environments, agent):
        before = agent._learners[0].online.arrays()["layer1.membrane_decay"]
        setup.begin_loop(environments, agent, 2).run()
        (learner,), generator = agent._learners, np.random.default_rng(0)
        decays = learner.online.arrays()["layer1.membrane_decay"]
        assert np.any(decays != before)
        assert np.all((0.0 <= decays) & (decays <= 1.0))
        twin = learner.online.exact()
        for _ in range(2):
            agent._actor.begin_episodes(np.ones(1, bool))
            state = None
            for seen in generator.normal(size=(500, 1, 18)):
                told = learner.coding.numbers(learner.scale, seen)
                expected, state = twin(torch.as_tensor(told), learner.steps, state)
                found = agent._actor.outputs(told)
                assert np.array_equal(found, expected.detach().numpy())
                state = state.detach()


def test_a_termination_expects_nothing_and_a_truncation_does():
    """The update's goal is r + discount*Q'(s') of what goes on, and r of what has ended."""
    config = small("dqn", env="CartPole-v1")
    setup = Setup.of(config)
    with setup.opened() as (_, agent):
        (learner,) = agent._learners
        ends = [learner_goal(learner, terminated) for terminated in (True, False)]
    assert ends[0] == 1.0
    assert ends[1] != 1.0


def learner_goal(learner, terminated):
    observations = np.ones((1, 4))
    then = learner.told(observations)
    drawn = learner.goals(
        torch.tensor([1.0]),
        then,
        torch.tensor([terminated]),
        learner.online(then, learner.steps)[0],
    )
    return float(drawn[0])


@pytest.mark.parametrize(
    ("agent", "settings"),
    [
        ("dqn", {"env": "CartPole-v1"}),
        ("reparameterised", SYMBOLS),
        ("reparameterised", {**SYMBOLS, "agent": {"estimator": "score"}}),
    ],
)
def test_with_the_gradient_of_spikes_zero_the_readout_alone_learns(agent, settings):
    config = small(agent, **settings, control="zero", episodes=3)
    setup = Setup.of(config)
    with setup.opened() as (environments, agent):
        before = agent.weights()
        setup.begin_loop(environments, agent, 3).run()
        after = agent.weights()
    changed = {name for name in before if np.any(before[name] != after[name])}
    assert changed == {"to_output"}


def test_learning_rate_and_exploration_fall():
    config = small("dqn", env="CartPole-v1", episodes=4)
    with closing(Setup.of(config).open_environments()) as environments:
        agent = Setup.of(config).build_agent(environments)
    (learner,) = agent._learners
    rates = []
    for _ in range(4):
        learner.end_episode(0.0)
        rates.append(learner.optimisers["online"].param_groups[0]["lr"])
    settings = learner.settings
    assert rates[-1] == pytest.approx(settings.learning_rate * settings.learning_rate_end)
    assert np.allclose(np.diff(np.log(rates)), np.log(settings.learning_rate_end) / 4)
    learner.decisions = 10**6
    assert learner.epsilon == settings.epsilon_end
    agent.freeze()
    assert learner.epsilon == 0.0
    agent.close()


@pytest.mark.parametrize("case", ["numbers", "symbols", "cells"])
def test_a_gain_multiplies_all_that_is_told(case):
    agent, settings = CASES[case]
    told = []
    for gain in (1.0, 8.0):
        own = {**settings.get("agent", {}), "input_gain": gain}
        with Setup.of(small(agent, **{**settings, "agent": own})).opened() as (environments, made):
            coding, seen = made._coding, environments.observations
            told.append(coding.numbers(np.full_like(coding.initial_scale(), 2.0), seen))
    assert told[0].any()
    np.testing.assert_allclose(told[1], 8.0 * told[0])


def test_an_episode_is_run_again_with_the_spikes_it_had():
    """Membranes of all decisions of an episode at once, in PyTorch, are those of the engine."""
    setup = Setup.of(small("reparameterised", **SYMBOLS))
    with setup.opened() as (environments, agent):
        (learner,), membranes = agent._learners, []
        choose = learner.choose
        learner.choose = lambda output: membranes.append(output.copy()) or choose(output)
        learner.online = learner.online.exact()
        found = []

        def run_again(last, is_terminated):
            seen, moments = np.stack(learner.seen), np.array(learner.moments, float)
            learner.told = lambda shown: torch.as_tensor(learner.coding.numbers(None, shown))
            found.append(learner.run(seen, moments).detach().numpy())

        learner._update = run_again
        setup.begin_loop(environments, agent, 3).run()
    assert len(membranes) > 20
    assert np.ptp(np.concatenate(found)[:, 0]) > 0
    np.testing.assert_array_equal(np.concatenate(found), np.stack(membranes))


def exact_gradient(p, q, reward):
    """Return d/dp of the expected reward of a unit that is drawn with p, and acts by q[draw]."""
    return sum((2 * z - 1) * (q[z] * reward[1] + (1 - q[z]) * reward[0]) for z in (0, 1))


def test_scores_of_hidden_units_estimate_the_exact_gradient():
    """log P of the draws, times the reward, has the exact gradient as its mean."""
    from threefactor.models.differentiable.surrogate import Draw, log_probability

    generator = torch.Generator().manual_seed(0)
    n, q = 200_000, torch.tensor([0.2, 0.7], dtype=torch.float64)
    p = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    uniform = torch.rand(n, generator=generator, dtype=torch.float64)
    z = Draw.apply(p.expand(n), uniform, 1.0)
    action = torch.rand(n, generator=generator, dtype=torch.float64) < q[z.detach().long()]
    reward = torch.where(action, 3.0, -1.0).double()
    (log_probability(p.expand(n), z.detach()) * reward).mean().backward()
    expected = exact_gradient(0.4, q.tolist(), (-1.0, 3.0))
    assert float(p.grad) == pytest.approx(expected, rel=0.03)


def test_advantages_are_those_of_their_definition():
    setup = Setup.of(small("reparameterised", **SYMBOLS))
    with setup.opened() as (_, agent):
        (learner,) = agent._learners
        settings = learner.settings
        rewards, values = np.array([1.0, 0.0, 2.0]), np.array([0.5, 1.0, -1.0, 4.0])
        for is_terminated in (True, False):
            after = np.append(values[1:3], 0.0 if is_terminated else values[3])
            errors = rewards + settings.discount * after - values[:3]
            factor = settings.discount * settings.trace_decay
            expected = [sum(factor ** (k - t) * errors[k] for k in range(t, 3)) for t in range(3)]
            np.testing.assert_allclose(learner.advantages(rewards, values, is_terminated), expected)


def test_shuffled_advantages_are_the_agents_own_in_another_order():
    """Once the store has filled, what is heard are past advantages, each of them once."""
    setup = Setup.of(small("reparameterised", **SYMBOLS, control="shuffled"))
    with setup.opened() as (_, agent):
        (learner,) = agent._learners
        earlier, later = np.arange(1000.0), np.arange(1000.0, 3000.0)
        first = learner._swapped(learner.shuffled, earlier)
        np.testing.assert_array_equal(np.abs(first), earlier)
        heard = learner._swapped(learner.shuffled, later)
    assert len(set(heard)) == len(heard)
    assert set(heard) < set(earlier) | set(later)
    assert np.mean(heard == later) == 0.0


def test_scores_are_asked_of_neurons_that_draw():
    config = small(
        "reparameterised", **SYMBOLS, neuron="lif-soft-reset", agent={"estimator": "score"}
    )
    with pytest.raises(ValueError, match="expected neurons that draw their spikes.*SoftResetLIF"):
        Setup.of(config).regime()


def test_neurons_draw_for_themselves_what_they_have():
    with pytest.raises(ValueError, match=r"heterogeneous of SoftResetLIF.*Did you mean"):
        Setup.of(
            small("sequence-td3bc", **HOVER, agent={"heterogeneous": ["membrane_deca"]})
        ).regime()


def test_a_replica_alone_is_written_to():
    setup = Setup.of(small("dqn", env="CartPole-v1", replicas=2))
    with setup.opened() as (_, agent):
        before = agent.weights()["to_output"]
        agent._actor.network.load({"to_output.w": np.zeros(before.shape[1])}, 1)
        after = agent.weights()["to_output"]
    np.testing.assert_array_equal(after[0], before[0])
    assert not after[1].any()


@pytest.mark.parametrize(
    ("agent", "settings"),
    [("dqn", {"env": "CartPole-v1"}), ("dqn", {"env": "CartPole-v1", "neuron": "relu"}),
     ("reparameterised", SYMBOLS)],
)  # fmt: skip
def test_quantised_weights_are_those_of_the_exact_twin(agent, settings):
    """One definition for PyTorch and engines, graded weights included."""
    setup = Setup.of(small(agent, **settings)).frozen
    with setup.opened() as (_, live):
        (learner,) = live._learners
        before = live.weights()
        live.quantise(4)
        expected = learner.online.exact(bits=4).arrays()
        assert len(expected) == len(before) >= 2
        for name, found in live.weights().items():
            values = expected.get(f"{name}.w", expected.get(f"{name}.weight"))
            np.testing.assert_array_equal(found[0], values)
            assert len(np.unique(found)) <= 15
            assert not np.array_equal(found, before[name])


@pytest.mark.parametrize("engine", ["runtime-numpy", "compiled"])
def test_numbers_that_are_sent_are_recorded_beside_probes(engine):
    setup = Setup.of(
        small("dqn", env="CartPole-v1", neuron="relu", replicas=2, engine=engine, window_ms=8.0)
    )
    with setup.opened() as (_, agent):
        known = agent.recordables()
        assert dict(known.graded) == {"input": 9, "layer1": 6, "layer2": 5}
        agent.record(["layer1", "input"], [("layer2.activity", 3)])
        seen = np.array([[0.1, -0.2, 0.3, -0.4], [0.1, 0.2, 0.3, 0.4]])
        for _ in range(3):
            agent.act(seen, np.ones(2, bool))
        found = agent.drain()
        steps = 8
        assert found.probe_values.shape == (3 * steps, 1)
        assert set(found.graded) == {"layer1", "input"}
        starts, active = found.graded["input"]
        assert starts.tolist() == [0.0, 8.0, 16.0]
        assert active.tolist() == [[8, 0, 0, 8, 8, 0, 0, 8, 8]] * 3
        assert found.graded["layer1"][1].shape == (3, 6)
        agent.record(["layer1"], [])
        agent.act(seen, np.ones(2, bool))
        assert set(agent.drain().graded) == {"layer1"}
        agent.record([], [])
        agent.act(seen, np.ones(2, bool))
        assert agent.drain().graded == {}
