"""From words to a configuration: the command line, files and Python mean the same by them."""

import numpy as np
import pytest
import yaml

from threefactor.experiments.command_line.options import parse_train
from threefactor.experiments.configuration import RunOptions, resolve
from threefactor.experiments.layers import configure, nested, preset_of
from threefactor.experiments.presets.preset import FOLDER

ENVIRONMENTS = [path.stem for path in sorted(FOLDER.glob("*-v*.yaml"))]


@pytest.mark.parametrize("env", [*ENVIRONMENTS, "Acrobot-v1"])
@pytest.mark.parametrize("rule", ["reinforce", "rstdp-et", "eprop-reward"])
def test_python_and_the_command_line_give_the_same_run(env, rule):
    words = ["--env", env, "--rule", rule, "--episodes", "300", "--rule.learning-rate", "0.01"]
    typed = parse_train(words).config
    assert configure(env=env, rule=rule, episodes=300, **{"rule.learning_rate": 0.01}) == typed
    assert configure({"env": env}, {"rule": {"name": rule, "learning_rate": 0.01}},
                     episodes=300) == typed  # fmt: skip
    assert typed.parts["rule"].learning_rate == 0.01


def test_the_plausible_preset_counts_without_being_named():
    content = yaml.safe_load((FOLDER / "GridWorld-v0.yaml").read_text())
    assert configure().options.preset == "plausible"
    for name in ("plausible", "fast"):
        expected = content[name]["default"]["window_ms"]
        assert configure(preset=name).options.window_ms == expected
    assert configure(preset="none") == resolve()
    assert configure() == parse_train([]).config
    assert configure(preset="fast") == parse_train(["--preset", "fast"]).config


def test_what_was_not_tuned_starts_from_the_general_preset():
    general = configure(env="Acrobot-v1")
    assert general.options.window_ms == 100.0
    assert preset_of(general).provenance is None
    assert preset_of(general).text().endswith("rule reinforce-sign: not tuned for it")


def test_what_was_not_tuned_is_five_times_as_fast_in_the_fast_preset():
    """Windows, time constants and rates alike, so that settings of one carry over to the other."""
    slow, fast = (configure(env="Acrobot-v1", preset=name) for name in ("plausible", "fast"))
    assert slow.options.window_ms == 5.0 * fast.options.window_ms
    for part, times, rates in (
        ("encoder", (), ("rate_max_hz",)),
        ("neuron", ("tau_membrane_ms",), ("rate_at_threshold_hz",)),
        ("critic_neuron", ("tau_membrane_ms",), ("rate_at_threshold_hz",)),
        ("modulator", ("tau_normalise_ms",), ()),
    ):
        one, other = slow.parts[part], fast.parts[part]
        assert all(getattr(one, name) == 5.0 * getattr(other, name) for name in times), part
        assert all(5.0 * getattr(one, name) == getattr(other, name) for name in rates), part
    assert slow.parts["model"] == fast.parts["model"]
    tuned = configure(env="Taxi-v4", preset="fast")
    assert tuned.parts["neuron"].tau_membrane_ms == slow.parts["neuron"].tau_membrane_ms


@pytest.mark.parametrize(
    ("typed", "is_told"),
    [
        ([], False),
        (["--rule.learning-rate", "4"], True),  # what the preset has: it stays all the same
        (["--rule.learning-rate", "4", "--schedule", "decay"], False),
        (["--model.w-max", "5"], False),
    ],
)
def test_a_schedule_that_is_left_out_is_told(typed, is_told):
    request = parse_train(["--env", "FrozenLake-v1", *typed])
    assert request.note.startswith("schedule: left out") == is_told
    assert (request.config.names["schedule"] == "fixed") == is_told
    if is_told:
        assert "--schedule decay --schedule.parameter policy.learning_rate modul" in request.note


def test_a_saved_configuration_keeps_its_preset():
    config = configure(preset="fast", env="CartPole-v1", rule="reinforce")
    assert configure(config.to_dict()) == config == resolve(config.to_dict())
    assert "seeds" in preset_of(config).text()


def test_a_learning_rate_of_the_user_is_not_moved_by_the_schedule_of_a_preset():
    assert configure(env="CartPole-v1").names["schedule"] == "interval"
    chosen = configure(env="CartPole-v1", **{"rule.learning_rate": 0.5})
    assert (chosen.names["schedule"], chosen.parts["rule"].learning_rate) == ("fixed", 0.5)
    each = configure(env="CartPole-v1", each={"rule.learning-rate": np.array([0.5, 0.1])})
    assert (each.names["schedule"], each.options.replicas) == ("fixed", 2)
    assert each.parts["encoder"] == chosen.parts["encoder"]
    both = configure(env="CartPole-v1", **{"rule.learning_rate": 0.5, "schedule.start": 0.5})
    assert (both.names["schedule"], both.parts["schedule"].start) == ("interval", (0.5,))


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


def test_the_preset_is_that_of_the_rule_of_the_last_layer():
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
        ({"preset": "fats"}, "Unknown preset 'fats'. Did you mean 'fast'?"),
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
