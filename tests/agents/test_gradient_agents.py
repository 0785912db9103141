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
SMALL = {"hidden": (6, 5), "batch": 4, "learning_starts": 2, "update_every": 1}
#: Agent -> cases, each the settings of a run; `own` are those of the agent.
CASES = {
    "dqn": {
        "numbers": {"env": "CartPole-v1"},
        "symbols": {"env": "GridWorld-v0", "env_kwargs": {"size": 3}},
        "ordinary": {"env": "CartPole-v1", "neuron": "relu"},
        "paper": {"env": "CartPole-v1", "neuron": "lif-discrete"},
    },
    "td3": {
        "numbers": {"env": "Pendulum-v1"},
        "ordinary": {"env": "Pendulum-v1", "neuron": "relu"},
        "paper": {"env": "Pendulum-v1", "neuron": "lif-discrete"},
        "proxy": {"env": "Pendulum-v1", "own": {"has_proxy": True}},
    },
}


def small(agent, own=None, **settings):
    chosen = {"name": agent, **SMALL, **(own or {})}
    return configure({"engine": "runtime-numpy", **settings, "agent": chosen})


def test_every_gradient_agent_has_cases():
    assert set(CASES) == set(GRADIENT)


@pytest.mark.parametrize(("agent", "case"), [(a, case) for a in CASES for case in CASES[a]])
def test_every_gradient_agent_keeps_the_promises_of_agents(agent, case):
    report = check_agent(small(agent, **CASES[agent][case]))
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


def test_with_the_gradient_of_spikes_zero_the_readout_alone_learns():
    config = small("dqn", env="CartPole-v1", control="zero", episodes=3)
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
        learner.end_episode()
        rates.append(learner.optimisers["online"].param_groups[0]["lr"])
    settings = learner.settings
    assert rates[-1] == pytest.approx(settings.learning_rate * settings.learning_rate_end)
    assert np.allclose(np.diff(np.log(rates)), np.log(settings.learning_rate_end) / 4)
    learner.decisions = 10**6
    assert learner.epsilon == settings.epsilon_end
    agent.freeze()
    assert learner.epsilon == 0.0
    agent.close()
