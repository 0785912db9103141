"""What the benchmarks print: medians with their spread, verdicts, tables, machine, progress."""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
import time
from pathlib import Path


def median(values: list[float]) -> float:
    """Return the middle value (the upper one of two)."""
    return sorted(values)[len(values) // 2]


def spread(values: list[float], scale: float = 1.0) -> str:
    """Return "median (min to max)", three digits."""
    if not values:
        return "-"
    low, middle, high = (f"{v * scale:.3g}" for v in (min(values), median(values), max(values)))
    low, middle, high = (f"{float(v):g}" for v in (low, middle, high))
    return f"{middle} ({low} to {high})"


def verdict(bar: str, values: list[float]) -> str:
    """Say whether the median meets the bar: "<= x" or ">= x", and whatever follows."""
    if not bar or not values:
        return ""
    sign, limit, *_ = bar.split()
    value = median(values)
    return "met" if (value >= float(limit) if sign == ">=" else value <= float(limit)) else "MISSED"


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)


def machine() -> dict:
    """Describe where and when this ran."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    load = os.getloadavg()[0]
    return {"date": time.strftime("%Y-%m-%d %H:%M"), "processor": model, "cores": os.cpu_count(),
            "load": load, "python": platform.python_version(),
            "brian2": importlib.metadata.version("brian2")}  # fmt: skip


def begin(
    parser: argparse.ArgumentParser, arguments: list[str] | None
) -> tuple[argparse.Namespace, dict]:
    """Return what a benchmark of training was told, and the head of what it will have found.

    Adds the options that all of them have. Without PyTorch it says so, and the head is empty.
    """
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    parser.add_argument("--budget", type=int, default=100, help="1: seconds; 100: minutes")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args(arguments)
    if importlib.util.find_spec("torch") is None:
        say('skipped: it needs PyTorch, pip install "threefactor[deep]"')
        return options, {}
    measured_on = machine() | {"torch": importlib.metadata.version("torch")}
    print(measured_on)
    return options, {
        "machine": measured_on, "budget": options.budget, "repeats": options.repeats,
    }  # fmt: skip


def tell(found: dict, tables: dict[str, str], path: Path | None) -> int:
    """Print tables, write everything that was found to a file if one is asked for; return 0."""
    for name, text in tables.items():
        print(f"\n{name}\n\n{text}")
    if path:
        path.write_text(json.dumps(found, indent=1) + "\n")
    return 0
