"""Merge neurons and rules into the strings of one Brian2 network: specification -> blueprint.

Every rule is assembled alike. Rule variables of a neuron are prefixed with the projection's name,
so that several rules may meet on one population; synaptic code refers to them through Brian2's
``_pre`` and ``_post`` suffixes. An eligibility that decays exponentially and is read only when a
window closes is kept in growing units instead of being multiplied in every timestep: with ``y =
eligibility * exp(k*dt/tau)``, k timesteps into the window, only spikes touch ``y``.
"""

import re

import numpy as np

from threefactor.models.blueprint import Blueprint, Demand, GroupCode, SynapseCode
from threefactor.models.specification import Modulation, NetworkSpec, Population, Projection
from threefactor.rules.contract import Rule, defined_variables, identifiers, parameter_values
from threefactor.rules.language.statements import parse_statements
from threefactor.rules.updates import PREFIX

_DECAY = re.compile(r"^\s*d(\w+)/dt\s*=\s*-\s*\1\s*/\s*(\w+)\s*:\s*1\s*(\(clock-driven\))?\s*$")

_UNFLAGGED = re.compile(r"^(\s*d\w+/dt\s*=[^:\n]*:\s*[\w*/]+)\s*$", re.MULTILINE)


def assemble(spec: NetworkSpec, replicas: int = 1) -> Blueprint:
    """Return the blueprint of `replicas` independent copies of `spec` in one network."""
    plan = Blueprint(spec.timestep_ms, replicas)
    groups = {}
    for population in spec.populations:
        groups[population.name] = _assemble_population(plan, population, replicas)
    plan.resets.pop(f"{spec.input}.rates", None)  # the encoder's, not a state
    for projection in spec.projections:
        _assemble_projection(plan, spec, projection, groups, replicas)
    for modulation in spec.modulations:
        _assemble_modulation(plan, spec, modulation, replicas)
    for group in groups.values():
        plan.groups.append(group)
    return plan


def _rename(code: str, names: dict[str, str]) -> str:
    """Return `code` with whole identifiers replaced."""
    if not names:
        return code
    pattern = re.compile(r"(?<![\w.])(" + "|".join(map(re.escape, names)) + r")\b")
    return pattern.sub(lambda match: names[match[1]], code)


def _rename_equations(equations: str, names: dict[str, str]) -> str:
    """Return equations with variables renamed, ``dx/dt`` included."""
    derivatives = {f"d{old}/dt": f"d{new}/dt" for old, new in names.items()}
    for old, new in derivatives.items():
        equations = re.sub(rf"\b{re.escape(old)}", new, equations)
    return _rename(equations, names)


def _declare_parameters(plan: Blueprint, owner: str, instance: object, prefix: str = "") -> str:
    """Return the shared declarations of an instance's parameters and note their values."""
    lines = []
    for name, (value, unit) in parameter_values(instance).items():
        lines.append(f"{prefix}{name} : {unit} (shared, constant)")
        plan.data[f"{owner}.{prefix}{name}"] = np.array(value)
    return "\n".join(lines)


