"""Whose line of code raised: the place in a user's file to which an error is due."""

from __future__ import annotations

import linecache
import sysconfig
import traceback
from pathlib import Path
from typing import NamedTuple

_HERE = Path(__file__).resolve().parent
#: Folders of this project: below it where it is installed, beside it in a checkout.
_FOLDERS = ("agents", "analysis", "envs", "experiments", "models", "rules", "threefactor")
_OURS = tuple(f"{(place / name)}/" for place in (_HERE, _HERE.parent) for name in _FOLDERS)
_LIBRARY = f"{Path(sysconfig.get_path('stdlib')).resolve()}/"
_INSTALLED = {"site-packages", "dist-packages"}


class Place(NamedTuple):
    """A line of code, in a function."""

    file: Path
    line: int
    function: str
    code: str

    def __str__(self) -> str:
        """Say it in a few words, with the code as it is written."""
        within = "" if self.function == "<module>" else f", in {self.function}"
        shown = f": `{self.code}`" if self.code else ""
        return f"{self.file.name}, line {self.line}{within}{shown}"


def is_installed(file: Path) -> bool:
    """Whether a file belongs to Python or to an installed package, which users do not mend."""
    file = file.resolve()
    return str(file).startswith(_LIBRARY) or not _INSTALLED.isdisjoint(file.parts)


def is_ours(file: Path) -> bool:
    """Whether a file belongs to this project."""
    return str(file.resolve()).startswith(_OURS) or file.name == "run.py"


def user_place(error: BaseException) -> Place | None:
    """Return the innermost line of a user's file that an error went through.

    None if there is none, or if code of this project, called from there, has raised it: its
    errors name their cause themselves.
    """
    for frame, number in reversed(list(traceback.walk_tb(error.__traceback__))):
        name = frame.f_code.co_filename
        if name.startswith("<"):
            continue
        file = Path(name).resolve()
        if is_ours(file):
            return None
        if file.is_file() and not is_installed(file):  # NumPy's own .pyx are not there
            code = " ".join(linecache.getline(name, number).split())
            return Place(file, number, frame.f_code.co_name, code)
    return None


def described(error: BaseException) -> str:
    """Return kind and text of an error in one line, the user's line that it is due to, and when."""
    text = " ".join(str(error).split())
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    place = user_place(error)
    when = "".join(f", {note}" for note in getattr(error, "__notes__", ()))
    return f"{said}{when}" if place is None else f"{said} ({place}){when}"
