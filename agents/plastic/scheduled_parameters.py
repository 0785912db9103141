"""Parameters of a live network by name, and a schedule at work on them."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.agents.plastic.schedules import Fixed, Floats, Schedule
from threefactor.models.addresses import parameter_arrays, update_array
from threefactor.models.network import Network
from threefactor.models.specification import NetworkSpec
from threefactor.naming import suggest
from threefactor.rules.contract import split_unit


@dataclass(frozen=True)
class Parameter:
    """A parameter of a network: whose it is, its unit, the arrays that may hold it.

    Attributes
    ----------
    owner : NeuronModel, Rule or WeightUpdate
    field : str
        Of the owner, unit suffix included.
    factor : float
        The field's unit in SI.
    arrays : tuple of str
        The first exists; the others if the rule needs the parameter on a neuron.
    is_rate : bool
        Whether it scales weight changes, and so stays zero in the frozen twin.
    """

    owner: Any
    field: str
    factor: float
    arrays: tuple[str, ...]
    is_rate: bool = False

    @property
    def value(self) -> float:
        """Its value in the specification, in the unit of the field."""
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


def find_parameters(schedule: Schedule, spec: NetworkSpec) -> list[Parameter]:
    """Return what a schedule moves.

    Raises
    ------
    ValueError
        For a parameter that the network does not have (with the closest one that it has), one that
        cannot take the schedule's values, or none where there should be one.
    """
    if not schedule.parameter and not isinstance(schedule, Fixed):
        raise ValueError(
            f"{type(schedule).__name__}.parameter: expected what to move, got nothing; "
            "for example --schedule.parameter actor.v_slope."
        )
    known, found = dict(network_parameters(spec)), []
    for name in schedule.parameter:
        owner, _, field = name.partition(".")
        plain = f"{owner}.{split_unit(field)[0]}"
        if plain not in known:
            raise ValueError(
                f"schedule.parameter: the network has no parameter {name!r}."
                f"{suggest(plain, known)} Known: {', '.join(known)}."
            )
        for value in schedule.extremes():
            replace(known[plain].owner, **{known[plain].field: value})  # its own range checks
        found.append(known[plain])
    return found


class BoundSchedule:
    """A schedule at work: it counts episodes, keeps returns, and writes the parameters.

    Attributes
    ----------
    values : (replicas,), or (0,) if nothing is scheduled
        What the schedule says of each replica now, in the unit of the option.
    """

    def __init__(self, schedule: Schedule, parameters: list[Parameter], network: Network) -> None:
        self._schedule, self._network, self._is_held = schedule, network, False
        self._done = np.zeros(network.replicas, int)
        self._returns = np.full((network.replicas, schedule.memory), np.nan)
        self.values = np.zeros(0)
        self._factors: dict[str, float] = {}
        self._rates: set[str] = set()
        #: Array -> each neuron's value as a multiple of the population's, where neurons differ.
        self._relative: dict[str, Floats] = {}
        known = set(network.engine.arrays())
        for parameter in parameters:
            _check_lazy_decay(parameter, schedule, network)
            for name in known.intersection(parameter.arrays):
                if parameter.is_rate:
                    self._rates.add(name)
                self._factors[name] = parameter.factor
                array, base = network.engine.array(name), parameter.value * parameter.factor
                if array.size > 1:
                    self._relative[name] = array / base if base else np.ones_like(array)
        self._write()

    @property
    def shared(self) -> str:
        """What replicas have in common: parameters that no neuron has to itself."""
        names = sorted(self._factors.keys() - self._relative.keys())
        return f"the scheduled parameter {', '.join(names)}" if names else ""

    def end_episodes(self, mask: NDArray[np.bool_], returns: Floats) -> None:
        """Count an episode of the replicas of `mask`, and write what the next one runs with.

        Parameters
        ----------
        mask, returns : (replicas,)
        """
        if not self._factors or self._is_held:
            return
        self._done[mask] += 1
        if self._schedule.memory:
            self._returns[mask] = np.column_stack([self._returns, returns])[mask, 1:]
        self._write()

    def _write(self) -> None:
        if not self._factors:
            return
        self.values = self._schedule.values(self._done, self._returns)
        for name, factor in self._factors.items():
            if name in self._rates and not self._network.is_learning:
                continue
            if name in self._relative:
                rows = self._relative[name].reshape(self._network.replicas, -1)
                self._network.replicated(name)[...] = factor * self.values[:, None] * rows
            else:
                self._network.engine.array(name)[...] = factor * np.mean(self.values)

    def hold(self, state: dict[str, Any]) -> None:
        """Keep to the values of `state` from now on, whatever episodes bring."""
        self.restore(state)
        self._is_held = True

    def state(self) -> dict[str, Any]:
        """Return copies of what was counted, for a checkpoint."""
        return {
            "done": self._done.copy(), "returns": self._returns.copy(),
            "relative": {name: values.copy() for name, values in self._relative.items()},
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what `state` returned, and write its values."""
        self._done, self._returns = state["done"].copy(), state["returns"].copy()
        self._relative = {name: values.copy() for name, values in state["relative"].items()}
        self._write()


def _check_lazy_decay(parameter: Parameter, schedule: Schedule, network: Network) -> None:
    """Raise ValueError if a lazily decaying variable would decay faster than at the build.

    Its growing twin is settled after so many of the time constants that it was built with.
    """
    lowest = min(schedule.extremes())
    if lowest < parameter.value and network.lazy_time_constants.intersection(parameter.arrays):
        raise ValueError(
            f"schedule: {type(parameter.owner).__name__}.{parameter.field} must not fall below "
            f"what the network is built with, {parameter.value}, got {lowest}; set it to the "
            "smallest value of the schedule."
        )
