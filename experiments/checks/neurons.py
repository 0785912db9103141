"""Promises of neuron models: what `models.neurons.checks` asks for."""

from collections.abc import Callable
from typing import Any

from threefactor.experiments.checks.neuron_timestep import psp_area, rate
from threefactor.experiments.checks.report import Broken
from threefactor.experiments.checks.settings import round_trip
from threefactor.models.neurons.checks import check_documentation, check_simulation
from threefactor.models.neurons.contract import NeuronModel
from threefactor.models.neurons.strings import check_neuron_values


def documentation(neuron: NeuronModel) -> str:
    """Name every field and its default in the docstring."""
    return _asked(check_documentation, type(neuron))


def constants(neuron: NeuronModel) -> str:
    """Make finite numbers of its parameters."""
    return _asked(check_neuron_values, neuron)


def simulation(neuron: NeuronModel) -> str:
    """Build, expose what it says, stay finite, repeat itself, and be silent unless spontaneous."""
    return _asked(check_simulation, neuron)


def _asked(check: Callable[[Any], None], subject: Any) -> str:
    try:
        check(subject)
    except (TypeError, ValueError) as error:
        raise Broken(str(error)) from error
    return ""


PROMISES = (documentation, round_trip, constants, simulation, psp_area, rate)
