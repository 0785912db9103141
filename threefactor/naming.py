"""Names that users write: what to say of one that is unknown. The whole project may import this."""

# The command line says in one line that Python is too old, and needs this module to do so.
from __future__ import annotations

import difflib
from collections.abc import Iterable


def close_names(name: str, known: Iterable[str], at_most: int = 1) -> list[str]:
    """Return the known names that are close, the closest first; upper and lower case are alike."""
    lower = {text.lower(): text for text in known}
    return [lower[text] for text in difflib.get_close_matches(name.lower(), lower, at_most)]


def suggest(name: str, known: Iterable[str], at_most: int = 1) -> str:
    """Return " Did you mean ...?" with the closest of the known names, or "" if none is close."""
    close = close_names(name, known, at_most)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the error line for the name of a `kind` that is none of the known ones."""
    known = list(known)
    return f"Unknown {kind} {name!r}.{suggest(name, known)} Known: {', '.join(known) or 'none'}."


def check_choice(kind: str, name: str, known: Iterable[str]) -> None:
    """Raise ValueError, with the closest known name, unless `name` is one of `known`."""
    known = list(known)
    if name not in known:
        raise ValueError(unknown(kind, name, known))
