"""Run the default experiment until its first decision: `first_decision.py RUN_DIRECTORY`.

Prints the monotonic clock at that moment, which the parent compares with its own (both count from
the start of the machine), and the processor seconds spent, compiler included.
"""

import os
import resource
import sys
import time

import checkout  # noqa: F401

import run
from threefactor.experiments.training import loop


def decide_and_stop(self: loop.ClosedLoop) -> None:
    """Stand in for `ClosedLoop.decide`."""
    original(self)
    spent = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        spent += usage.ru_utime + usage.ru_stime
    print(time.perf_counter(), spent, flush=True)
    os._exit(0)


sys.argv = ["run.py", *sys.argv[1:]]  # whose place this takes
original = loop.ClosedLoop.decide
loop.ClosedLoop.decide = decide_and_stop  # type: ignore[method-assign]
options = ["--episodes", "1", "--reference-episodes", "0", "--quiet", "--out", sys.argv[1]]
sys.exit(run.main(["train", *options]))
