"""The spiking network of Izhikevich 2007: 800 excitatory and 200 inhibitory neurons, 1 ms steps.

Excitatory synapses learn by dopamine-modulated STDP, inhibitory ones are fixed. All replicas of a
network share one graph (a projection has one wiring), so each seed runs as a network of its own.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.archive import read_archive, write_archive
from threefactor.experiments.claims.arms import PROGRESS
from threefactor.experiments.claims.experiment import ArmRequest
from threefactor.models.network import Network
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.neurons.izhikevich import NoisyIzhikevich
from threefactor.models.specification import NetworkSpec, Population, Projection
from threefactor.rules.dopamine_stdp import DopamineSTDP

N_EXCITATORY, N_INHIBITORY = 800, 200
N_NEURONS = N_EXCITATORY + N_INHIBITORY
W_START, W_LIMIT, W_INHIBITORY = 1.0, 4.0, -1.0
DOPAMINE_PULSE = 0.5
_EXCITATORY = np.arange(N_NEURONS) < N_EXCITATORY
#: Projection -> whether it starts and ends in excitatory neurons.
_SIDES = {"ee": (True, True), "ei": (True, False), "ie": (False, True), "ii": (False, False)}

Wiring = tuple[NDArray[np.int_], NDArray[np.int_]]


def fixed_out_degree(generator: np.random.Generator, targets: int = 100) -> Wiring:
    """Return `targets` random targets of each neuron, repeats allowed; I to E only."""
    pre = np.repeat(np.arange(N_NEURONS), targets)
    limit = np.where(_EXCITATORY[pre], N_NEURONS, N_EXCITATORY)
    return pre, generator.integers(limit)


def fixed_probability(generator: np.random.Generator, probability: float = 0.1) -> Wiring:
    """Return each pair of neurons with the same probability."""
    pre, post = np.nonzero(generator.random((N_NEURONS, N_NEURONS)) < probability)
    return pre, post


def network_spec(wiring: Wiring, rule: DopamineSTDP) -> NetworkSpec:
    """Return the network; neurons are counted excitatory first in `wiring`."""
    pre, post = wiring
    projections = []
    for name, (from_excitatory, to_excitatory) in _SIDES.items():
        chosen = (_EXCITATORY[pre] == from_excitatory) & (_EXCITATORY[post] == to_excitatory)
        count = int(chosen.sum())
        if not count:
            continue
        options: dict[str, Any] = {"weights": np.full(count, W_INHIBITORY)}
        if from_excitatory:
            options = {"weights": np.full(count, W_START), "w_min": 0.0, "w_max": W_LIMIT}
        projections.append(
            Projection(
                name, _population(from_excitatory), _population(to_excitatory),
                pre[chosen] - (0 if from_excitatory else N_EXCITATORY),
                post[chosen] - (0 if to_excitatory else N_EXCITATORY),
                rule=rule if from_excitatory else None, **options,
            )
        )  # fmt: skip
    return NetworkSpec(
        (
            Population("input", 1, PoissonInput()),  # silent: this network drives itself
            Population("excitatory", N_EXCITATORY, NoisyIzhikevich()),
            Population(
                "inhibitory", N_INHIBITORY, NoisyIzhikevich(recovery_rate=0.1, recovery_jump_mv=2.0)
            ),
        ),
        tuple(projections),
        output="excitatory",
    )  # fmt: skip


def _population(is_excitatory: bool) -> str:
    return "excitatory" if is_excitatory else "inhibitory"


def advance(network: Network, steps: int) -> NDArray[np.float64]:
    """Simulate `steps` ms and return how often each replica's neurons spiked, (R,)."""
    network.advance(np.zeros((network.replicas, 1)), steps)
    counts = [network.replicated(f"{name}.spike_count") for name in ("excitatory", "inhibitory")]
    return np.concatenate(counts, axis=1).sum(axis=1)


def give_dopamine(network: Network, replicas: Sequence[int]) -> None:
    """Raise dopamine in the named replicas, once for each mention."""
    pulses = np.zeros(network.replicas)
    np.add.at(pulses, list(replicas), DOPAMINE_PULSE)
    network.consolidate(pulses)


def outgoing_weights(network: Network, neurons: Sequence[NDArray[np.int_]]) -> NDArray[np.float64]:
    """Return the mean weight of the plastic synapses from given excitatory neurons.

    Parameters
    ----------
    neurons : R arrays of indices
    """
    totals, counts = np.zeros(network.replicas), np.zeros(network.replicas)
    for projection in network.spec.projections:
        if projection.rule is not None:
            weights = network.replicated(f"{projection.name}.w")
            for replica, chosen in enumerate(neurons):
                kept = np.isin(projection.pre, chosen)
                totals[replica] += weights[replica, kept].sum()
                counts[replica] += kept.sum()
    return totals / counts


def save_progress(request: ArmRequest, network: Network, progress: Any) -> None:
    """Save the network and the host's state, so that a later call continues from here."""
    request.folder.mkdir(parents=True, exist_ok=True)
    generators = [dict(generator.bit_generator.state) for generator in progress.generators]
    state = {
        "seeds": request.seeds,
        "budget": request.budget,
        "engine": network.engine.name,
        "network": network.engine.snapshot(),
        "progress": {**vars(progress), "generators": generators},
    }
    write_archive(request.folder / PROGRESS, state)


def load_progress(request: ArmRequest, network: Network, start: Any) -> Any:
    """Return the host's state and restore the network, or return `start` if nothing was saved.

    It is a dataclass of plain values and of `generators`.
    """
    path = request.folder / PROGRESS
    if not path.exists():
        return start
    state = read_archive(path)
    seeds, budget, engine = state["seeds"], state["budget"], state["engine"]
    if (seeds, budget, engine) != (request.seeds, request.budget, network.engine.name):
        raise ValueError(
            f"{path} was saved with seeds {seeds}, budget {budget:g} and engine {engine}; "
            f"remove it or choose another --out."
        )
    network.engine.restore(state["network"])
    request.say(f"  continuing at {network.engine.timestep / 1000:.0f} s")
    saved = state["progress"]
    for generator, known in zip(start.generators, saved.pop("generators"), strict=True):
        generator.bit_generator.state = known
    return replace(start, **saved)


def stack_ragged(rows: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Return rows of different lengths as one array of (row, value) pairs, (n, 2)."""
    return np.array([(k, value) for k, row in enumerate(rows) for value in row]).reshape(-1, 2)
