"""Plain NumPy interpreter of rules: from given spikes to weights and variables.

It reads the same strings as the assembler in `models` and shares no code with Brian2, so it is the
oracle in the tests. One timestep: integrate the equations exactly, take the spikes, run the event
blocks in the order that the rule declares, then the rule's weight clock if it is due. Decision
blocks run between timesteps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from threefactor.rules.checks import check_rule_class
from threefactor.rules.contract import Rule, parameter_values
from threefactor.rules.delays import LATE_SIDE, at_the_synapse, delay_steps
from threefactor.rules.language import (
    evaluate,
    names_in,
    parse_equations,
    parse_statements,
)
from threefactor.rules.propagators import propagator
from threefactor.rules.timesteps import whole_steps
from threefactor.rules.updates import PREFIX, WeightUpdate, moves_within_windows, normalise_incoming

CLIP = "w = clip(w, w_min, w_max)"
_EQUATION_BLOCKS = {"pre": "pre_equations", "post": "post_equations", "synapse": "equations"}
_EVENT_PLACES = {
    "pre_each_step": "pre", "post_each_step": "post", "each_step": "synapse",
    "on_pre": "synapse", "on_post": "synapse", "pre_on_spike": "pre", "post_on_spike": "post",
}  # fmt: skip


@dataclass(frozen=True)
class Activity:
    """What the neurons did.

    Attributes
    ----------
    pre_spikes, post_spikes : (steps, n_pre), (steps, n_post) bool
    variables : mapping of str to array
        Required neuron variables as they are during the event blocks: (steps, n_post);
        ``sensitivity`` and the rule's synaptic noise: (steps, n_synapses).
    """

    pre_spikes: np.ndarray
    post_spikes: np.ndarray
    variables: Mapping[str, np.ndarray] = field(default_factory=dict)


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


@dataclass(frozen=True)
class Schedule:
    """Decisions and third factors.

    Attributes
    ----------
    decision_ends : (n_decisions,) int
        Number of timesteps after which each decision window closes, increasing, >= 1.
    third_factors : (n_decisions,) or (n_decisions, n_post)
        Third factor that belongs to each decision.
    is_late : bool
        False: decision block, then this decision's third factor. True: the third factor of the
        previous decision, then the decision block; the last one arrives at once (terminal).
    episode_ends : sequence of int
        Decisions (from 0) after which an episode ends and variables are reset.
    writes : mapping of str to (n_decisions, n_post) array
        Postsynaptic rule variables that the host writes before each decision block.
    """

    decision_ends: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    third_factors: np.ndarray = field(default_factory=lambda: np.zeros(0))
    is_late: bool = False
    episode_ends: tuple[int, ...] = ()
    writes: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Interpretation:
    """Final weights and variables; `history` holds (steps, size) arrays after each timestep."""

    w: np.ndarray
    variables: dict[str, np.ndarray]
    history: dict[str, np.ndarray]


def interpret(
    rule: Rule,
    activity: Activity,
    wiring: Wiring,
    schedule: Schedule | None = None,
    dt_ms: float = 1.0,
    record: tuple[str, ...] = (),
) -> Interpretation:
    """Return what `rule` makes of given spikes.

    Parameters
    ----------
    rule : Rule
    activity : Activity
    wiring : Wiring
    schedule : Schedule, optional
        Default: no decision ever closes.
    dt_ms : float, default 1.0
        Timestep, ms, > 0.
    record : tuple of str
        ``"w"`` or rule variables whose value after every timestep (and the blocks between it and
        the next) is wanted.

    Raises
    ------
    ValueError
        Shapes that do not fit, missing neuron variables, equations that are not linear.
    """
    schedule = schedule or Schedule()
    machine = _Machine(rule, activity, wiring, dt_ms)
    steps = len(activity.pre_spikes)
    decisions = _decision_numbers(schedule, steps, machine.size["post"])
    unknown = set(record) - set(machine.place_of)
    if unknown:
        raise ValueError(f"interpret: record names unknown variables {sorted(unknown)}.")
    history: dict[str, list[np.ndarray]] = {name: [] for name in record}
    for step in range(steps):
        machine.step(step)
        if step + 1 in decisions:
            machine.close_decision(decisions[step + 1], schedule)
        for name in record:
            history[name].append(machine.values[machine.place_of[name]][name].copy())
    return Interpretation(
        machine.values["synapse"]["w"],
        {name: machine.values[place][name] for name, place in machine.own.items()},
        {name: np.array(rows) for name, rows in history.items()},
    )


class _Machine:
    """State of one interpretation and the operations of a timestep."""

    def __init__(self, rule: Rule, activity: Activity, wiring: Wiring, dt_ms: float) -> None:
        check_rule_class(type(rule))
        self.rule, self.activity = rule, activity
        self.index = {"pre": np.asarray(wiring.pre), "post": np.asarray(wiring.post)}
        self.size = {
            "pre": np.shape(activity.pre_spikes)[1],
            "post": np.shape(activity.post_spikes)[1],
            "synapse": len(self.index["pre"]),
        }
        _check_inputs(rule, activity, self.index, self.size)
        self.period = _period_steps(rule, dt_ms)
        where = f"interpret({type(rule).__name__})"
        late = delay_steps(where, rule, wiring.delay_ms, wiring.delay, dt_ms)
        self.spikes = {
            side: at_the_synapse(trains, late if LATE_SIDE[wiring.delay] == side else 0)
            for side, trains in (("pre", activity.pre_spikes), ("post", activity.post_spikes))
        }
        self.dt = dt_ms * 1e-3
        self.constants: dict[str, Any] = {n: v for n, (v, _) in parameter_values(rule).items()}
        self.constants |= {"dt": self.dt, "t": 0.0}
        self.wiring = wiring
        own = parameter_values(wiring.update)
        self.constants |= {PREFIX + name: value for name, (value, _) in own.items()}
        self.synaptic = {"sensitivity", *rule.noise}
        self.own: dict[str, str] = {}
        self.values: dict[str, dict[str, np.ndarray]] = {place: {} for place in self.size}
        self.derived: dict[str, dict[str, Any]] = {place: {} for place in self.size}
        self.odes: dict[str, dict[str, Any]] = {place: {} for place in self.size}
        for place, block in _EQUATION_BLOCKS.items():
            self._declare(place, getattr(rule, block))
        for name, value in (("w", wiring.w), ("w_min", wiring.w_min), ("w_max", wiring.w_max)):
            self.values["synapse"][name] = np.array(
                np.broadcast_to(np.asarray(value, float), self.size["synapse"])
            )
        helpers = ("w_before", "change") if wiring.update.apply else ()
        stored = [line.variable for line in parse_equations(wiring.update.equations)]
        for name in (*helpers, *(PREFIX + variable for variable in stored)):
            self.values["synapse"][name] = np.zeros(self.size["synapse"])
        self.values["post"]["third_factor"] = np.zeros(self.size["post"])
        self.place_of = self.own | {"w": "synapse", "third_factor": "post"}
        self.propagators: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def _declare(self, place: str, equations: str) -> None:
        for line in parse_equations(equations):
            if line.expression is not None and not line.is_differential:
                self.derived[place][line.variable] = line.expression
                continue
            self.own[line.variable] = place
            self.values[place][line.variable] = np.zeros(self.size[place])
            if line.is_differential:
                self.odes[place][line.variable] = line.expression

    def step(self, step: int) -> None:
        """Run one timestep."""
        self.constants["t"] = step * self.dt
        for place in self.odes:
            self.integrate(place)
        for name, rows in self.activity.variables.items():
            place = "synapse" if name in self.synaptic else "post"
            self.values[place][name] = np.asarray(rows[step], float)
        pre, post = self.spikes["pre"][step], self.spikes["post"][step]
        selections = {
            "on_pre": np.flatnonzero(pre[self.index["pre"]]),
            "on_post": np.flatnonzero(post[self.index["post"]]),
            "pre_on_spike": np.flatnonzero(pre),
            "post_on_spike": np.flatnonzero(post),
        }
        wrap = self.wiring.update.wrap
        for block in self.rule.order:
            code, place = getattr(self.rule, block), _EVENT_PLACES[block]
            self.run(wrap(code) if place == "synapse" else code, place, selections.get(block))
        if self.period and (step + 1) % self.period == 0:
            self.update(self.rule.consolidate)

    def close_decision(self, number: int, schedule: Schedule) -> None:
        """Close a decision window and deliver the third factors that are due."""
        if moves_within_windows(self.rule):
            self.normalise()
        if schedule.is_late and number > 0 and number - 1 not in schedule.episode_ends:
            self.deliver(schedule.third_factors[number - 1])
        for name, rows in schedule.writes.items():
            self.values["post"][name][:] = rows[number]
        self.run(self.rule.at_decision, "synapse")
        self.reset("decision")
        ends = number in schedule.episode_ends
        if not schedule.is_late or ends or number == len(schedule.decision_ends) - 1:
            self.deliver(schedule.third_factors[number])
        if ends:
            self.update(self.rule.at_episode)
            self.normalise()
            self.reset("episode")
            self.values["post"]["third_factor"][:] = 0.0

    def deliver(self, third_factor: Any) -> None:
        """Give the third factor to the postsynaptic neurons; consolidate unless a clock does."""
        self.values["post"]["third_factor"][:] = third_factor
        self.run(self.rule.post_on_delivery, "post")
        if not self.period:
            self.update(self.rule.consolidate)
        self.normalise()

    def normalise(self) -> None:
        """Give each neuron's weights their sum, if the wiring asks for one."""
        if self.wiring.incoming_sum is not None:
            w, post = self.values["synapse"]["w"], self.index["post"]
            normalise_incoming(w, post, self.size["post"], self.wiring.incoming_sum)
            self.run(CLIP, "synapse")

    def update(self, code: str) -> None:
        """Run a block that moves weights, and clip."""
        if code:
            self.run(self.wiring.update.wrap(code), "synapse")
            self.run(CLIP, "synapse")

    def reset(self, policy: str) -> None:
        """Zero the variables that have this reset policy."""
        for name, place in self.own.items():
            if self.rule.resets.get(name, "episode") == policy:
                self.values[place][name][:] = 0.0

    def run(self, code: str, place: str, selection: np.ndarray | None = None) -> None:
        """Execute a block for the selected elements (None: all), statement by statement."""
        if selection is not None and not selection.size:
            return
        chosen = slice(None) if selection is None else selection
        read = self._reader(place, chosen)
        for statement in parse_statements(code):
            array = self.values[place][statement.target]
            value, old = evaluate(statement.expression, read), array[chosen]
            if statement.operator == "+=":
                value = old + value
            elif statement.operator == "-=":
                value = old - value
            elif statement.operator == "*=":
                value = old * value
            elif statement.operator == "/=":
                value = old / value
            array[chosen] = value

    def _reader(self, place: str, selection: np.ndarray | slice) -> Callable[[str], Any]:
        index: dict[str, np.ndarray | slice] = {place: selection}
        if place == "synapse":
            index |= {side: self.index[side][selection] for side in ("pre", "post")}

        def read(name: str) -> Any:
            if name in self.constants:
                return self.constants[name]
            for where, chosen in index.items():
                if name in self.values[where]:
                    return self.values[where][name][chosen]
                if name in self.derived[where]:
                    return evaluate(self.derived[where][name], self._reader(where, chosen))
            raise KeyError(f"{type(self.rule).__name__}: nothing here is called {name!r}.")

        return read

    def integrate(self, place: str) -> None:
        """Advance the linear differential equations of a place by one timestep, exactly."""
        odes = self.odes[place]
        if not odes:
            return
        has_inputs = bool(self._inputs(place))
        if place not in self.propagators or has_inputs:
            self.propagators[place] = self._propagator(place)
        decay, drive = self.propagators[place]
        state = np.array([self.values[place][name] for name in odes])
        state = np.einsum("jkn,kn->jn", decay, state) + drive
        for row, name in enumerate(odes):
            self.values[place][name][:] = state[row]

    def _inputs(self, place: str) -> set[str]:
        """Return what the derivatives read beyond parameters and integrated variables."""
        names: set[str] = set()
        for expression in (*self.odes[place].values(), *self.derived[place].values()):
            names |= names_in(expression)
        names -= set(self.odes[place]) | set(self.derived[place]) | set(self.constants)
        elsewhere = names - set(self.values[place]) - {"third_factor"}
        foreign = elsewhere | (names & set(self.rule.requires))
        if foreign:
            raise ValueError(
                f"{type(self.rule).__name__}.{_EQUATION_BLOCKS[place]}: {sorted(foreign)[0]!r} "
                f"lives elsewhere and changes within the timestep; use each_step for such a drive."
            )
        return names

    def _propagator(self, place: str) -> tuple[np.ndarray, np.ndarray]:
        odes, size = self.odes[place], self.size[place]
        reader = self._reader(place, slice(None))

        def slope(state: np.ndarray) -> np.ndarray:
            kept = {name: self.values[place][name] for name in odes}
            self.values[place].update(zip(odes, state, strict=True))
            rows = [np.broadcast_to(evaluate(odes[name], reader), size) for name in odes]
            self.values[place].update(kept)
            return np.array(rows, float)

        where = f"{type(self.rule).__name__}.{_EQUATION_BLOCKS[place]}"
        return propagator(slope, len(odes), size, self.dt, where)


