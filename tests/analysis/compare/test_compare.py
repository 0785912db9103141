"""Comparisons: numbers against the statistics that they are made of, fairness, figure, files."""

import csv
import io
import json

import numpy as np
import pytest

from threefactor.analysis.statistics import (
    bootstrap_interval,
    improvement_interval,
    iqm,
    paired_comparison,
)
from threefactor.experiments.comparing import compare

LOW = 1.0 + 0.01 * np.arange(6)
HIGH = 2.0 + 0.01 * np.arange(6)


@pytest.fixture
def two_environments(two_rules, make_run, tmp_path):
    """The folder again, and beside it the same rules in another environment, where both are bad."""
    for rule in ("reinforce", "rstdp-et"):
        make_run(
            f"Identity-v0/{rule}", 0.5, rule=rule, replicas=5, env="Identity-v0",
            references={"random agent": 0.0, "optimum": 1.0},
        )  # fmt: skip
    return tmp_path


def half(scores):
    """The last 20 episodes are all: half of them are at zero."""
    return scores / 2


def test_rows_are_what_the_statistics_say(two_rules):
    comparison = compare(two_rules, threshold=1.5, window=2)
    first, second = comparison.tables["GridWorld-v0"]
    assert (comparison.names, comparison.baseline) == (("rule",), "reinforce")
    assert first.median == pytest.approx(half(np.median(LOW)))
    assert first.iqm == pytest.approx(half(iqm(LOW)))
    assert first.iqm_bounds == pytest.approx(bootstrap_interval(half(LOW))[1:])
    assert second.area == pytest.approx(half(iqm(HIGH)))
    assert (first.improvement, first.paired) == (None, None)
    assert second.improvement == improvement_interval(half(HIGH), half(LOW))
    expected = paired_comparison(half(HIGH), half(LOW))
    assert second.paired.difference.estimate == pytest.approx(0.5)
    assert (second.paired.p_value, second.p_value) == (expected.p_value, expected.p_value)
    assert (first.time.n_reached, first.time.median) == (0, np.inf)
    assert (second.time.n_reached, second.time.median) == (6, 12)
    assert second.time_p_value < 0.01


def test_the_report_says_all_of_it(two_rules):
    text = compare(two_rules, threshold=1.5, window=2).report()
    assert text.startswith("2 groups, told apart by rule\n\nGridWorld-v0: return, mean of the last")
    row = next(line for line in text.splitlines() if "rstdp-et" in line)
    assert row.split()[:4] == ["rstdp-et", "6", "1.013", "1.012"]
    assert "12 [12, 12], 6/6" in row
    assert "1.000 [0.689, 1.000]" in row
    assert "+0.500" in row
    assert "p 0.031" in row
    assert "NOTE: 6 seeds: a claim needs 10 or more." in text
    assert "until 2 in a row have a mean of 1.5" in text


def test_environments_are_pooled_on_one_scale(two_environments):
    comparison = compare(two_environments)
    assert list(comparison.tables) == ["all environments", "GridWorld-v0", "Identity-v0"]
    pooled, grid, _ = comparison.tables.values()
    scores = {"GridWorld-v0": half(LOW) / 2, "Identity-v0": half(0.5 + 0.01 * np.arange(5))}
    assert pooled[0].iqm == pytest.approx(iqm(np.concatenate(list(scores.values()))))
    assert pooled[0].iqm_bounds == pytest.approx(bootstrap_interval(scores)[1:])
    assert pooled[1].paired.n_seeds == 11
    assert grid[0].iqm == pytest.approx(half(iqm(LOW)) / 2)
    assert "GridWorld-v0: return, mean of the last 20 of 20 episodes; 0 is 0, 2 is 1" in (
        comparison.report()
    )


