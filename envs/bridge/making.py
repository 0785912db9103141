"""Environments made by `gymnasium.make`, with its errors turned into one clear line."""

import importlib
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from threefactor.blame import described, user_place
from threefactor.envs.bridge.answers import EnvironmentFault
from threefactor.naming import close_names

#: Folder of Gymnasium's environments -> the extra that installs what they need, if named otherwise.
_EXTRAS = {"phys2d": "jax", "tabular": "jax"}
#: Namespace of ids -> the module that registers them, and what installs it.
_REGISTRARS = {"ALE": ("ale_py", '"gymnasium[atari]"')}
#: So many close names are tried out, and so many of those that can be made are told.
_TRIED, _TOLD = 6, 3


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
        with _without_warnings():
            return gym.make(
                environment, max_episode_steps=max_episode_steps, disable_env_checker=True, **kwargs
            )
    except gym.error.UnregisteredEnv as error:
        raise ValueError(f"Unknown environment {name!r}.{_instead(name)}") from error
    except gym.error.DeprecatedEnv as error:
        raise ValueError(f"There is no {name!r} any more.{_instead(name)}") from error
    except gym.error.DependencyNotInstalled as error:
        raise missing_package(name, error) from error
    except ImportError as error:
        raise _missing_module(name, error) from error
    except (Exception, SystemExit) as error:
        if isinstance(error, gym.error.Error) and "Malformed" in str(error):
            raise ValueError(f"Unknown environment {name!r}.{_instead(name)}") from error
        raise EnvironmentFault(f"{name} cannot be made: {_cause(error, kwargs)}.") from error


def own_time_limit(environment: str | EnvSpec) -> int | None:
    """Return the time limit that an environment is registered with, once it has been made."""
    if isinstance(environment, str):
        with _without_warnings():
            environment = gym.spec(environment.rpartition(":")[2])
    return environment.max_episode_steps


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep quiet what Gymnasium says of versions and render modes; users' warnings are shown."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"gymnasium\b")
        yield


def _import(package: str) -> None:
    """Import the module that registers an environment, of the present folder if it is there."""
    top = package.partition(".")[0]
    if not all(part.isidentifier() for part in package.split(".")):
        raise ValueError(f"Environments: expected package:Name-v0 or FILE.py:Name, got {package}:")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{package}.".startswith(f"{error.name}."):
            raise ValueError(f"{package} cannot be imported: {described(error)}.") from error
        raise ValueError(
            f"Environments: {package!r} needs the module {error.name!r}, which is neither in the "
            f"present folder nor installed. Run: pip install {top}; or give a file, FILE.py:Id-v0."
        ) from error
    except (Exception, SystemExit) as error:
        raise ValueError(f"{package} cannot be imported: {described(error)}.") from error


def missing_package(env_id: str, error: Exception) -> ValueError:
    """Name the command that installs what an environment lacks."""
    extra = _extra_of(env_id)
    if extra is None:
        return ValueError(f"Environments: {env_id} lacks an optional package: {error}")
    return ValueError(
        f'Environments: {env_id} needs an optional package. Run: pip install "gymnasium[{extra}]"'
    )


def _extra_of(env_id: str) -> str | None:
    """Return the extra that installs what an environment of Gymnasium needs; None for others."""
    spec = gym.registry.get(env_id.rpartition(":")[2])
    entry_point = spec.entry_point if spec else None
    found = (
        re.match(r"gymnasium\.envs\.(\w+)", entry_point) if isinstance(entry_point, str) else None
    )
    return _EXTRAS.get(found[1], found[1].replace("_", "-")) if found else None


def _missing_module(name: str, error: ImportError) -> ValueError:
    """Return what to say of an import that failed while an environment was made."""
    spec = gym.registry.get(name)
    entry_point = spec.entry_point if spec else None
    if _extra_of(name) is not None:
        return missing_package(name, error)
    if isinstance(entry_point, str) and f"{entry_point}.".startswith(f"{error.name}:"):
        return ValueError(
            f"{name} cannot be made: it is registered as {entry_point!r}, and there is no module "
            f"{error.name!r}."
        )
    if user_place(error) is None:
        return ValueError(f"{name} cannot be made: {' '.join(str(error).split())}")
    return EnvironmentFault(f"{name} cannot be made: {described(error)}.")


def _cause(error: BaseException, kwargs: Mapping[str, Any]) -> str:
    """Return why an environment cannot be made."""
    text = " ".join(str(error).split())
    found = re.match(r"(.*) was raised from the environment creator for ", text)
    if found and "argument" in text and user_place(error) is None:
        given = ", ".join(kwargs) or "none"
        return f"{found[1]}; env_kwargs has: {given}"
    return described(error).rstrip(".")


def _instead(name: str) -> str:
    """Return " Did you mean ...?" with close names that can be made, or what could register it."""
    namespace = name.partition("/")[0]
    if namespace in _REGISTRARS:
        module, package = _REGISTRARS[namespace]
        return f" Run: pip install {package}; then it is {module}:{name}."
    lacks = {close: _lack(close) for close in close_names(name, gym.registry, _TRIED)}
    told = [repr(close) for close, lack in lacks.items() if lack == ""]
    told = told or [f"{close!r}{lack}" for close, lack in lacks.items() if lack is not None]
    if told:
        return f" Did you mean {' or '.join(told[:_TOLD])}?"
    return " If a package or a file registers it: package:Name-v0 or FILE.py:Name-v0."


def _lack(name: str) -> str | None:
    """Return what must be installed before a registered environment can be made; "": nothing.

    None: it cannot be made at all.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gym.make(name, disable_env_checker=True).close()
    except (Exception, SystemExit) as error:
        extra = _extra_of(name)
        if extra is None or not isinstance(error, ImportError | gym.error.DependencyNotInstalled):
            return None
        return f' (after: pip install "gymnasium[{extra}]")'
    return ""
