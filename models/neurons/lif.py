"""Leaky integrate-and-fire neurons with delta, current and conductance synapses, and with noise."""

from dataclasses import dataclass

from threefactor.models.neurons.contract import (
    NeuronModel,
    check_ascending,
    check_distinct,
    check_not_negative,
)

# Held at v_reset for round(refractory_time/dt) steps after the step of the spike. Brian2's own
# `refractory` keeps `lastspike`, which would carry refractoriness over an episode reset.
HOLD = """
is_held = int(refractory_left > 0.5*dt)
v = v_reset*is_held + v*(1 - is_held)
refractory_left -= dt*is_held
"""
_RESET = """
v = v_reset
refractory_left = refractory_time
"""
# Holding the conductances of the step's start instead makes PSPs larger by half a dt/tau.
MEAN_CONDUCTANCES = """
excitation_mean_of_step = g_excitatory*tau_excitatory/dt*(1 - exp(-dt/tau_excitatory))
inhibition_mean_of_step = g_inhibitory*tau_inhibitory/dt*(1 - exp(-dt/tau_inhibitory))
g_excitatory *= exp(-dt/tau_excitatory)
g_inhibitory *= exp(-dt/tau_inhibitory)
"""
RELAX = """
pull = 1 + excitation_mean_of_step + inhibition_mean_of_step
goal = (
    v_rest + bias + excitation_mean_of_step*v_excitatory + inhibition_mean_of_step*v_inhibitory
)/pull
v = goal + (v - goal)*exp(-dt*pull/tau_membrane)
"""


@dataclass(frozen=True)
class LIF(NeuronModel):
    """Leaky integrate and fire: each input spike is a jump of the membrane.

    Equations
    ---------
    tau_membrane*dv/dt = v_rest + bias - v;  input spike: v += w*mV
    v >= v_threshold: spike, then v = v_reset for refractory_time

    Parameters
    ----------
    tau_membrane_ms : float, default 20.0
        Membrane time constant, ms, > 0.
    v_rest_mv : float, default -70.0
        Resting potential, mV.
    v_reset_mv : float, default -70.0
        Potential after a spike, mV, < v_threshold_mv.
    v_threshold_mv : float, default -54.0
        Threshold, mV.
    bias_mv : float, default 0.0
        Constant drive: depolarisation at steady state, mV.
    refractory_time_ms : float, default 0.0
        Time at v_reset after a spike, ms, >= 0.

    State
    -----
    v : (n,), volt
        Starts at v_rest.
    refractory_left : (n,), second
        Time that v is still held; input that arrives then is lost.
    sensitivity : (n_synapses,), mV per unit of w
        dv/dw; zero after a postsynaptic spike.

    Raises
    ------
    ValueError
        If v_reset_mv >= v_threshold_mv or refractory_time_ms < 0

    Limits
    ------
    w in mV. A weight acts one decay later, as w*exp(-dt/tau_membrane), at the next step's test.
    Input that arrives in the step of a spike is wiped by the reset. The shortest interval between
    spikes is refractory_time + dt. A crossing waits for the step's end, dt/2 on average: against
    0.1 ms, rates at 1 ms are up to 3.2 % lower at 20 to 40 Hz. PSPs are exact.

    Source
    ------
    Florian 2007, Neural Comput. 19:1468, eq. 4.1.
    """

    tau_membrane_ms: float = 20.0
    v_rest_mv: float = -70.0
    v_reset_mv: float = -70.0
    v_threshold_mv: float = -54.0
    bias_mv: float = 0.0
    refractory_time_ms: float = 0.0

    equations = """
    dv/dt = (v_rest + bias - v)/tau_membrane : volt
    refractory_left : second
    """
    integrate = HOLD
    threshold = "v >= v_threshold"
    reset = _RESET
    ports = {"current": "v += w*mV"}
    initial = {"v": "v_rest"}
    largest_psp_error = 0.001
    largest_rate_error = 0.04
    sensitivity_equations = "dsensitivity/dt = -sensitivity/tau_membrane : 1 (clock-driven)"
    sensitivity_on_pre = "sensitivity += int(refractory_left_post <= 0.5*dt)"
    sensitivity_on_post = "sensitivity = 0"

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        check_ascending(self, "v_reset_mv", "v_threshold_mv")
        check_not_negative(self, "refractory_time_ms")


