"""`check_neuron`: what every neuron model promises, checked from its strings and in a small run."""

import inspect
import math
import re
from contextlib import closing
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from threefactor.models.neurons.contract import NeuronModel
from threefactor.models.neurons.strings import check_neuron_class, check_neuron_values
from threefactor.rules.contract import Rule
from threefactor.rules.language import parse_equations

_DOCUMENTED = re.compile(r"^(\w+) : float, default (\S+?),?$", re.MULTILINE)


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
    check_neuron_class(type(neuron))
    check_neuron_values(neuron)
    check_documentation(type(neuron))
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


def check_documentation(neuron: type[NeuronModel]) -> None:
    """Raise TypeError or ValueError unless the docstring has every field with its default."""
    owner = neuron.__name__
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
    from threefactor.models.network import Network

    network = Network(_small_spec(neuron, port), (0,), (0,), "runtime-numpy")
    with closing(network), np.errstate(all="ignore"):  # what is not finite is looked for
        start, found = network.engine.snapshot(), []
        driven, silent = (5.0, np.inf) if neuron.takes == "spike_times_ms" else (500.0, 0.0)
        for told in (driven, driven, silent):
            network.engine.restore(start)
            network.advance(np.full((1, network.n_inputs), told), 200)
            found.append(_values(neuron, network))
        return found


def _values(neuron: NeuronModel, network: Any) -> dict[str, np.ndarray]:
    names = {*parse_equations(neuron.equations).units, *neuron.exposes} - {"sensitivity"}
    if neuron.threshold:
        names.add("spike_count")
    known = set(network.engine.arrays())
    for name in sorted(names):
        if f"neuron.{name}" not in known:
            raise ValueError(f"{type(neuron).__name__} exposes {name!r} but the group has none.")
    found = {name: network.replicated(f"neuron.{name}").copy() for name in sorted(names)}
    if "sensitivity" in neuron.exposes:
        for name in ("seen", *parse_equations(neuron.sensitivity_equations).units):
            found[f"synaptic {name}"] = network.replicated(f"projection.{name}").copy()
    return found


def _small_spec(neuron: NeuronModel, port: str) -> Any:
    from threefactor.models.neurons.contract import PoissonInput
    from threefactor.models.specification import NetworkSpec, Population, Projection, all_to_all

    group, source = Population("neuron", 3, neuron), Population("input", 3, PoissonInput())
    if not port:
        populations = (group,) if neuron.takes else (source, group)
        return NetworkSpec(populations, (), input=populations[0].name, output="neuron")
    rule = _SensitivityProbe() if "sensitivity" in neuron.exposes else None
    pairs = all_to_all(3, 3)
    projection = Projection(
        "projection", "input", "neuron", pairs["pre"], pairs["post"], port=port, rule=rule,
        weights=np.repeat([[1e3, -1e3, 1e3]], 3, axis=0).ravel(),
    )  # fmt: skip
    return NetworkSpec((source, group), (projection,), output="neuron")
