"""Make docs/performance.md of what was measured: `python benchmarks/performance_page.py`.

The template names every table as ``{{benchmark: table}}``; nothing on the page is typed by hand.
"""

import json
import re
import sys
from pathlib import Path

import closed_loop
import decision
import learning_step
import scaling
import training
import workers
from pacing import HERE

TEMPLATE = HERE / "performance.template.md"
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "performance.md"
#: Name of a results file -> how its content becomes tables.
BENCHMARKS = {
    "closed_loop": closed_loop.tables, "decision": decision.tables, "scaling": scaling.tables,
    "workers": workers.tables, "training": training.tables,
    "learning_step": learning_step.tables,
}  # fmt: skip
#: Budgets below this are too short for the numbers to mean anything.
FULL_BUDGET = 100


def provenance(found: dict) -> str:
    """Say on what machine, when and how thoroughly this was measured."""
    text = (
        "{date}: {processor}, {cores} cores, Python {python}, Brian2 {brian2}; load {load:.1f} at "
        "the start; budget {budget}, {repeats} repeats.".format(**found["machine"], **found)
    )
    if found["budget"] < FULL_BUDGET:
        text += (
            f" **A short run (budget {found['budget']} of {FULL_BUDGET}): it shows that everything "
            "runs, not how fast.**"
        )
    return text


def page(template: str, results: dict[str, dict]) -> str:
    """Return the template with every table filled in.

    Raises
    ------
    KeyError
        If the template names a benchmark that is not there.
    """
    text = {
        name: {"provenance": provenance(found), **BENCHMARKS[name](found)}
        for name, found in results.items()
    }
    return re.sub(
        r"\{\{(\w+): (.+?)\}\}",
        lambda match: text[match[1]].get(match[2], "Not measured in this run."), template,
    )  # fmt: skip


def read_results(folder: Path = RESULTS) -> dict[str, dict]:
    """Return the results by benchmark."""
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in BENCHMARKS}


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(TEMPLATE.read_text(), read_results()))
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
