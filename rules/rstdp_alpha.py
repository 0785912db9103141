"""Reward-modulated STDP with an alpha-shaped eligibility."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule
from threefactor.search_range import searched


@dataclass(frozen=True)
class AlphaRewardModulatedSTDP(Rule):
    """Reward-modulated STDP whose eligibility rises and falls: credit peaks a while after the pair.

    Equations
    ---------
    d pre_trace/dt = -pre_trace/tau_plus,    + 1 at each presynaptic spike
    d post_trace/dt = -post_trace/tau_minus, + 1 at each postsynaptic spike
    d rise/dt = -rise/tau_eligibility,       + a_plus*pre_trace at each postsynaptic spike
                                             - a_minus*post_trace at each presynaptic spike
    d eligibility/dt = (rise - eligibility)/tau_eligibility
    so that a pair of size 1 leaves
        eligibility(s) = s/tau_eligibility*exp(-s/tau_eligibility)             (f in [1])
    decision: trace <- eligibility
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    Parameters
    ----------
    learning_rate : float, default 0.01
        Scale of every weight change, in units of the weight, >= 0.
    tau_plus_ms : float, default 30.0
        Decay of the presynaptic trace, ms, > 0.
    tau_minus_ms : float, default 30.0
        Decay of the postsynaptic trace, ms, > 0.
    tau_eligibility_ms : float, default 400.0
        Time from a pair to the peak of its eligibility (tau_e), ms, > 0.
    a_plus : float, default 1.0
        Share of pre-before-post pairs.
    a_minus : float, default 1.05
        Share of post-before-pre pairs, subtracted.

    State
    -----
    pre_trace : (n_pre,), 1, zeroed at episode start
    post_trace : (n_post,), 1, zeroed at episode start
    rise, eligibility : (n_synapses,), 1, zeroed at episode start
    trace : (n_synapses,), 1, the eligibility at the end of the last closed window

    Limits
    ------
    Equal to the dw/dt = c(t)*d(t) of [1] when the decision window is one timestep and learning_rate
    holds the timestep. Traces are read before the spikes of this timestep: coincident spikes do not
    pair (as in [1], where pairs closer than a gap are left out).

    Source
    ------
    [1] Legenstein, Pecevski & Maass 2008, PLoS Comput. Biol. 4:e1000180, eqs 1-3; constants of the
    authors' code (ModelDB 116837).
    """

    learning_rate: float = searched(0.01, 0.005, 500.0, is_log=True)
    tau_plus_ms: float = 30.0
    tau_minus_ms: float = 30.0
    tau_eligibility_ms: float = searched(400.0, 10.0, 1000.0, is_log=True)
    a_plus: float = 1.0
    a_minus: float = 1.05

    pre_equations = "dpre_trace/dt = -pre_trace/tau_plus : 1"
    pre_on_spike = "pre_trace += 1"
    post_equations = "dpost_trace/dt = -post_trace/tau_minus : 1"
    post_on_spike = "post_trace += 1"
    equations = """drise/dt = -rise/tau_eligibility : 1
    deligibility/dt = (rise - eligibility)/tau_eligibility : 1
    trace : 1"""
    on_pre = "rise -= a_minus*post_trace"
    on_post = "rise += a_plus*pre_trace"
    at_decision = "trace = eligibility"
    consolidate = "w += learning_rate*third_factor*trace"
