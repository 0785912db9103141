"""Checkpoints of a run: written aside and renamed, so that a crash leaves the one before."""

import pickle
from pathlib import Path
from typing import Any

from threefactor.experiments.training.preconditions import CHECKPOINT, require_checkpoint


def save_checkpoint(run: Path, state: dict[str, Any]) -> None:
    """Replace the run's checkpoint."""
    path = run / CHECKPOINT
    path.parent.mkdir(exist_ok=True)
    fresh = path.with_name(f"{path.name}.tmp")
    fresh.write_bytes(pickle.dumps(state))
    fresh.replace(path)


def load_checkpoint(run: Path) -> dict[str, Any]:
    """Return the last checkpoint of a run; raise ValueError in one line if there is none.

    Checkpoints are pickles: load only those of runs that you trust.
    """
    require_checkpoint(run)
    path = run / CHECKPOINT
    try:
        return pickle.loads(path.read_bytes())
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError) as error:
        raise ValueError(f"{path}: damaged or of another version ({error}); train again.") from None
