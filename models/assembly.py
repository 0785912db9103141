"""Merge neurons and rules into the strings of one Brian2 network: specification -> blueprint.

Every rule is assembled alike. Rule variables of a neuron are prefixed with the projection's name,
so that several rules may meet on one population; synaptic code refers to them through Brian2's
``_pre`` and ``_post`` suffixes.
"""

from dataclasses import dataclass

import numpy as np

from threefactor.models.blueprint import Blueprint, Demand, GroupCode, SynapseCode
from threefactor.models.host import input_array
from threefactor.models.lazy_decay import add_growth, find_lazy_decays, grown, without_decay
from threefactor.models.links import drivable
from threefactor.models.resting import find_resting
from threefactor.models.specification import Modulation, NetworkSpec, Population, Projection
from threefactor.rules.contract import Rule, parameter_values
from threefactor.rules.language import parse_equations, parse_statements, rename_expression
from threefactor.rules.updates import PREFIX


def assemble(spec: NetworkSpec, replicas: int = 1) -> Blueprint:
    """Return the blueprint of `replicas` independent copies of `spec` in one network."""
    plan = Blueprint(spec.timestep_ms, replicas)
    groups = {}
    for population in spec.populations:
        groups[population.name] = _assemble_population(plan, population, replicas)
    plan.resets.pop(input_array(spec), None)  # the encoder's, not a state
    for projection in spec.projections:
        _assemble_projection(plan, spec, projection, groups, replicas)
    for modulation in spec.modulations:
        _assemble_modulation(plan, spec, modulation, replicas)
    for group in groups.values():
        plan.groups.append(group)
    return plan


def _declare_parameters(plan: Blueprint, owner: str, instance: object, prefix: str = "") -> str:
    """Return the shared declarations of an instance's parameters and note their values."""
    lines = []
    for name, (value, unit) in parameter_values(instance).items():
        lines.append(f"{prefix}{name} : {unit} (shared, constant)")
        plan.data[f"{owner}.{prefix}{name}"] = np.array(value)
    return "\n".join(lines)


def _assemble_population(plan: Blueprint, population: Population, replicas: int) -> GroupCode:
    neuron, name = population.neuron, population.name
    equations = parse_equations(neuron.equations)
    lines = [str(equations)]
    for parameter, (value, unit) in parameter_values(neuron).items():
        kind = "constant" if parameter in population.heterogeneity else "shared, constant"
        lines.append(f"{parameter} : {unit} ({kind})")
        plan.data[f"{name}.{parameter}"] = np.array(value)
    unknown = set(population.heterogeneity) - set(parameter_values(neuron))
    if unknown:
        raise ValueError(
            f"Population {name!r}: heterogeneity of unknown parameter {sorted(unknown)[0]!r}; "
            f"{type(neuron).__name__} has: {', '.join(parameter_values(neuron))}."
        )
    for purpose in neuron.noise:
        lines.append(f"{purpose}_stream : integer (constant)")
        plan.noise.append((name, purpose))
    spiking = bool(neuron.threshold)
    reset = _printed(neuron.reset)
    if population.times_first_spike:
        lines.append("first_spike : second")
        first = "int(spike_count < 0.5)"
        reset += f"\nfirst_spike = {first}*t + (1 - {first})*first_spike"
    if spiking:
        lines.append("spike_count : 1")
        reset += "\nspike_count += 1"
    for variable in equations.stored:
        if variable not in neuron.initial and population.resets != "keep":
            plan.resets[f"{name}.{variable}"] = population.resets
    values = parameter_values(neuron)
    for variable, start in neuron.initial.items():
        value = values[start][0] if isinstance(start, str) else start
        plan.data[f"{name}.{variable}"] = np.array(value)
        if population.resets != "keep":
            plan.resets[f"{name}.{variable}"] = population.resets
    group = GroupCode(
        name, population.size * replicas, "\n".join(lines),
        rename_expression(neuron.threshold, {}), reset.strip(),
        neuron.refractory, neuron.method,
    )  # fmt: skip
    if code := _printed(neuron.before_window):
        plan.demand.append(Demand("window", name, name, code))
    for block, when, order in (("integrate", "groups", 1), ("before_threshold", "thresholds", -1)):
        if code := _printed(getattr(neuron, block)):
            group.every_step.append((f"{name}_{block}", code, when, order))
    return group


