"""Input neurons that spike when they are told to: frozen patterns instead of Poisson trains."""

from dataclasses import dataclass

from threefactor.models.neurons.contract import NeuronModel

#: What to write into ``rates`` for a spike in this timestep; 0 for none.
SPIKE_HZ = 1000.0


@dataclass(frozen=True)
class GivenSpikes(NeuronModel):
    """Input neurons without chance: a spike in every timestep in which the rate is not zero.

    Equations
    ---------
    spike: rates > 0

    State
    -----
    rates : (n,), Hz
        Written before each timestep; SPIKE_HZ for a spike.

    Limits
    ------
    The same spikes as Poisson inputs at rates of 0 and 1/dt, without drawing random numbers.
    """

    equations = "rates : hertz"
    threshold = "rates > 0*Hz"
