"""Dopamine-modulated STDP with a weight clock of its own."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule


@dataclass(frozen=True)
class DopamineSTDP(Rule):
    """Dopamine-modulated STDP: nearest spike pairs wait in a slow eligibility for distal reward.

    Equations
    ---------
    d pre_trace/dt = -pre_trace/tau_plus,    set to 1 at each presynaptic spike
    d post_trace/dt = -post_trace/tau_minus, set to 1 at each postsynaptic spike
    postsynaptic spike: eligibility <- eligibility + a_plus*pre_trace*exp(dt/tau_plus) (c in [1])
    presynaptic spike:  eligibility <- eligibility - a_minus*post_trace
    d dopamine/dt = -dopamine/tau_dopamine,  + third_factor when it is delivered (d in [1])
    every weight_period: w <- clip(w + learning_rate*(tonic + dopamine)*eligibility, w_min, w_max),
        then eligibility <- eligibility*exp(-weight_period/tau_eligibility)

    Parameters
    ----------
    learning_rate : float, default 1.0
        Scale of the weight change of one tick of the weight clock, in units of the weight, >= 0.
    tau_plus_ms : float, default 20.0
        Decay of the presynaptic trace, ms, > 0.
    tau_minus_ms : float, default 20.0
        Decay of the postsynaptic trace, ms, > 0.
    tau_eligibility_ms : float, default 1000.0
        Decay of the eligibility, ms, > 0.
    tau_dopamine_ms : float, default 200.0
        Decay of dopamine above its tonic level, ms, > 0.
    weight_period_ms : float, default 10.0
        Period of the weight clock, ms, > 0, a multiple of the timestep.
    a_plus : float, default 0.1
        Potentiation of a pair one timestep apart.
    a_minus : float, default 0.15
        Depression of a coincidence.
    tonic : float, default 0.002
        Tonic dopamine; it makes the rule drift as plain STDP between rewards.

    State
    -----
    pre_trace : (n_pre,), 1, kept over episodes
    post_trace : (n_post,), 1, kept over episodes
    dopamine : (n_post,), 1, above the tonic level, kept over episodes
    eligibility : (n_synapses,), 1, kept over episodes

    Limits
    ------
    The order is that of the published program: a postsynaptic spike reads the presynaptic trace as
    it was one timestep ago, before this timestep's spikes (pairs 1 ms apart and more); a
    presynaptic spike reads the postsynaptic trace with this timestep's spikes, so a coincidence is
    pure depression. Pair it with the plain ``reward`` modulator: the dopamine kinetics are already
    here. Delays of the reward belong to the environment. State outlives the episode because distal
    reward does.

    Source
    ------
    [1] Izhikevich 2007, Cereb. Cortex 17:2443, and daspnet.m (ModelDB 84167). There the traces
    decay by 0.95 per ms (tau 19.5 ms), dopamine by 0.995 (tau 199.5 ms) and the eligibility by 0.99
    per tick of the clock (tau 995 ms); here by exp(-dt/tau). One run of 6 s ended at a weight of
    0.470 with the decays of [1] and at 0.426 with these: single runs differ, tau can be set.
    """

    learning_rate: float = 1.0
    tau_plus_ms: float = 20.0
    tau_minus_ms: float = 20.0
    tau_eligibility_ms: float = 1000.0
    tau_dopamine_ms: float = 200.0
    weight_period_ms: float = 10.0
    a_plus: float = 0.1
    a_minus: float = 0.15
    tonic: float = 0.002

    pre_equations = "dpre_trace/dt = -pre_trace/tau_plus : 1"
    pre_on_spike = "pre_trace = 1"
    post_equations = """dpost_trace/dt = -post_trace/tau_minus : 1
    ddopamine/dt = -dopamine/tau_dopamine : 1"""
    post_on_spike = "post_trace = 1"
    post_on_delivery = "dopamine += third_factor"
    equations = "eligibility : 1"
    on_post = "eligibility += a_plus*pre_trace*exp(dt/tau_plus)"
    on_pre = "eligibility -= a_minus*post_trace"
    consolidate = """w += learning_rate*(tonic + dopamine)*eligibility
    eligibility *= exp(-weight_period/tau_eligibility)"""
    order = ("each_step", "on_post", "post_on_spike", "on_pre", "pre_on_spike")
    resets = {
        "pre_trace": "keep",
        "post_trace": "keep",
        "dopamine": "keep",
        "eligibility": "keep",
    }
    weight_clock = "weight_period_ms"
    modulated = False
    linear = False


@dataclass(frozen=True)
class KineticDopamineSTDP(Rule):
    """Dopamine-modulated STDP in continuous time: all spike pairs, dopamine above a baseline.

    Equations
    ---------
    d pre_trace/dt = -pre_trace/tau_plus,    + 1 at each presynaptic spike
    d post_trace/dt = -post_trace/tau_minus, + 1 at each postsynaptic spike
    d eligibility/dt = -eligibility/tau_eligibility,  + a_plus*pre_trace at a postsynaptic spike,
        - a_minus*post_trace at a presynaptic spike                             (c in [1])
    d dopamine/dt = -dopamine/tau_dopamine,  + third_factor*unit_time/tau_dopamine  (n in [1])
    dw/dt = learning_rate*eligibility*(dopamine - baseline)/unit_time, integrated exactly over each
        period of the weight clock, clipped to w_min, w_max

    Parameters
    ----------
    learning_rate : float, default 1.0
        Scale of every weight change, in units of the weight, >= 0.
    tau_plus_ms : float, default 20.0
        Decay of the presynaptic trace, ms, > 0.
    tau_minus_ms : float, default 20.0
        Decay of the postsynaptic trace, ms, > 0.
    tau_eligibility_ms : float, default 1000.0
        Decay of the eligibility, ms, > 0.
    tau_dopamine_ms : float, default 200.0
        Decay of dopamine, ms, > 0.
    weight_period_ms : float, default 1.0
        Period of the weight clock, ms, > 0, a multiple of the timestep; exact if equal to it.
    unit_time_ms : float, default 1.0
        Time in which dopamine and the rate of weight change are expressed, ms.
    a_plus : float, default 1.0
        Potentiation of a pair at zero distance.
    a_minus : float, default 1.5
        Depression of a pair at zero distance.
    baseline : float, default 0.0
        Dopamine at which weights rest (b in [1]).

    State
    -----
    pre_trace : (n_pre,), 1, kept over episodes
    post_trace : (n_post,), 1, kept over episodes
    dopamine : (n_post,), 1, kept over episodes
    eligibility : (n_synapses,), 1, kept over episodes

    Limits
    ------
    Traces are read before the spikes of this timestep: coincident spikes do not pair. Spike times
    are those at the synapse; [1] lets the whole delay be dendritic, so that postsynaptic spikes
    arrive late there and not presynaptic ones. A third factor counts from the timestep after its
    delivery, undecayed. An axonal delay makes other pairs, even other signs, than a dendritic one
    (`Projection.delay`).

    Source
    ------
    [1] Potjans, Morrison & Diesmann 2010, Front. Comput. Neurosci. 4:141, as NEST's
    stdp_dopamine_synapse; Izhikevich 2007, Cereb. Cortex 17:2443.
    """

    learning_rate: float = 1.0
    tau_plus_ms: float = 20.0
    tau_minus_ms: float = 20.0
    tau_eligibility_ms: float = 1000.0
    tau_dopamine_ms: float = 200.0
    weight_period_ms: float = 1.0
    unit_time_ms: float = 1.0
    a_plus: float = 1.0
    a_minus: float = 1.5
    baseline: float = 0.0

    pre_equations = "dpre_trace/dt = -pre_trace/tau_plus : 1"
    pre_on_spike = "pre_trace += 1"
    post_equations = """dpost_trace/dt = -post_trace/tau_minus : 1
    ddopamine/dt = -dopamine/tau_dopamine : 1"""
    post_on_spike = "post_trace += 1"
    post_on_delivery = "dopamine += third_factor*unit_time/tau_dopamine"
    equations = "eligibility : 1"
    on_post = "eligibility += a_plus*pre_trace"
    on_pre = "eligibility -= a_minus*post_trace"
    consolidate = """w += (
        learning_rate*eligibility*dopamine*exp(dt/tau_dopamine)
        *(1 - exp(-weight_period/tau_eligibility - weight_period/tau_dopamine))
        /(unit_time/tau_eligibility + unit_time/tau_dopamine)
    )
    w -= (
        learning_rate*eligibility*baseline
        *(1 - exp(-weight_period/tau_eligibility))*tau_eligibility/unit_time
    )
    eligibility *= exp(-weight_period/tau_eligibility)"""
    resets = DopamineSTDP.resets
    weight_clock = "weight_period_ms"
    linear = False
