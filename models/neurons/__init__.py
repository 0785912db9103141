"""Neuron models by name; `make_neuron` builds one."""

from dataclasses import fields

from threefactor.models.neurons.adaptive_lif import AdaptiveLIF
from threefactor.models.neurons.bernoulli import BernoulliGLM, Ising
from threefactor.models.neurons.contract import AnalogInput, NeuronModel, PoissonInput, TimedInput
from threefactor.models.neurons.discrete import DiscreteLIF, DiscreteReadout, SoftResetLIF
from threefactor.models.neurons.escape import SRM0, EscapeLIF
from threefactor.models.neurons.graded import Rectifier
from threefactor.models.neurons.izhikevich import Izhikevich, NoisyIzhikevich
from threefactor.models.neurons.lif import LIF, ConductanceLIF, CurrentLIF, NoisyLIF
from threefactor.models.neurons.readout import Readout
from threefactor.models.neurons.td_error import TDError
from threefactor.naming import check_choice

NEURONS: dict[str, type[NeuronModel]] = {
    "adaptive-lif": AdaptiveLIF,
    "analog": AnalogInput,
    "bernoulli-glm": BernoulliGLM,
    "escape-lif": EscapeLIF,
    "ising": Ising,
    "izhikevich": Izhikevich,
    "lif": LIF,
    "lif-conductance": ConductanceLIF,
    "lif-current": CurrentLIF,
    "lif-discrete": DiscreteLIF,
    "lif-soft-reset": SoftResetLIF,
    "noisy-izhikevich": NoisyIzhikevich,
    "noisy-lif": NoisyLIF,
    "poisson": PoissonInput,
    "readout": Readout,
    "readout-discrete": DiscreteReadout,
    "relu": Rectifier,
    "srm0": SRM0,
    "td-error": TDError,
    "timed": TimedInput,
}


def make_neuron(name: str, **parameters: float) -> NeuronModel:
    """Return the neuron called `name`; raise ValueError with a suggestion for an unknown name."""
    check_choice("neuron", name, NEURONS)
    neuron = NEURONS[name]
    known = [field.name for field in fields(neuron)]
    for parameter in parameters:
        check_choice(f"parameter of neuron {name!r}:", parameter, known)
    return neuron(**parameters)
