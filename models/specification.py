"""A network as data: populations, projections and initial values, for one agent; no Brian2 here."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np

from threefactor.models.consistency import check_network
from threefactor.models.neurons.contract import NeuronModel
from threefactor.naming import check_choice
from threefactor.rules.contract import RESET_POLICIES, Rule
from threefactor.rules.delays import LATE_SIDE
from threefactor.rules.updates import WeightUpdate


@dataclass(frozen=True)
class Uniform:
    """Values drawn from U(low, high)."""

    low: float
    high: float

    def __post_init__(self) -> None:
        """Raise ValueError for an empty interval."""
        if not self.low <= self.high:
            raise ValueError(f"Uniform: expected low <= high, got {self.low} and {self.high}.")

    def draw(self, generator: np.random.Generator, size: int) -> np.ndarray:
        """Return ``(size,)`` values."""
        return generator.uniform(self.low, self.high, size)


@dataclass(frozen=True)
class Normal:
    """Values drawn from N(mean, sd)."""

    mean: float
    sd: float

    def draw(self, generator: np.random.Generator, size: int) -> np.ndarray:
        """Return ``(size,)`` values."""
        return generator.normal(self.mean, self.sd, size)


@dataclass(frozen=True)
class Population:
    """A group of equal neurons of one agent.

    Parameters
    ----------
    name : str
        Identifier, unique in the network.
    size : int
        Number of neurons of one agent, >= 1.
    neuron : NeuronModel
        Equations and parameters.
    resets : str, default "episode"
        When the neurons' state returns to its initial value: "keep", "episode" or "decision".
    heterogeneity : mapping of str to float or Uniform, default empty
        Parameter name (unit suffix stripped) -> relative standard deviation; the parameter is then
        drawn for each neuron from N(value, sd*|value|), clipped to keep its sign. Or where values
        are drawn from, in SI units. With 0.0 neurons begin with equal values of their own, which
        the host can write and gradients move. All are clipped to the neuron model's `bounds`.
    times_first_spike : bool, default False
        Keep the time of each neuron's first spike of a window, for the first-to-spike decoder.
    modules : (size,) int array or None
        Action that each neuron stands for, for rules that compare its activity with the decision.
    valence : (size,) array of +1 and -1, or None
        Sign with which each neuron hears the scalar third factor of the host. Those of a critic
        count in its value with the same sign, so that values may be negative. None: all +1.
    is_divisive : bool, default False
        Whether the value of a critic of both valences is divided by what all of it did.
    """

    name: str
    size: int
    neuron: NeuronModel
    resets: str = "episode"
    heterogeneity: Mapping[str, float | Uniform] = field(default_factory=dict)
    times_first_spike: bool = False
    modules: np.ndarray | None = None
    valence: np.ndarray | None = None
    is_divisive: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for an empty population, an unknown reset policy, odd modules."""
        if self.size < 1:
            raise ValueError(f"Population {self.name!r} needs at least 1 neuron, got {self.size}.")
        if self.resets not in RESET_POLICIES:
            raise ValueError(
                f"Population {self.name!r}: resets must be one of {RESET_POLICIES}, "
                f"got {self.resets!r}."
            )
        kind = np.asarray(self.modules).dtype.kind
        if self.modules is not None and (
            np.shape(self.modules) != (self.size,) or kind not in "iu"
        ):
            raise ValueError(
                f"Population {self.name!r}.modules: expected ({self.size},) integers, the action "
                f"of each neuron from 0, got {np.shape(self.modules)} of kind {kind!r}."
            )
        if self.valence is not None and (
            np.shape(self.valence) != (self.size,) or {*np.unique(self.valence)} != {-1, 1}
        ):
            raise ValueError(
                f"Population {self.name!r}.valence: expected ({self.size},) signs, +1 and -1, some "
                f"of each, got {np.shape(self.valence)} with {np.unique(self.valence)[:5]}."
            )
        if self.is_divisive and self.valence is None:
            raise ValueError(f"Population {self.name!r}: is_divisive needs a valence.")


