"""The commands that `USAGE` lists."""

import argparse
import os
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

# One process uses one core: the networks are small, and --workers use the others. NumPy's
# libraries read this once, when they are loaded.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

from threefactor.experiments.command_line.arguments import (  # noqa: E402
    INTERRUPTED,
    Parser,
    dispatch,
    keyed_values,
)
from threefactor.experiments.training.preconditions import (  # noqa: E402
    require_checkpoint,
    require_file,
    require_folder,
    require_new_run,
    require_rules,
    require_run,
)
from threefactor.program import program_name  # noqa: E402

USAGE = """usage: {program} COMMAND [OPTIONS]

  train               train an agent
  evaluate RUN        run a trained agent without learning
  plot RUN            draw the figures of a run
  analyse RUN         spikes, weights and credit of a run in numbers
  compare RUN ...     compare agents over their seeds: runs, folders of runs
  check PART ...      test what every rule, neuron, encoder, ... promises; FILE.py:Class is yours
  card RULE ...       measure what a plasticity rule does, on one page; several are compared
  sweep FILE          train every combination of settings, each with several seeds
  tune [FILE]         look for good settings, on seeds that no claim is reported on
  runs [FOLDER]       list, filter, sort and delete the runs that there are
  reproduce NAME      test a named experiment's claim against its controls
  list [WHAT]         what there is to choose from: envs, rules, models, neurons, ...

`{program} COMMAND --help` lists the options of a command, `{program} --version` says which this is.

examples:
  {program} train
  {program} train --env MountainCar-v0 --seed 3 --out runs/car
  {program} train --replicas 10 --workers 4
  {program} train --resume runs/car --episodes 600
  {program} evaluate runs/car --episodes 50
  {program} plot runs/car --window-ms 0 500
  {program} analyse runs/car
  {program} compare runs/GridWorld-v0 --by rule --out figures
  {program} check my_rule.py:MyRule
  {program} card rstdp-et reinforce
  {program} sweep rules.yaml --workers 4
  {program} tune --env CartPole-v1 --rule rstdp-et --trials 20
  {program} reproduce gridworld_reinforce
"""


def train(arguments: list[str]) -> int:
    """Train an agent and report what it learned."""
    from threefactor.experiments.command_line.options import parse_train
    from threefactor.experiments.layers import preset_of

    request = parse_train(arguments)
    if request.is_printing:
        from threefactor.experiments.training.limits import with_limits
        from threefactor.experiments.training.progress import say_on_stderr

        told = [preset_of(request.config).text(), request.note]
        print(textwrap.indent("\n".join(filter(None, told)), "# "))
        print(with_limits(request.config, say_on_stderr).to_yaml(), end="")
        return 0
    if request.out is not None:
        require_new_run(request.out)
    from threefactor.experiments import interface

    if request.resume is not None:
        result = interface.resume(
            request.resume, request.episodes, quiet=request.is_quiet, trust=request.is_trusted
        )
    else:
        if request.note and not request.is_quiet:
            print(request.note, file=sys.stderr)
        result = interface.train(
            request.config, out=request.out, workers=request.workers, quiet=request.is_quiet,
            trust=request.is_trusted,
        )  # fmt: skip
    print(result.report())
    if request.is_drawing and result.is_new:
        from threefactor.analysis.report import plot_run

        plotted = plot_run(result.path)
        print(f"figures: {', '.join(sorted({str(p.parent) for p in plotted.paths})) or 'none'}")
    return INTERRUPTED if result.is_interrupted else 0


