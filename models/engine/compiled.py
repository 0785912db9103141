"""Compiled engine: Brian2's C++ output loaded into this process, its arrays seen as NumPy views.

One loaded library is one set of C++ globals, so every network loads a copy of its own.
"""

import _ctypes
import ctypes
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from threefactor.models.blueprint import Blueprint
from threefactor.models.engine.blocks import replicas_in_cache
from threefactor.models.engine.build_cache import Build, obtain
from threefactor.models.engine.stepping import (
    Recording,
    check_recording,
    period_steps,
    settle_interval,
)
from threefactor.models.engine.working_folder import call_in

_STRUCTURAL = {
    "i", "N", "N_incoming", "N_outgoing", "_synaptic_pre", "_synaptic_post", "sources", "targets",
}  # fmt: skip


class CompiledEngine:
    """Engine of a compiled network; see `models.engine.protocol.Engine`.

    Raises
    ------
    CompilerError
        If the network is not in the cache and cannot be compiled.
    """

    name = "compiled"

    def __init__(self, plan: Blueprint) -> None:
        build = obtain(plan)
        self.was_built = build.was_built
        self._plan = plan
        self._manifest = build.manifest
        self._lib: Any = _load(build, plan)  # None once closed
        self._blocks = {name: k for k, name in enumerate(self._manifest["blocks"])}
        self._views: dict[str, np.ndarray] = {}
        for index, (name, dtype) in enumerate(self._manifest["arrays"]):
            self._views[name] = self._view(index, np.dtype(dtype))
        for name, value in plan.data.items():
            self.array(name)[...] = value
        self._lib.engine_prepare_queues()
        for block, steps in period_steps(plan).items():
            self._lib.engine_set_period(self._manifest["periodic"].index(block), steps)
        if self._manifest["has_blocks"]:
            state = sum(view.nbytes for view in self._views.values())
            self.set_block(replicas_in_cache(state / plan.replicas))
        self._lib.engine_set_chunk(settle_interval(plan))
        self._recording = Recording()
        self._step_view: Any = self._views["clock.timestep"]
        self._advance: Any = self._lib.engine_advance
        self._run_block: Any = self._lib.engine_block
        self._floats = [
            view for name, view in self._views.items()
            if view.dtype.kind == "f" and (name in plan.resets or name in plan.weights)
        ]  # fmt: skip

    def _view(self, index: int, dtype: np.dtype) -> np.ndarray:
        pointer = ctypes.c_void_p()
        size = self._lib.engine_array(index, ctypes.byref(pointer))
        if size == 0 or not pointer.value:
            return np.empty(0, dtype)
        buffer = (ctypes.c_char * (size * dtype.itemsize)).from_address(pointer.value)
        return np.frombuffer(buffer, dtype=dtype)

    def set_block(self, replicas: int) -> None:
        """Say how many replicas go through a window together; results do not depend on it.

        Raises
        ------
        ValueError
            Below 1, or if the replicas of this network cannot be cut into blocks.
        """
        if replicas < 1 or not self._manifest["has_blocks"]:
            raise ValueError(f"set_block: expected >= 1, in a network with blocks; got {replicas}.")
        self._lib.engine_set_block(min(replicas, self._plan.replicas))

    def advance(self, steps: int) -> None:
        """Simulate `steps` timesteps; raise FloatingPointError if a state variable became NaN."""
        if self._advance(steps):
            self.check_finite()

    def run_block(self, block: str) -> None:
        """Run one demand block now; blocks that no rule defines are ignored."""
        index = self._blocks.get(block)
        if index is not None:
            self._run_block(index)

    def array(self, name: str) -> np.ndarray:
        """Return the writable view of an array."""
        try:
            return self._views[name]
        except KeyError:
            raise KeyError(f"No array {name!r}; known: {', '.join(self.arrays())}.") from None

    def arrays(self) -> list[str]:
        """Return the names of all arrays."""
        return sorted(self._views)

    @property
    def timestep(self) -> int:
        """Number of timesteps simulated since time zero."""
        return int(self._step_view[0])

    def record(
        self, populations: list[str], probes: list[tuple[str, int]] | None = None, every: int = 1
    ) -> None:
        """Record spikes of populations and single elements of arrays from now on."""
        recording = Recording(list(populations), list(probes or []), every)
        check_recording(self, self._plan, recording)
        for index, name in enumerate(self._manifest["spiking"]):
            self._lib.engine_record_spikes(index, name in recording.populations)
        count = len(recording.probes)
        values = (ctypes.c_void_p * max(1, count))()
        growths = (ctypes.c_void_p * max(1, count))()
        for k, (name, element) in enumerate(recording.probes):
            view = self.array(name)
            if view.dtype != np.float64:
                raise ValueError(f"record: {name} holds {view.dtype}, probes need float64.")
            values[k] = view.ctypes.data + 8 * element
            if name in self._plan.growth:
                growths[k] = self.array(self._plan.growth[name]).ctypes.data
        self._lib.engine_record_probes(count, values, growths, recording.every)
        self._lib.engine_recording(bool(count or recording.populations))
        self._lib.engine_forget()
        self._recording = recording

    def drain(self) -> dict[str, np.ndarray]:
        """Return and forget the recorded spikes and probes."""
        out = {}
        steps, other = ctypes.c_void_p(), ctypes.c_void_p()
        for index, name in enumerate(self._manifest["spiking"]):
            if name in self._recording.populations:
                size = self._lib.engine_spikes(index, ctypes.byref(steps), ctypes.byref(other))
                out[f"{name}.step"] = _copy(steps, size, np.int64)
                out[f"{name}.neuron"] = _copy(other, size, np.int32)
        width = len(self._recording.probes)
        if width:
            size = self._lib.engine_samples(ctypes.byref(steps), ctypes.byref(other))
            out["probes.step"] = _copy(steps, size, np.int64)
            out["probes.values"] = _copy(other, size * width, np.float64).reshape(-1, width)
        self._lib.engine_forget()
        return out

    def snapshot(self) -> dict[str, Any]:
        """Return a copy of arrays, clock and spikes in flight."""
        queues = {}
        for index, name in enumerate(self._manifest["queues"]):
            state = np.empty(self._lib.engine_queue_size(index), np.int32)
            self._lib.engine_queue_get(index, state.ctypes.data)
            queues[name] = state
        arrays = {
            name: view.copy() for name, view in self._views.items()
            if name.split(".")[1] not in _STRUCTURAL
        }  # fmt: skip
        return {"timestep": self.timestep, "arrays": arrays, "queues": queues}

    def restore(self, state: dict[str, Any]) -> None:
        """Return to a snapshot of this engine."""
        for name, value in state["arrays"].items():
            self.array(name)[...] = value
        for index, name in enumerate(self._manifest["queues"]):
            queue = np.ascontiguousarray(state["queues"][name], np.int32)
            self._lib.engine_queue_set(index, queue.ctypes.data)

    def check_finite(self) -> None:
        """Raise FloatingPointError if a state variable is NaN."""
        for view in self._floats:
            if np.isnan(view).any():
                name = next(n for n, v in self._views.items() if v is view)
                raise FloatingPointError(
                    f"{name} became NaN by t = {self._views['clock.t'][0] * 1e3:g} ms; "
                    "check weights, bounds and the timestep."
                )

    def close(self) -> None:
        """Unload the library; views become invalid."""
        if self._lib is None:
            return
        handle = self._lib._handle
        self._views.clear()
        self._floats.clear()
        self._lib = self._advance = self._run_block = self._step_view = None
        _ctypes.dlclose(handle)


