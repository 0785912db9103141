"""Run directories whose returns are known."""

import pytest

from threefactor.analysis.run_data import EPISODE_COLUMNS
from threefactor.experiments.configuration import resolve
from threefactor.experiments.training.run_directory import RunDirectory


@pytest.fixture
def make_run(tmp_path):
    """Write a run whose replica r has return `level + 0.01*seed` from half of its episodes on."""

    def make(name, level=1.0, finished=None, metric="return", references=None, meta=None, **config):
        config = resolve({"episodes": 20, **config}).to_dict()
        with RunDirectory.create(tmp_path / name, config, meta or {}) as run:
            for replica in range(config["replicas"]):
                seed = config["seed"] + replica
                for episode in range(config["episodes"] if finished is None else finished):
                    is_late = episode >= config["episodes"] // 2
                    value = level + 0.01 * seed if is_late else 0.0
                    row = dict.fromkeys(EPISODE_COLUMNS, 1) | {"replica": replica}
                    row |= {"episode": episode + 1, metric: value}
                    run.append_episode(row)
            run.write_summary({"metric": metric, "references": references or {}})
        return tmp_path / name

    return make


KNOWN = {"random agent (exact)": 0.0, "untrained twin": 0.1, "optimum": 2.0}


@pytest.fixture
def two_rules(make_run, tmp_path):
    """A folder with two rules, six seeds each; the second one's returns are twice as high."""
    for rule, level in (("reinforce", 1.0), ("rstdp-et", 2.0)):
        make_run(f"GridWorld-v0/{rule}", level, rule=rule, replicas=6, references=KNOWN)
    return tmp_path / "GridWorld-v0"