def test_environments_without_a_common_scale_are_refused(two_environments, make_run):
    for rule in ("reinforce", "rstdp-et"):
        make_run(f"car/{rule}", rule=rule, replicas=5, env="Other-v0")
    with pytest.raises(
        ValueError, match="Other-v0: expected runs that know.*--reference Other-v0="
    ):
        compare(two_environments)
    given = compare(two_environments, references={"Other-v0": (0.0, 2.0)})
    assert given.tables["Other-v0"][0].iqm == pytest.approx(half(1.02) / 2)
    assert list(compare(two_environments, env="Other-v0").tables) == ["Other-v0"]
    assert compare(two_environments, env="Other-v0").tables["Other-v0"][0].iqm > 0.5


def test_few_seeds_are_listed_and_have_no_interval(make_run):
    runs = [make_run(rule, rule=rule, replicas=3) for rule in ("reinforce", "rstdp-et")]
    comparison = compare(*runs)
    assert comparison.tables["GridWorld-v0"][0].iqm_bounds is None
    text = comparison.report()
    assert "  seeds of reinforce: 0.500, 0.505, 0.510" in text
    assert "No intervals for reinforce; rstdp-et: fewer than 5 seeds" in text


def test_the_baseline_and_the_groups_can_be_chosen(two_rules):
    comparison = compare(two_rules, baseline="rstdp-et", by="rule")
    first, second = comparison.tables["GridWorld-v0"]
    assert second.paired is None
    assert first.paired.difference.estimate == pytest.approx(-0.5)
    with pytest.raises(ValueError, match="Unknown baseline 'rstdp'. Did you mean 'rstdp-et'"):
        compare(two_rules, baseline="rstdp")


def test_p_values_of_several_groups_are_corrected(two_rules, make_run):
    make_run("GridWorld-v0/third", 1.0, rule="rstdp", replicas=6)
    rows = compare(two_rules).tables["GridWorld-v0"]
    assert rows[2].group.name == "rstdp"
    better = next(row for row in rows if row.group.name == "rstdp-et")
    assert better.p_value == pytest.approx(2 * better.paired.p_value)
    assert "(Holm)" in compare(two_rules).report()


def test_seeds_that_nothing_pairs_are_not_paired(make_run):
    runs = [make_run("a", rule="reinforce", replicas=5)]
    runs += [make_run("b", rule="rstdp-et", replicas=5, seed=50)]
    comparison = compare(*runs)
    assert comparison.tables["GridWorld-v0"][1].paired is None
    assert "difference" not in comparison.report()


def test_several_settings_of_one_seed_are_not_pooled_as_seeds(make_run, tmp_path):
    for rate in (0.1, 0.2):
        make_run(f"{rate}", rule={"learning_rate": rate}, replicas=5)
    with pytest.raises(ValueError, match="several of one seed.*rule.learning_rate.*other seeds"):
        compare(tmp_path, by="rule")
    assert len(compare(tmp_path).groups) == 2


def test_settings_that_by_leaves_out_are_said(make_run, tmp_path):
    make_run("a", rule={"learning_rate": 0.1}, replicas=5)
    make_run("b", rule={"learning_rate": 0.2}, replicas=5, seed=5)
    comparison = compare(tmp_path, by="rule")
    assert "reinforce pools agents of GridWorld-v0 that differ in rule.learning_rate." in (
        comparison.notes
    )
    assert comparison.groups[0].fewest_seeds == 10


def test_unequal_training_is_cut_and_said(two_rules, make_run):
    make_run("GridWorld-v0/long", 9.0, rule="rstdp", replicas=6, episodes=60)
    comparison = compare(two_rules)
    assert any("trained for 20 to 60 episodes; all are compared as they were after 20" in note
               for note in comparison.notes)  # fmt: skip
    long = next(r for r in comparison.tables["GridWorld-v0"] if r.group.name == "rstdp")
    assert long.iqm == 0  # it had learned nothing yet


