"""Runs that something is done to, and a judge of what commands then say and leave."""

import contextlib
import hashlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SETTINGS: dict[str, Any] = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 20, "preset": "none",
    "window_ms": 10.0, "seed": 5, "record_episodes": 2, "weight_snapshots": 3, "probes": 2,
    "reference_episodes": 0, "rule": "reinforce",
    "model": {"name": "actor-critic", "neurons_per_action": 3, "critic_neurons": 4},
}  # fmt: skip
#: Longer than any command takes, on a busy machine as well.
TIMEOUT_S = 180.0
#: What a command may say last if it does not do what it was asked for.
ONE_LINE, WENT_ON = "one line", "went on"
BAD = ("traceback", "hang", "crash", "harm", "silently wrong")


@dataclass(frozen=True)
class Answer:
    """What a command came to.

    Attributes
    ----------
    status : int
        Exit status; negative: the signal that ended it.
    said : str
        On standard output and standard error.
    hung : bool
        Whether it had to be killed.
    """

    status: int
    said: str
    hung: bool = False

    @property
    def kind(self) -> str:
        """Return one of the words above."""
        if self.hung:
            return "hang"
        if "Traceback" in self.said:
            return "traceback"
        lines = self.said.strip().splitlines()
        if self.status == 2 and sum(line.startswith("error: ") for line in lines) == 1:
            return ONE_LINE
        return WENT_ON if self.status == 0 else "crash"


def command(words: Iterable[object], log: Path) -> Answer:
    """Run a command of the program in a copy of this process, which has loaded it."""
    from threefactor.experiments.command_line.main import main

    return forked(lambda: main([str(word) for word in words]), log)


def forked(work: Callable[[], int], log: Path) -> Answer:
    """Run a function in a copy of this process and return what came of it."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for descriptor in (1, 2):
                os.dup2(file, descriptor)
            sys.stdout, sys.stderr = (os.fdopen(d, "w", closefd=False) for d in (1, 2))
            status = work()
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return Answer(os.waitstatus_to_exitcode(status), log.read_text(errors="replace"))
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return Answer(-signal.SIGKILL, log.read_text(errors="replace"), hung=True)


def contents(folder: Path, without: tuple[str, ...] = (".lock",)) -> dict[str, str]:
    """Return file -> digest of everything below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in without
    }


def outcome_of(run: Path) -> tuple[str, dict[str, bytes]]:
    """Return what a training came to: its episodes, and all that its agent has learned."""
    with np.load(run / "checkpoints" / "latest.npz", allow_pickle=False) as arrays:
        learned = {
            name: np.ascontiguousarray(arrays[name]).tobytes()
            for name in arrays.files
            if name.startswith("agent/")
        }
    return (run / "episodes.csv").read_text(), learned
