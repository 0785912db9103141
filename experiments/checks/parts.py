"""`check_part`: what any part promises, tried out; its kind is found by its base class."""

import importlib
import time
from dataclasses import replace
from typing import Any

from threefactor.experiments.checks.agents import check_agent
from threefactor.experiments.checks.environments import Trial
from threefactor.experiments.checks.report import (
    Broken,
    CheckReport,
    CheckResult,
    Promise,
    check_name,
    try_out,
)
from threefactor.experiments.checks.rules.report import DEFAULT_ENGINES, check_rule
from threefactor.experiments.configuration import RunConfig, resolve
from threefactor.experiments.parts.kinds import KINDS
from threefactor.experiments.parts.subjects import find_subject


def check_part(
    part: Any,
    kind: str | None = None,
    engines: tuple[str, ...] = DEFAULT_ENGINES,
    neuron: str | None = None,
) -> CheckReport:
    """Return what holds of the promises that a part of its kind makes.

    Parameters
    ----------
    part : str, type or instance
        A registry name, a Gymnasium id, ``FILE.py:ClassName``, a class (tested at its defaults) or
        a part with settings of its own.
    kind : str, optional
        Key of `KINDS`; needed for a name that several kinds have.
    engines, neuron : optional
        Of the trials of rules, see `check_rule`; other parts are simulated on ``runtime-numpy``,
        if at all.

    Raises
    ------
    ValueError, TypeError
        For an unknown name or kind, a file that cannot be imported, or what is no part.
    """
    kind, subject = find_subject(part, kind)
    if kind == "rule":
        return check_rule(subject, tuple(engines), neuron)
    start = time.perf_counter()
    if kind == "agent":
        return check_agent(_with_agent(subject))
    if kind == "env":
        name = subject if isinstance(subject, str) else subject.id
        results = [try_out(promise, Trial(subject)) for promise in _promises(kind)]
    else:
        name = subject.__name__ if isinstance(subject, type) else type(subject).__name__
        results = _try_settings(kind, subject)
    return CheckReport(kind, name, tuple(results), time.perf_counter() - start)


def _with_agent(agent: Any) -> RunConfig:
    """Return a configuration with an agent and the default parts."""
    config = resolve({"engine": "runtime-numpy"})
    built = agent() if isinstance(agent, type) else agent
    return replace(config, parts={**config.parts, "agent": built})


def _promises(kind: str) -> tuple[Promise, ...]:
    module, _, table = KINDS[kind].checks.partition(":")
    return getattr(importlib.import_module(f"threefactor.experiments.checks.{module}"), table)


def _try_settings(kind: str, subject: Any) -> list[CheckResult]:
    """Return the results of a dataclass part; the contract of its class comes first."""
    part_class = subject if isinstance(subject, type) else type(subject)

    def contract(_: Any) -> str:
        """Be a complete frozen dataclass of its kind."""
        try:
            KINDS[kind].check_class(part_class)
        except (TypeError, ValueError) as error:
            raise Broken(str(error)) from error
        return ""

    results = [try_out(contract, None)]
    if results[0].status == "FAILS":
        return results + [
            CheckResult(check_name(promise), "skipped", "its class is not complete")
            for promise in _promises(kind)
        ]
    part = subject() if isinstance(subject, type) else subject
    return results + [try_out(promise, part) for promise in _promises(kind)]