def _assemble_projection(
    plan: Blueprint,
    spec: NetworkSpec,
    projection: Projection,
    groups: dict[str, GroupCode],
    replicas: int,
) -> None:
    name, rule = projection.name, projection.rule
    source, target = spec.population(projection.source), spec.population(projection.target)
    code = SynapseCode(
        name, source.name, target.name, projection.n_synapses * replicas,
        "w : 1\nw_min : 1 (constant)\nw_max : 1 (constant)",
    )  # fmt: skip
    _connect(plan, projection, source, target, replicas)
    plan.weights.append(f"{name}.w")
    for bound, value in (("w_min", projection.w_min), ("w_max", projection.w_max)):
        plan.data[f"{name}.{bound}"] = np.tile(
            np.broadcast_to(np.asarray(value, float), projection.n_synapses), replicas
        )
    if projection.delay_ms:
        _delay(plan, code, "pre", projection.delay_ms)
    own = (*parse_equations(target.neuron.equations).units, *parameter_values(target.neuron))
    transmit = _renamed(target.neuron.ports[projection.port], {n: f"{n}_post" for n in own})
    code.on_pre = transmit
    if rule is not None:
        _assemble_rule(plan, code, groups, projection, target, transmit)
    plan.synapses.append(code)


def _connect(
    plan: Blueprint,
    links: Projection | Modulation,
    source: Population,
    target: Population,
    replicas: int,
) -> None:
    """Note the connections of all replicas: a block of its own for each."""
    offset = np.arange(replicas)[:, None]
    plan.connections[links.name] = (
        (links.pre[None, :] + offset * source.size).ravel().astype(np.int32),
        (links.post[None, :] + offset * target.size).ravel().astype(np.int32),
    )


def _delay(plan: Blueprint, code: SynapseCode, pathway: str, delay_ms: float) -> None:
    """Let a pathway act `delay_ms` after its spikes."""
    name = f"{code.name}.delay" if pathway == "pre" else f"{code.name}.{pathway}_delay"
    code.delayed += (pathway,)
    plan.delays[name] = (code.name, pathway)
    plan.data[name] = np.array(delay_ms * 1e-3)


def _assemble_modulation(
    plan: Blueprint, spec: NetworkSpec, modulation: Modulation, replicas: int
) -> None:
    source, target = spec.population(modulation.source), spec.population(modulation.target)
    destination = modulation.into.replace(".", "_")
    plan.synapses.append(
        SynapseCode(
            modulation.name, source.name, target.name, modulation.n_links * replicas,
            "weight : 1 (constant)\n"
            f"{destination}_post = weight*{modulation.variable}_pre : 1 (summed)",
            summed=destination, is_integrated=modulation.into in drivable(target.neuron),
        )
    )  # fmt: skip
    _connect(plan, modulation, source, target, replicas)


@dataclass(frozen=True)
class _RuleNames:
    """What the names of a projection's rule become, where Brian2 keeps them."""

    #: On the presynaptic and the postsynaptic neuron.
    pre: dict[str, str]
    post: dict[str, str]
    parameters: dict[str, str]
    #: At the synapse, and the same with the random numbers of the timestep.
    synapse: dict[str, str]
    drawing: dict[str, str]

    @classmethod
    def of(cls, rule: Rule, name: str) -> "_RuleNames":
        """Return the names of the rule of the projection called `name`."""
        pre = {v: f"{name}_{v}" for v in parse_equations(rule.pre_equations).units}
        post = {v: f"{name}_{v}" for v in parse_equations(rule.post_equations).units}
        parameters = {p: f"{name}_{p}" for p in parameter_values(rule)}
        synapse = {old: f"{new}_pre" for old, new in pre.items()}
        synapse |= {old: f"{new}_post" for old, new in post.items()}
        synapse |= {v: f"{v}_post" for v in rule.requires if v != "sensitivity"}
        synapse["third_factor"] = "third_factor_post"
        draws = {n: f"uniform({n}_stream, t_in_timesteps)" for n in rule.noise}
        return cls(pre, post, parameters, synapse, synapse | draws)


