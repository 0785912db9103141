"""Projections and modulations, executed from their strings: transmission and the rule's events."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from threefactor.models.interpreter.neurons import Neurons
from threefactor.models.specification import Modulation, Projection
from threefactor.rules.contract import Rule
from threefactor.rules.interpreter.arrays import Array, Chosen
from threefactor.rules.interpreter.integration import Integrator
from threefactor.rules.interpreter.places import Executor, Place, Sight
from threefactor.rules.interpreter.plasticity import Delay, Plasticity, Wiring
from threefactor.rules.language import parse_expression, parse_statements


class Sensitivity:
    """What the weight of each synapse does to its neuron, for rules that require it.

    Parameters
    ----------
    target : Neurons
    post : (n_synapses,) int array
    clock : mapping
        See `Neurons`.

    Attributes
    ----------
    place : Place
        ``sensitivity`` and what else its equations define.
    """

    def __init__(self, target: Neurons, post: Array, clock: Mapping[str, Any]) -> None:
        neuron, owner = target.neuron, type(target.neuron).__name__
        self.place = Place(
            f"{owner}.sensitivity_equations", (len(target.spikes), len(post)), target.arrays,
            neuron.sensitivity_equations,
        )  # fmt: skip
        self.place.resets |= dict.fromkeys(self.place.values, target.population.resets)
        sights = [Sight(self.place), Sight(target.place, post), Sight(target.place, post, "_post")]
        self._executor = Executor(sights, clock)
        self._integrator = Integrator(self._executor)
        #: Executor of a rule -> statements that follow it at once.
        self.code = {
            block: parse_statements(code, f"{owner}.sensitivity_{block}")
            for block, code in (
                ("each_step", neuron.sensitivity_each_step),
                ("on_pre", neuron.sensitivity_on_pre),
                ("on_post", neuron.sensitivity_on_post),
            )
            if code
        }

    def integrate(self) -> None:
        """Advance the equations by one timestep."""
        self._integrator.advance()

    def run(self, block: str, chosen: Chosen) -> None:
        """Do what follows a block of the rule."""
        self._executor.run(self.code.get(block, ()), chosen)


class Connections:
    """All replicas of a projection.

    Parameters
    ----------
    projection : Projection
    weights : (replicas, n_synapses) array
        Initial weights.
    source, target : Neurons
    clock : mapping
        See `Neurons`.

    Attributes
    ----------
    plasticity : Plasticity
    sensitivity : Sensitivity or None

    Raises
    ------
    ValueError
        For a port that does more than add to variables.
    """

    def __init__(
        self,
        projection: Projection,
        weights: Array,
        source: Neurons,
        target: Neurons,
        clock: Mapping[str, Any],
    ) -> None:
        self.projection, self.source, self.target = projection, source, target
        self.arrays, self._clock = target.arrays, clock
        rule = projection.rule or Rule()
        needs_sensitivity = "sensitivity" in rule.requires
        self.sensitivity = (
            Sensitivity(target, projection.post, clock) if needs_sensitivity else None
        )
        wiring = Wiring(
            projection.pre, projection.post, weights, projection.w_min, projection.w_max,
            projection.update, projection.incoming_sum, projection.delay_ms, projection.delay,
        )  # fmt: skip
        self.plasticity = Plasticity(
            rule, wiring, (source.population.size, target.population.size), target.place, clock,
            len(weights), () if self.sensitivity is None else (self.sensitivity.place,),
            (source.neuron.method, target.neuron.method),
        )  # fmt: skip
        self.synapses = self.plasticity.places["synapse"]
        self._way = Delay(round(projection.delay_ms / (clock["dt"] * 1e3)))
        self._arriving: Array = np.zeros_like(source.spikes)
        self._port = self._read_port()
        self._port_executor = Executor([Sight(target.place, self.plasticity.post)], clock)
        self._transmitted = None if rule.transmitted == "w" else parse_expression(rule.transmitted)
        # Spikes act neuron by neuron, and so do those of one neuron's synapses.
        self._by_source = np.argsort(self.plasticity.pre, kind="stable")

    def _read_port(self) -> list[tuple[str, float, Any]]:
        """Return the variables that a spike adds to: name, sign, amount."""
        neuron, port = self.target.neuron, self.projection.port
        where = f"{type(neuron).__name__}.ports[{port!r}]"
        found = []
        for statement in parse_statements(neuron.ports[port], where):
            if statement.operator not in ("+=", "-="):
                raise ValueError(f"{where}: expected a port that adds, got {statement.operator!r}.")
            sign = 1.0 if statement.operator == "+=" else -1.0
            found.append((statement.target, sign, statement.expression))
        return found

    def integrate(self) -> None:
        """Advance the equations of the rule and of the sensitivity."""
        self.plasticity.integrate()
        if self.sensitivity is not None:
            self.sensitivity.integrate()

    def hear(self) -> None:
        """Take in the spikes of this timestep, and draw the synapses' random numbers."""
        self.plasticity.hear(self.source.spikes, self.target.spikes)
        self._arriving = self._way.pass_on(self.source.spikes)
        uniform = self.arrays.functions["uniform"]
        for name in self.plasticity.rule.noise:
            stream = self.synapses.values[f"{name}_stream"]
            self.synapses.values[name] = uniform(stream, self._clock["t_in_timesteps"])

    def events(self) -> list[tuple[int, str, Callable[[], None]]]:
        """Return what happens between threshold and reset: place in the order, name, action."""
        name, rule = self.projection.name, self.projection.rule
        if rule is None:
            return [(0, f"{name}_pre", self.transmit)]
        found = [(rule.order.index("on_pre"), f"{name}_pre", self.transmit)]
        follows = {} if self.sensitivity is None else self.sensitivity.code
        for order, block in enumerate(rule.order):
            if getattr(rule, block) or block in follows:
                suffix = {"on_pre": "pre_rule", "on_post": "post"}.get(block, block)
                found.append((order, f"{name}_{suffix}", self._event(block)))
        return found

    def _event(self, block: str) -> Callable[[], None]:
        def run() -> None:
            chosen = self.plasticity.chosen(block)
            self.plasticity.run(block, chosen)
            if self.sensitivity is not None:
                self.sensitivity.run(block, chosen)

        return run

    def transmit(self) -> None:
        """Let spikes arrive: every synapse adds to its neuron, one after the other."""
        rows, order = self.arrays.find(self._arriving[:, self.plasticity.pre[self._by_source]])
        if not len(rows):
            return
        chosen = rows, self._by_source[order]
        carried = {"w": self._carried(chosen)}
        neurons = rows, self.plasticity.post[chosen[1]]
        values = self.target.place.values
        for variable, sign, expression in self._port:
            amount = sign * self._port_executor.evaluate(expression, chosen, carried)
            values[variable] = self.arrays.add_at(values[variable], neurons, amount)

    def _carried(self, chosen: Chosen) -> Array:
        """Return what arriving spikes carry into the port."""
        if self._transmitted is None:
            return self.plasticity.weights(chosen)
        return self.plasticity.executors["synapse"].evaluate(self._transmitted, chosen)

    def reset(self, policies: tuple[str, ...], replicas: Array) -> None:
        """Return variables with one of these reset policies to their initial values."""
        self.plasticity.reset(policies, replicas)
        if self.sensitivity is not None:
            self.sensitivity.place.reset(policies, replicas)


class Links:
    """All replicas of a modulation.

    Parameters
    ----------
    modulation : Modulation
    weights : (replicas, n_links) array
        Initial weights.
    source : Neurons
    into : Place
        Where the variable lives that is written.
    """

    def __init__(
        self, modulation: Modulation, weights: Array, source: Neurons, into: Place
    ) -> None:
        self.modulation, self.source, self.into = modulation, source, into
        self.arrays = into.arrays
        self.place = Place(f"Modulation {modulation.name!r}", weights.shape, self.arrays)
        self.place.add("weight", weights)

    def send(self) -> None:
        """Write the weighted sums of the source's variable."""
        modulation, post = self.modulation, np.asarray(self.modulation.post)
        sent = self.source.executor.read(modulation.variable)[:, modulation.pre]
        sent = self.place.values["weight"] * sent
        rows, links = self.arrays.find(np.ones(sent.shape, bool))
        sums = self.arrays.array(np.zeros(self.into.shape))
        sums = self.arrays.add_at(sums, (rows, post[links]), sent[rows, links])
        self.into.put(modulation.into.rpartition(".")[2], sums)
