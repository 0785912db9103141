"""What is asked before a run goes on, and done with what was made of it meanwhile."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from threefactor.analysis.run_data import EVALUATION, Run
from threefactor.experiments.configuration import anchor_files, read_settings
from threefactor.experiments.training.progress import Say


def has_nothing_left(run: Path, episodes: int | None, done: NDArray, say: Say) -> bool:
    """Return whether a run has had all its episodes, and say so.

    Parameters
    ----------
    episodes : int or None
        New total of each replica; None: as before.
    done : (replicas,) int
        Episodes that replicas have had.

    Raises
    ------
    ValueError
        If they have had more than they are to have.
    """
    known = Run(run)
    total = int(known.config["episodes"]) if episodes is None else episodes
    if total < done.max(initial=0):
        raise ValueError(
            f"episodes must be at least {done.max()}, which this run has had, got {total}; leave "
            "it out, or choose more."
        )
    if known.status != "done" or done.min(initial=total) < total:
        return False
    say(f"nothing is left to be done: {run} has had its {total} episodes; --episodes asks for more")
    return True


def kept_settings(run: Path, say: Say) -> dict[str, Any]:
    """Return the settings of a run: those of meta.json, and config.yaml has to agree.

    Raises
    ------
    ValueError
        In one line, if they do not.
    """
    known, file = Run(run).config, run / "config.yaml"
    kept = anchor_files(dict(known), run.resolve())
    try:
        read = read_settings(file)
    except ValueError as error:
        say(f"{' '.join(str(error).split())} The copy in meta.json is used.")
        return kept
    for name in {**kept, **read}:
        if name == "episodes" or _short(read, name, None) == _short(kept, name, None):
            continue
        raise ValueError(
            f"{file}: it does not agree with meta.json about {name} ({_short(read, name)} and "
            f"{_short(kept, name)}), one of them is not this run's; a run goes on with the "
            "settings that it began with."
        )
    return kept


def set_aside(run: Path, episode: int, say: Say) -> None:
    """Rename what `evaluate` has left: it is of the agent as it was, which now learns on."""
    moved = []
    for place in (run / EVALUATION, (run / EVALUATION).with_suffix(".json")):
        if place.exists():
            target = _unused(place.with_name(f"{place.stem}-of-episode-{episode}{place.suffix}"))
            place.rename(target)
            moved.append(f"{place.name} -> {target.name}")
    if moved:
        say(f"set aside, as it is of the agent before: {', '.join(moved)}")


def _unused(path: Path) -> Path:
    found, number = path, 1
    while found.exists():
        number += 1
        found = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return found


def _short(settings: Mapping[str, Any], name: str, width: int | None = 60) -> str:
    return json.dumps(settings.get(name), sort_keys=True, default=str)[:width]
