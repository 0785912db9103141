"""Choose what makes a trial of a rule informative: neuron, weights, learning rate."""

import functools
from dataclasses import replace

import numpy as np

from threefactor.experiments.checks.rules.bench import REFERENCE, Circuit, Trial
from threefactor.models.neurons import NEURONS, make_neuron
from threefactor.models.neurons.contract import NeuronModel
from threefactor.rules.contract import Rule

#: Neuron models that are tried first; the rest follows in the order of the registry.
PREFERRED = ("lif", "escape-lif")
#: Spikes per timestep and neuron that initial weights aim at.
TARGET_ACTIVITY = 0.2
#: Share of the weight scale that a third factor of 1 moves the fastest synapse in one run.
TARGET_CHANGE = 0.2


def choose_neuron(rule: Rule, name: str | None = None) -> tuple[str, NeuronModel]:
    """Return name and model of the postsynaptic neuron for `rule`.

    Raises
    ------
    ValueError
        If no spiking neuron of the registry exposes what the rule requires.
    """
    if name is not None:
        return name, make_neuron(name)
    for candidate in dict.fromkeys((*PREFERRED, *NEURONS)):
        neuron = NEURONS[candidate]()
        if neuron.threshold and neuron.ports and set(rule.requires) <= set(neuron.exposes):
            return candidate, neuron
    exposed = {e for neuron in NEURONS.values() if neuron.ports for e in neuron().exposes}
    missing = sorted(set(rule.requires) - exposed) or list(rule.requires)
    raise ValueError(
        f"{type(rule).__name__}.requires: expected what one neuron model exposes, got "
        f"{', '.join(missing)}; neurons expose: {', '.join(sorted(exposed))}."
    )


@functools.cache
def weight_scale(neuron: NeuronModel) -> float:
    """Return the weight at which the drive makes `neuron` fire near the target activity."""
    circuit = Circuit(None, neuron, "runtime-numpy")
    distances = {}
    for scale in 2.0 ** np.arange(-2, 7, 1.5):
        activity = circuit.run(REFERENCE, scale, 0.0).post_spikes.mean()
        distances[abs(activity - TARGET_ACTIVITY)] = float(scale)
    circuit.close()
    return distances[min(distances)]


def tuned_learning_rate(circuit: Circuit, scale: float) -> float:
    """Return a learning rate that moves weights visibly and keeps them from their bounds."""
    rule = circuit.rule
    assert rule is not None
    base = rule.learning_rate or 0.01
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
        replace(rule, learning_rate=tuned)
    except ValueError:
        return base
    return tuned
