"""The engine without the host, against the same network written by hand (`floor.cpp`)."""

from functools import partial

from interleaved import Ways, measure
from networks import WINDOW_MS
from pacing import Worker
from report import markdown, spread, verdict

#: (inputs, outputs) -> the most that a timestep may take, in us.
LIMITS_US = {(100, 40): 0.30, (40, 20): 0.10}
#: The most that the engine may take, relative to the hand-written program.
FLOOR_LIMIT = 1.5


def engine_alone(budget: int, repeats: int) -> list[dict]:
    """Measure both networks; many short repeats, since single ones are disturbed."""
    found, windows = [], 20 * budget
    for sizes, limit in LIMITS_US.items():
        words = [str(size) for size in sizes]
        ways: Ways = {
            "engine": (partial(Worker, "our_loop.py", "engine", *words), windows),
            "floor": (partial(Worker, "floor_loop.py", *words), windows),
        }
        rows = measure(ways, "engine", 5 * repeats)
        engine, floor = (
            [1e6 * s / WINDOW_MS for s in rows[name].cpu_s] for name in ("engine", "floor")
        )
        found.append(
            {"network": " -> ".join(words), "engine_us": engine, "floor_us": floor,
             "ratios": [1 / ratio for ratio in rows["floor"].ratios],
             "bar": f"<= {limit:g}", "floor_bar": f"<= {FLOOR_LIMIT:g}"}
        )  # fmt: skip
    return found


def engine_table(found: list[dict]) -> str:
    """Return what `engine_alone` found as a Markdown table."""
    head = [
        "network", "ours, us per timestep", "bar", "",
        "hand-written C++, floor", "ours / floor", "bar", "",
    ]  # fmt: skip
    rows = []
    for row in found:
        ours, bar, ratios, floor_bar = (
            row[key] for key in ("engine_us", "bar", "ratios", "floor_bar")
        )
        rows.append(
            [row["network"], spread(ours), bar, verdict(bar, ours), spread(row["floor_us"]),
             spread(ratios), floor_bar, verdict(floor_bar, ratios)]
        )  # fmt: skip
    return markdown(head, rows)
