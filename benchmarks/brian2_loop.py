"""Worker: the benchmark network as a Brian2 user writes it, advanced in the ways Brian2 offers.

python brian2_loop.py operation TARGET    one long run, a network_operation decides every 50 ms
python brian2_loop.py run TARGET          one net.run(50*ms) per decision
python brian2_loop.py standalone plain N      Brian2's own C++ program of N windows, no environment
python brian2_loop.py standalone blueprint N  the same, with our assembler's equations

Written from Brian2's R-STDP example (Izhikevich 2007): traces on the synapses and event-driven,
eligibility clock-driven, inputs a PoissonGroup, spikes counted in the reset. In CartPole's loop the
weights follow the reward from NumPy, as they would in such a script; the standalone programs, which
cannot be entered, leave that out.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brian2 as b2
import numpy as np
from networks import (
    LEARNING_RATE,
    LIMITS,
    NEURONS_PER_ACTION,
    RATE_MAX_HZ,
    W_MAX,
    WINDOW_MS,
    feed_forward,
)
from pacing import Pacer

CELLS = 25
NAMESPACE = {
    "tau_membrane": 20 * b2.ms, "v_rest": -70 * b2.mV, "v_threshold": -54 * b2.mV,
    "tau_plus": 20 * b2.ms, "tau_minus": 20 * b2.ms, "tau_eligibility": 25 * b2.ms,
    "unit_time": 1 * b2.ms,
}  # fmt: skip


def plain_network() -> tuple[Any, Any, Any, Any]:
    """Return network, inputs, neurons and synapses."""
    inputs = b2.PoissonGroup(4 * CELLS, rates=np.full(4 * CELLS, 6.0) * b2.Hz)
    neurons = b2.NeuronGroup(
        2 * NEURONS_PER_ACTION, "dv/dt = (v_rest - v)/tau_membrane : volt\nspike_count : 1",
        threshold="v >= v_threshold", reset="v = v_rest\nspike_count += 1", method="exact",
        namespace=NAMESPACE,
    )  # fmt: skip
    neurons.v = NAMESPACE["v_rest"]
    synapses = b2.Synapses(
        inputs, neurons,
        """w : 1
        dpre_trace/dt = -pre_trace/tau_plus : 1 (event-driven)
        dpost_trace/dt = -post_trace/tau_minus : 1 (event-driven)
        deligibility/dt = -eligibility/tau_eligibility : 1 (clock-driven)""",
        on_pre="""v_post += w*mV
        pre_trace += 1
        eligibility -= post_trace*unit_time/tau_eligibility""",
        on_post="""post_trace += 1
        eligibility += pre_trace*unit_time/tau_eligibility""",
        method="exact", namespace=NAMESPACE,
    )  # fmt: skip
    synapses.connect()
    synapses.w = "0.5 + rand()"
    return b2.Network(inputs, neurons, synapses), inputs, neurons, synapses


class CartPole:
    """Encoding, decoding, environment and reward, in a dozen lines of NumPy."""

    def __init__(self, inputs: Any, neurons: Any, synapses: Any) -> None:
        import gymnasium

        self._env = gymnasium.make("CartPole-v1", disable_env_checker=True)
        self._low = np.array(LIMITS["low"])
        self._span = np.array(LIMITS["high"]) - self._low
        self._centres = np.arange(CELLS)
        self._inputs, self._neurons, self._synapses = inputs, neurons, synapses
        self._observe(self._env.reset(seed=0)[0])

    def _observe(self, observation: np.ndarray) -> None:
        scaled = np.clip((observation - self._low) / self._span, 0, 1) * (CELLS - 1)
        rates = RATE_MAX_HZ * np.exp(-0.5 * (scaled[:, None] - self._centres) ** 2)
        self._inputs.rates_[:] = rates.ravel()

    def decide(self) -> None:
        """Read the window's spikes, act, let weights follow, show the next observation."""
        counts = self._neurons.spike_count_[:]
        action = int(np.argmax(counts.reshape(2, NEURONS_PER_ACTION).sum(axis=1)))
        self._neurons.spike_count_[:] = 0
        observation, reward, terminated, truncated, _ = self._env.step(action)
        change = LEARNING_RATE * float(reward) * self._synapses.eligibility_[:]
        self._synapses.w_[:] = np.clip(self._synapses.w_[:] + change, 0, W_MAX)
        if terminated or truncated:
            observation, _ = self._env.reset()
            self._neurons.v_[:] = -0.07
            self._synapses.eligibility_[:] = 0
        self._observe(observation)


def run_operation(target: str) -> None:
    """Decide inside one long run."""
    b2.prefs.codegen.target = target
    b2.defaultclock.dt = 1 * b2.ms
    network, *parts = plain_network()
    cartpole, pacer = CartPole(*parts), Pacer()

    def decide() -> None:
        if pacer.is_wanted():
            cartpole.decide()
        else:
            network.stop()

    network.add(b2.NetworkOperation(decide, dt=WINDOW_MS * b2.ms, when="end"))
    network.run(1e6 * b2.second, namespace={})


def run_run(target: str) -> None:
    """Call net.run for every decision."""
    b2.prefs.codegen.target = target
    b2.defaultclock.dt = 1 * b2.ms
    network, *parts = plain_network()
    cartpole, pacer = CartPole(*parts), Pacer()
    while pacer.is_wanted():
        network.run(WINDOW_MS * b2.ms, namespace={})
        cartpole.decide()


def run_standalone(kind: str, windows: str) -> None:
    """Build Brian2's program with its default flags; each request runs it from start to end.

    `windows` should be so many that creating 4000 synapses, some milliseconds, does not matter.
    """
    with tempfile.TemporaryDirectory(prefix="standalone-") as folder:
        b2.set_device("cpp_standalone", build_on_run=False, directory=folder)
        if kind == "plain":
            b2.defaultclock.dt = 1 * b2.ms
            network = plain_network()[0]
        else:
            network = _blueprint_network()
        network.run(int(windows) * WINDOW_MS * b2.ms, namespace={})
        b2.device.build(directory=folder, run=False, with_output=False)
        print("ready", flush=True)
        while sys.stdin.readline().strip():
            before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run(
                [str(Path(folder) / "main")], cwd=folder, check=True, stdout=subprocess.DEVNULL
            )
            wall = time.perf_counter() - started
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
            print(windows, cpu, wall, flush=True)
    os._exit(0)  # Brian2 would look for results to read


def _blueprint_network() -> Any:
    from threefactor.models.assembly import assemble
    from threefactor.models.engine import noise
    from threefactor.models.engine.brian_objects import build_objects

    b2.prefs.codegen.cpp.headers += ['"noise.h"']
    b2.prefs.codegen.cpp.include_dirs += [str(Path(noise.__file__).parent)]
    plan = assemble(feed_forward(4 * CELLS, 2 * NEURONS_PER_ACTION))
    objects = build_objects(plan)
    plan.data["input.rates"] = np.array(6.0)
    plan.data["policy.tau_eligibility"] = np.array(1e6)  # nothing settles the growing units here
    plan.data["input.spike_stream"] = noise.stream_ids(0, "input", "spike", 4 * CELLS)
    plan.data["policy.w"] = np.random.default_rng(0).uniform(0.5, 1.5, 4000)
    for name, value in plan.data.items():
        owner, _, variable = name.partition(".")
        setattr(objects.owners[owner], f"{variable}_", value)
    return objects.network


WORKS: dict[str, Callable[..., None]] = {
    "operation": run_operation,
    "run": run_run,
    "standalone": run_standalone,
}

if __name__ == "__main__":
    WORKS[sys.argv[1]](*sys.argv[2:])
