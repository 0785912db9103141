"""A rule given spikes: from what neurons did to weights and variables, in plain NumPy.

One timestep: integrate the equations exactly, take the spikes, run the event blocks in the order
that the rule declares, then the rule's weight clock if it is due. Decision blocks run between
timesteps.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from threefactor.rules.checks import check_rule_class
from threefactor.rules.contract import Rule
from threefactor.rules.delays import check_delay
from threefactor.rules.interpreter.arrays import NUMPY
from threefactor.rules.interpreter.places import Place
from threefactor.rules.interpreter.plasticity import Plasticity, Wiring
from threefactor.rules.timesteps import whole_steps


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
    steps = len(activity.pre_spikes)
    run = _Run(rule, activity, wiring, dt_ms)
    decisions = _decision_numbers(schedule, steps, run.neuron.shape[1])
    unknown = set(record) - set(run.own) - {"w", "third_factor"}
    if unknown:
        raise ValueError(f"interpret: record names unknown variables {sorted(unknown)}.")
    history: dict[str, list[np.ndarray]] = {name: [] for name in record}
    for step in range(steps):
        run.step(step)
        if step + 1 in decisions:
            run.close_decision(decisions[step + 1], schedule)
        for name in record:
            history[name].append(run.value(name).copy())
    return Interpretation(
        run.value("w"),
        {name: run.value(name) for name in run.own},
        {name: np.array(rows) for name, rows in history.items()},
    )


class _Run:
    """One interpretation: a rule, and neurons that do as they are told."""

    def __init__(self, rule: Rule, activity: Activity, wiring: Wiring, dt_ms: float) -> None:
        check_rule_class(type(rule))
        _check_times(rule, wiring, dt_ms)
        self.rule, self.activity = rule, activity
        n_post = np.shape(activity.post_spikes)[1]
        _check_inputs(rule, activity, wiring)
        self.clock: dict[str, Any] = {"dt": dt_ms * 1e-3, "t": 0.0}
        self.neuron = Place(f"interpret({type(rule).__name__})", (1, n_post), NUMPY)
        self.neuron.add("third_factor")
        sizes = np.shape(activity.pre_spikes)[1], n_post
        self.plasticity = Plasticity(rule, wiring, sizes, self.neuron, self.clock)
        places = [self.plasticity.places[name] for name in ("pre", "post", "synapse")]
        #: Variable of the rule -> where it lives.
        self.own = {name: place for place in places for name in place.resets}
        self._homes = self.own | {"w": places[2], "third_factor": self.neuron}

    def value(self, name: str) -> np.ndarray:
        """Return a variable, (elements,)."""
        return self._homes[name].values[name][0]

    def step(self, step: int) -> None:
        """Run one timestep."""
        rule = self.plasticity
        rule.integrate()
        for name, rows in self.activity.variables.items():
            is_synaptic = name == "sensitivity" or name in self.rule.noise
            place = rule.places["synapse"] if is_synaptic else self.neuron
            place.values[name] = np.asarray(rows[step], float)[None]
        rule.hear(
            *(
                np.asarray(spikes[step], bool)[None]
                for spikes in (self.activity.pre_spikes, self.activity.post_spikes)
            )
        )
        rule.run_events()
        self.clock["t"] = (step + 1) * self.clock["dt"]
        if rule.period and (step + 1) % rule.period == 0:
            rule.update("consolidate")

    def close_decision(self, number: int, schedule: Schedule) -> None:
        """Close a decision window and deliver the third factors that are due."""
        rule, everywhere = self.plasticity, np.ones(1, bool)
        if rule.moves_within_windows:
            rule.normalise()
        if schedule.is_late and number > 0 and number - 1 not in schedule.episode_ends:
            self.deliver(schedule.third_factors[number - 1])
        for name, rows in schedule.writes.items():
            rule.places["post"].put(name, rows[number])
        rule.run("at_decision")
        rule.reset(("decision",), everywhere)
        ends = number in schedule.episode_ends
        if not schedule.is_late or ends or number == len(schedule.decision_ends) - 1:
            self.deliver(schedule.third_factors[number])
        if ends:
            rule.update("at_episode")
            rule.normalise()
            rule.reset(("episode", "decision"), everywhere)
            self.neuron.put("third_factor", 0.0)

    def deliver(self, third_factor: Any) -> None:
        """Give the third factor to the postsynaptic neurons; consolidate unless a clock does."""
        rule = self.plasticity
        self.neuron.put("third_factor", third_factor)
        rule.run("post_on_delivery")
        if not rule.period:
            rule.update("consolidate")
        rule.normalise()


def _check_times(rule: Rule, wiring: Wiring, dt_ms: float) -> None:
    if not dt_ms > 0:
        raise ValueError(f"interpret: dt_ms must be > 0 ms, got {dt_ms}.")
    period, owner = rule.consolidation_period_ms, type(rule).__name__
    if period is not None:
        whole_steps(f"{owner}.{rule.weight_clock}", period, dt_ms, least=1)
    check_delay(f"interpret({owner})", rule, wiring.delay_ms, wiring.delay, dt_ms)


def _check_inputs(rule: Rule, activity: Activity, wiring: Wiring) -> None:
    owner = f"interpret({type(rule).__name__})"
    index = {"pre": np.asarray(wiring.pre), "post": np.asarray(wiring.post)}
    size = {side: np.shape(getattr(activity, f"{side}_spikes"))[1] for side in index}
    steps = len(activity.pre_spikes)
    missing = {*rule.requires, *rule.noise} - set(activity.variables)
    if missing:
        raise ValueError(f"{owner}: activity.variables lacks {sorted(missing)}.")
    shapes = {"pre_spikes": (activity.pre_spikes, size["pre"])}
    shapes["post_spikes"] = (activity.post_spikes, size["post"])
    for name, rows in activity.variables.items():
        is_synaptic = name == "sensitivity" or name in rule.noise
        shapes[name] = (rows, len(index["pre"]) if is_synaptic else size["post"])
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
