"""How a user calls this program, for the commands that its texts name."""

import sys
from pathlib import Path


def program_name() -> str:
    """Return ``python run.py`` in a checkout, ``python -m threefactor`` or ``threefactor``."""
    script = Path(sys.argv[0])
    if script.name == "run.py":
        return "python run.py"
    is_module = script.name == "__main__.py" and script.parent.name == "threefactor"
    return "python -m threefactor" if is_module else "threefactor"
