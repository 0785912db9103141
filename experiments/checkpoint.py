"""Checkpoints of a run: written aside and renamed, so that a crash leaves the one before."""

import pickle
from pathlib import Path
from typing import Any


def save_checkpoint(run: Path, state: dict[str, Any]) -> None:
    """Replace the run's checkpoint."""
    folder = run / "checkpoints"
    folder.mkdir(exist_ok=True)
    fresh = folder / "latest.pickle.tmp"
    fresh.write_bytes(pickle.dumps(state))
    fresh.replace(folder / "latest.pickle")


def load_checkpoint(run: Path) -> dict[str, Any]:
    """Return the last checkpoint of a run; raise ValueError in one line if there is none.

    Checkpoints are pickles: load only those of runs that you trust.
    """
    path = run / "checkpoints" / "latest.pickle"
    if not run.is_dir():
        raise ValueError(f"{run}: no such run directory.")
    if not path.exists():
        raise ValueError(f"{path}: this run has no checkpoint yet; train it to the end first.")
    try:
        return pickle.loads(path.read_bytes())
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError) as error:
        raise ValueError(f"{path}: damaged or of another version ({error}); train again.") from None
