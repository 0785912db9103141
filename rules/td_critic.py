"""Delta rule of value estimates: presynaptic activity times the TD error."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule
from threefactor.search_range import searched


@dataclass(frozen=True)
class CriticDelta(Rule):
    """Delta rule of a critic: presynaptic spikes of past windows times the TD error, TD(lambda).

    Equations
    ---------
    activity = number of presynaptic spikes in the decision window
    decision: trace <- trace_decay*trace + activity, activity <- 0
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    Parameters
    ----------
    learning_rate : float, default 0.01
        Weight change of one presynaptic spike for third factor 1, in units of the weight, >= 0.
    trace_decay : float, default 0.76
        What is left of the trace after one decision, 0 to 1: gamma*lambda of TD(lambda).

    State
    -----
    activity : (n_pre,), spikes, zeroed when the decision window closes
    trace : (n_synapses,), spikes, zeroed at episode start

    Limits
    ------
    Semi-gradient TD(lambda) of a readout that is linear in the spike counts; for spiking critics
    the postsynaptic gain is left out (positive, so the sign is right). Hidden layers are not
    trained by it.

    Source
    ------
    Sutton & Barto 2018, eqs 12.5-12.7, features = spike counts of a window.
    """

    learning_rate: float = searched(0.01, 0.0001, 0.1, is_log=True)
    trace_decay: float = searched(0.76, 0.0, 0.95)

    pre_equations = "activity : 1"
    pre_on_spike = "activity += 1"
    equations = "trace : 1"
    at_decision = "trace = trace_decay*trace + activity"
    consolidate = "w += learning_rate*third_factor*trace"
    resets = {"activity": "decision"}
