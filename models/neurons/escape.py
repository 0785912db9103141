"""Neurons with escape noise: the spike is a draw whose log-probability has an exact derivative."""

from dataclasses import dataclass

from threefactor.models.neurons.contract import (
    NeuronModel,
    check_ascending,
    check_distinct,
    check_not_negative,
    check_positive,
)

# With x = rate*dt: x*(1 - p)/p = x/expm1(x) = 1/exprel(x), finite from x = 0 to infinity.
_DRAW = """
exponent = (v - v_threshold)/v_slope
rate = rate_at_threshold*exp(clip(exponent, -inf, exponent_limit))
expected = rate*dt
p = -expm1(-expected)
z = int(uniform(spike_stream, t_in_timesteps) < p)
score = int(exponent < exponent_limit)*(mV/v_slope)*(z/exprel(expected) - (1 - z)*expected)
"""


@dataclass(frozen=True)
class EscapeLIF(NeuronModel):
    """LIF with escape noise: spikes with a rate that is exponential in the membrane potential.

    Equations
    ---------
    tau_membrane*dv/dt = v_rest + bias - v;  input spike: v += w*mV;  spike: v = v_reset
    rate = rate_at_threshold*exp(min((v - v_threshold)/v_slope, exponent_limit))
    p = 1 - exp(-rate*dt);  z ~ Bernoulli(p)
    score = d log P(z)/dv = (rate*dt/v_slope)*((1 - p)/p if z else -1), zero at the limit

    Parameters
    ----------
    tau_membrane_ms : float, default 20.0
        Membrane time constant, ms, > 0.
    v_rest_mv : float, default 0.0
        Resting potential, mV.
    v_reset_mv : float, default 0.0
        Potential after a spike, mV, < v_threshold_mv.
    v_threshold_mv : float, default 16.0
        Potential of rate rate_at_threshold (theta), mV.
    v_slope_mv : float, default 4.0
        Width of the escape zone (Delta u), mV, > 0.
    rate_at_threshold_hz : float, default 50.0
        Rate at v_threshold (rho_0), Hz, >= 0.
    exponent_limit : float, default 5.0
        Upper limit of (v - v_threshold)/v_slope, 1.
    bias_mv : float, default 0.0
        Constant drive: depolarisation at steady state, mV.

    State
    -----
    v : (n,), volt
        Starts at v_rest.
    rate : (n,), hertz
        Intensity of this step's draw.
    p, z : (n,), 1
        Probability and outcome of this step's draw.
    score : (n,), per mV
        Derivative of log P(z) by v.
    sensitivity : (n_synapses,), mV per unit of w
        dv/dw; zero after a postsynaptic spike.

    Raises
    ------
    ValueError
        If v_slope_mv <= 0, rate_at_threshold_hz < 0 or v_reset_mv >= v_threshold_mv

    Limits
    ------
    rate, p, z and score are fresh before the synapses run; score*sensitivity is d log P/dw when a
    rule's each_step comes before its on_pre and on_post last (the default order). No refractory
    period: v_reset far below v_threshold takes its place. Against 0.1 ms, rates at 1 ms are within
    0.06 % at 20 to 40 Hz, and PSPs are exact.

    Source
    ------
    Pfister et al. 2006, Neural Comput. 18:1318; discrete time: exact for p = 1 - exp(-rate*dt).
    """

    tau_membrane_ms: float = 20.0
    v_rest_mv: float = 0.0
    v_reset_mv: float = 0.0
    v_threshold_mv: float = 16.0
    v_slope_mv: float = 4.0
    rate_at_threshold_hz: float = 50.0
    exponent_limit: float = 5.0
    bias_mv: float = 0.0

    equations = """
    dv/dt = (v_rest + bias - v)/tau_membrane : volt
    rate : hertz
    p : 1
    z : 1
    score : 1
    """
    before_threshold = _DRAW
    threshold = "z > 0.5"
    reset = "v = v_reset"
    ports = {"current": "v += w*mV"}
    initial = {"v": "v_rest"}
    noise = ("spike",)
    spontaneous = True
    largest_psp_error = 0.001
    largest_rate_error = 0.002
    sensitivity_equations = "dsensitivity/dt = -sensitivity/tau_membrane : 1 (clock-driven)"
    sensitivity_on_pre = "sensitivity += 1"
    sensitivity_on_post = "sensitivity = 0"

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        check_positive(self, "v_slope_mv")
        check_not_negative(self, "rate_at_threshold_hz")
        check_ascending(self, "v_reset_mv", "v_threshold_mv")


