"""Importing this makes the checkout's packages importable from a script in `benchmarks/`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
