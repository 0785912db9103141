"""Panels of spike pairs: STDP window, repetition, frequency, dependence on the weight."""

import numpy as np

from threefactor.experiments.checks.card.bench import (
    PAIRING_MS,
    W_MAX,
    W_MIN,
    WINDOW_MS,
    Bench,
    Bools,
    Floats,
)
from threefactor.experiments.checks.card.credit import best_delay
from threefactor.experiments.checks.card.panel import Panel, fit_decay

LAGS_MS = np.unique([*range(-100, 101, 5), *range(-8, 9), -12, -17, 12, 17]).astype(float)
REPETITION_HZ = (1.0, 10.0, 20.0, 50.0)
_SHARES = np.linspace(-1, 1, 21) * np.sqrt(np.abs(np.linspace(-1, 1, 21)))
#: Lags of repeated pairs: up to half a period, beyond which another pair is nearer.
REPEATED_LAGS_MS = np.array([_SHARES * min(100.0, 500.0 / hz) for hz in REPETITION_HZ])
FREQUENCIES_HZ = np.array([1.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0])
PAIRS = 60
#: Decision windows of repeated pairs: no multiple of a period, so that every phase occurs.
REPEATED_WINDOW_MS = 7.0
WEIGHTS = np.linspace(W_MIN, W_MAX, 11)
EXTREME_COLUMNS, EXTREME_MS, EXTREME_FACTOR = 40, 300.0, 1e6


def stdp_window(bench: Bench) -> Panel:
    """Measure the weight change of one pair against the lag, third factor 1 at the best delay."""
    title = "STDP window, one pair"
    if not bench.does_pair:
        return Panel(title, reason=bench.no_pairs)
    delay = best_delay(bench)
    end = bench.start + 1 + delay
    pre, post = bench.pairings(LAGS_MS, end + bench.tail)
    factors = (1.0, 0.0) if bench.reads_third_factor else (1.0,)
    third_factors = np.repeat(factors, pre.shape[1])[None, :]
    pre, post = (np.hstack([train] * len(factors)) for train in (pre, post))
    change = bench.respond(pre, post, [end], third_factors).dw
    rows = change.reshape(len(factors), -1)
    dw = dict(zip(factors, rows[:, :-1] - rows[:, -1:], strict=True))
    numbers: dict[str, float | str] = {
        f"dw at {f'{lag:+.0f}' if lag else 0} ms": float(dw[1.0][LAGS_MS == lag][0])
        for lag in (-10, 0, 10)
    }
    for side, name in ((1, "plus"), (-1, "minus")):
        chosen = (side * LAGS_MS >= 5) & (side * LAGS_MS <= 60)
        order = np.argsort(np.abs(LAGS_MS[chosen]))
        decay = fit_decay(np.abs(LAGS_MS[chosen])[order], dw[1.0][chosen][order], 1.0)
        numbers[f"fitted tau_{name} (ms)"] = decay.tau_ms
        numbers[f"declared tau_{name} (ms)"] = float(getattr(bench.rule, f"tau_{name}_ms", np.nan))
    numbers["third factor after the pair (ms)"] = delay * bench.dt_ms
    arrays = {"lag_ms": LAGS_MS, "dw": dw[1.0]}
    if 0.0 in dw:
        arrays["dw_without"] = dw[0.0]
    return Panel(title, arrays, numbers)


def repeated_pairs(bench: Bench, budget: float = 1.0) -> tuple[Panel, Panel]:
    """Measure pairs repeated at several frequencies, third factor 1 at a decision every 7 ms.

    Returns
    -------
    window, frequency : Panel
        Weight change per pair against the lag, and against the frequency at +-10 ms.
    """
    titles = "STDP window, repeated pairs", "Pairing frequency"
    if not bench.does_pair:
        return Panel(titles[0], reason=bench.no_pairs), Panel(titles[1], reason=bench.no_pairs)
    pairs = max(3, round(PAIRS * budget))
    lags = np.round(REPEATED_LAGS_MS / bench.dt_ms) * bench.dt_ms
    protocols = [(f, lag) for f, row in zip(REPETITION_HZ, lags, strict=True) for lag in row]
    protocols += [(f, lag) for lag in (PAIRING_MS, -PAIRING_MS) for f in FREQUENCIES_HZ]
    pre, post = _trains(bench, protocols, pairs)
    window = bench.steps(REPEATED_WINDOW_MS)
    ends = np.arange(window, len(pre) + 1, window)
    dw = bench.respond(pre, post, ends, np.ones(len(ends))).dw
    per_pair = (dw[:-1] - dw[-1]) / pairs
    cut = lags.size
    rows = per_pair[:cut].reshape(lags.shape)
    after, before = per_pair[cut:].reshape(2, -1)
    numbers: dict[str, float | str] = {"pairs": float(pairs)}
    if bench.reads_third_factor:
        numbers["decision window (ms)"] = window * bench.dt_ms
    for f in REPETITION_HZ:
        numbers[f"dw per pair at +10 ms, {f:g} Hz"] = float(after[FREQUENCIES_HZ == f][0])
    flips = np.flatnonzero(np.diff(np.sign(before)) != 0)
    frequency_numbers: dict[str, float | str] = {
        "dw per pair at +10 ms, 50 Hz over 1 Hz": float(after[-1] / after[0])
        if after[0]
        else np.nan,
        "dw per pair at -10 ms, 50 Hz over 1 Hz": (
            float(before[-1] / before[0]) if before[0] else np.nan
        ),
        "-10 ms changes sign between (Hz)": (
            f"{FREQUENCIES_HZ[flips[0]]:g} and {FREQUENCIES_HZ[flips[0] + 1]:g}"
            if flips.size
            else "never"
        ),
    }
    return (
        Panel(
            titles[0],
            {"lag_ms": lags, "frequency_hz": np.array(REPETITION_HZ), "dw": rows},
            numbers,
        ),
        Panel(
            titles[1],
            {"frequency_hz": FREQUENCIES_HZ, "dw_after": after, "dw_before": before},
            frequency_numbers,
        ),
    )


