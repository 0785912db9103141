"""An index of run directories: what each is and what it reached, read anew where it changed.

It is a cache: ``.runs.sqlite`` in the folder that is looked through, made again if it is missing,
damaged or cannot be written there.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

INDEX = ".runs.sqlite"
#: Files whose times say whether a run has changed.
_STAMPED = ("meta.json", "summary.json", "DONE", "FAILED", "episodes.csv")
_VERSION = 1

Record = dict[str, Any]


def find_runs(folder: Path) -> Iterator[Path]:
    """Give the run directories under a folder; those of workers are part of their run."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        if "meta.json" in files and ("config.yaml" in files or "episodes.csv" in files):
            folders.clear()
            yield Path(place)


def read_runs(folder: Path) -> list[Record]:
    """Return a record of each run under a folder, whose `path` is as seen from here.

    Runs that did not change since the last call come from the index.

    Raises
    ------
    ValueError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder.")
    known = _load(folder)
    found = {}
    for path in find_runs(folder):
        name, stamp = path.relative_to(folder).as_posix(), _stamp(path)
        old = known.get(name)
        found[name] = old if old and old[0] == stamp else (stamp, _record(path))
    if found != known:
        _save(folder, found)
    return [{**record, "path": str(folder / name)} for name, (_, record) in found.items()]


def _stamp(path: Path) -> str:
    times = []
    for name in _STAMPED:
        try:
            status = (path / name).stat()
            times.append(f"{status.st_mtime_ns}.{status.st_size}")
        except OSError:
            times.append("")
    return ":".join(times)


def _record(path: Path) -> Record:
    """Return what a run is and what it reached; of a damaged one, what can be read."""
    meta, summary = _json(path / "meta.json"), _json(path / "summary.json")
    config = meta.get("config")
    settings = flat(config) if isinstance(config, Mapping) else {}
    status = next((name.lower() for name in ("DONE", "FAILED") if (path / name).exists()), "")
    if not status:
        status = "interrupted" if summary.get("interrupted") else "unfinished"
    means = summary.get("mean_return_last_100_by_replica")
    return {
        **settings,
        "status": status,
        "metric": summary.get("metric", ""),
        "score": float(sum(means) / len(means)) if means else None,
        "decisions_per_second": summary.get("decisions_per_second"),
        "date": _date(path / "config.yaml"),
    }


def _date(path: Path) -> str:
    """Return when a file was written, to the minute."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime).isoformat(" ", "minutes")
    except OSError:
        return ""


def flat(config: Mapping[str, Any]) -> Record:
    """Return settings by dotted names; a part's own name stands for the part."""
    found: Record = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and "name" in value:
            found |= {f"{key}.{name}": item for name, item in value.items() if name != "name"}
            value = value["name"]
        found[key] = value
    return found


def _json(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, Mapping) else {}


def _load(folder: Path) -> dict[str, tuple[str, Record]]:
    try:
        with closing(sqlite3.connect(f"file:{folder / INDEX}?mode=ro", uri=True)) as index:
            if index.execute("PRAGMA user_version").fetchone() != (_VERSION,):
                return {}
            rows = index.execute("SELECT path, stamp, record FROM runs").fetchall()
            return {path: (stamp, json.loads(record)) for path, stamp, record in rows}
    except (sqlite3.Error, ValueError):
        return {}


def _save(folder: Path, found: Mapping[str, tuple[str, Record]]) -> None:
    """Write the index; somebody else's folder goes without."""
    rows = [(path, stamp, json.dumps(record)) for path, (stamp, record) in found.items()]
    for _ in range(2):
        try:
            with closing(sqlite3.connect(folder / INDEX)) as index, index:
                index.execute("DROP TABLE IF EXISTS runs")
                index.execute("CREATE TABLE runs (path TEXT PRIMARY KEY, stamp TEXT, record TEXT)")
                index.executemany("INSERT INTO runs VALUES (?, ?, ?)", rows)
                index.execute(f"PRAGMA user_version = {_VERSION}")
            return
        except sqlite3.DatabaseError:
            try:
                (folder / INDEX).unlink(missing_ok=True)
            except OSError:
                return
