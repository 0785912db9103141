"""Cost of a timestep per synapse and per replica, compiled: `python benchmarks/scaling.py`.

A network of n Poisson inputs (6 Hz) onto n LIF neurons, all-to-all, R-STDP, advanced in decisions
of 50 ms, weights consolidated after each; and 1 to 100 replicas of 100 inputs onto 40 neurons.
Times are processor time; sizes are interleaved over the repeats.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from networks import WINDOW_MS, feed_forward
from report import machine, median, say, spread

from threefactor.models.network import Network

SIDES = (100, 178, 316, 562, 1000)  # 1e4 to 1e6 synapses
REPLICAS = (1, 3, 10, 30, 100)
RATE_HZ = 6.0


@dataclass
class Point:
    """One size: microseconds of one timestep in each repeat."""

    synapses: int
    replicas: int
    step_us: list[float] = field(default_factory=list)

    def ns_per(self, units: int) -> list[float]:
        """Return nanoseconds per timestep and unit."""
        return [1e3 * us / units for us in self.step_us]


class Case:
    """A live network of one size."""

    def __init__(self, n_inputs: int, n_outputs: int, replicas: int, budget: int) -> None:
        say(f"building: {n_inputs} x {n_outputs} synapses, {replicas} replicas")
        seeds = list(range(replicas))
        self._network = Network(feed_forward(n_inputs, n_outputs), seeds, seeds, "compiled")
        self._rates = np.full((replicas, n_inputs), RATE_HZ)
        self._reward = np.zeros(replicas)
        self.point = Point(n_inputs * n_outputs * replicas, replicas)
        self._windows = max(1, budget * 200_000 // self.point.synapses)
        self._run(min(20, self._windows))

    def _run(self, windows: int) -> None:
        for _ in range(windows):
            self._network.advance(self._rates, WINDOW_MS)
            self._network.close_decision()
            self._network.consolidate(self._reward)

    def measure(self) -> None:
        """Add one repeat."""
        started = time.process_time()
        self._run(self._windows)
        steps = self._windows * WINDOW_MS
        self.point.step_us.append((time.process_time() - started) / steps * 1e6)


def run(sizes: list[tuple[int, int, int]], budget: int, repeats: int) -> list[Point]:
    """Measure sizes (n_inputs, n_outputs, replicas), interleaved."""
    cases = [Case(*size, budget) for size in sizes]
    for repeat in range(repeats):
        say(f"repeat {repeat + 1} of {repeats}")
        for case in cases:
            case.measure()
    return [case.point for case in cases]


def table(points: list[Point], unit: str) -> str:
    """Return the points as a Markdown table; the last column compares with the middle size."""
    counts = [getattr(point, unit) for point in points]
    costs = [median(p.ns_per(n)) for p, n in zip(points, counts, strict=True)]
    reference = costs[len(costs) // 2]
    one = unit.removesuffix("s")
    lines = [
        f"| {unit} | us per timestep | ns per timestep and {one} | of the middle |",
        "|---|---|---|---|",
    ]
    for point, count, cost in zip(points, counts, costs, strict=True):
        lines.append(
            f"| {count} | {spread(point.step_us)} | {spread(point.ns_per(count))} "
            f"| {cost / reference:.2f} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    parser.add_argument("--budget", type=int, default=100, help="1: seconds; 100: minutes")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args(arguments)
    few = 2 if options.budget == 1 else len(SIDES)
    by_size = run([(n, n, 1) for n in SIDES[:few]], options.budget, options.repeats)
    by_replicas = run([(100, 40, r) for r in REPLICAS[:few]], options.budget, options.repeats)
    here = machine()
    print(here)
    print(table(by_size, "synapses"))
    print(table(by_replicas, "replicas"))
    if options.json:
        content = {"machine": here, "sizes": [asdict(p) for p in by_size],
                   "replicas": [asdict(p) for p in by_replicas]}  # fmt: skip
        options.json.write_text(json.dumps(content, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
