"""What can be recorded of a network's first replica, and what was."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threefactor.agents.contract import Connection, Probe, Recordables, Recording
from threefactor.models.network import Network


def network_recordables(network: Network) -> Recordables:
    """Return the populations that spike, the numbers of the engine, every projection."""
    spec, engine = network.spec, network.engine
    sizes = {p.name: p.size for p in spec.populations}
    arrays = {name: engine.array(name) for name in engine.arrays()}
    return Recordables(
        {p.name: p.size for p in spec.populations if p.neuron.threshold},
        {
            name: max(1, array.size // network.replicas)  # 1: shared by all replicas
            for name, array in arrays.items()
            if array.dtype == np.float64
        },
        {
            p.name: Connection(p.pre, p.post, sizes[p.source], sizes[p.target])
            for p in spec.projections
        },
    )


def choose_synapse_probes(
    network: Network, count: int, features: NDArray[np.float64]
) -> list[Probe]:
    """Return probes of `count` synapses of the first plastic projection.

    Of each synapse: its eligibility (and the banked trace, where the rule keeps one), its weight
    and the third factor of its postsynaptic neuron. If the projection comes from the input, the
    synapses are those that `features` (n_inputs,), the first observation's, drive most.
    """
    plastic = [p for p in network.spec.projections if p.rule is not None]
    if not plastic or count == 0:
        return []
    projection = plastic[0]
    known = set(network.engine.arrays())
    wanted = [v for v in ("eligibility", "trace", "w") if f"{projection.name}.{v}" in known]
    candidates = np.arange(projection.n_synapses)
    if projection.source == network.spec.input:
        drive = features[projection.pre]
        candidates = np.flatnonzero(drive == drive.max())
    probes: list[Probe] = []
    for synapse in candidates[np.linspace(0, len(candidates) - 1, count).astype(int)].tolist():
        post = int(projection.post[synapse])
        of_synapse = [(f"{projection.name}.{variable}", synapse) for variable in wanted]
        of_synapse.append((f"{projection.target}.third_factor", post))
        probes += [probe for probe in of_synapse if probe not in probes]
    return probes


def drain_replica_0(network: Network, populations: Sequence[str]) -> Recording:
    """Return and forget the recorded spikes and samples of replica 0, which comes first."""
    spec, data = network.spec, network.engine.drain()
    spikes = {}
    for name in populations:
        steps, neurons = data[f"{name}.step"], data[f"{name}.neuron"]
        if network.replicas > 1:
            mine = neurons < spec.population(name).size
            steps, neurons = steps[mine], neurons[mine]
        spikes[name] = (steps * spec.timestep_ms, neurons)
    times = data.get("probes.step", np.zeros(0)) * spec.timestep_ms
    return Recording(spikes, times, data.get("probes.values", np.zeros((0, 0))))