def evaluate(arguments: list[str]) -> int:
    """Evaluate a trained agent with plasticity off."""
    parser = Parser("evaluate", evaluate.__doc__)
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("--episodes", type=int, default=100, help="per replica (default 100)")
    parser.add_argument(
        "--seed", type=int, help="seed of the environment (default: one that training never used)"
    )
    parser.add_argument(
        "--max-episode-steps", type=int, help="time limit (default: that of the training)"
    )
    parser.add_argument(
        "--greedy", action="store_true", help="decode without noise: the most spikes decide"
    )
    parser.add_argument(
        "--bits", type=int, nargs="+", default=(), metavar="N",
        help="also with weights rounded to so few bits, 2 to 32 (for example 8 6 4)",
    )  # fmt: skip
    parser.add_argument(
        "--env-kwargs", nargs="+", default=(), metavar="NAME=VALUE",
        help="arguments of the environment that differ from the training's",
    )  # fmt: skip
    parser.add_argument(
        "--record", action="store_true",
        help="leave spikes before and after training, and a map, in the run: `plot` draws them",
    )  # fmt: skip
    parser.add_argument(
        "--dimensions", type=int, nargs=2, metavar=("X", "Y"),
        help="dimensions of the observations that the map shows (default: the last two)",
    )  # fmt: skip
    parser.add_argument(
        "--film", type=Path, metavar="FILE", help=".gif or .mp4 of the first episode"
    )
    options = parser.parse_args(arguments)
    require_checkpoint(options.run)
    from threefactor.experiments import interface

    result = interface.evaluate(
        options.run, options.episodes, options.seed,
        max_episode_steps=options.max_episode_steps, greedy=options.greedy,
        record=options.record, film=options.film,
        dimensions=tuple(options.dimensions) if options.dimensions else None,
        bits=options.bits, env_kwargs=keyed_values("--env-kwargs", options.env_kwargs),
    )  # fmt: skip
    print(result.report())
    return 0


def plot(arguments: list[str]) -> int:
    """Draw every figure that a run's data allow."""
    parser = Parser("plot", plot.__doc__)
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("--out", type=Path, help="folder (default RUN/figures)")
    parser.add_argument(
        "--window-ms", type=float, nargs=2, metavar=("FROM", "TO"),
        help="simulated time that raster and traces show (default: the last recorded episode)",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    require_run(options.run)
    require_folder(options.out or options.run)
    from threefactor.analysis.report import plot_run

    window = tuple(options.window_ms) if options.window_ms else None
    print(plot_run(options.run, options.out, window_ms=window).report())
    return 0


def analyse(arguments: list[str]) -> int:
    """Analyse the spikes and weights that a run recorded."""
    from threefactor.experiments.command_line.analysing import parse_analyse, run

    return run(parse_analyse(arguments))


def compare(arguments: list[str]) -> int:
    """Compare trained agents over their seeds."""
    from threefactor.experiments.command_line.comparing import parse_compare, run

    return run(parse_compare(arguments))


def check(arguments: list[str]) -> int:
    """Test what every part promises, whatever its kind; exit status 1 if a promise fails."""
    from threefactor.experiments.command_line.checking import parse_check, run_checks

    request = parse_check(arguments)
    require_rules([], request.neuron, request.engines)
    if request.json is not None:
        require_file(request.json)
    return 0 if run_checks(request) else 1


def card(arguments: list[str]) -> int:
    """Measure what a plasticity rule does and draw it on one page; several rules are compared."""
    parser = Parser("card", card.__doc__)
    parser.add_argument("rules", nargs="+", metavar="RULE", help="name or my_rule.py:MyRule")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/cards"), help="folder (default runs/cards)"
    )
    parser.add_argument(
        "--budget", type=float, default=1.0, help="share of the simulated time, 0 to 1 (default 1)"
    )
    parser.add_argument("--neuron", help="postsynaptic neuron (default: one that fits the rule)")
    options = parser.parse_args(arguments)
    require_rules(options.rules, options.neuron)
    require_folder(options.out)
    from threefactor.experiments.checks.card import make_cards

    for page in make_cards(options.rules, options.out, options.budget, options.neuron, print):
        print(page)
    return 0


def sweep(arguments: list[str]) -> int:
    """Train every combination of settings in a file, each with several seeds."""
    from threefactor.experiments.command_line.sweeping import parse_sweep, run

    return run(parse_sweep(arguments))


def tune(arguments: list[str]) -> int:
    """Look for good settings, on seeds that no claim is reported on."""
    from threefactor.experiments.command_line.tuning import parse_tune, run

    return run(parse_tune(arguments))


