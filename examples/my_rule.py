"""The rule of docs/write_a_rule.md: reward-modulated Hebb with a memory."""

from dataclasses import dataclass

from threefactor import Rule


@dataclass(frozen=True)
class MyRule(Rule):
    """Reward-modulated Hebb: inputs that helped a spike wait for their reward.

    Equations
    ---------
    d pre_trace/dt = -pre_trace/tau_trace, + 1 at each presynaptic spike
    d eligibility/dt = -eligibility/tau_eligibility, + pre_trace at each postsynaptic spike
    w <- clip(w + learning_rate*third_factor*eligibility, w_min, w_max)

    Parameters
    ----------
    learning_rate : float, default 0.05
        Weight change per unit of eligibility for third factor 1, in units of the weight, >= 0.
    tau_trace_ms : float, default 20.0
        How long before a spike an input still counts, ms, > 0.
    tau_eligibility_ms : float, default 20.0
        How long before its reward a spike still counts, ms, > 0.

    Source
    ------
    Written for docs/write_a_rule.md; the three-factor form is that of Fremaux & Gerstner 2016,
    Front. Neural Circuits 9:85, eq. 1.
    """

    learning_rate: float = 0.05
    tau_trace_ms: float = 20.0
    tau_eligibility_ms: float = 20.0

    pre_equations = "dpre_trace/dt = -pre_trace/tau_trace : 1"
    pre_on_spike = "pre_trace += 1"
    equations = "deligibility/dt = -eligibility/tau_eligibility : 1"
    on_post = "eligibility += pre_trace"
    consolidate = "w += learning_rate*third_factor*eligibility"
