"""What is looked for: settings and their ranges, from a file or from the fields of the parts."""

from collections.abc import Mapping
from typing import Any

from threefactor.experiments.configuration import RunConfig
from threefactor.experiments.sweeps.ranges import Range, read_range
from threefactor.search_range import SearchRange, search_ranges

#: Parts whose fields are looked for where nobody says which.
SEARCHED = ("rule", "modulator")
OF_CRITIC = ("critic_rule",)


def search_space(config: RunConfig, given: Mapping[str, Any]) -> dict[str, Range]:
    """Return dotted setting -> where it is looked for.

    Parameters
    ----------
    config : RunConfig
        What is tuned.
    given : mapping
        Setting -> {uniform: [low, high]}, {log_uniform: ...}, {integers: ...}, {choice: [...]}, or
        nothing, for the range that the field of the part declares. Empty: every setting of rule
        and modulator, and of a critic's rule, that declares one.

    Raises
    ------
    ValueError
        For a setting without a range, or a range that is none.
    """
    declared = _declared(config, tuple(config.parts))
    if not given:
        parts = SEARCHED + (OF_CRITIC if config.names["model"] == "actor-critic" else ())
        found: dict[str, Range] = {**_declared(config, parts)}
        if not found:
            raise ValueError("search: no setting of rule or modulator declares a range; name some.")
        return found
    return {name: _range(name, how, declared) for name, how in given.items()}


def _declared(config: RunConfig, parts: tuple[str, ...]) -> dict[str, SearchRange]:
    return {
        f"{part}.{name}": found
        for part in parts
        for name, found in search_ranges(config.parts[part]).items()
    }


def _range(name: str, how: Any, declared: Mapping[str, SearchRange]) -> Range:
    if how is None:
        if name not in declared:
            raise ValueError(
                f"search.{name}: it declares no range; say one, such as "
                f"{{log_uniform: [0.001, 1]}}. Declared: {', '.join(declared)}."
            )
        return declared[name]
    return read_range(f"search.{name}", how)
