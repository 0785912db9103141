"""Files that are replaced as a whole: a process that dies leaves the old one or the new one."""

import os
from contextlib import suppress
from pathlib import Path


def write_atomically(path: Path, content: str | bytes | memoryview) -> None:
    """Write a file aside and rename it; where that fails, as on a full disk, nothing is left."""
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def write_at(file: int, content: bytes, place: int) -> None:
    """Write into an open file, and cut it at this place if that fails, as on a full disk.

    Parameters
    ----------
    file : int
        Descriptor.
    """
    try:
        view = memoryview(content)
        done = 0
        while done < len(view):
            done += os.pwrite(file, view[done:], place + done)
    except OSError:
        with suppress(OSError):
            os.ftruncate(file, place)
        raise
