"""The command `analyse`."""

import argparse
import json
from pathlib import Path

from threefactor.experiments.command_line.arguments import Parser
from threefactor.experiments.training.preconditions import (
    require_file,
    require_folder,
    require_run,
)


def parse_analyse(arguments: list[str]) -> argparse.Namespace:
    """Return what was asked for; raise ValueError for words that mean nothing."""
    parser = Parser(
        "analyse",
        "Analyse spikes and weights that a run recorded: rates, irregularity, correlations, weight "
        "drift, eligibility against third factor, receptive fields.",
    )
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("--out", type=Path, help="folder of the figures (default RUN/figures)")
    parser.add_argument("--bin-ms", type=float, help="bins of correlated counts (default 10)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    """Do what was asked for."""
    require_run(options.run)
    require_folder(options.out or options.run)
    if options.json is not None:
        require_file(options.json)
    from threefactor.analysis.neural.analysis import analyse_run
    from threefactor.analysis.neural.spiking import BIN_MS
    from threefactor.analysis.style import save_figure

    analysis = analyse_run(options.run, BIN_MS if options.bin_ms is None else options.bin_ms)
    print(analysis.report())
    if options.json is not None:
        options.json.write_text(json.dumps(analysis.to_dict(), indent=2) + "\n")
    folder = options.out or options.run / "figures"
    for name, figure in analysis.figures().items():
        for path in save_figure(figure, folder / name):
            print(path)
    return 0
