"""Questions to masks of replicas, (R,) bool arrays, asked several times in every decision.

Lists answer in a tenth of the time that `any` and `all` of arrays take for few replicas.
"""

from typing import Protocol


class Mask(Protocol):
    """An array of bool with one entry for each replica."""

    def tolist(self) -> list[bool]:
        """Return the entries."""


def any_of(mask: Mask) -> bool:
    """Return whether any entry is set."""
    return True in mask.tolist()


def all_of(mask: Mask) -> bool:
    """Return whether every entry is set."""
    return False not in mask.tolist()
