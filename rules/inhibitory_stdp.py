"""Inhibitory plasticity that balances excitation."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule


@dataclass(frozen=True)
class InhibitorySTDP(Rule):
    """Inhibitory plasticity: symmetric STDP that holds the postsynaptic neuron at a target rate.

    Equations
    ---------
    d pre_trace/dt = -pre_trace/tau_trace,   + 1 at each presynaptic spike
    d post_trace/dt = -post_trace/tau_trace, + 1 at each postsynaptic spike
    presynaptic spike:  w <- w + polarity*learning_rate*(post_trace - 2*target_rate*tau_trace)
    postsynaptic spike: w <- w + polarity*learning_rate*pre_trace
    both clipped to w_min, w_max

    Parameters
    ----------
    learning_rate : float, default 0.0001
        Weight change of a pair at zero distance (eta), in units of the weight, >= 0.
    tau_trace_ms : float, default 20.0
        Decay of both traces, ms, > 0.
    target_rate_hz : float, default 5.0
        Postsynaptic rate at which inhibition rests (rho_0), Hz.
    polarity : float, default 1.0
        1 where w is the size of an inhibition (an inhibitory port), -1 where inhibition is a
        negative w.

    State
    -----
    pre_trace : (n_pre,), 1, zeroed at episode start
    post_trace : (n_post,), 1, zeroed at episode start

    Limits
    ------
    The rate settles at the target only if excitation exceeds it and the bounds leave room. A
    coincidence counts as one pair. Ignores every modulator.

    Source
    ------
    Vogels, Sprekeler, Zenke, Clopath & Gerstner 2011, Science 334:1569; alpha = 2*rho_0*tau.
    """

    learning_rate: float = 1e-4
    tau_trace_ms: float = 20.0
    target_rate_hz: float = 5.0
    polarity: float = 1.0

    pre_equations = "dpre_trace/dt = -pre_trace/tau_trace : 1"
    pre_on_spike = "pre_trace += 1"
    post_equations = "dpost_trace/dt = -post_trace/tau_trace : 1"
    post_on_spike = "post_trace += 1"
    on_pre = """w += polarity*learning_rate*(post_trace - 2*target_rate*tau_trace)
    w = clip(w, w_min, w_max)"""
    on_post = "w = clip(w + polarity*learning_rate*pre_trace, w_min, w_max)"
    order = ("each_step", "on_pre", "pre_on_spike", "on_post", "post_on_spike")
    modulated = False
    linear = False