def _copy(pointer: ctypes.c_void_p, size: int, dtype: type[np.generic]) -> np.ndarray:
    copy = np.empty(size, dtype)
    if size and pointer.value:
        ctypes.memmove(copy.ctypes.data, pointer, copy.nbytes)
    return copy


def _load(build: Build, plan: Blueprint) -> ctypes.CDLL:
    """Load a copy of the library and let it create the synapses that `plan` connects."""
    with tempfile.TemporaryDirectory(prefix="threefactor-") as name:
        folder = Path(name)
        shutil.copy(build.library, folder / "library.so")
        (folder / "static_arrays").mkdir()
        for file, (projection, side, width) in build.manifest["static_arrays"].items():
            indices = plan.connections[projection][side]
            indices.astype(f"<i{width}").tofile(folder / "static_arrays" / file)
        library = ctypes.CDLL(str(folder / "library.so"))
        _declare(library)
        # The generated code reads static_arrays/ relative to where it runs.
        call_in(folder, library.engine_initialise)
    return library


def _declare(library: ctypes.CDLL) -> None:
    pointer, int32, int64 = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "engine_initialise": (int32, []),
        "engine_prepare_queues": (None, []),
        "engine_array": (int64, [int32, pointer]),
        "engine_advance": (int32, [int64]),
        "engine_set_chunk": (None, [int64]),
        "engine_set_block": (None, [int64]),
        "engine_block": (None, [int32]),
        "engine_set_period": (None, [int32, int64]),
        "engine_record_spikes": (None, [int32, int32]),
        "engine_record_probes": (None, [int32, pointer, pointer, int64]),
        "engine_recording": (None, [int32]),
        "engine_spikes": (int64, [int32, pointer, pointer]),
        "engine_samples": (int64, [pointer, pointer]),
        "engine_forget": (None, []),
        "engine_queue_size": (int64, [int32]),
        "engine_queue_get": (None, [int32, pointer]),
        "engine_queue_set": (None, [int32, pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
