"""Environments made by `gymnasium.make`, with its errors turned into one clear line."""

import importlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from threefactor.naming import suggest


def make_environment(
    environment: str | EnvSpec,
    max_episode_steps: int | None = None,
    kwargs: Mapping[str, Any] = MappingProxyType({}),
) -> gym.Env:
    """Make one environment; see `Environments`."""
    if isinstance(environment, str):
        package, _, environment = environment.rpartition(":")
        if package:
            _import(package)
    name = environment if isinstance(environment, str) else environment.id
    try:
        return gym.make(
            environment, max_episode_steps=max_episode_steps, disable_env_checker=True, **kwargs
        )
    except gym.error.UnregisteredEnv as error:
        hint = suggest(name, gym.registry, at_most=3)
        fix = hint or " If a package or a file registers it: package:Name-v0 or FILE.py:Name-v0."
        raise ValueError(f"Unknown environment {name!r}.{fix}") from error
    except gym.error.DeprecatedEnv as error:
        raise ValueError(f"Environments: {error}") from error
    except gym.error.DependencyNotInstalled as error:
        raise missing_package(name, error) from error


def _import(package: str) -> None:
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"Environments: {package!r} needs the module {error.name!r}, which is not installed. "
            f"Run: pip install {str(error.name).split('.')[0]}; or give a file, FILE.py:Id-v0."
        ) from error


def missing_package(env_id: str, error: Exception) -> ValueError:
    """Name the command that installs what an environment lacks."""
    spec = gym.registry.get(env_id.rpartition(":")[2])
    entry_point = spec.entry_point if spec else None
    found = (
        re.match(r"gymnasium\.envs\.(\w+)", entry_point) if isinstance(entry_point, str) else None
    )
    if found is None:
        return ValueError(f"Environments: {env_id} lacks an optional package: {error}")
    extra = found.group(1).replace("_", "-")
    return ValueError(
        f'Environments: {env_id} needs an optional package. Run: pip install "gymnasium[{extra}]"'
    )
