"""What an agent did, decision by decision, before and after it has learned."""

import json

import numpy as np
import pytest

from threefactor.analysis.before_after import BeforeAfter, draw_before_after
from threefactor.analysis.excerpts import Excerpt
from threefactor.analysis.run_data import EventKind, Events, Run

WINDOW_S = 0.05


@pytest.fixture
def grouped(run_path):
    """The synthetic run, whose agent says which neurons stand for which action."""
    path = run_path / "meta.json"
    network = {"output": "output", "neurons_per_action": 2}
    path.write_text(json.dumps({**Run(run_path).meta, "network": network,
                                "first_action": 0}))  # fmt: skip
    return Run(run_path)


@pytest.mark.parametrize("last", [False, True])
def test_an_excerpt_is_an_episode_from_its_start(last, grouped):
    excerpt = Excerpt.of(grouped, "return", last=last)
    row = -1 if last else 0
    events = grouped.events
    start_ms = events.select(EventKind.EPISODE_START).time_ms[row]
    end_ms = events.select(EventKind.EPISODE_END).time_ms[row]
    assert excerpt.n_decisions == grouped.episodes["length"][row]
    assert excerpt.duration_s == pytest.approx((end_ms - start_ms) / 1e3)
    assert excerpt.decision_s == pytest.approx(WINDOW_S)
    decisions = events.select(EventKind.DECISION)
    own = (decisions.time_ms > start_ms) & (decisions.time_ms <= end_ms)
    assert excerpt.actions.tolist() == decisions.value[own].tolist()
    assert excerpt.has_ended
    assert excerpt.outcome.startswith(f"{excerpt.n_decisions} decisions, return ")
    spikes = grouped.spikes("output")
    inside = (spikes.time_ms >= start_ms) & (spikes.time_ms < end_ms)
    assert excerpt.spikes["output"].time_ms.size == inside.sum()
    total = sum(rates_hz.sum() for name, _, rates_hz in excerpt.courses_hz() if name == "output")
    assert total * 2 * WINDOW_S == pytest.approx(inside.sum())


def test_a_decision_whose_reward_is_lost_is_left_out(grouped):
    whole, events = Excerpt.of(grouped, "return"), grouped.events
    lost = np.flatnonzero(events.kind == EventKind.REWARD)[1]
    fields = (events.time_ms, events.kind, events.value, events.replica)
    grouped.__dict__["events"] = Events(*(np.delete(field, lost) for field in fields))
    excerpt = Excerpt.of(grouped, "return")
    assert excerpt.rewards.tolist() == np.delete(whole.rewards, 1).tolist()
    assert excerpt.actions.tolist() == np.delete(whole.actions, 1).tolist()


def test_neurons_of_an_action_have_a_rate_of_their_own(grouped):
    excerpt = Excerpt.of(grouped, "return", most=2)
    assert excerpt.n_groups == 2
    assert [(name, group) for name, group, _ in excerpt.courses_hz()] == [
        ("hidden", None), *[("output", group) for group in range(2)]
    ]  # fmt: skip
    train = excerpt.spikes["output"]
    second = (train.time_ms >= 50) & (train.neuron >= 2)
    assert excerpt.rates_hz("output", 2, 4)[1] == pytest.approx(second.sum() / 2 / WINDOW_S)
    assert not excerpt.has_ended


def test_without_an_evaluation_the_training_itself_is_shown(grouped):
    shown = BeforeAfter.of(grouped, "return")
    assert shown.names == ("episode 0", "episode 29")
    figure = draw_before_after(shown)
    assert "learning on" in figure.get_suptitle()
    before, after = figure.axes[0], figure.axes[1]
    assert before.get_title().startswith("episode 0\n")
    assert before.get_xlim() == after.get_xlim()
    rates = [axes for axes in figure.axes if "Hz" in axes.get_ylabel()]
    top = max(excerpt.top_rate_hz for excerpt in (shown.before, shown.after))
    assert [axes.get_ylim()[1] for axes in rates] == [pytest.approx(1.05 * top)]
    labels = {axes.get_ylabel().replace("\n", " ") for axes in figure.axes} - {""}
    assert {"Rate per neuron (Hz)", "Action (number)", "Reward (units)"} <= labels


def test_actions_of_numbers_are_a_line(run_path):
    excerpt = Excerpt.of(Run(run_path), "return")
    assert excerpt.n_groups == 0
    figure = draw_before_after(BeforeAfter.of(Run(run_path), "return"))
    assert "Action\n(env units)" in [axes.get_ylabel() for axes in figure.axes]


def test_what_was_not_recorded_is_not_shown(tmp_path):
    from threefactor.experiments.training.run_directory import RunDirectory

    RunDirectory.create(tmp_path / "run", {}, {}).close()
    assert BeforeAfter.of(Run(tmp_path / "run"), "return") == "nothing recorded"
    with RunDirectory.create(tmp_path / "one", {}, {}) as run:
        run.start_recording({"output": 2})
        kinds = (EventKind.EPISODE_START, EventKind.DECISION, EventKind.REWARD)
        run.append_events([0.0, 10.0, 10.0], kinds, np.array([1.0, 0.0, 0.0]))
    assert BeforeAfter.of(Run(tmp_path / "one"), "return") == "no two episodes recorded"
