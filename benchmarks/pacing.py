"""Workers that do N decisions on request: interleaved repeats, never two simulators at once.

A worker is a script of its own, because one process holds one Brian2 device, and ANNarchy and NEST
live in other environments. It prints "ready" once it is built and has done a first decision, then
for every number read from standard input does that many decisions and prints what they took:
processor time and wall time. Processor time is what the tables show, since others may be using the
machine; the workers are single-threaded, so that on an idle machine the two are one. This module
needs nothing but Python.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


class Pacer:
    """The worker's side: says whether another decision is wanted, and keeps the time."""

    def __init__(self) -> None:
        self._left = 1  # a first decision before "ready" warms everything up
        self._count = 0
        self._started: tuple[float, float] | None = None

    def is_wanted(self) -> bool:
        """Whether to do another decision; blocks between two requests; False: the end."""
        while self._left == 0:
            now = time.process_time(), time.perf_counter()
            if self._started is None:
                print("ready", flush=True)
            else:
                cpu, wall = (end - start for end, start in zip(now, self._started, strict=True))
                print(self._count, cpu, wall, flush=True)
            line = sys.stdin.readline()
            if not line.strip():
                return False
            self._left = self._count = int(line)
            self._started = time.process_time(), time.perf_counter()
        self._left -= 1
        return True


class Worker:
    """The parent's side of one worker.

    Raises
    ------
    RuntimeError
        If the worker dies; the message ends with its last words.
    """

    def __init__(self, script: str, *arguments: str, python: str = sys.executable) -> None:
        self.name = " ".join([script, *arguments])
        self._process = subprocess.Popen(
            [python, str(HERE / script), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")},
        )  # fmt: skip
        while self._answer() != "ready":
            pass  # simulators greet

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            words = self._process.stderr.read().strip().splitlines() or ["no message"]
            self.close()
            raise RuntimeError(f"benchmark worker {self.name} died: {words[-1]}")
        return line.strip()

    def measure(self, decisions: int) -> tuple[float, float]:
        """Return processor and wall seconds of one decision, the mean over `decisions`."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{decisions}\n")
        self._process.stdin.flush()
        while True:
            words = self._answer().split()
            if len(words) == 3 and words[0].isdigit():
                return float(words[1]) / int(words[0]), float(words[2]) / int(words[0])

    def resident_mb(self) -> float:
        """Return the worker's resident memory in MB (Linux; 0 elsewhere)."""
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        except OSError:
            return 0.0
        return int(pages) * 4096 / 1e6

    def close(self) -> None:
        """End the worker."""
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        self._process.wait(timeout=60)
