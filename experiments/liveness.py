"""Whether a process of this machine is still there."""

import os


def is_alive(pid: int) -> bool:
    """Return whether there is a process of this number, of whichever user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
