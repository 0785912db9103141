"""Who writes a run directory: one process at a time."""

import errno
import fcntl
import json
import os
import platform
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from threefactor.experiments.liveness import is_alive

LOCK = ".lock"
#: Where the file system has no locks: a writer on another host that was silent for longer is dead.
SILENCE_S = 600.0
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


class RunLock:
    """The lock of a run directory, which the system opens when its process dies.

    The file says which process of which host has it, for whoever is refused; and decides where the
    file system has no locks.

    Raises
    ------
    ValueError
        In one line, if another process has it.
    """

    def __init__(self, run: Path) -> None:
        self._path = run / LOCK
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            self._take(run)
            os.ftruncate(self._file, 0)
            with suppress(OSError):  # a full disk: the lock holds without its text
                os.pwrite(self._file, json.dumps(_this_process()).encode(), 0)
        except BaseException:
            os.close(self._file)
            raise

    def _take(self, run: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(self._path)
            if error.errno in _NO_LOCKS and _is_stale(holder, self._path):
                return
            raise ValueError(
                f"{run}: {_told(holder)} is writing this run. Wait for it to end, or stop it."
            ) from None

    def touch(self) -> None:
        """Say that the process is alive."""
        with suppress(OSError):
            os.utime(self._file)

    def release(self) -> None:
        """Give the lock up."""
        if self._file >= 0:
            with suppress(OSError):
                os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = -1


def is_locked(run: Path) -> bool:
    """Return whether another process is writing a run."""
    if not (run / LOCK).is_file():
        return False
    try:
        RunLock(run).release()
    except ValueError:
        return True
    return False


def _this_process() -> dict[str, Any]:
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    return {"host": platform.node(), "pid": os.getpid(), "since": now}


def _holder(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_bytes())
        return {"host": str(found["host"]), "pid": int(found["pid"]), "since": str(found["since"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _told(holder: Mapping[str, Any]) -> str:
    if not holder:
        return "another process"
    return f"process {holder['pid']} of host {holder['host']} (since {holder['since']})"


def _is_stale(holder: Mapping[str, Any], path: Path) -> bool:
    """Return whether whoever wrote the file is gone, as far as that can be known."""
    if not holder:
        return True
    if holder["host"] == platform.node():
        return not is_alive(holder["pid"])
    return time.time() - path.stat().st_mtime > SILENCE_S
