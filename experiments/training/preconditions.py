"""What a command needs, checked before Brian2, SciPy or Matplotlib are loaded; errors are one line.

Places are looked at and not touched: a command that fails later leaves nothing behind.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from threefactor.naming import check_choice

CHECKPOINT = Path("checkpoints") / "latest.npz"
#: That of earlier versions, which is not read: reading it would run what is in it.
_PICKLE = Path("checkpoints") / "latest.pickle"


def require_run(run: Path) -> None:
    """Raise ValueError unless `run` is a run directory."""
    if not run.is_dir():
        raise ValueError(f"{run}: no such run directory.")
    if not (run / "meta.json").is_file():
        raise ValueError(f"{run}: expected a run directory, got a folder without meta.json.")


def require_checkpoint(run: Path) -> None:
    """Raise ValueError unless `run`, or each of its workers, has a checkpoint."""
    workers = worker_folders(run)
    if not all((folder / CHECKPOINT).is_file() for folder in workers or [run]):
        fix = f"go on with `train --resume {run}`" if workers else "train again"
        if any((folder / _PICKLE).is_file() for folder in workers or [run]):
            raise ValueError(
                f"{run / _PICKLE}: a checkpoint of another version, a pickle, which could run "
                "code and is not read; train again."
            )
        raise ValueError(
            f"{run}: this run has no checkpoint, it was killed before its first one; {fix}."
        )


def require_resumable(run: Path) -> None:
    """Raise ValueError unless `run` can go on; a split run always can."""
    if not worker_folders(run):
        require_checkpoint(run)


def worker_folders(run: Path) -> tuple[Path, ...]:
    """Return the run directories of a split run's workers, () for others; ValueError if none."""
    from threefactor.analysis.run_data import Run

    require_run(run)
    return Run(run).worker_folders


def require_workers(workers: int, replicas: int) -> None:
    """Raise ValueError unless every worker gets a replica."""
    if not 1 <= workers <= replicas:
        raise ValueError(
            f"workers must be from 1 to the number of replicas, {replicas}, got {workers}."
        )


def require_new_run(path: Path) -> None:
    """Raise unless a run can begin at `path`: a new or empty folder in a writable place."""
    require_folder(path, "Run directory")
    contents = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    if contents:
        fix = "Resume it or choose" if "meta.json" in contents else "Choose"
        raise ValueError(
            f"Run directory {path}: expected a new or empty directory, got one that holds "
            f"{contents[0]}. {fix} another directory."
        )


def require_folder(path: Path, what: str = "Folder") -> None:
    """Raise OSError unless files can be written in `path`, which may be yet to be made."""
    nearest = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not nearest.is_dir():
        raise cannot_write(what, path, errno.ENOTDIR)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise cannot_write(what, path, errno.EACCES)


def require_file(path: Path, what: str = "File") -> None:
    """Raise OSError unless a file can be written at `path`, in a folder that exists."""
    if path.is_dir():
        raise cannot_write(what, path, errno.EISDIR)
    if not path.parent.is_dir():
        raise cannot_write(what, path, errno.ENOENT if not path.parent.exists() else errno.ENOTDIR)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise cannot_write(what, path, errno.EACCES)


def cannot_write(what: str, path: Path, number: int | None) -> OSError:
    """Return the error for a place that cannot be written to; `number` is an errno."""
    reason = os.strerror(number or errno.EIO)
    return OSError(
        f"{what} {path}: expected a place that can be written to, got {reason!r}. Choose another."
    )


class StoppedWriting(OSError):  # noqa: N818  (the name says what has happened)
    """A run can be written no further, such as on a full disk; told in one line."""


@contextmanager
def writing(run: Path) -> Iterator[None]:
    """Turn what goes wrong in writing a run into one line."""
    try:
        yield
    except StoppedWriting:
        raise
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise StoppedWriting(
            f"{run}: cannot write any more ({reason}). What was written is kept; when there is "
            f"room `train --resume {run}` goes on."
        ) from error


def require_rules(
    names: Sequence[str], neuron: str | None = None, engines: Sequence[str] = ()
) -> None:
    """Raise ValueError for an unknown rule (a name or ``FILE.py:Class``), neuron or engine."""
    from threefactor.experiments.parts.kinds import find_class
    from threefactor.models.engine import ENGINES
    from threefactor.models.neurons import make_neuron

    for engine in engines:
        check_choice("engine", engine, (name for name in ENGINES if name != "auto"))
    if neuron is not None:
        make_neuron(neuron)
    for name in names:  # what its strings say is for the command to judge
        find_class("rule", name)
