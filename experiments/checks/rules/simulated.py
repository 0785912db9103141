"""Promises about what the rule does in a network, tried out on every engine.

Each function returns a measured fact, or raises `Broken` or `NotApplicable`; its docstring says
what is promised.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.checks.report import Broken, NotApplicable
from threefactor.experiments.checks.rules.bench import (
    N_POST,
    N_PRE,
    REFERENCE,
    Circuit,
    Interpretation,
    Outcome,
    Trial,
)
from threefactor.experiments.checks.rules.subject import Subject, one_line

#: Largest relative deviation between engines, and between engine and interpreter.
TOLERANCE = 1e-9
#: Largest relative deviation where only the order of additions may differ.
ROUNDING = 1e-12


def no_spikes(subject: Subject) -> str:
    """Without spikes weights stay, or the rule declares `drifts = True`."""
    trial, drifts = Trial(third_factor=1.0, is_silent=True), subject.kind.drifts
    for engine, outcome in _outcomes(subject, trial):
        if outcome.pre_spikes.any() or outcome.post_spikes.any():
            raise NotApplicable(f"{subject.neuron_name} fires without input")
        moved = float(np.abs(outcome.change).max())
        if moved and not drifts:
            raise Broken(
                f"{engine}: expected unchanged weights without spikes, got a change of {moved:.2g};"
                f" declare drifts = True if this is meant (decay, homeostasis)."
            )
        if drifts and not moved:
            raise Broken(
                f"{engine}: expected weights that move without spikes (drifts = True), "
                f"got no change; leave drifts out."
            )
    return "drifts, as declared" if drifts else ""


def zero_third_factor(subject: Subject) -> str:
    """Weights need a third factor, or the rule declares `modulated = False`."""
    modulated = subject.kind.modulated
    for engine, outcome in _outcomes(subject, Trial(third_factor=0.0)):
        moved = not np.array_equal(outcome.w, outcome.w_start) or bool(np.any(outcome.change))
        if moved and modulated:
            raise Broken(
                f"{engine}: expected bitwise unchanged weights with third factor 0, got a change "
                f"of {np.abs(outcome.change).max():.2g}; multiply the update by third_factor or "
                f"declare modulated = False."
            )
        if not moved and not modulated:
            raise Broken(
                f"{engine}: expected weights that move with third factor 0 (modulated = False), "
                f"got no change; leave modulated out."
            )
    for engine, outcome in _outcomes(subject, Trial(third_factor=1.0)):
        if not np.any(outcome.change):
            raise Broken(
                f"{engine}: expected weights that move with third factor 1, got no change at all; "
                f"is the eligibility ever written, and read by consolidate?"
            )
    return "" if modulated else "moves without it, as declared"


def linearity(subject: Subject) -> str:
    """Twice the third factor gives twice the change, or the rule declares `linear = False`."""
    if not subject.kind.linear:
        raise NotApplicable("declares linear = False")
    worst = 0.0
    for engine, one in _outcomes(subject, Trial(1.0, is_clamped=True)):
        slack = 1e-15 * np.abs(one.w_start).max() * 500  # a change of w is rounded as w is
        scale = float(np.abs(one.change).max())
        if scale == 0:
            raise NotApplicable("no change at all, see zero-third-factor")
        for factor in (2.0, -1.0):
            other = subject.run(engine, Trial(factor, is_clamped=True)).change
            deviation = float(np.abs(other - factor * one.change).max())
            if deviation > TOLERANCE * scale + slack:
                raise Broken(
                    f"{engine}: expected {factor:g} times the change with {factor:g} times the "
                    f"third factor, got a deviation of {deviation / scale:.2g}; multiply the "
                    f"update by third_factor once, or declare linear = False (weight dependence, "
                    f"decay, tonic terms)."
                )
            worst = max(worst, deviation / scale)
    return _measured(worst)


def zero_learning_rate(subject: Subject) -> str:
    """With all rates 0 weights are bitwise unchanged: the frozen twin is frozen."""
    rates = subject.kind.rates
    for engine, outcome in _outcomes(subject, Trial(learning_rate=0.0)):
        if not np.array_equal(outcome.w, outcome.w_start) or np.any(outcome.change):
            raise Broken(
                f"{engine}: expected bitwise unchanged weights with {' and '.join(rates)} 0, got "
                f"a change of {np.abs(outcome.change).max():.2g}; multiply every change of w by "
                f"one of them, or declare in `rates` what does, or frozen controls will learn."
            )
    return ""


def bounds(subject: Subject) -> str:
    """Under extreme input weights stay within w_min and w_max in every timestep."""
    for engine, outcome in _outcomes(subject, Trial(is_extreme=True)):
        low, high = subject.circuits[engine].bounds()
        excess = np.fmax(low - outcome.extremes[0], outcome.extremes[1] - high).max()
        if excess > 0:
            raise Broken(
                f"{engine}: expected w between w_min and w_max, got {excess:.2g} beyond; write "
                f"w = clip(..., w_min, w_max) wherever spikes change w (consolidate clips itself)."
            )
    return ""


def finite(subject: Subject) -> str:
    """Under extreme input weights and variables stay finite."""
    for trial in (REFERENCE, Trial(is_extreme=True)):
        for engine, outcome in _outcomes(subject, trial):
            for name, values in {"w": outcome.w, **outcome.variables}.items():
                if not np.all(np.isfinite(values)):
                    raise Broken(
                        f"{engine}: expected finite values, got {name} = "
                        f"{values[~np.isfinite(values)][0]}; bound what exp, log or / may see."
                    )
    return ""


def deterministic(subject: Subject) -> str:
    """Two builds with the same seeds give the same weights, bit for bit."""
    for engine, outcome in _outcomes(subject):
        again = _run_once(subject, subject.circuit(engine))
        for name, values in {"w": outcome.w, **outcome.variables}.items():
            if not np.array_equal(values, {"w": again.w, **again.variables}[name]):
                raise Broken(
                    f"{engine}: expected the same {name} in two builds with the same seeds, got a "
                    f"difference; are the rule's strings constants?"
                )
    return ""


def synapse_order(subject: Subject) -> str:
    """Weights do not depend on the order of synapses and inputs, on the last engine: C++ if any."""
    order = np.random.default_rng(6).permutation(N_PRE * N_POST)
    *_, (engine, outcome) = _outcomes(subject)
    other = _run_once(subject, subject.circuit(engine, order=order))
    deviation = _deviation(other.w, outcome.w[:, order])
    if deviation > ROUNDING:
        raise Broken(
            f"{engine}: expected the same weights in another order of synapses and inputs, got "
            f"a deviation of {deviation:.2g}; does on_pre or on_post read a neuron variable "
            f"that the same spikes change?"
        )
    return f"{engine}, {_measured(deviation)}"


def replicas(subject: Subject) -> str:
    """Replicas equal single runs, on the first engine (engines-agree covers the others)."""
    engine, outcome = next(_outcomes(subject))
    alone = _run_once(subject, subject.circuit(engine, replicas=(1,)))
    deviation = _deviation(alone.w[0], outcome.w[1])
    if deviation > ROUNDING or not np.array_equal(alone.post_spikes[0], outcome.post_spikes[1]):
        raise Broken(
            f"{engine}: expected the weights and spikes of a single run in replica 1, got a "
            f"deviation of {deviation:.2g}; does the rule hold state that replicas share?"
        )
    return engine


def engines_agree(subject: Subject) -> str:
    """All engines give the same spikes and weights."""
    results = dict(_outcomes(subject))
    if len(results) < 2:
        reasons = "; ".join(f"{engine}: {why}" for engine, why in subject.missing.items())
        raise NotApplicable(reasons or "only one engine chosen")
    (first, one), *others = results.items()
    worst = 0.0
    for engine, other in others:
        for side in ("pre_spikes", "post_spikes"):
            different = int(np.sum(getattr(one, side) != getattr(other, side)))
            if different:
                raise Broken(
                    f"expected the same spikes from {first} and {engine}, got {different} "
                    f"{side.partition('_')[0]}synaptic spikes that differ; look for functions "
                    f"that C++ and NumPy treat differently (int of large numbers, %, "
                    f"clip of int(...))."
                )
        deviation = _deviation(other.w, one.w)
        worst = max(worst, deviation)
        if deviation > TOLERANCE:
            raise Broken(
                f"expected the same weights from {first} and {engine} to {TOLERANCE:g}, got a "
                f"deviation of {deviation:.2g}; look for functions that C++ and NumPy round "
                f"differently (int of large numbers, %)."
            )
    return _measured(worst)


def interpreter(subject: Subject) -> str:
    """Spikes, weights and variables are those of the interpreter, which executes the strings."""
    expected, worst, coincidences = None, 0.0, 0
    for engine, outcome in _outcomes(subject):
        circuit = subject.circuits[engine]
        coincidences = _coincidences(circuit, outcome)
        if not coincidences:
            raise NotApplicable(f"{subject.neuron_name} gives no coincident spikes here")
        if expected is None:
            expected = _interpreted(subject, circuit)
        for name, values in {"w": expected.w, **expected.variables}.items():
            found = outcome.w if name == "w" else outcome.variables[name]
            deviation = _deviation(found, values)
            worst = max(worst, deviation)
            if deviation > TOLERANCE:
                raise Broken(
                    f"{engine}: expected {name} of the interpreter to {TOLERANCE:g}, got a "
                    f"deviation of {deviation:.2g}; leave (event-driven) out, and read neuron "
                    f"variables that spikes change in each_step."
                )
        for side in ("pre_spikes", "post_spikes"):
            different = int(np.sum(getattr(outcome, side) != getattr(expected, side)))
            if different:
                raise Broken(
                    f"{engine}: expected the spikes of the interpreter, got {different} "
                    f"{side.partition('_')[0]}synaptic spikes that differ; does the neuron round "
                    f"near its threshold (int of large numbers, %)?"
                )
    return f"{_measured(worst)}, {coincidences} coincident spikes"


def _interpreted(subject: Subject, circuit: Circuit) -> Interpretation:
    try:
        return circuit.interpret(REFERENCE, subject.weight_scale, subject.learning_rate)
    except ValueError as error:
        raise Broken(one_line(error)) from error


def _outcomes(subject: Subject, trial: Trial = REFERENCE) -> Iterator[tuple[str, Outcome]]:
    """Yield engine and outcome of a trial."""
    if subject.problem is not None:
        raise NotApplicable("it does not build")
    for engine in subject.circuits:
        yield engine, subject.run(engine, trial)


def _run_once(subject: Subject, circuit: Circuit) -> Outcome:
    try:
        return subject.run_on(circuit)
    finally:
        circuit.close()


def _deviation(found: NDArray, expected: NDArray) -> float:
    """Return the largest difference relative to the largest expected value."""
    if not np.all(np.isfinite(found)) or not np.all(np.isfinite(expected)):
        return 0.0 if np.array_equal(found, expected, equal_nan=True) else float("inf")
    difference = np.abs(found - expected).max(initial=0.0)
    if difference <= 1e-14:  # what is left where terms cancel
        return 0.0
    return float(difference / max(np.abs(expected).max(initial=0.0), 1e-300))


def _measured(deviation: float) -> str:
    return f"deviation {deviation:.0e}" if deviation else "deviation below 1e-14"


def _coincidences(circuit: Circuit, outcome: Outcome) -> int:
    """Return how often both neurons of a synapse fired in the same timestep, first replica."""
    pre, post = outcome.pre_spikes[0][:, circuit.pre], outcome.post_spikes[0][:, circuit.post]
    return int(np.sum(pre & post))


PROMISES = (
    no_spikes, zero_third_factor, linearity, zero_learning_rate, bounds, finite, deterministic,
    synapse_order, replicas, engines_agree, interpreter,
)  # fmt: skip
