"""Runtime engine: a Brian2 network prepared once and stepped from Python, NumPy or Cython target.

``Network.run`` re-creates every code object on each call (110-250 ms). Here the code objects are
made once and called in the network's own order; weights, traces and spikes are
bit-identical to ``Network.run`` (a test pins it).
"""

import itertools
from typing import Any

import brian2
import numpy as np

from threefactor.models.blueprint import Blueprint
from threefactor.models.engine.brian_objects import (
    BrianNetwork,
    build_objects,
    refusing_in_one_line,
)
from threefactor.models.engine.stepping import (
    Recording,
    check_recording,
    period_steps,
    settle_interval,
    spike_owner_names,
)

_live_suffixes: set[int] = set()


class RuntimeEngine:
    """Engine of the plain Brian2 runtime; see `models.engine.protocol.Engine`.

    Parameters
    ----------
    plan : Blueprint
    target : {"numpy", "cython"}

    Raises
    ------
    ValueError
        If Brian2 refuses the network.
    """

    def __init__(self, plan: Blueprint, target: str = "cython") -> None:
        self.name = f"runtime-{target}"
        self._plan = plan
        # Equal names in equal order give equal code, so the lowest free suffix hits the cache.
        self._number = next(n for n in itertools.count() if n not in _live_suffixes)
        _live_suffixes.add(self._number)
        try:
            self._brian = refusing_in_one_line(lambda: self._built(target))
        except BaseException:
            _live_suffixes.discard(self._number)
            raise
        objects = [obj for obj in self._brian.network.sorted_objects if obj.active]
        self._code = [code for obj in objects for code in obj._code_objects]
        clock = objects[0].clock
        self._clock_step = clock.variables["timestep"].get_value()
        self._clock_t = clock.variables["t"].get_value()
        self._dt = float(clock.dt_)
        self._views: dict[str, np.ndarray] = {}
        self._chunk = settle_interval(plan)
        self._periods = period_steps(plan)
        self._opening, self._settling = plan.opening(), plan.settling()
        self._recording = Recording()
        self._spikespaces = {
            name: self._brian.owners[name].variables["_spikespace"].get_value()
            for name in spike_owner_names(plan)
        }
        self._forget()
        for name, value in plan.data.items():
            if name not in plan.delays:
                self.array(name)[...] = value
        self._checked = [
            name for name in sorted({*plan.data, *plan.resets, *plan.weights} - set(plan.delays))
            if self.array(name).dtype.kind == "f"
        ]  # fmt: skip

    def _built(self, target: str) -> BrianNetwork:
        """Return the prepared Brian2 network."""
        previous = brian2.prefs.codegen.target
        brian2.prefs.codegen.target = target
        try:
            network = build_objects(self._plan, f"_{self._number}" if self._number else "")
            for name, delay in network.delays.items():
                delay.get_value()[...] = self._plan.data[name]
            network.prepare()
        finally:
            brian2.prefs.codegen.target = previous
        return network

    def advance(self, steps: int) -> None:
        """Simulate `steps` timesteps; raise FloatingPointError if a state variable became NaN."""
        for block in self._opening:
            self.run_block(block)
        while steps > 0:
            count = min(steps, self._chunk)
            for _ in range(count):
                self._step()
            for block in self._settling:
                self.run_block(block)
            steps -= count
        self.check_finite()

    def _step(self) -> None:
        for code in self._code:
            code()
        self._clock_step[0] += 1
        self._clock_t[0] = self._clock_step[0] * self._dt
        step = int(self._clock_step[0])
        for block, period in self._periods.items():
            if step % period == 0:
                self.run_block(block)
        if self._recording.populations or self._recording.probes:
            self._sample(step)

    def _sample(self, step: int) -> None:
        for name in self._recording.populations:
            space = self._spikespaces[name]
            spikes = space[: space[-1]]
            if len(spikes):
                self._spikes[name].append((np.full(len(spikes), step - 1), spikes.copy()))
        if self._recording.probes and step % self._recording.every == 0:
            row = [self._probe_value(name, element) for name, element in self._recording.probes]
            self._samples.append((step, row))

    def _probe_value(self, name: str, element: int) -> float:
        value = float(self.array(name)[element])
        if name in self._plan.growth:
            value /= float(self.array(self._plan.growth[name])[0])
        return value

    def run_block(self, block: str) -> None:
        """Run one demand block now; blocks that no rule defines are ignored."""
        runner = self._brian.demand.get(block)
        if runner is not None:
            runner.codeobj()

    def array(self, name: str) -> np.ndarray:
        """Return the writable view of an array."""
        view = self._views.get(name)
        if view is None:
            owner, _, variable = name.partition(".")
            try:
                view = self._brian.owners[owner].variables[variable].get_value()
            except KeyError:
                raise KeyError(f"No array {name!r}; known: {', '.join(self.arrays())}.") from None
            self._views[name] = view
        return view

    def arrays(self) -> list[str]:
        """Return the names of all arrays."""
        names = []
        for owner, group in self._brian.owners.items():
            for variable in group.variables.values():
                own = getattr(variable, "owner", None)
                if isinstance(variable, brian2.core.variables.ArrayVariable) and (
                    own is not None and own.name == group.name
                ):
                    names.append(f"{owner}.{variable.name}")
        return sorted(set(names))

    @property
    def timestep(self) -> int:
        """Number of timesteps simulated since time zero."""
        return int(self._clock_step[0])

    def record(
        self, populations: list[str], probes: list[tuple[str, int]] | None = None, every: int = 1
    ) -> None:
        """Record spikes of populations and single elements of arrays from now on."""
        recording = Recording(list(populations), list(probes or []), every)
        check_recording(self, self._plan, recording)
        self._recording = recording
        self._forget()

    def _forget(self) -> None:
        self._spikes: dict[str, list] = {name: [] for name in self._recording.populations}
        self._samples: list[tuple[int, list[float]]] = []

    def drain(self) -> dict[str, np.ndarray]:
        """Return and forget the recorded spikes and probes."""
        out = {}
        for name, chunks in self._spikes.items():
            steps, neurons = zip(*chunks, strict=True) if chunks else ((), ())
            out[f"{name}.step"] = np.concatenate([*steps, np.zeros(0)]).astype(np.int64)
            out[f"{name}.neuron"] = np.concatenate([*neurons, np.zeros(0)]).astype(np.int32)
        if self._recording.probes:
            width = len(self._recording.probes)
            out["probes.step"] = np.array([s for s, _ in self._samples], dtype=np.int64)
            out["probes.values"] = np.array([r for _, r in self._samples]).reshape(-1, width)
        self._forget()
        return out

    def snapshot(self) -> dict[str, Any]:
        """Return a copy of arrays, clock and spikes in flight."""
        return {
            "timestep": self.timestep,
            "arrays": {name: self.array(name).copy() for name in self.arrays()},
            "queues": {name: queue._full_state() for name, queue in self._queues().items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Return to a snapshot of this engine."""
        for name, value in state["arrays"].items():
            self.array(name)[...] = value
        self._clock_step[0] = state["timestep"]
        self._clock_t[0] = self._clock_step[0] * self._dt
        for name, queue in self._queues().items():
            queue._restore_from_full_state(state["queues"][name])

    def _queues(self) -> dict[str, Any]:
        queues = {}
        for synapses in self._plan.synapses:
            for pathway in self._brian.owners[synapses.name]._pathways:
                queues[f"{synapses.name}.{pathway.objname}"] = pathway.queue
        return queues

    def check_finite(self) -> None:
        """Raise FloatingPointError if a state variable or weight is NaN."""
        for name in self._checked:
            if np.isnan(self.array(name)).any():
                raise FloatingPointError(
                    f"{name} became NaN by t = {self._clock_t[0] * 1e3:g} ms; "
                    "check weights, bounds and the timestep."
                )

    def close(self) -> None:
        """Free the network and its name suffix."""
        if not self._code:
            return
        _live_suffixes.discard(self._number)
        self._views.clear()
        self._code.clear()
        del self._brian
