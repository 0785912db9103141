"""A sweep's file: which cells, seeds and jobs it stands for, and what it cannot mean."""

import re
from pathlib import Path

import pytest

from threefactor.experiments.sweeps.plan import Plan

MINE = """
from dataclasses import dataclass

from threefactor.rules import Reinforce


@dataclass(frozen=True)
class Mine(Reinforce):
    '''Mine.'''
"""
BASE = {"env": "Identity-v0", "preset": "none", "episodes": 4, "encoder": "one-hot"}


def cells(**content):
    return [dict(cell.settings) for cell in Plan.of({"base": BASE, **content}).cells]


def test_a_grid_is_every_combination():
    found = cells(grid={"rule": ["rstdp", "reinforce"], "window_ms": [10.0, 20.0]})
    assert found == [
        {"rule": rule, "window_ms": window}
        for rule in ("rstdp", "reinforce")
        for window in (10.0, 20.0)
    ]


def test_the_sensitivity_of_spiking_q_learning_is_the_grid_of_its_source():
    """27 membranes, three times and two codings, three seeds each."""
    plan = Plan.read(Path(__file__).parents[3] / "examples" / "dsqn_sensitivity.yaml")
    assert (len(plan.cells), len(plan.seeds)) == (27 * 3 * 2, 3)
    assert len({cell.settings["window_ms"] for cell in plan.cells}) == 3
    assert len({cell.settings["agent.coding"] for cell in plan.cells}) == 2


def test_list_and_grid_are_combined_and_equal_cells_are_one():
    found = cells(list=[{"rule": "rstdp"}, {"rule": "rstdp-et"}], grid={"episodes": [2, 3, 2]})
    assert [(c["rule"], c["episodes"]) for c in found] == [
        ("rstdp", 2), ("rstdp-et", 2), ("rstdp", 3), ("rstdp-et", 3),
    ]  # fmt: skip


def test_random_settings_are_drawn_within_their_ranges_and_more_samples_begin_with_fewer():
    ranges = {
        "rule.learning_rate": {"log_uniform": [1e-4, 1.0]},
        "model.neurons-per-action": {"integers": [3, 5]},
        "window_ms": {"choice": [10.0, 20.0]},
        "model.w_init_low": {"uniform": [0.5, 1.5]},
    }
    few, many = (cells(random=ranges, samples=n, random_seed=3) for n in (5, 12))
    assert many[:5] == few
    assert len(many) == 12
    assert cells(random=ranges, samples=5, random_seed=4) != few
    for cell in many:
        assert 1e-4 <= cell["rule.learning_rate"] <= 1.0
        assert cell["model.neurons_per_action"] in (3, 4, 5)
        assert cell["window_ms"] in (10.0, 20.0)
        assert 0.5 <= cell["model.w_init_low"] <= 1.5
    assert len({cell["rule.learning_rate"] for cell in many}) == 12


def test_seeds_are_neighbours_within_a_run_and_not_more_than_a_chunk(tmp_path):
    plan = Plan.of({"base": BASE, "seeds": [0, 1, 2, 3, 7, 8], "chunk": 3})
    blocks = [(job.seed, job.replicas, job.path.name) for job in plan.jobs(tmp_path)]
    assert blocks == [(0, 3, "seeds-0-2"), (3, 1, "seeds-3"), (7, 2, "seeds-7-8")]


def test_replicas_that_a_schedule_would_mix_are_runs_of_their_own(tmp_path):
    falls = {"name": "decay", "parameter": ["policy.learning_rate"]}
    plan = Plan.of({"base": {**BASE, "schedule": falls}, "seeds": 3})
    assert [job.replicas for job in plan.jobs(tmp_path)] == [1, 1, 1]
    apart = Plan.of({"base": {**BASE, "schedule": falls, "apart": True}, "seeds": 3})
    assert [job.replicas for job in apart.jobs(tmp_path)] == [3]


def test_a_folder_is_named_by_what_defines_its_runs_but_not_by_their_seeds():
    def digests(**content):
        return [cell.digest for cell in Plan.of({"base": BASE, **content}).cells]

    assert digests(seeds=2) == digests(seeds=[5, 6])
    assert digests(grid={"rule": ["rstdp", "reinforce"]}) == digests(
        list=[{"rule.name": "rstdp"}, {"rule.name": "reinforce"}]
    )
    assert digests() != digests(grid={"rule.learning_rate": [0.123]})


def test_an_edited_file_of_a_user_is_another_cell(tmp_path):
    file = tmp_path / "mine.py"

    def digest():
        plan = Plan.of({"base": {**BASE, "rule": f"{file}:Mine"}})
        return plan.cells[0].digest

    file.write_text(MINE)
    before = digest()
    file.write_text(f"{MINE}\n# another thought\n")
    assert digest() != before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"gird": {}}, "Unknown entry of a sweep 'gird'. Did you mean 'grid'?"),
        ({"grid": {"rule": "rstdp"}}, "grid.rule: expected a list of values, got 'rstdp'."),
        ({"grid": [1]}, "grid: expected option: values, got [1]."),
        (
            {"grid": {"rul": ["rstdp"]}},
            "cell rul=rstdp: Unknown setting 'rul'. Did you mean 'rule'",
        ),
        ({"grid": {"rule": ["rsdtp"]}}, "Did you mean 'rstdp'?"),
        ({"grid": {"rule.learning_rate": ["fast"]}}, "cell rule.learning_rate=fast: "),
        ({"list": {"rule": "rstdp"}}, "list: expected a list of settings"),
        ({"random": {"window_ms": 3}}, "random.window_ms: expected one of uniform, log_uniform"),
        ({"random": {"window_ms": {"uniform": [2, 1]}}}, "expected low < high"),
        ({"random": {"window_ms": {"log_uniform": [0, 1]}}}, "low < high and above 0"),
        ({"random": {"window_ms": {"unifrom": [0, 1]}}}, "Did you mean 'uniform'?"),
        ({"samples": 3}, "expected random as well"),
        ({"seeds": 0}, "seeds: expected a number >= 1 or a list"),
        ({"seeds": [1, 1]}, "a list of different seeds"),
        ({"seeds": "many"}, "seeds must be int, got 'many'."),
        ({"chunk": 0}, "chunk must be >= 1, got 0."),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(content, message):
    with pytest.raises(ValueError, match=re.escape(message)) as found:
        Plan.of({"base": BASE, **content})
    assert "\n" not in str(found.value)
