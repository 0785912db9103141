"""Where a plastic projection keeps its numbers: names of arrays of the network.

An array is ``"<owner>.<variable>"``. What a rule keeps on a neuron carries the projection's name,
so that several rules may meet on one population; a parameter has a copy wherever a block reads it.
"""

from threefactor.models.specification import Projection
from threefactor.rules.contract import split_unit
from threefactor.rules.updates import PREFIX


def on_neuron(projection: Projection, population: str, variable: str) -> str:
    """Return the array of what the rule keeps on its source or target population."""
    return f"{population}.{projection.name}_{variable}"


def parameter_arrays(projection: Projection, name: str) -> tuple[str, ...]:
    """Return the arrays that may hold a parameter of the rule; the first exists."""
    sides = (projection.source, projection.target)
    return (
        f"{projection.name}.{name}",
        *(on_neuron(projection, population, name) for population in sides),
    )


def update_array(projection: Projection, name: str) -> str:
    """Return the array of a parameter or variable of the weight update."""
    return f"{projection.name}.{PREFIX}{name}"


def rate_arrays(projection: Projection) -> list[str]:
    """Return the arrays that may hold a rate: all of them zero is a projection that is frozen."""
    rule = projection.rule
    names = [split_unit(field)[0] for field in rule.rates] if rule is not None else []
    arrays = [array for name in names for array in parameter_arrays(projection, name)]
    updates = (split_unit(field)[0] for field in projection.update.rates)
    return arrays + [update_array(projection, name) for name in updates]
