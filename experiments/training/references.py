"""What a learning curve is compared with: random, the untrained twin, the optimum."""

import dataclasses
from typing import Any

import gymnasium as gym
import numpy as np

from threefactor.envs.bridge.batch import Environments
from threefactor.envs.gridworld import GridWorld
from threefactor.experiments.configuration import RunConfig
from threefactor.experiments.training.agent import (
    Agent,
    build_agent,
    make_environments,
    replica_seeds,
)
from threefactor.experiments.training.loop import ClosedLoop, Episode

POLICY_WINDOWS = 20


class Returns:
    """Observer that keeps the declared metric of every episode."""

    def __init__(self, is_discounted: bool) -> None:
        self._is_discounted = is_discounted
        self.values: list[float] = []
        self.lengths: list[int] = []

    def decided(self, loop: ClosedLoop, actions: Any, rewards: Any) -> None:
        """Ignore decisions."""

    def finished(self, loop: ClosedLoop, episode: Episode) -> None:
        """Keep the return."""
        self.values.append(episode.discounted if self._is_discounted else episode.total)
        self.lengths.append(episode.length)


def reference_returns(config: RunConfig, environments: Environments) -> dict[str, float]:
    """Return label -> mean return of the agents that a trained one must beat, and the optimum."""
    env = environments.env
    references = {}
    if isinstance(env, GridWorld):
        uniform = np.full((env.observation_space.n, env.action_space.n), 1 / env.action_space.n)
        references["random agent (exact)"] = float(env.policy_return(uniform))
    else:
        references["random agent"] = random_return(config)
    if config.options.control == "none":
        references["untrained twin"] = float(np.mean(frozen_returns(config).values))
    if hasattr(env, "optimal_return"):
        references["optimum"] = float(env.optimal_return)
    return references


def random_return(config: RunConfig) -> float:
    """Return the mean return of uniformly random actions."""
    single = dataclasses.replace(config.options, replicas=1)
    config = dataclasses.replace(config, options=single)
    environments = make_environments(config)
    seed = replica_seeds(config)[0]
    environments.action_space.seed(seed.evaluation)
    environments.reset([seed.evaluation])
    returns = []
    for _ in range(config.options.reference_episodes):
        total, discount = 0.0, 1.0
        while environments.is_running[0]:
            action = np.asarray([environments.action_space.sample()])
            _, rewards, _, _ = environments.step(action)
            total += discount * rewards[0]
            discount *= environments.return_discount
        returns.append(total)
        environments.reset_where(np.array([True]))
    environments.close()
    return float(np.mean(returns))


def frozen_returns(
    config: RunConfig,
    weights: dict[str, np.ndarray] | None = None,
    encoder_state: dict[str, Any] | None = None,
    schedule_state: dict[str, Any] | None = None,
    seed: int | None = None,
) -> Returns:
    """Return the episodes of the frozen twin: same seeds, same build, plasticity off.

    Parameters
    ----------
    weights : dict of array name to (n,) array, optional
        Trained weights in place of the initial ones.
    encoder_state : dict, optional
        What an adaptive encoder has learned.
    schedule_state : dict, optional
        Where a schedule has come to; it then stays there.
    seed : int, optional
        Seed of replica 0's environment, seed + r of replica r's; default: the evaluation stream.
    """
    options = dataclasses.replace(
        config.options, control="frozen", episodes=config.options.reference_episodes
    )
    config = dataclasses.replace(config, options=options)
    environments = make_environments(config)
    agent = build_agent(config, environments)
    for name, value in (weights or {}).items():
        agent.network.engine.array(name)[...] = value
    if encoder_state:
        agent.encoder.restore(encoder_state)
    if schedule_state:
        agent.schedule.hold(schedule_state)
    returns = Returns(environments.return_discount < 1.0)
    streams = replica_seeds(config)
    seeds = [s.evaluation if seed is None else seed + r for r, s in enumerate(streams)]
    loop = ClosedLoop(agent, environments, options.episodes, seeds, returns)
    while not loop.is_finished:
        loop.decide()
    agent.close()
    environments.close()
    return returns


def policy_arrays(
    config: RunConfig, agent: Agent, environments: Environments
) -> dict[str, Any] | None:
    """Return what the trained network does in every state of a gridworld; None for other worlds.

    The network is shown each state for `POLICY_WINDOWS` windows, from its initial state, without
    learning; preferences are mean spike counts of the action populations of replica 0.
    """
    env = environments.env
    space = environments.observation_space
    if not isinstance(env, GridWorld) or not isinstance(space, gym.spaces.Discrete):
        return None
    network, everyone = agent.network, np.ones(agent.network.replicas, dtype=bool)
    network.freeze()  # the run is over; what is shown now must teach nothing
    preferences = np.zeros((space.n, agent.n_actions))
    values = np.zeros(space.n)
    modulator = config.parts["modulator"]
    for state in range(space.n):
        observations = np.full(network.replicas, state)
        rates = agent.encoder.encode(observations)
        for _ in range(POLICY_WINDOWS):
            network.start_episode(everyone)
            counts = network.advance(rates, agent.window_steps)[0]
            preferences[state] += counts.reshape(agent.n_actions, -1).sum(axis=1)
            if "values" in modulator.requires:
                values[state] += modulator.value_gain * network.values()[0] + modulator.value_offset
        if agent.reads_features:
            scaled = rates / agent.encoder.rates_range_hz[1]
            values[state] = POLICY_WINDOWS * agent.modulator.value(scaled)[0]
    return {
        "preferences": preferences / POLICY_WINDOWS,
        "values": values / POLICY_WINDOWS,
        "optimal_policy": env.optimal_policy(),
        "optimal_values": env.optimal_values(),
        **grid_layout(env),
    }


def grid_layout(env: GridWorld) -> dict[str, Any]:
    """Return shape, walls, start and goal of a gridworld."""
    cells = "".join(env.rows)
    return {
        "shape": np.array([len(env.rows), len(env.rows[0])]),
        "walls": np.array([cell == "#" for cell in cells]),
        "start": env.start_state,
        "goal": np.flatnonzero([cell == "G" for cell in cells]),
    }
