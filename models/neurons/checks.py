"""`check_neuron`: what every neuron model promises, checked from its strings and in a small run."""

import inspect
import math
import re
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from threefactor.models.neurons.contract import NeuronModel
from threefactor.rules.contract import (
    RESERVED_NAMES,
    Rule,
    defined_variables,
    identifiers,
    parameter_values,
)

#: Functions, units and flags that neuron strings may use beside those of rules.
NEURON_WORDS = frozenset(
    {"uniform", "gaussian", "expm1", "exprel", "inf", "mV", "ms", "dt", "t_in_timesteps",
     "volt", "second", "hertz", "Hz", "clock", "driven"}
)  # fmt: skip
_DOCUMENTED = re.compile(r"^(\w+) : float, default (\S+?),?$", re.MULTILINE)
_ASSIGNED = re.compile(r"^\s*(\w+)\s*[-+*/]?=(?!=)", re.MULTILINE)


@dataclass(frozen=True)
class _SensitivityProbe(Rule):
    """Copy the sensitivity as a rule's each_step sees it; weights never move."""

    equations: ClassVar[str] = "seen : 1"
    each_step: ClassVar[str] = "seen = sensitivity"
    requires: ClassVar[tuple[str, ...]] = ("sensitivity",)


def check_neuron(neuron: NeuronModel) -> None:
    """Raise TypeError or ValueError unless `neuron` keeps the promises of a neuron model.

    Checked: a frozen dataclass with defaults, documented field by field; strings that use only
    names of their own; and in a network of 3 inputs and 3 neurons: it builds, exposes what it says,
    stays finite for 200 steps of weights of +-1000, repeats itself for the same streams, and at its
    default parameters does not spike without input unless `spontaneous`.
    """
    check_class(type(neuron))
    check_names(neuron)
    check_simulation(neuron)


def check_simulation(neuron: NeuronModel) -> None:
    """Raise ValueError unless a small network of `neuron` builds and does what `check_neuron` says.

    In a network of 3 inputs and 3 neurons.
    """
    owner = type(neuron).__name__
    for port in neuron.ports or ("",):
        first, again, silent = _simulate(neuron, port)
        for name, values in first.items():
            if not np.all(np.isfinite(values)):
                raise ValueError(
                    f"{owner}: {name} is not finite after 200 steps with weights of +-1000 on port "
                    f"{port!r}: {values}. Clip it or choose a stable scheme."
                )
            if not np.array_equal(values, again[name]):
                raise ValueError(
                    f"{owner}: {name} differs between two equal runs; draw only with "
                    f"uniform(..._stream, t_in_timesteps) and gaussian(...)."
                )
        is_standard = not neuron.spontaneous and neuron == type(neuron)()
        if is_standard and np.any(silent.get("spike_count", 0)):
            raise ValueError(
                f"{owner} spikes without input at its default parameters; declare "
                f"spontaneous = True or lower the drive."
            )


def check_names(neuron: NeuronModel) -> None:
    """Raise ValueError if a string of `neuron` uses a name that it does not define."""
    owner = type(neuron).__name__
    variables, parameters = defined_variables(neuron.equations), parameter_values(neuron)
    for name in sorted({*variables, *parameters} & RESERVED_NAMES):
        raise ValueError(f"{owner}: {name!r} has a meaning of its own in equations; rename it.")
    for name in sorted(set(variables) & set(parameters)):
        raise ValueError(f"{owner}: {name!r} is both a variable and a parameter.")
    own = {*variables, *parameters, *(f"{purpose}_stream" for purpose in neuron.noise)}
    at_synapse = {f"{name}_post" for name in variables} | set(parameters)
    at_synapse |= set(defined_variables(neuron.sensitivity_equations))
    blocks = {"ports": ("\n".join(neuron.ports.values()), own | {"w"})}
    for block in ("equations", "integrate", "before_threshold", "threshold", "reset"):
        blocks[block] = (getattr(neuron, block), own)
    for block in ("equations", "on_pre", "on_post", "each_step"):
        blocks[f"sensitivity_{block}"] = (getattr(neuron, f"sensitivity_{block}"), at_synapse)
    for block, (code, known) in blocks.items():
        derivatives = {f"d{name}" for name in known}
        temporary = set(_ASSIGNED.findall(code))
        unknown = identifiers(code) - known - derivatives - temporary - NEURON_WORDS
        if unknown:
            raise ValueError(
                f"{owner}.{block}: unknown name {sorted(unknown)[0]!r}; "
                f"known here: {', '.join(sorted(known))}."
            )
    starts = {*neuron.initial, *([neuron.readout] if neuron.readout else [])}
    for name in sorted(starts - set(variables)):
        raise ValueError(f"{owner}: initial or readout names {name!r}, which is no variable.")
    for start in neuron.initial.values():
        if isinstance(start, str) and start not in parameters:
            raise ValueError(f"{owner}.initial: no parameter {start!r}.")


