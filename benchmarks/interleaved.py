"""Repeats of several workers, interleaved, so that a ratio is taken between neighbours in time."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from pacing import Worker
from report import say, verdict

#: Name -> how its worker is started, and decisions in a repeat.
Ways = dict[str, tuple[Callable[[], Worker], int]]


@dataclass
class Row:
    """One way: processor seconds per decision in each repeat, and our speed relative to it."""

    name: str
    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    bar: str = ""

    @property
    def verdict(self) -> str:
        """Whether the ratios meet the bar."""
        return verdict(self.bar, self.ratios)

    def plain(self) -> dict:
        """Return what the JSON file keeps."""
        return asdict(self) | {"verdict": self.verdict}


def measure(ways: Ways, base: str, repeats: int) -> dict[str, Row]:
    """Run every way `repeats` times, interleaved; `base` runs before each of the others.

    Parameters
    ----------
    ways : name -> (how to start the worker, decisions per repeat)
    """
    workers: dict[str, Worker] = {}
    rows = {name: Row(name) for name in ways}
    _, unit = ways[base]
    try:
        for name, (start, _) in ways.items():
            say(f"building: {name}")
            workers[name] = start()
        for repeat in range(repeats):
            say(f"repeat {repeat + 1} of {repeats}")
            for name, (_, decisions) in ways.items():
                if name == base:
                    continue
                ours, wall = workers[base].measure(unit)
                rows[base].cpu_s.append(ours)
                rows[base].wall_s.append(wall)
                cpu, wall = workers[name].measure(decisions)
                rows[name].cpu_s.append(cpu)
                rows[name].wall_s.append(wall)
                rows[name].ratios.append(cpu / ours)
    finally:
        for worker in workers.values():
            worker.close()
    return rows
