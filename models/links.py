"""What must hold of the links between two populations, checked when a specification is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from threefactor.models.neurons.contract import NeuronModel
from threefactor.rules.language import parse_equations, parse_statements

if TYPE_CHECKING:
    from threefactor.models.specification import Modulation, NetworkSpec, Population


def drivable(neuron: NeuronModel) -> list[str]:
    """Return the variables of a neuron that a modulation may write: nothing else does."""
    blocks = (neuron.integrate, neuron.before_threshold, neuron.before_window, neuron.reset)
    written = {
        n for code in (*blocks, *neuron.ports.values()) for n in parse_statements(code).writes
    }
    return [
        line.variable
        for line in parse_equations(neuron.equations)
        if line.kind == "plain" and line.unit == "1" and line.is_writable
        and line.variable not in written
    ]  # fmt: skip


def check_modulation(spec: NetworkSpec, modulation: Modulation) -> None:
    """Raise ValueError unless a modulation reads and writes what there is."""
    where = f"Modulation {modulation.name!r}"
    source, target = spec.population(modulation.source), spec.population(modulation.target)
    check_indices(where, modulation.pre, modulation.post, source, target)
    variables = {
        v for v, unit in parse_equations(source.neuron.equations).units.items() if unit == "1"
    }
    if modulation.variable not in variables:
        raise ValueError(
            f"{where}: {type(source.neuron).__name__} has no dimensionless variable "
            f"{modulation.variable!r}; it has: {', '.join(sorted(variables)) or 'none'}."
        )
    if (modulation.source, modulation.variable) in [(m.target, m.into) for m in spec.modulations]:
        raise ValueError(
            f"{where}: {modulation.variable!r} of {source.name!r} is written by a modulation "
            "itself, in the same moment; read a variable that the neurons compute."
        )
    variables_there = drivable(target.neuron)
    _check_weights(where, modulation, modulation.into in variables_there)
    rules = {p.name: p.rule for p in spec.projections if p.rule and p.target == target.name}
    waiting = [name for name, rule in rules.items() if rule.post_on_delivery]
    if modulation.into == "third_factor" and waiting:
        raise ValueError(
            f"{where}: {type(rules[waiting[0]]).__name__} at {waiting[0]!r} waits for deliveries "
            "by the host, and neurons deliver in every timestep; choose a rule without "
            "post_on_delivery, such as td-ltp-continuous."
        )
    destinations = ["third_factor"] * bool(rules)
    for name, rule in rules.items():
        destinations += [f"{name}.{variable}" for variable in rule.host_writes]
    if modulation.into not in (*destinations, *variables_there):
        own = f"; of its own {type(target.neuron).__name__} has: {', '.join(variables_there)}"
        raise ValueError(
            f"{where}: cannot write {modulation.into!r} at {target.name!r}; rules there have: "
            f"{', '.join(destinations) or 'nothing, no plastic projection ends there'}"
            f"{own if variables_there else ''}."
        )


def _check_weights(where: str, modulation: Modulation, may_be_drawn: bool) -> None:
    weights = modulation.weights
    if hasattr(weights, "draw"):
        if may_be_drawn:
            return
        raise ValueError(
            f"{where}.weights of a modulator must be numbers, which controls compare with, got "
            f"{weights}; draw them and pass the array."
        )
    if not np.all(np.isfinite(weights)) or np.shape(weights) not in ((), np.shape(modulation.pre)):
        raise ValueError(
            f"{where}.weights must be finite, one number or one for each of the "
            f"{len(modulation.pre)} links, got shape {np.shape(weights)}."
        )


def check_indices(
    where: str, pre: np.ndarray, post: np.ndarray, source: Population, target: Population
) -> None:
    """Raise ValueError unless pairs of neurons are there."""
    if len(pre) != len(post) or len(pre) == 0:
        raise ValueError(
            f"{where}: pre and post must be equally long and not empty, "
            f"got {len(pre)} and {len(post)}."
        )
    for side, index, group in (("pre", pre, source), ("post", post, target)):
        if np.min(index) < 0 or np.max(index) >= group.size:
            raise ValueError(
                f"{where}.{side} must index 0 to {group.size - 1} of {group.name!r}, "
                f"got {np.min(index)} to {np.max(index)}."
            )
