"""What ``--env`` names: a Gymnasium id, or a class or an id of a user's file."""

from pathlib import Path
from typing import Any, cast

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from threefactor.experiments.parts.kinds import KINDS, find_class
from threefactor.experiments.parts.user_files import anchored, import_file, split_name
from threefactor.naming import suggest


def anchored_environment(text: str, folder: Path) -> str:
    """Return the name of an environment, its file as an absolute path; a module is a file too."""
    module, _, name = text.rpartition(":")
    if module.isidentifier() and (folder / f"{module}.py").is_file():
        text = f"{module}.py:{name}"
    return anchored(text, folder)


def find_environment(text: str) -> str | EnvSpec:
    """Return what Gymnasium makes of an environment's name: an id, or the file's specification.

    Raises
    ------
    ValueError, TypeError
        For a file that cannot be imported, or has no such environment.
    """
    named = split_name(text)
    if named is None:
        return text
    file = import_file(Path(named[0]))
    if named[1] in file.environments:
        return file.environments[named[1]]
    is_class = isinstance(vars(file.module).get(named[1]), type)
    if file.environments and not is_class:
        known = [*file.environments, *file.classes(gym.Env)]
        raise ValueError(
            f"{file.path.name} has no environment {named[1]!r}.{suggest(named[1], known)} It has: "
            f"{', '.join(known)}."
        )
    kind = find_class("env", text)
    KINDS["env"].check_class(kind)
    return EnvSpec(kind.__name__, entry_point=cast(Any, kind))