def test_other_tasks_and_versions_are_said(make_run, tmp_path):
    for steps in (10, 20):
        make_run(f"{steps}", max_episode_steps=steps, meta={"git_commit": f"commit{steps}"})
    notes = " ".join(compare(tmp_path).notes)
    assert "the environments themselves differ: max_episode_steps 10 or 20" in notes
    assert "Trained by 2 versions of the code: commit10, commit20." in notes


def test_unequal_tuning_and_tuning_seeds_are_said(make_run, tmp_path):
    make_run("a", preset="fast", rule="reinforce", seed=102)
    make_run("b", preset="fast", rule="rstdp-alpha", seed=102)
    make_run("c", preset="none", rule="reinforce", seed=102)
    notes = " ".join(compare(tmp_path).notes)
    assert "settings were tuned with unequal effort" in notes
    assert "reinforce, none preset: not tuned" in notes
    assert "settings were chosen on seeds that are compared: 102" in notes


def test_other_metrics_are_refused(make_run):
    runs = [make_run("a"), make_run("b", metric="discounted_return", seed=1)]
    with pytest.raises(ValueError, match="expected scores of one metric, got return"):
        compare(*runs)


def test_groups_that_lack_an_environment_are_refused(two_environments, make_run):
    make_run("GridWorld-v0/third", rule="rstdp", replicas=5)
    with pytest.raises(ValueError, match="rstdp: expected agents in every environment, got none"):
        compare(two_environments)


def test_a_window_longer_than_training_is_refused(two_rules):
    with pytest.raises(ValueError, match="--window: expected 1 to 20 episodes"):
        compare(two_rules, window=21)
    with pytest.raises(ValueError, match="expected run directories"):
        compare()


def test_a_table_of_scores_is_compared_without_curves(tmp_path):
    lines = [f"{rule},{s},{level + s}" for rule, level in (("a", 0), ("b", 3)) for s in range(6)]
    (tmp_path / "results.csv").write_text("rule,seed,score\n" + "\n".join(lines) + "\n")
    comparison = compare(tmp_path, threshold=1.0)
    second = comparison.tables["scores"][1]
    assert (second.area, second.time) == (None, None)
    assert second.paired.difference.estimate == pytest.approx(3.0)
    panels = comparison.figures()["comparison"].axes
    assert [axes.get_xlabel() for axes in panels] == ["Score", "Score"]


def test_numbers_as_data_and_as_a_table(two_rules):
    comparison = compare(two_rules, threshold=1.5)
    data = json.loads(json.dumps(comparison.to_dict()))
    found = data["tables"]["GridWorld-v0"]["groups"]["rstdp-et"]
    assert found["scores"]["GridWorld-v0"]["3"] == pytest.approx(half(2.03))
    assert (found["seeds"], found["pairs"], found["reached"]) == (6, 6, 6)
    rows = list(csv.DictReader(io.StringIO(comparison.to_csv())))
    assert [row["group"] for row in rows] == ["reinforce", "rstdp-et"]
    assert float(rows[1]["difference"]) == pytest.approx(0.5)
    assert rows[0]["time_median"] == ""


def test_the_figure_shows_curves_scores_and_profile(two_environments):
    comparison = compare(two_environments, threshold=0.9)
    panels = comparison.figures()["comparison"].axes
    first, second, scores, profile = panels
    assert [first.get_title(), second.get_title()] == ["GridWorld-v0", "Identity-v0"]
    ends = [line.get_ydata()[-1] for line in first.lines[:2]]
    assert ends == pytest.approx([iqm(LOW) / 2, iqm(HIGH) / 2])
    assert [t.get_text() for t in scores.get_yticklabels()] == ["reinforce", "rstdp-et"]
    dots = [line for line in scores.lines if line.get_marker() in "os" and line.get_xdata().size]
    assert sum(line.get_xdata().size for line in dots if line.get_linestyle() == "None") == 22
    for line in profile.lines[:2]:
        assert (line.get_ydata()[0], line.get_ydata()[-1]) == (1, 0)
    assert all(axes.get_xlabel() for axes in panels)
