"""What a training run writes down: episodes, recorded episodes in full, weight snapshots."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.run_data import EventKind
from threefactor.experiments.configuration import RunConfig
from threefactor.experiments.training.loop import ClosedLoop, Episode
from threefactor.experiments.training.run_directory import RunDirectory
from threefactor.experiments.training.segments import Connection
from threefactor.models.network import Network


class Recorder:
    """Observer of the loop that fills a run directory.

    The first and the last `record_episodes` episodes of replica 0 are recorded spike by spike, with
    events and probes; weights of replica 0 are kept `weight_snapshots` times over the run.
    """

    def __init__(
        self,
        directory: RunDirectory,
        config: RunConfig,
        network: Network,
        rates: NDArray[np.float64],
    ) -> None:
        self._directory = directory
        self._options = config.options
        self._network = network
        self.first_rates = rates.copy()
        spec = network.spec
        self._sizes = {p.name: p.size for p in spec.populations if p.neuron.threshold}
        self._probes, names = choose_probes(network, self._options.probes, rates)
        connections = {
            p.name: Connection(
                p.pre, p.post, spec.population(p.source).size, spec.population(p.target).size
            )
            for p in spec.projections
        }
        directory.start_recording(self._sizes, names, connections)
        self._every = math.ceil(self._options.episodes / max(1, self._options.weight_snapshots))
        self._is_on = False
        self._window_ms = self._options.window_ms

    def begin(self, loop: ClosedLoop) -> None:
        """Start recording before the first decision (or after a resume)."""
        if loop.decisions == 0 and self._options.weight_snapshots:
            self._snapshot(0)
        self._switch(int(loop.done[0]), is_start=not loop.is_within_episode(0))

    def _switch(self, done: int, is_start: bool = True) -> None:
        """Turn recording of the coming episode of replica 0 on or off."""
        keep, total = self._options.record_episodes, self._options.episodes
        wanted = done < total and (done < keep or done >= total - keep)
        if wanted != self._is_on:
            self._network.engine.record(
                list(self._sizes) if wanted else [], self._probes if wanted else []
            )
            self._is_on = wanted
        if wanted and is_start:
            now = self._now_ms()
            self._directory.append_events(now, EventKind.EPISODE_START, done + 1)

    def _now_ms(self) -> float:
        return self._network.engine.timestep * self._options.timestep_ms

    def decided(self, loop: ClosedLoop, actions: NDArray, rewards: NDArray) -> None:
        """Mark decision and reward of replica 0 while its episode is recorded."""
        if not (self._is_on and loop.acting[0]):
            return
        now = self._now_ms()
        action = float(np.ravel(actions[0])[0])
        self._directory.append_events(
            [now, now], [EventKind.DECISION, EventKind.REWARD], [action, float(rewards[0])]
        )

    def finished(self, loop: ClosedLoop, episode: Episode) -> None:
        """Write a finished episode, and what was recorded of it."""
        window_s = self._window_ms * 1e-3
        self._directory.append_episode(
            {
                "replica": episode.replica, "episode": episode.number, "return": episode.total,
                "discounted_return": episode.discounted, "length": episode.length,
                "terminated": episode.terminated, "truncated": episode.truncated,
                "simulated_seconds": episode.length * window_s,
            }
        )  # fmt: skip
        if episode.replica != 0:
            return
        if self._is_on:
            self._directory.append_events(
                self._now_ms(), EventKind.EPISODE_END, float(episode.number)
            )
            self.drain()
        done, total = episode.number, self._options.episodes
        if self._options.weight_snapshots and (done % self._every == 0 or done == total):
            self._snapshot(done)
        self._switch(done)

    def drain(self) -> None:
        """Move what the engine recorded into the run directory."""
        if not self._is_on:
            return
        data = self._network.engine.drain()
        dt = self._options.timestep_ms
        for name, size in self._sizes.items():
            mine = data[f"{name}.neuron"] < size  # replica 0 comes first
            times = data[f"{name}.step"][mine] * dt
            self._directory.append_spikes(name, times, data[f"{name}.neuron"][mine])
        if self._probes:
            self._directory.append_probes(data["probes.step"] * dt, data["probes.values"])

    def _snapshot(self, episode: int) -> None:
        weights = {
            p.name: self._network.replicated(f"{p.name}.w")[0]
            for p in self._network.spec.projections
        }
        self._directory.append_weights(episode, weights)


def choose_probes(
    network: Network, count: int, rates: NDArray[np.float64]
) -> tuple[list[tuple[str, int]], list[str]]:
    """Return probes of `count` synapses of the first plastic projection, and their names.

    Of each synapse: its eligibility (and the banked trace, where the rule keeps one), its weight
    and the third factor of its postsynaptic neuron. If the projection comes from the input, the
    synapses are those that `rates` (n_inputs,), the first observation's, drive most.
    """
    plastic = [p for p in network.spec.projections if p.rule is not None]
    if not plastic or count == 0:
        return [], []
    projection = plastic[0]
    known = set(network.engine.arrays())
    wanted = [v for v in ("eligibility", "trace", "w") if f"{projection.name}.{v}" in known]
    candidates = np.arange(projection.n_synapses)
    if projection.source == network.spec.input:
        drive = rates[projection.pre]
        candidates = np.flatnonzero(drive == drive.max())
    probes: list[tuple[str, int]] = []
    for synapse in candidates[np.linspace(0, len(candidates) - 1, count).astype(int)].tolist():
        post = int(projection.post[synapse])
        of_synapse = [(f"{projection.name}.{variable}", synapse) for variable in wanted]
        of_synapse.append((f"{projection.target}.third_factor", post))
        probes += [probe for probe in of_synapse if probe not in probes]
    return probes, [f"{name}[{element}]" for name, element in probes]


def describe(network: Network) -> dict[str, Any]:
    """Return sizes of a network for meta.json."""
    spec = network.spec
    return {
        "populations": {p.name: p.size for p in spec.populations},
        "synapses": {p.name: p.n_synapses for p in spec.projections},
    }
