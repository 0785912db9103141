"""What a sweep consists of: its file, the cells that it stands for, and their jobs."""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from threefactor.experiments.coercion import coerce
from threefactor.experiments.configuration import RunConfig, read_settings
from threefactor.experiments.jobs.job import TrainingJob
from threefactor.experiments.layers import configure
from threefactor.experiments.plain_data import plain
from threefactor.experiments.sweeps.ranges import draw, read_range
from threefactor.experiments.training.run_files import collect_files
from threefactor.naming import check_choice

#: What a sweep's file may say.
KEYS = ("base", "grid", "list", "random", "samples", "random_seed", "seeds", "chunk")
#: Seeds that are replicas of one run, at most.
CHUNK = 8
_LABEL = 3  # significant digits of a number in a name

Settings = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One combination of settings.

    Attributes
    ----------
    settings : dict
        What sets it apart from the others, by dotted names.
    config : RunConfig
    """

    settings: Mapping[str, Any]
    config: RunConfig

    @cached_property
    def digest(self) -> str:
        """What its folder is called: a hash of all that defines it but the seeds."""
        files = collect_files(self.config)
        known = {k: v for k, v in files.settings.items() if k not in ("seed", "replicas")}
        content = {name: hashlib.sha256(data).hexdigest() for name, data in files.contents.items()}
        text = json.dumps([known, content], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """What messages call it: ``rule=reinforce, rule.learning_rate=0.1``."""
        pairs = (f"{name}={_shown(value)}" for name, value in self.settings.items())
        return ", ".join(pairs) or str(self.config.options.env)


@dataclass(frozen=True)
class Plan:
    """A sweep: cells, the seeds of each, and how many seeds make one run.

    Attributes
    ----------
    content : dict
        The file, whole: it can be planned again from it.
    """

    content: Mapping[str, Any]
    cells: tuple[Cell, ...]
    seeds: tuple[int, ...]
    chunk: int

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """Return the plan of a file; raise ValueError in one line for what it cannot mean."""
        try:
            return cls.of(read_settings(path))
        except ValueError as error:
            raise ValueError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Plan":
        """Return the plan of what a file says.

        Parameters
        ----------
        content : mapping
            base: settings of all cells, as in a configuration. grid: option -> values, of which
            every combination is a cell. list: settings of single cells. random: option ->
            {uniform: [low, high]}, {log_uniform: [low, high]}, {integers: [low, high]} or
            {choice: [...]}, drawn `samples` times (default 10) with `random_seed` (0). Of several,
            every combination. seeds: a number n for 0 to n-1 (default 1), or a list. chunk: seeds
            that are replicas of one run (default: at most 8; where a schedule makes replicas
            depend on each other, 1).
        """
        for key in content:
            check_choice("entry of a sweep", str(key), KEYS)
        base = _mapping(content, "base")
        ways = [_grid(content), _listed(content), _drawn(content)]
        combined = [
            {name: value for part in parts for name, value in part.items()}
            for parts in itertools.product(*ways)
        ]
        cells: dict[str, Cell] = {}
        for settings in combined:
            try:
                cell = Cell(settings, configure(base, settings))
            except (ValueError, TypeError) as error:
                where = ", ".join(f"{name}={_shown(value)}" for name, value in settings.items())
                raise ValueError(f"cell {where or 'base'}: {error}") from None
            cells.setdefault(cell.digest, cell)
        chunk = coerce(content.get("chunk", CHUNK), int, "chunk")
        if chunk < 1:
            raise ValueError(f"chunk must be >= 1, got {chunk}.")
        return cls(dict(content), tuple(cells.values()), _seeds(content), chunk)

    @property
    def varied(self) -> tuple[str, ...]:
        """The options that cells differ in, in the order of the file."""
        return tuple(dict.fromkeys(name for cell in self.cells for name in cell.settings))

    def jobs(self, folder: Path) -> dict[TrainingJob, Cell]:
        """Return the jobs of a sweep in `folder`, with the cell of each."""
        return {
            TrainingJob(
                f"{cell.name}, seed{'s' if len(block) > 1 else ''} {_span(block)}",
                folder / "runs" / cell.digest / f"seeds-{_span(block)}",
                folder / "runs" / cell.digest / "cell.yaml",
                block[0], len(block), cell.config.options.episodes,
            ): cell
            for cell in self.cells
            for block in self._blocks(cell)
        }  # fmt: skip

    def _blocks(self, cell: Cell) -> list[Sequence[int]]:
        """Return the seeds in blocks of neighbours: replica r of a run with seed s has s + r."""
        is_shared = cell.config.names["schedule"] != "fixed" and not cell.config.are_apart
        chunk = 1 if is_shared else self.chunk
        blocks: list[list[int]] = []
        for seed in self.seeds:
            if blocks and len(blocks[-1]) < chunk and seed == blocks[-1][-1] + 1:
                blocks[-1].append(seed)
            else:
                blocks.append([seed])
        return [tuple(block) for block in blocks]


def _span(block: Sequence[int]) -> str:
    return str(block[0]) if len(block) == 1 else f"{block[0]}-{block[-1]}"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.{_LABEL}g}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {_shown(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return Path(value).name if isinstance(value, str) and ".py:" in value else str(value)


def _mapping(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = content.get(key) or {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{key}: expected option: values, got {value!r:.60}.")
    return {str(name).replace("-", "_"): item for name, item in value.items()}


def _grid(content: Mapping[str, Any]) -> list[Settings]:
    grid = _mapping(content, "grid")
    for name, values in grid.items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"grid.{name}: expected a list of values, got {values!r:.60}.")
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def _listed(content: Mapping[str, Any]) -> list[Settings]:
    listed = content.get("list")
    if listed is None:
        return [{}]
    if (
        not isinstance(listed, list)
        or not listed
        or not all(isinstance(e, Mapping) for e in listed)
    ):
        raise ValueError(f"list: expected a list of settings, got {listed!r:.60}.")
    return [dict(_mapping({"list": entry}, "list")) for entry in listed]


def _drawn(content: Mapping[str, Any]) -> list[Settings]:
    """Return random settings: those of a larger number of samples begin with these."""
    ranges = _mapping(content, "random")
    samples = coerce(content.get("samples", 10), int, "samples")
    if not ranges:
        if "samples" in content or "random_seed" in content:
            raise ValueError("samples, random_seed: expected random as well, what is drawn.")
        return [{}]
    if samples < 1:
        raise ValueError(f"samples must be >= 1, got {samples}.")
    generator = np.random.default_rng(coerce(content.get("random_seed", 0), int, "random_seed"))
    read = {name: read_range(f"random.{name}", how) for name, how in ranges.items()}
    return [
        {name: draw(wanted, generator) for name, wanted in read.items()} for _ in range(samples)
    ]


def _seeds(content: Mapping[str, Any]) -> tuple[int, ...]:
    given = plain(content.get("seeds", 1))
    if isinstance(given, list):
        seeds = tuple(coerce(seed, int, "seeds") for seed in given)
    else:
        seeds = tuple(range(coerce(given, int, "seeds")))
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ValueError(
            f"seeds: expected a number >= 1 or a list of different seeds >= 0, got {given!r}."
        )
    return tuple(sorted(seeds))