@dataclass(frozen=True)
class SRM0(NeuronModel):
    """Simplified spike response model: double-exponential PSPs since the last own spike.

    Equations
    ---------
    v = sum of w*mV*kernel(t - t_pre) over spikes after the last own spike t_own
    + v_reset*exp(-(t - t_own)/tau_membrane)
    kernel(s) = psp_area/(tau_membrane - tau_synapse)*(exp(-s/tau_membrane) - exp(-s/tau_synapse))
    rate, p, z, score : as in escape-lif

    Parameters
    ----------
    tau_membrane_ms : float, default 20.0
        Decay of PSP and reset kernel, ms, > 0.
    tau_synapse_ms : float, default 5.0
        Rise of the PSP, ms, > 0, other than tau_membrane_ms.
    psp_area_ms : float, default 20.0
        Integral of one PSP per unit of w (epsilon_0), ms, > 0.
    v_reset_mv : float, default -5.0
        Reset kernel at its start (chi_0), mV, < v_threshold_mv.
    v_threshold_mv : float, default 16.0
        Potential of rate rate_at_threshold (theta), mV.
    v_slope_mv : float, default 2.0
        Width of the escape zone (Delta u), mV, > 0.
    rate_at_threshold_hz : float, default 60.0
        Rate at v_threshold (rho_0), Hz, >= 0.
    exponent_limit : float, default 5.0
        Upper limit of (v - v_threshold)/v_slope, 1.

    State
    -----
    v : (n,), volt
        Relative to rest; starts at zero.
    psp_rise : (n,), volt
        Weighted input spikes, filtered with tau_synapse.
    rate, p, z, score : (n,)
        As in escape-lif.
    sensitivity : (n_synapses,), mV per unit of w
        The PSP kernel, summed since the last own spike.
    sensitivity_rise : (n_synapses,), 1
        Input spikes filtered with tau_synapse.

    Raises
    ------
    ValueError
        If the time constants are equal or a number is out of the range given above

    Limits
    ------
    Both kernels decay with tau_membrane, so one membrane equation carries their sum, and "PSPs
    since the last own spike" is the reset of both filters: v = v_reset, psp_rise = 0. A weight
    that moves acts on later PSPs only; the formula would rescale PSPs under way.
    exponent_limit is not in the paper; use a large one (50) to do without. Against 0.1 ms, rates at
    1 ms are up to 1.8 % lower at 20 to 40 Hz by a spike in every step, and PSPs are exact.

    Source
    ------
    Fremaux, Sprekeler & Gerstner 2013, PLoS Comput. Biol. 9:e1003024, Methods.
    """

    tau_membrane_ms: float = 20.0
    tau_synapse_ms: float = 5.0
    psp_area_ms: float = 20.0
    v_reset_mv: float = -5.0
    v_threshold_mv: float = 16.0
    v_slope_mv: float = 2.0
    rate_at_threshold_hz: float = 60.0
    exponent_limit: float = 5.0

    equations = """
    dv/dt = -v/tau_membrane + psp_rise*psp_area/(tau_membrane*tau_synapse) : volt
    dpsp_rise/dt = -psp_rise/tau_synapse : volt
    rate : hertz
    p : 1
    z : 1
    score : 1
    """
    before_threshold = _DRAW
    threshold = "z > 0.5"
    reset = """
    v = v_reset
    psp_rise = 0*mV
    """
    ports = {"current": "psp_rise += w*mV"}
    noise = ("spike",)
    spontaneous = True
    largest_psp_error = 0.002
    largest_rate_error = 0.025
    sensitivity_equations = """
    dsensitivity/dt = (
        -sensitivity/tau_membrane
        + sensitivity_rise*psp_area/(tau_membrane*tau_synapse)
    ) : 1 (clock-driven)
    dsensitivity_rise/dt = -sensitivity_rise/tau_synapse : 1 (clock-driven)
    """
    sensitivity_on_pre = "sensitivity_rise += 1"
    sensitivity_on_post = """
    sensitivity = 0
    sensitivity_rise = 0
    """

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        check_distinct(self, "tau_membrane_ms", "tau_synapse_ms")
        check_positive(self, "v_slope_mv", "psp_area_ms")
        check_not_negative(self, "rate_at_threshold_hz")
        check_ascending(self, "v_reset_mv", "v_threshold_mv")