def _assemble_rule(
    plan: Blueprint,
    code: SynapseCode,
    groups: dict[str, GroupCode],
    projection: Projection,
    target: Population,
    transmit: str,
) -> None:
    rule, name = projection.rule, projection.name
    assert rule is not None
    names = _RuleNames.of(rule, name)
    post_group = groups[projection.target]
    _add_neuron_side(plan, groups[projection.source], projection, rule, names, "pre")
    _add_neuron_side(plan, post_group, projection, rule, names, "post")
    if "\nthird_factor : 1" not in post_group.equations:
        post_group.equations += "\nthird_factor : 1"
    plan.resets[f"{target.name}.third_factor"] = "episode"
    for purpose in rule.noise:
        code.equations += f"\n{purpose}_stream : integer (constant)"
        plan.noise.append((name, purpose))
    _add_synapse_side(plan, code, projection, rule, names, target, transmit)
    _add_demand(plan, projection, rule, names)
    homes = (
        (f"{projection.source}.{name}_", rule.pre_equations),
        (f"{projection.target}.{name}_", rule.post_equations),
        (f"{name}.", rule.equations),
    )
    for prefix, equations in homes:
        for variable in parse_equations(equations).stored:
            policy = rule.resets.get(variable, "episode")
            if policy != "keep":
                plan.resets[prefix + variable] = policy


def _add_synapse_side(
    plan: Blueprint,
    code: SynapseCode,
    projection: Projection,
    rule: Rule,
    names: _RuleNames,
    target: Population,
    transmit: str,
) -> None:
    """Give the synapses the variables of a rule and the blocks that run at spikes and steps."""
    name, update = projection.name, projection.update
    code.equations += "\n" + parse_equations(update.equations).renamed(update.prefixes)
    code.equations += "\n" + _declare_parameters(plan, name, update, PREFIX)
    blocks = {
        block: update.wrap(getattr(rule, block)) for block in ("on_pre", "on_post", "each_step")
    }
    equations = rule.equations
    if "sensitivity" in rule.requires:
        neuron = target.neuron
        to_post = {p: f"{p}_post" for p in parameter_values(neuron)}
        of_neuron = parse_equations(neuron.sensitivity_equations)
        equations += "\n" + of_neuron.renamed(to_post)
        for block in blocks:
            blocks[block] += "\n" + _renamed(getattr(neuron, f"sensitivity_{block}"), to_post)
        if target.resets != "keep":
            plan.resets |= {f"{name}.{variable}": target.resets for variable in of_neuron.stored}
    order = {block: index for index, block in enumerate(rule.order)}
    parsed = parse_equations(equations)
    on_pre, on_post = parse_statements(blocks["on_pre"]), parse_statements(blocks["on_post"])
    decays = find_lazy_decays(rule, parsed, on_pre, on_post)
    if decays:
        parsed = without_decay(parsed, decays)
        on_pre, on_post = grown(on_pre, decays), grown(on_post, decays)
        add_growth(plan, code, decays)
    # Without the flag Brian2 would tell every user about it.
    flagged = parse_equations(parsed.clock_driven())
    code.equations += "\n" + flagged.renamed(names.synapse)
    code.equations += "\n" + _declare_parameters(plan, name, rule)
    if rule.transmitted != "w":
        carried = rename_expression(rule.transmitted, names.drawing)
        transmit = _renamed(transmit, {"w": f"({carried})"})
    code.on_pre_order, code.on_post_order = order["on_pre"], order["on_post"]
    at_spike = on_pre.renamed(names.drawing)
    if projection.late_side == "post":
        code.on_pre, code.on_pre_at_once = transmit, at_spike.strip()
    else:
        code.on_pre = transmit + "\n" + at_spike
    code.on_post = on_post.renamed(names.drawing).strip()
    if code.on_post and projection.late_side == "post":
        _delay(plan, code, "post", projection.delay_ms)
    if not (projection.delay_ms or rule.weight_clock):
        code.resting = find_resting(parsed, parse_statements(blocks["each_step"]), on_post)
    if each_step := _renamed(blocks["each_step"], names.drawing):
        code.every_step.append((f"{name}_each_step", each_step, "synapses", order["each_step"]))


