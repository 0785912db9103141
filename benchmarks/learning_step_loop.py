"""Worker: steps of learning of a gradient-trained agent, one for each request (`pacing`).

python learning_step_loop.py ALGORITHM KIND

ALGORITHM is dqn (CartPole-v1, batch 64) or td3 (Pendulum-v1, batch 256), two hidden layers of 64.
KIND is

ours      `--agent dqn` or `td3` with spiking neurons, what it draws, learns and follows
sb3       Stable-Baselines3 with an ordinary network of the same size
spiking   what a spiking network alone takes: forward and backward of one batch, as long as a window
ordinary  the same of an ordinary network
"""

import sys
from collections.abc import Callable
from typing import Any

import torch
from pacing import Pacer

HIDDEN, KEPT, STEPS = 64, 2000, 6
ENVIRONMENTS = {"dqn": "CartPole-v1", "td3": "Pendulum-v1"}
BATCHES = {"dqn": 64, "td3": 256}


def ours(algorithm: str) -> Callable[[], Any]:
    """Return a step of our agent, which has seen random actions."""
    learner = _learner(algorithm, KEPT)
    return learner.update


def stable_baselines(algorithm: str) -> Callable[[], Any]:
    """Return a step of the agent of Stable-Baselines3, likewise."""
    from stable_baselines3 import DQN, TD3

    make: Any = {"dqn": DQN, "td3": TD3}[algorithm]
    size = BATCHES[algorithm]
    model = make(
        "MlpPolicy", ENVIRONMENTS[algorithm], batch_size=size, device="cpu",
        learning_starts=10 * KEPT, policy_kwargs={"net_arch": [HIDDEN] * 2},
    )  # fmt: skip
    model.learn(KEPT)
    return lambda: model.train(gradient_steps=1, batch_size=size)


def spiking(algorithm: str) -> Callable[[], Any]:
    """Return forward and backward of the agent's spiking network."""
    learner = _learner(algorithm)
    network, steps = learner.online, learner.steps
    return _both(network, lambda told: network(told, steps)[0], network.n_inputs, algorithm)


def ordinary(algorithm: str) -> Callable[[], Any]:
    """Return the same of an ordinary network of the same layers."""
    network = _learner(algorithm).online
    layers = torch.nn.Sequential(
        torch.nn.Linear(network.n_inputs, HIDDEN), torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, HIDDEN), torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, network.n_outputs),
    )  # fmt: skip
    return _both(layers, layers, network.n_inputs, algorithm)


def _both(
    network: torch.nn.Module, call: Callable[[torch.Tensor], torch.Tensor], n: int, algorithm: str
) -> Callable[[], None]:
    told = torch.randn(BATCHES[algorithm], n)

    def step() -> None:
        network.zero_grad()
        call(told).square().mean().backward()

    return step


def _learner(algorithm: str, kept: int = 1) -> Any:
    """Return a learner that keeps so many decisions and has learned nothing."""
    import checkout  # noqa: F401

    from threefactor.experiments.layers import configure
    from threefactor.experiments.training.setup import Setup

    own = {
        "hidden": [HIDDEN] * 2, "batch": BATCHES[algorithm], "learning_starts": 10 * KEPT,
        "coding": "two-neurons",
    }  # fmt: skip
    config = configure(
        env=ENVIRONMENTS[algorithm], agent={"name": algorithm, **own},
        window_ms=float(STEPS), episodes=KEPT,
    )  # fmt: skip
    setup = Setup.of(config)
    environments = setup.open_environments()
    agent: Any = setup.build_agent(environments)
    loop: Any = setup.begin_loop(environments, agent, config.options.episodes)
    (learner,) = agent._learners
    while len(learner.replay) < kept:
        loop.decide()
    return learner


KINDS = {"ours": ours, "sb3": stable_baselines, "spiking": spiking, "ordinary": ordinary}


def main(algorithm: str, kind: str) -> None:
    """Take steps on request."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    step = KINDS[kind](algorithm)
    pacer = Pacer()
    while pacer.is_wanted():
        step()


if __name__ == "__main__":
    main(*sys.argv[1:])