def runs(arguments: list[str]) -> int:
    """List, filter, sort and delete the runs in folders."""
    from threefactor.experiments.command_line.runs import parse_runs, run

    return run(parse_runs(arguments))


def reproduce(arguments: list[str]) -> int:
    """Put a named experiment's claim to the test, controls included; exit status 1 if it fails."""
    parser = Parser("reproduce", reproduce.__doc__)
    parser.add_argument("name", metavar="NAME", nargs="?", help="see `list experiments`")
    parser.add_argument("--all", action="store_true", help="every experiment, one after the other")
    parser.add_argument(
        "--out", type=Path,
        help="folder (default runs/reproduce/NAME); what is finished there is not run again",
    )  # fmt: skip
    parser.add_argument(
        "--keep", action="store_true", help="also write results/NAME.json and docs/results.md"
    )
    parser.add_argument(
        "--budget", type=float, default=1.0,
        help="share of the full length (default 1); below 1 the verdict means nothing",
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, help="number of seeds (default: the experiment's)")
    parser.add_argument("--engine", default="auto", help="as in train (default auto)")
    parser.add_argument(
        "--workers", type=int, help="processes: arms side by side (default: one for each core)"
    )
    parser.add_argument("--arm", help="run this one alone, without a verdict")
    options = parser.parse_args(arguments)
    if options.arm is not None:
        return _run_arm(parser, options)
    workers = (os.cpu_count() or 1) if options.workers is None else options.workers
    if options.all == bool(options.name):
        parser.error("expected the NAME of an experiment, or --all")
    if options.all and options.out:
        parser.error("--out is for one experiment; --all writes to runs/reproduce/")
    if options.keep and (options.budget != 1 or options.seeds is not None):
        parser.error("--keep is for full runs: leave out --budget and --seeds")
    require_folder(options.out or Path("runs"))
    from threefactor.experiments.claims import results
    from threefactor.experiments.claims.registry import EXPERIMENTS
    from threefactor.experiments.claims.reproduction import RESULT
    from threefactor.experiments.claims.reproduction import reproduce as run_experiment

    for place in (results.RESULTS, results.PAGE.parent) if options.keep else ():
        require_folder(place)
    failed = []
    for name in EXPERIMENTS if options.all else [options.name]:
        try:
            result = run_experiment(
                name, options.out, options.budget, options.seeds, options.engine, print, workers
            )
        except ImportError as error:
            if not options.all:
                raise
            print(f"{name}: left out. {error}")
            continue
        print(result.report())
        failed += [] if result.holds or options.budget < 1 else [name]
        if options.keep:
            print(f"kept: {results.keep(result.folder / RESULT)}")
    if options.all:
        print(f"claims that fail: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


def _run_arm(parser: Parser, options: argparse.Namespace) -> int:
    if not options.name or options.all or options.keep:
        parser.error("--arm: expected the NAME of an experiment, without --all and --keep")
    from threefactor.experiments.claims.reproduction import run_arm

    scores = run_arm(
        options.name, options.arm, options.out, options.budget, options.seeds, options.engine,
        print, options.workers or 1,
    )  # fmt: skip
    print(f"{options.arm}: {' '.join(f'{score:.3f}' for score in scores)}")
    return 0


def list_tables(arguments: list[str]) -> int:
    """Say what there is to choose from; lines are shortened to the terminal's width."""
    from threefactor.experiments.command_line.catalogue import tables
    from threefactor.experiments.command_line.listing import listing

    known = tables()
    parser = Parser("list", list_tables.__doc__)
    parser.add_argument("what", nargs="?", help=f"{', '.join(known)} (default: all)")
    print(listing(known, parser.parse_args(arguments).what))
    return 0


COMMANDS = {
    "train": train,
    "evaluate": evaluate,
    "plot": plot,
    "analyse": analyse,
    "compare": compare,
    "check": check,
    "card": card,
    "sweep": sweep,
    "tune": tune,
    "runs": runs,
    "reproduce": reproduce,
    "list": list_tables,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, by default the one that was typed, and return its exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    return dispatch(COMMANDS, USAGE.format(program=program_name()), words)