def _period_steps(rule: Rule, dt_ms: float) -> int:
    """Return the weight clock in timesteps, 0 if the host consolidates."""
    if not dt_ms > 0:
        raise ValueError(f"interpret: dt_ms must be > 0 ms, got {dt_ms}.")
    period = rule.consolidation_period_ms
    if period is None:
        return 0
    return whole_steps(f"{type(rule).__name__}.{rule.weight_clock}", period, dt_ms, least=1)


def _check_inputs(
    rule: Rule, activity: Activity, index: dict[str, np.ndarray], size: dict[str, int]
) -> None:
    owner = f"interpret({type(rule).__name__})"
    steps = len(activity.pre_spikes)
    missing = {*rule.requires, *rule.noise} - set(activity.variables)
    if missing:
        raise ValueError(f"{owner}: activity.variables lacks {sorted(missing)}.")
    shapes = {"pre_spikes": (activity.pre_spikes, size["pre"])}
    shapes["post_spikes"] = (activity.post_spikes, size["post"])
    for name, rows in activity.variables.items():
        is_synaptic = name == "sensitivity" or name in rule.noise
        shapes[name] = (rows, size["synapse" if is_synaptic else "post"])
    for name, (rows, width) in shapes.items():
        if np.shape(rows) != (steps, width):
            raise ValueError(f"{owner}: {name} must be {(steps, width)}, got {np.shape(rows)}.")
    if len(index["pre"]) != len(index["post"]):
        raise ValueError(f"{owner}: wiring.pre and wiring.post must be equally long.")
    for side in ("pre", "post"):
        if index[side].size and not 0 <= index[side].min() <= index[side].max() < size[side]:
            raise ValueError(f"{owner}: wiring.{side} must index 0 to {size[side] - 1}.")


def _decision_numbers(schedule: Schedule, steps: int, n_post: int) -> dict[int, int]:
    """Return {timesteps done: decision number}; raise ValueError for a schedule that cannot run."""
    ends = np.asarray(schedule.decision_ends, int)
    if ends.size and (ends[0] < 1 or ends[-1] > steps or np.any(np.diff(ends) < 1)):
        raise ValueError(
            f"interpret: decision_ends must increase from 1 to at most {steps}, got {ends}."
        )
    shape = np.shape(schedule.third_factors)
    if shape not in ((ends.size,), (ends.size, n_post)):
        raise ValueError(
            f"interpret: third_factors must be {(ends.size,)} or {(ends.size, n_post)}, "
            f"got {shape}."
        )
    return {int(end): number for number, end in enumerate(ends)}
