"""The command ``check``: parts by name, a report of each, and whether all of them pass."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from threefactor.experiments.command_line.arguments import Parser
from threefactor.experiments.parts.kinds import KINDS
from threefactor.experiments.parts.subjects import find_subject
from threefactor.naming import check_choice


@dataclass(frozen=True)
class CheckRequest:
    """What the command line asked for.

    Attributes
    ----------
    parts : tuple of (name, kind)
    """

    parts: tuple[tuple[str, str], ...]
    engines: tuple[str, ...]
    neuron: str | None
    json: Path | None


def parse_check(arguments: Sequence[str]) -> CheckRequest:
    """Return the request of ``check``.

    Raises
    ------
    ValueError, TypeError
        For an unknown name, kind or option, or a file that cannot be imported, in one line.
    """
    parser = Parser("check", "Test what every part promises; exit status 1 if a promise fails.")
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help="a name of `list`, a Gymnasium id, or FILE.py:Class; its base class tells its kind",
    )
    parser.add_argument("--all", action="store_true", help="every rule, or every part of --kind")
    parser.add_argument(
        "--kind",
        help=f"of {', '.join(KINDS)}: which is meant; with --all also `all` (default rule)",
    )
    parser.add_argument(
        "--engine",
        nargs="+",
        default=["runtime-numpy", "compiled"],
        help="engines of rules' trials: compiled, runtime, runtime-numpy (default: runtime-numpy "
        "compiled); other parts need none or run on runtime-numpy",
    )
    parser.add_argument(
        "--neuron", help="postsynaptic neuron of rules' trials (default: one that fits the rule)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the reports as JSON")
    options = parser.parse_args(arguments)
    if bool(options.parts) == options.all:
        parser.error("name a part, a FILE.py:Class or --all")
    parts = _all(options.kind or "rule") if options.all else _named(options.parts, options.kind)
    return CheckRequest(parts, tuple(options.engine), options.neuron, options.json)


def _all(kind: str) -> tuple[tuple[str, str], ...]:
    check_choice("kind", kind, [*KINDS, "all"])
    kinds = KINDS if kind == "all" else (kind,)
    return tuple((name, key) for key in kinds for name in KINDS[key].table)


def _named(names: Sequence[str], kind: str | None) -> tuple[tuple[str, str], ...]:
    return tuple((name, find_subject(name, kind)[0]) for name in names)


def run_checks(request: CheckRequest) -> bool:
    """Print the report of each part; return whether all pass."""
    from threefactor.experiments.checks.parts import check_part

    reports = {}
    for name, kind in request.parts:
        reports[name] = check_part(name, kind, request.engines, request.neuron)
        print(reports[name].report(is_short=len(request.parts) > 1), flush=True)
    failed = [name for name, report in reports.items() if not report.is_passed]
    if len(request.parts) > 1:
        kinds = {kind for _, kind in request.parts}
        word = f"{KINDS[kinds.pop()].word}s" if len(kinds) == 1 else "parts"
        print(f"{len(reports)} {word}: {f'{len(failed)} fail' if failed else 'all pass'}")
    if request.json is not None:
        data = {name: report.as_dict() for name, report in reports.items()}
        request.json.write_text(json.dumps(data, indent=2) + "\n")
    return not failed
