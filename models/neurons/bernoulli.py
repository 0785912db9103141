"""Bernoulli units with a logistic spike probability: memoryless (Ising) and filtered (GLM)."""

import math
from dataclasses import dataclass

from threefactor.models.neurons.contract import NeuronModel

# (1 + tanh(x))/2 is 1/(1 + exp(-2*x)) without the overflow.
_DRAW = """
p = 0.5*(1 + tanh(drive + current + bias))
z = int(uniform(spike_stream, t_in_timesteps) < p)
score = 2*(z - p)
"""


@dataclass(frozen=True)
class Ising(NeuronModel):
    """Memoryless stochastic unit: spikes (+1) with a logistic probability of the last tick's input.

    Equations
    ---------
    drive = sum of w over the presynaptic spikes of the previous tick
    p = 1/(1 + exp(-2*(drive + current + bias)));  z ~ Bernoulli(p)
    score = d log P(z)/d drive = 2*(z - p)

    Parameters
    ----------
    bias : float, default 0.0
        Added to the drive; p = 0.5 without input at 0, 1.

    State
    -----
    drive : (n,), 1
        Input collected for the next tick; cleared by the draw.
    current : (n,), 1
        Analogue input, for a modulation to write; 0 without one.
    p, z : (n,), 1
        Probability and outcome of this tick's draw; the unit's value is 2*z - 1.
    score : (n,), 1
        Derivative of log P(z) by the drive.
    sensitivity : (n_synapses,), 0 or 1
        Whether the presynaptic neuron spiked in the previous tick.

    Limits
    ------
    One layer takes one timestep, whatever its length: rates go as 1/dt, PSPs as dt. Silent inputs
    count 0, not -1: with +-1 inputs x = 2*s - 1 use weights 2*w and bias -sum(w). sensitivity needs
    each_step before on_pre (the default order).

    Source
    ------
    Aenugu et al. 2019, arXiv 1910.06489, the memoryless Ising unit of its published code.
    """

    bias: float = 0.0

    equations = """
    drive : 1
    current : 1
    p : 1
    z : 1
    score : 1
    """
    before_threshold = _DRAW + "drive = 0\n"
    threshold = "z > 0.5"
    ports = {"current": "drive += w"}
    noise = ("spike",)
    spontaneous = True
    has_membrane = False
    membrane = "drive"
    largest_psp_error = math.inf
    largest_rate_error = math.inf
    sensitivity_equations = "sensitivity : 1"
    sensitivity_on_pre = "sensitivity = 1"
    sensitivity_each_step = "sensitivity = 0"


@dataclass(frozen=True)
class BernoulliGLM(NeuronModel):
    """Stochastic unit with a logistic probability of its exponentially filtered input.

    Equations
    ---------
    tau_filter*ddrive/dt = -drive;  input spike: drive += w
    p = 1/(1 + exp(-2*(drive + current + bias)));  z ~ Bernoulli(p)
    score = d log P(z)/d drive = 2*(z - p)

    Parameters
    ----------
    tau_filter_ms : float, default 5.0
        Decay of the input filter, ms, > 0.
    bias : float, default -2.0
        Added to the drive, 1; -2 gives p = 0.018 a tick without input.

    State
    -----
    drive : (n,), 1
        Filtered input; own spikes leave it.
    current : (n,), 1
        Analogue input, for a modulation to write; 0 without one.
    p, z : (n,), 1
        Probability and outcome of this tick's draw.
    score : (n,), 1
        Derivative of log P(z) by the drive.
    sensitivity : (n_synapses,), 1
        d drive/dw: the filtered presynaptic spikes.

    Limits
    ------
    Probability per tick, not per time: rates go as 1/dt. The filter is exact at any dt. An
    exponential filter in place of free taps. No post-spike filter.

    Source
    ------
    Aenugu et al. 2019, arXiv 1910.06489, the GLM unit; deviation: one filter shape for all inputs.
    """

    tau_filter_ms: float = 5.0
    bias: float = -2.0

    equations = """
    ddrive/dt = -drive/tau_filter : 1
    current : 1
    p : 1
    z : 1
    score : 1
    """
    before_threshold = _DRAW
    threshold = "z > 0.5"
    ports = {"current": "drive += w"}
    noise = ("spike",)
    spontaneous = True
    has_membrane = False
    membrane = "drive"
    largest_psp_error = 0.005
    largest_rate_error = math.inf
    sensitivity_equations = "dsensitivity/dt = -sensitivity/tau_filter : 1 (clock-driven)"
    sensitivity_on_pre = "sensitivity += 1"
