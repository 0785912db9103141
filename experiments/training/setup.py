"""What a run is made of, to be built as often as needed: here a configuration is taken apart."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from threefactor.agents.contract import Agent, AgentOptions, AgentSettings
from threefactor.agents.ensemble import Ensemble
from threefactor.agents.seeds import Seeds, replica_seeds
from threefactor.envs.bridge.batch import Environments
from threefactor.experiments.configuration import RunConfig
from threefactor.experiments.parts.environments import find_environment
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.observers import Observer

Spaces = tuple[gym.Space, gym.Space]


@dataclass(frozen=True)
class Setup:
    """How to build the environments and the agent of a run, and those it is compared with.

    Attributes
    ----------
    env, env_kwargs, max_episode_steps
        See `Environments`.
    changed_kwargs : mapping
        Arguments in which the environments differ from the one that the agent is built for, which
        has `env_kwargs`.
    agent : AgentSettings
    parts : instance of ``agent.parts``
    options : AgentOptions
    seeds : tuple of Seeds
        One for each replica.
    render_mode : str or None
        Of the first replica's environment.
    each : tuple of (AgentSettings, parts)
        Of each replica, if they are agents of their own; empty: all are one, of `parts`.
    weights : dict of str to (n_seeds, n_synapses)
        What the agents begin with, by projection; empty: with weights that are drawn.
    """

    env: str | EnvSpec
    env_kwargs: Mapping[str, Any]
    max_episode_steps: int | None
    agent: AgentSettings
    parts: Any
    options: AgentOptions
    seeds: tuple[Seeds, ...]
    render_mode: str | None = None
    each: tuple[tuple[AgentSettings, Any], ...] = ()
    weights: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    changed_kwargs: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, config: RunConfig) -> Self:
        """Return what a configuration says of environments and agent."""
        run = config.options
        count = run.replicas if config.are_apart else 1
        each = [_taken_apart(config.parts_of(replica)) for replica in range(count)]
        options = AgentOptions(
            run.window_ms, run.timestep_ms, run.engine, run.control, run.episodes
        )
        return cls(
            find_environment(run.env), run.env_kwargs, run.max_episode_steps, *each[0], options,
            replica_seeds(run.seed, run.replicas), each=tuple(each) if config.are_apart else (),
        )  # fmt: skip

    @property
    def frozen(self) -> Self:
        """The same with learning off: the untrained twin."""
        return replace(self, options=replace(self.options, control="frozen"))

    @property
    def greedy(self) -> Self:
        """The same without noise in the decisions; ValueError if the agent has no such parts."""
        each = tuple((agent, agent.greedy(parts)) for agent, parts in self.each)
        return replace(self, parts=self.agent.greedy(self.parts), each=each)

    @contextmanager
    def opened(
        self, say: Callable[[str], None] | None = None
    ) -> Iterator[tuple[Environments, Agent]]:
        """Give environments and agent, which are closed when the block is left."""
        with closing(self.open_environments(say=say)) as environments:
            with closing(self.build_agent(environments, say)) as agent:
                yield environments, agent

    def begin_loop(
        self,
        environments: Environments,
        agent: Agent,
        episodes: int,
        observers: Sequence[Observer] = (),
    ) -> ClosedLoop:
        """Return the loop of a training at the first observation of every replica."""
        seeds = [seed.env for seed in self.seeds]
        return ClosedLoop.begin(agent, environments, episodes, seeds, observers)

    def open_environments(
        self, replicas: int | None = None, say: Callable[[str], None] | None = None
    ) -> Environments:
        """Return the replicas of the environment; by default as many as there are seeds."""
        return Environments(
            self.env, replicas or len(self.seeds),
            env_kwargs={**self.env_kwargs, **self.changed_kwargs},
            max_episode_steps=self.max_episode_steps, render_mode=self.render_mode, say=say,
        )  # fmt: skip

    def regime(self) -> dict[str, Any]:
        """Return what the agent's plausibility is judged by, without building it."""
        with closing(self.open_environments(replicas=1)) as environments:
            spaces = (environments.observation_space, environments.action_space)
            return self.agent.regime(self.parts, self.options, spaces)

    def build_agent(
        self, environments: Environments, say: Callable[[str], None] | None = None
    ) -> Agent:
        """Return the agent, bound to the spaces of its environments; see `AgentSettings.build`."""
        with ExitStack() as opened:
            agent = opened.enter_context(closing(self._build_agent(environments, say)))
            if self.weights:
                agent.begin_with(self.weights)
            opened.pop_all()
        return agent

    def _build_agent(self, environments: Environments, say: Callable[[str], None] | None) -> Agent:
        spaces = self._spaces(environments)
        if not self.each:
            return self.agent.build(self.parts, self.options, spaces, self.seeds, say)
        with ExitStack() as opened:
            members: list[Agent] = []
            for (agent, parts), seed in zip(self.each, self.seeds, strict=True):
                told = say if not members else _say_nothing  # the others would say the same
                member = agent.build(parts, self.options, spaces, [seed], told)
                members.append(opened.enter_context(closing(member)))
            ensemble = Ensemble(members)
            opened.pop_all()
        return ensemble

    def _spaces(self, environments: Environments) -> Spaces:
        """Return the spaces that the agent is built for; ValueError if it cannot act in these."""
        seen = environments.observation_space, environments.action_space
        if not self.changed_kwargs:
            return seen
        unchanged = replace(self, changed_kwargs={})
        with closing(unchanged.open_environments(replicas=1)) as own:
            spaces = own.observation_space, own.action_space
        for what, here, there in zip(("observations", "actions"), spaces, seen, strict=True):
            if _form(here) != _form(there):
                told = ", ".join(f"{name}={value}" for name, value in self.changed_kwargs.items())
                raise ValueError(
                    f"env_kwargs {told}: the agent was trained for {what} {here}, these are "
                    f"{there}; leave out what changes them."
                )
        return spaces


def _form(space: gym.Space) -> Any:
    """Return what of a space an agent depends on: all of it, but not where numbers are bounded."""
    return space.shape if isinstance(space, gym.spaces.Box) else space


def _say_nothing(line: str) -> None:
    pass


def _taken_apart(parts: Mapping[str, Any]) -> tuple[AgentSettings, Any]:
    """Return the agent of a configuration's parts, and those that it takes."""
    agent = parts["agent"]
    return agent, agent.parts(**{f.name: parts[f.name] for f in fields(agent.parts)})
