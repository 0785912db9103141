"""Users' files are part of their run: copied, used from there, and compared with the originals."""

import json
import shutil

import numpy as np
import pytest
import yaml

import run
from threefactor.experiments.configuration import read_settings, resolve
from threefactor.experiments.training.run_files import changes, collect_files

RULE = """
from dataclasses import dataclass
from threefactor.rules.reinforce import Reinforce
from rates import RATE

@dataclass(frozen=True)
class Mine(Reinforce):
    learning_rate: float = RATE
"""
MODEL = """
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from threefactor.models.architectures.feedforward import FeedForward
from threefactor.models.specification import NetworkSpec

@dataclass(frozen=True)
class Wired(FeedForward):
    wiring: Path = Path("data/wiring.npy")

    def build(self, parts):
        source, actor = self.input_population(parts), self.actor(parts)
        pre, post = np.nonzero(np.load(self.wiring))
        policy = self.plastic(
            "policy", source, actor, parts.rule, parts.update, {"pre": pre, "post": post}
        )
        return NetworkSpec((source, actor), (policy,), timestep_ms=parts.timestep_ms)
"""
ENVIRONMENT = """
from threefactor.envs.identity import Identity

class Mine(Identity):
    pass
"""
QUICK = [
    "--replicas", "2", "--episodes", "2", "--max-episode-steps", "4", "--engine", "runtime-numpy",
    "--modulator", "reward", "--model.neurons-per-action", "2", "--reference-episodes", "1",
]  # fmt: skip
NO_FIGURES = ["--quiet", "--no-figures"]


@pytest.fixture
def home(write, monkeypatch):
    """Return a folder of a user's files, which is the present one."""
    write("RATE = 0.25\n", "rates.py")
    write(RULE, "my_rule.py")
    write(MODEL, "my_model.py")
    folder = write(ENVIRONMENT, "my_env.py").parent
    (folder / "data").mkdir()
    np.save(folder / "data" / "wiring.npy", np.arange(8).reshape(2, 4) % 3 == 0)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def train(home):
    """Return a function that trains with the user's rule, model and environment."""

    def call(*options):
        parts = ["--rule", "my_rule.py:Mine", "--model", "my_model.py:Wired"]
        command = ["train", "--env", "my_env.py:Mine", *parts, *QUICK, *NO_FIGURES]
        assert run.main([*command, "--out", "run", *options]) == 0
        return home / "run"

    return call


def test_a_run_holds_its_files_and_names_them_from_its_folder(train, home):
    path = train()
    config = yaml.safe_load((path / "config.yaml").read_text())
    assert config["env"] == "parts/my_env.py:Mine"
    assert config["rule"]["name"] == "parts/my_rule.py:Mine"
    assert config["rule"]["learning_rate"] == 0.25
    assert config["model"]["name"] == "parts/my_model.py:Wired"
    assert config["model"]["wiring"] == "data/wiring.npy"
    files = ["my_env.py", "my_model.py", "data/wiring.npy", "my_rule.py", "rates.py"]
    for name in files:
        assert (path / "parts" / name).read_bytes() == (home / name).read_bytes()
    meta = json.loads((path / "meta.json").read_text())
    assert list(meta["files"]) == [f"parts/{name}" for name in files]
    assert meta["files"]["parts/rates.py"]["source"] == str(home / "rates.py")
    assert meta["config"] == config
    summary = json.loads((path / "summary.json").read_text())
    assert (summary["rule"], summary["env"]) == ("my_rule.py:Mine", "my_env.py:Mine")


def test_a_moved_run_needs_no_original(train, home, tmp_path, monkeypatch, capsys):
    moved = tmp_path / "elsewhere" / "moved"
    shutil.move(train(), moved)
    shutil.rmtree(home)
    monkeypatch.chdir(tmp_path)
    assert run.main(["evaluate", str(moved), "--episodes", "2"]) == 0
    config = (moved / "config.yaml").read_text()
    assert run.main(["train", "--resume", "elsewhere/moved", "--episodes", "3", *NO_FIGURES]) == 0
    assert (moved / "config.yaml").read_text() == config.replace(
        "episodes: 2\n", "episodes: 3\n", 1
    )
    assert changes(moved) == ""
    assert run.main(["train", "--config", str(moved / "config.yaml"), "--print-config"]) == 0
    again = yaml.safe_load(capsys.readouterr().out.split("run: elsewhere/moved\n")[1])
    assert again["rule"]["name"] == f"{moved}/parts/my_rule.py:Mine"
    assert again["model"]["wiring"] == f"{moved}/parts/data/wiring.npy"