def _assemble_population(plan: Blueprint, population: Population, replicas: int) -> GroupCode:
    neuron, name = population.neuron, population.name
    lines = [neuron.equations]
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
    reset = neuron.reset
    if population.times_first_spike:
        lines.append("first_spike : second")
        first = "int(spike_count < 0.5)"
        reset += f"\nfirst_spike = {first}*t + (1 - {first})*first_spike"
    if spiking:
        lines.append("spike_count : 1")
        reset += "\nspike_count += 1"
    for variable in defined_variables(neuron.equations):
        if variable not in neuron.initial and population.resets != "keep":
            plan.resets[f"{name}.{variable}"] = population.resets
    values = parameter_values(neuron)
    for variable, start in neuron.initial.items():
        value = values[start][0] if isinstance(start, str) else start
        plan.data[f"{name}.{variable}"] = np.array(value)
        if population.resets != "keep":
            plan.resets[f"{name}.{variable}"] = population.resets
    group = GroupCode(
        name, population.size * replicas, "\n".join(lines), neuron.threshold, reset.strip(),
        neuron.refractory, neuron.method,
    )  # fmt: skip
    if neuron.integrate:
        group.every_step.append((f"{name}_integrate", neuron.integrate, "groups", 1))
    if neuron.before_threshold:
        group.every_step.append(
            (f"{name}_before_threshold", neuron.before_threshold, "thresholds", -1)
        )
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
    to_post = {v: f"{v}_post" for v in defined_variables(target.neuron.equations)}
    to_post |= {p: f"{p}_post" for p in parameter_values(target.neuron)}
    transmit = _rename(target.neuron.ports[projection.port], to_post)
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
    n_links = len(modulation.pre)
    destination = modulation.into.replace(".", "_")
    plan.synapses.append(
        SynapseCode(
            modulation.name, source.name, target.name, n_links * replicas,
            "weight : 1 (constant)\n"
            f"{destination}_post = weight*{modulation.variable}_pre : 1 (summed)",
            summed=destination,
        )
    )  # fmt: skip
    _connect(plan, modulation, source, target, replicas)
    weights = np.broadcast_to(np.asarray(modulation.weights, float), n_links)
    plan.data[f"{modulation.name}.weight"] = np.tile(weights, replicas)


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
    pre_group, post_group = groups[projection.source], groups[projection.target]
    pre = {v: f"{name}_{v}" for v in defined_variables(rule.pre_equations)}
    post = {v: f"{name}_{v}" for v in defined_variables(rule.post_equations)}
    parameters = {p: f"{name}_{p}" for p in parameter_values(rule)}
    _add_neuron_side(plan, pre_group, projection, pre, parameters, "pre")
    _add_neuron_side(plan, post_group, projection, post, parameters, "post")
    if "\nthird_factor : 1" not in post_group.equations:
        post_group.equations += "\nthird_factor : 1"
    plan.resets[f"{target.name}.third_factor"] = "episode"
    local = {old: f"{new}_pre" for old, new in pre.items()}
    local |= {old: f"{new}_post" for old, new in post.items()}
    local |= {v: f"{v}_post" for v in rule.requires if v != "sensitivity"}
    local["third_factor"] = "third_factor_post"
    draws = {n: f"uniform({n}_stream, t_in_timesteps)" for n in rule.noise}
    for purpose in rule.noise:
        code.equations += f"\n{purpose}_stream : integer (constant)"
        plan.noise.append((name, purpose))

    update = projection.update
    code.equations += "\n" + update.prefixed(update.equations)
    code.equations += "\n" + _declare_parameters(plan, name, update, PREFIX)
    equations = rule.equations
    on_pre, on_post, each_step = map(update.wrap, (rule.on_pre, rule.on_post, rule.each_step))
    neuron = target.neuron
    if "sensitivity" in rule.requires:
        to_post = {p: f"{p}_post" for p in parameter_values(neuron)}
        equations += "\n" + _rename_equations(neuron.sensitivity_equations, to_post)
        on_pre += "\n" + _rename(neuron.sensitivity_on_pre, to_post)
        on_post += "\n" + _rename(neuron.sensitivity_on_post, to_post)
        each_step += "\n" + _rename(neuron.sensitivity_each_step, to_post)
        if target.resets != "keep":
            for variable in defined_variables(neuron.sensitivity_equations):
                plan.resets[f"{name}.{variable}"] = target.resets
    equations, on_pre, on_post = _make_lazy(plan, code, rule, equations, on_pre, on_post)
    equations = _UNFLAGGED.sub(r"\1 (clock-driven)", equations)  # else Brian2 tells every user
    code.equations += "\n" + _rename_equations(equations, local)
    code.equations += "\n" + _declare_parameters(plan, name, rule)
    order = {block: index for index, block in enumerate(rule.order)}
    if rule.transmitted != "w":
        transmit = _rename(transmit, {"w": f"({_rename(rule.transmitted, local | draws)})"})
    code.on_pre_order = order["on_pre"]
    if projection.late_side == "post":
        code.on_pre, code.on_pre_at_once = transmit, _rename(on_pre, local | draws).strip()
    else:
        code.on_pre = transmit + "\n" + _rename(on_pre, local | draws)
    code.on_post = _rename(on_post, local | draws).strip()
    code.on_post_order = order["on_post"]
    if code.on_post and projection.late_side == "post":
        _delay(plan, code, "post", projection.delay_ms)
    if each_step.strip():
        block = _rename(each_step, local | draws)
        code.every_step.append((f"{name}_each_step", block, "synapses", order["each_step"]))
    if rule.at_decision:
        block = _rename(rule.at_decision, local)
        plan.demand.append(Demand("decision", name, name, block))
    if rule.consolidate:
        block = _bounded(_rename(update.wrap(rule.consolidate), local))
        plan.demand.append(Demand("consolidate", name, name, block))
        if rule.consolidation_period_ms is not None:
            plan.periods_ms[plan.demand[-1].name] = rule.consolidation_period_ms
    if rule.at_episode:
        block = _bounded(_rename(update.wrap(rule.at_episode), local))
        plan.demand.append(Demand("episode", name, name, block))
    if rule.post_on_delivery:
        block = _rename(rule.post_on_delivery, post | parameters)
        plan.demand.append(Demand("deliver", name, projection.target, block))
    for variable in (*pre, *post, *defined_variables(rule.equations)):
        policy = rule.resets.get(variable, "episode")
        owner, stored = name, variable
        if variable in pre:
            owner, stored = projection.source, pre[variable]
        elif variable in post:
            owner, stored = projection.target, post[variable]
        if policy != "keep":
            plan.resets[f"{owner}.{stored}"] = policy


