"""What a network is made of, as plain data for the records of a run."""

from typing import Any

from threefactor.agents.contract import AgentOptions
from threefactor.models.specification import Modulation, NetworkSpec, Projection


def anatomy_of(spec: NetworkSpec) -> dict[str, Any]:
    """Return populations, who sends what to whom, and numbers that neurons have of their own.

    Returns
    -------
    populations : name -> neurons
    input, output : str
    links : name -> source, target, and whether numbers are sent instead of spikes; those of
        modulations that deliver something to rules, and nothing to neurons, are not among them
    own_parameters : population -> parameters that each of its neurons has of its own
    """
    links: list[Projection | Modulation] = [
        *spec.projections,
        *(m for m in spec.modulations if is_integrated(m)),
    ]
    return {
        "populations": {p.name: p.size for p in spec.populations},
        "input": spec.input,
        "output": spec.output,
        "links": {
            link.name: {
                "source": link.source,
                "target": link.target,
                "is_graded": isinstance(link, Modulation),
            }
            for link in links
        },
        "own_parameters": {p.name: len(p.heterogeneity) for p in spec.populations},
    }


def is_integrated(modulation: Modulation) -> bool:
    """Whether neurons integrate what is sent, and not a rule."""
    return modulation.into != "third_factor" and "." not in modulation.into


def regime_of_network(spec: NetworkSpec, options: AgentOptions) -> dict[str, Any]:
    """Return what a network says of itself: decision, input, neurons, and whose links are whose."""
    neurons = [p for p in spec.populations if p.name != spec.input]
    sources = {link.name: link.source for link in spec.projections}
    return {
        "decision_ms": options.window_ms,
        "timestep_ms": options.timestep_ms,
        "input": spec.input,
        "neurons": {p.name: type(p.neuron).__name__ for p in neurons},
        "without_membrane": [p.name for p in neurons if not p.neuron.has_membrane],
        "sources": sources | {link.name: link.source for link in spec.modulations},
    }
