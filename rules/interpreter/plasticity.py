"""The synapses of a projection and the rule that moves their weights, executed from its strings.

It shares no code with what it is the oracle of: how updates wrap a rule's changes, how incoming
sums are kept and how delays are counted is written here from the definitions.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from threefactor.rules.contract import EVENT_BLOCKS, Rule, parameter_values
from threefactor.rules.interpreter.arrays import Array, Chosen
from threefactor.rules.interpreter.integration import Integrator
from threefactor.rules.interpreter.places import Executor, Place, Sight
from threefactor.rules.language import Block, parse_statements
from threefactor.rules.updates import WeightUpdate

#: Where the variables live that a block assigns.
PLACES = {
    "pre_each_step": "pre", "post_each_step": "post", "each_step": "synapse",
    "on_pre": "synapse", "on_post": "synapse", "pre_on_spike": "pre", "post_on_spike": "post",
    "post_on_delivery": "post", "at_decision": "synapse", "consolidate": "synapse",
    "at_episode": "synapse",
}  # fmt: skip
_EQUATIONS = {"pre": "pre_equations", "post": "post_equations", "synapse": "equations"}


@dataclass(frozen=True)
class Wiring:
    """Synapses: neuron indices, initial weights and bounds; scalars hold for every synapse.

    `update`, `incoming_sum`, `delay_ms` and `delay` are those of `models.specification.Projection`.
    """

    pre: np.ndarray
    post: np.ndarray
    w: float | np.ndarray
    w_min: float | np.ndarray = -np.inf
    w_max: float | np.ndarray = np.inf
    update: WeightUpdate = field(default_factory=WeightUpdate)
    incoming_sum: float | None = None
    delay_ms: float = 0.0
    delay: str = "axonal"


class Plasticity:
    """A rule at work on the synapses of one projection.

    Parameters
    ----------
    rule : Rule
    wiring : Wiring
    sizes : (n_pre, n_post)
        Neurons of one replica.
    neuron : Place
        The postsynaptic neurons: what the rule requires of them, and ``third_factor``.
    clock : mapping
        ``dt`` and ``t`` in s, kept up to date by the caller.
    replicas : int, default 1
    beside : sequence of Place
        Of the synapses, and read by the rule: the sensitivity.
    methods : (str, str)
        How the traces on the pre- and on the postsynaptic neuron are integrated: as those neurons.

    Attributes
    ----------
    places : dict of str to Place
        Variables of the rule on the "pre" and "post" neurons; those of the "synapse", weights and
        bounds among them; those of the weight "update".
    executors : dict of str to Executor
        What runs at "pre", "post" and "synapse".
    """

    def __init__(
        self,
        rule: Rule,
        wiring: Wiring,
        sizes: tuple[int, int],
        neuron: Place,
        clock: Mapping[str, Any],
        replicas: int = 1,
        beside: Sequence[Place] = (),
        methods: tuple[str, str] = ("exact", "exact"),
    ) -> None:
        self.rule, self.wiring, self.neuron, self.arrays = rule, wiring, neuron, neuron.arrays
        self.pre, self.post = np.asarray(wiring.pre), np.asarray(wiring.post)
        self._shapes = {
            "pre": (replicas, sizes[0]), "post": (replicas, sizes[1]),
            "synapse": (replicas, len(self.pre)),
        }  # fmt: skip
        self._code = {name: parse_statements(getattr(rule, name)) for name in PLACES}
        self._apply = parse_statements(wiring.update.apply)
        self.places = self._make_places()
        self.executors = self._make_executors(clock, beside)
        self._integrators = [
            Integrator(self.executors[place], method)
            for place, method in zip(_EQUATIONS, (*methods, "exact"), strict=True)
        ]
        for integrator in self._integrators:
            _check_inputs(integrator)
        dt_ms = clock["dt"] * 1e3
        period = rule.consolidation_period_ms
        #: Timesteps of the rule's weight clock; 0: the host consolidates.
        self.period = 0 if period is None else round(period / dt_ms)
        late = round(wiring.delay_ms / dt_ms)
        # Axonal: the spike is late at the synapse. Dendritic: the neuron's answer is.
        is_axonal = wiring.delay == "axonal"
        self._delays = {"pre": Delay(late * is_axonal), "post": Delay(late * (not is_axonal))}
        #: Spikes as the synapse sees them in this timestep, (replicas, neurons).
        self.spikes: dict[str, Array] = {}

    def _make_places(self) -> dict[str, Place]:
        rule, wiring = self.rule, self.wiring
        owner = type(rule).__name__
        constants = {name: value for name, (value, _) in parameter_values(rule).items()}
        places = {
            place: Place(
                f"{owner}.{block}",
                self._shapes[place],
                self.arrays,
                getattr(rule, block),
                constants,
            )
            for place, block in _EQUATIONS.items()
        }
        for place in places.values():
            place.constants = places["synapse"].constants  # one number for all three
            for name in place.values:
                place.resets[name] = rule.resets.get(name, "episode")
        for name in ("w", "w_min", "w_max"):
            places["synapse"].add(name, getattr(wiring, name))
        update = wiring.update
        own = {name: value for name, (value, _) in parameter_values(update).items()}
        places["update"] = Place(
            f"{type(update).__name__}.equations", self._shapes["synapse"], self.arrays,
            update.equations, own,
        )  # fmt: skip
        return places

    def _make_executors(
        self, clock: Mapping[str, Any], beside: Sequence[Place]
    ) -> dict[str, Executor]:
        pre, post, synapse, update = (
            self.places[name] for name in ("pre", "post", "synapse", "update")
        )
        seen = [Sight(synapse), Sight(pre, self.pre), Sight(post, self.post)]
        seen += [Sight(self.neuron, self.post), *map(Sight, beside)]
        return {
            "pre": Executor([Sight(pre)], clock),
            "post": Executor([Sight(post), Sight(self.neuron)], clock),
            "synapse": Executor(seen, clock),
            "update": Executor([Sight(update), Sight(synapse)], clock),
        }

    def integrate(self) -> None:
        """Advance the rule's equations by one timestep."""
        for integrator in self._integrators:
            integrator.advance()

    def hear(self, pre_spikes: Array, post_spikes: Array) -> None:
        """Take in the spikes of a timestep, (replicas, neurons) bool."""
        for side, spikes in (("pre", pre_spikes), ("post", post_spikes)):
            self.spikes[side] = self._delays[side].pass_on(spikes)

    def chosen(self, block: str) -> Chosen:
        """Return the elements that a block of the timestep runs for; None: all."""
        if block in ("pre_on_spike", "post_on_spike"):
            return self.arrays.find(self.spikes[PLACES[block]])
        if block == "on_pre":
            return self.arrays.find(self.spikes["pre"][:, self.pre])
        if block == "on_post":
            return self.arrays.find(self.spikes["post"][:, self.post])
        return None

    def run(self, block: str, chosen: Chosen = None) -> None:
        """Run a block of the rule for some of its elements."""
        statements = self._code[block]
        if not statements or (chosen is not None and not len(chosen[0])):
            return
        if self.wiring.update.apply and "w" in statements.writes:
            self._dispose(statements, chosen)
        else:
            self.executors[PLACES[block]].run(statements, chosen)

    def run_events(self) -> None:
        """Run the blocks of a timestep in the rule's order."""
        for block in self.rule.order:
            if self._code[block]:
                self.run(block, self.chosen(block))

    def update(self, block: str, chosen: Chosen = None) -> None:
        """Run a block between timesteps; weights that it moves stay within their bounds."""
        self.run(block, chosen)
        if "w" in self._code[block].writes:
            self._clip(chosen)

    def _dispose(self, statements: Block, chosen: Chosen) -> None:
        """Let a block propose a change of the weights, and the weight update dispose.

        From w the block arrives at w + change; w is then moved by the update's statements over
        ``w`` and ``change``, and clipped.
        """
        self._clip(chosen)
        before = self.arrays.array(self.weights(chosen))
        self.executors["synapse"].run(statements, chosen)
        change = self.weights(chosen) - before
        self.places["synapse"].put("w", before, chosen)
        self.executors["update"].run(self._apply, chosen, {"change": change})
        self._clip(chosen)

    def weights(self, chosen: Chosen = None) -> Array:
        """Return the weights of the chosen synapses."""
        return self.executors["synapse"].read("w", chosen)

    def _clip(self, chosen: Chosen) -> None:
        w, low, high = (self.executors["synapse"].read(n, chosen) for n in ("w", "w_min", "w_max"))
        self.places["synapse"].put("w", self.arrays.functions["clip"](w, low, high), chosen)

    @property
    def moves_within_windows(self) -> bool:
        """Whether weights move while timesteps run: on the rule's own clock, or at its events."""
        events = [name for name in EVENT_BLOCKS if PLACES[name] == "synapse"]
        return self.period > 0 or any("w" in self._code[name].writes for name in events)

    def normalise(self, replicas: Array | None = None) -> None:
        """Scale each neuron's weights to the sum that the wiring asks for, as bounds allow.

        For neuron j with weights w_ij: w_ij <- clip(w_ij*incoming_sum/sum over i of w_ij); neurons
        whose weights add up to zero keep them.
        """
        total = self.wiring.incoming_sum
        if total is None:
            return
        synapse, where = self.places["synapse"], self.arrays.where
        w = synapse.values["w"]
        rows, columns = np.indices(synapse.shape).reshape(2, -1)
        sums = self.arrays.add_at(
            self.arrays.array(np.zeros(self._shapes["post"])),
            (rows, self.post[columns]),
            w[rows, columns],
        )
        scale = where(sums == 0, 1.0, total / where(sums == 0, 1.0, sums))
        scaled = self.arrays.functions["clip"](
            w * scale[:, self.post], synapse.values["w_min"], synapse.values["w_max"]
        )
        synapse.put("w", scaled if replicas is None else where(replicas[:, None], scaled, w))

    def reset(self, policies: tuple[str, ...], replicas: Array) -> None:
        """Return the rule's variables with one of these policies to zero in some replicas."""
        for place in _EQUATIONS:
            self.places[place].reset(policies, replicas)


def _check_inputs(integrator: Integrator) -> None:
    """Raise ValueError if equations read what may change within the timestep."""
    executor = integrator.executor
    foreign = [n for n in integrator.inputs if not executor.owns(n) and n != "third_factor"]
    if foreign:
        raise ValueError(
            f"{executor.place.where}: {foreign[0]!r} lives elsewhere and changes within the "
            f"timestep; use each_step for such a drive."
        )


class Delay:
    """Spikes under way: what goes in comes out `steps` timesteps later."""

    def __init__(self, steps: int) -> None:
        self._steps, self._under_way = steps, deque[Array]()

    def pass_on(self, spikes: Array) -> Array:
        """Take in the spikes of this timestep and return those that arrive in it."""
        self._under_way.append(spikes)
        if len(self._under_way) > self._steps:
            return self._under_way.popleft()
        return np.zeros_like(spikes)
