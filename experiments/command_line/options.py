"""Command-line options of a run, made from the dataclasses of its parts, before Brian2 loads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from threefactor.experiments.coercion import coerce
from threefactor.experiments.command_line.arguments import Parser, keyed_values
from threefactor.experiments.command_line.option_help import help_text
from threefactor.experiments.command_line.option_table import Option, option_table
from threefactor.experiments.configuration import (
    PARTS,
    RunConfig,
    resolve,
)
from threefactor.experiments.layers import Layer, configure
from threefactor.experiments.parts.user_files import shown
from threefactor.experiments.training.preconditions import require_resumable, require_workers
from threefactor.experiments.training.resumption import kept_settings
from threefactor.naming import suggest

#: Options that decide which others exist, and how it is run; all take one value.
CHOICES = {
    f"--{name.replace('_', '-')}": name
    for name in ("env", "preset", "config", "out", "workers", *PARTS)
}
SWITCHES = {
    f"--{name.replace('_', '-')}": name for name in ("print_config", "quiet", "no_figures", "trust")
}
#: The option whose words are ``part.setting=value,value``, a value for each replica.
EACH = "--each"
#: The option whose words are ``argument=value``, for the environment.
ENV_KWARGS = "--env-kwargs"
#: Option -> its values, as typed.
Typed = dict[str, list[str]]


class TrainRequest(NamedTuple):
    """What the command line asked for."""

    config: RunConfig
    out: Path | None
    workers: int
    is_printing: bool
    is_quiet: bool
    is_drawing: bool
    is_trusted: bool
    resume: Path | None
    episodes: int | None
    note: str = ""


def parse_train(arguments: Sequence[str]) -> TrainRequest:
    """Return the request of ``train``.

    Raises
    ------
    ValueError
        For an unknown option or choice, an unreadable file or an impossible value, in one line.
    SystemExit
        After printing the help.
    """
    typed = read_words(arguments)
    if "--resume" in typed:
        return _parse_resume(arguments)
    switches = {name: _take_switch(typed, flag) for flag, name in SWITCHES.items()}
    is_help = bool([typed.pop(flag) for flag in ("--help", "-h") if flag in typed])
    chosen = {name: _take_one(typed, flag) for flag, name in CHOICES.items() if flag in typed}
    layers = _layers(chosen)
    if ENV_KWARGS in typed:
        own = keyed_values(ENV_KWARGS, typed.pop(ENV_KWARGS))
        layers.append({"env_kwargs": {**configure(*layers).options.env_kwargs, **own}})
    base = configure(*layers)
    options = option_table(base)
    if is_help:
        print(help_text(base, options))
        raise SystemExit(0)
    each = {"each": _each(typed.pop(EACH), options)} if EACH in typed else {}
    config = configure(*layers, {**_typed_settings(typed, options, base), **each})
    workers = coerce(chosen.get("workers", 1), int, "--workers")
    require_workers(workers, config.options.replicas)
    return TrainRequest(
        config, Path(chosen["out"]) if "out" in chosen else None, workers,
        switches["print_config"], switches["quiet"], not switches["no_figures"],
        switches["trust"], None, None, _schedule_left_out(base, config),
    )  # fmt: skip


def _schedule_left_out(base: RunConfig, config: RunConfig) -> str:
    """Return a line on the preset's schedule if what was typed stands in its way; else ""."""
    names = [
        run.names["schedule"] if "schedule" in run.taken else "fixed" for run in (base, config)
    ]
    if names[0] == names[1] or names[1] != "fixed":
        return ""
    moved = " ".join(base.parts["schedule"].parameter)
    return (
        f"schedule: left out, it would move a setting of the rule that was given; --schedule "
        f"{names[0]} --schedule.parameter {moved} asks for it"
    )


def read_words(words: Sequence[str]) -> Typed:
    """Return option -> values: ``--name value ...`` or ``--name=value``.

    The last one counts, but for ``--each``, whose values add up.
    """
    typed: Typed = {}
    values: list[str] | None = None
    for word in words:
        if word.startswith("--") or word == "-h":
            flag, is_joined, value = word.partition("=")
            flag, values = flag.replace("_", "-"), [value] if is_joined else []
            values = typed[flag] = [*typed.get(flag, []), *values] if flag == EACH else values
        elif values is None:
            raise ValueError(f"train: expected an option such as --env, got {word!r}.")
        else:
            values.append(word)
    return typed


