"""Neurons that never spike and are read by their membrane."""

from dataclasses import dataclass

from threefactor.models.neurons.contract import NeuronModel


@dataclass(frozen=True)
class Readout(NeuronModel):
    """Leaky readout: a membrane without threshold, decoded as a number.

    Equations
    ---------
    tau_membrane*dv/dt = bias - v;  input spike: v += w

    Parameters
    ----------
    tau_membrane_ms : float, default 20.0
        Decay of the membrane, ms, > 0.
    bias : float, default 0.0
        Value of v without input, 1.

    State
    -----
    v : (n,), 1
        Starts at bias.
    sensitivity : (n_synapses,), 1
        dv/dw: the filtered presynaptic spikes.

    Limits
    ------
    w in units of v. Papers that filter with (1 - kappa)*w scale the weight themselves. PSPs are
    exact.

    Source
    ------
    Bellec et al. 2020, Nat. Commun. 11:3625, eq. 11 (y), without the factor 1 - kappa.
    """

    tau_membrane_ms: float = 20.0
    bias: float = 0.0

    equations = "dv/dt = (bias - v)/tau_membrane : 1"
    ports = {"current": "v += w"}
    initial = {"v": "bias"}
    readout = "v"
    largest_psp_error = 0.001
    sensitivity_equations = "dsensitivity/dt = -sensitivity/tau_membrane : 1 (clock-driven)"
    sensitivity_on_pre = "sensitivity += 1"
