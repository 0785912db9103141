"""Made-up bad commands and settings: each runs, or is refused in one line."""

import sys
from collections.abc import Callable
from typing import Any

from pacing import HERE
from report import markdown

TRIALS, SEED = 400, 12


def measure(budget: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Return how many ended how, and what should not be."""
    sys.path.insert(0, str(HERE.parent))
    from tests.reliability.fuzzing import fuzz

    trials = max(1, round(TRIALS * budget))
    say(f"{trials} made-up commands")
    found = fuzz(trials, SEED)
    return {
        "trials": trials,
        "counts": dict(found.counts),
        "faults": [str(fault) for fault in found.faults],
    }


def harm(found: dict[str, Any]) -> list[str]:
    """Return what neither ran nor was refused in one line."""
    return list(found["faults"])


def section(found: dict[str, Any]) -> str:
    """Return the section of the page."""
    rows = [[str(what), str(count)] for what, count in found["counts"].items()]
    return (
        "## Bad commands and settings\n\n"
        f"{found['trials']} command lines and configurations, made up from every sub-command, "
        "option and setting with values that cannot be meant: each runs, or gives one clear line "
        "and exit status 2. Tracebacks, hangs, other exit statuses or harm to existing data: "
        f"{len(found['faults'])}.\n\n" + markdown(["what came of it", "how often"], rows)
    )
