"""The network of an agent at work in an engine: numbers in, membranes out, weights from PyTorch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.agents.anatomy import anatomy_of, is_integrated
from threefactor.agents.contract import (
    AgentOptions,
    Connection,
    Probe,
    Recordables,
    Recording,
    Vitals,
)
from threefactor.agents.pulse import Pulse
from threefactor.agents.recording import drain_replica_0, network_recordables
from threefactor.agents.seeds import Seeds
from threefactor.models.network import Network
from threefactor.models.specification import Modulation, NetworkSpec, Projection

Floats = NDArray[np.float64]


class Actor:
    """R replicas of a network that is trained elsewhere.

    Parameters
    ----------
    spec : NetworkSpec
    options : AgentOptions
    seeds : one for each replica
    """

    def __init__(
        self,
        spec: NetworkSpec,
        options: AgentOptions,
        seeds: Sequence[Seeds],
        say: Callable[[str], None] | None,
    ) -> None:
        self.spec, self.steps = spec, round(options.window_ms / options.timestep_ms)
        self.network = Network(
            spec, [s.network for s in seeds], [s.weights for s in seeds], options.engine, say=say
        )
        self._pulse = Pulse(self.network, options.window_ms)
        links: list[Projection | Modulation] = [*spec.projections, *spec.modulations]
        self._links = {link.name: link for link in links}
        self._arrays = {name: _array(link) for name, link in self._links.items()}
        # Population that sends numbers -> the array that it sends, and its size.
        self._sent = {
            m.source: (f"{m.source}.{m.variable}", spec.population(m.source).size)
            for m in spec.modulations
            if is_integrated(m)
        }
        self._recorded: tuple[str, ...] = ()
        self._watched: list[str] = []

    def outputs(self, told: Floats) -> Floats:
        """Return the membranes at the end of a window, (R, n_outputs)."""
        found = self.network.advance(told, self.steps).copy()
        self.network.close_decision()
        self._pulse.count()
        return found

    def begin_episodes(self, mask: NDArray[np.bool_]) -> None:
        """Let the marked replicas forget what they remember of decisions."""
        self.network.start_episode(mask)

    def weights(self) -> dict[str, Floats]:
        """Return copies of all weights, graded ones too, by the name of what connects."""
        return {name: self.network.replicated(array).copy() for name, array in self._arrays.items()}

    def recordables(self) -> Recordables:
        """Return the populations that spike, the numbers of the engine, all connections."""
        known = network_recordables(self.network)
        sizes = {p.name: p.size for p in self.spec.populations}
        weights = {
            name: Connection(link.pre, link.post, sizes[link.source], sizes[link.target])
            for name, link in self._links.items()
        }
        graded = {name: sizes[name] for name in self._sent}
        return Recordables(known.populations, known.probes, weights, graded)

    def record(self, populations: Sequence[str], probes: Sequence[Probe]) -> None:
        """Record populations, those that send numbers too, and probes in every timestep."""
        self._recorded = tuple(name for name in populations if name not in self._sent)
        self._watched = [name for name in populations if name in self._sent]
        elements = [(array, k) for array, size in self._sending() for k in range(size)]
        self.network.engine.record(list(self._recorded), [*probes, *elements], 1)

    def _sending(self) -> list[tuple[str, int]]:
        return [self._sent[name] for name in self._watched]

    def drain(self) -> Recording:
        """Return and forget what was recorded of replica 0."""
        found = drain_replica_0(self.network, self._recorded)
        sizes = [size for _, size in self._sending()]
        if not sizes or not found.probe_values.size:
            return found
        probes, sent = np.split(found.probe_values, [-sum(sizes)], axis=1)
        active = np.add.reduceat(sent != 0.0, range(0, len(sent), self.steps), axis=0, dtype=int)
        starts = found.probe_times_ms[:: self.steps] - self.spec.timestep_ms  # sampled at its end
        rows = np.split(active, np.cumsum(sizes)[:-1], axis=1)
        graded = {name: (starts, own) for name, own in zip(self._watched, rows, strict=True)}
        return replace(found, probe_values=probes, graded=graded)

    def vitals(self, replica: int, decisions: int) -> dict[str, Vitals]:
        """Return what the populations of a replica did; see `Agent.vitals`."""
        return self._pulse.take(replica, decisions)

    def describe(self) -> dict[str, Any]:
        """Return engine and sizes."""
        return {
            "engine": self.network.engine.name,
            "network": {
                **anatomy_of(self.spec),
                "synapses": {name: len(link.pre) for name, link in self._links.items()},
                "critic": None,
                "modulators": [],
                "neurons_per_action": 0,
            },
        }

    def state(self) -> dict[str, Any]:
        """Return everything that changes; FloatingPointError for NaN."""
        self.network.engine.check_finite()
        return {"network": self.network.engine.snapshot(), "pulse": self._pulse.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self.network.engine.restore(state["network"])
        self._pulse.restore(state["pulse"])


def _array(link: Projection | Modulation) -> str:
    return f"{link.name}.{'w' if isinstance(link, Projection) else 'weight'}"
