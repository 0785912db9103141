"""The text of ``train --help``: every option of the chosen parts, from docstrings."""

import inspect
import re
import shutil
import textwrap
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from threefactor.experiments.command_line.option_table import Option
from threefactor.experiments.configuration import PARTS, PRESETS, RunConfig, RunOptions
from threefactor.experiments.parts.user_files import shown
from threefactor.program import program_name

MAX_WIDTH = 100
HELP_COLUMN = 34
_ENTRY = re.compile(r"^(?:Parameters)?\s*(\w+(?:, \w+)*) : (.*)$")
_HEADING = re.compile(r"^[A-Z]\w*( |$)")
_SETTINGS = (
    ("--config FILE", "YAML or TOML settings, above defaults and preset"),
    ("--out DIR", "run directory (default runs/<env>/<rule>/<time>)"),
    ("--env-kwargs NAME=VALUE ...", "arguments of the environment"),
    ("--each SETTING=V,V,...", "a value for each replica, such as rule.learning-rate=1,2"),
    ("--workers W", "processes that share the replicas, one core each (default 1)"),
    ("--print-config", "print the resolved configuration and stop"),
    ("--quiet", "no progress"),
    ("--no-figures", "do not draw the run's figures at the end"),
    ("--resume RUN", "continue a run from its checkpoint (with --episodes: a new total)"),
)


def help_text(base: RunConfig, options: Mapping[str, Option]) -> str:
    """Return the help of ``train``; values in square brackets are the present ones."""
    env = (
        f"environment [{shown(base.options.env)}]; any Gymnasium id, package:Id-v0, FILE.py:Class "
        "or FILE.py:Id-v0"
    )
    choices = [
        ("--env ID", env),
        ("--preset NAME", f"settings to start from [{base.options.preset}]: {', '.join(PRESETS)}"),
    ]
    for name, part in PARTS.items():
        if name not in base.taken:
            continue
        flag = f"--{name.replace('_', '-')} NAME"
        choices.append((flag, f"{part.help} [{shown(base.names[name])}]: {', '.join(part.table)}"))
    blocks = [
        f"usage: {program_name()} train [--OPTION VALUE ...]",
        "Train an agent. Values in square brackets are the present ones: defaults, then the "
        "preset of the environment (`list presets`), then --config, then the command line.",
        _block(
            "Choices, by name or FILE.py:Class; the options below belong to the present ones:",
            choices,
        ),
        _block("Files and output:", _SETTINGS),
        _block("Run:", _rows(RunOptions, None, options)),
    ]
    for name in base.taken:
        part = base.parts[name]
        summary = (type(part).__doc__ or "").strip().partition("\n")[0]
        head = f"{name.replace('_', ' ').capitalize()} {shown(base.names[name])}: {summary}"
        blocks.append(_block(head, _rows(type(part), name, options) or [("(no options)", "")]))
    return "\n\n".join(_wrapped(block) for block in blocks)


def _rows(kind: type, part: str | None, options: Mapping[str, Option]) -> list[tuple[str, str]]:
    known = documented_parameters(kind)
    return [
        (f"{flag} {_metavar(option)}", f"{known.get(option.field, '')} [{_shown(option.value)}]")
        for flag, option in options.items()
        if option.part == part
    ]


def documented_parameters(kind: type) -> dict[str, str]:
    """Return field -> explanation from the Parameters sections of a class and its bases."""
    found: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        names: tuple[str, ...] = ()
        lines: list[str] = []
        is_inside = False
        for line in [*inspect.cleandoc(owner.__doc__ or "").splitlines(), "End"]:
            entry = _ENTRY.match(line) if is_inside or line.startswith("Parameters ") else None
            is_heading = bool(_HEADING.match(line))
            if entry or is_heading or not line.strip():
                text = " ".join(" ".join(lines).split())
                if not text.startswith("See `"):  # a base's explanation holds
                    found |= dict.fromkeys(names, text)
                names, lines = (), []
            if is_heading:
                is_inside = line.startswith("Parameters")
            if entry:
                names = tuple(entry[1].split(", "))
                lines = re.split(r"\s{2,}", entry[2], maxsplit=1)[1:]
            elif is_inside and not is_heading:
                lines.append(line)
    return found


def _metavar(option: Option) -> str:
    kinds = []
    for kind in option.kinds:
        inner = get_args(kind)[0] if get_origin(kind) is tuple else kind
        if get_origin(inner) is tuple:
            kinds.append(f"{get_args(inner)[0].__name__.upper()},... ...")
            continue
        name = {bool: "True|False", str: "TEXT", type(None): "None"}.get(inner)
        kinds.append((name or inner.__name__.upper()) + " ..." * (inner is not kind))
    return "|".join(kinds)


def _shown(value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    words = [",".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in value]
    return " ".join(words) or "none"


def _block(head: str, rows: Any) -> str:
    return "\n".join([head, *(f"  {left}\0{right}" for left, right in rows)])


def _wrapped(block: str) -> str:
    """Return a block with explanations in a column of their own, wrapped to the terminal."""
    width = min(MAX_WIDTH, shutil.get_terminal_size().columns)
    lines = []
    for row in block.splitlines():
        left, _, right = row.partition("\0")
        if not right:
            lines += textwrap.wrap(left, width) or [left]
            continue
        start = f"{left:{HELP_COLUMN}}"
        if len(left) > HELP_COLUMN - 2:
            lines.append(left)
            start = " " * HELP_COLUMN
        lines += textwrap.wrap(
            right.strip(), width, initial_indent=start, subsequent_indent=" " * HELP_COLUMN,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    return "\n".join(lines)
