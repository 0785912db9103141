"""What must hold between the parts of a network, checked when its specification is made."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from threefactor.models.links import check_indices, check_modulation
from threefactor.models.neurons.contract import NeuronModel
from threefactor.models.neurons.strings import (
    check_neuron_class,
    check_neuron_values,
    check_rule_fits,
)
from threefactor.naming import suggest
from threefactor.program import program_name
from threefactor.rules.checks import check_rule_class
from threefactor.rules.contract import AGREEMENT, Rule, parameter_values
from threefactor.rules.delays import check_delay
from threefactor.rules.language import parse_equations
from threefactor.rules.updates import PREFIX, check_update_class

if TYPE_CHECKING:
    from threefactor.models.specification import Modulation, NetworkSpec, Population, Projection

_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)


def check_network(spec: NetworkSpec) -> None:
    """Raise TypeError or ValueError for parts that break their contract or do not fit."""
    _check_part_names(spec)
    for population in spec.populations:
        check_neuron_class(type(population.neuron))
        check_neuron_values(population.neuron)
    _check_roles(spec)
    for projection in spec.projections:
        _check_projection(spec, projection)
    _check_names_on_neurons(spec)
    destinations = [(m.target, m.into) for m in spec.modulations]
    for modulation in spec.modulations:
        check_modulation(spec, modulation)
        if destinations.count((modulation.target, modulation.into)) > 1:
            raise ValueError(
                f"Modulation {modulation.name!r}: {modulation.into!r} of {modulation.target!r} "
                "has two sources; give one modulation the links of both."
            )


def misfit(rule: Rule, neuron: NeuronModel) -> str:
    """Return what a rule needs of its postsynaptic neuron and does not get; "" if it fits."""
    name, other = type(rule).__name__, type(neuron).__name__
    missing = set(rule.requires) - set(neuron.exposes)
    if missing:
        return (
            f"{name} needs {sorted(missing)} of the postsynaptic neuron; {other} exposes "
            f"{', '.join(neuron.exposes) or 'nothing'}. Choose a neuron that exposes them "
            f"(`{program_name()} list neurons`)."
        )
    units = parse_equations(neuron.equations).units
    for variable, unit in rule.required_units.items():
        if units.get(variable, unit) != unit:
            return (
                f"{name} needs {variable} in {unit}; that of {other} has unit {units[variable]}. "
                "Choose a neuron whose membrane is a voltage."
            )
    if (rule.on_post or rule.post_on_spike) and not neuron.threshold:
        return (
            f"{name} acts on postsynaptic spikes and {other} never spikes. Choose a neuron that "
            "does, or a rule without on_post and post_on_spike, such as td-critic."
        )
    return ""


def _check_part_names(spec: NetworkSpec) -> None:
    parts: tuple[Population | Projection | Modulation, ...]
    parts = (*spec.populations, *spec.projections, *spec.modulations)
    names = [part.name for part in parts]
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"NetworkSpec: a name starts with a letter and has letters, digits and _ only, "
                f"got {name!r}."
            )
        if names.count(name) > 1:
            raise ValueError(f"NetworkSpec: the name {name!r} is used twice.")


def _check_roles(spec: NetworkSpec) -> None:
    """Raise ValueError unless input, output and critic exist and can be what they are called."""
    known = {population.name: population.neuron for population in spec.populations}
    roles = {"input": spec.input, "output": spec.output}
    if spec.critic is not None:
        roles["critic"] = spec.critic
    for role, name in roles.items():
        where = f"NetworkSpec.{role}"
        if name not in known:
            raise ValueError(
                f"{where} must name one of the populations {', '.join(known)}, got {name!r}."
                f"{suggest(name, known)}"
            )
        neuron = known[name]
        kind = f"{name!r} of {type(neuron).__name__}"
        if role == "input":
            if not neuron.takes:
                raise ValueError(
                    f"{where} must take rates, spike times or numbers, got {kind}; choose "
                    "PoissonInput, TimedInput or AnalogInput, or declare `rates : hertz`, "
                    "`steps_to_spike : 1` or `currents : 1` in the neuron's equations."
                )
        elif not (neuron.threshold or neuron.readout):
            raise ValueError(
                f"{where} must spike or be read out, got {kind}; give the neuron a threshold, or "
                "name the variable to decode in its `readout`."
            )


def _check_names_on_neurons(spec: NetworkSpec) -> None:
    """Raise ValueError where two projections' rules would keep variables of one name."""
    for population in spec.populations:
        taken = dict.fromkeys((*population.neuron.exposes, "spike_count", "first_spike"), "")
        for projection in spec.projections:
            for name in sorted(_names_on_neuron(projection, population.name)):
                if name in taken:
                    owner = taken[name] or type(population.neuron).__name__
                    raise ValueError(
                        f"Projection {projection.name!r}: at {population.name!r} it would keep "
                        f"{name!r}, which {owner} has; rename the projection."
                    )
                taken[name] = f"projection {projection.name!r}"


