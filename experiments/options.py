"""Command-line options of a run, made from the dataclasses of its parts, before Brian2 loads."""

import argparse
import dataclasses
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import tyro

from experiments.config import (
    PARTS,
    RunConfig,
    RunOptions,
    coerce,
    part_settings,
    read_settings,
    resolve,
    suggest,
    tuned_layers,
)

_FILE_ONLY = ("env", "env_kwargs")  # chosen before the options are known; not a scalar


class TrainRequest(NamedTuple):
    """What the command line asked for."""

    config: RunConfig
    out: Path | None
    is_printing: bool
    is_quiet: bool
    is_drawing: bool
    resume: Path | None
    episodes: int | None


def parse_train(arguments: list[str]) -> TrainRequest:
    """Return the request of ``run.py train``; exit with a message for bad options.

    Raises
    ------
    ValueError
        For an unknown choice, an unreadable file or an impossible value, in one line.
    """
    first = _choices_parser()
    chosen, rest = first.parse_known_args(arguments)
    if chosen.resume is not None:
        return _parse_resume(chosen, rest)
    named = {part: getattr(chosen, part) for part in PARTS if getattr(chosen, part)}
    file = read_settings(chosen.config) if chosen.config else {}
    env = chosen.env or file.get("env") or RunOptions.env
    coerce(env, str, "run.env")
    rule = named.get("rule") or part_settings("rule", file.get("rule")).get("name")
    layers: list[dict[str, Any]] = [*tuned_layers(env, rule), file, named, {"env": env}]
    base = resolve(*layers)
    given = tyro.cli(
        _options_class(base), default=_options_class(base)(), args=rest, prog="run.py train",
        description=_description(base), config=(tyro.conf.FlagConversionOff,),
    )  # fmt: skip
    values = {f.name: getattr(given, f.name) for f in fields(given) if f.name not in PARTS}
    options = dataclasses.replace(base.options, **values)
    parts = {part: getattr(given, part) for part in PARTS}
    config = RunConfig(options, base.names, parts)
    return TrainRequest(
        config, chosen.out, chosen.print_config, chosen.quiet, not chosen.no_figures, None, None
    )


def _parse_resume(chosen: argparse.Namespace, rest: list[str]) -> TrainRequest:
    """Return the request of ``train --resume RUN``: its settings are those of the run."""
    parser = argparse.ArgumentParser("run.py train --resume RUN", allow_abbrev=False)
    parser.add_argument("--episodes", type=int, help="new total of episodes")
    episodes = parser.parse_args(rest).episodes
    for name in ("env", "config", "out", *PARTS):
        if getattr(chosen, name) is not None:
            flag = name.replace("_", "-")
            parser.error(f"--{flag} cannot change: the settings are those of {chosen.resume}")
    config = resolve(read_settings(chosen.resume / "config.yaml"))
    is_drawing = not chosen.no_figures
    return TrainRequest(config, None, False, chosen.quiet, is_drawing, chosen.resume, episodes)


def _choices_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("run.py train", add_help=False, allow_abbrev=False)
    parser.add_argument("--env")
    parser.add_argument("--config")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--print-config", action="store_true")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--no-figures", action="store_true")
    parser.add_argument("--resume", type=Path)
    for part in PARTS:
        parser.add_argument(f"--{part.replace('_', '-')}", dest=part)
    return parser


def _options_class(base: RunConfig) -> type:
    """Return a dataclass of all options, whose defaults are those of `base`."""
    columns: list[tuple[str, Any, Any]] = []
    for field in fields(RunOptions):
        if field.name not in _FILE_ONLY:
            value = getattr(base.options, field.name)
            columns.append((field.name, field.type, dataclasses.field(default=value)))
    for name, part in base.parts.items():
        columns.append((name, type(part), dataclasses.field(default=part)))
    return dataclasses.make_dataclass("Train", columns, frozen=True)


def _description(base: RunConfig) -> str:
    """Return the head of the help text: the choices that decide which options exist."""
    lines = [
        "Train an agent: python run.py train [--env ID] [--rule NAME] [--OPTION VALUE ...]",
        "",
        "Choices (the options below belong to the present ones):",
        f"  --env ID              now {base.options.env}; any Gymnasium id or package:Id-v0",
    ]
    for name, part in PARTS.items():
        flag = f"--{name.replace('_', '-')} NAME"
        lines.append(f"  {flag:21} now {base.names[name]}; {part.help}: {', '.join(part.table)}")
    lines += [
        "  --config FILE         YAML or TOML settings, above defaults and tuned settings",
        "  --out DIR             run directory (default runs/<env>/<rule>/<time>)",
        "  --print-config        print the resolved configuration and stop",
        "  --quiet               no progress bar",
        "  --no-figures          do not draw the run's figures at the end",
        "  --resume RUN          continue a run from its checkpoint (with --episodes: a new total)",
    ]
    return "\n".join(lines)


def reject_unknown_command(command: str, known: list[str]) -> None:
    """Exit with a suggestion for an unknown subcommand."""
    hint = suggest(command, known)
    sys.exit(f"error: unknown command {command!r}.{hint} Known: {', '.join(known)}.")