def test_an_edited_original_is_noticed_and_the_copy_used(train, home, capsys):
    path = train()
    assert changes(path) == ""
    (home / "my_rule.py").write_text(RULE.replace("RATE\n\n", "") + "    1/0\n")
    assert changes(path) == (
        "my_rule.py has changed since this run was started; the run's own copy is used"
    )
    (home / "rates.py").write_text("RATE = 3.0\n")
    assert "my_rule.py, rates.py have changed" in changes(path)
    assert run.main(["evaluate", str(path), "--episodes", "1"]) == 0
    printed = capsys.readouterr().err.splitlines()
    assert [line for line in printed if "have changed" in line] == [changes(path)]
    assert resolve(read_settings(path / "config.yaml")).parts["rule"].learning_rate == 0.25
    (path / "parts" / "rates.py").write_text("RATE = 4.0\n")
    assert f"{path / 'parts' / 'rates.py'} is not what this run was started with" in changes(path)


def test_files_of_several_folders_do_not_meet(write):
    names = [
        f"{write(RULE, folder=folder)}:Mine"
        for folder, rate in (("one", 1), ("two", 2))
        if write(f"RATE = {rate}.0\n", "rates.py", folder)
    ]
    config = resolve({"rule": names[0], "critic_rule": names[1]})
    files = collect_files(config)
    assert files.contents["parts/rates.py"] == b"RATE = 1.0\n"
    assert files.contents["parts/2/rates.py"] == b"RATE = 2.0\n"
    assert files.settings["critic_rule"]["name"] == "parts/2/mine.py:Mine"
    assert files.settings["rule"]["learning_rate"] == 1.0


def test_data_from_elsewhere_keeps_its_name_unless_it_is_taken(home, tmp_path):
    other = tmp_path / "data" / "my_model.py"  # not that file: data of the same name
    other.parent.mkdir()
    np.save(other.with_suffix(".npy"), np.eye(2, 4))
    other.with_suffix(".npy").rename(other)
    config = resolve({"model": {"name": "my_model.py:Wired", "wiring": str(other)}})
    files = collect_files(config)
    assert files.settings["model"]["wiring"] == "other-my_model.py"
    assert files.contents["parts/other-my_model.py"] == other.read_bytes()


def test_a_missing_data_file_is_named(home):
    with pytest.raises(ValueError, match="model.wiring: there is no file 'no.npy' in .*home"):
        resolve({"model": {"name": "my_model.py:Wired", "wiring": "no.npy"}})


def test_a_run_without_users_files_has_no_copies():
    files = collect_files(resolve())
    assert (files.contents, files.digests()) == ({}, {})
    assert files.settings == resolve().to_dict()


def test_settings_name_files_from_where_they_are_written(home, tmp_path, monkeypatch):
    (home / "settings.yaml").write_text("rule: my_rule.py:Mine\nenv: my_env:Mine\n")
    monkeypatch.chdir(tmp_path)
    config = resolve(read_settings(home / "settings.yaml"))
    assert config.names["rule"] == f"{home / 'my_rule.py'}:Mine"
    assert config.options.env == f"{home / 'my_env.py'}:Mine"
    assert resolve(config.to_dict()) == config
    with pytest.raises(ValueError, match="there is no file 'my_rule.py' in"):
        resolve({"rule": "my_rule.py:Mine"})


def test_a_later_layer_may_name_the_same_file_from_another_folder(home, monkeypatch):
    monkeypatch.chdir(home / "data")
    layers = (
        {"rule": {"name": str(home / "my_rule.py:Mine"), "learning_rate": 0.5}},
        {"rule": "../my_rule.py:Mine"},
    )
    assert resolve(*layers).parts["rule"].learning_rate == 0.5
