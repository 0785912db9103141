"""Voltage-based STDP, unsupervised."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule


@dataclass(frozen=True)
class VoltageSTDP(Rule):
    """Voltage-based STDP: presynaptic spikes meet the postsynaptic membrane and its low-pass.

    Equations
    ---------
    d pre_trace/dt = -pre_trace/tau_x,  + unit_time/tau_x at each presynaptic spike (x-bar in [1])
    v_slow follows v with tau_minus, v_fast with tau_plus                   (u-bar-, u-bar+ in [1])
    presynaptic spike: w <- w - learning_rate*a_minus*[v_slow - theta_minus]+
    each timestep: w <- w
        + learning_rate*a_plus*dt*pre_trace*[v - theta_plus]+*[v_fast - theta_minus]+
    voltages in mV, dt in ms, both clipped to w_min, w_max; [x]+ = x if x > 0 else 0

    Parameters
    ----------
    learning_rate : float, default 1.0
        Scale of every weight change, in units of the weight, >= 0.
    tau_x_ms : float, default 15.0
        Decay of the presynaptic trace, ms, > 0.
    tau_minus_ms : float, default 10.0
        Low-pass of v for depression, ms, > 0.
    tau_plus_ms : float, default 7.0
        Low-pass of v for potentiation, ms, > 0.
    theta_minus_mv : float, default -70.6
        Voltage from which the low-passed membrane counts, mV: about rest.
    theta_plus_mv : float, default -45.3
        Voltage from which the membrane itself counts, mV: must lie below the peak of a spike.
    a_minus : float, default 0.00014
        Depression of one presynaptic spike (A_LTD), per mV.
    a_plus : float, default 8e-05
        Potentiation (A_LTP), per mV**2.
    unit_voltage_mv : float, default 1.0
        Voltage in which a_minus and a_plus are given, mV, not 0.
    unit_time_ms : float, default 1.0
        Time in which x-bar and the integral over time are given, ms, not 0: it cancels.

    State
    -----
    pre_trace : (n_pre,), 1, zeroed at episode start
    v_slow, v_fast : (n_post,), volt, start from the first v of an episode
    v_last : (n_post,), volt, v of the last timestep
    steps : (n_post,), 1, timesteps of the episode

    Limits
    ------
    The low-passed voltages are read without this timestep's v, the presynaptic trace without this
    timestep's spikes. Integrate-and-fire neurons have no spike shape: v counts for one timestep, at
    its value above threshold, so lower theta_plus below v_threshold or use a neuron with a peak
    (izhikevich). A_LTD does not adapt to the mean voltage. Ignores every modulator.

    Source
    ------
    [1] Clopath, Busing, Vasilaki & Gerstner 2010, Nat. Neurosci. 13:344, eqs 1-3; defaults: visual
    cortex slices.
    """

    learning_rate: float = 1.0
    tau_x_ms: float = 15.0
    tau_minus_ms: float = 10.0
    tau_plus_ms: float = 7.0
    theta_minus_mv: float = -70.6
    theta_plus_mv: float = -45.3
    a_minus: float = 14e-5
    a_plus: float = 8e-5
    unit_voltage_mv: float = 1.0
    unit_time_ms: float = 1.0

    pre_equations = "dpre_trace/dt = -pre_trace/tau_x : 1"
    pre_on_spike = "pre_trace += unit_time/tau_x"
    post_equations = """v_slow : volt
    v_fast : volt
    v_last : volt
    steps : 1"""
    # Before on_pre, which transmits the spikes of this timestep: v is the same for every reader.
    post_each_step = """v_slow += (
        int(steps > 0)*(v_last - v_slow)
        *(int(steps < 1.5) + int(steps > 1.5)*(1 - exp(-dt/tau_minus)))
    )
    v_fast += (
        int(steps > 0)*(v_last - v_fast)
        *(int(steps < 1.5) + int(steps > 1.5)*(1 - exp(-dt/tau_plus)))
    )
    v_last = v
    steps += 1"""
    each_step = """w += (
        learning_rate*a_plus*dt/unit_time*pre_trace
        *int(v > theta_plus)*(v - theta_plus)/unit_voltage
        *int(v_fast > theta_minus)*int(steps > 1)*(v_fast - theta_minus)/unit_voltage
    )
    w = clip(w, w_min, w_max)"""
    on_pre = """w -= (
        learning_rate*a_minus
        *int(v_slow > theta_minus)*int(steps > 1)*(v_slow - theta_minus)/unit_voltage
    )
    w = clip(w, w_min, w_max)"""
    requires = ("v",)
    required_units = {"v": "volt"}
    order = (
        "post_each_step", "each_step", "on_pre", "on_post", "pre_on_spike", "post_on_spike",
    )  # fmt: skip
    modulated = False
    linear = False
