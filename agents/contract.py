"""The agent contract: what acts and learns, whatever it is that learns in it.

The loop knows nothing else of an agent:

    actions = agent.act(observations, involved)
    outcome = environments.step(actions)
    agent.learn(outcome, involved)
    agent.end_episodes(mask, returns)            where episodes have ended

`AgentSettings` is what a user chooses; its `build` returns the `Agent` at work: R independent
replicas, of which replica r does what a single agent built with its seeds would do. What agents
promise is tried by `experiments.checks.agents.check_agent`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import ArrayLike, NDArray

from threefactor.agents.seeds import Seeds
from threefactor.envs.bridge.outcome import Outcome

Mask = NDArray[np.bool_]
#: A variable and the element of it that is sampled, such as ("policy.w", 12).
Probe = tuple[str, int]


@dataclass(frozen=True)
class Connection:
    """Which neurons the synapses of a projection connect: synapse i goes from pre[i] to post[i]."""

    pre: ArrayLike
    post: ArrayLike
    n_pre: int
    n_post: int


@dataclass(frozen=True)
class Recordables:
    """What can be recorded of replica 0, as plain data.

    Attributes
    ----------
    populations : dict of str to int
        Name -> number of neurons, of those that spike.
    probes : dict of str to int
        Variable -> number of elements that can be sampled.
    weights : dict of str to Connection
        Name -> what it connects, for what `Agent.weights` gives.
    graded : dict of str to int
        Name -> number of neurons, of populations that send numbers to others instead of spikes.
    """

    populations: Mapping[str, int] = field(default_factory=dict)
    probes: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, Connection] = field(default_factory=dict)
    graded: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Recording:
    """What was recorded of replica 0 since the last time it was asked for.

    Attributes
    ----------
    spikes : dict of str to (times_ms, neurons)
        Population -> both (n_spikes,).
    probe_times_ms : (n_samples,)
    probe_values : (n_samples, n_probes)
    graded : dict of str to (times_ms, active)
        Population that sends numbers -> where windows begin, (n_windows,), and in how many of
        their timesteps each neuron sent another number than 0, (n_windows, n_neurons).
    """

    spikes: Mapping[str, tuple[NDArray, NDArray]]
    probe_times_ms: NDArray
    probe_values: NDArray
    graded: Mapping[str, tuple[NDArray, NDArray]] = field(default_factory=dict)


@dataclass(frozen=True)
class Vitals:
    """What a population of one replica did in a number of decisions; see `Agent.vitals`.

    Attributes
    ----------
    decisions : int
    seconds : float
        Simulated time of these decisions.
    spikes : (n_neurons,)
        Of each neuron; empty: they do not spike.
    has_fired : (n_neurons,) bool
        Whether a neuron has fired since the replica began.
    third_factor : (float, float)
        The lowest and the highest that it heard; NaN: it heard none.
    at_bounds : float
        Share of the weights it learns by that have come to a bound; NaN: it learns by none.
    not_finite : int
        Weights and third factors that are no numbers.
    """

    decisions: int
    seconds: float
    spikes: NDArray[np.float64]
    has_fired: NDArray[np.bool_]
    third_factor: tuple[float, float]
    at_bounds: float
    not_finite: int


class Agent(ABC):
    """R independent replicas that act and learn.

    A replica is involved in a decision if it is within an episode, or if it is shown the last
    observation of one that was truncated (see `needs_bootstrap`). The others rest: what they have
    learned is the same after the decision as before it.

    Attributes
    ----------
    needs_bootstrap : bool
        Whether a truncated replica is to be shown its last observation for one more decision, in
        which it does not act, before its episode ends.
    estimates_values : bool
        Whether what is expected of the next state counts in learning. Then a truncation must teach
        something else than a termination, after which there is nothing to expect.
    shared : str
        What all replicas have in common, so that they cannot run apart; empty: nothing.
    """

    needs_bootstrap: bool = False
    estimates_values: bool = False
    shared: str = ""

    @abstractmethod
    def act(self, observations: NDArray[Any], involved: Mask) -> NDArray[Any]:
        """Decide on the actions of every replica; those of replicas that do not act are ignored.

        Parameters
        ----------
        observations : (R, ...)
        involved : (R,) bool

        Returns
        -------
        (R,) for a Discrete action space, (R, n_dimensions) for a Box
        """

    @abstractmethod
    def learn(self, outcome: Outcome, involved: Mask) -> None:
        """Learn from what the actions of the last `act` led to."""

    @abstractmethod
    def end_episodes(self, mask: Mask, returns: NDArray[np.float64]) -> None:
        """Close the episodes of the marked replicas; what they start next starts afresh.

        Parameters
        ----------
        mask : (R,) bool
        returns : (R,) float
            The environment's own metric of the episodes that end.
        """

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return everything that changes: nested dicts and lists of arrays, numbers and strings.

        Taken between two decisions, such that an agent that goes on from it equals one that never
        stopped, bit for bit; nothing that happens later reaches into it.

        Raises
        ------
        FloatingPointError
            If a number has become NaN.
        """

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""

    @abstractmethod
    def adopt(self, state: Mapping[str, Any]) -> None:
        """Take over what another agent has learned from its `state`, and nothing else of it."""

    def begin_with(self, weights: Mapping[str, NDArray[np.float64]]) -> None:
        """Begin with weights that were learned before, name -> (R, n), where the names are known.

        Raises
        ------
        ValueError
            If there are other numbers of them, none of these names, or nothing that has weights.
        """
        raise ValueError(f"{type(self).__name__} has no weights to begin with.")

    def quantise(self, bits: int) -> None:
        """Act from now on with weights of so few bits (`models.grid.quantise`).

        What is learned afterwards is not rounded: call `freeze` first.

        Raises
        ------
        ValueError
            If weights cannot have so many bits, or there are none.
        """
        raise ValueError(f"{type(self).__name__} has no weights to quantise.")

    @abstractmethod
    def freeze(self) -> None:
        """Learn no more from now on."""

    @abstractmethod
    def weights(self) -> dict[str, NDArray[np.float64]]:
        """Return copies of everything that is learned in connections, name -> (R, n)."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return plain data for the records of a run, its "engine" among them.

        Lists have an entry for each replica.
        """

    @abstractmethod
    def close(self) -> None:
        """Free what is held outside Python."""

    @property
    @abstractmethod
    def now_ms(self) -> float:
        """Time that the agent has lived, ms."""

    def recordables(self) -> Recordables:
        """Return what `record` can record; by default nothing."""
        return Recordables()

    def choose_probes(self, count: int, observations: NDArray[Any]) -> list[Probe]:
        """Return what is worth sampling of `count` synapses of replica 0, by default nothing.

        Parameters
        ----------
        observations : (R, ...)
            The first ones: synapses that they drive are worth more than others.
        """
        return []

    def record(self, populations: Sequence[str], probes: Sequence[Probe]) -> None:  # noqa: B027
        """Record these and nothing else of replica 0 from now on; see `recordables`.

        Parameters
        ----------
        populations : sequence of str
            Those that spike, and graded ones.
        probes : sequence of Probe
        """

    def drain(self) -> Recording:
        """Return and forget what was recorded since the last call."""
        return Recording({}, np.zeros(0), np.zeros((0, 0)))

    def vitals(self, replica: int, decisions: int) -> dict[str, Vitals]:
        """Return what the populations of a replica did since this was last returned, by name.

        Empty, and nothing is forgotten, before so many decisions have passed; by default always.
        """
        return {}

    def appraise(self, observation: Any) -> tuple[NDArray[np.float64], float] | None:
        """Return what replica 0 makes of an observation, in no context; None if it cannot say.

        It is not to learn from it: call `freeze` first.

        Returns
        -------
        preferences : (n_actions,)
        value : float
            0 where none is estimated.
        """
        return None


