"""Choose what makes a trial of a rule informative: weights and learning rate."""

import functools

import numpy as np

from threefactor.experiments.checks.rules.bench import (
    FALLBACK_RATE,
    REFERENCE,
    Circuit,
    Trial,
    at_learning_rate,
)
from threefactor.models.neurons.contract import NeuronModel

#: Spikes per timestep and neuron that initial weights aim at.
TARGET_ACTIVITY = 0.2
#: Share of the weight scale that a third factor of 1 moves the fastest synapse in one run.
TARGET_CHANGE = 0.2


@functools.cache
def weight_scale(neuron: NeuronModel) -> float:
    """Return the weight at which the drive makes `neuron` fire near the target activity."""
    circuit = Circuit(None, neuron, "runtime-numpy")
    distances = {}
    for scale in 2.0 ** np.arange(-5, 7, 1.5):
        activity = circuit.run(REFERENCE, scale, 0.0).post_spikes.mean()
        distances[abs(activity - TARGET_ACTIVITY)] = float(scale)
    circuit.close()
    return distances[min(distances)]


def tuned_learning_rate(circuit: Circuit, scale: float) -> float:
    """Return a learning rate that moves weights visibly and keeps them from their bounds."""
    rule = circuit.rule
    assert rule is not None
    base = rule.learning_rate or FALLBACK_RATE
    tiny = 1e-6
    try:
        travel = circuit.run(Trial(1.0, is_clamped=True), scale, tiny * base).travel
    except FloatingPointError:  # NaN: reported by the check that looks for it
        return base
    largest = float(travel.max())
    if not (np.isfinite(largest) and largest > 0):
        return base
    tuned = base * tiny * TARGET_CHANGE * scale / largest
    try:
        at_learning_rate(rule, tuned)
    except ValueError:
        return base
    return tuned