@dataclass(frozen=True)
class NoisyLIF(LIF):
    """Leaky integrate and fire with Gaussian membrane noise, for exploration.

    Equations
    ---------
    as lif, and in every step v += perturbation*mV,
    perturbation = noise/mV*sqrt(1 - exp(-2*dt/tau_membrane))*gaussian

    Parameters
    ----------
    tau_membrane_ms : float, default 20.0
        Membrane time constant, ms, > 0.
    v_rest_mv : float, default -70.0
        Resting potential, mV.
    v_reset_mv : float, default -70.0
        Potential after a spike, mV, < v_threshold_mv.
    v_threshold_mv : float, default -54.0
        Threshold, mV.
    bias_mv : float, default 0.0
        Constant drive: depolarisation at steady state, mV.
    refractory_time_ms : float, default 0.0
        Time at v_reset after a spike, ms, >= 0.
    noise_mv : float, default 1.0
        Standard deviation of the free membrane, mV, >= 0.

    State
    -----
    v, refractory_left, sensitivity : as in lif.
    perturbation : (n,), mV
        Random kick of this step, for node perturbation.

    Raises
    ------
    ValueError
        If v_reset_mv >= v_threshold_mv, refractory_time_ms < 0 or noise_mv < 0

    Limits
    ------
    White input noise: the standard deviation of v does not depend on dt, its crossing rate does.
    Against 0.1 ms, rates at 1 ms are 2 to 4 % lower at 20 to 40 Hz.
    With noise_mv = 0 it equals lif and pays for unused random numbers.

    Source
    ------
    Exact update of an Ornstein-Uhlenbeck process: Gillespie 1996, Phys. Rev. E 54:2084.
    """

    noise_mv: float = 1.0

    equations = LIF.equations + "perturbation : 1\n"
    integrate = (
        "perturbation = noise/mV*sqrt(1 - exp(-2*dt/tau_membrane))"
        "*gaussian(noise_stream, t_in_timesteps)\nv += perturbation*mV\n" + HOLD.strip()
    )
    noise = ("noise",)
    noise_fields = ("noise_mv",)
    spontaneous = True
    largest_rate_error = 0.05

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        check_not_negative(self, "noise_mv")


@dataclass(frozen=True)
class CurrentLIF(NeuronModel):
    """Leaky integrate and fire with an exponentially decaying synaptic current.

    Equations
    ---------
    tau_membrane*dv/dt = v_rest + bias + current - v;  tau_synapse*dcurrent/dt = -current
    input spike: current += w*mV;  v >= v_threshold: spike, v = v_reset for refractory_time

    Parameters
    ----------
    tau_membrane_ms : float, default 20.0
        Membrane time constant, ms, > 0.
    tau_synapse_ms : float, default 5.0
        Time constant of the current, ms, > 0, other than
        tau_membrane_ms.
    v_rest_mv : float, default -70.0
        Resting potential, mV.
    v_reset_mv : float, default -70.0
        Potential after a spike, mV, < v_threshold_mv.
    v_threshold_mv : float, default -54.0
        Threshold, mV.
    bias_mv : float, default 0.0
        Constant drive: depolarisation at steady state, mV.
    refractory_time_ms : float, default 0.0
        Time at v_reset after a spike, ms, >= 0.

    State
    -----
    v : (n,), volt
        Starts at v_rest.
    current : (n,), volt
        Synaptic current times the membrane resistance; a spike leaves it.
    refractory_left : (n,), second
        Time that v is still held.

    Raises
    ------
    ValueError
        If the time constants are equal, v_reset_mv >= v_threshold_mv or
        refractory_time_ms < 0

    Limits
    ------
    w in mV of driving force: one spike lifts v by far less than w. No sensitivity.
    Crossings wait for the step's end as those of lif do; PSPs are exact.

    Source
    ------
    Gerstner et al. 2014, Neuronal Dynamics, section 1.3 (exponential currents, exact solution).
    """

    tau_membrane_ms: float = 20.0
    tau_synapse_ms: float = 5.0
    v_rest_mv: float = -70.0
    v_reset_mv: float = -70.0
    v_threshold_mv: float = -54.0
    bias_mv: float = 0.0
    refractory_time_ms: float = 0.0

    equations = """
    dv/dt = (v_rest + bias + current - v)/tau_membrane : volt
    dcurrent/dt = -current/tau_synapse : volt
    refractory_left : second
    """
    integrate = HOLD
    threshold = "v >= v_threshold"
    reset = _RESET
    ports = {"current": "current += w*mV"}
    initial = {"v": "v_rest"}
    largest_psp_error = 0.002
    largest_rate_error = 0.04

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        check_distinct(self, "tau_membrane_ms", "tau_synapse_ms")
        check_ascending(self, "v_reset_mv", "v_threshold_mv")
        check_not_negative(self, "refractory_time_ms")


