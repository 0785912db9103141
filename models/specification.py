"""A network as data: populations, projections and initial values, for one agent; no Brian2 here."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np

from threefactor.models.neurons.contract import NeuronModel
from threefactor.naming import check_choice
from threefactor.rules.contract import RESET_POLICIES, Rule, defined_variables
from threefactor.rules.delays import LATE_SIDE, delay_steps
from threefactor.rules.updates import WeightUpdate


@dataclass(frozen=True)
class Uniform:
    """Values drawn from U(low, high)."""

    low: float
    high: float

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
    heterogeneity : mapping of str to float, default empty
        Parameter name (unit suffix stripped) -> relative standard deviation; the parameter is then
        drawn for each neuron from N(value, sd*|value|), clipped to keep its sign.
    times_first_spike : bool, default False
        Keep the time of each neuron's first spike of a window, for the first-to-spike decoder.
    modules : (size,) int array or None
        Action that each neuron stands for, for rules that compare its activity with the decision.
    """

    name: str
    size: int
    neuron: NeuronModel
    resets: str = "episode"
    heterogeneity: Mapping[str, float] = field(default_factory=dict)
    times_first_spike: bool = False
    modules: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for an empty population or an unknown reset policy."""
        if self.size < 1:
            raise ValueError(f"Population {self.name!r} needs at least 1 neuron, got {self.size}.")
        if self.resets not in RESET_POLICIES:
            raise ValueError(
                f"Population {self.name!r}: resets must be one of {RESET_POLICIES}, "
                f"got {self.resets!r}."
            )


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
    """A modulator made of neurons: what they compute reaches other neurons in every timestep.

    Equations
    ---------
    after the threshold test: destination_i <- sum over links j -> i of weight_ji*variable_j

    so that the plasticity of the same timestep reads it. It takes the place of what the host
    delivers: `Network.consolidate` leaves such a third factor as it is.

    Parameters
    ----------
    name, source, target : str
        Its own name and the names of the two populations.
    variable : str
        Dimensionless variable of the source neurons, for example ``"td_error"``.
    pre, post : (n_links,) int arrays
        Neuron indices within one agent.
    weights : float or (n_links,) array, default 1.0
        Fixed; a signed vector sends each neuron its own modulator (feedback alignment, e-prop).
    into : str, default "third_factor"
        The third factor of all rules at the target, or ``"<projection>.<variable>"``: a variable
        that the rule of one projection keeps on its postsynaptic neurons.
    """

    name: str
    source: str
    target: str
    variable: str
    pre: np.ndarray
    post: np.ndarray
    weights: float | np.ndarray = 1.0
    into: str = "third_factor"


@dataclass(frozen=True)
class NetworkSpec:
    """A whole network of one agent.

    Parameters
    ----------
    populations, projections, modulations : tuples
        What the network is made of.
    input, output : str
        Population that receives rates, population whose spikes are decoded.
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
        """Raise ValueError if a projection names an unknown population, port or neuron index."""
        if not (math.isfinite(self.timestep_ms) and self.timestep_ms > 0):
            raise ValueError(f"NetworkSpec.timestep_ms must be > 0 ms, got {self.timestep_ms}.")
        kinds = (self.populations, self.projections, self.modulations)
        names = [part.name for kind in kinds for part in kind]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"NetworkSpec: the name {name!r} is used twice.")
        for projection in self.projections:
            _check_projection(self, projection)
        destinations = [(m.target, m.into) for m in self.modulations]
        for modulation in self.modulations:
            _check_modulation(self, modulation)
            if destinations.count((modulation.target, modulation.into)) > 1:
                raise ValueError(
                    f"Modulation {modulation.name!r}: {modulation.into!r} of {modulation.target!r} "
                    "has two sources; give one modulation the links of both."
                )

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


