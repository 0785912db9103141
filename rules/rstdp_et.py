"""Reward-modulated STDP with an eligibility trace (MSTDPET)."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule
from threefactor.search_range import searched


@dataclass(frozen=True)
class RewardModulatedSTDPWithEligibility(Rule):
    """Reward-modulated STDP with a decaying eligibility trace: credit reaches back (MSTDPET).

    Equations
    ---------
    d pre_trace/dt = -pre_trace/tau_plus,    + 1 at each presynaptic spike (P+ in [1])
    d post_trace/dt = -post_trace/tau_minus, + 1 at each postsynaptic spike (-P- in [1])
    d eligibility/dt = -eligibility/tau_eligibility (z in [1])
        + a_plus*pre_trace*unit_time/tau_eligibility at each postsynaptic spike
        - a_minus*post_trace*unit_time/tau_eligibility at each presynaptic spike
    decision: trace <- eligibility
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    Parameters
    ----------
    learning_rate : float, default 0.625
        Scale of every weight change, in units of the weight, >= 0.
    tau_plus_ms : float, default 20.0
        Decay of the presynaptic trace, ms, > 0.
    tau_minus_ms : float, default 20.0
        Decay of the postsynaptic trace, ms, > 0.
    tau_eligibility_ms : float, default 25.0
        Decay of the eligibility, ms, > 0; about the delay between a spike and its reward.
    unit_time_ms : float, default 1.0
        Time that tau_eligibility is divided by, ms: the timestep of [1]. It only scales the rule.
    a_plus : float, default 1.0
        Share of pre-before-post pairs.
    a_minus : float, default 1.0
        Share of post-before-pre pairs, subtracted.

    State
    -----
    pre_trace : (n_pre,), 1, zeroed at episode start
    post_trace : (n_post,), 1, zeroed at episode start
    eligibility : (n_synapses,), 1, decays all the time, zeroed at episode start
    trace : (n_synapses,), 1, the eligibility at the end of the last closed window

    Limits
    ------
    ``trace`` is a copy so that a late third factor (TD error of a spiking critic) does not credit
    the window that computed it. Both spike traces move before the pairs are read, so a coincidence
    counts ``a_plus - a_minus``.

    Source
    ------
    [1] Florian 2007, Neural Comput. 19:1468, eqs 3.10-3.12. Equal to [1] when the decision window
    and unit_time_ms are one timestep.
    """

    learning_rate: float = searched(0.625, 0.005, 500.0, is_log=True)
    tau_plus_ms: float = 20.0
    tau_minus_ms: float = 20.0
    tau_eligibility_ms: float = searched(25.0, 10.0, 1000.0, is_log=True)
    unit_time_ms: float = 1.0
    a_plus: float = 1.0
    a_minus: float = 1.0

    pre_equations = "dpre_trace/dt = -pre_trace/tau_plus : 1"
    pre_on_spike = "pre_trace += 1"
    post_equations = "dpost_trace/dt = -post_trace/tau_minus : 1"
    post_on_spike = "post_trace += 1"
    equations = """deligibility/dt = -eligibility/tau_eligibility : 1
    trace : 1"""
    on_pre = "eligibility -= a_minus*post_trace*unit_time/tau_eligibility"
    on_post = "eligibility += a_plus*pre_trace*unit_time/tau_eligibility"
    at_decision = "trace = eligibility"
    consolidate = "w += learning_rate*third_factor*trace"
    order = ("each_step", "pre_on_spike", "post_on_spike", "on_pre", "on_post")
