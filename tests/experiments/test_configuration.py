"""Run configurations: precedence, coercion, errors with suggestions, round trips."""

import contextlib
import dataclasses
import json
import os
import re
from datetime import date

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from threefactor.agents.seeds import STREAMS, spawn_seeds
from threefactor.experiments import configuration as config_module
from threefactor.experiments.coercion import coerce
from threefactor.experiments.command_line.option_help import documented_parameters
from threefactor.experiments.command_line.options import parse_train
from threefactor.experiments.configuration import (
    PARTS,
    PRESETS,
    RunOptions,
    read_settings,
    resolve,
)
from threefactor.experiments.presets import preset as preset_module


@pytest.fixture
def presets(tmp_path, monkeypatch):
    """A folder of presets with one environment, Identity-v0."""
    content = {
        "default": {"episodes": 11, "window_ms": 30.0, "rule": {"name": "rstdp", "a_minus": 0.5}},
        "rules": {"rstdp": {"rule": {"learning_rate": 0.7}}, "reinforce": {"episodes": 13}},
    }
    (tmp_path / "Identity-v0.yaml").write_text(yaml.safe_dump({"plausible": content}))
    monkeypatch.setattr(preset_module, "FOLDER", tmp_path)
    return tmp_path


def write(path, content):
    path.write_text(content)
    return str(path)


def test_defaults():
    base = resolve()
    assert base.options == RunOptions()
    assert base.names == {name: part.default for name, part in PARTS.items()}
    for name, part in PARTS.items():
        assert base.parts[name] == part.table[part.default]()


def test_precedence(presets, tmp_path):
    file = write(tmp_path / "a.yaml", "env: Identity-v0\nepisodes: 22\nrule: {a_plus: 0.25}\n")
    by_preset = parse_train(["--env", "Identity-v0"]).config
    assert (by_preset.options.episodes, by_preset.options.window_ms) == (11, 30.0)
    assert by_preset.options.seed == 0
    assert by_preset.parts["rule"].learning_rate == 0.7
    assert by_preset.parts["rule"].a_minus == 0.5
    with_file = parse_train(["--config", file]).config
    assert (with_file.options.episodes, with_file.options.window_ms) == (22, 30.0)
    assert with_file.parts["rule"].a_plus == 0.25
    assert with_file.parts["rule"].learning_rate == 0.7
    arguments = ["--config", file, "--episodes", "33", "--rule.learning-rate", "0.125"]
    by_hand = parse_train(arguments).config
    assert (by_hand.options.episodes, by_hand.options.window_ms) == (33, 30.0)
    assert by_hand.parts["rule"].learning_rate == 0.125
    assert by_hand.parts["rule"].a_plus == 0.25


def test_another_name_drops_what_lower_layers_set_for_the_part(presets, tmp_path):
    chosen = parse_train(["--env", "Identity-v0", "--rule", "rstdp-et"]).config
    assert chosen.parts["rule"] == PARTS["rule"].table["rstdp-et"]()
    assert chosen.options.episodes == 11
    other = parse_train(["--env", "Identity-v0", "--rule", "reinforce"]).config
    assert other.options.episodes == 13
    assert other.parts["rule"] == PARTS["rule"].table["reinforce"]()
    merged = resolve(
        {"decoder": {"name": "softmax", "temperature": 3.0}}, {"decoder": "argmax"},
        {"decoder": "softmax"},
    )  # fmt: skip
    assert merged.parts["decoder"] == PARTS["decoder"].table["softmax"]()
    kept = resolve({"decoder": {"name": "softmax", "temperature": 3.0}}, {"decoder": "softmax"})
    assert kept.parts["decoder"].temperature == 3.0


def test_an_environment_of_a_package_finds_its_preset(presets):
    found = preset_module.find_preset("plausible", "threefactor.envs:Identity-v0", None)
    assert (found.layers[1]["episodes"], found.rule) == (11, "rstdp")
    assert not any(preset_module.find_preset("plausible", "Unknown-v0", None).layers)