def _check_projection(spec: NetworkSpec, projection: Projection) -> None:
    where = f"Projection {projection.name!r}"
    source, target = spec.population(projection.source), spec.population(projection.target)
    _check_indices(where, projection.pre, projection.post, source, target)
    if projection.port not in target.neuron.ports:
        raise ValueError(
            f"{where}: {type(target.neuron).__name__} has no port {projection.port!r}; "
            f"it has: {', '.join(target.neuron.ports) or 'none'}."
        )
    delay_steps(where, projection.rule, projection.delay_ms, projection.delay, spec.timestep_ms)
    if np.any(np.asarray(projection.w_min) > np.asarray(projection.w_max)):
        raise ValueError(f"{where}: w_min must not exceed w_max.")
    _check_constraints(where, projection, target)
    if projection.rule is not None:
        missing = set(projection.rule.requires) - set(target.neuron.exposes)
        if missing:
            raise ValueError(
                f"{where}: {type(projection.rule).__name__} needs {sorted(missing)} of the "
                f"postsynaptic neuron; {type(target.neuron).__name__} exposes "
                f"{', '.join(target.neuron.exposes) or 'nothing'}. "
                f"Choose a neuron that exposes them (`python run.py list neurons`)."
            )
        units = defined_variables(target.neuron.equations)
        for variable, unit in projection.rule.required_units.items():
            if units.get(variable, unit) != unit:
                raise ValueError(
                    f"{where}: {type(projection.rule).__name__} needs {variable} in {unit}; that "
                    f"of {type(target.neuron).__name__} has unit {units[variable]}. Choose a "
                    "neuron whose membrane is a voltage."
                )
        waits_for_spikes = projection.rule.on_post or projection.rule.post_on_spike
        if waits_for_spikes and not target.neuron.threshold:
            raise ValueError(
                f"{where}: {type(projection.rule).__name__} acts on postsynaptic spikes and "
                f"{type(target.neuron).__name__} never spikes. Choose a neuron that does, or a "
                f"rule without on_post and post_on_spike, such as td-critic."
            )


def _check_constraints(where: str, projection: Projection, target: Population) -> None:
    """Raise ValueError for bounds that the update cannot use, or a sum that weights cannot have."""
    low = np.broadcast_to(np.asarray(projection.w_min, float), projection.n_synapses)
    high = np.broadcast_to(np.asarray(projection.w_max, float), projection.n_synapses)
    if projection.update.needs_bounds and not np.all(np.isfinite(high - low) & (low < high)):
        raise ValueError(
            f"{where}: {type(projection.update).__name__} needs finite bounds with w_min < w_max "
            f"for every synapse, got {low.min()} to {high.max()}."
        )
    total = projection.incoming_sum
    if total is None:
        return
    if not math.isfinite(total) or total == 0:
        raise ValueError(f"{where}.incoming_sum must be finite and not 0, got {total}.")
    if not (np.all(low >= 0) if total > 0 else np.all(high <= 0)):
        raise ValueError(
            f"{where}.incoming_sum = {total} needs weights of its own sign at every synapse, "
            f"got bounds {low.min()} to {high.max()}."
        )
    sums = [np.bincount(projection.post, bound, target.size) for bound in (low, high)]
    has_input = np.bincount(projection.post, minlength=target.size) > 0
    if np.any(has_input & ((total < sums[0]) | (total > sums[1]))):
        reach = f"{sums[0][has_input].max():g} to {sums[1][has_input].min():g}"
        raise ValueError(
            f"{where}.incoming_sum must be within what the bounds of each neuron's weights add up "
            f"to, {reach}, got {total}."
        )


def _check_modulation(spec: NetworkSpec, modulation: Modulation) -> None:
    where = f"Modulation {modulation.name!r}"
    source, target = spec.population(modulation.source), spec.population(modulation.target)
    _check_indices(where, modulation.pre, modulation.post, source, target)
    variables = {v for v, unit in defined_variables(source.neuron.equations).items() if unit == "1"}
    if modulation.variable not in variables:
        raise ValueError(
            f"{where}: {type(source.neuron).__name__} has no dimensionless variable "
            f"{modulation.variable!r}; it has: {', '.join(sorted(variables)) or 'none'}."
        )
    if not np.all(np.isfinite(modulation.weights)) or np.shape(modulation.weights) not in (
        (), np.shape(modulation.pre),
    ):  # fmt: skip
        raise ValueError(
            f"{where}.weights must be finite, one number or one for each of the "
            f"{len(modulation.pre)} links, got shape {np.shape(modulation.weights)}."
        )
    rules = {p.name: p.rule for p in spec.projections if p.rule and p.target == target.name}
    destinations = ["third_factor"] * bool(rules)
    for name, rule in rules.items():
        destinations += [f"{name}.{v}" for v in defined_variables(rule.post_equations)]
    if modulation.into not in destinations:
        raise ValueError(
            f"{where}: cannot write {modulation.into!r} at {target.name!r}; rules there have: "
            f"{', '.join(destinations) or 'nothing, no plastic projection ends there'}."
        )


def _check_indices(
    where: str, pre: np.ndarray, post: np.ndarray, source: Population, target: Population
) -> None:
    if len(pre) != len(post) or len(pre) == 0:
        raise ValueError(
            f"{where}: pre and post must be equally long and not empty, "
            f"got {len(pre)} and {len(post)}."
        )
    for side, index, group in (("pre", pre, source), ("post", post, target)):
        if np.min(index) < 0 or np.max(index) >= group.size:
            raise ValueError(
                f"{where}.{side} must index 0 to {group.size - 1} of {group.name!r}, "
                f"got {np.min(index)} to {np.max(index)}."
            )
