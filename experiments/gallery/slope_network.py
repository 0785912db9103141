"""The networks of the experiments on surrogate slopes, and gradients of their weights."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from threefactor.models.architectures.analog import analog_layers
from threefactor.models.neurons import make_neuron
from threefactor.models.specification import NetworkSpec, Uniform

if TYPE_CHECKING:
    from threefactor.models.differentiable import DifferentiableNetwork

Floats = NDArray[np.float64]

N_INPUTS, WIDTH, N_OUTPUTS = 18, 64, 4


def slope_spec(hidden_layers: int, readout_decay: float = 0.0) -> NetworkSpec:
    """Return 18 numbers -> hidden layers of 64 soft-reset neurons -> 4 readouts.

    Leaks and thresholds are drawn from U(0, 1), one for each neuron.
    """
    return analog_layers(
        (N_INPUTS, *[WIDTH] * hidden_layers, N_OUTPUTS),
        make_neuron("lif-soft-reset"),
        make_neuron("readout-discrete", synapse_decay=0.0, membrane_decay=readout_decay),
        heterogeneity={"membrane_decay": Uniform(0.0, 1.0), "v_threshold": Uniform(0.0, 1.0)},
    )


def weight_names(spec: NetworkSpec) -> list[str]:
    """Return the names of the weights of each layer, that of the input first."""
    return [f"{m.name}.weight" for m in spec.modulations] + [
        f"{p.name}.w" for p in spec.projections
    ]


def square_error(network: "DifferentiableNetwork", told: Any, targets: Any, warm_up: int) -> Any:
    """Return the mean square error of the readouts from timestep `warm_up` on, a tensor.

    Parameters
    ----------
    told : (timesteps, batch, n_inputs) tensor
    targets : (timesteps, batch, n_outputs) tensor
        What the readouts should say in the same timestep.
    """
    outputs, _ = network(told, 1)
    return (outputs - targets)[warm_up:].square().mean()


def layer_gradients(
    network: "DifferentiableNetwork", told: Any, targets: Any, warm_up: int
) -> list[Floats]:
    """Return the gradients of `square_error` by the weights of each layer, flat."""
    network.zero_grad()
    square_error(network, told, targets, warm_up).backward()
    gradients = [network.parameter(name).grad for name in weight_names(network.spec)]
    return [gradient.numpy().astype(np.float64).ravel() for gradient in gradients]


def cosine(one: Floats, other: Floats) -> float:
    """Return the cosine of the angle between two vectors; 0 where one has no direction."""
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / size if size > 0.0 else 0.0