def _check_names_at_synapses(projection: Projection, neuron: NeuronModel) -> None:
    """Raise ValueError where a rule's names are those that the synapse keeps for others."""
    rule, update = projection.rule, projection.update
    assert rule is not None
    own = {*parse_equations(rule.equations).units, *parameter_values(rule)}
    kept = {f"{purpose}_stream": "its noise" for purpose in rule.noise}
    for name in (*parse_equations(update.equations).units, *parameter_values(update)):
        kept[PREFIX + name] = type(update).__name__
    if "sensitivity" in rule.requires:
        names = parse_equations(neuron.sensitivity_equations).units
        kept |= dict.fromkeys(names, f"the sensitivity of {type(neuron).__name__}")
    for name in sorted(own & set(kept)):
        raise ValueError(
            f"Projection {projection.name!r}: {name!r} of {type(rule).__name__} is kept at the "
            f"synapse for {kept[name]}; choose another name."
        )


def _names_on_neuron(projection: Projection, population: str) -> set[str]:
    """Return the names of what a projection's rule may keep on a population."""
    rule = projection.rule
    if rule is None or population not in (projection.source, projection.target):
        return set()
    names = set(parameter_values(rule))
    if population == projection.source:
        names |= set(parse_equations(rule.pre_equations).units)
    if population == projection.target:
        names |= set(parse_equations(rule.post_equations).units)
    return {f"{projection.name}_{name}" for name in names}


def _check_projection(spec: NetworkSpec, projection: Projection) -> None:
    where = f"Projection {projection.name!r}"
    source, target = spec.population(projection.source), spec.population(projection.target)
    check_indices(where, projection.pre, projection.post, source, target)
    if projection.port not in target.neuron.ports:
        raise ValueError(
            f"{where}: {type(target.neuron).__name__} has no port {projection.port!r}; "
            f"it has: {', '.join(target.neuron.ports) or 'none'}."
        )
    check_update_class(type(projection.update))
    if projection.rule is not None:
        check_rule_class(type(projection.rule))
    check_delay(where, projection.rule, projection.delay_ms, projection.delay, spec.timestep_ms)
    if np.any(np.asarray(projection.w_min) > np.asarray(projection.w_max)):
        raise ValueError(f"{where}: w_min must not exceed w_max.")
    _check_constraints(where, projection, target)
    if projection.rule is not None:
        reason = misfit(projection.rule, target.neuron)
        if reason:
            raise ValueError(f"{where}: {reason}")
        _check_names_at_synapses(projection, target.neuron)
        check_rule_fits(projection.rule, source.neuron, target.neuron)
        _check_agreement(spec, projection, target)


def _check_agreement(spec: NetworkSpec, projection: Projection, target: Population) -> None:
    """Raise ValueError if a neuron is to be compared with an action that it does not stand for."""
    assert projection.rule is not None
    fed = {m.into for m in spec.modulations if m.target == target.name}
    waits = [
        variable for variable, signal in projection.rule.host_writes.items()
        if signal == AGREEMENT and f"{projection.name}.{variable}" not in fed
    ]  # fmt: skip
    if waits and (target.modules is None or not target.neuron.threshold):
        raise ValueError(
            f"Projection {projection.name!r}: {type(projection.rule).__name__} compares each "
            f"neuron's spikes with the action taken, and population {target.name!r} does not say "
            "which actions its neurons stand for; give it modules (model layered: is_modular), or "
            "this projection another rule."
        )


def _check_constraints(where: str, projection: Projection, target: Population) -> None:
    """Raise ValueError for bounds that the update cannot use, or a sum that weights cannot have."""
    low = np.broadcast_to(np.asarray(projection.w_min, float), projection.n_synapses)
    high = np.broadcast_to(np.asarray(projection.w_max, float), projection.n_synapses)
    if projection.update.needs_bounds and not np.all(np.isfinite(high - low) & (low < high)):
        raise ValueError(
            f"{where}: {type(projection.update).__name__} needs finite bounds with w_min < w_max "
            f"for every synapse, got {low.min()} to {high.max()}."
        )
    total = projection.incoming_sum
    if total is None:
        return
    if not math.isfinite(total) or total == 0:
        raise ValueError(f"{where}.incoming_sum must be finite and not 0, got {total}.")
    if not (np.all(low >= 0) if total > 0 else np.all(high <= 0)):
        raise ValueError(
            f"{where}.incoming_sum = {total} needs weights of its own sign at every synapse, "
            f"got bounds {low.min()} to {high.max()}."
        )
    sums = [np.bincount(projection.post, bound, target.size) for bound in (low, high)]
    has_input = np.bincount(projection.post, minlength=target.size) > 0
    if np.any(has_input & ((total < sums[0]) | (total > sums[1]))):
        reach = f"{sums[0][has_input].max():g} to {sums[1][has_input].min():g}"
        raise ValueError(
            f"{where}.incoming_sum must be within what the bounds of each neuron's weights add up "
            f"to, {reach}, got {total}."
        )