def _trains(bench: Bench, protocols: list[tuple[float, float]], pairs: int) -> tuple[Bools, Bools]:
    """Return spike trains of `pairs` pairs per (frequency, lag), then a silent column."""
    slowest = min(f for f, _ in protocols)
    tail_ms = min(3 * bench.longest_tau_ms, 2000.0) + WINDOW_MS
    steps = 2 * bench.start + bench.steps(1e3 * (pairs - 1) / slowest) + bench.steps(tail_ms)
    pre, post = np.zeros((2, steps, len(protocols) + 1), bool)
    for column, (frequency, lag_ms) in enumerate(protocols):
        onsets = bench.start + np.round(
            np.arange(pairs) * 1e3 / frequency / bench.dt_ms
        ).astype(int)  # fmt: skip
        lag = round(lag_ms / bench.dt_ms)
        pre[onsets - max(lag, 0), column] = True
        post[onsets + min(lag, 0), column] = True
    return pre, post


def weight_dependence(bench: Bench, seed: int = 1) -> Panel:
    """Measure a pairing against the weight it starts from, and where extreme input ends."""
    title = "Dependence on the weight"
    lowest, highest, is_finite = _extremes(bench, seed)
    bounds: dict[str, float | str] = {
        "lowest weight under extreme input": lowest,
        "highest weight under extreme input": highest,
        "bounds hold": "yes" if is_finite and W_MIN <= lowest and highest <= W_MAX else "no",
    }
    if not bench.does_pair:
        return Panel(title, numbers=bounds, reason=bench.no_pairs)
    lags = [PAIRING_MS] * len(WEIGHTS) + [-PAIRING_MS] * len(WEIGHTS)
    end = bench.start + 1 + best_delay(bench)
    pre, post = bench.pairings(lags, end + bench.tail)
    silent = np.zeros((len(pre), len(WEIGHTS)), bool)
    pre, post = np.hstack([pre[:, :-1], silent]), np.hstack([post[:, :-1], silent])
    dw = bench.respond(pre, post, [end], np.ones(1), np.tile(WEIGHTS, 3)).dw.reshape(3, -1)
    after, before = dw[0] - dw[2], dw[1] - dw[2]
    inside = slice(1, -1)  # at a bound a change is clipped however small it is
    largest = max(np.abs(after[inside]).max(), np.abs(before[inside]).max())
    spread = max(np.ptp(after[inside]), np.ptp(before[inside])) / largest if largest else 0.0
    kind = "additive" if spread < 1e-3 else "nearly additive"
    numbers: dict[str, float | str] = {
        "spread of dw between the bounds (share of its size)": float(spread),
        "kind": kind if spread < 0.05 else "depends on the weight",
    }
    return Panel(title, {"w": WEIGHTS, "dw_after": after, "dw_before": before}, numbers | bounds)


def _extremes(bench: Bench, seed: int) -> tuple[float, float, bool]:
    """Return lowest and highest weight of random 500 Hz spikes with third factors of +-1e6."""
    generator = np.random.default_rng(seed)
    steps = bench.steps(EXTREME_MS)
    pre, post = generator.random((2, steps, EXTREME_COLUMNS)) < 0.5
    ends = np.arange(bench.window, steps + 1, bench.window)
    factors = EXTREME_FACTOR * generator.choice([-1.0, 1.0], (len(ends), EXTREME_COLUMNS))
    starts: Floats = generator.uniform(W_MIN, W_MAX, EXTREME_COLUMNS)
    w = bench.respond_as_declared(pre, post, ends, factors, starts)
    return float(np.nanmin(w)), float(np.nanmax(w)), bool(np.isfinite(w).all())
