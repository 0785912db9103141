"""The releases of Brian2 whose generated C++ the compiled engine was tested with.

The engine rewrites what Brian2's templates give. Whether that leaves the results as they are is not
known of templates that were never compared with Brian2's own runtime.
"""

import importlib.metadata
import re

#: Minor releases on which the whole of tests/models has passed; `requirements.txt` admits the same.
TESTED = ("2.9", "2.10", "2.11")


def untested_brian() -> str | None:
    """Return what is wrong, in one line, unless the installed Brian2 is a tested release."""
    version = importlib.metadata.version("brian2")
    release = re.fullmatch(r"(\d+\.\d+)(\.\d+)*", version)
    if release is not None and release[1] in TESTED:
        return None
    return f"Brian2 {version} is none that the compiled engine was tested with: {', '.join(TESTED)}"
