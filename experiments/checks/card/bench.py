"""The bench of a rule card: many synapses side by side, one of each neuron, and given spikes."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.checks.card.stimulation import Stimulated
from threefactor.experiments.checks.postsynaptic import choose_neuron
from threefactor.rules.contract import Rule, parameter_values, scaled
from threefactor.rules.interpreter import Activity, Interpretation, Schedule, Wiring, interpret
from threefactor.rules.language import parse_equations, parse_statements

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

W_MIN, W_MAX, W_START = 0.0, 5.0, 2.5
#: Decision windows of every protocol, ms, unless a protocol says otherwise.
WINDOW_MS = 20.0
#: The pairing of the kernel, delay and weight panels: postsynaptic minus presynaptic spike, ms.
PAIRING_MS = 10.0
LONGEST_LAG_MS = 100.0
#: Weight change, in units of the bounds' distance, that one pairing is scaled to: weights stay put.
GENTLE = 1e-6
#: Longest wait for what acts late, ms.
LONGEST_TAIL_MS = 3000.0
#: Share of the way to threshold at which a deterministic neuron is held when spikes are given.
HOLD = 0.75
_BLOCKS = (
    "pre_each_step", "pre_on_spike", "post_each_step", "post_on_spike", "post_on_delivery",
    "each_step", "on_pre", "on_post", "at_decision", "consolidate", "at_episode",
)  # fmt: skip
_SYNAPTIC_BLOCKS = ("each_step", "on_pre", "on_post", "at_decision", "consolidate")


@dataclass(frozen=True)
class Response:
    """Weight changes at the declared learning rate, (columns,), and recorded variables."""

    dw: Floats
    history: dict[str, Floats]


class Bench:
    """One rule and what every panel needs to know about it.

    Column k of a protocol is a synapse from presynaptic neuron k to postsynaptic neuron k. Weights
    are measured at a learning rate so small that they stay where they start, and scaled back.

    Parameters
    ----------
    rule : Rule
    neuron : str, optional
        Postsynaptic neuron; default: `choose_neuron`.

    Raises
    ------
    ValueError
        If no spiking neuron exposes what the rule requires.
    """

    def __init__(self, rule: Rule, neuron: str | None = None) -> None:
        self.rule = rule
        period = rule.consolidation_period_ms
        self.dt_ms = 1.0 if period is None or period % 1.0 == 0 else period
        self.neuron_name, self.neuron = choose_neuron(rule, neuron)
        self.window = self.steps(WINDOW_MS)
        self.reads_third_factor = any(
            "third_factor" in parse_statements(getattr(rule, block)).names for block in _BLOCKS
        )
        self.synaptic_variables = tuple(
            line.variable for line in parse_equations(rule.equations) if line.is_stored
        )
        warm_up = 200.0 if rule.requires else 0.0
        #: Timestep of the later spike of a pairing.
        self.start = self.steps(warm_up + LONGEST_LAG_MS + WINDOW_MS)

    def steps(self, duration_ms: float) -> int:
        """Return a duration in timesteps, at least one."""
        return max(1, round(duration_ms / self.dt_ms))

    @functools.cached_property
    def declared_tau(self) -> tuple[float, str]:
        """Time constant that credit should decay with, ms, and the field that declares it.

        ``tau_eligibility_ms`` if there is one, else the longest among the ``tau_*`` fields in the
        synapse's blocks and a decay per decision window; (NaN, "") if there is none.
        """
        names = {field.name for field in fields(self.rule)}
        if "tau_eligibility_ms" in names:
            return float(self.rule.tau_eligibility_ms), "tau_eligibility_ms"  # type: ignore[attr-defined]
        used = parse_equations(self.rule.equations).reads.union(
            *(parse_statements(getattr(self.rule, block)).names for block in _SYNAPTIC_BLOCKS)
        )
        found = [(np.nan, "")]
        for field in fields(self.rule):
            value, name = getattr(self.rule, field.name), field.name
            if name.startswith("tau_") and name.removesuffix("_ms") in used:
                found.append((float(value), name))
            elif name.endswith("_decay") and name in used and 0 < value < 1:
                found.append((-WINDOW_MS / float(np.log(value)), f"{name} per {WINDOW_MS:g} ms"))
        return max(found, key=lambda pair: np.nan_to_num(pair[0]))

    @functools.cached_property
    def longest_tau_ms(self) -> float:
        """Longest of all time constants, at least a decision window."""
        taus = [v for n, (v, _) in parameter_values(self.rule).items() if n.startswith("tau_")]
        declared = np.nan_to_num(self.declared_tau[0])
        return float(min(max([declared, WINDOW_MS, *(1e3 * tau for tau in taus)]), 3000.0))

    @property
    def tail(self) -> int:
        """Timesteps after the last third factor until a rule with its own clock has settled."""
        if not self.rule.weight_clock:
            return 0
        period = self.rule.consolidation_period_ms or 0.0
        return self.steps(min(5 * self.longest_tau_ms, LONGEST_TAIL_MS) + period)

    @functools.cached_property
    def _scale(self) -> float:
        """Factor on the learning rate at which a pairing hardly moves the weight."""
        steps = self.start + self.steps(500.0)
        pre, post = self.pairings([PAIRING_MS, -PAIRING_MS], steps)
        ends = np.arange(self.start + 1, steps, self.window)
        response = self._run(scaled(self.rule, 1e-6), pre, post, ends,
                             np.ones(len(ends)), None, ())  # fmt: skip
        largest = float(np.abs(response.w - W_START).max())
        if not (np.isfinite(largest) and largest > 0):
            return 1e-6
        return float(np.clip(1e-6 * GENTLE * (W_MAX - W_MIN) / largest, 1e-15, 1.0))

    def pairings(self, lags_ms: Sequence[float] | Floats, steps: int) -> tuple[Bools, Bools]:
        """Return spike trains of one pairing per lag, then a silent column.

        A lag is postsynaptic minus presynaptic spike time; the later spike is at `start`.
        """
        pre, post = np.zeros((2, steps, len(lags_ms) + 1), bool)
        for column, lag_ms in enumerate(lags_ms):
            lag = round(lag_ms / self.dt_ms)
            pre[self.start - max(lag, 0), column] = True
            post[self.start + min(lag, 0), column] = True
        return pre, post

    def respond(
        self,
        pre: Bools,
        post: Bools,
        ends: NDArray[Any] | Sequence[int],
        third_factors: Floats,
        w: Floats | None = None,
        record: tuple[str, ...] = (),
    ) -> Response:
        """Return what given spikes and third factors, (n_decisions,) or (n_decisions, columns), do.

        The last decision ends an episode if the rule updates weights there.
        """
        gentle = scaled(self.rule, self._scale)
        result = self._run(gentle, pre, post, np.asarray(ends, int), third_factors, w, record)
        start = W_START if w is None else w
        return Response((result.w - start) / self._scale, result.history)

    def respond_as_declared(
        self, pre: Bools, post: Bools, ends: NDArray[Any], third_factors: Floats, w: Floats
    ) -> Floats:
        """Return the final weights, (columns,), at the declared learning rate."""
        return self._run(self.rule, pre, post, ends, third_factors, w, ()).w

    def _run(
        self,
        rule: Rule,
        pre: Bools,
        post: Bools,
        ends: NDArray[Any],
        third_factors: Floats,
        w: Floats | None,
        record: tuple[str, ...],
    ) -> Interpretation:
        columns = np.arange(pre.shape[1])
        weights = np.full(columns.size, W_START) if w is None else w
        variables: dict[str, NDArray[Any]] = {}
        if rule.requires:
            neurons = Stimulated(
                self.neuron, columns, columns, weights, self.dt_ms, watch=rule.requires,
                tonic=self._tonic,
            )  # fmt: skip
            _, variables = neurons.run(pre, post)
        # Every release succeeds and every draw of a synapse is 0 while spikes are given.
        variables = variables | {name: np.zeros(pre.shape) for name in rule.noise}
        return interpret(
            rule,
            Activity(pre, post, variables),
            Wiring(columns, columns, weights, W_MIN, W_MAX),
            self.schedule(ends, third_factors, columns.size),
            self.dt_ms,
            record,
        )

    def schedule(self, ends: NDArray[Any], third_factors: Floats, n_post: int) -> Schedule:
        """Return a schedule in which the host writes 1 wherever the rule leaves a value to it."""
        writes = {name: np.ones((len(ends), n_post)) for name in self.rule.host_writes}
        last = (len(ends) - 1,) if self.rule.at_episode else ()
        return Schedule(ends, third_factors, episode_ends=last, writes=writes)

    @functools.cached_property
    def _tonic(self) -> float:
        """Constant input that holds a deterministic neuron near its threshold."""
        constants = {name: value for name, (value, _) in parameter_values(self.neuron).items()}
        if "spike" in self.neuron.noise or not {"v_threshold", "v_rest"} <= set(constants):
            return 0.0
        nobody = np.zeros((self.steps(300.0), 1), bool)
        index, weight = np.zeros(1, int), np.zeros(1)
        reached = []
        for tonic in (0.0, 1e-3):
            neurons = Stimulated(
                self.neuron, index, index, weight, self.dt_ms, watch=["v"], tonic=tonic
            )
            reached.append(neurons.run(nobody, nobody)[1]["v"][-1, 0])
        gain = (reached[1] - reached[0]) / 1e-3
        return HOLD * (constants["v_threshold"] - reached[0]) / gain if gain > 0 else 0.0

    @functools.cached_property
    def does_pair(self) -> bool:
        """Whether a pairing changes the weight or the rule's synaptic variables."""
        steps = self.start + self.steps(100.0)
        pre, post = self.pairings([PAIRING_MS, -PAIRING_MS], steps)
        ends = np.arange(self.start + 1, steps + 1, self.window)
        dw = self.respond(pre, post, ends, np.ones(len(ends))).dw
        return bool(np.any(dw[:2] != dw[2]))

    @property
    def no_pairs(self) -> str:
        """Why pair protocols say nothing about this rule."""
        names = ", ".join(self.rule.requires) or "input"
        return f"a pair of given spikes changes nothing; the rule reads its neuron's {names}"