@dataclass(frozen=True)
class AgentOptions:
    """Settings of a run that every kind of agent gets.

    Parameters
    ----------
    window_ms, timestep_ms : float
        Simulated time of a decision; integration step.
    engine : str
        See `models.engine.open_engine`.
    control : str
        none; frozen: it does not learn; shuffled, permuted or zero: what it learns from carries
        no information (see `agents.plastic.controls`).
    episodes : int
        Episodes of each replica in the run, for what moves over it.
    """

    window_ms: float
    timestep_ms: float
    engine: str = "auto"
    control: str = "none"
    episodes: int = 1


@dataclass(frozen=True)
class AgentSettings(ABC):
    """Base of every kind of agent: its own settings, and the parts that it is made of."""

    #: Dataclass of the parts that it takes, each under its name in the configuration.
    parts: ClassVar[type]
    #: Raises ImportError, in one line, where a package that it needs is missing; None: none is.
    needs: ClassVar[Callable[[], object] | None] = None
    #: Settings of a run and of the parts that fit it, where nobody chooses them.
    fitting: ClassVar[Mapping[str, Any]] = {}

    def greedy(self, parts: Any) -> Any:
        """Return parts whose decisions have no noise but that of the neurons, for evaluation.

        Raises
        ------
        ValueError
            If there are none.
        """
        raise ValueError(
            f"{type(self).__name__}.greedy: this agent does not say how it decides without noise; "
            "define `greedy`, or evaluate without --greedy."
        )

    def regime(
        self, parts: Any, options: AgentOptions, spaces: tuple[gym.Space, gym.Space]
    ) -> dict[str, Any]:
        """Return what its plausibility is judged by (`analysis.plausibility`), without building.

        Empty, the default: nothing can be judged. What it returns `Agent.describe` has as well,
        as "regime".
        """
        return {}

    def size(
        self, parts: Any, options: AgentOptions, spaces: tuple[gym.Space, gym.Space]
    ) -> tuple[int, int]:
        """Return how many neurons and synapses one replica has, without building it.

        What a run will take is estimated from it; (0, 0), the default: nobody can say.
        """
        return 0, 0

    @abstractmethod
    def build(
        self,
        parts: Any,
        options: AgentOptions,
        spaces: tuple[gym.Space, gym.Space],
        seeds: Sequence[Seeds],
        say: Callable[[str], None] | None = None,
    ) -> Agent:
        """Return the agent at work.

        Parameters
        ----------
        parts : instance of `self.parts`
        options : AgentOptions
        spaces : (observation space, action space) of a single environment
        seeds : one for each replica
        say : callable, optional
            Receives lines about the building, by default standard error.

        Raises
        ------
        ValueError
            If a part does not fit a space or another part.
        """
