"""Execute a network specification: input in, counts out, third factor to weights; no Brian2."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.models.engine import noise
from threefactor.models.host import check_third_factor, input_array, mean_value, steps_to_spike
from threefactor.models.interpreter.connections import Connections, Links
from threefactor.models.interpreter.initial import draw_parameters, draw_weights, start_streams
from threefactor.models.interpreter.neurons import Neurons
from threefactor.models.links import drivable
from threefactor.models.specification import NetworkSpec
from threefactor.naming import suggest
from threefactor.rules.contract import AGREEMENT, split_unit
from threefactor.rules.interpreter.arrays import NUMPY as WITHOUT_NOISE
from threefactor.rules.interpreter.arrays import Array, ArrayBackend
from threefactor.rules.interpreter.places import Place

Floats = NDArray[np.float64]

#: NumPy with the counter-based noise of the engines.
NUMPY = replace(
    WITHOUT_NOISE,
    functions={
        **WITHOUT_NOISE.functions,
        "uniform": noise.uniform,
        "gaussian": noise.gaussian,
        "geometric": noise.geometric,
    },
)


class Interpreter:
    """R replicas of a specification, executed from its strings.

    The operations are those of `models.network.Network`, and so are the spikes, every one of them;
    weights agree to rounding. One timestep takes 0.2 to 0.6 ms up to ten thousand synapses and a
    few ms at a hundred thousand, some hundred times what the compiled engine needs.

    One timestep, in all replicas: modulations that neurons integrate; equations, ``integrate``;
    ``before_threshold``, threshold; the other modulations; then transmission and the rules' event
    blocks in their order; resets of the neurons that spike; weight clocks.

    Parameters
    ----------
    spec : NetworkSpec
        Network of one agent.
    noise_seeds, weight_seeds : sequences of R ints
        Seeds of the noise and of initial weights and heterogeneous parameters.
    backend : ArrayBackend, default NUMPY
        Functions of the array library, `uniform` and `gaussian` included.
    is_learning : bool, default True
        False: the frozen twin; learning rates are zero and nothing is consolidated.

    Attributes
    ----------
    replicas, n_inputs, n_outputs, timestep : int
        `timestep` counts those simulated since time zero.

    Raises
    ------
    ValueError
        For neurons that it cannot execute: Brian2's own refractoriness, unknown methods of
        integration, ports that do more than add.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        noise_seeds: Sequence[int],
        weight_seeds: Sequence[int],
        backend: ArrayBackend = NUMPY,
        is_learning: bool = True,
    ) -> None:
        self.spec, self.backend = spec, backend
        self.replicas, self.timestep = len(noise_seeds), 0
        self.n_inputs = spec.population(spec.input).size
        self.n_outputs = spec.population(spec.output).size
        self._dt = spec.timestep_ms * 1e-3
        self._clock: dict[str, Any] = {"dt": self._dt, "inf": np.inf}
        self._set_time()
        self.neurons = {
            p.name: Neurons(p, self.replicas, self._clock, backend) for p in spec.populations
        }
        for neurons in self.neurons.values():
            draw_parameters(neurons.population, neurons.place, weight_seeds)
        self.connections = {
            p.name: Connections(
                p, draw_weights(p, weight_seeds), self.neurons[p.source], self.neurons[p.target],
                self._clock,
            )
            for p in spec.projections
        }  # fmt: skip
        for name, neurons in self.neurons.items():
            start_streams(name, neurons.place, neurons.neuron.noise, noise_seeds)
        for name, connections in self.connections.items():
            purposes = connections.plasticity.rule.noise
            start_streams(name, connections.synapses, purposes, noise_seeds)
        self._links = [
            Links(
                m, draw_weights(m, weight_seeds), self.neurons[m.source],
                self._destination(m.target, m.into),
            )
            for m in spec.modulations
        ]  # fmt: skip
        is_integrated = [
            m.into in drivable(self.neurons[m.target].neuron) for m in spec.modulations
        ]
        self._drives = [
            links for links, early in zip(self._links, is_integrated, strict=True) if early
        ]
        self._modulators = [links for links in self._links if links not in self._drives]
        events = [event for c in self.connections.values() for event in c.events()]
        self._events = [action for _, _, action in sorted(events, key=lambda event: event[:2])]
        self._homes = self._addresses()
        self._recorded: dict[str, list[Array]] = {}
        self._dtype: type = np.float64
        self.is_learning = True
        for connections in self.connections.values():
            connections.plasticity.normalise()
        if not is_learning:
            self.freeze()

    def freeze(self) -> None:
        """Switch plasticity off for good: no learning rate is left, nothing is consolidated."""
        self.is_learning = False
        for connections in self.connections.values():
            rule, update = connections.plasticity.rule, connections.projection.update
            for instance, place in ((rule, "synapse"), (update, "update")):
                constants = connections.plasticity.places[place].constants
                for field in instance.rates:
                    constants[split_unit(field)[0]] = self.backend.array([0.0])

    def _destination(self, target: str, into: str) -> Place:
        """Return where the variable of a modulation lives."""
        projection, _, _ = into.rpartition(".")
        if projection:
            return self.connections[projection].plasticity.places["post"]
        return self.neurons[target].place

    def _addresses(self) -> dict[str, tuple[dict[str, Array], str]]:
        """Return ``"<owner>.<variable>"`` -> where it is kept."""
        places: list[tuple[str, Place]] = [(f"{n}.", p.place) for n, p in self.neurons.items()]
        for name, connections in self.connections.items():
            rule, projection = connections.plasticity.places, connections.projection
            places += [
                (f"{projection.source}.{name}_", rule["pre"]),
                (f"{projection.target}.{name}_", rule["post"]),
                (f"{name}.", rule["synapse"]),
                (f"{name}.update_", rule["update"]),
            ]
            if connections.sensitivity is not None:
                places.append((f"{name}.", connections.sensitivity.place))
        places += [(f"{links.modulation.name}.", links.place) for links in self._links]
        return {
            prefix + name: (kept, name)
            for prefix, place in places
            for kept in (place.constants, place.values)
            for name in kept
        }

    def array(self, name: str) -> Array:
        """Return an array in SI units, to be written as well: (replicas, n), parameters (1,).

        Raises
        ------
        KeyError
            With the most similar name if there is none of this name.
        """
        if name not in self._homes:
            raise KeyError(f"No array {name!r}.{suggest(name, self._homes)}")
        kept, variable = self._homes[name]
        return kept[variable]

    def arrays(self) -> list[str]:
        """Return the names of all arrays."""
        return sorted(self._homes)

    def advance(self, told: Floats, steps: int) -> Floats:
        """Simulate one decision window and return what the decoder reads.

        Parameters
        ----------
        told : (replicas, n_inputs)
            Rates in Hz, spike times in ms, or numbers, see `Network.advance`.
        steps : int
            Timesteps of the window, >= 1.

        Returns
        -------
        (replicas, n_outputs) spike counts of the window, or the readout variable of neurons that do
        not spike.
        """
        source = self.neurons[self.spec.input]
        if source.neuron.takes == "spike_times_ms":
            told = steps_to_spike(told, self.spec.timestep_ms)
        source.place.put(input_array(self.spec).partition(".")[2], told)
        for neurons in self.neurons.values():
            neurons.place.put("spike_count", 0.0)
            neurons.begin_window()
        for _ in range(steps):
            self.step()
        for connections in self.connections.values():
            if connections.plasticity.moves_within_windows and self.is_learning:
                connections.plasticity.normalise()
        return self._activity(self.spec.output)

    def _activity(self, population: str) -> Floats:
        neurons = self.neurons[population]
        variable = "spike_count" if neurons.neuron.threshold else neurons.neuron.readout
        return neurons.place.values[variable].copy()

    def step(self, given: Mapping[str, Array] | None = None) -> None:
        """Simulate one timestep.

        Parameters
        ----------
        given : mapping of population to (replicas, neurons) bool, optional
            Spikes that neurons emit instead of their own (see `Neurons.fire`).
        """
        given = given or {}
        for links in self._drives:
            links.send()
        for name, neurons in self.neurons.items():
            neurons.clamp(given.get(name))
            neurons.integrate()
        for connections in self.connections.values():
            connections.integrate()
        for neurons in self.neurons.values():
            neurons.fire()
        for links in self._modulators:
            links.send()
        for name, rows in self._recorded.items():
            rows.append(self._seen(name))
        for connections in self.connections.values():
            connections.hear()
        for act in self._events:
            act()
        for neurons in self.neurons.values():
            neurons.reset()
        self.timestep += 1
        self._set_time()
        for connections in self.connections.values():
            period = connections.plasticity.period
            if period and self.timestep % period == 0:
                connections.plasticity.update("consolidate")

    def _set_time(self) -> None:
        self._clock |= {"t": self.timestep * self._dt, "t_in_timesteps": self.timestep}

    def record(self, names: Iterable[str], dtype: type = np.float64) -> None:
        """Keep from now on what rules see in every timestep.

        Parameters
        ----------
        names : iterable of str
            Populations, for their spikes, and arrays.
        dtype : type
            Of the arrays; spikes are bool.
        """
        self._recorded, self._dtype = {name: [] for name in names}, dtype
        for name in self._recorded:
            self._seen(name)

    def _seen(self, name: str) -> Array:
        if name in self.neurons:
            return self.neurons[name].spikes
        return np.array(self.array(name), self._dtype)

    def recorded(self) -> dict[str, Array]:
        """Return and forget what was recorded, (timesteps, replicas, n) each."""
        found = {
            name: np.reshape(rows, (len(rows), *self._seen(name).shape))
            for name, rows in self._recorded.items()
        }
        self.record(self._recorded, self._dtype)
        return found

    def first_spikes_ms(self, window_start_step: int) -> Floats:
        """Return the output neurons' first spikes of the window, in ms; inf: silent."""
        values = self.neurons[self.spec.output].place.values
        after = values["first_spike"] * 1e3 - window_start_step * self.spec.timestep_ms
        return np.where(values["spike_count"] > 0, after, np.inf)

    def values(self) -> Floats:
        """Return the value that the critic's activity in the last window is, ``(replicas,)``."""
        assert self.spec.critic is not None
        return mean_value(self._activity(self.spec.critic), self.spec.population(self.spec.critic))

    def close_decision(self, chosen: NDArray[np.int_] | None = None) -> None:
        """Bank the window's eligibility; `chosen` is the action of each replica, (replicas,)."""
        if chosen is not None:
            for _, connections, variable in self._signals(AGREEMENT):
                agreement = self._agree(connections.target, chosen)
                connections.plasticity.places["post"].put(variable, agreement)
        if self.is_learning:
            for connections in self.connections.values():
                connections.plasticity.run("at_decision")
        self._reset(("decision",), np.ones(self.replicas, bool))

    def _signals(self, signal: str) -> list[tuple[str, Connections, str]]:
        """Return population, projection and variable of the rules that wait for a signal."""
        fed = {(m.target, m.into) for m in self.spec.modulations}
        return [
            (c.projection.target, c, variable)
            for name, c in self.connections.items()
            for variable, waited_for in c.plasticity.rule.host_writes.items()
            if waited_for == signal and (c.projection.target, f"{name}.{variable}") not in fed
        ]

    def _agree(self, target: Neurons, chosen: NDArray[np.int_]) -> Floats:
        """Return +1 where a neuron's firing agrees with the action taken, else -1."""
        fired = target.place.values["spike_count"] > 0
        modules = np.asarray(target.population.modules)[:, None]
        is_chosen = (modules == np.reshape(chosen, (self.replicas, 1, -1))).any(axis=2)
        return np.where(fired == is_chosen, 1.0, -1.0)

    def consolidate(
        self, third_factor: Floats, vectors: Mapping[str, Floats] = MappingProxyType({})
    ) -> None:
        """Deliver a third factor and let weights follow; see `Network.consolidate`."""
        if not self.is_learning:
            return
        has_scalar = third_factor.ndim == 1
        own = vectors if has_scalar else {self.spec.output: third_factor}
        own = {name or self.spec.output: values for name, values in own.items()}
        sizes = {name: values.shape[-1] for name, values in own.items()}
        check_third_factor(self.spec, sizes, has_scalar)
        plastic = [c.plasticity for c in self.connections.values() if c.projection.rule is not None]
        modulated = {m.target for m in self.spec.modulations if m.into == "third_factor"}
        for connections in self.connections.values():
            name = connections.projection.target
            if connections.projection.rule is not None and name not in modulated:
                valence = connections.target.population.valence
                scalar = third_factor[:, None] * (1.0 if valence is None else valence)
                values = own[name] if name in own else scalar
                connections.target.place.put("third_factor", values)
        for plasticity in plastic:
            plasticity.run("post_on_delivery")
        for plasticity in plastic:
            if not plasticity.period:
                plasticity.update("consolidate")
        for plasticity in plastic:
            plasticity.normalise()

    def write(self, signal: str, values: Floats, target: str | None = None) -> None:
        """Write a modulator beside the third factor; see `Network.write`."""
        listeners = [row for row in self._signals(signal) if target in (None, row[0])]
        if not listeners:
            raise ValueError(f"Interpreter.write: no rule waits for the signal {signal!r} there.")
        for _, connections, variable in listeners:
            columns = values[:, None] if values.ndim == 1 else values
            connections.plasticity.places["post"].put(variable, columns)

    def start_episode(self, mask: NDArray[np.bool_]) -> None:
        """Update what the marked replicas learn at a trial's end, then reset their state."""
        learns = [c.plasticity for c in self.connections.values() if c.plasticity.rule.at_episode]
        if learns and self.is_learning:
            for plasticity in learns:
                everything = np.broadcast_to(mask[:, None], plasticity.places["synapse"].shape)
                plasticity.update("at_episode", self.backend.find(everything))
            for connections in self.connections.values():
                connections.plasticity.normalise(mask)
        self._reset(("episode", "decision"), mask)

    def _reset(self, policies: tuple[str, ...], replicas: NDArray[np.bool_]) -> None:
        for neurons in self.neurons.values():
            neurons.place.reset(policies, replicas)
        for connections in self.connections.values():
            connections.reset(policies, replicas)

    def weights(self) -> dict[str, Floats]:
        """Return copies of all weights, projection -> (replicas, n_synapses)."""
        return {name: np.array(c.plasticity.weights()) for name, c in self.connections.items()}
