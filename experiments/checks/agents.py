"""`check_agent`: what every agent promises, tried beside the environment that it is to run in."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        Its environment, agent, parts and engine are tried, in short episodes of two replicas that
        are rewarded by chance.

    Raises
    ------
    ValueError
        If the agent cannot be built.
    """
    start = time.perf_counter()
    seeds = replica_seeds(config.options.seed, REPLICAS)
    setup = replace(Setup.of(config), seeds=seeds, max_episode_steps=EPISODE)
    with _trial(setup):
        pass
    results = tuple(try_out(promise, setup) for promise in PROMISES)
    seconds = time.perf_counter() - start
    engines = (config.options.engine,)
    return CheckReport("agent", type(setup.agent).__name__, results, seconds, engines)


class TrialEnvironments(Environments):
    """Environments that reward by chance, so that there is something to learn in few decisions.

    Parameters
    ----------
    lengths : sequence of int, optional
        Episodes of each replica end after so many decisions, if not before.
    is_truncated : bool, optional
        Whether every end is a truncation or a termination, whatever the environment says.
    """

    def __init__(
        self, setup: Setup, lengths: Sequence[int] = (), is_truncated: bool | None = None
    ) -> None:
        n_replicas = len(setup.seeds)
        super().__init__(
            setup.env, n_replicas, env_kwargs=setup.env_kwargs,
            max_episode_steps=setup.max_episode_steps,
        )  # fmt: skip
        self._lengths = np.array(lengths or [FOREVER] * n_replicas)
        self._is_truncated = is_truncated
        self._steps = np.zeros(n_replicas, int)

    def reset(self, seeds: Sequence[int]) -> NDArray[Any]:
        """Begin, with rewards drawn from the seeds."""
        self._generators = [np.random.default_rng(seed) for seed in seeds]
        return super().reset(seeds)

    def reset_where(self, mask: NDArray[np.bool_]) -> NDArray[Any]:
        """Begin new episodes."""
        self._steps[mask] = 0
        return super().reset_where(mask)

    def step(self, actions: NDArray[Any]) -> Outcome:
        """Step, and replace what is earned and how episodes end."""
        outcome = super().step(actions)
        for replica in np.flatnonzero(outcome.acting).tolist():
            outcome.rewards[replica] = self._generators[replica].normal()
        self._steps += outcome.acting
        is_late = outcome.acting & (self._steps >= self._lengths)
        self._run(self._running & ~is_late)
        ends = outcome.ends | is_late
        if self._is_truncated is not None:
            outcome.truncated = ends & self._is_truncated
            outcome.terminated = ends & (not self._is_truncated)
        return outcome

    def state(self) -> dict[str, Any]:
        """Save rewards to come and steps as well."""
        generators = [dict(generator.bit_generator.state) for generator in self._generators]
        return {**super().state(), "generators": generators, "steps": self._steps.copy()}

    def restore(self, state: Mapping[str, Any], is_trusted: bool = False) -> dict[int, str]:
        """Go back to what `state` returned."""
        for generator, saved in zip(self._generators, state["generators"], strict=True):
            generator.bit_generator.state = saved
        self._steps = state["steps"].copy()
        return super().restore(state, is_trusted)


@contextmanager
def _trial(
    setup: Setup, lengths: Sequence[int] = (), is_truncated: bool | None = None
) -> Iterator[ClosedLoop]:
    """Give a loop without end, or of one episode for each replica if they have lengths."""
    with closing(TrialEnvironments(setup, lengths, is_truncated)) as environments:
        with closing(setup.build_agent(environments)) as agent:
            trace, episodes = Trace(len(setup.seeds)), 1 if lengths else FOREVER
            yield setup.begin_loop(environments, agent, episodes, [trace])


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
    """What happened to each replica, and the weights that it began and ended with."""

    rows: list[list[tuple[bytes, ...]]]
    start: Weights
    weights: Weights

    @property
    def learned(self) -> list[str]:
        """Names of the weights that have changed."""
        return [name for name in self.start if np.any(self.start[name] != self.weights[name])]

    def difference(self, other: "Life", replica: int, other_replica: int) -> str:
        """Return what tells a replica of one life from a replica of another; "": nothing does."""
        pairs = zip(self.rows[replica], other.rows[other_replica], strict=True)
        for number, (one, two) in enumerate(pairs, start=1):
            if one != two:
                return f"another decision {number} of {len(self.rows[replica])}"
        for name, weights in self.weights.items():
            if not np.array_equal(weights[replica], other.weights[name][other_replica]):
                return f"other weights {name}"
        return ""


def _decide(loop: ClosedLoop, decisions: int) -> Life:
    start = loop.agent.weights()
    for _ in range(decisions):
        loop.decide()
    (trace,) = loop.observers
    assert isinstance(trace, Trace)
    return Life([list(row) for row in trace.rows], start, loop.agent.weights())


def _live(setup: Setup) -> Life:
    with _trial(setup) as loop:
        return _decide(loop, DECISIONS)