@dataclass(frozen=True)
class Projection:
    """Synapses from one population to another of the same agent.

    Parameters
    ----------
    name, source, target : str
        Its own name and the names of the two populations.
    pre, post : (n_synapses,) int arrays
        Neuron indices within one agent.
    weights : Uniform, Normal or (n_synapses,) array
        Initial weights, clipped to the bounds.
    w_min, w_max : float or (n_synapses,) array, default -inf, inf
        Hard bounds per synapse; Dale's law is a bound at zero (see `dale_bounds`).
    port : str, default "current"
        Port of the target neuron that a spike enters.
    rule : Rule or None
        Plasticity rule; None: fixed weights.
    delay_ms : float, default 0
        From a presynaptic spike to its effect on the postsynaptic neuron, for every synapse, ms;
        a multiple of the timestep.
    delay : {"axonal", "dendritic"}
        Where the delay lies, which decides what the rule calls coincident (`rules.delays`).
        Axonal: the synapse sees presynaptic spikes (``on_pre``, traces of the presynaptic neuron)
        ``delay_ms`` late and postsynaptic ones at once. Dendritic, as in NEST: the other way
        round, and the spike still reaches the postsynaptic neuron ``delay_ms`` late.
    update : WeightUpdate
        How the rule's changes become weights: as they are (the default), soft bounds, Adam.
    incoming_sum : float or None
        Sum of each target neuron's weights, as far as their bounds allow: of the initial weights,
        and restored at every consolidation and trial end. Rules that move weights within a decision
        window (at spikes, or on a weight clock of their own) have it restored when the window ends.
        Needs weights of one sign.
    """

    name: str
    source: str
    target: str
    pre: np.ndarray
    post: np.ndarray
    weights: Uniform | Normal | np.ndarray
    w_min: float | np.ndarray = -math.inf
    w_max: float | np.ndarray = math.inf
    port: str = "current"
    rule: Rule | None = None
    delay_ms: float = 0.0
    update: WeightUpdate = field(default_factory=WeightUpdate)
    incoming_sum: float | None = None
    delay: str = "axonal"

    @property
    def late_side(self) -> str:
        """The side whose spikes the synapse sees late: "pre", "post" or, without delay, ""."""
        return LATE_SIDE[self.delay] if self.delay_ms else ""

    @property
    def n_synapses(self) -> int:
        """Number of synapses of one agent."""
        return len(self.pre)


@dataclass(frozen=True)
class Modulation:
    """Graded links: what neurons compute reaches other neurons in every timestep, without spikes.

    Equations
    ---------
    destination_i <- sum over links j -> i of weight_ji*variable_j

    right before it is read: a third factor, or what a rule declares, after the threshold test, so
    that the plasticity of the same timestep reads it; a variable of the neurons when the timestep
    begins, so that they integrate it. A third factor takes the place of what the host delivers:
    `Network.consolidate` leaves it as it is.

    Parameters
    ----------
    name, source, target : str
        Its own name and the names of the two populations.
    variable : str
        Dimensionless variable of the source neurons, for example ``"td_error"``.
    pre, post : (n_links,) int arrays
        Neuron indices within one agent.
    weights : float, (n_links,) array, Uniform or Normal, default 1.0
        No rule moves them, and the host may write them (``"<name>.weight"``); a signed vector sends
        each neuron its own modulator (feedback alignment, e-prop).
    into : str, default "third_factor"
        The third factor of all rules at the target; ``"<projection>.<variable>"``: a variable
        that the rule of one projection declares in its `host_writes`; or a dimensionless variable
        of the target neurons that nothing else writes, such as ``"drive"`` of lif-discrete.
    """

    name: str
    source: str
    target: str
    variable: str
    pre: np.ndarray
    post: np.ndarray
    weights: float | np.ndarray | Uniform | Normal = 1.0
    into: str = "third_factor"

    @property
    def n_links(self) -> int:
        """Number of links of one agent."""
        return len(self.pre)


@dataclass(frozen=True)
class NetworkSpec:
    """A whole network of one agent.

    Parameters
    ----------
    populations, projections, modulations : tuples
        What the network is made of.
    input, output : str, default "input", "actor"
        Population that is told rates, spike times or numbers (see `NeuronModel.takes`);
        population whose spikes, or readout, are decoded.
    critic : str or None
        Population whose activity is the value estimate.
    timestep_ms : float, default 1.0
        Integration step, ms, > 0.
    """

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    input: str = "input"
    output: str = "actor"
    critic: str | None = None
    timestep_ms: float = 1.0
    modulations: tuple[Modulation, ...] = ()

    def __post_init__(self) -> None:
        """Raise TypeError or ValueError for parts that break their contract or do not fit."""
        if not (math.isfinite(self.timestep_ms) and self.timestep_ms > 0):
            raise ValueError(f"NetworkSpec.timestep_ms must be > 0 ms, got {self.timestep_ms}.")
        check_network(self)

    def population(self, name: str) -> Population:
        """Return the population called `name`; ValueError with a suggestion if there is none."""
        known = {p.name: p for p in self.populations}
        check_choice("population", name, known)
        return known[name]


class Pairs(TypedDict):
    """Neuron indices of a projection, as its keyword arguments."""

    pre: np.ndarray
    post: np.ndarray


class Bounds(TypedDict):
    """Weight bounds of a projection, as its keyword arguments."""

    w_min: float | np.ndarray
    w_max: float | np.ndarray


def all_to_all(n_pre: int, n_post: int, *, self_connections: bool = True) -> Pairs:
    """Return ``{"pre": ..., "post": ...}`` of every pair, presynaptic neuron by neuron."""
    pre, post = np.divmod(np.arange(n_pre * n_post), n_post)
    keep = slice(None) if self_connections else pre != post
    return {"pre": pre[keep], "post": post[keep]}


def dale_bounds(signs: np.ndarray, pre: np.ndarray, w_limit: float) -> Bounds:
    """Return bounds that keep each weight the sign (+1 or -1) of its presynaptic neuron."""
    sign = np.asarray(signs)[pre]
    return {"w_min": np.where(sign > 0, 0.0, -w_limit), "w_max": np.where(sign > 0, w_limit, 0.0)}
