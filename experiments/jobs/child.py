"""The process of a job: a command that stops, as if by Ctrl-C, when whoever started it says so.

It says so by closing the child's standard input, which the system does as well when it dies.
"""

import os
import signal
import sys
import threading

from threefactor.experiments.command_line.main import main


def _follow_parent() -> None:
    """Wait until standard input is closed; then interrupt this process."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    threading.Thread(target=_follow_parent, daemon=True).start()
    sys.exit(main())
