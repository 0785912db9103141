"""The command `tune`."""

import argparse
import os
from pathlib import Path
from typing import Any, NamedTuple

from threefactor.experiments.command_line.arguments import INTERRUPTED, Parser
from threefactor.experiments.command_line.options import parse_train, read_words

_HELP = """Look for good settings, on seeds that no claim is reported on.

The file (YAML or TOML) has:
  base: {env: CartPole-v1, rule: rstdp-et, episodes: 200}
  search: {rule.learning_rate: {log_uniform: [0.1, 100]}, rule.tau_eligibility_ms: }
  trials: 30      settings that are tried, the present ones first
  seeds: 5        100 to 104, or a list from 100 on

Ranges: uniform, log_uniform, integers, choice; nothing: the range that the
field declares. Without `search`: all of rule and modulator that declare one.
Without a FILE, base is what other options say, as in train:
  tune --env CartPole-v1 --rule rstdp-et --episodes 200 --trials 20

OUT/tuned.yaml has the best settings, with where they come from. Ctrl-C ends the
search, `tune OUT` goes on."""


_OWN = ("--out", "--workers", "--trials", "--seeds", "--help", "-h")
_NOT_OURS = ("--seed", "--replicas", "--resume", "--quiet", "--no-figures", "--print-config")


class TuneRequest(NamedTuple):
    """What the command line asked for; `content` is what a file would say, if there is none."""

    source: Path | None
    content: dict[str, Any]
    out: Path | None
    workers: int


def parse_tune(arguments: list[str]) -> TuneRequest:
    """Return what was asked for; raise ValueError for words that mean nothing."""
    parser = Parser("tune", _HELP)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("source", type=Path, nargs="?", metavar="FILE", help="or a folder begun")
    parser.add_argument("--out", type=Path, help="folder (default runs/tunings/<name>)")
    parser.add_argument("--workers", type=int, help="trials side by side (default: cores)")
    parser.add_argument("--trials", type=int, help="as in the file")
    parser.add_argument("--seeds", type=int, help="as in the file")
    has_file = bool(arguments) and not arguments[0].startswith("-")
    own, others = (arguments, []) if has_file else _split(arguments)
    options = parser.parse_args(own)
    workers = (os.cpu_count() or 1) if options.workers is None else options.workers
    if workers < 1:
        parser.error(f"--workers: expected a number >= 1, got {workers}")
    counts = {"trials": options.trials, "seeds": options.seeds}
    given = {name: value for name, value in counts.items() if value is not None}
    if options.source is None:
        return TuneRequest(None, {"base": _base(others), **given}, options.out, workers)
    if given:
        parser.error(f"--{next(iter(given))}: {options.source} says it")
    return TuneRequest(options.source, {}, options.out, workers)


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return the words of this command, and those that `train` reads."""
    own: list[str] = []
    others: list[str] = []
    for flag, values in read_words(arguments).items():
        (own if flag in _OWN else others).extend([flag, *values])
    return own, others


def _base(words: list[str]) -> dict[str, Any]:
    """Return settings from options of `train`."""
    for flag in read_words(words):
        if flag in _NOT_OURS:
            raise ValueError(f"tune: {flag} is for train; seeds are said by --seeds.")
    settings = parse_train(words).config.to_dict()
    return {name: value for name, value in settings.items() if name not in ("seed", "replicas")}


def run(request: TuneRequest) -> int:
    """Do what was asked for."""
    from threefactor.experiments.training.progress import say_on_stderr
    from threefactor.experiments.tuning.study import open_tuning, run_tuning
    from threefactor.experiments.tuning.tuning import Tuning

    out, source = request.out, request.source
    if source is None:
        base = request.content["base"]
        name = f"{base['env']}-{base['rule']['name']}".replace("/", "-").replace(":", "-")
        out = out or Path("runs") / "tunings" / name
    folder, tuning = open_tuning(source or Tuning.of(request.content), out)
    result = run_tuning(folder, tuning, request.workers, say_on_stderr)
    print(result.report())
    return INTERRUPTED if result.is_interrupted else 0
