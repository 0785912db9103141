"""What a run directory says of how the run came about: versions, commit, machine."""

import importlib.metadata
import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from threefactor import __version__

PACKAGES = ("brian2", "numpy", "scipy", "gymnasium", "h5py", "cython")


def run_metadata() -> dict[str, Any]:
    """Return versions, the commit of this code, the command and the machine."""
    versions = {"threefactor": __version__, "python": platform.python_version()}
    versions |= {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "versions": versions,
        "git_commit": _git_commit(),
        "argv": sys.argv,
        "host": platform.node(),
        "machine": platform.machine(),
        "processor": _processor(),
    }


def _processor() -> str:
    """Return the processor's name and how many cores this process may use."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{next(names, platform.machine())}, {len(os.sched_getaffinity(0))} cores"


@cache
def _git_commit() -> str | None:
    """Return the commit at the first call: what this process runs is loaded by then."""
    here = Path(__file__).parents[2]
    if not (here / ".git").exists():  # installed; the folder may lie in somebody's repository
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
