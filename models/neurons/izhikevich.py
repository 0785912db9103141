"""Izhikevich neurons, in the half-step scheme of the program daspnet."""

from dataclasses import dataclass

from threefactor.models.neurons.contract import NeuronModel, check_ascending, check_not_negative

# `current` holds what arrived since the last step and is used up here.
_HALF_STEPS = """
v += 0.5*dt/ms*((quadratic*v/mV + linear)*v + offset - recovery + current)
v = clip(v, v_floor, inf*mV)
v += 0.5*dt/ms*((quadratic*v/mV + linear)*v + offset - recovery + current)
v = clip(v, v_floor, inf*mV)
recovery += dt/ms*recovery_rate*(recovery_slope*v - recovery)
current = 0*mV
"""
# At 1 ms the square root is one: the program's noise, bit for bit.
_NOISE = """
current += noise_current*sqrt(ms/dt)*(uniform(current_stream, t_in_timesteps) - 0.5)
"""


@dataclass(frozen=True)
class Izhikevich(NeuronModel):
    """Izhikevich neuron: two half steps of v, one step of recovery, spike at v >= v_peak.

    Equations
    ---------
    dv/dt = quadratic*v**2 + linear*v + offset - recovery + current      (v in mV, t in ms)
    drecovery/dt = recovery_rate*(recovery_slope*v - recovery)
    input spike: current += w*mV*ms/dt for one step;  spike: v = v_reset, recovery += recovery_jump

    Parameters
    ----------
    recovery_rate : float, default 0.02
        Rate of the recovery (a), 1/ms, >= 0.
    recovery_slope : float, default 0.2
        Its coupling to v (b), 1.
    v_reset_mv : float, default -65.0
        Potential after a spike (c), mV, < v_peak_mv.
    recovery_jump_mv : float, default 8.0
        What a spike adds to the recovery (d), mV/ms.
    v_peak_mv : float, default 30.0
        Potential that counts as a spike, mV.
    quadratic : float, default 0.04
        Coefficient of v**2, 1/(mV ms).
    linear : float, default 5.0
        Coefficient of v, 1/ms.
    offset_mv : float, default 140.0
        Constant term, mV/ms.
    v_floor_mv : float, default -200.0
        Lower limit of v after a half step, mV; keeps the scheme finite, < v_reset_mv.
    v_start_mv : float, default -65.0
        Initial potential, mV.
    recovery_start_mv : float, default -13.0
        Initial recovery, mV/ms: recovery_slope*v_start.

    State
    -----
    v : (n,), volt
    recovery : (n,), volt
        A volt of it is a volt per millisecond (u).
    current : (n,), volt
        Input of the next step; zero again once used.

    Raises
    ------
    ValueError
        If recovery_rate < 0 or not v_floor_mv < v_reset_mv < v_peak_mv

    Limits
    ------
    Made for dt = 1 ms, at which it fires below its own equation: against 0.1 ms by 10 to 17 %, at
    20 to 40 Hz. That is the author's scheme of two half steps, kept; at 0.5 ms it is 2 to 6 %. The
    area of a PSP of 1 mV at rest is within 0.02 %. w in mV, a jump of v of about w. daspnet runs
    test, reset, input, integration in one pass; a timestep here runs integration, test, input,
    reset. The cycle is the same one, cut elsewhere: its spikes of pass k (from 1) are the spikes of
    timestep k - 2 here, and spikes of a pass enter the current of that pass's integration, our next
    timestep. Fast-spiking neurons: recovery_rate = 0.1, recovery_jump_mv = 2. From far below rest
    (-150 mV) the half steps overshoot into a spike: a fault of the scheme, kept. daspnet has no
    v_floor.

    Source
    ------
    Izhikevich 2003, IEEE Trans. Neural Netw. 14:1569; daspnet.m of Izhikevich 2007, Cereb. Cortex
    17:2443 (ModelDB 84167).
    """

    recovery_rate: float = 0.02
    recovery_slope: float = 0.2
    v_reset_mv: float = -65.0
    recovery_jump_mv: float = 8.0
    v_peak_mv: float = 30.0
    quadratic: float = 0.04
    linear: float = 5.0
    offset_mv: float = 140.0
    v_floor_mv: float = -200.0
    v_start_mv: float = -65.0
    recovery_start_mv: float = -13.0

    equations = """
    v : volt
    recovery : volt
    current : volt
    """
    integrate = _HALF_STEPS
    threshold = "v >= v_peak"
    reset = """
    v = v_reset
    recovery += recovery_jump
    """
    ports = {"current": "current += w*mV*(ms/dt)"}
    initial = {"v": "v_start", "recovery": "recovery_start"}
    drive = "offset"
    largest_psp_error = 0.001
    largest_rate_error = 0.2

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        check_not_negative(self, "recovery_rate")
        check_ascending(self, "v_floor_mv", "v_reset_mv")
        check_ascending(self, "v_reset_mv", "v_peak_mv")


@dataclass(frozen=True)
class NoisyIzhikevich(Izhikevich):
    """Izhikevich neuron with uniform noise in its current, as in daspnet.

    Equations
    ---------
    as izhikevich, and in every step current += noise_current*sqrt(ms/dt)*(uniform - 0.5)

    Parameters
    ----------
    recovery_rate : float, default 0.02
        Rate of the recovery (a), 1/ms, >= 0.
    recovery_slope : float, default 0.2
        Its coupling to v (b), 1.
    v_reset_mv : float, default -65.0
        Potential after a spike (c), mV, < v_peak_mv.
    recovery_jump_mv : float, default 8.0
        What a spike adds to the recovery (d), mV/ms.
    v_peak_mv : float, default 30.0
        Potential that counts as a spike, mV.
    quadratic : float, default 0.04
        Coefficient of v**2, 1/(mV ms).
    linear : float, default 5.0
        Coefficient of v, 1/ms.
    offset_mv : float, default 140.0
        Constant term, mV/ms.
    v_floor_mv : float, default -200.0
        Lower limit of v after a half step, mV; keeps the scheme finite, < v_reset_mv.
    v_start_mv : float, default -65.0
        Initial potential, mV.
    recovery_start_mv : float, default -13.0
        Initial recovery, mV/ms: recovery_slope*v_start.
    noise_current_mv : float, default 13.0
        Full width of the uniform noise at 1 ms, mV/ms, >= 0.

    State
    -----
    v, recovery, current : as in izhikevich.

    Raises
    ------
    ValueError
        If a rate or width is < 0 or not v_floor_mv < v_reset_mv < v_peak_mv

    Limits
    ------
    As izhikevich, here by 12 to 16 %. White noise: at 1 ms that of the program, and at other
    timesteps as strong.

    Source
    ------
    daspnet.m of Izhikevich 2007, Cereb. Cortex 17:2443 (ModelDB 84167): I = 13*(rand - 0.5).
    """

    noise_current_mv: float = 13.0

    integrate = _NOISE.rstrip() + _HALF_STEPS
    noise = ("current",)
    noise_fields = ("noise_current_mv",)
    spontaneous = True

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        check_not_negative(self, "noise_current_mv")
