"""Leaky integrate and fire with an adaptive threshold, for e-prop."""

from dataclasses import dataclass

from threefactor.models.neurons.contract import NeuronModel, check_not_negative, check_positive


@dataclass(frozen=True)
class AdaptiveLIF(NeuronModel):
    """Adaptive-threshold LIF (ALIF) with the pseudo-derivative that e-prop needs.

    Equations
    ---------
    tau_membrane*dv/dt = v_rest - v;  tau_adaptation*dadaptation/dt = -adaptation
    theta = v_threshold + adaptation_strength*adaptation;  z = v >= theta, unless refractory
    psi = psi_height/psi_width*max(0, 1 - |v - theta|/psi_width), zero while refractory
    input spike: v += w*mV;  spike: v -= reset_by, adaptation += 1

    Parameters
    ----------
    tau_membrane_ms : float, default 20.0
        Membrane time constant, ms, > 0.
    tau_adaptation_ms : float, default 200.0
        Decay of the adaptation, ms, > 0.
    v_rest_mv : float, default 0.0
        Resting potential, mV.
    v_threshold_mv : float, default 16.0
        Threshold without adaptation (v_th in [1]), mV.
    reset_by_mv : float, default 16.0
        What a spike subtracts from v, mV, >= 0.
    adaptation_strength_mv : float, default 1.6
        Threshold rise of one spike (beta), mV, >= 0.
    psi_height : float, default 0.3
        Peak of psi times psi_width (gamma_pd), 1, >= 0.
    psi_width_mv : float, default 16.0
        Half-width of psi (v_th in [1]), mV, > 0.
    refractory_time_ms : float, default 0.0
        Time without spikes after a spike, ms, >= 0.

    State
    -----
    v : (n,), volt
        Starts at v_rest; integrates on while refractory.
    adaptation : (n,), 1
        Filtered own spikes (a).
    psi : (n,), per mV
        Pseudo-derivative of the spike by v, fresh before transmission.
    psi_adaptation : (n,), 1
        Minus its derivative by adaptation: adaptation_strength*psi.
    z : (n,), 0 or 1
        Spike of this step.
    refractory_left : (n,), second
        Time without spikes still to come.
    sensitivity : (n_synapses,), mV per unit of w
        Filtered input spikes; a spike leaves it.

    Raises
    ------
    ValueError
        If one of the numbers is out of the range given above

    Limits
    ------
    Jumps decay once before they act: adaptation is rho*(a + z), v is alpha*(v - reset_by*z).
    [1] has rho*a + z and alpha*v - v_th*z: multiply strength and reset_by by exp(dt/tau).
    adaptation_strength_mv = 0 gives the plain LIF of e-prop. Against 0.1 ms, rates at 1 ms are up
    to 1.0 % lower at 20 to 40 Hz: a crossing waits for the step's end, a reset by subtraction keeps
    what v has passed the threshold by. PSPs are exact.

    Source
    ------
    [1] Bellec et al. 2020, Nat. Commun. 11:3625, eqs. 6-11 and Methods.
    """

    tau_membrane_ms: float = 20.0
    tau_adaptation_ms: float = 200.0
    v_rest_mv: float = 0.0
    v_threshold_mv: float = 16.0
    reset_by_mv: float = 16.0
    adaptation_strength_mv: float = 1.6
    psi_height: float = 0.3
    psi_width_mv: float = 16.0
    refractory_time_ms: float = 0.0

    equations = """
    dv/dt = (v_rest - v)/tau_membrane : volt
    dadaptation/dt = -adaptation/tau_adaptation : 1
    psi : 1
    psi_adaptation : 1
    z : 1
    refractory_left : second
    """
    before_threshold = """
    is_free = int(refractory_left <= 0.5*dt)
    refractory_left -= dt*(1 - is_free)
    distance = v - v_threshold - adaptation_strength*adaptation
    z = is_free*int(distance >= 0*mV)
    psi = is_free*psi_height*mV/psi_width*clip(1 - abs(distance)/psi_width, 0, 1)
    psi_adaptation = psi*adaptation_strength/mV
    """
    threshold = "z > 0.5"
    reset = """
    v -= reset_by
    adaptation += 1
    refractory_left = refractory_time
    """
    ports = {"current": "v += w*mV"}
    initial = {"v": "v_rest"}
    drive = "v_rest"
    largest_psp_error = 0.001
    largest_rate_error = 0.02
    sensitivity_equations = "dsensitivity/dt = -sensitivity/tau_membrane : 1 (clock-driven)"
    sensitivity_on_pre = "sensitivity += 1"

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        check_not_negative(
            self, "reset_by_mv", "adaptation_strength_mv", "psi_height", "refractory_time_ms"
        )
        check_positive(self, "psi_width_mv")
