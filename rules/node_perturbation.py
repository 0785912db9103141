"""Node perturbation: correlate reward with the noise that a neuron was given."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule
from threefactor.search_range import searched


@dataclass(frozen=True)
class NodePerturbation(Rule):
    """Node perturbation: the neuron's own noise times its input, times the third factor.

    Equations
    ---------
    each timestep: eligibility <- eligibility + perturbation*arrived
        perturbation: the random kick of the postsynaptic membrane in this timestep
        arrived: 1 if the presynaptic neuron spiked in the timestep before, whose PSP starts now
    decision: trace <- trace_decay*trace + eligibility, eligibility <- 0
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    Parameters
    ----------
    learning_rate : float, default 0.01
        Scale of every weight change, in units of the weight, >= 0.
    trace_decay : float, default 0.0
        What is left of the trace after one decision, 0 to 1.

    State
    -----
    arrived : (n_pre,), 0 or 1, zeroed at episode start
    eligibility : (n_synapses,), mV, zeroed when the decision window closes
    trace : (n_synapses,), mV, zeroed at episode start

    Limits
    ------
    Follows the gradient of the expected reward for neurons whose input is a jump of the membrane
    (noisy-lif), up to the variance of a kick and one decay, which the learning rate absorbs. Its
    variance grows with the number of neurons and timesteps: use a baseline. No axonal delay. The
    learning rate is per kick, whose size depends on the timestep (about as its square root):
    another timestep needs another learning rate.

    Source
    ------
    Fiete & Seung 2006, Phys. Rev. Lett. 97:048104 (e = noise times synaptic activation, there
    filtered and with conductance noise from empiric synapses; here with delta synapses).
    """

    learning_rate: float = searched(0.01, 0.0001, 1.0, is_log=True)
    trace_decay: float = searched(0.0, 0.0, 0.95)

    pre_equations = "arrived : 1"
    pre_each_step = "arrived = 0"
    pre_on_spike = "arrived = 1"
    equations = """eligibility : 1
    trace : 1"""
    each_step = "eligibility += perturbation*arrived"
    at_decision = "trace = trace_decay*trace + eligibility"
    consolidate = "w += learning_rate*third_factor*trace"
    requires = ("perturbation",)
    per_timestep = True
    order = ("each_step", "pre_each_step", "on_pre", "on_post", "pre_on_spike", "post_on_spike")
    resets = {"eligibility": "decision"}


@dataclass(frozen=True)
class ExploratoryHebb(Rule):
    """Exploratory Hebb: cubed product of input and departure from the mean, times the third factor.

    Equations
    ---------
    d pre_trace/dt = -pre_trace/tau_plus,  + 1 at each presynaptic spike
    v_mean follows v with tau_mean, from the first v of an episode
    departure = (v - v_mean)/unit_voltage
    each timestep: eligibility <- eligibility + dt/unit_time*(pre_trace*departure)**3
    decision: trace <- trace_decay*trace + eligibility, eligibility <- 0
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    Parameters
    ----------
    learning_rate : float, default 0.001
        Scale of every weight change, in units of the weight, >= 0.
    tau_plus_ms : float, default 20.0
        Decay of the presynaptic trace, ms, > 0.
    tau_mean_ms : float, default 50.0
        Memory of the mean potential, ms, > 0.
    unit_voltage_mv : float, default 1.0
        Departure from the mean that counts as 1, mV, not 0.
    unit_time_ms : float, default 1.0
        Time in which the integral over time is given, ms, not 0.
    trace_decay : float, default 0.0
        What is left of the trace after one decision, 0 to 1.

    State
    -----
    pre_trace : (n_pre,), 1, zeroed at episode start
    v_mean : (n_post,), volt, and steps : (n_post,), 1, zeroed at episode start
    departure : (n_post,), 1, (v - v_mean)/unit_voltage of this timestep
    eligibility : (n_synapses,), 1, zeroed when the decision window closes
    trace : (n_synapses,), 1, zeroed at episode start

    Limits
    ------
    Needs no access to the noise itself: any fast departure counts, the resets of spikes included.
    The cube favours large departures over the slow return to the mean. With spikes the eligibility
    has a mean (negative: resets), so weights drift unless the third factor's mean is zero.

    Source
    ------
    Miconi 2017, eLife 6:e20899, eq. 3 (S(x) = x**3, rate neurons); with spikes: pre_trace in place
    of the presynaptic rate. tau_plus and tau_mean are ours.
    """

    learning_rate: float = searched(1e-3, 0.0001, 1.0, is_log=True)
    tau_plus_ms: float = 20.0
    tau_mean_ms: float = 50.0
    unit_voltage_mv: float = 1.0
    unit_time_ms: float = 1.0
    trace_decay: float = searched(0.0, 0.0, 0.95)

    pre_equations = "dpre_trace/dt = -pre_trace/tau_plus : 1"
    pre_on_spike = "pre_trace += 1"
    post_equations = """v_mean : volt
    steps : 1
    departure : 1"""
    post_each_step = """steps += 1
    v_mean += (v - v_mean)*(int(steps < 1.5) + int(steps > 1.5)*(1 - exp(-dt/tau_mean)))
    departure = (v - v_mean)/unit_voltage"""
    equations = """eligibility : 1
    trace : 1"""
    each_step = "eligibility += dt/unit_time*(pre_trace*departure)**3"
    at_decision = "trace = trace_decay*trace + eligibility"
    consolidate = "w += learning_rate*third_factor*trace"
    requires = ("v",)
    required_units = {"v": "volt"}
    order = (
        "post_each_step", "each_step", "on_pre", "on_post", "pre_on_spike", "post_on_spike",
    )  # fmt: skip
    resets = {"eligibility": "decision"}
