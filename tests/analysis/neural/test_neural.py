"""Analyses of spikes and weights on recordings whose statistics are known."""

import json

import numpy as np
import pytest

from threefactor.agents.contract import Connection
from threefactor.analysis.neural.analysis import analyse_run
from threefactor.analysis.neural.credit import measure_credit
from threefactor.analysis.neural.drift import measure_drift
from threefactor.analysis.neural.fields import input_layout, measure_fields
from threefactor.analysis.neural.spans import recorded_spans
from threefactor.analysis.neural.spiking import measure_spikes
from threefactor.analysis.run_data import EPISODE_COLUMNS, EventKind, Run, WeightHistory
from threefactor.experiments.training.run_directory import RunDirectory

DECISION_MS, N_IN, N_OUT, N_DECISIONS = 50.0, 9, 4, 200
REGIME = {
    "decision_ms": DECISION_MS,
    "timestep_ms": 1.0,
    "input": "input",
    "sources": {"w": "input"},
}
NETWORK = {"output": "out", "neurons_per_action": 2}
PROBES = ("w.eligibility[0]", "w.trace[0]", "out.third_factor[0]",
          "w.eligibility[5]", "w.trace[5]", "out.third_factor[1]")  # fmt: skip


@pytest.fixture
def make_run(tmp_path):
    """Write two recorded episodes of a 3 x 3 world; out 0 and 1 spike with input 0, 2 and 3 apart.

    Input 0 spikes every 10 ms in even decisions, all outputs regularly every 5 ms where they do.
    The third factor of decision k is known to be that of the banked trace of synapse 0.
    """

    def make(late=False, link=1.0, shape=(3, 3)):
        rng = np.random.default_rng(1)
        config = {
            "episodes": 10, "seed": 0, "window_ms": DECISION_MS,
            "encoder": {"name": "gaussian", "mode": "grid", "cells": list(shape), "copies": 1},
        }  # fmt: skip
        meta = {
            "regime": REGIME, "network": NETWORK, "first_action": 0, "needs_bootstrap": late,
        }  # fmt: skip
        pre, post = (each.ravel() for each in np.indices((N_IN, N_OUT)))
        with RunDirectory.create(tmp_path / "run", config, meta) as run:
            run.start_recording(
                {"input": N_IN, "out": N_OUT}, PROBES, {"w": Connection(pre, post, N_IN, N_OUT)}
            )
            weights = np.where((pre == 0) & (post < 2), 2.0, 1.0)
            for episode, factor in ((0, 0.0), (5, 0.5), (10, 1.0)):
                run.append_weights(episode, {"w": 1.0 + factor * (weights - 1.0)})
            start, banked, third = 0.0, rng.normal(size=2), np.zeros(2)
            for number in (1, 10):
                run.append_events(start, EventKind.EPISODE_START, number)
                for k in range(N_DECISIONS):
                    offsets = np.arange(10.0, DECISION_MS + 1, 10.0)
                    fast = np.arange(5.0, DECISION_MS + 1, 5.0)
                    if k % 2 == 0:
                        run.append_spikes("input", start + offsets, np.zeros(5, int))
                        for neuron in (0, 1):
                            run.append_spikes("out", start + fast, np.full(10, neuron))
                    else:
                        run.append_spikes("out", start + fast, np.full(10, 2))
                    previous, banked = banked, rng.normal(size=2)
                    run.append_probes(
                        np.array([start + 1, start + DECISION_MS]),
                        np.array([[9, previous[0], third[0], 9, previous[1], third[1]]] * 2),
                    )
                    start += DECISION_MS
                    # Delivered as this window closes: to its own trace, or to the one before.
                    met = previous if late else banked
                    third = link * met + (1 - abs(link)) * rng.normal(size=2)
                    run.append_events(start, EventKind.DECISION, 0)
                    run.append_events(start, EventKind.REWARD, 0.0)
                run.append_events(start, EventKind.EPISODE_END, number)
                run.append_episode(dict.fromkeys(EPISODE_COLUMNS, 1) | {"replica": 0})
                start += 1000.0 * (number == 1)  # episodes that were not recorded
        return tmp_path / "run"

    return make


