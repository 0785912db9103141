"""Where is kept what can be made again but takes time. The whole project may import this."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the cache's folder: $THREEFACTOR_CACHE, else the user's cache directory."""
    explicit = os.environ.get("THREEFACTOR_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(explicit) if explicit else base / "threefactor"
