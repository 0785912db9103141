"""What is found at a path: runs, folders of them, tables of sweeps."""

import pytest

from threefactor.analysis.compare.agents import find_agents, known_references, run_directories


def test_a_folder_is_searched_but_not_within_runs(make_run, tmp_path):
    runs = [make_run("b/late"), make_run("a/run"), make_run("a/run/evaluation/trained")]
    assert run_directories(tmp_path) == [runs[1], runs[0]]
    assert run_directories(runs[1]) == [runs[1]]


def test_replicas_are_seeds_and_their_score_is_of_their_last_episodes(make_run):
    path = make_run("run", 1.0, replicas=2, seed=3, episodes=200)
    first, second = find_agents([path]).agents
    assert (first.env, first.seed, second.seed) == ("GridWorld-v0", 3, 4)
    assert (first.score, second.score) == pytest.approx((1.03, 1.04))
    assert first.curve.size == 200
    assert "seed" not in first.settings


def test_a_run_named_twice_counts_once(make_run, tmp_path):
    path = make_run("run", replicas=2)
    found = find_agents([path, tmp_path])
    assert (len(found.agents), found.notes) == (2, ())


def test_what_has_not_ended_is_left_out_and_said(make_run, tmp_path):
    make_run("whole")
    killed, empty = make_run("killed", finished=7, seed=1), make_run("none", finished=0, seed=2)
    found = find_agents([tmp_path])
    assert [agent.seed for agent in found.agents] == [0]
    (note,) = found.notes
    assert note.startswith(
        f"2 runs have not ended, and what has not is left out: {killed}, {empty}"
    )
    assert "fail more often" in note


def test_the_discounted_return_is_taken_where_it_is_the_metric(make_run):
    (agent,) = find_agents([make_run("run", 3.0, metric="discounted_return")]).agents
    assert (agent.metric, agent.curve[-1]) == ("discounted_return", 3.0)


def test_references_of_several_runs_are_averaged(make_run, tmp_path):
    for seed, low in enumerate((0.0, 1.0)):
        make_run(f"{seed}", seed=seed, references={"random agent": low, "optimum": 5.0})
    make_run("none", seed=9)
    assert known_references(find_agents([tmp_path]).agents) == {"random agent": 0.5, "optimum": 5.0}


TABLE = "cell,rule,seed,status,metric,score,path,replica\n"


def test_a_table_stands_in_for_runs_that_are_gone(tmp_path):
    file = tmp_path / "results.csv"
    file.write_text(
        TABLE + "ab,reinforce,0,done,return,0.5,gone,0\nab,reinforce,1,failed,,,gone,1\n"
    )
    found = find_agents([tmp_path])
    (agent,) = found.agents
    assert (agent.seed, agent.score, agent.curve) == (0, 0.5, None)
    assert agent.settings == {"rule": "reinforce"}
    assert found.notes[0].startswith(f"1 of 2 rows of {file} have no score")


def test_runs_count_more_than_the_table_beside_them(make_run, tmp_path):
    make_run("run")
    (tmp_path / "results.csv").write_text(TABLE + "ab,reinforce,7,done,return,0.5,run,0\n")
    assert [agent.seed for agent in find_agents([tmp_path]).agents] == [0]


def test_runs_of_a_sweep_come_in_the_order_of_its_table(make_run, tmp_path):
    for name, seed in (("f0", 0), ("a1", 1), ("zz", 2)):
        make_run(name, seed=seed)
    (tmp_path / "results.csv").write_text("cell,seed,score,path\nx,0,1,f0\nx,1,1,a1\n")
    assert [agent.seed for agent in find_agents([tmp_path]).agents] == [0, 1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "columns seed and score, got none called seed and score of a, b"),
        ("seed,score\n1,good\n", "line 2: expected a seed and a score, got '1' and 'good'"),
        ("seed,score\n1,nan\n", "line 2: expected a finite score"),
        ("seed,score\n1,\n", "No agent to compare has ended its training. 1 of 1 rows"),
        ("", "got none called seed and score of none"),
    ],
)
def test_tables_that_are_none_are_refused(content, message, tmp_path):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        find_agents([tmp_path / "t.csv"])


def test_places_without_runs_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no such run directory, folder of runs or table"):
        find_agents([tmp_path / "nowhere"])
    with pytest.raises(ValueError, match="a folder of runs, got one without any"):
        find_agents([tmp_path])
