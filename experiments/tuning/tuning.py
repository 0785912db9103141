"""What is to be tuned: the file, the seeds that it uses up, and the settings of one trial."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threefactor.experiments.coercion import coerce
from threefactor.experiments.configuration import RunConfig, read_settings
from threefactor.experiments.layers import configure, nested
from threefactor.experiments.plain_data import plain
from threefactor.experiments.sweeps.ranges import Range
from threefactor.experiments.tuning.search_space import search_space
from threefactor.naming import check_choice

KEYS = ("base", "search", "trials", "seeds")
#: Seeds below are for reporting; nothing is chosen on them.
FIRST_TUNING_SEED = 100
#: Below so many the interquartile mean of the seeds says too little (docs/statistics.md).
FEWEST_SEEDS = 5
TRIALS = 30


@dataclass(frozen=True)
class Tuning:
    """A search for settings.

    Attributes
    ----------
    content : dict
        The file, whole.
    config : RunConfig
        What is tuned, as it is without any search.
    space : dict of str to range
        Dotted setting -> where it is looked for.
    trials : int
        Settings that are tried.
    seeds : tuple of int
        Neighbours, from 100 on.
    """

    content: Mapping[str, Any]
    config: RunConfig
    space: Mapping[str, Range]
    trials: int
    seeds: tuple[int, ...]

    @classmethod
    def read(cls, path: Path) -> "Tuning":
        """Return what a file says; raise ValueError in one line for what it cannot mean."""
        try:
            return cls.of(read_settings(path))
        except ValueError as error:
            raise ValueError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Tuning":
        """Return what a file says.

        Parameters
        ----------
        content : mapping
            base: settings, as in a configuration. search: setting -> range, or nothing for the
            range that its field declares; without it, what rule and modulator declare. trials:
            default 30. seeds: a number n >= 5 for 100 to 99+n (default 5), or a list of
            neighbours from 100 on.
        """
        for key in content:
            check_choice("entry of a tuning", str(key), KEYS)
        base, search = content.get("base") or {}, content.get("search") or {}
        for name, value in (("base", base), ("search", search)):
            if not isinstance(value, Mapping):
                raise ValueError(f"{name}: expected names with values, got {value!r:.60}.")
        config = configure(base)
        space = search_space(config, {str(k).replace("-", "_"): v for k, v in search.items()})
        trials = coerce(content.get("trials", TRIALS), int, "trials")
        if trials < 1:
            raise ValueError(f"trials must be >= 1, got {trials}.")
        tuning = cls(dict(content), config, space, trials, _seeds(content.get("seeds", 5)))
        for name in space:
            tuning.present(name)
        return tuning

    def present(self, name: str) -> Any:
        """Return the value of a setting without any search; ValueError if there is no such one."""
        part, _, field = name.partition(".")
        known: Any = self.config.to_dict().get(part)
        if field and not (isinstance(known, Mapping) and field in known):
            configure(self.content.get("base") or {}, {name: None})  # says which word was meant
            raise ValueError(f"search.{name}: there is no such setting.")
        return plain(known[field] if field else known)

    def trial_config(self, values: Mapping[str, Any]) -> RunConfig:
        """Return the configuration of a trial."""
        return configure(self.content.get("base") or {}, dict(values))

    def tuned(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return base and values as settings, for ``--config``."""
        return nested({**nested(self.content.get("base") or {}), **values})


def _seeds(given: Any) -> tuple[int, ...]:
    given = plain(given)
    if isinstance(given, list):
        seeds = tuple(sorted(coerce(seed, int, "seeds") for seed in given))
    else:
        first = FIRST_TUNING_SEED
        seeds = tuple(range(first, first + coerce(given, int, "seeds")))
    if len(seeds) < FEWEST_SEEDS:
        raise ValueError(f"seeds: expected {FEWEST_SEEDS} or more, got {len(seeds)}.")
    if seeds[0] < FIRST_TUNING_SEED:
        raise ValueError(
            f"seeds: those below {FIRST_TUNING_SEED} are for reporting, got {seeds[0]}; nothing "
            "that is claimed on a seed may have been chosen on it."
        )
    if seeds != tuple(range(seeds[0], seeds[0] + len(seeds))):
        raise ValueError(f"seeds: expected neighbours, replicas of one run, got {list(seeds)}.")
    return seeds
