"""Cost of a timestep along every size: `python benchmarks/scaling.py`.

A network of Poisson inputs onto LIF neurons, all-to-all, R-STDP, compiled, 1 ms, advanced in
decision windows with weights consolidated after each. Each axis changes one thing; its points are
processes of their own (`scaling_loop`), interleaved over the repeats. Times are processor time.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from memory_limit import limit_table, memory_limits
from pacing import Worker
from report import machine, markdown, median, say, spread
from scaling_loop import Setting

SIDES = (100, 178, 316, 562, 1000)  # 1e4 to 1e6 synapses


@dataclass(frozen=True)
class Axis:
    """Settings along one axis, and what their cost (and memory, if large) is divided by."""

    settings: tuple[Setting, ...]
    label: Callable[[Setting], Any]
    unit: str = ""
    units: Callable[[Setting], int] = lambda setting: 1
    takes_memory: bool = False
    is_relative: bool = False


def synapse_axis(rule: str) -> Axis:
    """Return 1e4 to 1e6 synapses of a rule, inputs at 6 Hz."""
    settings = tuple(Setting(n, n, rate_hz=6.0, rule=rule) for n in SIDES)
    return Axis(settings, lambda s: s.synapses, "synapse", lambda s: s.synapses, takes_memory=True)


AXES: dict[str, Axis] = {
    "synapses, rstdp-et": synapse_axis("rstdp-et"),
    "synapses, eprop": synapse_axis("eprop"),
    "replicas": Axis(
        tuple(Setting(replicas=n) for n in (1, 10, 100, 1000)),
        lambda s: s.replicas, "replica", lambda s: s.replicas, takes_memory=True,
    ),
    "window, ms": Axis(
        tuple(Setting(window_ms=ms) for ms in (1, 10, 50, 200, 1000)),
        lambda s: s.window_ms,
    ),
    "input rate, Hz": Axis(
        tuple(Setting(rate_hz=hz) for hz in (0.0, 5.0, 15.0, 50.0, 200.0)),
        lambda s: f"{s.rate_hz:g}",
    ),
    "actions": Axis(
        tuple(Setting(n_outputs=20 * n) for n in (2, 4, 8, 18)),
        lambda s: s.n_outputs // 20, "synapse", lambda s: s.synapses,
    ),
    "recorded": Axis(
        tuple(Setting(recording=what) for what in ("nothing", "spikes", "everything")),
        lambda s: s.recording, is_relative=True,
    ),
}  # fmt: skip
#: The most that recording everything may cost, relative to recording nothing.
RECORDING_LIMIT = 1.2


@dataclass
class Point:
    """One setting: microseconds of one timestep in each repeat, and resident memory."""

    setting: Setting
    step_us: list[float]
    resident_mb: float


def run(axis: Axis, budget: int, repeats: int) -> list[Point]:
    """Measure the settings of an axis, interleaved."""
    points, workers, counts = [], [], []
    try:
        for setting in axis.settings:
            say(f"building: {setting}")
            worker = Worker("scaling_loop.py", json.dumps(asdict(setting)))
            workers.append(worker)
            points.append(Point(setting, [], worker.resident_mb()))
            windows = budget * 10_000_000 // (setting.synapses * setting.window_ms)
            counts.append(min(max(1, windows), 20 * budget))
        for repeat in range(repeats):
            say(f"repeat {repeat + 1} of {repeats}")
            for point, worker, count in zip(points, workers, counts, strict=True):
                cpu, _ = worker.measure(count)
                point.step_us.append(1e6 * cpu / point.setting.window_ms)
    finally:
        for worker in workers:
            worker.close()
    return points


def axis_table(name: str, points: list[dict]) -> str:
    """Return an axis as a Markdown table, with the memory that a unit takes below it."""
    axis = AXES[name]
    settings = [Setting(**point["setting"]) for point in points]
    head = [name, "us per timestep"]
    if axis.unit:
        head.append(f"ns per timestep and {axis.unit}")
    if axis.is_relative:
        head.append("relative to the first")
    rows = []
    for setting, point in zip(settings, points, strict=True):
        row, times = [str(axis.label(setting)), spread(point["step_us"])], point["step_us"]
        if axis.unit:
            row.append(spread([1e3 * us / axis.units(setting) for us in times]))
        if axis.is_relative:
            first = points[0]["step_us"]
            row.append(spread([us / other for us, other in zip(times, first, strict=True)]))
        rows.append(row)
    text = markdown(head, rows)
    if axis.takes_memory:
        more = points[-1]["resident_mb"] - points[0]["resident_mb"]
        kb = 1e3 * more / (axis.units(settings[-1]) - axis.units(settings[0]))
        size = f"{kb:.3g} kB" if kb >= 1 else f"{1e3 * kb:.3g} bytes"
        text += f"\n\nMemory: {size} per {axis.unit} (resident, last less first row)."
    return text


def recording_verdict(points: list[dict]) -> str:
    """Say whether recording everything is cheap enough."""
    nothing, everything = (median(points[k]["step_us"]) for k in (0, -1))
    is_met = everything <= RECORDING_LIMIT * nothing
    return f"Bar: <= {RECORDING_LIMIT:g}; {'met' if is_met else 'MISSED'}."


def tables(found: dict) -> dict[str, str]:
    """Return what was found as text, axis by axis."""
    text = {name: axis_table(name, points) for name, points in found["axes"].items()}
    if "recorded" in text:
        text["recorded"] += "\n\n" + recording_verdict(found["axes"]["recorded"])
    text["memory limit"] = limit_table(found["memory_limits"])
    return text


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    parser.add_argument("--budget", type=int, default=100, help="1: seconds; 100: minutes")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", nargs="*", choices=AXES, help="axes (default: all)")
    options = parser.parse_args(arguments)
    found: dict = {
        "machine": machine(), "budget": options.budget, "repeats": options.repeats, "axes": {}
    }  # fmt: skip
    for name in options.only or AXES:
        points = run(AXES[name], options.budget, options.repeats)
        found["axes"][name] = [asdict(point) for point in points]
    found["memory_limits"] = memory_limits(options.budget, options.repeats)
    print(found["machine"])
    print("\n\n".join(tables(found).values()))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