def of(run, population, span=0):
    spans = recorded_spans(run)
    found = measure_spikes(run, spans[span])
    return next(s for s in found if s.population == population)


def test_spans_are_recorded_episodes_of_either_half(make_run):
    early, late = recorded_spans(Run(make_run()))
    assert (early.name, early.text, late.text) == ("early", "episode 1", "episode 10")
    assert early.duration_s == N_DECISIONS * DECISION_MS * 1e-3
    assert late.ends_ms[0] == N_DECISIONS * DECISION_MS + 1000 + DECISION_MS


def test_rates_and_counts_by_hand(make_run):
    run = Run(make_run())
    found = of(run, "out")
    assert found.rates_hz == pytest.approx([100, 100, 100, 0])
    assert of(run, "input").rates_hz[0] == pytest.approx(50)
    assert found.fano == pytest.approx(25 * 200 / 199 / 5)  # counts 10 and 0 in turn
    assert of(run, "out", span=1).rates_hz == pytest.approx(found.rates_hz)


def test_without_elephant_its_measures_are_lacking_and_a_note_says_how_to_get_it(
    make_run, monkeypatch
):
    for module in ("spiking", "analysis"):
        monkeypatch.setattr(f"threefactor.analysis.neural.{module}.has_elephant", lambda: False)
    analysis = analyse_run(make_run())
    assert analysis.spikes[0].cv2 is None
    assert analysis.spikes[0].correlation is None
    assert any("pip install" in note and "elephant" in note for note in analysis.notes)
    assert "needs Elephant" in analysis.figures()["neural"].axes[1].texts[0].get_text()


def test_what_is_measured_with_elephant(make_run):
    pytest.importorskip("elephant")
    found = of(Run(make_run()), "out")
    # Nine intervals of 5 ms, and one of 55 ms over the window between: by neuron, ten by ten.
    intervals = np.array(([5.0] * 9 + [55.0]) * 100)[:-1]
    assert found.cv == pytest.approx(intervals.std() / intervals.mean(), rel=1e-3)
    neighbours = np.abs(np.diff(intervals)) / (intervals[1:] + intervals[:-1])
    assert found.cv2 == pytest.approx(2 * neighbours.mean(), rel=1e-3)
    assert found.lv == pytest.approx(3 * (neighbours**2).mean(), rel=1e-3)
    # Three pairs: two neurons together, and either against the third.
    counts = np.array([[2.0, 0.0], [0.0, 2.0]]).repeat(5, axis=1)
    apart = np.corrcoef(np.tile(counts, 100))[0, 1]
    assert np.sort(found.correlations) == pytest.approx([apart, apart, 1.0], abs=0.02)
    assert 0 < found.synchrony <= 1


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("link", [1.0, -1.0])
def test_third_factors_are_paired_with_what_they_met(late, link, make_run):
    """A third factor that is the eligibility correlates fully; one window apart it would not."""
    run = Run(make_run(late, link))
    credit = measure_credit(run, recorded_spans(run)[0])
    assert credit.synapses == ("w[0]", "w[5]")
    assert credit.correlation == pytest.approx([link, link])
    assert credit.p_value < 0.02
    assert credit.strength == pytest.approx(1)
    assert credit.by_covariance > 0.9


def test_third_factors_that_have_nothing_to_do_with_eligibility(make_run):
    run = Run(make_run(link=0.0))
    credit = measure_credit(run, recorded_spans(run)[1])
    assert credit.strength < 2 * credit.chance
    assert credit.p_value > 0.05