def test_a_preset_has_settings_for_single_models(presets):
    written = {
        "default": {"modulator": "td-linear", "model": {"name": "feed-forward", "w_max": 3.0}},
        "rules": {"rstdp": {"episodes": 5}, "td-ltp": {"model": "actor-critic"}},
        "models": {
            "actor-critic": {
                "default": {"modulator": "td", "model": {"w_max": 4.0}, "episodes": 7},
                "rules": {"rstdp": {"rule": {"learning_rate": 2.0}}},
            }
        },
    }
    (presets / "Identity-v0.yaml").write_text(yaml.safe_dump({"plausible": written}))
    with_critic = ["--env", "Identity-v0", "--model", "actor-critic"]
    found = parse_train([*with_critic, "--rule", "rstdp"]).config
    assert (found.names["modulator"], found.parts["model"].w_max) == ("td", 4.0)
    assert (found.options.episodes, found.parts["rule"].learning_rate) == (7, 2.0)
    assert parse_train([*with_critic, "--rule", "stdp"]).config.parts["rule"].learning_rate != 2.0
    by_rule = parse_train(["--env", "Identity-v0", "--rule", "td-ltp"]).config
    assert (by_rule.names["model"], by_rule.names["modulator"]) == ("actor-critic", "td")
    plain = parse_train(["--env", "Identity-v0", "--rule", "rstdp"]).config
    assert (plain.names["modulator"], plain.options.episodes) == ("td-linear", 5)
    told = preset_module.find_preset("plausible", "Identity-v0", "rstdp", "actor-critic")
    assert "model actor-critic: not tuned" in told.text()


PRESET_FILES = sorted(preset_module.FOLDER.glob("*-v*.yaml"))


@pytest.mark.parametrize("path", PRESET_FILES, ids=lambda path: path.stem)
def test_every_preset_resolves_for_every_rule(path):
    for preset, content in read_settings(path).items():
        assert preset in PRESETS
        assert set(content) <= {"default", "rules", "models", "provenance", "agents"}
        for rule in (None, *content.get("rules", {})):
            words = ["--preset", preset, "--env", path.stem, *(["--rule", rule] if rule else [])]
            parsed = parse_train(words).config
            assert (parsed.options.env, parsed.options.preset) == (path.stem, preset)
            assert rule in (None, parsed.names["rule"])
            section = dict((content["rules"].get(rule) if rule else None) or {})
            assert section.pop("provenance", content.get("provenance")) or rule is None
            for key, value in section.items():
                if key in PARTS:
                    settings = config_module.part_settings(key, value)
                    assert parsed.names[key] == settings.pop("name", parsed.names[key])
                    for name, expected in settings.items():
                        found = getattr(parsed.parts[key], name)
                        assert found == (
                            tuple(np.atleast_1d(expected)) if type(found) is tuple else expected
                        )
                else:
                    assert getattr(parsed.options, key) == value, (rule, key)


@pytest.mark.parametrize("path", PRESET_FILES, ids=lambda path: path.stem)
def test_every_preset_of_an_agent_resolves(path):
    for preset, content in read_settings(path).items():
        for agent, section in content.get("agents", {}).items():
            words = ["--preset", preset, "--env", path.stem, "--agent", agent]
            parsed = parse_train(words).config
            assert parsed.names["agent"] == agent
            for key, value in section["default"].items():
                if key not in PARTS:
                    assert getattr(parsed.options, key) == value, (agent, key)
                    continue
                for name, expected in config_module.part_settings(key, value).items():
                    found = {"name": parsed.names[key], **vars(parsed.parts[key])}[name]
                    is_tuple = type(found) is tuple
                    assert found == (tuple(np.atleast_1d(expected)) if is_tuple else expected)


def test_every_preset_says_where_it_comes_from():
    told = list(preset_module.all_provenances())
    assert {(env, name) for env, name, _, _ in told} >= {
        (path.stem, name) for path in PRESET_FILES for name in read_settings(path)
    }
    for env, _, _, provenance in told:
        assert f"--env {env}" in provenance.command
        words = provenance.command.removeprefix("run.py train ").split()
        assert parse_train(words).config.options.env == env
        seeds = [int(word) for word in re.findall(r"\d+", provenance.tuning_seeds)]
        assert min(seeds) >= 100, "seeds below 100 are for reports"
    with pytest.raises(ValueError, match=r"CartPole.provenance: expected command, tuning_seeds"):
        preset_module.Provenance.of("CartPole", {"date": "today"})