def build_network(spec: Any, seed: int = 0) -> Any:
    """Return the prepared Brian2 network of `spec` with its initial values and streams written."""
    from threefactor.models.assembly import assemble
    from threefactor.models.engine.brian_objects import build_objects
    from threefactor.models.engine.noise import stream_ids

    plan = assemble(spec)
    built = build_objects(plan)
    for projection in spec.projections:
        weights = np.broadcast_to(projection.weights, projection.n_synapses)
        built.owners[projection.name].w_ = weights
    for address, value in plan.data.items():
        owner, variable = address.split(".")
        setattr(built.owners[owner], f"{variable}_", value)
    for population, purpose in plan.noise:
        group = built.owners[population]
        streams = stream_ids(seed, population, purpose, len(group))
        group.variables[f"{purpose}_stream"].set_value(streams)
    built.prepare()
    return built


def check_class(neuron: type[NeuronModel]) -> None:
    """Raise TypeError or ValueError unless a frozen dataclass documents every field's default."""
    owner = neuron.__name__
    if "__dataclass_fields__" not in neuron.__dict__ or not neuron.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise TypeError(f"{owner} must be decorated with @dataclass(frozen=True).")
    doc = inspect.cleandoc(neuron.__doc__ or "")  # Python 3.13 has done so already
    documented = {n: float(d) for n, d in _DOCUMENTED.findall(doc)}
    defaults = {}
    for field in fields(neuron):
        if not isinstance(field.default, (int, float)) or not math.isfinite(field.default):
            raise TypeError(f"{owner}.{field.name} needs a finite number as its default.")
        defaults[field.name] = float(field.default)
    if documented != defaults:
        odd = sorted(set(documented.items()) ^ set(defaults.items()))
        raise ValueError(
            f"{owner}: docstring and fields disagree about {odd[0][0]!r}; write a line "
            f"'name : float, default 1.0' for each field, the fields are {defaults}."
        )


def _simulate(neuron: NeuronModel, port: str) -> list[dict[str, np.ndarray]]:
    """Return every variable of 3 neurons after 200 steps: driven, driven once more, and silent."""
    import brian2

    spec = _small_spec(neuron, port)
    built = build_network(spec)
    found = []
    built.network.store()
    for rate_hz in (500.0, 500.0, 0.0):
        built.network.restore()
        built.owners[spec.input].rates_ = rate_hz
        built.network.run(200 * brian2.ms, namespace={})
        found.append(_values(neuron, built.owners))
    return found


def _values(neuron: NeuronModel, owners: dict[str, Any]) -> dict[str, np.ndarray]:
    group = owners["neuron"]
    names = {*defined_variables(neuron.equations), *neuron.exposes} - {"sensitivity"}
    if neuron.threshold:
        names.add("spike_count")
    for name in sorted(names):
        if name not in group.variables:
            raise ValueError(f"{type(neuron).__name__} exposes {name!r} but the group has none.")
    found = {name: np.array(group.variables[name].get_value()) for name in sorted(names)}
    if "sensitivity" in neuron.exposes:
        synapses = owners["projection"]
        for name in ("seen", *defined_variables(neuron.sensitivity_equations)):
            found[f"synaptic {name}"] = np.array(synapses.variables[name].get_value())
    return found


def _small_spec(neuron: NeuronModel, port: str) -> Any:
    from threefactor.models.neurons.contract import PoissonInput
    from threefactor.models.specification import NetworkSpec, Population, Projection, all_to_all

    group, source = Population("neuron", 3, neuron), Population("input", 3, PoissonInput())
    if not port:
        drives_itself = "rates" not in defined_variables(neuron.equations)
        populations = (source, group) if drives_itself else (group,)
        return NetworkSpec(populations, (), input=populations[0].name, output="neuron")
    rule = _SensitivityProbe() if "sensitivity" in neuron.exposes else None
    pairs = all_to_all(3, 3)
    projection = Projection(
        "projection", "input", "neuron", pairs["pre"], pairs["post"], port=port, rule=rule,
        weights=np.repeat([[1e3, -1e3, 1e3]], 3, axis=0).ravel(),
    )  # fmt: skip
    return NetworkSpec((source, group), (projection,), output="neuron")
