"""BCM with reward, a rule outside the library: check it and train with it as it stands."""

from dataclasses import dataclass

from threefactor import Rule


@dataclass(frozen=True)
class RewardedBCM(Rule):
    """Rewarded BCM: activity above a sliding threshold potentiates, below it depresses.

    Equations
    ---------
    d pre_trace/dt = -pre_trace/tau_trace,   + 1 at each presynaptic spike
    d post_trace/dt = -post_trace/tau_trace, + 1 at each postsynaptic spike
    tau_threshold*d threshold/dt = post_trace**2/target - threshold
    tau_eligibility*d eligibility/dt = pre_trace*post_trace*(post_trace - threshold) - eligibility
    w <- clip(w + learning_rate*third_factor*eligibility, w_min, w_max)

    Parameters
    ----------
    learning_rate : float, default 0.02
        Scale of every weight change, in units of the weight, >= 0.
    tau_trace_ms : float, default 20.0
        Memory of both spike traces, ms, > 0.
    tau_threshold_ms : float, default 1000.0
        Memory of the threshold, ms, > 0; slow against the traces.
    tau_eligibility_ms : float, default 20.0
        Memory of the eligibility, ms, > 0.
    target : float, default 1.0
        Postsynaptic trace at which a steady neuron sits on its threshold, > 0.

    Source
    ------
    Bienenstock, Cooper & Munro 1982, J. Neurosci. 2:32; threshold as in Intrator & Cooper 1992,
    Neural Netw. 5:3. The third factor is ours.
    """

    learning_rate: float = 0.02
    tau_trace_ms: float = 20.0
    tau_threshold_ms: float = 1000.0
    tau_eligibility_ms: float = 20.0
    target: float = 1.0

    pre_equations = "dpre_trace/dt = -pre_trace/tau_trace : 1"
    pre_on_spike = "pre_trace += 1"
    post_equations = """dpost_trace/dt = -post_trace/tau_trace : 1
    threshold : 1"""
    post_on_spike = "post_trace += 1"
    post_each_step = "threshold += (post_trace**2/target - threshold)*dt/tau_threshold"
    equations = "deligibility/dt = -eligibility/tau_eligibility : 1"
    each_step = "eligibility += pre_trace*post_trace*(post_trace - threshold)*dt/tau_eligibility"
    consolidate = "w += learning_rate*third_factor*eligibility"
    resets = {"threshold": "keep"}
