"""Agents of several runs, each once: replica r of seed s is the agent of seed s + r."""

import pytest

from threefactor.analysis.pooling import pool_runs
from threefactor.analysis.report import compare_runs
from threefactor.analysis.run_data import EPISODE_COLUMNS
from threefactor.experiments.configuration import resolve
from threefactor.experiments.training.run_directory import RunDirectory


@pytest.fixture
def make_run(tmp_path):
    """Write a run of some settings whose returns are its agents' seeds; return its path."""

    def make(name, finished=3, meta=None, turned=False, **settings):
        config = resolve(settings).to_dict()
        config = dict(reversed(config.items())) if turned else config
        with RunDirectory.create(tmp_path / name, config, meta or {}) as run:
            for replica in range(config["replicas"]):
                for episode in range(finished):
                    row = dict.fromkeys(EPISODE_COLUMNS, 1)
                    value = config["seed"] + replica
                    run.append_episode(
                        row | {"replica": replica, "episode": episode, "return": value}
                    )
        return tmp_path / name

    return make


def seeds_of(agents):
    return [agent.seed for agent in agents]


def test_five_replicas_from_seed_0_and_five_from_seed_1_are_six_agents(make_run):
    first, second = make_run("a", seed=0, replicas=5), make_run("b", seed=1, replicas=5)
    pooled = pool_runs([first, second])
    agents = pooled.agents
    assert seeds_of(agents) == [0, 1, 2, 3, 4, 5]
    assert [agent.column("return").tolist() for agent in agents] == [[s] * 3 for s in range(6)]
    assert pooled.report() == (
        f"Same agents, counted once: left out seeds 1, 2, 3, 4 of {second} (in {first})."
    )


def test_runs_that_share_no_agent_are_pooled_silently(make_run):
    runs = [make_run("a", replicas=2), make_run("b", seed=2), make_run("c", control="frozen")]
    pooled = pool_runs(runs)
    assert seeds_of(pooled.agents) == [0, 1, 2, 0]
    assert pooled.report() == ""


WATCHED = {"engine": "runtime", "episodes": 7, "record_episodes": 0, "reference_episodes": 0}


def test_the_order_of_settings_makes_no_other_agent(make_run):
    assert len(pool_runs([make_run("a"), make_run("b", turned=True)]).agents) == 1


OTHERS = [{"rule": "rstdp-et"}, {"window_ms": 10.0}, {"rule": {"learning_rate": 0.123}}]


@pytest.mark.parametrize("settings", [{name: value} for name, value in WATCHED.items()])
def test_how_an_agent_is_watched_makes_no_other_agent(settings, make_run):
    assert len(pool_runs([make_run("a"), make_run("b", **settings)]).agents) == 1


@pytest.mark.parametrize("settings", OTHERS)
def test_another_setting_makes_another_agent(settings, make_run):
    assert len(pool_runs([make_run("a"), make_run("b", **settings)]).agents) == 2


def test_another_version_of_a_users_file_makes_another_agent(make_run):
    versions = [{"files": {"parts/my_rule.py": {"sha256": digest}}} for digest in ("1", "2", "1")]
    runs = [make_run(f"{i}", meta=meta) for i, meta in enumerate(versions)]
    assert len(pool_runs(runs).agents) == 2


def test_the_longest_copy_of_an_agent_is_kept(make_run):
    runs = [make_run("short", 2), make_run("long", 9, episodes=9), make_run("middle", 5)]
    pooled = pool_runs(runs)
    (agent,) = pooled.agents
    assert agent.run.path == runs[1]
    assert agent.column("episode").tolist() == list(range(9))
    assert f"0 of {runs[0]} (in {runs[1]}); 0 of {runs[2]} (in {runs[1]})" in pooled.report()


def test_a_comparison_draws_six_agents_and_says_so(make_run):
    said = []
    runs = [make_run("a", seed=0, replicas=5), make_run("b", seed=1, replicas=5)]
    figure = compare_runs({"rule": runs, "twin": runs[:1]}, say=said.append)
    rule, _ = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert rule.get_ydata().tolist() == [0, 1, 2, 3, 4, 5]
    (line,) = said
    assert line.startswith("rule: Same agents, counted once: left out seeds 1, 2, 3, 4 of ")


def test_a_run_without_a_seed_is_refused(tmp_path):
    RunDirectory.create(tmp_path / "run", {}, {}).close()
    with pytest.raises(ValueError, match="expected a configuration with its seed"):
        pool_runs([tmp_path / "run"])
