"""Panels of credit: what a pairing leaves behind, and how long a third factor may wait."""

import functools

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.checks.card.bench import PAIRING_MS, WINDOW_MS, Bench, Floats
from threefactor.experiments.checks.card.panel import Panel, fit_decay, relative

DELAYS = 26
#: How many time constants the kernel and the delays span.
SPAN = 5.0


def eligibility_kernel(bench: Bench) -> Panel:
    """Record the synapse's variables after one pairing of +10 ms, third factor 0 throughout."""
    title = "Eligibility after one pair"
    if not bench.synaptic_variables:
        return Panel(title, reason="the rule keeps nothing at the synapse but the weight")
    if not bench.does_pair:
        return Panel(title, reason=bench.no_pairs)
    span = _reference_ms(bench) * SPAN
    shown = bench.start + 1 + max(bench.steps(span), 3 * bench.window)
    # The last decision, which may end an episode and reset, is left out of the picture.
    steps = shown + bench.window
    pre, post = bench.pairings([PAIRING_MS], steps)
    ends = np.append(np.arange(bench.start + 1, shown + 1, bench.window), steps)
    history = bench.respond(
        pre, post, ends, np.zeros(len(ends)), record=bench.synaptic_variables
    ).history
    time_ms = (np.arange(steps) - bench.start) * bench.dt_ms
    kept = (time_ms >= -2 * PAIRING_MS) & (np.arange(steps) < shown)
    curves = {name: history[name][kept, 0] - history[name][kept, 1] for name in history}
    curves = {name: values for name, values in curves.items() if np.abs(values).max() > 0}
    if not curves:
        return Panel(title, reason="the pairing leaves nothing at the synapse")
    name = primary(bench, curves)
    after = time_ms[kept] >= 0
    at = np.flatnonzero(after)
    if bench.rule.resets.get(name, "episode") == "decision" or name == "trace":
        at = at[:: bench.window]  # moves at decisions only
    decay = fit_decay(time_ms[kept][at], curves[name][at])
    declared, field = bench.declared_tau
    values = curves[name][after]
    peak = int(np.abs(values).argmax())
    numbers: dict[str, float | str] = {
        "fitted variable": name,
        "shape": decay.shape,
        "fitted tau (ms)": decay.tau_ms,
        "declared tau (ms)": declared,
        "declared as": field or "none",
        "difference (%)": relative(decay.tau_ms, declared),
        "peak": float(values[peak]),
        "peak after the pair (ms)": float(time_ms[kept][after][peak]),
    }
    return Panel(title, {"time_ms": time_ms[kept], **curves}, numbers)


def primary(bench: Bench, curves: dict[str, Floats]) -> str:
    """Return the variable whose decay is the rule's memory for reward."""
    resets = bench.rule.resets
    order = [n for n in ("eligibility", "trace") if resets.get(n, "episode") != "decision"]
    return next((name for name in (*order, *curves) if name in curves), next(iter(curves)))


def reward_delay(bench: Bench) -> Panel:
    """Measure the weight change of a pairing whose third factor comes after 0 to 5 tau."""
    title = "Third factor after a delay"
    if not bench.reads_third_factor:
        return Panel(title, reason="the rule reads no third factor")
    if not bench.does_pair:
        return Panel(title, reason=bench.no_pairs)
    delay_ms, dw = _delays(bench)
    if not np.abs(dw).max() > 0:
        return Panel(title, reason="a third factor after the pairing changes nothing")
    decay = fit_decay(delay_ms, dw)
    declared, field = bench.declared_tau
    numbers: dict[str, float | str] = {
        "shape": decay.shape,
        "fitted tau (ms)": decay.tau_ms,
        "declared tau (ms)": declared,
        "declared as": field or "none",
        "difference (%)": relative(decay.tau_ms, declared),
        "dw without delay": float(dw[0]),
        "best delay (ms)": float(delay_ms[np.abs(dw).argmax()]),
        "decision window (ms)": float(delay_ms[1] - delay_ms[0]),
    }
    return Panel(title, {"delay_ms": delay_ms, "dw": dw, "fit": decay.curve}, numbers)


def best_delay(bench: Bench) -> int:
    """Return the wait for the third factor, in timesteps, at which a pairing counts most."""
    if not bench.reads_third_factor:
        return 0
    delay_ms, dw = _delays(bench)
    return round(delay_ms[np.abs(dw).argmax()] / bench.dt_ms) if np.abs(dw).max() > 0 else 0


@functools.lru_cache(maxsize=8)
def _delays(bench: Bench) -> tuple[NDArray[np.floating], Floats]:
    """Return delays, ms, and weight changes: column k gets its third factor at decision k."""
    # A decay per decision needs the standard window; other rules get one that covers the span.
    is_per_decision = any("_decay" in f for f in type(bench.rule).__dataclass_fields__)
    window_ms = WINDOW_MS if is_per_decision else _reference_ms(bench) * SPAN / (DELAYS - 1)
    window = bench.steps(window_ms)
    if bench.rule.weight_clock and window_ms > (bench.rule.consolidation_period_ms or 0.0):
        period = bench.steps(bench.rule.consolidation_period_ms or 0.0)
        window = max(1, round(window / period)) * period
    ends = bench.start + 1 + window * np.arange(DELAYS)
    steps = int(ends[-1]) + bench.tail
    pre, post = bench.pairings([PAIRING_MS] * (DELAYS + 1), steps)
    dw = bench.respond(pre, post, ends, np.eye(DELAYS, DELAYS + 2)).dw
    return window * bench.dt_ms * np.arange(DELAYS), dw[:DELAYS] - dw[DELAYS]


def _reference_ms(bench: Bench) -> float:
    """Return the time constant that sets the span, ms, at least a few timesteps."""
    declared = bench.declared_tau[0]
    return max(float(declared), 5 * bench.dt_ms) if np.isfinite(declared) else WINDOW_MS
