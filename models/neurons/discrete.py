"""Neurons in discrete time with decays per timestep, of networks that are trained by gradients.

What arrives in a timestep is collected by itself and then added at once: its sum is exact for
weights on a grid of powers of two, in whatever order spikes arrive (`models.grid`).
"""

from dataclasses import dataclass
from math import inf

from threefactor.models.neurons.contract import NeuronModel, check_not_negative

_FILTER = """
current = synapse_decay*current + arriving + drive
v = membrane_decay*v + current
arriving = 0
"""
# A spike that arrives in a timestep is in v of the next one, which a rule's each_step reads.
_FILTERED = """
sensitivity_current = synapse_decay*sensitivity_current
sensitivity = membrane_decay*sensitivity + sensitivity_current
"""
_ARRIVES = "sensitivity_current += 1; sensitivity += 1"


@dataclass(frozen=True)
class DiscreteLIF(NeuronModel):
    """Discrete-time LIF with a synaptic filter and hard reset, trained by surrogate gradients.

    Equations
    ---------
    current[t] = synapse_decay*current[t-1] + sum of w over spikes of timestep t-1 + drive[t]
    v[t] = membrane_decay*v[t-1] + current[t];  v > v_threshold: spike, then v = 0

    Parameters
    ----------
    synapse_decay : float, default 0.5
        What a timestep leaves of the current, exp(-dt/tau_synapse) (alpha), 0 to 1; 0: no filter.
    membrane_decay : float, default 0.5
        What it leaves of v, exp(-dt/tau_membrane) (beta), 0 to 1; 1: no leak.
    v_threshold : float, default 0.2
        Threshold (theta), 1, >= 0.

    State
    -----
    v : (n,), 1
    current : (n,), 1
        Filtered input (I); a spike leaves it.
    arriving : (n,), 1
        Weights of the spikes that arrived since the last timestep.
    drive : (n,), 1
        Analogue input, for a modulation to write; 0 without one.
    sensitivity, sensitivity_current : (n_synapses,), 1
        Derivatives of v and current by w; a spike leaves the second.

    Raises
    ------
    ValueError
        If a decay is not in [0, 1] or v_threshold < 0

    Limits
    ------
    Decays are per timestep, whatever its length. A layer takes a timestep: the paper's spikes pass
    all layers in one, so that its T timesteps of L layers are T + L - 1 here, with the same spikes
    and output. The paper does not filter the input of the first layer: synapse_decay = 0 there.
    sensitivity needs each_step before on_pre and on_post (the default order).

    Source
    ------
    Akl, Ergene, Walter & Knoll 2023, Front. Neurorobot. 17:1075647: their published code.
    """

    synapse_decay: float = 0.5
    membrane_decay: float = 0.5
    v_threshold: float = 0.2

    equations = """
    v : 1
    current : 1
    arriving : 1
    drive : 1
    """
    integrate = _FILTER
    threshold = "v > v_threshold"
    reset = "v = 0"
    ports = {"current": "arriving += w"}
    bounds = {"synapse_decay": (0.0, 1.0), "membrane_decay": (0.0, 1.0), "v_threshold": (0.0, inf)}
    largest_psp_error = inf
    largest_rate_error = inf
    sensitivity_equations = "sensitivity : 1\nsensitivity_current : 1"
    sensitivity_on_pre = _ARRIVES
    sensitivity_on_post = "sensitivity = sensitivity_current"
    sensitivity_each_step = _FILTERED

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        check_not_negative(self, "v_threshold")


@dataclass(frozen=True)
class SoftResetLIF(NeuronModel):
    """Discrete-time LIF whose spike subtracts the threshold, with leak and threshold per neuron.

    Equations
    ---------
    v[t] = membrane_decay*v[t-1] + sum of w over spikes of timestep t-1 + drive[t]
    - v_threshold*(spike at t-1);  v > v_threshold: spike

    Parameters
    ----------
    membrane_decay : float, default 0.5
        What a timestep leaves of v (beta), 0 to 1; 1: no leak.
    v_threshold : float, default 0.5
        Threshold, and what a spike subtracts (U_thr), 1, >= 0.

    State
    -----
    v : (n,), 1
    arriving, drive : (n,), 1
        As in lif-discrete.
    owed : (n,), 1
        What the last spike subtracts from v in the next timestep.
    sensitivity : (n_synapses,), 1
        Derivative of v by w; a spike leaves it.

    Raises
    ------
    ValueError
        If membrane_decay is not in [0, 1] or v_threshold < 0

    Limits
    ------
    Decays are per timestep, and a layer takes a timestep, as in lif-discrete. The subtraction does
    not decay before it acts, as in the paper. Values per neuron: heterogeneity of the population.

    Source
    ------
    Van den Berghe, Stroobants, Reddi & de Croon 2025, NeurIPS: the neuron of their section 3.
    """

    membrane_decay: float = 0.5
    v_threshold: float = 0.5

    equations = """
    v : 1
    arriving : 1
    drive : 1
    owed : 1
    """
    integrate = """
    v = membrane_decay*v + arriving + drive - owed
    arriving = 0
    owed = 0
    """
    threshold = "v > v_threshold"
    reset = "owed = v_threshold"
    ports = {"current": "arriving += w"}
    bounds = {"membrane_decay": (0.0, 1.0), "v_threshold": (0.0, inf)}
    largest_psp_error = inf
    largest_rate_error = inf
    sensitivity_equations = "sensitivity : 1"
    sensitivity_on_pre = "sensitivity += 1"
    # Brian2 would multiply in place, and with it what a rule has kept by `seen = sensitivity`.
    sensitivity_each_step = "sensitivity = clip(membrane_decay*sensitivity, -inf, inf)"

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        check_not_negative(self, "v_threshold")


@dataclass(frozen=True)
class DiscreteReadout(NeuronModel):
    """Discrete-time readout with a synaptic filter: never spikes, its membrane is a number.

    Equations
    ---------
    current[t] = synapse_decay*current[t-1] + sum of w over spikes of timestep t-1 + drive[t]
    v[t] = membrane_decay*v[t-1] + current[t]

    Parameters
    ----------
    synapse_decay : float, default 0.5
        What a timestep leaves of the current (alpha), 0 to 1; 0: no filter.
    membrane_decay : float, default 0.5
        What it leaves of v (beta), 0 to 1; 1: no leak, v is the sum of all input.

    State
    -----
    v : (n,), 1
        What is decoded: of a window its last value.
    current, arriving, drive : (n,), 1
        As in lif-discrete.
    sensitivity, sensitivity_current : (n_synapses,), 1
        Derivatives of v and current by w.

    Raises
    ------
    ValueError
        If a decay is not in [0, 1]

    Limits
    ------
    Decays are per timestep, and spikes arrive a timestep late, as in lif-discrete.

    Source
    ------
    Akl, Ergene, Walter & Knoll 2023, Front. Neurorobot. 17:1075647: their published code.
    """

    synapse_decay: float = 0.5
    membrane_decay: float = 0.5

    equations = """
    v : 1
    current : 1
    arriving : 1
    drive : 1
    """
    integrate = _FILTER
    ports = {"current": "arriving += w"}
    bounds = {"synapse_decay": (0.0, 1.0), "membrane_decay": (0.0, 1.0)}
    readout = "v"
    largest_psp_error = inf
    sensitivity_equations = "sensitivity : 1\nsensitivity_current : 1"
    sensitivity_on_pre = _ARRIVES
    sensitivity_each_step = _FILTERED
