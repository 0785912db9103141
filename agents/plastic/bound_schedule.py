"""A schedule at work: it counts episodes and writes what it moves."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.agents.plastic.scheduled_parameters import Parameter
from threefactor.agents.plastic.schedules import Floats, Schedule
from threefactor.models.network import Network


class BoundSchedule:
    """A schedule at work: it counts episodes, keeps returns, and writes the parameters.

    Parameters
    ----------
    schedule : Schedule
    parameters : sequence of Parameter
        See `find_parameters`.
    network : Network
    parts : mapping of str to bound part
        Those beside the network, "modulator" and "decoder".

    Attributes
    ----------
    values : (replicas, parameters)
        What the schedule says of each replica now, in the units of the options.
    """

    def __init__(
        self,
        schedule: Schedule,
        parameters: Sequence[Parameter],
        network: Network,
        parts: Mapping[str, Any],
    ) -> None:
        self._schedule, self._is_held = schedule, False
        self._own = [parameter.value for parameter in parameters]
        self._done = np.zeros(network.replicas, int)
        self._returns = np.full((network.replicas, schedule.memory), np.nan)
        _check_lazy_decay(schedule, parameters, network)
        self._places = [
            _InNetwork(parameter, network)
            if parameter.arrays
            else _InPart(parameter, parts[parameter.part])
            for parameter in parameters
        ]
        self._write()

    @property
    def shared(self) -> str:
        """What replicas have in common: parameters that no neuron has to itself."""
        names = sorted({name for place in self._places for name in place.shared})
        return f"the scheduled parameter {', '.join(names)}" if names else ""

    def end_episodes(self, mask: NDArray[np.bool_], returns: Floats) -> None:
        """Count an episode of the replicas of `mask`, and write what the next one runs with.

        Parameters
        ----------
        mask, returns : (replicas,)
        """
        if not self._places or self._is_held:
            return
        self._done[mask] += 1
        if self._schedule.memory:
            self._returns[mask] = np.column_stack([self._returns, returns])[mask, 1:]
        self._write()

    def _write(self) -> None:
        self.values = np.zeros((self._done.size, 0))
        if self._places:
            self.values = self._schedule.values(self._own, self._done, self._returns)
        for place, values in zip(self._places, self.values.T, strict=True):
            place.write(values)

    def hold(self, state: dict[str, Any]) -> None:
        """Keep to the values of `state` from now on, whatever episodes bring."""
        self.restore(state)
        self._is_held = True

    def describe(self) -> list[dict[str, float]]:
        """Return parameter -> value of each replica."""
        names = self._schedule.parameter
        return [dict(zip(names, row, strict=True)) for row in self.values.tolist()]

    def state(self) -> dict[str, Any]:
        """Return copies of what was counted, for a checkpoint."""
        relative = {
            name: values.copy() for place in self._places for name, values in place.relative.items()
        }
        return {"done": self._done.copy(), "returns": self._returns.copy(), "relative": relative}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what `state` returned, and write its values."""
        self._done, self._returns = state["done"].copy(), state["returns"].copy()
        for place in self._places:
            for name in place.relative:
                place.relative[name] = state["relative"][name].copy()
        self._write()


class _Place:
    """Where a parameter is.

    Attributes
    ----------
    shared : set of str
        What of it has one value for all replicas: the mean of theirs.
    relative : dict of str to array
        Array of the network -> each neuron's value as a multiple of the population's, where neurons
        differ.
    """

    def __init__(self) -> None:
        self.shared: set[str] = set()
        self.relative: dict[str, Floats] = {}

    def write(self, values: Floats) -> None:
        """Write the values of the replicas, (replicas,), in the unit of the option."""
        raise NotImplementedError


class _InNetwork(_Place):
    """A parameter in the arrays of a live network."""

    def __init__(self, parameter: Parameter, network: Network) -> None:
        super().__init__()
        self._parameter, self._network = parameter, network
        base = parameter.value * parameter.factor
        for name in set(network.engine.arrays()).intersection(parameter.arrays):
            array = network.engine.array(name)
            if array.size > 1:
                self.relative[name] = array / base if base else np.ones_like(array)
            else:
                self.shared.add(name)

    def write(self, values: Floats) -> None:
        """Write them, unless they would make a frozen network learn."""
        network, values = self._network, values * self._parameter.factor
        if self._parameter.is_rate and not network.is_learning:
            return
        for name in self.shared:
            network.engine.array(name)[...] = np.mean(values)
        for name, relative in self.relative.items():
            rows = relative.reshape(network.replicas, -1)
            network.replicated(name)[...] = values[:, None] * rows


class _InPart(_Place):
    """A setting of a part beside the network, which reads it whenever it needs it."""

    def __init__(self, parameter: Parameter, part: Any) -> None:
        super().__init__()
        self._field, self._part = parameter.field, part
        self.shared = {f"{parameter.part}.{parameter.field}"}

    def write(self, values: Floats) -> None:
        """Replace the setting by the mean over replicas."""
        self._part.settings = replace(self._part.settings, **{self._field: float(values.mean())})


def _check_lazy_decay(
    schedule: Schedule, parameters: Sequence[Parameter], network: Network
) -> None:
    """Raise ValueError if a lazily decaying variable would decay faster than at the build.

    Its growing twin is settled after so many of the time constants that it was built with.
    """
    ends = np.array(schedule.ends([parameter.value for parameter in parameters]))
    for parameter, lowest in zip(parameters, ends.min(axis=0), strict=True):
        is_lazy = network.lazy_time_constants.intersection(parameter.arrays)
        if lowest < parameter.value and is_lazy:
            raise ValueError(
                f"schedule: {type(parameter.owner).__name__}.{parameter.field} must not fall below "
                f"what the network is built with, {parameter.value}, got {lowest}; set it to the "
                "smallest value of the schedule."
            )
