"""A neuron that computes the TD error in continuous time from the spikes of a critic."""

from dataclasses import dataclass

from threefactor.models.neurons.contract import NeuronModel, check_distinct, check_not_negative


@dataclass(frozen=True)
class TDError(NeuronModel):
    """TD error of a spiking critic: its spikes through a filter and through the filter's slope.

    Equations
    ---------
    dslow/dt = -slow/tau_decay, dfast/dt = -fast/tau_rise;  input spike: slow += w, fast += w
    (Y o kappa) = (slow - fast)/(tau_decay - tau_rise)
    value = value_gain*(Y o kappa) + value_offset
    td_error = dvalue/dt - value/tau_reward + reward
        is_over: nothing is to come and value falls to 0 within the timestep, so that
        td_error*dt = reward*dt - value
        0 for silent after the initial state, while the filter fills

    With w = 1/N for N critic neurons, (Y o kappa) is their mean filtered rate.

    Parameters
    ----------
    tau_decay_ms : float, default 200.0
        Fall of the filter kappa (tau_kappa), ms, > 0; not equal to tau_rise_ms.
    tau_rise_ms : float, default 50.0
        Rise of the filter kappa (upsilon_kappa), ms, > 0.
    tau_reward_ms : float, default 4000.0
        Time constant of the discount (tau_r), ms, > 0.
    value_gain : float, default 2.0
        Value of one spike per second (nu), reward*s.
    value_offset : float, default -40.0
        Value of silence (V_0), reward.
    silent_ms : float, default 0.0
        How long it is silent at first, ms, >= 0.

    State
    -----
    slow, fast : (n,), 1
    value : (n,), 1
        Reward.
    td_error : (n,), 1
        Reward per second.
    reward : (n,), 1
        Reward per second, written by the host.
    is_over : (n,), 1
        1 in the timestep after which nothing is to come, written by the host.
    elapsed : (n,), s
        Since the initial state.

    Limits
    ------
    Critic spikes of a timestep count in the next one: value is a timestep late. Never spikes. The
    area of value by one spike, in its first 200 ms, is 0.4 % smaller at 1 ms than at 0.1 ms.

    Source
    ------
    Fremaux, Sprekeler & Gerstner 2013, PLoS Comput. Biol. 9:e1003024, eqs 11-15: V and delta(t).
    What it does at both ends of an episode is ours.
    """

    tau_decay_ms: float = 200.0
    tau_rise_ms: float = 50.0
    tau_reward_ms: float = 4000.0
    value_gain: float = 2.0
    value_offset: float = -40.0
    silent_ms: float = 0.0

    equations = """
    dslow/dt = -slow/tau_decay : 1
    dfast/dt = -fast/tau_rise : 1
    value : 1
    td_error : 1
    reward : 1
    is_over : 1
    elapsed : second
    """
    integrate = """
    value = value_gain*second*(slow - fast)/(tau_decay - tau_rise) + value_offset
    td_error = value_gain*second*(fast/tau_rise - slow/tau_decay)/(tau_decay - tau_rise)*second
    td_error = (1 - is_over)*(td_error - value*second/tau_reward)
    td_error = td_error - is_over*value*second/dt + reward
    elapsed += dt
    td_error = int(elapsed > silent + dt/2)*td_error
    """
    ports = {"current": "slow += w; fast += w"}
    initial = {"value": "value_offset"}
    hears_reward = True
    readout = "value"
    membrane = "value"
    largest_psp_error = 0.005

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        check_distinct(self, "tau_decay_ms", "tau_rise_ms")
        check_not_negative(self, "silent_ms")
