"""`python -m tests.mutation.report`: write the verdicts into docs/mutation.md."""

import json
import re
from datetime import date
from importlib.metadata import version
from platform import python_version

from tests.mutation.__main__ import CHECKOUT, VERDICTS
from tests.mutation.accepted import ACCEPTED
from tests.mutation.shares import share_of_all
from tests.mutation.targets import TARGETS

DOCUMENT = CHECKOUT / "docs" / "mutation.md"
BEGIN, END = "<!-- begin: python -m tests.mutation.report -->", "<!-- end -->"


def code(text: str) -> str:
    """Return code for a cell of a table in Markdown."""
    return f"`{text.replace('|', chr(92) + '|') or ' '}`"


def reason(row: dict) -> str:
    """Return why a mutant may survive, "" if nobody has said so."""
    for file, before, after, why in ACCEPTED:
        matches = re.search(before, row["before"]) and re.search(after, row["after"])
        if row["path"].startswith(file) and matches:
            return why
    return ""


def stratum(verdict: dict) -> tuple[int, int, int]:
    """Return how many mutants a file has, and how many were tested and killed.

    Of a draw those count as killed that were so when they were drawn: tests that were written for
    the survivors of a draw say nothing of the rest.
    """
    rows, number = verdict["rows"], verdict["mutants"]
    column = "outcome" if len(rows) == number else "when_drawn"
    return number, len(rows), sum(row[column] != "survived" for row in rows)


def text_of(verdicts: dict[str, dict]) -> str:
    """Return the tables."""
    files = [file for file in TARGETS if verdicts.get(file, {}).get("rows")]
    rows = [row for file in files for row in verdicts[file]["rows"]]
    survivors = [row for row in rows if row["outcome"] == "survived"]
    found = sum(verdicts[file]["mutants"] for file in files)
    killed, explained = len(rows) - len(survivors), [row for row in survivors if reason(row)]
    share, reach = share_of_all([stratum(verdicts[file]) for file in files])
    how = "All were tested."
    if len(rows) < found:
        how = (
            f"Of them {len(rows)} were tested: all of a file or a random draw, as the table says. "
            "By what was killed when it was drawn, before tests were written for it, the share of "
            f"all is {share:.1%} ± {reach:.1%} (95 % interval)."
        )
    minutes = sum(verdicts[file]["seconds"] for file in files) / 60
    versions = ", ".join(f"{name} {version(name)}" for name in ("cosmic-ray", "pytest", "numpy"))
    lines = [
        f"{date.today()}, Python {python_version()}, {versions}: {found} mutants of {len(files)} "
        f"files; their tests took {minutes:.0f} minutes, one after the other. {how}",
        "",
        f"**Killed: {killed} of {len(rows)}, {killed / len(rows):.1%}.** Survived: "
        f"{len(survivors)}, of which {len(explained)} are explained below.",
        "",
        "| file | mutants | tested | killed | by a failed test | at import | by time | share |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for file in files:
        outcomes = [row["outcome"] for row in verdicts[file]["rows"]]
        died = len(outcomes) - outcomes.count("survived")
        cells = [
            verdicts[file]["mutants"], len(outcomes), died, outcomes.count("failed"),
            outcomes.count("broken"), outcomes.count("timeout"), f"{died / len(outcomes):.0%}",
        ]  # fmt: skip
        lines.append(f"| {file} | {' | '.join(map(str, cells))} |")
    lines += ["", "| survivor | was | became | why |", "|---|---|---|---|"]
    for row in survivors:
        cells = [f"{row['path']}:{row['line']}", code(row["before"]), code(row["after"])]
        lines.append(f"| {' | '.join(cells)} | {reason(row) or '**open**'} |")
    return "\n".join(lines)


def main() -> None:
    """Write the tables between the two marks of the document."""
    text = DOCUMENT.read_text()
    before, rest = text.split(BEGIN)
    tables = text_of(json.loads(VERDICTS.read_text()))
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{rest.split(END)[1]}")
    print(tables.splitlines()[2])


if __name__ == "__main__":
    main()
