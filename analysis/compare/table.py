"""A comparison as text, as CSV and as plain data."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from threefactor.analysis.compare.comparison import Comparison, Row
from threefactor.analysis.statistics import INTERVAL_SEEDS

Bounds = tuple[float, float] | None


def report(comparison: Comparison) -> str:
    """Return the tables, what they mean, and the notes."""
    lines = [_headline(comparison)]
    for env, rows in comparison.tables.items():
        lines += ["", f"{env}: {comparison.unit[env]}", *_lines(_cells(comparison, rows))]
        few = [row for row in rows if row.iqm_bounds is None]
        lines += [f"  seeds of {row.group.name}: {_listed(row)}" for row in few]
    lines += ["", *_legend(comparison)]
    lines += [f"NOTE: {note}" for note in comparison.notes]
    return "\n".join(lines)


def to_dict(comparison: Comparison) -> dict[str, Any]:
    """Return all numbers as plain data; infinite times are None."""
    return {
        "told_apart_by": list(comparison.names),
        "baseline": comparison.baseline,
        "threshold": comparison.threshold,
        "window_episodes": comparison.window,
        "notes": list(comparison.notes),
        "tables": {
            env: {
                "scores_are": comparison.unit[env],
                "groups": {
                    row.group.name: {
                        **_numbers(row),
                        "scores": {
                            own: {str(seed): score for seed, score in sorted(by_seed.items())}
                            for own, by_seed in row.group.scores.items()
                        },
                    }
                    for row in rows
                },
            }
            for env, rows in comparison.tables.items()
        },
    }


def to_csv(comparison: Comparison) -> str:
    """Return a line for each environment and group."""
    rows = [
        {"environment": env, "group": row.group.name, **_numbers(row)}
        for env, of_env in comparison.tables.items()
        for row in of_env
    ]
    text = io.StringIO()
    table = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def _headline(comparison: Comparison) -> str:
    groups = comparison.groups
    if len(groups) == 1:
        return f"One group: {groups[0].name}"
    return f"{len(groups)} groups, told apart by {', '.join(comparison.names)}"


def _cells(comparison: Comparison, rows: Sequence[Row]) -> list[list[str]]:
    """Return the table, header first, without the columns that have nothing to say."""
    header = ["", "seeds", "median", "IQM", "area", "episodes to threshold", "better", "difference"]
    table = [header, *([*_cells_of(row)] for row in rows)]
    kept = [
        k
        for k in range(len(header))
        if k < 2 or any(line[k] not in ("", "-", "baseline") for line in table[1:])
    ]
    return [[line[k] for k in kept] for line in table]


def _cells_of(row: Row) -> list[str]:
    seeds = "+".join(str(len(row.group.scores[env])) for env in sorted(row.group.scores))
    improvement, difference = "baseline", "baseline"
    if row.improvement is not None:
        improvement = _estimate(row.improvement.estimate, row.improvement[1:])
        difference = "-"
    if row.paired is not None:
        found = row.paired.difference
        difference = f"{_estimate(found.estimate, found.bounds, '+')}, p {_rounded(row.p_value)}"
    return [
        row.group.name, seeds, _number(row.median), _estimate(row.iqm, row.iqm_bounds),
        "-" if row.area is None else _number(row.area),
        "-" if row.time is None else row.time.brief, improvement, difference,
    ]  # fmt: skip


def _legend(comparison: Comparison) -> list[str]:
    rows = next(iter(comparison.tables.values()))
    has = {
        "area": any(row.area is not None for row in rows),
        "time": comparison.threshold is not None and any(row.time for row in rows),
        "better": len(rows) > 1,
        "paired": any(row.paired for row in rows),
    }
    told = [
        f"IQM: interquartile mean; in brackets 95 % intervals (from {INTERVAL_SEEDS} seeds on)."
    ]
    if has["area"]:
        told.append("area: under the learning curve, per episode (IQM over seeds).")
    if has["time"]:
        told.append(
            f"episodes to threshold: until {comparison.window} in a row have a mean of "
            f"{comparison.threshold:g}: median, and how many seeds got there (Kaplan-Meier)."
        )
    if has["better"]:
        told.append(f"better: chance that a run beats one of {comparison.baseline}.")
    if has["paired"]:
        told.append(
            f"difference: mean difference from {comparison.baseline} on the seeds that both have; "
            "p by sign flips"
            + (", corrected for the number of groups (Holm)." * (len(rows) > 2) or ".")
        )
    return told


def _numbers(row: Row) -> dict[str, Any]:
    return {
        "seeds": sum(len(by_seed) for by_seed in row.group.scores.values()),
        "median": row.median, "iqm": row.iqm, **_ends("iqm", row.iqm_bounds),
        "area": row.area, **_ends("area", row.area_bounds),
        **_numbers_of_time(row), **_numbers_against_baseline(row),
    }  # fmt: skip


def _numbers_of_time(row: Row) -> dict[str, Any]:
    time = row.time
    return {
        "reached": time.n_reached if time else None,
        "time_median": _finite(time.median if time else None),
        **_ends("time_median", time.bounds if time else None),
        "time_restricted_mean": time.mean if time else None,
        **_ends("time_restricted_mean", time.mean_bounds if time else None),
        "time_log_rank_p": row.time_p_value,
    }


def _numbers_against_baseline(row: Row) -> dict[str, Any]:
    better, paired = row.improvement, row.paired
    return {
        "improvement": better.estimate if better else None,
        **_ends("improvement", (better.low, better.high) if better else None),
        "pairs": paired.n_seeds if paired else None,
        "difference": paired.difference.estimate if paired else None,
        **_ends("difference", paired.difference.bounds if paired else None),
        "p": paired.p_value if paired else None,
        "p_holm": row.p_value,
        "p_smallest": paired.smallest_p if paired else None,
    }


def _ends(name: str, bounds: Bounds) -> dict[str, float | None]:
    low, high = bounds if bounds is not None else (None, None)
    return {f"{name}_low": _finite(low), f"{name}_high": _finite(high)}


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _estimate(value: float, bounds: Bounds, sign: str = "") -> str:
    if bounds is None:
        return _number(value, sign)
    return f"{_number(value, sign)} [{_number(bounds[0], sign)}, {_number(bounds[1], sign)}]"


def _number(value: float, sign: str = "") -> str:
    """Return a number with three decimals, or fewer where it is large."""
    digits = 3 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    return f"{value:{sign}.{digits}f}"


def _rounded(p_value: float | None) -> str:
    return "-" if p_value is None else f"{p_value:.2g}"


def _listed(row: Row) -> str:
    several = len(row.group.scores) > 1
    return "; ".join(
        (f"{env} " if several else "") + ", ".join(_number(by_seed[s]) for s in sorted(by_seed))
        for env, by_seed in row.group.scores.items()
    )


def _lines(table: list[list[str]]) -> list[str]:
    widths = [max(len(line[k]) for line in table) for k in range(len(table[0]))]
    return [
        "  " + "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in table
    ]