def _take_switch(typed: Typed, flag: str) -> bool:
    values = typed.pop(flag, None)
    if values:
        raise ValueError(f"{flag} takes no value, got {' '.join(values)!r}.")
    return values is not None


def _take_one(typed: Typed, flag: str) -> str:
    return _one(flag, typed.pop(flag))


def _one(flag: str, values: list[str]) -> str:
    if len(values) != 1 or not values[0]:
        raise ValueError(f"{flag} takes one value, got {' '.join(values) or 'none'}.")
    return values[0]


def _layers(chosen: Mapping[str, str]) -> list[Layer]:
    """Return what typed options start from: the file of settings, and the choices over it."""
    choices = {name: chosen[name] for name in ("env", "preset", *PARTS) if name in chosen}
    return [chosen["config"], choices] if "config" in chosen else [choices]


def _typed_settings(typed: Typed, options: Mapping[str, Option], base: RunConfig) -> dict[str, Any]:
    """Return typed options as a layer of settings."""
    layer: dict[str, Any] = {}
    for flag, values in typed.items():
        if flag not in options:
            raise ValueError(_unknown(flag, options, base))
        option = options[flag]
        target = layer if option.part is None else layer.setdefault(option.part, {})
        target[option.field] = _value(flag, values, option)
    return layer


def _each(words: list[str], options: Mapping[str, Option]) -> dict[str, list[Any]]:
    """Return setting -> values of ``rule.learning-rate=0.01,0.02``."""
    found = {}
    for word in words or [""]:
        name, _, values = word.partition("=")
        if not name or not values:
            raise ValueError(
                f"{EACH} takes a setting and a value for each replica, such as "
                f"rule.learning-rate=0.01,0.02, got {word or 'none'}."
            )
        option = options.get(f"--{name.replace('_', '-')}")
        texts: list[Any] = values.split(",")
        if option is not None and not option.is_list:
            texts = [_value(f"{EACH} {name}", [text], option) for text in texts]
        found[name] = texts
    return found


def _value(flag: str, values: list[str], option: Option) -> Any:
    if option.is_list:
        return coerce(tuple(values), option.kind, flag)
    text = _one(flag, values)
    if type(None) in option.kinds and text.lower() == "none":
        return None
    if bool in option.kinds:
        return coerce({"true": True, "false": False}.get(text.lower(), text), option.kind, flag)
    return coerce(text, option.kind, flag)


def _unknown(flag: str, options: Mapping[str, Option], base: RunConfig) -> str:
    part = flag[2:].partition(".")[0].replace("-", "_")
    if part not in PARTS:
        known = [*options, *CHOICES, *SWITCHES, EACH, ENV_KWARGS, "--resume"]
        return f"Unknown option {flag}.{suggest(flag, known)} `train --help` lists all."
    if part not in base.taken:
        return f"Unknown option {flag}. Agent {shown(base.names['agent'])!r} takes no {part}."
    own = [name for name, option in options.items() if option.part == part]
    what = f"{part.replace('_', ' ')} {shown(base.names[part])!r}"
    known = [name.partition(".")[2] for name in own]
    return f"Unknown option {flag}.{suggest(flag, own)} {what} has: {', '.join(known) or 'none'}."


def _parse_resume(arguments: Sequence[str]) -> TrainRequest:
    """Return the request of ``train --resume RUN``: its settings are those of the run."""
    parser = Parser("train --resume RUN", "Continue a run from its checkpoint.")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="run directory")
    parser.add_argument("--episodes", type=int, help="new total of episodes")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument("--no-figures", action="store_true", help="do not draw figures at the end")
    parser.add_argument(
        "--trust", action="store_true", help="read a pickled environment, which can run any code"
    )
    given, others = parser.parse_known_args(arguments)
    if others:
        raise ValueError(
            f"{others[0]} cannot change: the settings are those of {given.resume}; beside it "
            "stand --episodes, --quiet, --no-figures and --trust."
        )
    require_resumable(given.resume)
    config = resolve(kept_settings(given.resume, say=lambda line: None))
    return TrainRequest(
        config, None, 1, False, given.quiet, not given.no_figures, given.trust, given.resume,
        given.episodes,
    )  # fmt: skip
