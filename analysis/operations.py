"""What a decision costs on neuromorphic hardware: spikes, synaptic operations, sparsity, bytes.

The metrics of NeuroBench (Yik et al. 2025, Nat. Commun. 16:1545), where a model execution is a
decision. They are counted in the later half of the recorded episodes of replica 0, with the weights
of the last snapshot. Only what the decision needs is counted: populations from which links lead to
the output. A critic that no link joins to it is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.plausibility import windows_of
from threefactor.analysis.run_data import EventKind, Run, Spikes

#: Of the engines' weights and parameters.
FULL_BITS = 64
#: What synaptic operations are called among the facts.
OPERATIONS = "operations per decision"


@dataclass(frozen=True)
class Links:
    """Synapses from one population to another, as they count here.

    Attributes
    ----------
    source, target : str
    is_graded : bool
        Whether numbers are sent, which weights multiply, and not spikes.
    pre : (n_synapses,)
        Presynaptic neurons.
    weights : (n_synapses,)
    """

    source: str
    target: str
    is_graded: bool
    pre: NDArray[np.integer]
    weights: NDArray[np.float64]


@dataclass(frozen=True)
class Operations:
    """What a decision of an agent costs.

    Attributes
    ----------
    decisions : int
        That were counted; numbers are means over them.
    spikes : dict of str to float
        Population -> spikes of a decision.
    accumulates, multiply_accumulates : float
        Effective synaptic operations: a spike, or a number other than 0, meets a weight other than
        0. A spike's weight is added; a number's is multiplied first.
    dense : float
        Synaptic operations if every neuron sent something in every timestep.
    activation_sparsity : float or None
        Share of timesteps in which neurons behind the input send nothing; None: none sends.
    connection_sparsity : float
        Share of weights that are 0.
    weights : int
    weight_bits : int
    parameter_bytes : int
        Footprint of weights and of what neurons have of their own.
    execution_rate_hz : float
        Decisions in a second of simulated time.
    """

    decisions: int
    spikes: Mapping[str, float]
    accumulates: float
    multiply_accumulates: float
    dense: float
    activation_sparsity: float | None
    connection_sparsity: float
    weights: int
    weight_bits: int
    parameter_bytes: int
    execution_rate_hz: float

    def lines(self) -> list[str]:
        """Return the counts as text, below a line that says what they are."""
        return [
            f"cost (mean of {self.decisions} decisions):",
            *(f"  {name:23}  {text}" for name, text in self.facts().items()),
        ]

    def facts(self) -> dict[str, str]:
        """Return what is counted -> what was found, in words."""
        by_population = ", ".join(f"{name} {count:.1f}" for name, count in self.spikes.items())
        sparsity = self.activation_sparsity
        sent = "nothing but the input sends" if sparsity is None else f"activations {sparsity:.3f}"
        return {
            "spikes per decision": by_population or "none",
            OPERATIONS: f"{self.accumulates:.1f} accumulates, "
            f"{self.multiply_accumulates:.1f} multiply-accumulates ({self.dense:.0f} if dense)",
            "sparsity": f"{sent}, connections {self.connection_sparsity:.3f}",
            "footprint": f"{self.parameter_bytes} bytes, {self.weights} weights of "
            f"{self.weight_bits} bits",
        }

    @property
    def operations(self) -> float:
        """Effective synaptic operations of both kinds."""
        return self.accumulates + self.multiply_accumulates

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for summary.json and evaluation.json."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Return what `to_dict` wrote."""
        return cls(**content)


def measure_operations(run: Run, weight_bits: int | None = None) -> Operations | None:
    """Return what a decision of a run's first replica costs.

    None where that cannot be said: its agent does not describe its network, nothing was recorded,
    or no weights were.

    Parameters
    ----------
    weight_bits : int, optional
        That the weights of the run have; default: those of the engines.
    """
    regime, network = run.meta.get("regime"), run.meta.get("network", {})
    links = network.get("links")
    if not regime or not links or not run.segments or not links.keys() <= {*run.projections}:
        return None
    ends_ms = _later_decisions_ms(run)
    needed = needed_populations(links, network["output"])
    weighed = {}
    for name, link in links.items():
        if link["target"] in needed:
            history = run.weights(name)
            if not len(history.values):
                return None
            weighed[name] = Links(**link, pre=history.pre, weights=history.values[-1])
    if not ends_ms.size:
        return None
    sizes = {name: size for name, size in network["populations"].items() if name in needed}
    starts_ms = ends_ms - regime["decision_ms"]
    spikes = {
        name: _spikes_by_neuron(run.spikes(name), sizes[name], starts_ms, regime)
        for name in run.populations
        if name in needed
    }
    graded = {
        name: _sent_by_neuron(run, name, starts_ms, regime)
        for name in run.graded_populations
        if name in needed
    }
    own = sum(network["own_parameters"][name] * size for name, size in sizes.items())
    return count_operations(
        list(weighed.values()), sizes, network["input"], spikes, graded, ends_ms.size,
        regime["decision_ms"], regime["timestep_ms"], own, weight_bits,
    )  # fmt: skip


