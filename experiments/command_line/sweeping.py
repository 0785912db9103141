"""The command `sweep`."""

import argparse
import os
from pathlib import Path

from threefactor.experiments.command_line.arguments import INTERRUPTED, Parser

_HELP = """Train every combination of settings in a file, each with several seeds.

The file (YAML or TOML) has:
  base: {env: GridWorld-v0, episodes: 60}          what all have
  grid: {rule: [reinforce, rstdp-et]}              every combination of values
  list: [{...}, {...}]                             single settings
  random: {rule.learning_rate: {log_uniform: [0.001, 1]}}, samples: 20, random_seed: 0
  seeds: 4                                         0 to 3, or a list
  chunk: 8                                         seeds that share a process, as replicas

OUT/results.csv has a row for each combination and seed. What is done is not done
again; Ctrl-C stops all with checkpoints, and `sweep OUT` goes on. Several of
these commands may work in one folder at once, on several machines that see it."""


def parse_sweep(arguments: list[str]) -> argparse.Namespace:
    """Return what was asked for; raise ValueError for words that mean nothing."""
    parser = Parser("sweep", _HELP)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("source", type=Path, metavar="FILE", help="or the folder of one begun")
    parser.add_argument("--out", type=Path, help="folder (default runs/sweeps/<name of FILE>)")
    parser.add_argument(
        "--workers", type=int, default=None, help="processes (default: one for each core)"
    )
    parser.add_argument("--chunk", type=int, help="as in the file")
    parser.add_argument("--retry", action="store_true", help="try again what failed")
    parser.add_argument("--dask", metavar="ADDRESS", help="send the jobs to a Dask cluster")
    parser.add_argument(
        "--slurm", type=int, metavar="TASKS", help="write a job array's script, and run nothing"
    )
    parser.add_argument(
        "--print", action="store_true", help="say what would be run, and run nothing"
    )
    options = parser.parse_args(arguments)
    if options.dask and (options.workers or options.slurm):
        parser.error("--dask: the cluster has its own workers; leave out --workers and --slurm")
    for name in ("workers", "slurm"):
        if (value := getattr(options, name)) is not None and value < 1:
            parser.error(f"--{name}: expected a number >= 1, got {value}")
    return options


def run(options: argparse.Namespace) -> int:
    """Do what was asked for; exit status 1 if a run failed."""
    from threefactor.experiments.sweeps.sweep import (
        describe,
        in_processes,
        open_sweep,
        prepare,
        run_sweep,
    )
    from threefactor.experiments.training.progress import Display, say_on_stderr

    folder, plan = open_sweep(options.source, options.out, options.chunk)
    if options.print:
        print(describe(plan, folder))
        return 0
    if options.slurm:
        from threefactor.experiments.sweeps.cluster import write_script

        prepare(folder, plan)
        print(f"sbatch {write_script(folder, options.slurm)}")
        return 0
    if options.dask:
        from threefactor.experiments.sweeps.cluster import on_dask

        runner = on_dask(options.dask, say_on_stderr)
    else:
        workers = options.workers or os.cpu_count() or 1
        runner = in_processes(workers, say_on_stderr, Display())
    result = run_sweep(folder, plan, runner, is_retrying=options.retry)
    print(result.report())
    if result.is_interrupted:
        return INTERRUPTED
    return 1 if result.has_failures else 0
