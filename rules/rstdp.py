"""Reward-modulated STDP without eligibility decay (MSTDP)."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule
from threefactor.search_range import searched


@dataclass(frozen=True)
class RewardModulatedSTDP(Rule):
    """Reward-modulated STDP: the spike pairs of one decision window times the third factor (MSTDP).

    Equations
    ---------
    d pre_trace/dt = -pre_trace/tau_plus,    + 1 at each presynaptic spike (P+ in [1])
    d post_trace/dt = -post_trace/tau_minus, + 1 at each postsynaptic spike (-P- in [1])
    eligibility = sum over the window of a_plus*pre_trace at postsynaptic spikes
                  - a_minus*post_trace at presynaptic spikes (zeta in [1])
    decision: trace <- eligibility, eligibility <- 0
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    Parameters
    ----------
    learning_rate : float, default 0.1
        Weight change of one pair at zero distance for third factor 1, in units of the weight, >= 0.
    tau_plus_ms : float, default 20.0
        Decay of the presynaptic trace, ms, > 0.
    tau_minus_ms : float, default 20.0
        Decay of the postsynaptic trace, ms, > 0.
    a_plus : float, default 1.0
        Share of pre-before-post pairs.
    a_minus : float, default 1.0
        Share of post-before-pre pairs, subtracted.

    State
    -----
    pre_trace : (n_pre,), 1, zeroed at episode start
    post_trace : (n_post,), 1, zeroed at episode start
    eligibility : (n_synapses,), 1, zeroed when the decision window closes
    trace : (n_synapses,), 1, the eligibility of the last closed window

    Limits
    ------
    Reward credits only the window that it answers; for credit over several windows use
    ``rstdp-et``. Both traces move before the pairs are read, so a coincidence counts ``a_plus -
    a_minus``.

    Source
    ------
    [1] Florian 2007, Neural Comput. 19:1468, eqs 2.7-2.8 and 3.6-3.9. Equal to [1] when the
    decision window is one timestep; with longer windows the pairs of the window are summed.
    """

    learning_rate: float = searched(0.1, 0.005, 500.0, is_log=True)
    tau_plus_ms: float = 20.0
    tau_minus_ms: float = 20.0
    a_plus: float = 1.0
    a_minus: float = 1.0

    pre_equations = "dpre_trace/dt = -pre_trace/tau_plus : 1"
    pre_on_spike = "pre_trace += 1"
    post_equations = "dpost_trace/dt = -post_trace/tau_minus : 1"
    post_on_spike = "post_trace += 1"
    equations = """eligibility : 1
    trace : 1"""
    on_pre = "eligibility -= a_minus*post_trace"
    on_post = "eligibility += a_plus*pre_trace"
    at_decision = "trace = eligibility"
    consolidate = "w += learning_rate*third_factor*trace"
    order = ("each_step", "pre_on_spike", "post_on_spike", "on_pre", "on_post")
    resets = {"eligibility": "decision"}
