"""What plausibility costs: a table of what results hold, and the times that go into results."""

from pathlib import Path

import numpy as np
import pytest

from threefactor.analysis.plausibility import MEAN_RATE
from threefactor.analysis.run_data import EPISODE_COLUMNS
from threefactor.experiments.claims import results
from threefactor.experiments.claims.costs import (
    EPISODES,
    LARGEST_RATE,
    REACHED,
    SECONDS,
    SYNAPTIC_OPERATIONS,
    THRESHOLDS,
    figure,
    section,
    times_in_words,
    times_to_threshold,
)
from threefactor.experiments.claims.registry import EXPERIMENTS

ROOT = Path(__file__).parents[3]


class Episodes:
    """What is read of a run: episodes of two replicas, in the order in which they ended."""

    def __init__(self, returns):
        columns = dict.fromkeys(EPISODE_COLUMNS, np.zeros(np.size(returns)))
        columns["replica"] = np.tile(np.arange(len(returns)), len(returns[0]))
        columns["return"] = np.transpose(returns).ravel()
        columns["simulated_seconds"] = np.where(columns["replica"] == 0, 2.0, 0.5)
        self.episodes = columns


def test_times_to_a_threshold():
    """The first replica's last 100 have the mean 475 at episode 145; the second's never."""
    learned = np.where(np.arange(200) < 50, 0.0, 500.0)
    half = np.full(200, 400.0)
    numbers = times_to_threshold(Episodes([learned, half]), "CartPole-v1", "return")
    assert numbers == {EPISODES: [145, 200], SECONDS: [290.0, 290.0], REACHED: [True, False]}
    assert times_in_words(numbers) == {EPISODES: "145, 1/2", SECONDS: "290, 1/2"}


def test_short_lives_of_seeds_that_fail_are_no_median():
    """One of three learned, after 290 s; the others failed within 100 s."""
    learned = np.where(np.arange(200) < 50, 0.0, 500.0)
    run = Episodes([learned, learned * 0, learned * 0])
    facts = times_in_words(times_to_threshold(run, "CartPole-v1", "return"))
    assert facts == {EPISODES: ">200, 1/3", SECONDS: ">290, 1/3"}


@pytest.mark.parametrize(("env", "count"), [("Taxi-v4", 200), ("CartPole-v1", 99)])
def test_without_threshold_or_episodes_there_are_no_times(env, count):
    run = Episodes([np.full(count, 500.0)])
    assert times_to_threshold(run, env, "return") == {} == times_in_words({})


def kept(name, facts):
    return {"experiment": name, "scores": {"trained": [1.0, 2.0, 3.0]}, "facts": facts}


def test_cells_are_what_results_say_and_else_empty():
    settings = {name: experiment.settings for name, experiment in EXPERIMENTS.items()}
    facts = {
        MEAN_RATE: "input 1.2, actor 39.2 Hz (holds; at most 60 Hz)", EPISODES: "345, 9/10",
        SECONDS: "50, 9/10", "operations per decision": "12.0 accumulates",
    }  # fmt: skip
    found = section(
        [kept("cartpole_reinforce", facts), kept("taxi", facts), kept("critic-chains", facts),
         kept("gridworld_reinforce", {})],
        settings,
    )  # fmt: skip
    rows = [line.split(" | ") for line in found.splitlines() if line.startswith("| ")][1:]
    first, second = rows
    assert first[:4] == ["| GridWorld-v0", "reinforce", "plausible", "2.000"]
    assert [cell.strip() for cell in first[4:8]] == ["", "", "", ""]
    assert second[0] == "| CartPole-v1"
    assert second[4:] == [
        "345, 9/10", "50, 9/10", "input 1.2, actor 39.2 Hz", "12.0 accumulates",
        "[cartpole_reinforce](#cartpole_reinforce) |",
    ]  # fmt: skip
    assert section([kept("taxi", facts)], settings) == ""
    assert set(THRESHOLDS) > {"GridWorld-v0", "CartPole-v1"}


def test_the_figure_has_a_row_for_each_agent_and_a_hollow_point_for_a_seed_that_fails():
    settings = {name: experiment.settings for name, experiment in EXPERIMENTS.items()}
    numbers = {EPISODES: [120, 300, 500], REACHED: [True, True, False], LARGEST_RATE: 40.0}
    told = [
        {**kept("cartpole_reinforce", {}), "numbers": {**numbers, SYNAPTIC_OPERATIONS: 12.0}},
        kept("gridworld_reinforce", {}),
        kept("gridworld_reinforce_fast", {}),
    ]
    drawn = figure(told, settings)
    grid = np.array(drawn.axes).reshape(2, 4)
    names = [[label.get_text() for label in row[0].get_yticklabels()] for row in grid]
    assert names == [["gridworld_reinforce_fast", "gridworld_reinforce"], ["cartpole_reinforce"]]
    points = grid[1][1].lines
    assert [float(point.get_xdata()[0]) for point in points] == [120, 300, 500]
    assert [point.get_markerfacecolor() == "none" for point in points] == [False, False, True]
    assert [float(grid[1][3].lines[0].get_xdata()[0]), len(grid[0][3].lines)] == [12.0, 0]
    assert figure([kept("taxi", {})], settings) is None
    gradient = figure([kept("gridworld_reparameterised", {}), *told[:1]], settings)
    names = [text.get_text() for text in gradient.legends[0].get_texts()]
    assert names == ["plausible", "a gradient, led back"]


def test_the_page_has_the_table_above_the_results():
    text = results.page(results.read(ROOT / results.RESULTS))
    assert text.index("## What plausibility costs") < text.index("\n## blackjack")
