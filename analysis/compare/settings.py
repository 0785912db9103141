"""Groups of agents: which settings tell them apart, and how the groups are called."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from threefactor.naming import suggest

Settings = Mapping[str, Any]

#: Settings that name a group by themselves, and those that are looked at first.
_FIRST = (
    "rule", "preset", "control", "model", "agent", "modulator", "encoder", "decoder", "neuron",
    "critic_rule", "critic_neuron", "update", "learning_signal", "schedule",
)  # fmt: skip
_BARE = {"rule", "model", "agent", "modulator", "encoder", "decoder", "neuron"}


def flat_settings(config: Settings, replica: int = 0) -> dict[str, Any]:
    """Return a run's configuration as ``part.field`` -> value, as its replica has it.

    A part is named by its own name: ``rule`` -> "reinforce". Lists are JSON.
    """
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if name == "each":
            continue
        if not isinstance(value, Mapping):
            flat[name] = value
            continue
        for field, inner in value.items():
            flat[name if field == "name" else f"{name}.{field}"] = inner
    each = config.get("each") or {}
    flat |= {name: values[replica] for name, values in each.items()}
    if each:
        flat["apart"] = True
    return {name: _plain(value) for name, value in flat.items()}


def distinguishing(settings: Sequence[Settings], strata: Sequence[str]) -> tuple[str, ...]:
    """Return the few settings that tell apart whatever differs within an environment.

    Where a choice of a part explains all other differences, such as a rule with its own learning
    rate, it is the only one; what depends on the environment alone is none.

    Parameters
    ----------
    settings : one for each agent
    strata : the environment of each
    """
    known = list(dict.fromkeys(name for one in settings for name in one))
    ordered = sorted(known, key=_rank)
    wanted = _n_classes(settings, strata, ordered)
    chosen: list[str] = []
    for name in ordered:
        n_classes = _n_classes(settings, strata, chosen)
        if n_classes == wanted:
            break
        if _n_classes(settings, strata, [*chosen, name]) > n_classes:
            chosen.append(name)
    for name in reversed(chosen[:]):  # what came later may say it all
        fewer = [other for other in chosen if other != name]
        if _n_classes(settings, strata, fewer) == wanted:
            chosen = fewer
    return tuple(chosen)


def asked_for(names: Iterable[str], settings: Sequence[Settings]) -> tuple[str, ...]:
    """Return settings that a user named, as they are called here.

    Raises
    ------
    ValueError
        For a setting that no agent has, with the closest one.
    """
    known = list(dict.fromkeys(name for one in settings for name in one))
    found = []
    for name in names:
        own = name.strip().lstrip("-").replace("-", "_")
        if own not in known:
            raise ValueError(
                f"--by {name}: expected a setting of the runs, such as rule or "
                f"rule.learning_rate, got none.{suggest(own, known)}"
            )
        found.append(own)
    return tuple(found)


def group_name(settings: Settings, names: Sequence[str]) -> str:
    """Return what a group is called: the values of the settings that tell groups apart."""
    words = []
    ends = [name.rpartition(".")[2] for name in names]
    for name in names:
        value = settings.get(name, "-")
        shown = str(value).rpartition("/")[2]  # of a user's file, without its folder
        end = name.rpartition(".")[2]
        label = end if ends.count(end) == 1 else name
        words.append(shown if name in _BARE else f"{label.replace('_', ' ')} {shown}")
    return ", ".join(words)


def differing(settings: Sequence[Settings]) -> dict[str, list[Any]]:
    """Return the settings in which agents differ, with their values in order of appearance."""
    known = dict.fromkeys(name for one in settings for name in one)
    values = {name: list(dict.fromkeys(one.get(name, "-") for one in settings)) for name in known}
    ordered = sorted(values, key=_rank)
    return {name: values[name] for name in ordered if len(values[name]) > 1}


def _n_classes(settings: Sequence[Settings], strata: Sequence[str], names: Sequence[str]) -> int:
    """Return how many kinds of agents these settings tell apart, in all environments together."""
    return len(
        {
            (stratum, *(one.get(name) for name in names))
            for one, stratum in zip(settings, strata, strict=True)
        }
    )


def _rank(name: str) -> tuple[int, int, bool]:
    """Order settings: choices, then options of the run, then fields, the rule's first."""
    if name in _FIRST:
        return 0, _FIRST.index(name), False
    if name == "apart":
        return 3, 0, False
    return (1 if "." not in name else 2), 0, not name.startswith("rule.")


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value