@dataclass(frozen=True)
class ConductanceLIF(NeuronModel):
    """Leaky integrate and fire with excitatory and inhibitory conductances.

    Equations
    ---------
    tau_membrane*dv/dt = v_rest + bias - v + g_excitatory*(v_excitatory - v)
    + g_inhibitory*(v_inhibitory - v);  each g decays with its tau
    input spike: g += w of the port;  v >= v_threshold: spike, v = v_reset for refractory_time

    Parameters
    ----------
    tau_membrane_ms : float, default 20.0
        Membrane time constant at rest, ms, > 0.
    tau_excitatory_ms : float, default 5.0
        Decay of the excitatory conductance, ms, > 0.
    tau_inhibitory_ms : float, default 10.0
        Decay of the inhibitory conductance, ms, > 0.
    v_rest_mv : float, default -70.0
        Resting potential, mV.
    v_reset_mv : float, default -70.0
        Potential after a spike, mV, < v_threshold_mv.
    v_threshold_mv : float, default -54.0
        Threshold, mV.
    v_excitatory_mv : float, default 0.0
        Excitatory reversal potential, mV.
    v_inhibitory_mv : float, default -80.0
        Inhibitory reversal potential, mV.
    bias_mv : float, default 0.0
        Constant drive: depolarisation at steady state, mV.
    refractory_time_ms : float, default 0.0
        Time at v_reset after a spike, ms, >= 0.

    State
    -----
    v : (n,), volt
        Starts at v_rest.
    g_excitatory, g_inhibitory : (n,), 1
        Conductances in units of the leak conductance.
    refractory_left : (n,), second
        Time that v is still held.

    Raises
    ------
    ValueError
        If v_reset_mv >= v_threshold_mv or refractory_time_ms < 0

    Limits
    ------
    Ports "excitatory" and "inhibitory"; w >= 0 in units of the leak conductance. A negative
    conductance would blow up, so a weight below zero counts as zero: bound w with w_min = 0.
    Within a step v relaxes under the means of the decaying conductances: the area of a PSP of 1 mV
    at 1 ms is within 0.01 % of that at 0.1 ms. Crossings wait for the step's end as those of lif
    do. No sensitivity.

    Source
    ------
    Vogels & Abbott 2005, J. Neurosci. 25:10786 (their time constants and reversal potentials).
    """

    tau_membrane_ms: float = 20.0
    tau_excitatory_ms: float = 5.0
    tau_inhibitory_ms: float = 10.0
    v_rest_mv: float = -70.0
    v_reset_mv: float = -70.0
    v_threshold_mv: float = -54.0
    v_excitatory_mv: float = 0.0
    v_inhibitory_mv: float = -80.0
    bias_mv: float = 0.0
    refractory_time_ms: float = 0.0

    equations = """
    v : volt
    g_excitatory : 1
    g_inhibitory : 1
    refractory_left : second
    """
    integrate = MEAN_CONDUCTANCES + RELAX + HOLD
    threshold = "v >= v_threshold"
    reset = _RESET
    ports = {
        "excitatory": "g_excitatory += w*int(w > 0)",
        "inhibitory": "g_inhibitory += w*int(w > 0)",
    }
    initial = {"v": "v_rest"}
    largest_psp_error = 0.001
    largest_rate_error = 0.04

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        check_ascending(self, "v_reset_mv", "v_threshold_mv")
        check_not_negative(self, "refractory_time_ms")
