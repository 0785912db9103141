"""The process of a worker: it runs one command after another, told through its standard input.

Each line there is a request, ``{"arguments": [...], "log": path}``, and is answered by a line with
the exit status on what was standard output; what the command prints goes into its log. When
standard input is closed, which the system does as well when whoever started it dies, a command
that runs is stopped as if by Ctrl-C, and the process ends.
"""

import json
import os
import queue
import signal
import sys
import threading
import traceback
from typing import Any

from threefactor.experiments.command_line.main import main


class _Inbox:
    """Requests as they come; None when there will be no more."""

    def __init__(self) -> None:
        self._requests: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._is_busy = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin:
            self._requests.put(json.loads(line))
        self._requests.put(None)
        if self._is_busy.is_set():
            os.kill(os.getpid(), signal.SIGINT)

    def next(self) -> dict[str, Any] | None:
        """Return the next request."""
        self._is_busy.clear()
        request = self._requests.get()
        self._is_busy.set()
        return request


def serve() -> None:
    """Do what is asked until standard input is closed."""
    inbox = _Inbox()
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answers:
        while (request := inbox.next()) is not None:
            status = _run(request)
            print(status, file=answers, flush=True)


def _run(request: dict[str, Any]) -> int:
    with open(request["log"], "wb") as log:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(log.fileno(), stream.fileno())
    try:
        return main(request["arguments"])
    except Exception:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()


if __name__ == "__main__":
    try:
        serve()
    except KeyboardInterrupt:
        pass  # between two commands
