"""What plausibility costs: agents of kept results side by side, task by task.

A table on the page of results, made of them alone: a cell is empty where a result does not hold
what stands in it, for example because it was kept before that was measured.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from threefactor.analysis.operations import OPERATIONS
from threefactor.analysis.plausibility import MEAN_RATE
from threefactor.analysis.run_data import Run
from threefactor.analysis.statistics import summarise_seeds
from threefactor.analysis.statistics.survival import summarise_times, time_to_threshold
from threefactor.experiments.layers import configure
from threefactor.experiments.training.summary import LAST

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Task -> mean return of as many episodes as `LAST` at which it counts as learned.
THRESHOLDS = {
    "GridWorld-v0": 1.0, "CartPole-v1": 475.0, "MountainCar-v0": -130.0, "Acrobot-v1": -100.0,
}  # fmt: skip
EPISODES, SECONDS = "episodes to threshold", "simulated seconds to threshold"
REACHED, LARGEST_RATE = "threshold reached", "largest mean rate, Hz"
SYNAPTIC_OPERATIONS = "synaptic operations per decision"
#: What of `Operations` is done because something was sent.
EFFECTIVE = ("accumulates", "multiply_accumulates")
#: Of the page of results.
FIGURE = Path("figures") / "what_plausibility_costs.png"
_LEARNED = ", ".join(f"{value:g} in {env}" for env, value in THRESHOLDS.items())
_HEAD = f"""## What plausibility costs

The agents of the results below in tasks that several learn. A task is learned when the mean of
{LAST} episodes of training is {_LEARNED}. Times are medians
[95 % interval] over seeds, with how many seeds reached it; synaptic operations are those of a
decision ([neuromorphic](neuromorphic.md)). Cells are empty where a result does not say.

In the figure a hollow point is a seed that did not learn the task in its run; the dashed line is
the 60 Hz of [plausibility](plausibility.md).

![Return, episodes to learn, largest mean rate and synaptic operations of each agent]({FIGURE})
"""
_COLUMNS = (
    "task", "learns by", "preset", "return", EPISODES, SECONDS, "mean rates", OPERATIONS,
    "experiment",
)  # fmt: skip


def times_to_threshold(run: Run, env: str, metric: str) -> dict[str, list[Any]]:
    """Return how long the replicas of a run took to learn its task, and whether they did.

    Empty for tasks without a threshold, and where a replica had too few episodes.

    Parameters
    ----------
    metric : str
        Column of the episodes that is the environment's own.
    """
    if env not in THRESHOLDS:
        return {}
    episodes = run.episodes
    rows = [np.flatnonzero(episodes["replica"] == r) for r in np.unique(episodes["replica"])]
    if not rows or min(map(len, rows)) < LAST:
        return {}
    counts, seconds, reached = [], [], []
    for own in rows:
        count, is_there = time_to_threshold(episodes[metric][own], THRESHOLDS[env], LAST)
        counts.append(int(count))
        seconds.append(float(episodes["simulated_seconds"][own[: int(count)]].sum()))
        reached.append(bool(is_there))
    # Seeds that fail live short episodes: their shorter lives must not pass for an early end of
    # the waiting, or few that succeed would make a median.
    seconds = [
        time if is_there else max(seconds) for time, is_there in zip(seconds, reached, strict=True)
    ]
    return {EPISODES: counts, SECONDS: np.round(seconds).tolist(), REACHED: reached}


def times_in_words(numbers: Mapping[str, Any]) -> dict[str, str]:
    """Return median, interval and count of times to a threshold, where there are some."""
    return {
        name: summarise_times(numbers[name], numbers[REACHED]).brief
        for name in (EPISODES, SECONDS)
        if name in numbers
    }


def section(results: Iterable[Mapping[str, Any]], settings: Mapping[str, Any]) -> str:
    """Return the table as it stands on the page; empty without results in its tasks.

    Parameters
    ----------
    results : of `results.read`
    settings : experiment -> settings of its agent, None where it trains none
    """
    rows = [_row(*entry) for entry in _in_tasks(results, settings)]
    if not rows:
        return ""
    lines = [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    return "\n".join([_HEAD, *lines, *(f"| {' | '.join(cells)} |" for cells in rows), ""])


def figure(results: Iterable[Mapping[str, Any]], settings: Mapping[str, Any]) -> "Figure | None":
    """Return the same as a figure; None without results in its tasks."""
    from threefactor.analysis.gallery.costs import GRADIENT, Cost, draw_costs

    costs = [
        Cost(
            env, config.options.preset if "rule" in config.taken else GRADIENT,
            result["experiment"], next(iter(result["scores"].values())),
            *(result.get("numbers", {}).get(name) for name in
              (EPISODES, REACHED, LARGEST_RATE, SYNAPTIC_OPERATIONS)),
        )
        for result, env, config in _in_tasks(results, settings)
    ]  # fmt: skip
    return draw_costs(costs) if costs else None


def _in_tasks(
    results: Iterable[Mapping[str, Any]], settings: Mapping[str, Any]
) -> list[tuple[Mapping[str, Any], str, Any]]:
    """Return result, environment and configuration of agents in tasks with a threshold."""
    found = []
    for result in results:
        own = settings.get(result["experiment"])
        if own is not None:
            config = configure(own)
            env = config.labels()["env"]
            if env in THRESHOLDS:
                found.append((result, env, config))
    return sorted(found, key=lambda entry: list(THRESHOLDS).index(entry[1]))


def _row(result: Mapping[str, Any], env: str, config: Any) -> Sequence[str]:
    facts = result["facts"]
    first = next(iter(result["scores"].values()))
    name = result["experiment"]
    return (
        env, config.learns_by, config.options.preset, summarise_seeds(first).brief,
        *(facts.get(fact, "") for fact in (EPISODES, SECONDS)),
        facts.get(MEAN_RATE, "").partition(" (")[0], facts.get(OPERATIONS, ""),
        f"[{name}](#{name.lower()})",
    )  # fmt: skip
