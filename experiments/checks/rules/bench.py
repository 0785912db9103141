"""The test bench of a rule: a small network of two replicas, driven alike on every engine."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.models.addresses import on_neuron, parameter_arrays
from threefactor.models.interpreter import Interpreter
from threefactor.models.network import Network
from threefactor.models.neurons.contract import NeuronModel, PoissonInput
from threefactor.models.specification import NetworkSpec, Population, Projection, all_to_all
from threefactor.rules.contract import (
    AGREEMENT,
    Rule,
    parameter_values,
    scaled,
    split_unit,
)
from threefactor.rules.language import parse_equations

Floats = NDArray[np.float64]

N_PRE, N_POST, WINDOWS, STEPS = 6, 4, 6, 15
#: Timesteps after the last decision, so that variables which a decision resets are seen non-zero.
TAIL = 6
#: Weight clocks slower than this are sped up: a trial lasts 96 ms.
SLOWEST_CLOCK_MS = 20.0
#: Window (from 0) that ends an episode.
EPISODE_END = 3
SEEDS = (11, 12)
#: Learning rate that a rule whose own is zero is tried at, before it is tuned.
FALLBACK_RATE = 0.01
#: Parameters that silence a spontaneous neuron.
SILENCE = {"rate_at_threshold": 0.0, "bias": -1e3, "noise": 0.0, "noise_current": 0.0}


@dataclass(frozen=True)
class Trial:
    """How a circuit is driven.

    Parameters
    ----------
    third_factor : float or None
        Delivered after every window; None: random, one per window, replica and neuron.
    learning_rate : float
        Factor on the bench's learning rate.
    is_silent : bool
        No input, and postsynaptic neurons that cannot fire.
    is_extreme : bool
        Every input spikes in every timestep and the third factor is 1e6 times as large.
    is_clamped : bool
        Weights are put back after every timestep and block, so that spikes cannot depend on them.
    """

    third_factor: float | None = None
    learning_rate: float = 1.0
    is_silent: bool = False
    is_extreme: bool = False
    is_clamped: bool = False


REFERENCE = Trial()


@dataclass(frozen=True)
class Outcome:
    """What a trial did.

    Attributes
    ----------
    w_start, w, change, travel : (replicas, n_synapses)
        First and last weights; sum of all changes, also of those that a clamp took back, and of
        their sizes.
    extremes : (2, replicas, n_synapses)
        Smallest and largest weight met.
    variables : dict of str to (replicas, n) arrays
        The rule's variables at the end.
    pre_spikes, post_spikes : (replicas, steps, n) bool
    """

    w_start: Floats
    w: Floats
    change: Floats
    travel: Floats
    extremes: Floats
    variables: dict[str, Floats]
    pre_spikes: NDArray[np.bool_]
    post_spikes: NDArray[np.bool_]


@dataclass(frozen=True)
class Interpretation:
    """What the interpreter makes of a trial; the names are those of `Outcome`."""

    w: Floats
    variables: dict[str, Floats]
    pre_spikes: NDArray[np.bool_]
    post_spikes: NDArray[np.bool_]


@dataclass(frozen=True)
class Drive:
    """The random numbers of every trial, equal for all rules, engines and replicas' builds.

    `signals` is what the host writes to postsynaptic rule variables before a decision block.
    """

    rates: Floats
    third_factors: Floats
    signals: Floats
    weights: Floats
    w_min: Floats
    w_max: Floats


@functools.cache
def drive() -> Drive:
    """Return the drive; weights and bounds are in units of the weight scale."""
    generator, size = np.random.default_rng(5), N_PRE * N_POST
    shape = (WINDOWS + 1, len(SEEDS))
    return Drive(
        generator.uniform(50.0, 400.0, (*shape, N_PRE)),
        generator.normal(size=(*shape, N_POST)),
        generator.normal(size=(*shape, N_POST)),
        generator.uniform(0.5, 1.5, (len(SEEDS), size)),
        generator.uniform(0.0, 0.3, (len(SEEDS), size)),
        generator.uniform(1.7, 2.3, (len(SEEDS), size)),
    )


class Circuit:
    """One network on one engine.

    Parameters
    ----------
    rule : Rule or None
    neuron : NeuronModel
        Postsynaptic neuron.
    engine : str
    replicas : sequence of int
        Rows of the drive.
    order : (n_synapses,) int array, optional
        Permutation of the synapses; the inputs then come in reverse order as well.
    """

    def __init__(
        self,
        rule: Rule | None,
        neuron: NeuronModel,
        engine: str,
        replicas: Sequence[int] = (0, 1),
        order: NDArray[np.int_] | None = None,
    ) -> None:
        self.rule, self.neuron, self.rows = rule, neuron, list(replicas)
        pairs = all_to_all(N_PRE, N_POST)
        self.order = np.arange(N_PRE * N_POST) if order is None else order
        self.inputs = np.arange(N_PRE) if order is None else np.arange(N_PRE)[::-1]
        self.pre = self.inputs[pairs["pre"][self.order]]
        self.post = pairs["post"][self.order]
        self.modules = np.arange(N_POST) % 2
        seeds = [SEEDS[row] for row in self.rows]
        self._spec = self._specification(rule)
        self.network = Network(self._spec, seeds, seeds, engine)
        self._view = self.network.replicated
        for name, shuffle in [("input.spike_stream", self.inputs)] + [
            (f"policy.{purpose}_stream", self.order) for purpose in (rule.noise if rule else ())
        ]:
            streams = self._view(name)
            streams[...] = streams[:, shuffle].copy()
        self._start = self.network.engine.snapshot()
        self.variables = self._variables()
        written = set(rule.host_writes.values()) if rule is not None else set()
        self._signals = written - {AGREEMENT}  # that, the network writes

    def _specification(self, rule: Rule | None) -> NetworkSpec:
        return NetworkSpec(
            (
                Population("input", N_PRE, PoissonInput()),
                Population("actor", N_POST, self.neuron, modules=self.modules),
            ),
            (
                Projection(
                    "policy", "input", "actor", self.pre, self.post, np.ones(N_PRE * N_POST),
                    0.0, 1.0, port=next(iter(self.neuron.ports)), rule=rule,
                ),
            ),
            timestep_ms=_timestep_ms(self.rule),
        )  # fmt: skip

    def _variables(self) -> dict[str, str]:
        """Return rule variable -> array name, stored variables only."""
        if self.rule is None:
            return {}
        (projection,), rule, places = self._spec.projections, self.rule, {}
        for population, block in (
            (projection.source, rule.pre_equations), (projection.target, rule.post_equations)
        ):  # fmt: skip
            for name in parse_equations(block).units:
                places[name] = on_neuron(projection, population, name)
        places |= {name: f"policy.{name}" for name in parse_equations(rule.equations).units}
        known = set(self.network.engine.arrays())
        return {name: place for name, place in places.items() if place in known}

    def run(self, trial: Trial, weight_scale: float, learning_rate: float) -> Outcome:
        """Return what `trial` does from the network's first timestep on."""
        with np.errstate(all="ignore"):  # a check of its own looks for what is not finite
            return self._run(trial, weight_scale, learning_rate)

    def _run(self, trial: Trial, weight_scale: float, learning_rate: float) -> Outcome:
        engine = self.network.engine
        engine.restore(self._start)
        self._prepare(trial, weight_scale, learning_rate * trial.learning_rate)
        engine.record(["input", "actor"], [], 1)
        watch = _Watch(self._view("policy.w"), trial.is_clamped)

        def advance(window: int, steps: int) -> None:
            self._advance(trial, window, steps, watch)

        self._play(self.network, trial, advance, watch.look)
        variables = {name: self._view(place).copy() for name, place in self.variables.items()}
        drained = engine.drain()
        engine.record([], [], 1)
        return Outcome(
            watch.start, watch.w.copy(), watch.change, watch.travel,
            np.array([watch.low, watch.high]), variables,
            self._spikes(drained, "input", N_PRE), self._spikes(drained, "actor", N_POST),
        )  # fmt: skip

    def _play(
        self,
        network: Network | Interpreter,
        trial: Trial,
        advance: Callable[[int, int], Any],
        look: Callable[[], None] = lambda: None,
    ) -> None:
        """Run the windows of a trial: `advance` takes a window's number and its timesteps."""
        for window in range(WINDOWS):
            advance(window, STEPS)
            for signal in self._signals:
                network.write(signal, drive().signals[window, self.rows])
            network.close_decision(np.full(len(self.rows), window % 2))
            look()
            if self.rule is not None:
                network.consolidate(self.third_factors(trial)[window])
            look()
            if window == EPISODE_END:
                network.start_episode(np.ones(len(self.rows), bool))
                look()
        advance(WINDOWS, TAIL)

    def _prepare(self, trial: Trial, weight_scale: float, learning_rate: float) -> None:
        given = drive()
        for name, values in (("w", given.weights), ("w_min", given.w_min), ("w_max", given.w_max)):
            self._view(f"policy.{name}")[...] = weight_scale * values[self.rows][:, self.order]
        if trial.is_extreme:
            learning_rate *= 1e3
        if self.rule is not None:
            self._set_rates(self.rule, learning_rate)
        known = set(self.network.engine.arrays())
        for parameter, value in SILENCE.items() if trial.is_silent else ():
            if self.neuron.spontaneous and f"actor.{parameter}" in known:
                self.network.engine.array(f"actor.{parameter}")[...] = value

    def _set_rates(self, rule: Rule, learning_rate: float) -> None:
        """Write this learning rate, and the rule's other rates in proportion."""
        (projection,), known = self._spec.projections, set(self.network.engine.arrays())
        ratio, values = (
            learning_rate / (rule.learning_rate or FALLBACK_RATE),
            parameter_values(rule),
        )
        for field in rule.rates:
            name = split_unit(field)[0]
            value = learning_rate if name == "learning_rate" else ratio * values[name][0]
            for array in known.intersection(parameter_arrays(projection, name)):
                self.network.engine.array(array)[...] = value

    def _advance(self, trial: Trial, window: int, steps: int, watch: "_Watch") -> None:
        rates = drive().rates[window, self.rows][:, self.inputs]
        if trial.is_silent:
            rates = np.zeros_like(rates)
        elif trial.is_extreme:
            rates = np.full_like(rates, 1e6)
        is_stepwise = trial.is_clamped or trial.is_extreme
        self.network.advance(rates, 1 if is_stepwise else steps)
        watch.look()
        for _ in range(steps - 1 if is_stepwise else 0):
            self.network.engine.advance(1)
            watch.look()

    def third_factors(self, trial: Trial) -> Floats:
        """Return the third factors of a trial, (windows, replicas, neurons)."""
        if trial.third_factor is not None:
            return np.full((WINDOWS, len(self.rows), N_POST), trial.third_factor)
        scale = 1e6 if trial.is_extreme else 1.0
        return scale * drive().third_factors[:WINDOWS, self.rows]

    def _spikes(self, drained: dict[str, Any], population: str, size: int) -> NDArray[np.bool_]:
        spikes = np.zeros((WINDOWS * STEPS + TAIL, len(self.rows) * size), bool)
        spikes[drained[f"{population}.step"], drained[f"{population}.neuron"]] = True
        return np.moveaxis(spikes.reshape(len(spikes), len(self.rows), size), 1, 0)

    def bounds(self) -> tuple[Floats, Floats]:
        """Return the bounds of the last trial, each (replicas, n_synapses)."""
        return self._view("policy.w_min").copy(), self._view("policy.w_max").copy()

    def interpret(self, trial: Trial, weight_scale: float, learning_rate: float) -> Interpretation:
        """Return what the interpreter makes of a trial with this circuit's network."""
        assert self.rule is not None
        seeds, given = [SEEDS[row] for row in self.rows], drive()
        spec = self._specification(at_learning_rate(self.rule, learning_rate))
        machine = Interpreter(spec, seeds, seeds)
        for name, values in (("w", given.weights), ("w_min", given.w_min), ("w_max", given.w_max)):
            machine.array(f"policy.{name}")[...] = weight_scale * values[self.rows]
        machine.record(["input", "actor"])
        with np.errstate(all="ignore"):
            self._play(
                machine,
                trial,
                lambda window, steps: machine.advance(given.rates[window, self.rows], steps),
            )
        spikes = machine.recorded()
        return Interpretation(
            machine.weights()["policy"],
            {name: machine.array(place) for name, place in self.variables.items()},
            np.moveaxis(spikes["input"], 1, 0),
            np.moveaxis(spikes["actor"], 1, 0),
        )

    def close(self) -> None:
        """Free the engine."""
        self.network.close()


def at_learning_rate(rule: Rule, learning_rate: float) -> Rule:
    """Return `rule` with this learning rate, and its other rates in proportion."""
    ratio = learning_rate / (rule.learning_rate or FALLBACK_RATE)
    return replace(scaled(rule, ratio), learning_rate=learning_rate)


class _Watch:
    """Follows the weights of a run, and puts them back if they are clamped."""

    def __init__(self, w: Floats, is_clamped: bool) -> None:
        self.w, self.start, self._is_clamped = w, w.copy(), is_clamped
        self._last = w.copy()
        self.low, self.high = w.copy(), w.copy()
        self.change, self.travel = np.zeros_like(w), np.zeros_like(w)

    def look(self) -> None:
        """Take the weights in."""
        self.change += self.w - self._last
        self.travel += np.abs(self.w - self._last)
        self.low, self.high = np.minimum(self.low, self.w), np.maximum(self.high, self.w)
        if self._is_clamped:
            self.w[...] = self.start
        self._last = self.w.copy()


def _timestep_ms(rule: Rule | None) -> float:
    """Return 1 ms, or the rule's weight clock if that is no multiple of it."""
    period = rule.consolidation_period_ms if rule is not None else None
    return 1.0 if period is None or period % 1.0 == 0 else period
