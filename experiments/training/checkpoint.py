"""Checkpoints of a run: written aside and renamed, so that a crash leaves the one before."""

import pickle
import time
from pathlib import Path
from typing import Any

from threefactor.envs.bridge.outcome import Outcome
from threefactor.experiments.atomic import write_atomically
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.preconditions import CHECKPOINT, require_checkpoint
from threefactor.experiments.training.recording import Recorder

INTERVAL_S = 60.0
#: Counts up where the same state would go on otherwise. 2: input spikes are drawn by their gaps.
FORMAT = 2
#: What a checkpoint holds; one with other entries is of another version.
ENTRIES = {"format", "agent", "environments", "tally", "mark", "probes"}


class Checkpoints(Observer):
    """Observer that asks for a checkpoint once a minute and writes every one that is asked for.

    It comes after the recorder, which then has moved into the directory what belongs to it.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def began(self, loop: ClosedLoop) -> None:
        """Start the first minute."""
        self._saved_at = time.perf_counter()

    def decided(self, loop: ClosedLoop, outcome: Outcome) -> None:
        """Ask for a checkpoint if the minute is over."""
        if time.perf_counter() - self._saved_at > INTERVAL_S:
            loop.checkpoint()

    def checkpointed(self, loop: ClosedLoop) -> None:
        """Replace the run's checkpoint."""
        directory = self._recorder.directory
        mark = {"mark": directory.mark(), "probes": self._recorder.probes}
        save_checkpoint(directory.path, {"format": FORMAT, **loop.state(), **mark})
        self._saved_at = time.perf_counter()


def save_checkpoint(run: Path, state: dict[str, Any]) -> None:
    """Replace the run's checkpoint."""
    path = run / CHECKPOINT
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, pickle.dumps(state))


def load_checkpoint(run: Path) -> dict[str, Any]:
    """Return the last checkpoint of a run; raise ValueError in one line if there is none.

    Checkpoints are pickles: load only those of runs that you trust.
    """
    require_checkpoint(run)
    path = run / CHECKPOINT
    try:
        state = pickle.loads(path.read_bytes())
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError) as error:
        raise ValueError(f"{path}: damaged or of another version ({error}); train again.") from None
    if not isinstance(state, dict) or set(state) != ENTRIES or state["format"] != FORMAT:
        found = state.get("format", 1) if isinstance(state, dict) else "none"
        raise ValueError(
            f"{path}: a checkpoint of another version (format {found}, this threefactor reads "
            f"{FORMAT}): it would not go on with the same spikes; train again."
        )
    return state
