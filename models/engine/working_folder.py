"""Call a function in another working folder than that of the process."""

import ctypes
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_CLONE_FS = 0x200  # sched.h
_process_folder = threading.Lock()


def call_in(folder: Path, function: Callable[[], object]) -> None:
    """Call `function` in a working folder that is its own.

    On Linux a thread may leave the working folder that it shares with its process. Where a system
    has no such thing, or a container forbids it, the process itself goes there and back, for one
    call at a time.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        if thread.submit(_leave_shared_folder).result():
            thread.submit(_go_and_call, folder, function).result()
            return
    with _process_folder:
        here = os.open(".", os.O_RDONLY)
        try:
            _go_and_call(folder, function)
        finally:
            os.fchdir(here)
            os.close(here)


def _leave_shared_folder() -> bool:
    """Give the calling thread a working folder of its own; return whether that worked."""
    unshare = getattr(ctypes.CDLL(None), "unshare", None)
    return unshare is not None and unshare(_CLONE_FS) == 0


def _go_and_call(folder: Path, function: Callable[[], object]) -> None:
    os.chdir(folder)
    function()
