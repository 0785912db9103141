"""A comparison of groups of agents: what is computed of their scores and learning curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.compare.agents import LAST, TrainedAgent
from threefactor.analysis.statistics import (
    CLAIM_SEEDS,
    INTERVAL_SEEDS,
    Interval,
    PairedComparison,
    TimeSummary,
    area_under_curve,
    bootstrap_interval,
    claim_caveat,
    holm,
    improvement_interval,
    iqm,
    log_rank_p_value,
    paired_comparison,
    summarise_times,
    time_to_threshold,
)

#: The name of the table of all environments together.
ALL = "all environments"
#: Share of the episodes over which a curve is averaged where it is compared with a threshold.
_WINDOW_SHARE, _WINDOW_MOST = 0.1, 100


@dataclass(frozen=True)
class Group:
    """Agents that are compared as one.

    Attributes
    ----------
    name : str
    scores : environment -> {seed: score}
    curves : environment -> {seed: (n_episodes,)}; empty where a score is all that is known
    """

    name: str
    scores: Mapping[str, Mapping[int, float]]
    curves: Mapping[str, Mapping[int, NDArray[np.float64]]]

    @property
    def strata(self) -> dict[str, NDArray[np.float64]]:
        """The scores of each environment, (n_seeds,), by seed."""
        return {
            env: np.array([by_seed[seed] for seed in sorted(by_seed)])
            for env, by_seed in self.scores.items()
        }

    @property
    def fewest_seeds(self) -> int:
        """Seeds in the environment that has the fewest."""
        return min(len(by_seed) for by_seed in self.scores.values())

    def within(self, env: str) -> "Group":
        """Return what of the group belongs to one environment."""
        curves = {env: self.curves[env]} if env in self.curves else {}
        return Group(self.name, {env: self.scores[env]}, curves)


@dataclass(frozen=True)
class Row:
    """What is said of one group.

    Attributes
    ----------
    group : Group
    median, iqm : float
        Over all runs.
    iqm_bounds : (low, high) or None
        95 % interval; None below `INTERVAL_SEEDS` seeds.
    area, area_bounds
        Interquartile mean of the areas under the learning curves, likewise; None without curves.
    time : TimeSummary or None
        Episodes until the threshold.
    improvement : Interval or None
        Chance that a run beats one of the baseline; None for the baseline itself.
    paired : PairedComparison or None
        On the seeds that both have; None where these are fewer than two.
    p_value : float or None
        Of the paired comparison, corrected for the number of groups (Holm).
    time_p_value : float or None
        Of the log-rank test that the baseline takes as long, uncorrected.
    """

    group: Group
    median: float
    iqm: float
    iqm_bounds: tuple[float, float] | None
    area: float | None
    area_bounds: tuple[float, float] | None
    time: TimeSummary | None
    improvement: Interval | None
    paired: PairedComparison | None
    p_value: float | None
    time_p_value: float | None


@dataclass(frozen=True)
class Comparison:
    """Groups of agents, compared.

    Attributes
    ----------
    tables : environment -> rows, in the order of the groups
        With several environments the first is `ALL`, of scores that are normalised.
    names : tuple of str
        The settings that tell the groups apart.
    baseline : str
    unit : environment -> what its scores are, and of what
    threshold : float or None
    window : int
        Episodes over which a curve is averaged to be compared with the threshold, and drawn.
    notes : tuple of str
        What was left out, and what must not be concluded.
    """

    tables: Mapping[str, Sequence[Row]]
    names: tuple[str, ...]
    baseline: str
    unit: Mapping[str, str]
    threshold: float | None
    window: int
    notes: tuple[str, ...]

    @property
    def groups(self) -> list[Group]:
        """The groups of the first table."""
        return [row.group for row in next(iter(self.tables.values()))]

    def report(self) -> str:
        """Return what the command prints."""
        from threefactor.analysis.compare.table import report

        return report(self)

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain data, those of single seeds included."""
        from threefactor.analysis.compare.table import to_dict

        return to_dict(self)

    def to_csv(self) -> str:
        """Return the tables as CSV: a line for each environment and group."""
        from threefactor.analysis.compare.table import to_csv

        return to_csv(self)

    def figures(self) -> dict[str, Any]:
        """Draw learning curves, scores and profile as the Matplotlib figure "comparison"."""
        from threefactor.analysis.compare.figure import draw_comparison

        return {"comparison": draw_comparison(self)}


def group_agents(agents: Sequence[TrainedAgent], names: Mapping[int, str]) -> list[Group]:
    """Return agents in groups, in order of appearance.

    Parameters
    ----------
    names : number of the agent -> name of its group

    Raises
    ------
    ValueError
        If a group has a seed of an environment twice.
    """
    scores: dict[str, dict[str, dict[int, float]]] = {}
    curves: dict[str, dict[str, dict[int, NDArray[np.float64]]]] = {}
    sources: dict[tuple[str, str, int], TrainedAgent] = {}
    for number, agent in enumerate(agents):
        name, key = names[number], (names[number], agent.env, agent.seed)
        if key in sources:
            raise ValueError(
                f"{name}: expected every seed of {agent.env} once, got seed {agent.seed} from "
                f"{sources[key].source} and {agent.source}, which differ in their settings. Name "
                "what tells them apart with --by, or leave one out."
            )
        sources[key] = agent
        scores.setdefault(name, {}).setdefault(agent.env, {})[agent.seed] = agent.score
        if agent.curve is not None:
            of_env = curves.setdefault(name, {}).setdefault(agent.env, {})
            of_env[agent.seed] = agent.curve
    return [Group(name, of_name, curves.get(name, {})) for name, of_name in scores.items()]


