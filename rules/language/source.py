"""A string that a user wrote, and the place in it that an error is about."""

from dataclasses import dataclass


class UnitError(ValueError):
    """Terms of an expression have units that do not go together."""


@dataclass(frozen=True)
class Source:
    """A string and what it is called in error messages, for example ``"MyRule.on_pre"``."""

    text: str
    where: str

    def error(self, at: int, problem: str, kind: type[ValueError] = ValueError) -> ValueError:
        """Return the error of a `problem` at a position of the text, with line and column."""
        start = self.text.rfind("\n", 0, at) + 1
        line = self.text[start:].partition("\n")[0].strip()
        number = self.text.count("\n", 0, at) + 1
        return kind(f"{self.where}, line {number}, column {at - start + 1}: {problem} In: {line}")
