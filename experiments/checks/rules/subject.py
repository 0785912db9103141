"""The rule under test with its circuits, one per engine, built when a check first needs them."""

from dataclasses import replace

import brian2
import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.checks.postsynaptic import choose_neuron
from threefactor.experiments.checks.report import NotApplicable
from threefactor.experiments.checks.rules.bench import (
    REFERENCE,
    SLOWEST_CLOCK_MS,
    Circuit,
    Outcome,
    Trial,
)
from threefactor.experiments.checks.rules.tuning import tuned_learning_rate, weight_scale
from threefactor.models.engine.brian_version import untested_brian
from threefactor.models.engine.build_cache import CompilerError, find_compiler
from threefactor.rules.checks import check_rule_class
from threefactor.rules.contract import Rule


class Subject:
    """A rule under test.

    Parameters
    ----------
    rule : Rule or subclass of Rule
        A class is tested at its default parameters.
    engines : tuple of str
    neuron : str or None
        Postsynaptic neuron; None: see `choose_neuron`.

    Attributes
    ----------
    kind : type
    problem : Exception or None
        Why the rule cannot be built.
    missing : dict of str to str
        Engine -> why it cannot be had here.

    Raises
    ------
    CompilerError
        If none of the engines can be had on this machine.
    """

    def __init__(
        self, rule: Rule | type[Rule], engines: tuple[str, ...], neuron: str | None = None
    ) -> None:
        self.kind: type[Rule] = rule if isinstance(rule, type) else type(rule)
        self.neuron_name, self.problem = "", None
        self.circuits: dict[str, Circuit] = {}
        self.missing: dict[str, str] = {}
        self._outcomes: dict[tuple[str, Trial], Outcome] = {}
        if find_compiler() is None:
            no_compiler = "no C++ compiler found (apt-get install g++)"
            self.missing = {e: no_compiler for e in engines if e != "runtime-numpy"}
        elif "compiled" in engines and (untested := untested_brian()) is not None:
            self.missing = {"compiled": untested}
        if set(engines) <= set(self.missing):
            reasons = "; ".join(dict.fromkeys(self.missing.values()))
            raise CompilerError(f"check needs one of {', '.join(engines)}: {reasons}.")
        self.weight_scale = self.learning_rate = 1.0
        # Brian2 warns of equations that are integrated in every timestep; rules mean it so.
        brian2.BrianLogger.suppress_name("clock_driven")
        try:
            check_rule_class(self.kind)
            self.rule = _with_quick_clock(rule() if isinstance(rule, type) else rule)
            self.neuron_name, self._neuron = choose_neuron(self.rule, neuron)
            for engine in engines:
                if engine not in self.missing:
                    self.circuits[engine] = self.circuit(engine)
        except Exception as problem:  # Brian2 raises whatever its parsers raise
            self.close()
            self.problem = problem
            return
        self.weight_scale = weight_scale(self._neuron)
        first = next(iter(self.circuits.values()))
        self.learning_rate = tuned_learning_rate(first, self.weight_scale)

    def circuit(
        self,
        engine: str,
        replicas: tuple[int, ...] = (0, 1),
        order: NDArray[np.int_] | None = None,
    ) -> Circuit:
        """Return a circuit of its own, to be closed by the caller."""
        return Circuit(self.rule, self._neuron, engine, replicas, order)

    def run(self, engine: str, trial: Trial = REFERENCE) -> Outcome:
        """Return the outcome of a trial, run once."""
        if self.problem is not None:
            raise NotApplicable("it does not build")
        key = (engine, trial)
        if key not in self._outcomes:
            self._outcomes[key] = self.run_on(self.circuits[engine], trial)
        return self._outcomes[key]

    def run_on(self, circuit: Circuit, trial: Trial = REFERENCE) -> Outcome:
        """Return the outcome of a trial on any circuit of this rule."""
        return circuit.run(trial, self.weight_scale, self.learning_rate)

    def close(self) -> None:
        """Free the engines."""
        for circuit in self.circuits.values():
            circuit.close()
        self.circuits.clear()


def root_cause(problem: BaseException) -> BaseException:
    """Return the first exception of a chain."""
    while (cause := problem.__cause__ or problem.__context__) is not None:
        problem = cause
    return problem


def one_line(problem: BaseException) -> str:
    """Return the first cause of an exception in one line, rule variables by their own names."""
    first = root_cause(problem)
    text = " ".join(str(first).split()).replace("policy_", "")
    return text if isinstance(first, (TypeError, ValueError)) else f"{type(first).__name__}: {text}"


def _with_quick_clock(rule: Rule) -> Rule:
    """Return `rule`, a weight clock slower than the trials sped up."""
    period = rule.consolidation_period_ms
    if period is None or period <= SLOWEST_CLOCK_MS:
        return rule
    return replace(rule, **{rule.weight_clock: SLOWEST_CLOCK_MS})
