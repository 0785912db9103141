"""Rule cards as saved: arrays to draw and numbers to print, read back without the rule."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SavedPanel:
    """One panel as saved: arrays to draw, numbers (None: no such number), or why there are none."""

    title: str
    arrays: dict[str, NDArray[Any]]
    numbers: dict[str, float | str | None]
    reason: str

    def number(self, name: str, form: str = ".3g") -> str:
        """Return a number as text, an en dash where there is none."""
        value = self.numbers.get(name)
        if value is None:
            return "\N{EN DASH}"
        return value if isinstance(value, str) else format(value, form)


@dataclass(frozen=True)
class SavedCard:
    """A card as saved in ``<stem>.npz`` and ``<stem>.json``."""

    about: dict[str, Any]
    panels: dict[str, SavedPanel]

    @property
    def name(self) -> str:
        """Name under which the rule was asked for."""
        return str(self.about["name"])


def load_card(stem: str | Path) -> SavedCard:
    """Read a card; raise FileNotFoundError naming the missing file."""
    stem = Path(stem)
    saved = json.loads(stem.with_name(f"{stem.name}.json").read_text())
    with np.load(stem.with_name(f"{stem.name}.npz")) as file:
        arrays = {name: file[name] for name in file.files}
    panels = {
        name: SavedPanel(
            panel["title"],
            {k.partition("/")[2]: v for k, v in arrays.items() if k.startswith(f"{name}/")},
            panel["numbers"],
            panel["reason"],
        )
        for name, panel in saved["panels"].items()
    }
    return SavedCard(saved["about"], panels)
