"""`check_agent`: what every agent promises, tried beside the environment that it is to run in."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.agents.contract import Agent
from threefactor.agents.seeds import replica_seeds
from threefactor.envs.bridge.batch import Environments
from threefactor.envs.bridge.outcome import Outcome
from threefactor.experiments.checks.report import Broken, CheckReport, NotApplicable, try_out
from threefactor.experiments.configuration import RunConfig
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.setup import Setup

#: Length of the trials, several episodes, and where they are cut: within the second episode.
DECISIONS, EPISODE, CUT = 18, 6, 9
REPLICAS = 2
#: At most so many trials of truncation.
TRIALS = 4
FOREVER = 10**9

Weights = Mapping[str, NDArray[np.float64]]


def check_agent(config: RunConfig) -> CheckReport:
    """Return what holds of the promises that every agent makes.

    Parameters
    ----------
    config : RunConfig
        Its environment, agent, parts and engine are tried, in short episodes with two replicas.

    Raises
    ------
    ValueError
        If the agent cannot be built.
    """
    start = time.perf_counter()
    setup = replace(
        Setup.of(config), seeds=replica_seeds(config.options.seed, REPLICAS),
        max_episode_steps=EPISODE,
    )  # fmt: skip
    results = tuple(try_out(promise, setup) for promise in PROMISES)
    seconds = time.perf_counter() - start
    engines = (config.options.engine,)
    return CheckReport("agent", type(setup.agent).__name__, results, seconds, engines)


class Trace(Observer):
    """Keeps, bit for bit, what each replica saw, did and got in every decision."""

    def __init__(self, replicas: int) -> None:
        self.rows: list[list[tuple[bytes, ...]]] = [[] for _ in range(replicas)]

    def decided(self, loop: ClosedLoop, outcome: Outcome) -> None:
        """Keep the decision of everybody involved."""
        columns = (
            outcome.observations, outcome.actions, outcome.rewards, outcome.terminated,
            outcome.truncated, outcome.acting,
        )  # fmt: skip
        for replica in np.flatnonzero(loop.tally.involved).tolist():
            self.rows[replica].append(tuple(column[replica].tobytes() for column in columns))


@dataclass(frozen=True)
class Life:
    """What happened to each replica, and the weights that it was left with."""

    rows: list[list[tuple[bytes, ...]]]
    weights: Weights

    def differs(self, other: "Life", replica: int, other_replica: int) -> str:
        """Return what tells a replica of one life from a replica of another; "": nothing does."""
        for number, (one, two) in enumerate(
            zip(self.rows[replica], other.rows[other_replica], strict=True), start=1
        ):
            if one != two:
                return f"another decision {number} of {len(self.rows[replica])}"
        for name, weights in self.weights.items():
            if not np.array_equal(weights[replica], other.weights[name][other_replica]):
                return f"other weights {name}"
        return ""


def _begin(setup: Setup, environments: Environments, agent: Agent) -> tuple[ClosedLoop, Trace]:
    trace = Trace(len(setup.seeds))
    seeds = [seed.env for seed in setup.seeds]
    return ClosedLoop.begin(agent, environments, FOREVER, seeds, [trace]), trace


def _live(setup: Setup, decisions: int = DECISIONS) -> Life:
    with setup.opened() as (environments, agent):
        loop, trace = _begin(setup, environments, agent)
        _decide(loop, decisions)
        return Life(trace.rows, agent.weights())


def _decide(loop: ClosedLoop, decisions: int) -> None:
    for _ in range(decisions):
        loop.decide()


def _others(setup: Setup) -> Setup:
    seeds = tuple(replace(seed, network=seed.network ^ 1, decoder=seed.decoder ^ 1,
                          weights=seed.weights ^ 1) for seed in setup.seeds)  # fmt: skip
    return replace(setup, seeds=seeds)


def actions_valid(setup: Setup) -> str:
    """Every action lies in the action space of the environment."""
    with setup.opened() as (environments, agent):
        loop, space = _begin(setup, environments, agent)[0], environments.action_space
        involved = loop.tally.involved
        for number in range(1, DECISIONS + 1):
            actions = agent.act(environments.observations, involved)
            if len(actions) != len(setup.seeds):
                raise Broken(f"expected {len(setup.seeds)} actions, got {len(actions)}")
            for action in actions.reshape(len(setup.seeds), *(space.shape or ())):
                if not space.contains(action):
                    raise Broken(f"decision {number}: expected one of {space}, got {action!r}")
            agent.learn(environments.step(actions), involved)
            if not environments.is_running.all():
                break
    return f"{number} decisions"


def deterministic(setup: Setup) -> str:
    """Two agents with the same seeds do and learn the same, bit for bit."""
    one, two = _live(setup), _live(setup)
    for replica in range(REPLICAS):
        if found := one.differs(two, replica, replica):
            raise Broken(f"expected the same twice, got {found} in replica {replica}")
    return f"{DECISIONS} decisions"


def seeded(setup: Setup) -> str:
    """Agents with other seeds, in the same environment, do or learn something else."""
    one, two = _live(setup), _live(_others(setup))
    found = one.differs(two, 0, 0)
    if not found:
        raise Broken("expected seeds to matter, got the same actions and weights; draw from them")
    return found


def replicas_independent(setup: Setup) -> str:
    """Each replica does and learns what a single agent with its seeds would."""
    together = _live(setup)
    for replica in range(REPLICAS):
        alone = _live(replace(setup, seeds=setup.seeds[replica : replica + 1]))
        if found := together.differs(alone, replica, 0):
            raise Broken(f"expected replica {replica} as it is alone, got {found}")
    return f"{REPLICAS} replicas"


def resumes_exactly(setup: Setup) -> str:
    """Restored in mid-episode, an agent goes on as if it had never stopped, bit for bit."""
    whole = _live(setup)
    with setup.opened() as (environments, agent):
        loop, trace = _begin(setup, environments, agent)
        _decide(loop, CUT)
        if not loop.tally.lengths.any():
            raise NotApplicable("no episode was open when the trial was cut")
        saved, rows = loop.state(), [list(row) for row in trace.rows]
        _decide(loop, DECISIONS - CUT)  # what happens later must not reach into the state
    other = _others(setup)
    with other.opened() as (environments, agent):
        loop, trace = _begin(other, environments, agent)
        loop.restore(saved)
        _decide(loop, DECISIONS - CUT)
        rows = [before + after for before, after in zip(rows, trace.rows, strict=True)]
        resumed = Life(rows, agent.weights())
    for replica in range(REPLICAS):
        if found := whole.differs(resumed, replica, replica):
            raise Broken(f"expected what never stopped, got {found} in replica {replica}")
    return f"after decision {CUT} of {DECISIONS}"


def state_is_plain(setup: Setup) -> str:
    """Dicts and lists of arrays, numbers and strings make up the state."""
    with setup.opened() as (environments, agent):
        loop, _ = _begin(setup, environments, agent)
        _decide(loop, CUT)
        return f"{_count_plain(agent.state(), 'state')} entries"


def _count_plain(value: Any, where: str) -> int:
    if isinstance(value, Mapping):
        return sum(_count_plain(item, f"{where}[{key!r}]") for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return sum(_count_plain(item, f"{where}[{i}]") for i, item in enumerate(value))
    is_array = isinstance(value, np.ndarray) and not value.dtype.hasobject
    if not (is_array or value is None or isinstance(value, (bool, int, float, str, np.generic))):
        raise Broken(f"{where}: expected an array, number or string, got {type(value).__name__}")
    return 1


def frozen_twin(setup: Setup) -> str:
    """With the control "frozen", and after `freeze`, no weight changes."""
    for frozen, is_built_frozen in ((setup.frozen, True), (setup, False)):
        with frozen.opened() as (environments, agent):
            loop, _ = _begin(frozen, environments, agent)
            if not is_built_frozen:
                _decide(loop, CUT)
                agent.freeze()
            before = agent.weights()
            _decide(loop, DECISIONS)
            for name, weights in agent.weights().items():
                if not np.array_equal(weights, before[name]):
                    how = "built with control frozen" if is_built_frozen else "after freeze()"
                    raise Broken(f"expected unchanged weights {name}, {how}; they changed")
    return f"{DECISIONS} decisions"


class ShortEpisodes(Environments):
    """Episodes of so many decisions, one length for each replica, that all end in one way.

    Every decision earns 1, and whatever else ends an episode counts as that way too.
    """

    def __init__(self, setup: Setup, lengths: list[int], is_truncated: bool) -> None:
        super().__init__(setup.env, len(lengths), env_kwargs=setup.env_kwargs)
        self._lengths, self._is_truncated = np.array(lengths), is_truncated
        self._steps = np.zeros(len(lengths), int)

    def step(self, actions: NDArray[Any]) -> Outcome:
        """Step, and replace what is earned and what ends."""
        outcome = super().step(actions)
        self._steps += outcome.acting
        ends = outcome.acting & ((self._steps >= self._lengths) | outcome.ends)
        for replica in np.flatnonzero(ends).tolist():
            self._running[replica] = False
        outcome.rewards = outcome.acting.astype(float)
        outcome.truncated = ends & self._is_truncated
        outcome.terminated = ends & (not self._is_truncated)
        return outcome

    def reset_where(self, mask: NDArray[np.bool_]) -> NDArray[Any]:
        """Begin new episodes."""
        self._steps[mask] = 0
        return super().reset_where(mask)


@contextmanager
def _short(setup: Setup, lengths: list[int], is_truncated: bool) -> Iterator[ClosedLoop]:
    """Give a loop of one short episode for each replica."""
    with closing(ShortEpisodes(setup, lengths, is_truncated)) as environments:
        with closing(setup.build_agent(environments)) as agent:
            seeds = [seed.env for seed in setup.seeds]
            yield ClosedLoop.begin(agent, environments, 1, seeds)


def resting_unchanged(setup: Setup) -> str:
    """While others go on, a replica whose episodes are done keeps what it learned."""
    kept: dict[str, NDArray] = {}
    decisions = -1
    with _short(setup, [2, EPISODE], is_truncated=False) as loop:
        while not loop.tally.is_finished:
            loop.decide()
            if not loop.tally.done[0]:
                continue
            decisions += 1
            for name, weights in loop.agent.weights().items():
                if not np.array_equal(weights[0], kept.setdefault(name, weights[0])):
                    raise Broken(f"expected unchanged weights {name} of a replica that rests")
    return f"{decisions} decisions"


def truncation(setup: Setup) -> str:
    """From a truncation, an agent that estimates values learns another thing."""
    has_learned = False
    for seed in range(
        0, TRIALS * REPLICAS, REPLICAS
    ):  # one trial may end where nothing is expected
        trial = replace(setup, seeds=replica_seeds(seed, REPLICAS))
        start, truncated = _learned(trial, is_truncated=True)
        _, terminated = _learned(trial, is_truncated=False)
        has_learned |= any(np.any(terminated[name] != start[name]) for name in start)
        different = [name for name in start if np.any(terminated[name] != truncated[name])]
        if different:
            return f"weights {', '.join(different)} differ"
    if not has_learned:
        raise NotApplicable("nothing was learned in the trials")
    raise Broken(
        "expected the value of the last observation to count after a truncation, got the weights "
        "that a termination leaves; is it learned from, and is the critic silent?"
    )


def _learned(setup: Setup, is_truncated: bool) -> tuple[Weights, Weights]:
    """Return the weights before and after short episodes that end in one way."""
    with _short(setup, [3] * REPLICAS, is_truncated) as loop:
        if not loop.agent.estimates_values:
            raise NotApplicable("it estimates no values")
        start = loop.agent.weights()
        # One that waits for one more window hears other noise from its second episode on.
        loop.continue_until(1 if loop.agent.needs_bootstrap else 5)
        loop.run()
        return start, loop.agent.weights()


PROMISES = (
    actions_valid, deterministic, seeded,
    replicas_independent, resumes_exactly, state_is_plain,
    frozen_twin, resting_unchanged, truncation,
)  # fmt: skip
