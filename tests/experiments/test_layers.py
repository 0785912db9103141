"""From words to a configuration: the command line, files and Python mean the same by them."""

import pytest
import yaml

from threefactor.experiments.command_line.options import parse_train
from threefactor.experiments.configuration import TUNED, RunOptions, resolve
from threefactor.experiments.layers import configure, nested

ENVIRONMENTS = [path.stem for path in sorted(TUNED.glob("*.yaml"))]


@pytest.mark.parametrize("env", [*ENVIRONMENTS, "CartPole-v1"])
@pytest.mark.parametrize("rule", ["reinforce", "rstdp-et", "eprop-reward"])
def test_python_and_the_command_line_give_the_same_run(env, rule):
    words = ["--env", env, "--rule", rule, "--episodes", "300", "--rule.learning-rate", "0.01"]
    typed = parse_train(words).config
    assert configure(env=env, rule=rule, episodes=300, **{"rule.learning_rate": 0.01}) == typed
    assert configure({"env": env}, {"rule": {"name": rule, "learning_rate": 0.01}},
                     episodes=300) == typed  # fmt: skip
    assert typed.parts["rule"].learning_rate == 0.01


def test_tuned_settings_count_without_being_named():
    tuned = yaml.safe_load((TUNED / "GridWorld-v0.yaml").read_text())["default"]
    assert configure().to_dict()["model"]["name"] == tuned["model"]["name"]
    assert configure() != resolve()
    assert configure() == parse_train([]).config


def test_a_file_a_configuration_and_settings_are_layers(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("env: Identity-v0\nepisodes: 7\nrule.learning_rate: 0.25\n")
    for path in (file, str(file)):
        config = configure(path, seed=4)
        assert (config.options.env, config.options.episodes) == ("Identity-v0", 7)
        assert (config.options.seed, config.parts["rule"].learning_rate) == (4, 0.25)
        assert configure(config) == config
        assert configure(config, episodes=8).options.episodes == 8
        assert configure(config.to_dict()) == config


def test_the_rule_of_the_last_layer_is_the_tuned_one():
    by_layers = configure({"env": "GridWorld-v0", "rule": "reinforce"}, {"rule": "rstdp-et"})
    assert by_layers == parse_train(["--rule", "rstdp-et"]).config


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"rule.a": 1, "rule.b": 2}, {"rule": {"a": 1, "b": 2}}),
        ({"rule": "r", "rule.a": 1}, {"rule": {"name": "r", "a": 1}}),
        ({"rule.a": 1, "rule": "r"}, {"rule": {"name": "r", "a": 1}}),
        ({"rule": {"a": 1}, "rule.a": 2}, {"rule": {"a": 2}}),
        ({"critic-rule.learning-rate": 1}, {"critic_rule": {"learning_rate": 1}}),
        ({"env_kwargs.size": 3, "env_kwargs.slip": 0}, {"env_kwargs": {"size": 3, "slip": 0}}),
        ({"episodes": 3}, {"episodes": 3}),
    ],
)
def test_dotted_names_are_nested_settings(settings, expected):
    assert nested(settings) == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"episods": 3}, "Unknown setting 'episods'. Did you mean 'episodes'?"),
        ({"rul.learning_rate": 3}, "Unknown setting 'rul'. Did you mean 'rule'?"),
        ({"rule.learning_rat": 3}, "'learning_rat' of rule. Did you mean 'learning_rate'?"),
        ({"rule": "rsdtp"}, "Did you mean 'rstdp'?"),
        ({"episodes": "few"}, "run.episodes must be int, got 'few'."),
        ({"episodes.x": 1}, "run.episodes must be int"),
        ({"env": 3}, "run.env must be str, got 3."),
    ],
)
def test_errors_name_the_closest_word(settings, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?").replace("(", r"\(")):
        configure(**settings)


def test_what_is_no_layer_is_refused():
    with pytest.raises(TypeError, match="expected a RunConfig, settings by name or a YAML or TOML"):
        configure(3)
    with pytest.raises(ValueError, match=r"absent\.yaml: no such configuration file"):
        configure("absent.yaml")


def test_arguments_of_train_are_no_settings():
    """`train(out=..., quiet=...)` must never hide a setting of the same name."""
    names = set(vars(RunOptions())) | set(resolve().parts)
    assert not names & {"out", "quiet", "observers", "say"}
