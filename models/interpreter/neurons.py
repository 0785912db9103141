"""One population of neurons, executed from its strings, with its own spikes or with given ones."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from threefactor.models.specification import Population
from threefactor.rules.contract import parameter_values
from threefactor.rules.interpreter.arrays import Array, ArrayBackend
from threefactor.rules.interpreter.integration import Integrator
from threefactor.rules.interpreter.places import Executor, Place, Sight
from threefactor.rules.language import parse_expression, parse_statements
from threefactor.rules.language.expressions import Operation

#: Random numbers that make a draw come out as the given spike, whatever its probability.
_SPIKE, _NO_SPIKE = -1.0, 2.0


class Neurons:
    """All replicas of a population.

    Parameters
    ----------
    population : Population
    replicas : int
    clock : mapping
        ``dt``, ``t`` and ``t_in_timesteps``, kept up to date by the caller.
    arrays : ArrayBackend

    Attributes
    ----------
    place : Place
        Variables of the neuron model, ``spike_count``, ``first_spike``, ``third_factor``, streams
        of noise.
    spikes : (replicas, neurons) bool
        Who spikes in this timestep.

    Raises
    ------
    ValueError
        If the neuron is refractory in Brian2's way, or has a method of integration unknown here.
    """

    def __init__(
        self, population: Population, replicas: int, clock: Mapping[str, Any], arrays: ArrayBackend
    ) -> None:
        neuron = population.neuron
        self.population, self.neuron, self.arrays = population, neuron, arrays
        owner = type(neuron).__name__
        if neuron.refractory:
            raise ValueError(
                f"{owner}.refractory: the interpreter knows no refractoriness of Brian2's own; "
                f"hold the neuron with a variable, as LIF does."
            )
        constants = {name: value for name, (value, _) in parameter_values(neuron).items()}
        shape = (replicas, population.size)
        self.place = Place(f"{owner}.equations", shape, arrays, neuron.equations, constants)
        self._start(constants)
        self._given: Array | None = None
        draws = {"uniform": self._uniform, "gaussian": self._gaussian}
        self.executor = Executor([Sight(self.place)], clock, {**arrays.functions, **draws})
        self._integrator = Integrator(self.executor, neuron.method)
        self._code = {
            name: parse_statements(getattr(neuron, name), f"{owner}.{name}")
            for name in ("integrate", "before_threshold", "before_window", "reset")
        }
        threshold = neuron.threshold
        self._threshold = parse_expression(threshold, f"{owner}.threshold") if threshold else None
        self._clock = clock
        self.spikes: Array = np.zeros(shape, bool)

    def _start(self, constants: Mapping[str, float]) -> None:
        """Add what is no variable of the equations, and note initial values and resets."""
        place, population = self.place, self.population
        for name, start in self.neuron.initial.items():
            place.add(name, constants[start] if isinstance(start, str) else start)
        for name in place.values:
            place.resets[name] = population.resets
        for name in ("third_factor", "spike_count", "first_spike"):
            place.add(name)
        place.resets["third_factor"] = "episode"

    def clamp(self, given: Array | None) -> None:
        """Say which spikes the coming timestep has, (replicas, neurons); None: the neurons' own.

        Neurons that draw their spikes then draw the given ones; the others are lifted to their
        threshold, and all noise but that of the draw is zero.
        """
        self._given = None if given is None else np.asarray(given, bool)

    def begin_window(self) -> None:
        """Take in what the host has written."""
        self.executor.run(self._code["before_window"])

    def integrate(self) -> None:
        """Advance equations, then the neuron's own steps."""
        self._integrator.advance()
        self.executor.run(self._code["integrate"])

    def fire(self) -> None:
        """Find out who spikes: by the neurons' own threshold, or as `clamp` said."""
        given = self._given
        if given is not None:
            self._lift(given)
        self.executor.run(self._code["before_threshold"])
        self.spikes = self._cross() if given is None else given
        if given is not None and "z" in self.place.values:
            self.place.put("z", self.spikes)

    def _cross(self) -> Array:
        threshold, shape = self._threshold, self.place.shape
        if threshold is None:
            return np.zeros(shape, bool)
        if isinstance(threshold, Operation) and threshold.operator in _SIGNS:
            sign, is_inclusive = _SIGNS[threshold.operator]
            left, right = (self.executor.evaluate(side) for side in threshold.parts)
            crossed = self.arrays.reaches(sign * (left - right), is_inclusive)
        else:
            crossed = self.executor.evaluate(threshold)
        return crossed if np.shape(crossed) == shape else np.broadcast_to(crossed, shape)

    def _lift(self, given: Array) -> None:
        """Put a deterministic neuron that is to spike at its threshold or peak."""
        values, constants = self.place.values, self.place.constants
        if "spike" in self.neuron.noise or "v" not in values:
            return
        level = constants.get("v_peak", constants.get("v_threshold"))
        if level is None:
            return
        level = level + constants.get("adaptation_strength", 0.0) * values.get("adaptation", 0.0)
        v = values["v"]
        self.place.put("v", self.arrays.where(given, np.maximum(v, level), v))

    def reset(self) -> None:
        """Reset the neurons that spike, and count their spikes."""
        chosen = self.arrays.find(self.spikes)
        if not len(chosen[0]):
            return
        self.executor.run(self._code["reset"], chosen)
        count, first, t = self.place.values["spike_count"], "first_spike", self._clock["t"]
        earliest = self.arrays.where(count[chosen] < 0.5, t, self.place.values[first][chosen])
        self.place.put(first, earliest, chosen)
        self.place.put("spike_count", count[chosen] + 1.0, chosen)

    def _uniform(self, stream: Array, timestep: Any) -> Array:
        if self._given is None:
            return self.arrays.functions["uniform"](stream, timestep)
        if stream is self.place.values.get("spike_stream"):
            return np.where(self._given, _SPIKE, _NO_SPIKE)
        return np.full(self.place.shape, 0.5)

    def _gaussian(self, stream: Array, timestep: Any) -> Array:
        if self._given is None:
            return self.arrays.functions["gaussian"](stream, timestep)
        return np.zeros(self.place.shape)


#: Comparison -> the sign of left minus right that crosses it, and whether equality does.
_SIGNS = {">=": (1.0, True), ">": (1.0, False), "<=": (-1.0, True), "<": (-1.0, False)}
