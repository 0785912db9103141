"""Compare trained agents, with what only the presets know: how settings were tuned."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from threefactor.analysis.compare.compare import agents_at, compare_agents
from threefactor.experiments.configuration import PRESETS
from threefactor.experiments.presets.preset import find_preset

if TYPE_CHECKING:
    from threefactor.analysis.compare.agents import TrainedAgent
    from threefactor.analysis.compare.comparison import Comparison
    from threefactor.experiments.presets.preset import Provenance


def compare(
    *paths: str | Path,
    by: str | Sequence[str] = (),
    baseline: str | None = None,
    threshold: float | None = None,
    window: int | None = None,
    env: str | None = None,
    references: Mapping[str, tuple[float, float]] | None = None,
) -> "Comparison":
    """Compare agents that were trained, seed by seed, with intervals and a figure.

    Parameters
    ----------
    paths : str or Path
        Run directories, whose replicas are seeds; folders of runs, such as a sweep's; or tables
        (CSV) with the columns seed and score. What differs in settings are different groups.
    by : str or sequence of str
        Settings that tell groups apart, such as "rule" or "rule.learning_rate"; default: the few
        that explain all that differs.
    baseline : str, optional
        Group that the others are compared with; default: the first.
    threshold : float, optional
        A mean return, or of several environments a normalised score, that agents are to reach.
    window : int, optional
        Episodes of that mean, and of learning curves; default: a tenth of all, at most 100.
    env : str, optional
        Environment to which to restrict the comparison.
    references : environment -> (score of the random agent, score that counts as 1), optional
        Of several environments; default: those that the runs know.

    Raises
    ------
    ValueError
        For paths that hold no trained agents, or agents that cannot be compared.
    """
    if not paths:
        raise ValueError("compare: expected run directories or folders of runs, got none.")
    found = agents_at(paths, env)
    names = (by,) if isinstance(by, str) else tuple(by)
    comparison = compare_agents(found, names, baseline, threshold, window, references)
    return replace(comparison, notes=(*comparison.notes, *tuning_notes(found.agents)))


def tuning_notes(agents: "Sequence[TrainedAgent]") -> list[str]:
    """Return notes on settings that were tuned with unequal effort, or on the seeds compared."""
    notes = []
    for env in dict.fromkeys(agent.env for agent in agents):
        own = [agent for agent in agents if agent.env == env]
        tuned = {_subject(agent): _provenance(agent) for agent in own}
        budgets = {what: found.budget if found else "not tuned" for what, found in tuned.items()}
        if len(set(budgets.values())) > 1:
            told = "; ".join(f"{what}: {budget}" for what, budget in budgets.items())
            notes.append(f"{env}: settings were tuned with unequal effort ({told}).")
        shared = {
            agent.seed
            for agent in own
            if (found := tuned[_subject(agent)]) and agent.seed in _seeds(found.tuning_seeds)
        }
        if shared:
            told = ", ".join(map(str, sorted(shared)))
            notes.append(f"{env}: settings were chosen on seeds that are compared: {told}.")
    return notes


def _subject(agent: "TrainedAgent") -> str:
    rule, preset = agent.settings.get("rule", "-"), agent.settings.get("preset", "-")
    return f"{str(rule).rpartition('/')[2]}, {preset} preset"


def _provenance(agent: "TrainedAgent") -> "Provenance | None":
    settings = agent.settings
    kind = settings.get("agent")
    if settings.get("preset") not in PRESETS or not {"rule", "agent"} & set(settings):
        return None  # of a table, or of an older version
    rule, model = (settings.get(part) for part in ("rule", "model"))
    return find_preset(settings["preset"], agent.env, rule and str(rule), model, kind).provenance


def _seeds(told: str) -> range:
    """Return the seeds that a provenance names: "100-103", "100 and above"."""
    numbers = [int(number) for number in re.findall(r"\d+", told)]
    if not numbers:
        return range(0)
    is_open = "above" in told
    return range(numbers[0], 10**9 if is_open else numbers[-1] + 1)
