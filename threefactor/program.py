"""How a user calls this program, for the commands that its texts name."""

import shlex
import sys
from pathlib import Path

#: Last parts of the script's path -> what a user types.
_DOORS = {
    ("run.py",): "python run.py",
    ("threefactor", "__main__.py"): "python -m threefactor",
    ("threefactor",): "threefactor",
}


def program_name() -> str:
    """Return ``python run.py`` in a checkout, ``python -m threefactor`` or ``threefactor``."""
    return _door() or "threefactor"


def command_line() -> str:
    """Return the command that this process carries out, as typed; "Python" if it is another's."""
    door = _door()
    return f"{door} {shlex.join(sys.argv[1:])}" if door else "Python"


def is_command() -> bool:
    """Whether this process carries out a command, and is not a script or notebook of a user."""
    return _door() is not None


def _door() -> str | None:
    parts = Path(sys.argv[0]).parts
    return next((typed for end, typed in _DOORS.items() if parts[-len(end) :] == end), None)
