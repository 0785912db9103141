"""Triplet STDP, unsupervised."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule


@dataclass(frozen=True)
class TripletSTDP(Rule):
    """Triplet STDP: pairs and triplets of spikes, so that potentiation grows with the rate.

    Equations
    ---------
    d pre_trace/dt = -pre_trace/tau_plus,   d pre_slow/dt = -pre_slow/tau_x    (r1, r2 in [1])
    d post_trace/dt = -post_trace/tau_minus, d post_slow/dt = -post_slow/tau_y (o1, o2 in [1])
    each + 1 at its neuron's spikes, after the weights were changed:
    presynaptic spike:
        w <- clip(w - learning_rate*post_trace*(a2_minus + a3_minus*pre_slow), w_min, w_max)
    postsynaptic spike:
        w <- clip(w + learning_rate*pre_trace*(a2_plus + a3_plus*post_slow), w_min, w_max)

    Parameters
    ----------
    learning_rate : float, default 1.0
        Scale of every weight change, in units of the weight, >= 0.
    tau_plus_ms : float, default 16.8
        Decay of the fast presynaptic trace, ms, > 0.
    tau_minus_ms : float, default 33.7
        Decay of the fast postsynaptic trace, ms, > 0.
    tau_x_ms : float, default 101.0
        Decay of the slow presynaptic trace, ms, > 0.
    tau_y_ms : float, default 125.0
        Decay of the slow postsynaptic trace, ms, > 0.
    a2_plus : float, default 5e-10
        Potentiation of a pair.
    a2_minus : float, default 0.007
        Depression of a pair.
    a3_plus : float, default 0.0062
        Potentiation of a post-pre-post triplet.
    a3_minus : float, default 0.00023
        Depression of a pre-post-pre triplet.

    State
    -----
    pre_trace, pre_slow : (n_pre,), 1, zeroed at episode start
    post_trace, post_slow : (n_post,), 1, zeroed at episode start

    Limits
    ------
    Every trace is read before the spikes of this timestep, so coincident spikes do not pair with
    each other. Ignores every modulator.

    Source
    ------
    [1] Pfister & Gerstner 2006, J. Neurosci. 26:9673, eqs 2-4; defaults: table 4, visual cortex,
    all-to-all, full model. The hippocampal set: tau_x 946, tau_y 27, a2_plus 0.0061, a2_minus
    0.0016, a3_plus 0.0067, a3_minus 0.0014 (both sets from memory of the table).
    """

    learning_rate: float = 1.0
    tau_plus_ms: float = 16.8
    tau_minus_ms: float = 33.7
    tau_x_ms: float = 101.0
    tau_y_ms: float = 125.0
    a2_plus: float = 5e-10
    a2_minus: float = 7e-3
    a3_plus: float = 6.2e-3
    a3_minus: float = 2.3e-4

    pre_equations = """dpre_trace/dt = -pre_trace/tau_plus : 1
    dpre_slow/dt = -pre_slow/tau_x : 1"""
    pre_on_spike = """pre_trace += 1
    pre_slow += 1"""
    post_equations = """dpost_trace/dt = -post_trace/tau_minus : 1
    dpost_slow/dt = -post_slow/tau_y : 1"""
    post_on_spike = """post_trace += 1
    post_slow += 1"""
    on_pre = "w = clip(w - learning_rate*post_trace*(a2_minus + a3_minus*pre_slow), w_min, w_max)"
    on_post = "w = clip(w + learning_rate*pre_trace*(a2_plus + a3_plus*post_slow), w_min, w_max)"
    modulated = False
    linear = False
