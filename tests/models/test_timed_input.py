"""Inputs that are told when to spike: the same timesteps on every engine and in every replica."""

from contextlib import closing

import numpy as np
import pytest

from threefactor.models.host import steps_to_spike
from threefactor.models.interpreter import Interpreter
from threefactor.models.network import Network
from threefactor.models.neurons import LIF, NEURONS
from threefactor.models.neurons.contract import PoissonInput, TimedInput
from threefactor.models.specification import NetworkSpec, Population, Projection, all_to_all
from threefactor.rules import RULES

STEPS, NEVER = 10, -1
#: Times in ms -> the timestep of a window of 10 timesteps of 0.5 ms in which each falls.
TOLD = {
    0.0: 0, 0.24: 0, 0.25: 1, 0.5: 1, 1.0: 2, 1.74: 3, 1.75: 4, 3.0: 6, 4.5: 9, 4.74: 9,
    4.75: NEVER, 40.0: NEVER, -0.5: NEVER, np.inf: NEVER, -np.inf: NEVER, np.nan: NEVER,
}  # fmt: skip
TIMES, FALLS = np.array(list(TOLD)), np.array(list(TOLD.values()))
#: Of each window and replica: no two tell the same.
WINDOWS = [np.stack([np.roll(TIMES, 3 * w), np.roll(TIMES, 3 * w + 1)]) for w in range(3)]
EXPECTED = [np.stack([np.roll(FALLS, 3 * w), np.roll(FALLS, 3 * w + 1)]) for w in range(3)]


def timed_spec(timestep_ms=0.5, source=None):
    """Return told inputs that drive plastic neurons."""
    n = len(TIMES)
    return NetworkSpec(
        (Population("input", n, source or TimedInput()), Population("actor", 2, LIF())),
        (
            Projection(
                "policy", "input", "actor", **all_to_all(n, 2), weights=np.full(2 * n, 6.0),
                w_max=12.0, rule=RULES["rstdp-et"](learning_rate=0.5), port="current",
            ),
        ),
        timestep_ms=timestep_ms,
    )  # fmt: skip


def raster(spikes):
    """Return the spikes that are expected, (timesteps, replicas, inputs) bool."""
    steps = np.arange(STEPS)[:, None, None]
    return np.concatenate([steps == falls[None] for falls in spikes])


def live(network):
    """Run the windows and learn; return weights."""
    for times in WINDOWS:
        network.advance(times[: network.replicas], STEPS)
        network.close_decision()
        network.consolidate(np.full(network.replicas, 0.7))
    return network.weights()["policy"]


def recorded(network, n):
    """Return the recorded input spikes, (timesteps, replicas, inputs) bool."""
    data = network.engine.drain()
    seen = np.zeros((STEPS * len(WINDOWS), network.replicas * n), bool)
    seen[data["input.step"], data["input.neuron"]] = True
    assert seen.sum() == len(data["input.step"])
    return seen.reshape(len(seen), network.replicas, n)


def test_times_are_rounded_to_the_nearest_timestep_and_counted_from_one():
    steps = steps_to_spike(TIMES, 0.5)
    np.testing.assert_array_equal(np.where((steps < 1) | (steps > STEPS), 0, steps), FALLS + 1)
    multiples = 0.1 * np.arange(1000)  # 0.3/0.1 < 3 in floating point
    np.testing.assert_array_equal(steps_to_spike(multiples, 0.1), np.arange(1000) + 1)


@pytest.mark.parametrize("engine", ["runtime-numpy", "compiled"])
def test_inputs_spike_when_told(engine):
    with closing(Network(timed_spec(), (1, 2), (3, 4), engine)) as network:
        network.engine.record(["input"], [], 1)
        weights = live(network)
        np.testing.assert_array_equal(recorded(network, len(TIMES)), raster(EXPECTED))
    machine = Interpreter(timed_spec(), (1, 2), (3, 4))
    machine.record(["input"])
    np.testing.assert_allclose(live(machine), weights, rtol=1e-12)
    np.testing.assert_array_equal(machine.recorded()["input"], raster(EXPECTED))
    assert np.ptp(weights) > 0


def test_a_replica_is_told_for_itself():
    with closing(Network(timed_spec(), (1, 2), (3, 4), "runtime-numpy")) as network:
        together = live(network)
    with closing(Network(timed_spec(), (1,), (3,), "runtime-numpy")) as network:
        np.testing.assert_array_equal(live(network)[0], together[0])
    assert np.any(together[0] != together[1])


def test_only_neurons_that_are_told_can_be_inputs():
    assert [PoissonInput().takes, TimedInput().takes] == ["rates_hz", "spike_times_ms"]
    takes = {name: kind().takes for name, kind in NEURONS.items()}
    assert {name for name, told in takes.items() if told} == {"analog", "poisson", "timed"}
    with pytest.raises(ValueError, match="input") as caught:
        timed_spec(source=LIF())
    assert "\n" not in str(caught.value)
