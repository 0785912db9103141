"""Brian2's import without what no command needs: a third of its time."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threefactor.program import is_command

#: Brian2 offers their contents to scripts, and does without where they are not installed.
_FOR_SCRIPTS = ("pylab", "pytest")


@contextmanager
def needed_only() -> Iterator[None]:
    """Let Brian2 be imported within as if neither Matplotlib nor pytest were installed.

    In processes of the command line only: elsewhere a user may expect to find ``brian2.plot``.
    """
    hidden = [name for name in _FOR_SCRIPTS if is_command() and name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # documented: the import is refused
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
