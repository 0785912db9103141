"""What the interpreter is made of: arrays, places, integration, delays; against closed forms."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from threefactor.models.neurons.strings import METHODS as NEURON_METHODS
from threefactor.rules.contract import parameter_values
from threefactor.rules.interpreter.arrays import NUMPY, exprel
from threefactor.rules.interpreter.integration import METHODS, Integrator
from threefactor.rules.interpreter.places import Executor, Place, Sight
from threefactor.rules.interpreter.plasticity import Delay
from threefactor.rules.language import parse_statements

CLOCK = {"dt": 0.001, "t": 0.0}


@pytest.mark.parametrize(
    "x", [0.0, 1e-300, -1e-12, 1e-9, -1e-8, 2e-8, 1e-5, -0.3, 1.0, 50.0, -50.0]
)
def test_exprel(x):
    series = math.fsum(x**n / math.factorial(n + 1) for n in range(20))
    expected = series if abs(x) < 1 else (math.exp(x) - 1) / x
    assert exprel(x) == pytest.approx(expected, rel=1e-15)


def test_sums_at_repeated_elements():
    array = np.zeros((2, 3))
    chosen = np.array([0, 0, 1, 0]), np.array([1, 1, 2, 0])
    NUMPY.add_at(array, chosen, np.array([1.0, 2.0, 4.0, 8.0]))
    np.testing.assert_array_equal(array, [[8, 3, 0], [0, 0, 4]])


def test_parameters_are_in_si_units():
    @dataclass(frozen=True)
    class Numbers:
        tau_ms: float = 20.0
        level_mv: float = -70.0
        rate_hz: float = 5.0
        size_pf: float = 3.0
        leak_ns: float = 2.0
        drive_pa: float = 7.0
        wall_mohm: float = 9.0
        plain: float = 1.5

    expected = {
        "tau": 0.02, "level": -0.07, "rate": 5.0, "size": 3e-12, "leak": 2e-9, "drive": 7e-12,
        "wall": 9e6, "plain": 1.5,
    }  # fmt: skip
    found = {name: value for name, (value, _) in parameter_values(Numbers()).items()}
    assert found == pytest.approx(expected, rel=1e-15)


def decaying(method, tau=0.01):
    place = Place("test", (1, 2), NUMPY, "dx/dt = (goal - x)/tau : 1", {"tau": tau, "goal": 2.0})
    place.put("x", np.array([[1.0, 5.0]]))
    return place, Integrator(Executor([Sight(place)], CLOCK), method)


@pytest.mark.parametrize(
    ("method", "factor"),
    [
        ("exact", math.exp(-0.1)), ("exponential_euler", math.exp(-0.1)), ("euler", 0.9),
        ("heun", 0.9), ("milstein", 0.9),
        ("rk2", 1 - 0.1 + 0.1**2 / 2), ("rk4", 1 - 0.1 + 0.1**2 / 2 - 0.1**3 / 6 + 0.1**4 / 24),
    ],
)  # fmt: skip
def test_methods_have_their_own_factor_per_timestep(method, factor):
    assert method in METHODS
    place, equations = decaying(method)
    for _ in range(3):
        equations.advance()
    expected = 2.0 + np.array([[-1.0, 3.0]]) * factor**3
    np.testing.assert_allclose(place.values["x"], expected, rtol=1e-14)


def test_a_parameter_that_changes_is_noticed():
    place, equations = decaying("exact")
    equations.advance()
    place.constants["tau"][...] = 0.1
    equations.advance()
    expected = 2.0 + np.array([[-1.0, 3.0]]) * math.exp(-0.1) * math.exp(-0.01)
    np.testing.assert_allclose(place.values["x"], expected, rtol=1e-14)


def test_exponential_euler_needs_an_equation_linear_in_its_variable():
    place = Place("test", (1, 1), NUMPY, "dx/dt = x*x/tau : 1", {"tau": 0.01})
    equations = Integrator(Executor([Sight(place)], CLOCK), "exponential_euler")
    with pytest.raises(ValueError, match="expects an equation of x that is linear in it"):
        equations.advance()


def test_every_method_that_a_neuron_may_have_is_known():
    assert set(METHODS) == set(NEURON_METHODS)


def test_unknown_methods_are_refused():
    with pytest.raises(ValueError, match=r"method of test: 'rk3'. Did you mean 'rk"):
        decaying("rk3")


def test_temporary_names_keep_the_value_that_they_were_given():
    place = Place("test", (1, 3), NUMPY, "x : 1\ny : 1")
    place.put("x", 1.0)
    block = parse_statements("before = x\nx = 5\ny = before\nx += y")
    Executor([Sight(place)], CLOCK).run(block)
    np.testing.assert_array_equal(place.values["y"], [[1, 1, 1]])
    np.testing.assert_array_equal(place.values["x"], [[6, 6, 6]])


def test_a_synapse_reads_its_neurons_and_their_subexpressions():
    neurons = Place("neurons", (2, 3), NUMPY, "x : 1\ntwice = 2*x : 1", {"scale": 10.0})
    neurons.put("x", np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    synapses = Place("synapses", (2, 4), NUMPY, "y : 1")
    index = np.array([2, 0, 0, 1])
    sights = [Sight(synapses), Sight(neurons, index), Sight(neurons, index, "_post")]
    executor = Executor(sights, CLOCK)
    executor.run(parse_statements("y = scale*twice + x_post"))
    expected = 21 * neurons.values["x"][:, index]
    np.testing.assert_array_equal(synapses.values["y"], expected)
    chosen = np.array([1, 0]), np.array([3, 0])
    executor.run(parse_statements("y -= twice"), chosen)
    expected[chosen] -= 2 * np.array([5.0, 3.0])
    np.testing.assert_array_equal(synapses.values["y"], expected)
    with pytest.raises(KeyError, match="synapses: nothing here is called 'z'"):
        executor.read("z")


def test_resets_touch_only_the_marked_replicas():
    place = Place("test", (3, 1), NUMPY, "x : 1\ny : 1")
    place.add("z", 7.0)
    place.resets |= {"x": "episode", "y": "keep", "z": "decision"}
    for name in ("x", "y", "z"):
        place.put(name, 1.0)
    place.reset(("episode", "decision"), np.array([True, False, True]))
    assert {name: values.ravel().tolist() for name, values in place.values.items()} == {
        "x": [0, 1, 0], "y": [1, 1, 1], "z": [7, 1, 7],
    }  # fmt: skip


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_delayed_spikes_come_out_that_many_timesteps_later(steps):
    spikes = np.random.default_rng(0).random((12, 1, 4)) < 0.4
    delay = Delay(steps)
    passed = np.array([delay.pass_on(row) for row in spikes])
    np.testing.assert_array_equal(passed[steps:], spikes[: 12 - steps])
    assert not passed[:steps].any()
