"""E-prop: eligibility propagation through the spikes of LIF and adaptive neurons."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule
from threefactor.search_range import searched

_ELIGIBILITY = """adaptation_memory *= exp(-dt/tau_adaptation)
    eligibility = psi*sensitivity - psi_adaptation*adaptation_memory
    adaptation_memory += eligibility*dt/unit_time
    filtered += (eligibility - filtered)*(1 - exp(-dt/tau_readout))
    window_sum += filtered*dt/unit_time"""


@dataclass(frozen=True)
class Eprop(Rule):
    """E-prop: local derivative of a neuron's spikes times its own learning signal, at trial end.

    Equations
    ---------
    each timestep:
        adaptation_memory <- adaptation_memory*exp(-dt/tau_adaptation)       (epsilon_a in [1])
        eligibility = psi*sensitivity - psi_adaptation*adaptation_memory     (e_ji in [1])
        adaptation_memory <- adaptation_memory + eligibility*dt/unit_time
        filtered <- filtered + (eligibility - filtered)*(1 - exp(-dt/tau_readout))
        eligibility_sum <- eligibility_sum + eligibility*dt/unit_time
        duration <- duration + dt/unit_time
    decision: trace <- sum of filtered*dt/unit_time over the window
    third factor: gradient <- gradient + third_factor*trace
    episode end: w <- clip(w + learning_rate*(gradient - rate_regularisation*
        (spikes/duration - target_rate*unit_time)/duration*eligibility_sum), w_min, w_max)

    The third factor is minus the learning signal, one value for each postsynaptic neuron: minus the
    readout errors times a feedback matrix, symmetric or random. ``psi`` (pseudo-derivative),
    ``psi_adaptation``, ``tau_adaptation`` and ``sensitivity`` (dv/dw) are exposed by the neuron.

    Parameters
    ----------
    learning_rate : float, default 0.0001
        Step along the gradient of an episode, in units of the weight, >= 0.
    tau_readout_ms : float, default 20.0
        Filter of the eligibility, ms, > 0: the time constant of the readout (kappa in [1]).
    rate_regularisation : float, default 0.0
        Strength of the pull to the target rate (c_reg in [1]).
    target_rate_hz : float, default 10.0
        Mean rate over an episode that regularisation aims at, Hz.
    unit_time_ms : float, default 1.0
        Time in which integrals over time are given, ms, not 0: the timestep of [1].

    State
    -----
    spikes, duration : (n_post,), 1, spikes of the episode and its length, zeroed at its start
    eligibility, adaptation_memory, filtered : (n_synapses,), zeroed at episode start
    window_sum : (n_synapses,), zeroed when the decision window closes
    trace, gradient, eligibility_sum : (n_synapses,), zeroed at episode start

    Limits
    ------
    Exact e-prop when the decision window is one timestep; in longer windows the learning signal of
    the window's end holds for all of it. Weights move at the end of an episode only. A neuron
    without adaptation has psi_adaptation 0. Dale's law only through the bounds.

    Source
    ------
    [1] Bellec et al. 2020, Nat. Commun. 11:3625, eqs 1, 22-28 and the supplementary regression;
    the losses of the authors' program and of NEST's port are reproduced in the tests.
    """

    learning_rate: float = searched(1e-4, 1e-05, 1.0, is_log=True)
    tau_readout_ms: float = 20.0
    rate_regularisation: float = 0.0
    target_rate_hz: float = 10.0
    unit_time_ms: float = 1.0

    post_equations = """spikes : 1
    duration : 1"""
    post_each_step = "duration += dt/unit_time"
    post_on_spike = "spikes += 1"
    equations = """eligibility : 1
    adaptation_memory : 1
    filtered : 1
    window_sum : 1
    trace : 1
    gradient : 1
    eligibility_sum : 1"""
    each_step = f"""{_ELIGIBILITY}
    eligibility_sum += eligibility*dt/unit_time"""
    at_decision = "trace = window_sum"
    consolidate = "gradient += third_factor*trace"
    at_episode = """eligibility_sum *= rate_regularisation/clip(duration, 1e-9, 1e9)**2
    gradient -= (spikes - target_rate*unit_time*duration)*eligibility_sum
    w += learning_rate*gradient"""
    requires = ("psi", "psi_adaptation", "tau_adaptation", "sensitivity")
    resets = {"window_sum": "decision"}


@dataclass(frozen=True)
class RewardEprop(Rule):
    """Reward-based e-prop: eligibility times a learning signal per neuron, then times the TD error.

    Equations
    ---------
    each timestep: eligibility, adaptation_memory, filtered as in e-prop
    decision: trace <- trace_decay*trace + learning_signal*(sum of filtered*dt/unit_time)
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    ``learning_signal`` is one value for each postsynaptic neuron: how the policy's log-probability
    of the chosen action (and the value) would rise with this neuron's activity, through symmetric
    or random feedback (minus L_j in [1]). The third factor is the TD error.

    Parameters
    ----------
    learning_rate : float, default 0.001
        Scale of every weight change, in units of the weight, >= 0.
    tau_readout_ms : float, default 20.0
        Filter of the eligibility, ms, > 0: the time constant of the readout (kappa in [1]).
    trace_decay : float, default 0.95
        What is left of the trace after one decision, 0 to 1 (gamma of F_gamma in [1]).
    unit_time_ms : float, default 1.0
        Time in which integrals over time are given, ms, not 0: the timestep of [1].

    State
    -----
    learning_signal : (n_post,), 1, written by the agent between the choice of the action and the
        decision block, zeroed after it: a window without it is not credited
    eligibility, adaptation_memory, filtered : (n_synapses,), zeroed at episode start
    window_sum : (n_synapses,), zeroed when the decision window closes
    trace : (n_synapses,), zeroed at episode start

    Limits
    ------
    Two modulators at once: a vector and a scalar. The learning signal is known once per decision.

    Source
    ------
    [1] Bellec et al. 2020, Nat. Commun. 11:3625, eqs 5 and 35-38 (actor-critic); the learning rate
    is not a published constant.
    """

    learning_rate: float = searched(1e-3, 1e-05, 1.0, is_log=True)
    tau_readout_ms: float = 20.0
    trace_decay: float = searched(0.95, 0.0, 0.95)
    unit_time_ms: float = 1.0

    post_equations = "learning_signal : 1"
    host_writes = {"learning_signal": "learning_signal"}
    equations = """eligibility : 1
    adaptation_memory : 1
    filtered : 1
    window_sum : 1
    trace : 1"""
    each_step = _ELIGIBILITY
    at_decision = "trace = trace_decay*trace + learning_signal*window_sum"
    consolidate = "w += learning_rate*third_factor*trace"
    requires = ("psi", "psi_adaptation", "tau_adaptation", "sensitivity")
    resets = {"window_sum": "decision", "learning_signal": "decision"}
