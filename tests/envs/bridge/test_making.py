"""Environments that cannot be made: one line that leads on."""

import importlib
import sys

import gymnasium as gym
import pytest
from gymnasium.spaces import Discrete

from threefactor.envs.bridge.making import make_environment


class Sized(gym.Env):
    observation_space = action_space = Discrete(2)

    def __init__(self, size=1):
        if size == 2:
            raise KeyError("board")
        if size == 3:
            importlib.import_module("there_is_no_such_module")


@pytest.fixture
def sized(monkeypatch):
    registry = dict(gym.registry)
    gym.register("Sized-v0", Sized)
    gym.register("Lost-v0", "there_is_no_such_module:Sized")
    gym.register("Sizes-v0", lambda: None)
    yield
    gym.registry.clear()
    gym.registry.update(registry)


@pytest.mark.parametrize(
    ("env_id", "kwargs", "told"),
    [
        ("Sized-v0", {"colour": 1}, "argument 'colour'; env_kwargs has: colour"),
        ("Sized-v0", {"size": 2}, r"KeyError: 'board' \(test_making.py, line 1\d, in __init__"),
        ("Sized-v0", {"size": 3}, "No module named 'there_is_no_such_module'"),
        ("Lost-v0", {}, "registered as .* there is no module 'there_is_no_such_module'"),
        ("Sizes-v0", {}, "must inherit from the gymnasium.Env class"),
    ],
)
def test_what_fails_while_it_is_made_is_named(env_id, kwargs, told, sized):
    with pytest.raises(ValueError, match=told) as raised:
        make_environment(env_id, None, kwargs)
    assert str(raised.value).startswith(f"{env_id} cannot be made: ")
    assert "pip install" not in str(raised.value)


@pytest.mark.parametrize("misspelt", ["Size-v0", "sized-v0", "Sized-v7", "sized v0"])
def test_what_cannot_be_made_is_not_suggested(misspelt, sized):
    with pytest.raises(ValueError, match="Did you mean 'Sized-v0'") as raised:
        make_environment(misspelt)
    assert "Sizes-v0" not in str(raised.value)


def test_a_suggestion_that_lacks_a_package_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "Box2D", None)
    for name in ("LunarLander-v2", "LunarLandr-v3"):
        with pytest.raises(ValueError, match=r"'LunarLander-v3' \(after: pip install \"gymnasium"):
            make_environment(name)


@pytest.mark.parametrize(
    ("env_id", "package"),
    [
        ("LunarLander-v3", '"gymnasium[box2d]"'),
        ("Ant-v5", '"gymnasium[mujoco]"'),
        ("phys2d/CartPole-v1", '"gymnasium[jax]"'),
        ("ALE/Pong-v5", '"gymnasium[atari]"; then it is ale_py:ALE/Pong-v5'),
        ("there_is_none:Any-v0", "there_is_none; or give a file"),
    ],
)
def test_missing_packages_are_named(env_id, package, monkeypatch):
    for module in ("Box2D", "mujoco", "jax"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ValueError, match="Run: pip install") as raised:
        make_environment(env_id)
    assert f"Run: pip install {package}" in str(raised.value)


MODULES = {
    "import there_is_none_inside": r"No module named 'there_is_none_inside' \(__init__.py, line 1",
    "1/0": r"ZeroDivisionError: .* \(__init__.py, line 1: `1/0`\)",
    "raise SystemExit(0)": r"SystemExit: 0 \(__init__.py, line 1",
    "x = (": r"SyntaxError",
}


@pytest.mark.parametrize("content", MODULES)
def test_a_package_of_the_present_folder_is_found_and_its_own_fault_named(
    content, tmp_path, monkeypatch
):
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_package").mkdir()
    (tmp_path / "own_package" / "__init__.py").write_text(content)
    with pytest.raises(ValueError, match=MODULES[content]) as raised:
        make_environment("own_package:Any-v0")
    assert str(raised.value).startswith("own_package cannot be imported: ")
    assert "pip install" not in str(raised.value)


@pytest.mark.parametrize("env_id", ["a:b:c", "/x:Any-v0", "a b:Any-v0"])
def test_a_package_must_be_one(env_id):
    with pytest.raises(ValueError, match="expected package:Name-v0 or FILE.py:Name, got"):
        make_environment(env_id)


def test_gymnasium_says_nothing_beside(recwarn):
    make_environment("CartPole").close()
    make_environment("CartPole-v0", None, {"render_mode": "nothing"}).close()
    assert list(recwarn) == []