def _add_demand(plan: Blueprint, projection: Projection, rule: Rule, names: _RuleNames) -> None:
    """Note the blocks of a rule that run on request."""
    name, update = projection.name, projection.update
    if rule.at_decision:
        block = _renamed(rule.at_decision, names.synapse)
        plan.demand.append(Demand("decision", name, name, block))
    for when, code in (("consolidate", rule.consolidate), ("episode", rule.at_episode)):
        if code:
            block = _bounded(_renamed(update.wrap(code), names.synapse))
            demand = Demand(when, name, name, block)
            plan.demand.append(demand)
            if when == "consolidate" and rule.consolidation_period_ms is not None:
                plan.periods_ms[demand.name] = rule.consolidation_period_ms
    if rule.post_on_delivery:
        block = _renamed(rule.post_on_delivery, names.post | names.parameters)
        plan.demand.append(Demand("deliver", name, projection.target, block))


def _bounded(block: str) -> str:
    """Return a block that leaves the weights within their bounds, if it moves them."""
    moves_weights = "w" in parse_statements(block).writes
    return block + "\nw = clip(w, w_min, w_max)" if moves_weights else block


def _renamed(block: str, names: dict[str, str]) -> str:
    return parse_statements(block).renamed(names)


def _printed(block: str) -> str:
    """Return a block as Brian2 gets it, "" if it has no statements."""
    parsed = parse_statements(block)
    return str(parsed) if parsed else ""


def _add_neuron_side(
    plan: Blueprint,
    group: GroupCode,
    projection: Projection,
    rule: Rule,
    names: _RuleNames,
    side: str,
) -> None:
    """Give a neuron group the traces that a projection's rule keeps on it."""
    name = projection.name
    renamed = (names.pre if side == "pre" else names.post) | names.parameters
    equations = parse_equations(getattr(rule, f"{side}_equations"))
    on_spike, each_step = getattr(rule, f"{side}_on_spike"), getattr(rule, f"{side}_each_step")
    delivery = rule.post_on_delivery if side == "post" else ""
    used = equations.reads.union(
        *(parse_statements(block).names for block in (on_spike, each_step, delivery))
    )
    if equations:
        group.equations += "\n" + equations.renamed(renamed)
    values = parameter_values(rule)
    for parameter in sorted(used & values.keys()):
        value, unit = values[parameter]
        group.equations += f"\n{renamed[parameter]} : {unit} (shared, constant)"
        plan.data[f"{group.name}.{renamed[parameter]}"] = np.array(value)
    if each_step:
        order = rule.order.index(f"{side}_each_step")
        block = _renamed(each_step, renamed)
        group.every_step.append((f"{name}_{side}_each_step", block, "synapses", order))
    if on_spike:
        order = rule.order.index(f"{side}_on_spike")
        if projection.late_side == side:
            block = _renamed(on_spike, {old: f"{new}_post" for old, new in renamed.items()})
            arrivals = SynapseCode(
                f"{name}_{side}_arrivals", group.name, group.name, group.size, "", on_pre=block,
                on_pre_order=order,
            )  # fmt: skip
            every = np.arange(group.size, dtype=np.int32)
            plan.connections[arrivals.name] = (every, every)
            _delay(plan, arrivals, "pre", projection.delay_ms)
            plan.synapses.append(arrivals)
        else:
            group.on_spike.append((f"{name}_{side}_on_spike", _renamed(on_spike, renamed), order))
