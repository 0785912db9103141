"""What came of a sweep: one row for each cell and seed, read from the run directories."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from threefactor.experiments.atomic import write_atomically
from threefactor.experiments.jobs.job import Job, TrainingJob
from threefactor.experiments.sweeps.plan import Cell, Plan

RESULTS = "results.csv"
FAILURES = "failures"


def failure_file(folder: Path, job: Job) -> Path:
    """Return where it is said why a job failed; it is not tried again while this is there."""
    return folder / FAILURES / f"{job.path.parent.name}-{job.path.name}.txt"


class Results:
    """The rows of a sweep: a cell's settings, seed, status, score and where the run is.

    What is done is read once, everything else whenever it is written.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder, self._jobs = folder, plan.jobs(folder)
        self._settings = {cell.digest: _settings(plan, cell) for cell in plan.cells}
        self._done: dict[TrainingJob, list[dict[str, Any]]] = {}

    def write(self) -> None:
        """Write results.csv, whole."""
        rows = [row for job, cell in self._jobs.items() for row in self._rows(job, cell)]
        text = io.StringIO()
        table = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write_atomically(self._folder / RESULTS, text.getvalue())

    def _rows(self, job: TrainingJob, cell: Cell) -> list[dict[str, Any]]:
        if job in self._done:
            return self._done[job]
        summary = _summary(job)
        status = _status(self._folder, job, summary)
        path = job.path.relative_to(self._folder).as_posix()
        rows = [
            {
                "cell": cell.digest, **self._settings[cell.digest], "seed": job.seed + replica,
                "status": status, **_scores(summary, replica), "path": path, "replica": replica,
            }
            for replica in range(job.replicas)
        ]  # fmt: skip
        if status == "done":
            self._done[job] = rows
        return rows


def _settings(plan: Plan, cell: Cell) -> dict[str, Any]:
    """Return the value of every varied option, as the cell has it whether it names it or not."""
    known = cell.config.to_dict()
    found = {}
    for name in plan.varied:
        value: Any = cell.settings.get(name)
        if value is None:
            part, _, setting = name.partition(".")
            value = known.get(part)
            if setting and isinstance(value, Mapping):
                value = value.get(setting, "")
            elif isinstance(value, Mapping):
                value = value.get("name", "")
        found[name] = json.dumps(value) if isinstance(value, list | dict) else value
    return found


def _summary(job: Job) -> Mapping[str, Any]:
    try:
        return json.loads((job.path / "summary.json").read_text())
    except (OSError, ValueError):
        return {}


def _status(folder: Path, job: TrainingJob, summary: Mapping[str, Any]) -> str:
    if job.is_done:
        return "done"
    if failure_file(folder, job).is_file():
        return "failed"
    return "interrupted" if summary else "waiting"


def _scores(summary: Mapping[str, Any], replica: int) -> dict[str, Any]:
    """Return the mean of a replica's last episodes, and the measure that it is of."""
    means = summary.get("mean_return_last_100_by_replica", [])
    score = means[replica] if replica < len(means) else ""
    return {"metric": summary.get("metric", ""), "score": score}