def actions_valid(setup: Setup) -> str:
    """Every action lies in the action space of the environment."""
    with _trial(setup) as loop:
        environments, involved = loop.environments, loop.tally.involved
        space, replicas, number = environments.action_space, len(setup.seeds), 0
        while number < DECISIONS and environments.is_running.all():
            number += 1
            actions = loop.agent.act(environments.observations, involved)
            for action in actions.reshape(replicas, *(space.shape or ())):
                if not space.contains(action):
                    raise Broken(f"decision {number}: expected one of {space}, got {action!r}")
            loop.agent.learn(environments.step(actions), involved)
    return f"{number} decisions"


def deterministic(setup: Setup) -> str:
    """Two agents with the same seeds do and learn the same, bit for bit."""
    one, two = _live(setup), _live(setup)
    for replica in range(REPLICAS):
        if found := one.difference(two, replica, replica):
            raise Broken(f"expected the same twice, got {found} in replica {replica}")
    return f"{DECISIONS} decisions"


def seeded(setup: Setup) -> str:
    """Agents with other seeds, in the same environment, do or learn something else."""
    others = tuple(
        replace(s, network=s.network ^ 1, decoder=s.decoder ^ 1, weights=s.weights ^ 1)
        for s in setup.seeds
    )
    found = _live(setup).difference(_live(replace(setup, seeds=others)), 0, 0)
    if not found:
        raise Broken("expected seeds to matter, got the same actions and weights; draw from them")
    return found


def replicas_independent(setup: Setup) -> str:
    """Each replica does and learns what a single agent with its seeds would."""
    together = _live(setup)
    for replica in range(REPLICAS):
        alone = _live(replace(setup, seeds=setup.seeds[replica : replica + 1]))
        if found := together.difference(alone, replica, 0):
            raise Broken(f"expected replica {replica} as it is alone, got {found}")
    return f"{REPLICAS} replicas"


def resumes_exactly(setup: Setup) -> str:
    """Restored in mid-episode, an agent goes on as if it had never stopped, bit for bit."""
    whole = _live(setup)
    with _trial(setup) as loop:
        before = _decide(loop, CUT)
        if not loop.tally.lengths.any():
            raise NotApplicable("no episode was open when the trial was cut")
        state = loop.state()
        _decide(loop, DECISIONS - CUT)  # what happens later must not reach into the state
    with _trial(setup) as loop:
        loop.restore(state)
        after = _decide(loop, DECISIONS - CUT)
    rows = [first + then for first, then in zip(before.rows, after.rows, strict=True)]
    resumed = Life(rows, before.start, after.weights)
    for replica in range(REPLICAS):
        if found := whole.difference(resumed, replica, replica):
            raise Broken(f"expected what never stopped, got {found} in replica {replica}")
    return f"after decision {CUT} of {DECISIONS}"


def state_is_plain(setup: Setup) -> str:
    """Dicts and lists of arrays, numbers and strings make up the state."""
    with _trial(setup) as loop:
        _decide(loop, CUT)
        return f"{_count_plain(loop.agent.state(), 'state')} entries"


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
    learned = _live(setup).learned
    if not learned:
        raise NotApplicable("nothing was learned in the trial")
    if changed := _live(setup.frozen).learned:
        raise Broken(f"control frozen: expected unchanged weights, {', '.join(changed)} changed")
    with _trial(setup) as loop:
        _decide(loop, CUT)
        loop.agent.freeze()
        if changed := _decide(loop, DECISIONS).learned:
            raise Broken(f"freeze: expected unchanged weights, {', '.join(changed)} changed")
    return f"{', '.join(learned)} would have changed"


def resting_unchanged(setup: Setup) -> str:
    """While others go on, a replica whose episodes are done keeps what it learned."""
    kept: dict[str, NDArray] = {}
    decisions = -1
    with _trial(setup, [2, EPISODE], is_truncated=False) as loop:
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
    for seed in range(0, TRIALS * REPLICAS, REPLICAS):  # one trial may end where none is expected
        trial = replace(setup, seeds=replica_seeds(seed, REPLICAS))
        truncated, terminated = (_short_life(trial, is_truncated) for is_truncated in (True, False))
        has_learned |= bool(terminated.learned)
        ends = zip(truncated.weights.items(), terminated.weights.values(), strict=True)
        if different := [name for (name, one), two in ends if np.any(one != two)]:
            return f"weights {', '.join(different)} differ"
    if not has_learned:
        raise NotApplicable("nothing was learned in the trials")
    raise Broken(
        "expected the value of the last observation to count after a truncation, got the weights "
        "that a termination leaves; is it learned from, and is the critic silent?"
    )


def _short_life(setup: Setup, is_truncated: bool) -> Life:
    """Return the life of short episodes that all end in one way."""
    with _trial(setup, [3] * REPLICAS, is_truncated) as loop:
        agent, start = loop.agent, loop.agent.weights()
        if not agent.estimates_values:
            raise NotApplicable("it estimates no values")
        # One that waits for one more window hears other noise from its second episode on.
        loop.continue_until(1 if agent.needs_bootstrap else 5)
        loop.run()
        return Life([], start, agent.weights())


PROMISES = (
    actions_valid, deterministic, seeded, replicas_independent, resumes_exactly, state_is_plain,
    frozen_twin, resting_unchanged, truncation,
)  # fmt: skip
