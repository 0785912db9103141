"""From run directories to a comparison: grouped, made comparable, checked for fairness."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from threefactor.analysis.compare.agents import (
    LAST,
    FoundAgents,
    TrainedAgent,
    find_agents,
    known_references,
)
from threefactor.analysis.compare.comparison import (
    ALL,
    Comparison,
    Group,
    caveats,
    compare_groups,
    cut,
    default_window,
    group_agents,
    rescaled,
    shortest,
)
from threefactor.analysis.compare.settings import (
    asked_for,
    differing,
    distinguishing,
    group_name,
)
from threefactor.naming import check_choice

Scales = Mapping[str, tuple[float, float]]


def compare_agents(
    found: FoundAgents,
    by: Sequence[str] = (),
    baseline: str | None = None,
    threshold: float | None = None,
    window: int | None = None,
    references: Scales | None = None,
) -> Comparison:
    """Return a comparison of agents, see `threefactor.compare`."""
    agents, notes = found.agents, list(found.notes)
    by_env: dict[str, list[TrainedAgent]] = {}
    for agent in agents:
        by_env.setdefault(agent.env, []).append(agent)
    for env, own in by_env.items():
        _require_one_metric(env, own)
    names = _names(agents, by)
    labels = {i: group_name(agent.settings, names) or "agents" for i, agent in enumerate(agents)}
    if by:
        notes += _pooled(agents, labels)
    groups = group_agents(agents, labels)
    _require_all_environments(groups, list(by_env))
    baseline = _baseline(baseline, groups)
    notes += _unfair(by_env)
    n_episodes = shortest(groups)
    if n_episodes is not None:
        groups = [cut(group, n_episodes) for group in groups]
    window = _window(window, n_episodes)
    scales = _scales(by_env, references or {})
    unit = {env: _unit(own[0], n_episodes) for env, own in by_env.items()}
    tables = {}
    if scales:
        groups = [rescaled(group, scales) for group in groups]
        told = {env: f"{low:.4g} is 0, {high:.4g} is 1" for env, (low, high) in scales.items()}
        unit = {env: f"{unit[env]}; {told[env]}" for env in by_env}
    if len(by_env) > 1:
        unit[ALL] = (
            "scores with the random agent at 0, the reference at 1; environments weigh alike"
        )
        tables[ALL] = compare_groups(groups, baseline, threshold, window)
    for env in by_env:
        within = [group.within(env) for group in groups]
        tables[env] = compare_groups(within, baseline, threshold, window)
    return Comparison(tables, names, baseline, unit, threshold, window, (*notes, *caveats(groups)))


def _names(agents: Sequence[TrainedAgent], by: Sequence[str]) -> tuple[str, ...]:
    settings = [agent.settings for agent in agents]
    if by:
        return asked_for(by, settings)
    if found := distinguishing(settings, [agent.env for agent in agents]):
        return found
    return ("rule",) if all("rule" in one for one in settings) else ()


def _pooled(agents: Sequence[TrainedAgent], labels: Mapping[int, str]) -> list[str]:
    """Return a note on groups whose agents differ in settings that --by does not name."""
    notes = []
    by_group: dict[tuple[str, str], list[TrainedAgent]] = {}
    for number, agent in enumerate(agents):
        by_group.setdefault((labels[number], agent.env), []).append(agent)
    for (name, env), own in by_group.items():
        others = differing([agent.settings for agent in own])
        if not others:
            continue
        told = ", ".join(others if len(others) < 4 else [*list(others)[:3], "..."])
        seeds = [agent.seed for agent in own]
        if len(set(seeds)) < len(seeds):
            raise ValueError(
                f"{name}: expected agents that differ by their seeds, got several of one seed in "
                f"{env} that differ in {told}. Add these to --by; the best of several settings "
                "must be chosen on other seeds than it is compared on."
            )
        notes.append(f"{name} pools agents of {env} that differ in {told}.")
    return notes


def _require_one_metric(env: str, agents: Sequence[TrainedAgent]) -> None:
    metrics = {agent.metric: agent.source for agent in agents}
    if len(metrics) > 1:
        told = " and ".join(f"{metric} ({source})" for metric, source in metrics.items())
        raise ValueError(
            f"{env}: expected scores of one metric, got {told}. Compare runs of one discount."
        )


def _require_all_environments(groups: Sequence[Group], envs: Sequence[str]) -> None:
    for group in groups:
        if missing := [env for env in envs if env not in group.scores]:
            raise ValueError(
                f"{group.name}: expected agents in every environment, got none in "
                f"{' and '.join(missing)}. Compare one environment (--env), or name groups with "
                "--by, such as --by rule."
            )


def _baseline(asked: str | None, groups: Sequence[Group]) -> str:
    names = [group.name for group in groups]
    if asked is None:
        return names[0]
    check_choice("baseline", asked, names)
    return asked


def _window(asked: int | None, n_episodes: int | None) -> int:
    if n_episodes is None:
        return 1
    window = default_window(n_episodes) if asked is None else asked
    if not 1 <= window <= n_episodes:
        raise ValueError(
            f"--window: expected 1 to {n_episodes} episodes, which all agents have, got {window}."
        )
    return window


def _scales(
    by_env: Mapping[str, Sequence[TrainedAgent]], asked: Scales
) -> dict[str, tuple[float, float]]:
    """Return what is 0 and 1 in each environment; empty: a single one keeps its own unit."""
    for env in asked:
        check_choice("environment of --reference", env, by_env)
    if len(by_env) == 1 and not asked:
        return {}
    scales = dict(asked)
    for env, agents in by_env.items():
        if env in scales:
            continue
        known = known_references(agents)
        if len(known) < 2:
            lacking = "references" if not known else f"optimum ({', '.join(known)} alone)"
            raise ValueError(
                f"{env}: expected runs that know the scores of the random agent and of the "
                f"optimum, to put {len(by_env)} environments on one scale, got no {lacking}. Give "
                f"both, --reference {env}=RANDOM,BEST, or compare one environment, --env."
            )
        low, high = known.values()
        scales[env] = (low, high)
    return scales


def _unfair(by_env: Mapping[str, Sequence[TrainedAgent]]) -> list[str]:
    """Return in what agents differ that should be the same for a fair comparison."""
    notes = []
    for env, agents in by_env.items():
        lengths = sorted({agent.curve.size for agent in agents if agent.curve is not None})
        if len(lengths) > 1:
            notes.append(
                f"{env}: agents were trained for {lengths[0]} to {lengths[-1]} episodes; all are "
                f"compared as they were after {lengths[0]}."
            )
        found = differing([agent.settings for agent in agents])
        tasks = [n for n in found if n == "max_episode_steps" or n.startswith("env_kwargs")]
        if tasks:
            told = ", ".join(f"{name} {' or '.join(map(str, found[name]))}" for name in tasks)
            notes.append(f"{env}: the environments themselves differ: {told}.")
    versions = list(dict.fromkeys(a.version[:12] for own in by_env.values() for a in own))
    known = [version for version in versions if version]
    if len(known) > 1:
        notes.append(f"Trained by {len(known)} versions of the code: {', '.join(known[:4])}.")
    lengths = sorted(
        {
            min(a.curve.size for a in own if a.curve is not None)
            for own in by_env.values()
            if any(a.curve is not None for a in own)
        }
    )
    if len(lengths) > 1:
        notes.append(f"Environments differ in episodes; all are compared after {lengths[0]}.")
    return notes


def _unit(agent: TrainedAgent, n_episodes: int | None) -> str:
    metric = agent.metric.replace("_", " ")
    if n_episodes is None:
        return f"{metric}, as the table has it"
    return f"{metric}, mean of the last {min(LAST, n_episodes)} of {n_episodes} episodes"


def in_environment(found: FoundAgents, env: str | None) -> FoundAgents:
    """Return the agents of one environment; of all, if None."""
    if env is None:
        return found
    known = list(dict.fromkeys(agent.env for agent in found.agents))
    check_choice("environment", env, known)
    kept = tuple(agent for agent in found.agents if agent.env == env)
    return FoundAgents(kept, found.notes)


def agents_at(paths: Iterable[str | Path], env: str | None = None) -> FoundAgents:
    """Return the agents at some paths, of one environment if it is named."""
    return in_environment(find_agents(paths), env)