def test_yaml_strings_of_numbers_become_numbers(tmp_path):
    text = "window_ms: 2e1\nrule: {learning_rate: 1e-3}\nreplicas: '2'\nmax_episode_steps: null\n"
    loaded = resolve(read_settings(write(tmp_path / "a.yaml", text)))
    assert loaded.parts["rule"].learning_rate == 0.001
    assert (loaded.options.window_ms, loaded.options.replicas) == (20.0, 2)
    assert isinstance(loaded.options.replicas, int)


def test_toml(tmp_path):
    text = 'episodes = 5\nneuron = "lif"\n[rule]\nname = "rstdp"\na_minus = 0.25\n'
    loaded = resolve(read_settings(write(tmp_path / "a.toml", text)))
    assert (loaded.options.episodes, loaded.names["neuron"]) == (5, "lif")
    assert loaded.parts["rule"].a_minus == 0.25


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"episods": 3}, "Unknown setting 'episods'. Did you mean 'episodes'?"),
        ({"modulater": "td"}, "Unknown setting 'modulater'. Did you mean 'modulator'?"),
        ({"rule": {"learning_rat": 1}}, "'learning_rat' of rule. Did you mean 'learning_rate'?"),
        ({"rule": "reinforc"}, "Unknown rule 'reinforc'. Did you mean 'reinforce'?"),
        ({"neuron": "liff"}, "Unknown neuron 'liff'. Did you mean 'lif'?"),
        ({"engine": "compild"}, "Unknown engine 'compild'. Did you mean 'compiled'?"),
        ({"control": "frosen"}, "Unknown control 'frosen'. Did you mean 'frozen'?"),
        ({"episodes": "many"}, "run.episodes must be int, got 'many'"),
        ({"episodes": 2.5}, "run.episodes must be int, got 2.5"),
        ({"episodes": True}, "run.episodes must be int, got True"),
        ({"episodes": float("inf")}, "run.episodes must be int, got inf"),
        ({"episodes": [3]}, r"run.episodes must be int, got [3]"),
        ({"window_ms": "long"}, "run.window_ms must be float, got 'long'"),
        ({"window_ms": float("nan")}, "window_ms must be > 0 ms, got nan"),
        ({"env": 7}, "run.env must be str, got 7"),
        ({"env_kwargs": "size"}, "run.env_kwargs must be dict, got 'size'"),
        ({"rule": {"learning_rate": None}}, "rule.learning_rate must be float, got None"),
        ({"rule": {"learning_rate": -1}}, "Reinforce.learning_rate must be >= 0, got -1.0"),
        ({"model": {"is_modular": "yes", "name": "layered"}}, "is_modular must be bool, got 'yes'"),
        ({"rule": 5}, "rule must be a name or settings, got 5"),
        ({"rule": ["reinforce"]}, "rule must be a name or settings, got ['reinforce']"),
        ({"rule": {"name": 5}}, "rule.name must be str, got 5"),
        ({"neuron": {"name": ["lif"]}}, "neuron.name must be str, got ['lif']"),
        ({7: 3}, "Unknown setting 7"),
        ({"rule": {3: 3}}, "Unknown setting 3 of rule"),
        ({"window_ms": 2.5, "timestep_ms": 1.0}, "window_ms must be a multiple of timestep_ms"),
        ({"replicas": 0}, "replicas must be >= 1, got 0"),
        ({"replicas": 1_000_000}, "replicas must be <= 100000, got 1e+06"),
        ({"episodes": 10**13}, "episodes must be <= 1000000000000, got 1e+13"),
        ({"seed": 2**63}, "seed must be <= 9223372036854775807, got"),
        ({"max_episode_steps": 0}, "max_episode_steps must be >= 1, got 0"),
        ({"timestep_ms": 1e-300}, "timestep_ms must be >= 0.0001 ms, got 1e-300"),
        ({"window_ms": 3.15e10}, "window_ms must be < 1e+09 ms, got 31500000000.0"),
        ({"window_ms": 2e4, "timestep_ms": 1e-3}, "window_ms must be at most 1000000 timesteps"),
        ({"rule": {"learning_rate": 1e300}}, "rule.learning_rate: expected at most 1e+12 in size"),
        ({"rule": {"learning_rate": 10**400}}, "rule.learning_rate must be float"),
        ({"model": {"w_max": float("inf")}}, "model.w_max must be a finite number, got inf"),
        ({"decoder": {"name": "softmax", "temperature": float("nan")}}, "must be a finite number"),
        ({"encoder": {"name": "gaussian", "low": [0, float("nan")]}}, "encoder.low must be a fini"),
        ({"env_kwargs": {1: 2}}, "env_kwargs: expected names of arguments, got the key 1."),
        ({"env_kwargs": {"day": date(2001, 1, 1)}}, "env_kwargs.day: Plain data: expected"),
        ({"apart": "yes"}, "run.apart must be bool, got 'yes': write true or false."),
        ({"seed": -1}, "seed must be >= 0, got -1"),
    ],
)  # fmt: skip
def test_wrong_settings_are_named(layer, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        resolve(layer)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "a: [1", "cannot be read"),
        ("a.toml", "a = ", "cannot be read"),
        ("a.yaml", "- 1\n- 2", "expected settings as `name: value`, got [1, 2]"),
        ("a.json", "{}", "expected .yaml, .yml or .toml, got '.json'"),
        ("a.yaml", "seed: 1\nseed: 2", "'seed' is set twice, in line 1 and in line 2"),
        ("a.yaml", "a: " + "[" * 10_000, "more than 50 levels"),
        ("a.toml", "a = 1\na = 2", "Cannot overwrite a value (at"),
        ("a.toml", "a = " + "[" * 10_000, "too many levels"),
    ],
)
def test_unreadable_files_are_named_in_one_line(name, text, message, tmp_path):
    path = write(tmp_path / name, text)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        read_settings(path)
    assert str(caught.value).startswith(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [("env: 7", "run.env must be str, got 7"), ("rule: 5", "rule must be a name or settings")],
)
def test_wrong_settings_in_a_file_are_named(text, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        parse_train(["--config", write(tmp_path / "a.yaml", text)])


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ValueError, match="no such configuration file"):
        read_settings(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").mkdir()
    with pytest.raises(ValueError, match=r"b\.yaml: expected a configuration file"):
        read_settings(tmp_path / "b.yaml")


@pytest.mark.parametrize("content", [b"\xff\xfe\0", b"a: \xe9"])
def test_what_is_no_text_is_named(content, tmp_path):
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.yaml: cannot be read: it is no text in UTF-8"):
        read_settings(tmp_path / "a.yaml")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(ValueError, match=r"a\.yaml: expected a configuration file"):
        read_settings(tmp_path / "a.yaml")


def test_a_setting_written_in_two_ways_is_refused(tmp_path):
    for text in ("max-episode-steps: 3\nmax_episode_steps: 4", "rule: {a-b: 1, a_b: 2}"):
        with pytest.raises(ValueError, match="are the same setting"):
            parse_train(["--config", write(tmp_path / "a.yaml", text)])


def test_empty_file_is_no_settings(tmp_path):
    assert read_settings(write(tmp_path / "a.yaml", "# nothing\n")) == {}


#: A choice of parts that differs from the defaults in every place, lists and tuples included.
OTHER = {
    "env": "CartPole-v1", "episodes": 3, "max_episode_steps": 7, "env_kwargs": {"a": [1, 2]},
    "encoder": {"name": "gaussian"}, "model": {"name": "layered", "heterogeneous": ["bias"]},
    "neuron": "srm0", "rule": {"name": "reinforce-sign", "learning_rate": 0.25},
    "modulator": {"name": "reward-baseline", "scope": "global"}, "decoder": "softmax",
}  # fmt: skip


@pytest.mark.parametrize("layer", [{}, OTHER])
def test_written_configuration_resolves_to_itself(layer, tmp_path):
    first = resolve(layer)
    path = write(tmp_path / "config.yaml", first.to_yaml())
    assert resolve(read_settings(path)) == first
    assert resolve(json.loads(json.dumps(first.to_dict()))) == first
    assert parse_train(["--config", path]).config == first


PART_CHOICES = [(part, name) for part in PARTS for name in PARTS[part].table]


@pytest.mark.parametrize(("part", "name"), PART_CHOICES)
def test_every_choice_of_every_part_round_trips(part, name):
    chosen = resolve({part: name})
    assert resolve(yaml.safe_load(chosen.to_yaml())) == chosen
    assert type(chosen.parts[part]) is PARTS[part].table[name]


@pytest.mark.parametrize(
    ("agent", "row"),
    [(PARTS["agent"].default, k) for k in range(max(len(part.table) for part in PARTS.values()))]
    + [(agent, 0) for agent in PARTS["agent"].table],
)
def test_every_option_of_every_part_is_in_the_help(agent, row, capsys):
    """Row k chooses the k-th entry of every table at once, of what the agent takes."""
    taken = resolve({"agent": agent}).taken
    chosen = {part: list(PARTS[part].table)[row % len(PARTS[part].table)] for part in taken}
    chosen["agent"] = agent
    arguments = [(f"--{part.replace('_', '-')}", name) for part, name in chosen.items()]
    with pytest.raises(SystemExit) as caught:
        parse_train([*(word for pair in arguments for word in pair), "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for part, name in chosen.items():
        for field in dataclasses.fields(PARTS[part].table[name]):
            is_mapping = field.default_factory is dict  # configuration files only
            flag = f"--{part}.{field.name}".replace("_", "-")
            assert is_mapping or flag in text, flag


def test_every_option_is_explained():
    parts = {kind for part in PARTS.values() for kind in part.table.values()}
    for kind in (RunOptions, *parts):
        known = documented_parameters(kind)
        silent = [f.name for f in dataclasses.fields(kind) if not known.get(f.name)]
        assert silent == [], kind


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        (RunOptions, "timestep_ms", "Simulated time of a decision; integration step."),
        (PARTS["encoder"].table["tile"], "tiles", "Tiles per dimension, >= 2; one for all."),
        (PARTS["model"].table["layered"], "w_min", "Hard bounds of plastic weights."),
    ],
)
def test_explanations_come_from_docstrings_of_every_style(kind, name, text):
    assert documented_parameters(kind)[name] == text


def test_every_run_option_is_in_the_help(capsys):
    with pytest.raises(SystemExit):
        parse_train(["--help"])
    text = capsys.readouterr().out
    for field in dataclasses.fields(RunOptions):
        if field.name != "env_kwargs":
            assert f"--{field.name.replace('_', '-')}" in text
    for flag in ("--config", "--out", "--print-config", "--quiet", "--resume", "--no-figures"):
        assert flag in text


def test_negative_numbers_and_lists_on_the_command_line():
    chosen = parse_train(
        ["--env", "CartPole-v1", "--model", "feed-forward", "--model.lateral-weight", "-2.5",
         "--encoder", "gaussian", "--encoder.cells", "4", "5"]
    ).config  # fmt: skip
    assert chosen.parts["model"].lateral_weight == -2.5
    assert tuple(chosen.parts["encoder"].cells) == (4, 5)


def test_impossible_values_on_the_command_line_are_named():
    with pytest.raises(ValueError, match="episodes must be >= 1, got 0"):
        parse_train(["--episodes", "0"])
    with pytest.raises(ValueError, match="--episodes must be int, got 'few'"):
        parse_train(["--episodes", "few"])
    with pytest.raises(ValueError, match="Unknown option --episods. Did you mean '--episodes'"):
        parse_train(["--episods", "3"])


def test_values_are_typed_in_every_usual_way():
    chosen = parse_train(
        ["--episodes=7", "--max_episode_steps", "None", "--model", "layered", "--seed", "1",
         "--model.is-modular", "true", "--model.heterogeneous", "v_threshold", "tau_membrane",
         "--critic-neuron", "lif", "--critic-neuron.v-reset-mv", "-8e1", "--seed", "2"]
    ).config  # fmt: skip
    assert (chosen.options.episodes, chosen.options.seed) == (7, 2)
    assert chosen.options.max_episode_steps is None
    assert chosen.parts["model"].is_modular is True
    assert chosen.parts["model"].heterogeneous == ("v_threshold", "tau_membrane")
    assert chosen.parts["critic_neuron"].v_reset_mv == -80.0


def test_each_replica_has_its_own_settings_checked_together():
    """Bounds of 200 and 300 fit each other, not the default ones."""
    each = {
        "rule.learning-rate": [0.1, 0.2],
        "schedule.return_at_start": [1, 200],
        "schedule.return_at_end": [100, "3e2"],
    }
    config = resolve({"schedule": "reward-adaptive", "each": each})
    assert config.options.replicas == 2
    schedules = [config.parts_of(replica)["schedule"] for replica in range(2)]
    assert [(s.return_at_start, s.return_at_end) for s in schedules] == [(1, 100), (200, 300)]
    assert config.parts_of(1)["rule"].learning_rate == 0.2
    assert resolve(config.to_dict()) == config
    assert config.labels()["each"][1]["schedule.return_at_end"] == 300.0


@pytest.mark.parametrize(
    ("each", "told"),
    [
        ({"rule.lerning_rate": [1]}, "Did you mean 'rule.learning_rate'"),
        ({"rule.learning_rate": 0.1}, "expected a list with a value for each replica, got 0.1"),
        ({"rule.learning_rate": []}, "expected a list with a value for each replica"),
        ({"rule.learning_rate": ["fast"]}, "each.rule.learning_rate must be float, got 'fast'"),
        ({"rule.learning_rate": [1], "modulator.rate": [1, 2]}, "for each of 1 replicas, got 2"),
        ({"schedule.parameter": [["actor.v_slope"]]}, "schedule.parameter is no single number"),
        ({"modulator.discount": [0.9, 2.0]}, "discount"),
        ({"episodes": [3, 4]}, "there is no setting 'episodes' of a part"),
        ([1, 2], "run.each must be dict"),
    ],
)
def test_each_that_cannot_be_is_refused(each, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        resolve(
            {"modulator": "reward-baseline" if "modulator.rate" in each else "td", "each": each}
        )


@given(
    st.dictionaries(
        st.sampled_from([f.name for f in dataclasses.fields(RunOptions)] + list(PARTS)),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
        | st.lists(st.integers(), max_size=2)
        | st.dictionaries(st.text(max_size=4) | st.just("name"), st.integers(), max_size=2),
        max_size=3,
    )
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_any_settings_resolve_or_raise_value_error(layer):
    with contextlib.suppress(ValueError):
        resolve(layer)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_survive_being_written_as_text(value):
    assert coerce(repr(value), float, "x") == value


def test_seeds_are_named_streams():
    one, two = spawn_seeds(0), spawn_seeds(1)
    values = [getattr(seeds, name) for seeds in (one, two) for name in STREAMS]
    assert len(set(values)) == len(values)
    assert all(0 <= value < 2**31 for value in values)
    assert one == spawn_seeds(0)
    assert spawn_seeds(0).env == int(
        np.random.SeedSequence(0).spawn(1)[0].generate_state(1)[0] >> 1
    )
    with pytest.raises(ValueError, match="seed must be an integer >= 0, got -1"):
        spawn_seeds(-1)


@pytest.mark.parametrize("value", [((0, 1), (2,)), [[0, 1], [2]], ("0,1", "2")])
def test_tuples_within_tuples_may_be_written_as_words(value):
    assert coerce(value, tuple[tuple[int, ...], ...], "x") == ((0, 1), (2,))
