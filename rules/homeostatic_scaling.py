"""Homeostatic synaptic scaling."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule


@dataclass(frozen=True)
class HomeostaticScaling(Rule):
    """Homeostatic scaling: all synapses of a neuron grow or shrink until it fires at a target rate.

    Equations
    ---------
    d activity/dt = -activity/tau_activity,  + 1 at each postsynaptic spike
    every weight_period:
        w <- clip(w*(1 + learning_rate*(1 - activity/(tau_activity*target_rate))), w_min, w_max)

    Parameters
    ----------
    learning_rate : float, default 0.001
        Relative weight change of one tick of the weight clock for a silent neuron, >= 0.
    tau_activity_ms : float, default 1000.0
        Memory of the rate estimate, ms, > 0.
    target_rate_hz : float, default 5.0
        Rate at which the weights rest, Hz, not 0.
    weight_period_ms : float, default 10.0
        Period of the weight clock, ms, > 0, a multiple of the timestep.

    State
    -----
    activity : (n_post,), spikes of the last tau_activity, kept over episodes

    Limits
    ------
    For excitatory weights: it scales sizes, so an inhibitory projection would run away. A silent
    neuron's weights grow without any spike. No estimate of the rate at the start: activity begins
    at zero. Ignores every modulator.

    Source
    ------
    Turrigiano et al. 1998, Nature 391:892; the form of van Rossum, Bi & Turrigiano 2000, J.
    Neurosci. 20:8812, without its integral term. Rates and times here are not published constants.
    """

    learning_rate: float = 1e-3
    tau_activity_ms: float = 1000.0
    target_rate_hz: float = 5.0
    weight_period_ms: float = 10.0

    post_equations = "dactivity/dt = -activity/tau_activity : 1"
    post_on_spike = "activity += 1"
    consolidate = "w *= 1 + learning_rate*(1 - activity/(tau_activity*target_rate))"
    resets = {"activity": "keep"}
    weight_clock = "weight_period_ms"
    modulated = False
    linear = False
    drifts = True
