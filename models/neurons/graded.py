"""Units of ordinary networks, which send numbers instead of spikes: references to compare with."""

from dataclasses import dataclass

from threefactor.models.neurons.contract import NeuronModel


@dataclass(frozen=True)
class Rectifier(NeuronModel):
    """Rectified linear unit, memoryless, of an ordinary network (ReLU).

    Equations
    ---------
    activity[t] = max(drive[t], 0)

    State
    -----
    activity : (n,), 1
        What a modulation carries to the next layer; it is there in the next timestep.
    drive : (n,), 1
        Sum of the input, for a modulation to write.

    Limits
    ------
    No spikes and no membrane. A layer takes a timestep, as those of spiking neurons do.

    Source
    ------
    Nair & Hinton 2010, ICML.
    """

    equations = """
    activity : 1
    drive : 1
    """
    integrate = "activity = clip(drive, 0, inf)"
    readout = "activity"
    has_membrane = False