def compare_groups(
    groups: Sequence[Group], baseline: str, threshold: float | None, window: int
) -> tuple[Row, ...]:
    """Return a row for each group; those of several environments must be on one scale."""
    base = next(group for group in groups if group.name == baseline)
    paired = {g.name: _paired(g, base) for g in groups if g is not base}
    tested = {name: found.p_value for name, found in paired.items() if found is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    base_times = _times(base, threshold, window)
    return tuple(
        _row(group, base, paired.get(group.name), corrected, threshold, window, base_times)
        for group in groups
    )


def shortest(groups: Sequence[Group]) -> int | None:
    """Return the number of episodes that all curves have; None where there are none."""
    lengths = [
        curve.size
        for group in groups
        for by_seed in group.curves.values()
        for curve in by_seed.values()
    ]
    return min(lengths, default=None)


def default_window(n_episodes: int) -> int:
    """Return over how many episodes a curve is averaged: a tenth of all, at most 100."""
    return max(1, min(_WINDOW_MOST, round(_WINDOW_SHARE * n_episodes)))


def cut(group: Group, n_episodes: int) -> Group:
    """Return a group as if its agents had been trained for so many episodes."""
    curves = {
        env: {seed: curve[:n_episodes] for seed, curve in by_seed.items()}
        for env, by_seed in group.curves.items()
    }
    scores = {
        env: {
            seed: float(curves[env][seed][-LAST:].mean()) if seed in curves.get(env, {}) else score
            for seed, score in by_seed.items()
        }
        for env, by_seed in group.scores.items()
    }
    return Group(group.name, scores, curves)


def rescaled(group: Group, scales: Mapping[str, tuple[float, float]]) -> Group:
    """Return a group whose scores and curves are 0 at the first, 1 at the second of a scale."""
    from threefactor.analysis.statistics import normalise

    scores = {
        env: {seed: float(normalise(score, *scales[env])) for seed, score in by_seed.items()}
        for env, by_seed in group.scores.items()
    }
    curves = {
        env: {seed: normalise(curve, *scales[env]) for seed, curve in by_seed.items()}
        for env, by_seed in group.curves.items()
    }
    return Group(group.name, scores, curves)


def caveats(groups: Sequence[Group]) -> list[str]:
    """Return what so many seeds cannot say."""
    said = []
    fewest = min(group.fewest_seeds for group in groups)
    few = [group.name for group in groups if group.fewest_seeds < INTERVAL_SEEDS]
    if few:
        said.append(
            f"No intervals for {'; '.join(few)}: fewer than {INTERVAL_SEEDS} seeds say hardly "
            "more than their values."
        )
    if fewest < CLAIM_SEEDS:
        said.append(f"{claim_caveat(fewest)}.")
    return said


def _row(
    group: Group,
    base: Group,
    paired: PairedComparison | None,
    corrected: Mapping[str, float],
    threshold: float | None,
    window: int,
    base_times: tuple[list[float], list[bool]] | None,
) -> Row:
    strata, has_interval = group.strata, group.fewest_seeds >= INTERVAL_SEEDS
    pooled = np.concatenate([strata[env] for env in sorted(strata)])
    areas = {
        env: np.array([area_under_curve(curve) for curve in by_seed.values()])
        for env, by_seed in group.curves.items()
    }
    has_areas = set(areas) == set(strata) and all(
        len(a) == len(strata[e]) for e, a in areas.items()
    )
    area = float(iqm(np.concatenate(list(areas.values())))) if has_areas else None
    times = _times(group, threshold, window)
    is_base = group is base
    improvement = None if is_base else improvement_interval(strata, base.strata)
    return Row(
        group, float(np.median(pooled)), float(iqm(pooled)),
        bootstrap_interval(strata)[1:] if has_interval else None,
        area, bootstrap_interval(areas)[1:] if has_areas and has_interval else None,
        summarise_times(*times) if times else None,
        improvement, paired, corrected.get(group.name),
        log_rank_p_value(*times, *base_times) if times and base_times and not is_base else None,
    )  # fmt: skip


def _paired(group: Group, base: Group) -> PairedComparison | None:
    """Compare on the seeds that both have in an environment, all environments together."""
    pairs = [
        (group.scores[env][seed], base.scores[env][seed])
        for env in sorted(group.scores)
        for seed in sorted(set(group.scores[env]) & set(base.scores[env]))
    ]
    return paired_comparison(*np.array(pairs).T) if len(pairs) > 1 else None


def _times(
    group: Group, threshold: float | None, window: int
) -> tuple[list[float], list[bool]] | None:
    curves = [curve for by_seed in group.curves.values() for curve in by_seed.values()]
    if threshold is None or not curves:
        return None
    found = [time_to_threshold(curve, threshold, window) for curve in curves]
    return [time for time, _ in found], [reached for _, reached in found]
