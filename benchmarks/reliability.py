"""Try what should harm no run and make docs/reliability.md of it.

    python benchmarks/reliability.py                  every section, about half an hour
    python benchmarks/reliability.py damage           one of them
    python benchmarks/reliability.py --page           the page alone, of what was found before

A section is a module with `measure(budget, say)`, which returns what was found as plain data,
`harm(found)`, which lists what should not be, and `section(found)`, which is its text on the page.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import bad_input
import checkout  # noqa: F401
import damage
import interruptions
from pacing import HERE
from report import machine, say

RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "reliability.md"
SECTIONS = {"interruptions": interruptions, "damage": damage, "bad_input": bad_input}
_HEAD = """# Reliability

Made by `python benchmarks/reliability.py`, which tries all that is told here and fails if anything
is lost; the slow tests do the same. Nothing on this page is typed by hand.
"""


def measure(name: str, budget: float) -> dict[str, Any]:
    """Return what a section has found, with when and where."""
    found = SECTIONS[name].measure(budget, say)
    return {"machine": machine(), "budget": budget, "found": found}


def page(results: dict[str, dict[str, Any]]) -> str:
    """Return the page of all sections that have results."""
    texts = [_HEAD]
    for name, section in SECTIONS.items():
        if name in results:
            told = results[name]
            note = "" if told["budget"] >= 1 else " **A short run.**"
            where = "{date}: {processor}, {cores} cores, Python {python}".format(**told["machine"])
            texts.append(f"{section.section(told['found'])}\n\n{where}.{note}\n")
    return "\n".join(texts)


def read_results(folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """Return the results by section, of those that were measured."""
    paths = {name: folder / f"reliability_{name}.json" for name in SECTIONS}
    return {name: json.loads(path.read_text()) for name, path in paths.items() if path.is_file()}


def main() -> int:
    """Measure, and write the page; exit status 1 if something was lost."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], help="default: all")
    parser.add_argument("--budget", type=float, default=1.0, help="share of the trials")
    parser.add_argument("--page", action="store_true", help="measure nothing")
    options = parser.parse_args()
    lost = []
    for name in [] if options.page else options.sections or SECTIONS:
        told = measure(name, options.budget)
        lost += SECTIONS[name].harm(told["found"])
        (RESULTS / f"reliability_{name}.json").write_text(json.dumps(told, indent=1) + "\n")
    PAGE.write_text(page(read_results()))
    print(PAGE)
    for line in lost:
        print(line)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