def test_drift_by_hand():
    values = np.array([[3.0, 4.0], [3.0, 4.0], [6.0, 8.0], [6.0, 8.0]])
    history = WeightHistory(np.array([0, 2, 4, 8]), values, np.zeros(2), np.arange(2), 1, 2)
    drift = measure_drift("w", history)
    assert drift.distance == pytest.approx([0, 0, 1, 1])
    assert drift.similarity == pytest.approx([1, 1, 1, 1])
    assert drift.step == pytest.approx([0, 3.5 / 2, 0])
    assert (drift.mean_before, drift.mean_after) == (3.5, 7)
    assert np.isnan(drift.slowing)
    with pytest.raises(ValueError, match="expected two or more snapshots"):
        measure_drift(
            "w", WeightHistory(*[np.array([0]), values[:1]], np.zeros(2), np.zeros(2), 1, 2)
        )


def test_weights_that_settle_slow_down():
    values = np.cumsum(1 / np.arange(1, 22))[:, None] * np.ones(3)
    drift = measure_drift("w", WeightHistory(np.arange(21), values, None, None, 1, 3))
    assert drift.slowing == pytest.approx(
        np.mean(1 / np.arange(18, 22)) / np.mean(1 / np.arange(2, 6))
    )


def test_receptive_fields_are_weights_and_inputs_before_spikes(make_run):
    run = Run(make_run())
    fields = measure_fields(run, recorded_spans(run)[1])
    assert fields.names == ("action 0", "action 1")
    assert fields.weights[0].tolist() == [[2, 1, 1], [1, 1, 1], [1, 1, 1]]
    # In the 20 ms before ten spikes of action 0 are 0, 1, 1, 2, ... 2 of input 0: 80 Hz, not 50.
    assert fields.triggered_hz[0, 0, 0] == pytest.approx(30)
    # Before those of action 2, in the window after, 2, 1, 1, 0, ... 0.
    assert fields.triggered_hz[1, 0, 0] == pytest.approx(20 - 50)
    assert np.abs(fields.triggered_hz[:, 1:]).max() == 0
    assert fields.n_spikes.tolist() == [2000, 1000]
    assert fields.agreement[0] == pytest.approx(1)


def test_inputs_without_a_map_stand_in_order(make_run):
    run = Run(make_run(shape=(5, 5)))
    assert input_layout(run, 9).shape == (9,)
    assert measure_fields(run, recorded_spans(run)[1]).weights.shape == (2, 9)


def test_copies_of_a_place_are_averaged(make_run):
    run = Run(make_run())
    run.config["encoder"]["copies"] = 2
    layout = input_layout(run, 18)
    assert layout.shape == (3, 3)
    assert layout.fold(np.repeat(np.arange(9.0), 2) + [0, 1] * 9).tolist() == (
        (np.arange(9.0).reshape(3, 3) + 0.5).tolist()
    )


def test_everything_of_a_run_in_one_report(make_run):
    analysis = analyse_run(make_run())
    text = analysis.report()
    for heading in ("spikes (means", "weights", "eligibility and third factor", "receptive fields"):
        assert heading in text
    data = json.loads(json.dumps(analysis.to_dict()))
    assert data["spikes"][0]["rate_hz"] == pytest.approx(50 / 9)
    assert data["credit"][0]["correlation"]["w[0]"] == pytest.approx(1)
    figures = analysis.figures()
    assert set(figures) == {"neural", "receptive-fields"}
    for figure in figures.values():
        figure.canvas.draw()
    drift = figures["neural"].axes[2].lines[0]
    assert drift.get_ydata() == pytest.approx(100 * analysis.drifts[0].distance)


def test_a_run_without_recordings_says_what_gives_them(tmp_path):
    with RunDirectory.create(tmp_path / "run", {"seed": 0}, {}):
        pass
    with pytest.raises(ValueError, match="expected recorded episodes, got none.*--record-episodes"):
        analyse_run(tmp_path / "run")


@pytest.mark.parametrize("bin_ms", [0.0, -1.0, 1e9])
def test_impossible_bins_are_refused(bin_ms, make_run):
    with pytest.raises(ValueError, match="bin: expected more than 0"):
        analyse_run(make_run(), bin_ms)
