"""Parameters that can move while an agent lives, by name: of its network, and beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

from threefactor.agents.plastic.schedules import Fixed, Schedule
from threefactor.models.addresses import parameter_arrays, update_array
from threefactor.models.specification import NetworkSpec
from threefactor.naming import suggest
from threefactor.rules.contract import split_unit


@dataclass(frozen=True)
class Parameter:
    """A parameter: whose it is, its unit, the arrays of the network that may hold it.

    Attributes
    ----------
    owner : NeuronModel, Rule or WeightUpdate, or the settings of a part beside the network
    field : str
        Of the owner, unit suffix included.
    factor : float
        The field's unit in SI.
    arrays : tuple of str
        The first exists; the others if the rule needs the parameter on a neuron. Empty: it is a
        setting of `part`.
    is_rate : bool
        Whether it scales weight changes, and so stays zero in the frozen twin.
    part : str
        Name of the part beside the network.
    """

    owner: Any
    field: str
    factor: float = 1.0
    arrays: tuple[str, ...] = ()
    is_rate: bool = False
    part: str = ""

    @property
    def value(self) -> float:
        """What it is set to, in the unit of the field."""
        return float(getattr(self.owner, self.field))


def network_parameters(spec: NetworkSpec) -> Iterator[tuple[str, Parameter]]:
    """Yield ``("actor.v_slope", Parameter)`` of every neuron, rule and weight update."""
    for population in spec.populations:
        for field, name, factor in _numbers(population.neuron):
            array = f"{population.name}.{name}"
            yield array, Parameter(population.neuron, field, factor, (array,))
    for projection in spec.projections:
        if projection.rule is None:
            continue
        for field, name, factor in _numbers(projection.rule):
            if field == projection.rule.weight_clock:  # the engine counts it in timesteps
                continue
            arrays, is_rate = parameter_arrays(projection, name), field in projection.rule.rates
            yield arrays[0], Parameter(projection.rule, field, factor, arrays, is_rate)
        for field, name, factor in _numbers(projection.update):
            array, is_rate = update_array(projection, name), field in projection.update.rates
            yield array, Parameter(projection.update, field, factor, (array,), is_rate)


def _numbers(instance: Any) -> Iterator[tuple[str, str, float]]:
    """Yield (field, its name in equations, factor to SI) of the numbers of a dataclass."""
    for field in fields(instance):
        value = getattr(instance, field.name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            name, _, factor = split_unit(field.name)
            yield field.name, name, factor


def part_parameters(parts: Mapping[str, Any]) -> Iterator[tuple[str, Parameter]]:
    """Yield ``("decoder.temperature", Parameter)`` of every setting that can change at work.

    Parameters
    ----------
    parts : mapping of str to settings
        What they are called -> what they are bound from, which declares what is `adjustable`.
    """
    for part, settings in parts.items():
        for field in getattr(settings, "adjustable", ()):
            yield f"{part}.{split_unit(field)[0]}", Parameter(settings, field, part=part)


def find_parameters(
    schedule: Schedule,
    spec: NetworkSpec | None,
    parts: Mapping[str, Any] = MappingProxyType({}),
) -> list[Parameter]:
    """Return what a schedule moves; without a network, of the parts alone.

    Raises
    ------
    ValueError
        For a parameter that there is not (with the closest one that there is), one that cannot take
        the schedule's values, or none where there should be one.
    """
    beside = dict(part_parameters(parts))
    if not schedule.parameter and not isinstance(schedule, Fixed):
        raise ValueError(
            f"{type(schedule).__name__}.parameter: expected what to move, got nothing; "
            f"for example --schedule.parameter {'actor.v_slope' if spec else next(iter(beside))}."
        )
    known, found = {**(dict(network_parameters(spec)) if spec else {}), **beside}, []
    for name in schedule.parameter:
        owner, _, field = name.partition(".")
        plain = f"{owner}.{split_unit(field)[0]}"
        if plain not in known:
            raise ValueError(
                f"schedule.parameter: there is no parameter {name!r} to move."
                f"{suggest(plain, known)} Known: {', '.join(known)}."
            )
        found.append(known[plain])
    for values in schedule.ends([parameter.value for parameter in found]):
        for parameter, value in zip(found, values.tolist(), strict=True):
            replace(parameter.owner, **{parameter.field: value})  # its own range checks
    return found
