"""Hedonistic synapses: the randomness of release is what learns."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule


@dataclass(frozen=True)
class HedonisticSynapse(Rule):
    """Hedonistic synapse: unreliable release whose probability follows reward.

    Equations
    ---------
    p = 1/(1 + exp(-w - facilitation))                      release probability (w is q in [1])
    presynaptic spike: released with probability p; if so, the port receives amplitude
        eligibility <- eligibility + released - p           the score d log P(released) / dw
        facilitation <- facilitation + facilitation_jump    (Delta c in [1])
    d facilitation/dt = -facilitation/tau_facilitation      (c in [1])
    d eligibility/dt = -eligibility/tau_eligibility
    decision: trace <- eligibility
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    Parameters
    ----------
    learning_rate : float, default 0.1
        Scale of every change of w, >= 0.
    amplitude : float, default 5.0
        What a release carries into the port, in the port's unit of weight; negative: inhibitory.
    tau_facilitation_ms : float, default 50.0
        Decay of the facilitation (tau_c), ms, > 0.
    facilitation_jump : float, default 0.0
        Facilitation of one presynaptic spike (Delta c); 0: none.
    tau_eligibility_ms : float, default 20.0
        Decay of the eligibility (tau_e), ms, > 0; longer than the delay of reward.

    State
    -----
    facilitation : (n_synapses,), 1, zeroed at episode start
    eligibility : (n_synapses,), 1, zeroed at episode start
    trace : (n_synapses,), 1, the eligibility at the end of the last closed window

    Limits
    ------
    The weight is the log-odds of release, not an amplitude: initial values near 0, bounds of about
    -5 to 5. Unbiased for rewards that come well within tau_eligibility. The neuron may be
    deterministic.

    Source
    ------
    [1] Seung 2003, Neuron 40:1063, eqs 1-4. Constants other than the form are from memory.
    """

    learning_rate: float = 0.1
    amplitude: float = 5.0
    tau_facilitation_ms: float = 50.0
    facilitation_jump: float = 0.0
    tau_eligibility_ms: float = 20.0

    equations = """dfacilitation/dt = -facilitation/tau_facilitation : 1
    deligibility/dt = -eligibility/tau_eligibility : 1
    trace : 1"""
    noise = ("release",)
    transmitted = "amplitude*int(release < 1/(1 + exp(-w - facilitation)))"
    on_pre = """eligibility += int(release < 1/(1 + exp(-w - facilitation)))
    eligibility -= 1/(1 + exp(-w - facilitation))
    facilitation += facilitation_jump"""
    at_decision = "trace = eligibility"
    consolidate = "w += learning_rate*third_factor*trace"
    linear = False  # a changed w releases differently