def count_operations(
    links: Sequence[Links],
    sizes: Mapping[str, int],
    given: str,
    spikes: Mapping[str, NDArray],
    graded: Mapping[str, NDArray],
    decisions: int,
    decision_ms: float,
    timestep_ms: float,
    own_parameters: int = 0,
    weight_bits: int | None = None,
) -> Operations:
    """Count what decisions cost.

    Equations
    ---------
    operations = sum over links of sum_i sent_i*|{weights of neuron i that are not 0}| / decisions
    dense = timesteps of a decision * synapses
    activation sparsity = 1 - sum_i sent_i / (neurons * timesteps * decisions)
    connection sparsity = weights that are 0 / weights
    bytes = ceil(weights*bits/8) + 8*own parameters, and of quantised weights a byte for the step
    (a power of two) of each projection

    Parameters
    ----------
    links : sequence of Links
    sizes : population -> neurons
    given : str
        The input: its operations count, its sparsity is the encoder's and does not.
    spikes, graded : population -> (n_neurons,)
        Timesteps in which each neuron spiked, or sent a number other than 0.
    decisions : int
    own_parameters : int
        Numbers that neurons have of their own, all together.
    weight_bits : int, optional
        Default: those of the engines.

    Source
    ------
    Yik et al. 2025, Nat. Commun. 16:1545: footprint, connection sparsity, activation sparsity,
    synaptic operations (effective ACs and MACs, dense), execution rate.
    """
    steps, sent = round(decision_ms / timestep_ms), {**spikes, **graded}
    operations = {True: 0.0, False: 0.0}
    for link in links:
        fan_out = np.bincount(link.pre[link.weights != 0.0], minlength=sizes[link.source])
        operations[link.is_graded] += float(sent[link.source] @ fan_out) / decisions
    behind = [name for name in sent if name != given]
    places = sum(sizes[name] for name in behind) * steps * decisions
    n_weights = sum(link.weights.size for link in links)
    zeros = sum(int(np.count_nonzero(link.weights == 0.0)) for link in links)
    bits = FULL_BITS if weight_bits is None else weight_bits
    exponents = 0 if weight_bits is None else len(links)
    return Operations(
        decisions=decisions,
        spikes={name: float(own.sum()) / decisions for name, own in spikes.items()},
        accumulates=operations[False],
        multiply_accumulates=operations[True],
        dense=float(steps * n_weights),
        activation_sparsity=(
            1.0 - sum(float(sent[name].sum()) for name in behind) / places if places else None
        ),
        connection_sparsity=zeros / n_weights if n_weights else 0.0,
        weights=n_weights,
        weight_bits=bits,
        parameter_bytes=-(-n_weights * bits // 8) + exponents + own_parameters * FULL_BITS // 8,
        execution_rate_hz=1e3 / decision_ms,
    )


def needed_populations(links: Mapping[str, Mapping[str, Any]], output: str) -> set[str]:
    """Return the output and all populations from which links lead to it."""
    needed, new = set(), {output}
    while new:
        needed |= new
        new = {link["source"] for link in links.values() if link["target"] in new} - needed
    return needed


def _later_decisions_ms(run: Run) -> NDArray[np.float64]:
    """Return where decisions end, of the later half of the recorded episodes."""
    starts_ms = run.events.select(EventKind.EPISODE_START, 0).time_ms
    ends_ms = run.events.select(EventKind.DECISION, 0).time_ms
    return ends_ms[ends_ms > starts_ms[starts_ms.size // 2]] if starts_ms.size else ends_ms


def _spikes_by_neuron(
    train: Spikes, size: int, starts_ms: NDArray, regime: Mapping[str, Any]
) -> NDArray[np.int_]:
    return np.bincount(train.neuron[windows_of(train, starts_ms, regime) >= 0], minlength=size)


def _sent_by_neuron(
    run: Run, name: str, starts_ms: NDArray, regime: Mapping[str, Any]
) -> NDArray[np.int_]:
    found = run.graded(name)
    nobody = np.zeros(found.time_ms.size, int)
    window = windows_of(Spikes(found.time_ms, nobody, nobody), starts_ms, regime)
    return found.active[window >= 0].sum(axis=0, dtype=int)
