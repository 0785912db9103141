"""The command `compare`."""

import argparse
import json
from pathlib import Path

from threefactor.experiments.command_line.arguments import Parser
from threefactor.experiments.training.preconditions import require_file, require_folder


def parse_compare(arguments: list[str]) -> argparse.Namespace:
    """Return what was asked for; raise ValueError for words that mean nothing."""
    parser = Parser(
        "compare",
        "Compare trained agents over their seeds: table, intervals, figure. What differs in its "
        "settings is another group.",
    )
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="RUN",
        help="run directory, folder of runs (a sweep's), or table with columns seed and score",
    )  # fmt: skip
    parser.add_argument(
        "--by", action="append", default=[], metavar="NAME",
        help="setting that tells groups apart, such as rule or rule.learning-rate; may be "
        "repeated (default: the few that explain all that differs)",
    )  # fmt: skip
    parser.add_argument("--baseline", metavar="GROUP", help="(default: the first)")
    parser.add_argument("--env", help="compare in this environment only")
    parser.add_argument(
        "--threshold", type=float,
        help="mean return to be reached; of several environments a normalised score",
    )  # fmt: skip
    parser.add_argument(
        "--window", type=int, metavar="EPISODES",
        help="episodes of that mean, and of learning curves (default: a tenth, at most 100)",
    )  # fmt: skip
    parser.add_argument(
        "--reference", action="append", default=[], metavar="ENV=RANDOM,BEST", type=_reference,
        help="scores that are 0 and 1 in an environment (default: those that the runs know)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help="folder of the figure, PNG and PDF")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write table and seeds")
    options = parser.parse_args(arguments)
    options.by = [name for names in options.by for name in names.split(",")]
    return options


def run(options: argparse.Namespace) -> int:
    """Do what was asked for."""
    for file in filter(None, (options.csv, options.json)):
        require_file(file)
    if options.out is not None:
        require_folder(options.out)
    from threefactor.experiments.comparing import compare

    comparison = compare(
        *options.paths, by=options.by, baseline=options.baseline, threshold=options.threshold,
        window=options.window, env=options.env, references=dict(options.reference),
    )  # fmt: skip
    print(comparison.report())
    if options.csv is not None:
        options.csv.write_text(comparison.to_csv())
    if options.json is not None:
        options.json.write_text(json.dumps(comparison.to_dict(), indent=2) + "\n")
    if options.out is not None:
        from threefactor.analysis.style import save_figure

        for name, figure in comparison.figures().items():
            for path in save_figure(figure, options.out / name):
                print(path)
    return 0


def _reference(text: str) -> tuple[str, tuple[float, float]]:
    env, _, values = text.rpartition("=")
    try:
        low, high = (float(value) for value in values.split(","))
    except ValueError:
        env = ""
    if not env:
        raise argparse.ArgumentTypeError(f"expected ENV=RANDOM,BEST, got {text!r}")
    return env, (low, high)
