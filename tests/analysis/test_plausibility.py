"""The report card of plausibility: each item by trains and descriptions whose answer is known."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from threefactor.analysis.plausibility import (
    MIN_INTERVALS,
    Plausibility,
    interval_cv,
    judge_regime,
    measure_plausibility,
)
from threefactor.analysis.plausibility_figure import draw_plausibility
from threefactor.analysis.run_data import EventKind, Events, Spikes, WeightHistory

REGIME = {
    "decision_ms": 100.0, "timestep_ms": 1.0, "input": "input", "input_rate_max_hz": 100.0,
    "neurons": {"actor": "EscapeLIF"}, "without_membrane": [], "third_factor": "spikes",
    "asks_signs": False, "sources": {"policy": "input"},
}  # fmt: skip
N_WINDOWS = 200


def drawn(rates_hz, n_steps=100, seed=0):
    """Return step, neuron and window of Bernoulli trains, a neuron for each rate."""
    p = np.asarray(rates_hz) * 1e-3
    shape = (N_WINDOWS, len(p), n_steps)
    spikes = np.random.default_rng(seed).random(shape) < p[:, None]
    window, neuron, step = np.nonzero(spikes)
    return window * n_steps + step, neuron, window


def fake_run(actor_hz, regime=(), input_hz=50.0, weights=(1.0, -1.0), gap_ms=30.0):
    """Return what is read of a run: decisions with a gap after each, two populations, weights."""
    regime = {**REGIME, **dict(regime)}
    window_ms = regime["decision_ms"]
    ends = np.arange(1, N_WINDOWS + 1) * (window_ms + gap_ms) - gap_ms
    spikes = {}
    for name, hz in (("input", [input_hz] * 4), ("actor", [actor_hz] * 4)):
        step, neuron, window = drawn(hz, round(window_ms))
        times = step + window * gap_ms
        order = np.argsort(times, kind="stable")
        spikes[name] = Spikes(times[order], neuron[order], np.zeros(len(order), int))
    decisions = np.full(len(ends), EventKind.DECISION)
    pre = np.zeros(len(weights), int)
    history = WeightHistory(np.zeros(1), np.array([weights]), pre, pre, 1, len(weights))
    return SimpleNamespace(
        meta={"regime": regime}, segments=("one",), populations={"input": 4, "actor": 4},
        events=Events(ends, decisions, ends * 0, np.zeros(len(ends), int)),
        spikes=spikes.__getitem__, projections=("policy",), weights=lambda name: history,
    )  # fmt: skip


def card(*arguments, **settings):
    found = measure_plausibility(fake_run(*arguments, **settings))
    return {item.name: item for item in found.items}


@pytest.mark.parametrize("rate_hz", [5.0, 20.0, 100.0, 300.0])
def test_intervals_of_a_train_drawn_in_each_timestep(rate_hz):
    """sqrt(1 - p), however few spikes a window holds."""
    cv, count = interval_cv(*drawn([rate_hz] * 20), n_steps=100)
    assert count > 100
    assert cv == pytest.approx(np.sqrt(1 - rate_hz * 1e-3), abs=0.06)


def test_intervals_do_not_see_rates_that_change_between_windows():
    slow, fast = drawn([10.0] * 20), drawn([150.0] * 20, seed=1)
    both = [np.concatenate([a, b + shift]) for a, b, shift in
            zip(slow, fast, (N_WINDOWS * 100, 0, N_WINDOWS), strict=True)]  # fmt: skip
    assert interval_cv(*both, n_steps=100)[0] == pytest.approx(0.94, abs=0.04)


@pytest.mark.parametrize(("every", "n_steps"), [(1, 10), (10, 100), (20, 200)])
def test_a_regular_train_has_none(every, n_steps):
    step = np.arange(0, n_steps * 20, every)
    cv, _ = interval_cv(step, step * 0, step // n_steps, n_steps)
    assert cv < 0.2
    assert every > 1 or cv == 0


def test_rates_are_those_of_decisions_and_not_of_what_lies_between():
    found = card(40.0)
    assert found["mean rate"].number == pytest.approx(50.0, rel=0.05)
    assert found["mean rate"].found.startswith("input ")
    assert found["busiest window"].number > found["mean rate"].number
    assert all(found[name].holds for name in ("mean rate", "busiest window", "input intervals"))


@pytest.mark.parametrize(
    ("actor_hz", "mean", "busiest"),
    [(55.0, True, True), (70.0, False, True), (150.0, False, False)],
)
def test_limits_of_rates(actor_hz, mean, busiest):
    found = card(actor_hz)
    assert (found["mean rate"].holds, found["busiest window"].holds) == (mean, busiest)


def test_silence_is_named_and_has_no_intervals():
    found = card(0.0, input_hz=0.0)
    assert found["mean rate"].found == "input silent, actor silent Hz"
    assert found["input intervals"].holds is None
    assert found["input intervals"].found.startswith("too few spikes (0 intervals")
    few = card(10.0, input_hz=1.0)["input intervals"]
    assert f"({MIN_INTERVALS} " not in few.found
    assert few.holds is None


@pytest.mark.parametrize(
    ("change", "name", "found"),
    [
        ({"input_rate_max_hz": 101.0}, "input rate", "Poisson, up to 101 Hz"),
        ({"input_rate_max_hz": None}, "input rate", "timed spikes"),
        ({"without_membrane": ["actor"]}, "membranes", "actor (EscapeLIF) has none"),
        ({"decision_ms": 49.0}, "decision", "49 ms"),
        ({"decision_ms": 201.0}, "decision", "201 ms"),
        ({"third_factor": "outside"}, "third factor", "from a linear critic outside the network"),
    ],
)
def test_what_a_description_alone_fails(change, name, found):
    def held(regime):
        return {item.name: item.holds for item in judge_regime(regime)}

    assert all(held(REGIME).values())
    items = {item.name: item for item in judge_regime({**REGIME, **change})}
    assert items[name].found == found
    assert [key for key, item in items.items() if not item.holds] == [name]


def test_a_third_factor_that_is_not_declared_is_not_judged():
    assert judge_regime({**REGIME, "third_factor": ""})[3].holds is None


@pytest.mark.parametrize(
    ("weights", "asked", "holds", "share"),
    [((1.0, 2.0, 0.0), True, True, 1.0), ((1.0, -2.0), True, False, 0.0),
     ((1.0, -2.0), False, None, 0.0)],
)  # fmt: skip
def test_signs_count_where_they_were_asked_for(weights, asked, holds, share):
    found = card(20.0, {"asks_signs": asked}, weights=weights)["signs"]
    assert (found.holds, found.number) == (holds, share)
    assert ("not asked" in found.found) != asked


def test_a_run_without_recordings_has_what_its_description_says():
    run = fake_run(20.0)
    run.segments, run.projections, run.populations = (), (), {}
    found = measure_plausibility(run)
    assert found.headline == "4 of 4 hold"
    assert found.holds
    assert sum(item.found == "not recorded" for item in found.items) == 4
    run.meta = {}
    assert measure_plausibility(run) is None


def test_card_is_text_data_and_a_figure():
    found = measure_plausibility(fake_run(150.0))
    assert not found.holds
    assert found.lines()[0] == f"plausibility: {found.headline}"
    assert any(line.startswith("  does not  busiest window") for line in found.lines())
    assert all(item.source for item in found.items)
    assert Plausibility.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    texts = [text.get_text() for text in draw_plausibility(found).axes[0].texts]
    assert {"mean rate", "at most 60 Hz"} <= set(texts)
