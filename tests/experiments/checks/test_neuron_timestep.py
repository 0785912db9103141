"""What the check of neurons measures, against closed forms; files of users that promise nothing."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from threefactor.experiments.checks.neuron_timestep import psp_area, rate
from threefactor.experiments.checks.neuron_trials import measure_psps, measure_rates
from threefactor.experiments.checks.parts import check_part
from threefactor.models.neurons import LIF, NEURONS, make_neuron


@dataclass(frozen=True)
class DrivenByPort(LIF):
    """A neuron that declares no constant drive."""

    drive = ""


@pytest.mark.parametrize(("name", "tau_ms"), [("lif", 20.0), ("lif-current", 5.0)])
def test_the_area_of_a_psp_is_weight_times_time_constant(name, tau_ms):
    weights = np.array([0.5, 2.0])
    areas = np.trapezoid(measure_psps(make_neuron(name), "current", weights, 2), dx=0.5, axis=0)
    np.testing.assert_allclose(areas, weights * 1e-3 * tau_ms, rtol=1e-3)


def test_a_psp_is_without_the_noise_and_the_spikes():
    neuron, quiet = make_neuron("noisy-lif", noise_mv=8.0), make_neuron("lif")
    weights = np.array([30.0])  # above threshold
    noisy, silent = (measure_psps(n, "current", weights, 1) for n in (neuron, quiet))
    np.testing.assert_allclose(noisy, silent, atol=1e-15)
    np.testing.assert_allclose(silent[:, 0], 30e-3 * np.exp(-np.arange(200) / 20), atol=1e-15)


def test_rates_of_a_regular_neuron_are_one_over_its_interval():
    drives = np.array([0.0, 18.0, 25.0])  # threshold: 16 mV above rest
    rates = measure_rates(make_neuron("lif"), drives, 10)
    intervals_ms = 20 * np.log(drives[1:] / (drives[1:] - 16))
    assert rates[0] == 0
    np.testing.assert_allclose(1e3 / rates[1:], np.ceil(intervals_ms * 10) / 10)


def test_rates_of_escape_noise_are_expected_ones():
    """At a constant potential, intervals are geometric: their mean is dt/p."""
    neuron = make_neuron("escape-lif", v_reset_mv=0.0, tau_membrane_ms=1e-3)
    drives = np.array([16.0, 20.0])
    hazards = 50 * np.exp((drives - 16) / 4)
    for division in (1, 10):
        p = 1 - np.exp(-hazards * 1e-3 / division)
        found = measure_rates(neuron, drives, division)
        np.testing.assert_allclose(found, p * 1e3 * division, rtol=2e-3)


def test_a_neuron_without_the_parameter_is_driven_through_its_port():
    """Through a delta synapse, w mV in each ms lift v to w*tau_membrane/ms, less half a step's."""
    rates = measure_rates(DrivenByPort(), np.array([0.5, 1.25]), 10)
    level_mv = 1.25 * 0.1 / math.expm1(0.1 / 20)  # what the threshold sees; an input resets with v
    interval_ms = 0.1 * (math.ceil(-math.log(1 - 16 / level_mv) / (0.1 / 20)) + 1)
    assert rates[0] == 0
    assert 1e3 / rates[1] == pytest.approx(interval_ms, abs=0.1)


def test_promises_are_of_the_defaults():
    """At other parameters errors are told, and need only shrink."""
    fast = make_neuron("lif", tau_membrane_ms=1.0)
    assert "promises are of its defaults" in psp_area(fast)
    assert "promises are of its defaults" in rate(fast)


@pytest.mark.parametrize("name", NEURONS)
def test_every_neuron_that_can_be_measured_promises_on_its_own(name):
    kind = NEURONS[name]
    for promise, is_measured in (
        ("largest_psp_error", bool(kind.ports)),
        ("largest_rate_error", bool(kind.threshold) and not kind().takes),
    ):
        owners = [base.__name__ for base in kind.__mro__ if promise in vars(base)]
        assert (owners[0] != "NeuronModel") == is_measured


FILE = '''"""A neuron that promises nothing."""

from dataclasses import dataclass

from threefactor import NeuronModel


@dataclass(frozen=True)
class Leaky(NeuronModel):
    """Leaky integrate and fire by forward Euler.

    Parameters
    ----------
    tau_membrane_ms : float, default TAU
        Membrane time constant, ms.
    bias : float, default 0.0
        Constant drive.
    """

    tau_membrane_ms: float = TAU
    bias: float = 0.0

    equations = "v : 1"
    integrate = "v += dt/tau_membrane*(bias - v)"
    threshold = "v >= 1"
    reset = "v = 0"
    ports = {"current": "v += w"}
'''


@pytest.mark.parametrize(("tau_ms", "is_kept"), [("40.0", True), ("5.0", False)])
def test_a_file_that_promises_nothing_is_held_to_five_percent(tau_ms, is_kept, tmp_path):
    path = tmp_path / "leaky.py"
    path.write_text(FILE.replace("TAU", tau_ms))
    report = check_part(f"{path}:Leaky")
    results = {result.check: result for result in report.results}
    assert report.is_passed == is_kept
    found = results["psp-area"]
    if is_kept:
        assert "at most 5.00% promised" in found.message
    else:
        assert "expected an error of at most 5.00% (largest_psp_error), got -" in found.message
        assert "\n" not in found.message
