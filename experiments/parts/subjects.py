"""What a check is given: a name, a class, an instance or an environment; of which kind it is."""

from pathlib import Path
from typing import Any, cast

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from threefactor.experiments.parts.environments import find_environment
from threefactor.experiments.parts.kinds import KINDS, class_in_file, find_class, kind_of
from threefactor.experiments.parts.user_files import import_file, shown, split_name
from threefactor.naming import check_choice, suggest


def find_subject(part: Any, kind: str | None = None) -> tuple[str, Any]:
    """Return kind and class (or instance, or environment) of a part."""
    if kind is not None:
        check_choice("kind", kind, KINDS)
    if isinstance(part, str):
        return _find_file(part, kind) if split_name(part) else _find_name(part, kind)
    if isinstance(part, EnvSpec):
        return "env", part
    found = kind_of(part if isinstance(part, type) else type(part))
    if found is None:
        raise TypeError(f"check: {part!r} is no part; derive it from one of threefactor's bases.")
    if found == "env":
        if not isinstance(part, type):
            raise TypeError("check: give an environment by its class or id, so that several run.")
        part = EnvSpec(part.__name__, entry_point=cast(Any, part))
    return found, part


def _find_file(text: str, kind: str | None) -> tuple[str, Any]:
    path, name = split_name(text) or ("", "")
    if kind == "env" or name in import_file(Path(path)).environments:
        return "env", find_environment(text)
    part = class_in_file(text) if kind is None else find_class(kind, text)
    found = kind or kind_of(part)
    if found is None:
        raise ValueError(
            f"{shown(text)}: {part.__name__} is no part; derive it from one of threefactor's bases."
        )
    return (found, find_environment(text)) if found == "env" else (found, part)


def _find_name(text: str, kind: str | None) -> tuple[str, Any]:
    if kind == "env" or (kind is None and (text in gym.registry or ":" in text)):
        return "env", text
    found = [name for name, known in KINDS.items() if text in known.table and kind in (None, name)]
    if len(found) > 1:
        raise ValueError(f"{text!r} is several parts: choose --kind {' or --kind '.join(found)}.")
    if found:
        return found[0], KINDS[found[0]].table[text]
    names = {n for key, known in KINDS.items() if kind in (None, key) for n in known.table}
    raise ValueError(
        f"Unknown {'part' if kind is None else KINDS[kind].word} {text!r}."
        f"{suggest(text, sorted(names | ({*gym.registry} if kind is None else set())))} "
        "`list` shows all names; yours is FILE.py:ClassName."
    )
