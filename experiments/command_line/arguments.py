"""Command lines: a parser and a dispatcher whose errors are one line, whatever goes wrong."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from threefactor import __version__
from threefactor.blame import described, user_place
from threefactor.experiments.command_line.environment_check import check_versions
from threefactor.experiments.training.interruption import interrupted_by_signals
from threefactor.experiments.yaml_text import load_yaml
from threefactor.naming import check_choice, suggest
from threefactor.program import program_name

USAGE_ERROR = 2
INTERRUPTED = 130
#: What a shell reports for a program whose reader went away: 128 + SIGPIPE.
READER_GONE = 141

_EXPECTED = (
    ValueError, TypeError, OSError, FloatingPointError, RuntimeError, MemoryError, ImportError,
)  # fmt: skip

Commands = Mapping[str, Callable[[list[str]], int]]


class Parser(argparse.ArgumentParser):
    """The arguments of one command; a wrong one raises ValueError."""

    def __init__(self, command: str, description: str | None) -> None:
        super().__init__(f"{program_name()} {command}", description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise ValueError in one line."""
        unknown = re.match(r"unrecognized arguments: (--[\w-]+)", message)
        hint = suggest(unknown[1], self._option_string_actions) if unknown else ""
        raise ValueError(f"{message}; see `{self.prog} --help`.{hint}")


def keyed_values(flag: str, words: Sequence[str]) -> dict[str, Any]:
    """Return name -> value of words such as ``mass_factor=1.2``, read as YAML.

    Raises
    ------
    ValueError
        For a word of another form, and for what is no YAML.
    """
    found = {}
    for word in words:
        name, is_given, text = word.partition("=")
        if not name.isidentifier() or not is_given:
            raise ValueError(
                f"{flag} takes names and values, such as mass_factor=1.2, got {word!r}."
            )
        try:
            found[name] = load_yaml(text)
        except ValueError as error:
            raise ValueError(f"{flag} {name}: {error}") from None
    return found


def dispatch(commands: Commands, usage: str, arguments: list[str]) -> int:
    """Run one command and return its exit status; end quietly where the reader went away."""
    try:
        with interrupted_by_signals():
            status = _run(commands, usage, arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The interpreter flushes once more as it ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        return READER_GONE


def _run(commands: Commands, usage: str, arguments: list[str]) -> int:
    """Run one command; every expected error is one line and exit status 2."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage, end="")
        return 0 if arguments else USAGE_ERROR
    command, *rest = arguments
    if command == "--version":
        print(f"threefactor {__version__}")
        return 0
    try:
        check_choice("command", command, commands)
        check_versions()
        return commands[command](rest)
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as done:
        if user_place(done) is None:  # a help text was printed
            return int(done.code or 0)
        print(f"error: {described(done)}: the file ended the program", file=sys.stderr)
        return USAGE_ERROR
    except Exception as error:
        if os.environ.get("THREEFACTOR_DEBUG") or not _is_expected(error):
            raise
        print(f"error: {_told(error)}", file=sys.stderr)
        return USAGE_ERROR


def _is_expected(error: Exception) -> bool:
    """Whether an error is due to what a user gave; any other one is a mistake of this program."""
    return isinstance(error, _EXPECTED) or user_place(error) is not None


def _told(error: Exception) -> str:
    """Return an error in one line; one that a user's file raised, with its place."""
    if isinstance(error, MemoryError):
        text = f"there is not enough memory: {error or 'none is left'}"
    else:
        text = described(error) if user_place(error) else str(error) or type(error).__name__
    return " ".join(word if len(word) <= 200 else f"{word[:100]}..." for word in text.split())
