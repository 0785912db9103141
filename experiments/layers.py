"""From what a user says to a configuration: one way for the command line, files and Python."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from threefactor.experiments.coercion import coerce
from threefactor.experiments.configuration import (
    PARTS,
    RunConfig,
    RunOptions,
    part_settings,
    read_settings,
    resolve,
)
from threefactor.experiments.fitting import CHOSEN, fitting_parts
from threefactor.experiments.parts.given import name_of_class, settings_of_part
from threefactor.experiments.parts.kinds import load_part
from threefactor.experiments.parts.user_files import shown
from threefactor.experiments.presets.preset import DEFAULT, Preset, find_preset, without_moved
from threefactor.experiments.training.setup import Setup

#: The preset without settings, nor parts chosen by spaces: the defaults of the classes.
BARE = "none"
#: A configuration, settings, or a YAML or TOML file of settings.
Layer = RunConfig | Mapping[str, Any] | str | Path


def configure(*layers: Layer, **settings: Any) -> RunConfig:
    """Return the configuration of a run: defaults, a preset, then `layers`, then `settings`.

    Encoder, decoder, model and modulator that none of them names are chosen to fit the spaces of
    the environment (`fitting`), but for the preset "none".

    Parameters
    ----------
    layers : RunConfig, mapping, or path of a YAML or TOML file
        Later ones count more than earlier ones.
    settings
        Named as on the command line, with dots or nested: ``**{"rule.learning_rate": 0.01}`` is
        ``rule={"learning_rate": 0.01}``. A part is chosen by its name, ``FILE.py:ClassName``, its
        class, or an instance, which brings its settings.

    Raises
    ------
    ValueError
        For an unknown setting, part or choice (with the closest known name), a value of wrong
        type, or a file that cannot be read.
    """
    nested_layers = [nested(settings_of(layer)) for layer in (*layers, settings)]
    env, preset, rule, model, agent = RunOptions.env, DEFAULT, None, None, None
    for layer in nested_layers:
        env = coerce(layer.get("env", env), str, "run.env")
        preset = coerce(layer.get("preset", preset), str, "run.preset")
        rule = part_settings("rule", layer.get("rule")).get("name", rule)
        model = part_settings("model", layer.get("model")).get("name", model)
        agent = part_settings("agent", layer.get("agent")).get("name", agent)
    nested_layers = [_without_other_rules(layer, rule) for layer in nested_layers]
    first = [_of_first_replica(layer) for layer in nested_layers]
    found = [{"preset": preset}, *find_preset(preset, env, rule, model, agent).under(first)]
    fitting = {} if preset == BARE else _by_spaces([*found, *first])
    config = resolve(fitting, *found, *nested_layers)
    if lacking := _lacking(config):
        found = [without_moved(layer, lacking) for layer in found]
        config = resolve(fitting, *found, *nested_layers)
    _check_taken(config, nested_layers)
    return config


def _lacking(config: RunConfig) -> set[str]:
    """Return what the schedule moves of the modulator and this modulator has not."""
    if not {"schedule", "modulator"} <= set(config.taken):
        return set()
    moved = config.parts["schedule"].parameter
    has = {f"modulator.{name}" for name in config.parts["modulator"].adjustable}
    return {name for name in moved if name.startswith("modulator.")} - has


def _check_taken(config: RunConfig, layers: Sequence[Mapping[str, Any]]) -> None:
    """Raise ValueError for a part that somebody chose and the agent does not take."""
    for name in (name for layer in layers for name in layer if name in PARTS):
        if name not in config.taken:
            agent = shown(config.names["agent"])
            raise ValueError(
                f"{name}: agent {agent!r} takes none; it is made of: {', '.join(config.taken[1:])}."
            )


def _of_first_replica(layer: Mapping[str, Any]) -> dict[str, Any]:
    """Return a layer in which what replicas have to themselves is a setting of its part."""
    settings = {key: value for key, value in layer.items() if key != "each"}
    each = layer.get("each")
    for name, values in (each if isinstance(each, Mapping) else {}).items():
        part, _, field = str(name).replace("-", "_").partition(".")
        if part in PARTS and len(np.atleast_1d(values)):
            own = {field: np.atleast_1d(values)[0]}
            settings[part] = {**part_settings(part, settings.get(part)), **own}
    return settings


def _without_other_rules(layer: dict[str, Any], rule: str | None) -> dict[str, Any]:
    """Return a layer without a rule that a later one replaces: the preset is that of the last."""
    if part_settings("rule", layer.get("rule")).get("name", rule) == rule:
        return layer
    return {key: value for key, value in layer.items() if key != "rule"}


def preset_of(config: RunConfig) -> Preset:
    """Return the preset that a configuration started from."""
    options, names = config.options, config.names
    rule, model, agent = (names[part] for part in ("rule", "model", "agent"))
    return find_preset(options.preset, options.env, rule, model, agent)


def _by_spaces(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return settings of the parts that no layer names, as the environment's spaces ask for."""
    named = {
        part: settings["name"]
        for layer in layers
        for part in PARTS
        if "name" in (settings := part_settings(part, layer.get(part)))
    }
    agent = load_part("agent", named.get("agent", PARTS["agent"].default))
    if set(CHOSEN) <= set(named):
        return {}
    options = [
        {key: value for key, value in layer.items() if key not in (*PARTS, "replicas")}
        for layer in layers
    ]  # the settings of a part may be those of a choice that is still to be made
    setup = Setup.of(resolve(*options))
    with closing(setup.open_environments(replicas=1)) as environments:
        fitting = fitting_parts(environments, named, _copies(layers), agent)
    if any("rule" in layer or "schedule" in layer for layer in layers):
        fitting.pop("schedule", None)  # who sets a learning rate gets it
    return fitting


def _copies(layers: Sequence[Mapping[str, Any]]) -> int | None:
    """Return how many neurons for each symbol or cell somebody asks for."""
    asked = [part_settings("encoder", layer.get("encoder")).get("copies") for layer in layers]
    given = [number for number in asked if number is not None]
    return coerce(given[-1], int, "encoder.copies") if given else None


def settings_of(layer: Layer) -> Mapping[str, Any]:
    """Return what a layer sets."""
    if isinstance(layer, RunConfig):
        return layer.to_dict()
    if isinstance(layer, str | Path):
        return read_settings(layer)
    if isinstance(layer, Mapping):
        return layer
    raise TypeError(
        f"configuration: expected a RunConfig, settings by name or a YAML or TOML file, "
        f"got {layer!r}."
    )


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with ``part.name`` as ``part: {name: ...}``, - as _, and classes by name.

    Raises
    ------
    ValueError
        For a setting that is written twice, with - and with _.
    """
    found: dict[str, Any] = {}
    _check_written_once("", settings)
    for key, value in settings.items():
        owner, is_dotted, name = str(key).replace("-", "_").partition(".")
        if is_dotted:
            value = {name: value}
        elif owner in PARTS:
            value = settings_of_part(value, PARTS[owner].table)
        elif isinstance(value, type):  # of an environment
            value = name_of_class(value, {})
        if owner in found and (is_dotted or owner in PARTS):
            value = {**part_settings(owner, found[owner]), **part_settings(owner, value)}
        found[owner] = value
    return found


def _check_written_once(owner: str, settings: Mapping[str, Any]) -> None:
    names: dict[str, Any] = {}
    for key, value in settings.items():
        name = str(key).replace("-", "_")
        if name in names:
            raise ValueError(f"{owner}{names[name]} and {owner}{key} are the same setting.")
        names[name] = key
        if not owner and name in PARTS and isinstance(value, Mapping):
            _check_written_once(f"{name}.", value)
