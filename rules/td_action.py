"""Delta rule of action values: what was seen and done times the TD error, SARSA(lambda)."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule
from threefactor.search_range import searched


@dataclass(frozen=True)
class ActionDelta(Rule):
    """Delta rule of action values: the neurons of the action taken learn by the TD error.

    Equations
    ---------
    activity = number of presynaptic spikes in the decision window
    chosen = (1 + agreement*(2*fired - 1))/2, fired = 1 after a postsynaptic spike of the window
    decision: trace <- trace_decay*trace + chosen*activity, activity <- 0, fired <- 0
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    ``agreement`` is +1 for a neuron that fired and stands for the action taken, or did neither, and
    -1 otherwise, so that ``chosen`` is 1 for neurons of the action taken and 0 for others. With the
    modulator `td` and the model `action-values` the third factor is the TD error of that action.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Weight change of one presynaptic spike for third factor 1, in units of the weight, >= 0.
    trace_decay : float, default 0.0
        What is left of the trace after one decision, 0 to 1: gamma*lambda of SARSA(lambda).

    State
    -----
    activity : (n_pre,), spikes, zeroed when the decision window closes
    fired : (n_post,), 1, zeroed when the decision window closes
    agreement : (n_post,), 1, written by the agent between the choice of the action and the decision
        block, zeroed after it
    trace : (n_synapses,), spikes, zeroed at episode start

    Limits
    ------
    Semi-gradient SARSA(lambda) of values that are linear in the spike counts; for spiking neurons
    the postsynaptic gain is left out (positive, so the sign is right).

    Source
    ------
    Sutton & Barto 2018, sections 10.1 and 12.7, features = spike counts of a window. A tag for what
    was chosen as in AuGMEnT: Rombouts, Bohte & Roelfsema 2015, PLoS Comput. Biol. 11:e1004060.
    """

    learning_rate: float = searched(0.01, 0.0001, 0.1, is_log=True)
    trace_decay: float = searched(0.0, 0.0, 0.95)

    pre_equations = "activity : 1"
    pre_on_spike = "activity += 1"
    post_equations = """agreement : 1
    fired : 1"""
    post_on_spike = "fired = 1"
    host_writes = {"agreement": "agreement"}
    equations = "trace : 1"
    at_decision = "trace = trace_decay*trace + 0.5*(1 + agreement*(2*fired - 1))*activity"
    consolidate = "w += learning_rate*third_factor*trace"
    resets = {"activity": "decision", "fired": "decision", "agreement": "decision"}
