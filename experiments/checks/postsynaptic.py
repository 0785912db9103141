"""The postsynaptic neuron that a rule is judged behind, the same in `check` and on its card."""

from threefactor.models.consistency import misfit
from threefactor.models.neurons import LIF, NEURONS, make_neuron
from threefactor.models.neurons.contract import NeuronModel
from threefactor.rules.contract import Rule, parameter_values

#: Tried first: neurons that explore. The rest follows in the order of the registry.
PREFERRED = ("escape-lif", "adaptive-lif", "noisy-lif")


def choose_neuron(rule: Rule, name: str | None = None) -> tuple[str, NeuronModel]:
    """Return name and model of the postsynaptic neuron for `rule`: the named one, if any.

    Escape noise first. A rule that reads the membrane gets a noisy membrane, or one with a spike
    peak if it has a level between the threshold of `LIF` and zero.

    Raises
    ------
    ValueError
        If no spiking neuron of the registry gives what the rule needs.
    """
    if name is not None:
        return name, make_neuron(name)
    for candidate in dict.fromkeys((*_of_the_membrane(rule), *PREFERRED, *NEURONS)):
        neuron = NEURONS[candidate]()
        if neuron.threshold and neuron.ports and not misfit(rule, neuron):
            return candidate, neuron
    exposed = {e for neuron in NEURONS.values() if neuron.ports for e in neuron().exposes}
    missing = sorted(set(rule.requires) - exposed) or list(rule.requires)
    raise ValueError(
        f"{type(rule).__name__}.requires: expected what one spiking neuron model exposes, got "
        f"{', '.join(missing)}; neurons expose: {', '.join(sorted(exposed))}."
    )


def _of_the_membrane(rule: Rule) -> tuple[str, ...]:
    """Return the neuron for a rule that reads the membrane, where a spike moves it at once."""
    if "v" not in rule.requires:
        return ()
    threshold = LIF().v_threshold_mv * 1e-3
    volts = [value for value, unit in parameter_values(rule).values() if unit == "volt"]
    has_peak = any(threshold < volt < 0 for volt in volts)
    return ("izhikevich",) if has_peak else ("noisy-lif",)