def _bounded(block: str) -> str:
    """Return a block that leaves the weights within their bounds, if it moves them."""
    moves_weights = "w" in {statement.target for statement in parse_statements(block)}
    return block + "\nw = clip(w, w_min, w_max)" if moves_weights else block


def _add_neuron_side(
    plan: Blueprint,
    group: GroupCode,
    projection: Projection,
    variables: dict[str, str],
    parameters: dict[str, str],
    side: str,
) -> None:
    """Give a neuron group the traces that a projection's rule keeps on it."""
    rule, name = projection.rule, projection.name
    assert rule is not None
    equations = getattr(rule, f"{side}_equations")
    on_spike, each_step = getattr(rule, f"{side}_on_spike"), getattr(rule, f"{side}_each_step")
    delivery = rule.post_on_delivery if side == "post" else ""
    used = identifiers("\n".join([equations, on_spike, each_step, delivery])) & set(parameters)
    if equations:
        group.equations += "\n" + _rename_equations(equations, variables | parameters)
    values = parameter_values(rule)
    for parameter in sorted(used):
        value, unit = values[parameter]
        group.equations += f"\n{parameters[parameter]} : {unit} (shared, constant)"
        plan.data[f"{group.name}.{parameters[parameter]}"] = np.array(value)
    if each_step:
        order = rule.order.index(f"{side}_each_step")
        block = _rename(each_step, variables | parameters)
        group.every_step.append((f"{name}_{side}_each_step", block, "synapses", order))
    if on_spike:
        order = rule.order.index(f"{side}_on_spike")
        names = variables | parameters
        if projection.late_side == side:
            block = _rename(on_spike, {old: f"{new}_post" for old, new in names.items()})
            arrivals = SynapseCode(
                f"{name}_{side}_arrivals", group.name, group.name, group.size, "", on_pre=block,
                on_pre_order=order,
            )  # fmt: skip
            every = np.arange(group.size, dtype=np.int32)
            plan.connections[arrivals.name] = (every, every)
            _delay(plan, arrivals, "pre", projection.delay_ms)
            plan.synapses.append(arrivals)
        else:
            group.on_spike.append((f"{name}_{side}_on_spike", _rename(on_spike, names), order))


def _make_lazy(
    plan: Blueprint, code: SynapseCode, rule: Rule, equations: str, on_pre: str, on_post: str
) -> tuple[str, str, str]:
    """Replace decaying variables that only spikes touch by their growing twins."""
    if rule.weight_clock:
        return equations, on_pre, on_post
    settle = []
    for line in equations.splitlines():
        match = _DECAY.match(line)
        if not match or match[2] not in parameter_values(rule):
            continue
        variable, tau = match[1], match[2]
        additive = re.compile(rf"^(\s*{variable}\s*[+-]=)\s*([^#\n]+)", re.MULTILINE)
        spikes = additive.sub("", on_pre + "\n" + on_post)
        others = [spikes, rule.each_step, rule.transmitted, equations.replace(line, "")]
        summands = " ".join(m[2] for m in additive.finditer(on_pre + "\n" + on_post))
        if variable in identifiers("\n".join([*others, summands])):
            continue
        growth = f"{variable}_growth"
        equations = equations.replace(line, f"{variable} : 1\n{growth} : 1 (shared)")
        on_pre = additive.sub(rf"\1 {growth}*(\2)", on_pre)
        on_post = additive.sub(rf"\1 {growth}*(\2)", on_post)
        step = f"{growth} *= exp(dt/{tau})"
        code.every_step.append((f"{code.name}_{growth}_step", step, "groups", 0))
        settle.append((f"{variable} *= 1/{growth}", f"{growth} = 1"))
        plan.data[f"{code.name}.{growth}"] = np.array(1.0)
        plan.decay[f"{code.name}.{variable}"] = f"{code.name}.{tau}"
        plan.growth[f"{code.name}.{variable}"] = f"{code.name}.{growth}"
    if settle:
        for block, part in (("settle", 0), ("settled", 1)):  # scalars may not follow vectors
            lines = "\n".join(pair[part] for pair in settle)
            plan.demand.append(Demand(block, code.name, code.name, lines))
    return equations, on_pre, on_post
