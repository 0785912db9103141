"""TD-LTP and TD-STDP: filtered coincidences for a TD error in continuous time."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule
from threefactor.search_range import searched


@dataclass(frozen=True)
class TemporalDifferenceLTP(Rule):
    """TD-LTP: postsynaptic spikes times the PSPs that led to them, filtered, times the TD error.

    Equations
    ---------
    d slow/dt = -slow/tau_decay, d fast/dt = -fast/tau_rise
    each timestep: slow <- slow + z*sensitivity, fast <- fast + z*sensitivity
    eligibility = (slow - fast)*unit_time/(tau_decay - tau_rise)  ([Y*(X o epsilon)] o kappa in [1])
    decision: trace <- eligibility
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    z is the postsynaptic spike indicator, sensitivity the PSP since the last own spike.

    Parameters
    ----------
    learning_rate : float, default 0.05
        Scale of every weight change, in units of the weight, >= 0.
    tau_decay_ms : float, default 200.0
        Fall of the filter kappa (tau_kappa), ms, > 0; not equal to tau_rise_ms.
    tau_rise_ms : float, default 50.0
        Rise of the filter kappa (upsilon_kappa), ms, > 0.
    unit_time_ms : float, default 1.0
        Time in which kappa is expressed, ms: kappa has the integral unit_time. It only scales.

    State
    -----
    slow, fast : (n_synapses,), 1, zeroed at episode start
    trace : (n_synapses,), 1, the eligibility at the end of the last closed window

    Limits
    ------
    Without the factor 1/tau_r of [1]. "Since the last own spike" holds for neurons whose
    sensitivity a spike resets (srm0, escape-lif, lif). A coincident presynaptic spike has not acted
    yet and does not count.

    Source
    ------
    [1] Fremaux, Sprekeler & Gerstner 2013, PLoS Comput. Biol. 9:e1003024, eqs 17-18. Learning rates
    of actor and critic are unstated up to normalisation; no two ports agree.
    """

    learning_rate: float = searched(0.05, 0.005, 500.0, is_log=True)
    tau_decay_ms: float = searched(200.0, 10.0, 1000.0, is_log=True)
    tau_rise_ms: float = 50.0
    unit_time_ms: float = 1.0

    equations = """dslow/dt = -slow/tau_decay : 1
    dfast/dt = -fast/tau_rise : 1
    trace : 1"""
    each_step = """slow += z*sensitivity
    fast += z*sensitivity"""
    at_decision = "trace = (slow - fast)*unit_time/(tau_decay - tau_rise)"
    consolidate = "w += learning_rate*third_factor*trace"
    requires = ("z", "sensitivity")

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        _check_kernel(self)


@dataclass(frozen=True)
class ContinuousTemporalDifferenceLTP(Rule):
    """TD-LTP on a clock of its own: the TD error comes from neurons and acts while it lasts.

    Equations
    ---------
    d slow/dt = -slow/tau_decay, d fast/dt = -fast/tau_rise
    each timestep: slow <- slow + z*sensitivity, fast <- fast + z*sensitivity
    eligibility = (slow - fast)/(tau_decay - tau_rise)            ([Y*(X o epsilon)] o kappa in [1])
    every weight_period:
        w <- clip(w + learning_rate*third_factor*eligibility*weight_period, w_min, w_max)

    z is the postsynaptic spike indicator, sensitivity the PSP since the last own spike.

    Parameters
    ----------
    learning_rate : float, default 3e-05
        Scale of every weight change, in units of the weight, >= 0.
    tau_decay_ms : float, default 200.0
        Fall of the filter kappa (tau_kappa), ms, > 0; not equal to tau_rise_ms.
    tau_rise_ms : float, default 50.0
        Rise of the filter kappa (upsilon_kappa), ms, > 0.
    weight_period_ms : float, default 1.0
        Weight clock, ms, > 0, a multiple of the timestep.

    State
    -----
    slow, fast : (n_synapses,), 1, zeroed at episode start

    Limits
    ------
    As td-ltp. Between updates the third factor may change; only its value at the update counts.

    Source
    ------
    [1] Fremaux, Sprekeler & Gerstner 2013, PLoS Comput. Biol. 9:e1003024, eqs 17-18, without the
    factor 1/tau_r. Learning rates are unstated up to normalisation; no two ports agree.
    """

    learning_rate: float = searched(3e-5, 1e-6, 1e-2, is_log=True)
    tau_decay_ms: float = searched(200.0, 10.0, 1000.0, is_log=True)
    tau_rise_ms: float = 50.0
    weight_period_ms: float = 1.0

    equations = """dslow/dt = -slow/tau_decay : 1
    dfast/dt = -fast/tau_rise : 1"""
    each_step = TemporalDifferenceLTP.each_step
    consolidate = """
    w += learning_rate*third_factor*(slow - fast)*weight_period/(tau_decay - tau_rise)"""
    weight_clock = "weight_period_ms"
    requires = ("z", "sensitivity")

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        _check_kernel(self)


@dataclass(frozen=True)
class TemporalDifferenceSTDP(Rule):
    """TD-STDP: TD-LTP with depression for postsynaptic spikes that come before presynaptic ones.

    Equations
    ---------
    d post_trace/dt = -post_trace/tau_minus,  + 1 at each postsynaptic spike
    d slow/dt = -slow/tau_decay, d fast/dt = -fast/tau_rise
    each timestep: slow <- slow + z*sensitivity, fast <- fast + z*sensitivity
    presynaptic spike: slow <- slow - a_minus*post_trace, fast <- fast - a_minus*post_trace
    eligibility = (slow - fast)*unit_time/(tau_decay - tau_rise)
    decision: trace <- eligibility
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    Parameters
    ----------
    learning_rate : float, default 0.05
        Scale of every weight change, in units of the weight, >= 0.
    tau_decay_ms : float, default 200.0
        Fall of the filter kappa (tau_kappa), ms, > 0; not equal to tau_rise_ms.
    tau_rise_ms : float, default 50.0
        Rise of the filter kappa (upsilon_kappa), ms, > 0.
    unit_time_ms : float, default 1.0
        Time in which kappa is expressed, ms: kappa has the integral unit_time. It only scales.
    tau_minus_ms : float, default 20.0
        Decay of the postsynaptic trace, ms, > 0.
    a_minus : float, default 0.3
        Depression of a pair at zero distance; a PSP of srm0 peaks at 0.63.

    State
    -----
    post_trace : (n_post,), 1, zeroed at episode start
    slow, fast : (n_synapses,), 1, zeroed at episode start
    trace : (n_synapses,), 1, the eligibility at the end of the last closed window

    Limits
    ------
    As td-ltp. The depression gives the eligibility a mean that depends on rates. Coincident spikes
    do not pair.

    Source
    ------
    Fremaux, Sprekeler & Gerstner 2013, PLoS Comput. Biol. 9:e1003024. The source at hand leaves the
    amplitude and time constant of the depression open; the defaults are ours.
    """

    learning_rate: float = searched(0.05, 0.005, 500.0, is_log=True)
    tau_decay_ms: float = searched(200.0, 10.0, 1000.0, is_log=True)
    tau_rise_ms: float = 50.0
    unit_time_ms: float = 1.0
    tau_minus_ms: float = 20.0
    a_minus: float = 0.3

    post_equations = "dpost_trace/dt = -post_trace/tau_minus : 1"
    post_on_spike = "post_trace += 1"
    equations = TemporalDifferenceLTP.equations
    each_step = TemporalDifferenceLTP.each_step
    on_pre = """slow -= a_minus*post_trace
    fast -= a_minus*post_trace"""
    at_decision = TemporalDifferenceLTP.at_decision
    consolidate = TemporalDifferenceLTP.consolidate
    requires = ("z", "sensitivity")

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        _check_kernel(self)


def _check_kernel(
    rule: TemporalDifferenceLTP | ContinuousTemporalDifferenceLTP | TemporalDifferenceSTDP,
) -> None:
    if rule.tau_decay_ms == rule.tau_rise_ms:
        raise ValueError(
            f"{type(rule).__name__}.tau_decay_ms must differ from tau_rise_ms, "
            f"got {rule.tau_rise_ms} for both."
        )
