#!/usr/bin/env python3
"""Command line of threefactor: train, evaluate, plot, check, card, reproduce, list."""

import argparse
import os
import sys
from pathlib import Path

# One run uses one core: the networks are small, and replicas or sweeps use the others.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

USAGE = """usage: python run.py COMMAND [OPTIONS]

  train               train an agent; `train --help` lists all options
  evaluate RUN        run a trained agent without learning
  plot RUN            draw the figures of a run
  check RULE ...      test what every plasticity rule promises; FILE.py:Class is your own
  card RULE ...       measure what a plasticity rule does, on one page; several are compared
  reproduce NAME      test a named experiment's claim against its controls
  list [WHAT]         envs, rules, models, neurons, encoders, decoders, modulators, ...

examples:
  python run.py train
  python run.py train --env MountainCar-v0 --seed 3 --out runs/car
  python run.py evaluate runs/car --episodes 50
  python run.py plot runs/car --window-ms 0 500
  python run.py train --resume runs/car --episodes 600
"""


def train(arguments: list[str]) -> int:
    """Train an agent and report what it learned."""
    from experiments.options import parse_train

    request = parse_train(arguments)
    if request.is_printing:
        print(request.config.to_yaml(), end="")
        return 0
    from experiments.training import report, resume_agent, train_agent

    if request.resume is not None:
        result = resume_agent(request.resume, request.episodes, is_quiet=request.is_quiet)
    else:
        result = train_agent(request.config, request.out, is_quiet=request.is_quiet)
    print(report(result))
    if request.is_drawing:
        from analysis.report import plot_run

        drawn = plot_run(result.path)
        print(f"figures: {', '.join(sorted({str(path.parent) for path in drawn})) or 'none'}")
    return 130 if result.summary["interrupted"] else 0


def evaluate(arguments: list[str]) -> int:
    """Evaluate a trained agent with plasticity off."""
    parser = argparse.ArgumentParser("run.py evaluate", description=evaluate.__doc__)
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("--episodes", type=int, default=100, help="episodes (default 100)")
    parser.add_argument("--seed", type=int, default=None, help="seed of the environment")
    options = parser.parse_args(arguments)
    from experiments.evaluation import evaluate_run

    print(evaluate_run(options.run, options.episodes, options.seed))
    return 0


def plot(arguments: list[str]) -> int:
    """Draw every figure that a run's data allow."""
    parser = argparse.ArgumentParser("run.py plot", description=plot.__doc__)
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("--out", type=Path, default=None, help="folder (default RUN/figures)")
    parser.add_argument(
        "--window-ms", type=float, nargs=2, metavar=("FROM", "TO"), default=None,
        help="simulated time that raster and traces show (default: the last recorded episode)",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    from analysis.report import plot_run

    window = tuple(options.window_ms) if options.window_ms else None
    for path in plot_run(options.run, options.out, window_ms=window):
        print(path)
    return 0


def check(arguments: list[str]) -> int:
    """Test what every plasticity rule promises; exit status 1 if a promise does not hold."""
    parser = argparse.ArgumentParser("run.py check", description=check.__doc__)
    parser.add_argument("rules", nargs="*", metavar="RULE", help="name or my_rule.py:MyRule")
    parser.add_argument("--all", action="store_true", help="every rule of `run.py list rules`")
    parser.add_argument("--engine", nargs="+", default=["runtime-numpy", "compiled"])
    parser.add_argument("--neuron", help="postsynaptic neuron (default: one that fits the rule)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the reports as JSON")
    options = parser.parse_args(arguments)
    if bool(options.rules) == options.all:
        parser.error("name a rule, a FILE.py:Class or --all")
    from experiments.checks.report import check_rules

    return 0 if check_rules(options.rules, options.engine, options.neuron, options.json) else 1


def card(arguments: list[str]) -> int:
    """Measure what a plasticity rule does and draw it on one page; several rules are compared."""
    parser = argparse.ArgumentParser("run.py card", description=card.__doc__)
    parser.add_argument("rules", nargs="+", metavar="RULE", help="name or my_rule.py:MyRule")
    parser.add_argument("--out", type=Path, default=Path("runs/cards"), help="default runs/cards")
    parser.add_argument("--budget", type=float, default=1.0, help="share of the time, 0 to 1")
    parser.add_argument("--neuron", help="postsynaptic neuron (default: one that fits the rule)")
    options = parser.parse_args(arguments)
    from experiments.rule_card import make_cards

    for path in make_cards(options.rules, options.out, options.budget, options.neuron):
        print(path)
    return 0


def reproduce(arguments: list[str]) -> int:
    """Put a named experiment's claim to the test, controls included."""
    parser = argparse.ArgumentParser("run.py reproduce", description=reproduce.__doc__)
    parser.add_argument("name", help="see `run.py list experiments`")
    parser.add_argument("--out", type=Path, default=None, help="default runs/reproduce/NAME")
    parser.add_argument("--budget", type=float, default=1.0, help="share of the episodes")
    parser.add_argument("--seeds", type=int, default=None, help="number of seeds")
    parser.add_argument("--engine", default="auto", help="as in train")
    options = parser.parse_args(arguments)
    from experiments.reproduction import reproduce as run_experiment

    holds = run_experiment(options.name, options.out, options.budget, options.seeds, options.engine)
    return 0 if holds or options.budget < 1 else 1


def list_tables(arguments: list[str]) -> int:
    """Say what there is to choose from."""
    from experiments.listing import LISTINGS, listing

    parser = argparse.ArgumentParser("run.py list", description=list_tables.__doc__)
    parser.add_argument("what", nargs="?", default=None, help=", ".join(LISTINGS))
    print(listing(parser.parse_args(arguments).what))
    return 0


COMMANDS = {
    "train": train,
    "evaluate": evaluate,
    "plot": plot,
    "check": check,
    "card": card,
    "reproduce": reproduce,
    "list": list_tables,
}


def main(arguments: list[str]) -> int:
    """Run one command; every expected error is one line and exit status 2."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0 if arguments else 2
    command, *rest = arguments
    try:
        from experiments.environment_check import check_versions

        check_versions()
        if command not in COMMANDS:
            from experiments.options import reject_unknown_command

            reject_unknown_command(command, list(COMMANDS))
        return COMMANDS[command](rest)
    except (ValueError, TypeError, OSError, FloatingPointError, RuntimeError) as error:
        if os.environ.get("THREEFACTOR_DEBUG"):
            raise
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
