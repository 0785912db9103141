"""Seconds of whole processes: `run.py list`, and `run.py train` to its first decision."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pacing import HERE
from report import markdown, say, spread, verdict

#: Kind -> bar of its wall time in s.
BARS = {"cold": "<= 2.5", "warm": "<= 2", "list": "<= 0.15"}
NAMES = {
    "cold": "first decision, nothing compiled yet",
    "warm": "first decision, network compiled before",
    "list": "`run.py list`",
}


def start_times(repeats: int) -> list[dict]:
    """Measure one cold start, then warm ones and lists."""
    found = []
    with tempfile.TemporaryDirectory(prefix="start-") as name:
        environment = {**os.environ, "THREEFACTOR_CACHE": str(Path(name) / "cache")}
        for attempt in range(repeats + 1):
            kind = "warm" if attempt else "cold"
            say(f"start {attempt + 1} of {repeats + 1}, {kind}")
            out = str(Path(name) / str(attempt))
            found.append(first_decision([str(HERE / "first_decision.py"), out], kind, environment))
        for _ in range(repeats):
            found.append(whole_process([str(HERE.parent / "run.py"), "list"], "list", environment))
    return found


def first_decision(words: list[str], kind: str, environment: dict[str, str]) -> dict:
    """Return the seconds until `first_decision.py` says that it has decided."""
    began = time.perf_counter()
    now, cpu = _run(words, environment).split()
    return {"kind": kind, "wall_s": float(now) - began, "cpu_s": float(cpu)}


def whole_process(words: list[str], kind: str, environment: dict[str, str]) -> dict:
    """Return the seconds of a process from its start to its end."""
    before, began = os.times(), time.perf_counter()
    _run(words, environment)
    after, ended = os.times(), time.perf_counter()
    cpu = sum(after[2:4]) - sum(before[2:4])  # of children
    return {"kind": kind, "wall_s": ended - began, "cpu_s": cpu}


def _run(words: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{Path(words[0]).name} failed: {done.stderr.strip()[-300:]}")
    return done.stdout


def start_table(found: list[dict]) -> str:
    """Return the starts as a Markdown table."""
    rows = []
    for kind, bar in BARS.items():
        wall, cpu = ([s[key] for s in found if s["kind"] == kind] for key in ("wall_s", "cpu_s"))
        rows.append([NAMES[kind], spread(wall), bar, verdict(bar, wall), spread(cpu)])
    return markdown(["start", "s", "bar", "", "s of processor time"], rows)
