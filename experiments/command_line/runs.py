"""The command `runs`."""

import argparse
import csv
import shutil
import sys
from pathlib import Path

from threefactor.experiments.command_line.arguments import Parser
from threefactor.experiments.runs.index import Record, read_runs
from threefactor.experiments.runs.selection import COLUMNS, ordered, select, table


def parse_runs(arguments: list[str]) -> argparse.Namespace:
    """Return what was asked for; raise ValueError for words that mean nothing."""
    parser = Parser("runs", "List, filter, sort and delete the runs in folders.")
    parser.add_argument(
        "folders", type=Path, nargs="*", metavar="FOLDER", help="default: runs, with all below it"
    )
    parser.add_argument(
        "--where", nargs="+", default=[], metavar="CONDITION",
        help="such as rule=rstdp-et 'score>0.5' status!=done path~car; any setting, with its dots",
    )  # fmt: skip
    parser.add_argument(
        "--sort", nargs="+", default=[], metavar="NAME", help="columns; -score: from high to low"
    )
    parser.add_argument(
        "--columns", nargs="+", default=list(COLUMNS), metavar="NAME",
        help=f"any setting (default: {' '.join(COLUMNS)})",
    )  # fmt: skip
    parser.add_argument("--csv", action="store_true", help="as CSV, for other programs")
    parser.add_argument("--paths", action="store_true", help="only the paths, one a line")
    parser.add_argument("--delete", action="store_true", help="delete them, after asking")
    parser.add_argument("--yes", action="store_true", help="delete without asking")
    options = parser.parse_intermixed_args(arguments)
    if options.delete and not options.where:
        parser.error("--delete: expected --where as well; delete a whole folder by hand")
    options.folders = options.folders or [Path("runs")]
    return options


def run(options: argparse.Namespace) -> int:
    """List the runs, or delete them."""
    found = [record for folder in options.folders for record in read_runs(folder)]
    chosen = ordered(select(found, options.where), options.sort)
    if options.delete:
        return _delete(chosen, options.yes)
    if options.paths:
        print("\n".join(record["path"] for record in chosen))
        return 0
    rows = table(chosen, options.columns)
    if options.csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
        return 0
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)).rstrip())
    print(f"{len(chosen)} of {len(found)} runs")
    return 0


def _delete(records: list[Record], is_sure: bool) -> int:
    for record in records:
        print(record["path"])
    if not records:
        print("no run meets the conditions")
        return 0
    if not is_sure:
        if not sys.stdin.isatty():
            raise ValueError("--delete: nobody to ask whether these may go; say --yes.")
        if input(f"delete these {len(records)} runs? [y/N] ").strip().lower() not in ("y", "yes"):
            print("nothing was deleted")
            return 1
    for record in records:
        shutil.rmtree(record["path"])
    print(f"deleted {len(records)} runs")
    return 0
